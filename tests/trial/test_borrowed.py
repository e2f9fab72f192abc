"""What a trial borrows is said in its Study; infections and plausible numbers reach its people."""

from __future__ import annotations

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.trial.borrowed import borrowed
from abate.trial.protocol import load_trial
from abate.trial.settings import apply
from abate.trial.setup import prepare
from abate.trial.simulate import course_of, simulate

WHO = np.arange(64)


def test_a_study_says_that_sarilumab_borrows(tmp_path):
    trial = apply(load_trial("saphyr"), {"weeks": "4"})
    said = simulate(trial, tmp_path / "s", patients=2).meta["not_validated"]
    assert any("Sarilumab's kinetics are those of rheumatoid arthritis" in sentence for sentence in said)


def test_only_what_is_used_is_said():
    assert not any("Sarilumab" in sentence for sentence in borrowed(load_trial("giacta")))
    assert any("kinetics are those of giant cell" in sentence for sentence in borrowed(load_trial("pmr-spare")))


@pytest.fixture(scope="module")
def spare():
    return apply(load_trial("pmr-spare"), {"weeks": "12"})


def test_infections_raise_crp_without_a_flare_unless_the_receptor_is_blocked(spare):
    quiet, often = (apply(spare, {"disease.infection_rate": rate}) for rate in ("0 1/year", "12 1/year"))
    raised = {}
    for arm in ("placebo", "tocilizumab"):
        calm, ill = (course_of(prepare(t, outputs=("crp",)), arm, WHO, 1).courses["crp"] for t in (quiet, often))
        # From week 8, when the drug is level; symptoms know nothing of an infection, so doses are the same in both.
        raised[arm] = float((ill[:, 56:] - calm[:, 56:]).mean())
    assert raised["placebo"] > 5
    assert raised["tocilizumab"] < 0.2 * raised["placebo"]


def test_people_of_an_uncertain_trial_come_from_plausible_sets(spare):
    uncertain = apply(spare, {"uncertainty": "ensemble"})
    setup = prepare(uncertain, outputs=())
    own = setup.numbers("placebo", WHO)
    assert np.unique(own.typical["disease_om_z"]).size == WHO.size
    sizes = dict.fromkeys(spare.arms, 16)
    replicated = prepare(uncertain, outputs=(), replicates=sizes)
    drawn = replicated.numbers("tocilizumab", WHO).typical["disease_a"]
    # A replicate has one set, the same in every arm.
    assert np.unique(drawn).size == 4
    assert (drawn == replicated.numbers("placebo", WHO).typical["disease_a"]).all()
    best, spread = (course_of(prepare(t, outputs=()), "placebo", WHO, 1) for t in (spare, uncertain))
    assert (best.courses["symptoms"] != spread.courses["symptoms"]).any()
    again = course_of(setup, "placebo", WHO[17:20], 1)
    assert (again.courses["symptoms"] == spread.courses["symptoms"][17:20]).all()


def test_a_number_that_somebody_set_has_no_uncertainty(spare):
    fixed = apply(spare, {"uncertainty": "ensemble", "disease.om_z": "0.4"})
    assert "disease_om_z" not in prepare(fixed, outputs=()).sets.typical


def test_uncertainty_is_none_or_ensemble(spare):
    with pytest.raises(InputError, match=r"uncertainty.*'some'"):
        apply(spare, {"uncertainty": "some"})
