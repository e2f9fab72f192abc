"""Target files: every published figure has source and grade, and a wrong file is refused in one line."""

import tomllib
from pathlib import Path

import pytest

from abate.evidence.targets import Reading, Subsystem, Target, load_subsystem, subsystem_names
from abate.ground.errors import InputError
from abate.ground.files import Document, library_path
from abate.ground.schema import read
from abate.trial.protocol import load_trial, trial_names


@pytest.mark.parametrize("name", subsystem_names())
def test_every_figure_has_a_source_and_what_is_unverified_is_not_judged(name: str) -> None:
    found = load_subsystem(name)
    assert found.target or found.contrast or found.listed
    for entry in (*found.target, *found.contrast, *found.listed):
        assert entry.source.strip()
        assert entry.grade in ("verified", "derived", "calibrated", "assumed", "unverified")
    names = [t.name for t in found.target]
    assert len(names) == len(set(names)), "two rows of a subsystem share a name"


def test_every_contrast_names_arms_and_endpoints_of_a_trial() -> None:
    from abate.study.endpoints import ENDPOINTS

    for name in subsystem_names():
        for contrast in load_subsystem(name).contrast:
            trial = load_trial(contrast.trial)
            assert contrast.endpoint in {*ENDPOINTS, *trial.endpoint_rules}
            known = {*trial.arms, *trial.groups}
            assert {contrast.arm, contrast.against or contrast.arm} <= known


def test_every_trial_of_the_fact_base_runs_from_the_library() -> None:
    wanted = {
        "giacta", "giacta-part-2", "gca-villiger", "gca-basel", "gca-guenther", "gca-cantini", "gca-single-centre",
        "gca-weyand", "saphyr", "semaphore", "pmr-spare", "tenor", "pmr-lally", "pmr-japan", "pmr-natural-history",
        "fibromyalgia-series",
    }  # fmt: skip
    assert wanted <= set(trial_names())


def test_what_must_show_has_its_rows() -> None:
    adrenal = " ".join(t.name + t.source for t in load_subsystem("adrenal").target)
    for word in ("Pariante", "Graber", "Hansen", "Borresen"):
        assert word in adrenal
    disease = [c.name for c in load_subsystem("disease").contrast]
    assert any("normal at a flare on tocilizumab" in name for name in disease)
    assert any("normal at a flare on placebo" in name for name in disease)


def document(text: str) -> Document:
    return Document("mine.toml", tomllib.loads(text))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('read = { quantity = "C", how = "when", level = 5 }', "write of"),
        ('read = { quantity = "C", how = "first-above" }', "needs a level"),
        ('read = { quantity = "C", statistic = "share-above" }', "needs a limit"),
        ('read = { quantity = "C" }\nwithin = 0.1', "a tolerance needs its reason"),
        ('read = { quantty = "C" }', "did you mean 'quantity'"),
    ],
)
def test_a_wrong_target_is_refused(line: str, message: str) -> None:
    head = 'title = "t"\n[[target]]\nname = "x"\npublished = 1\nsource = "s"\ngrade = "verified"\ncalibrated = false\n'
    with pytest.raises(InputError, match=message):
        read(Subsystem, document(head + line))


def test_an_unknown_subsystem_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'adrenal'"):
        load_subsystem("adrenel")


def test_values_keep_their_defaults() -> None:
    made = Target(
        name="x", published=1.0, source="s", grade="derived", calibrated=False, read=Reading(quantity="C"), judged=False
    )
    assert (made.read.how, made.read.statistic, made.bound) == ("at", "mean", "")


def test_no_number_of_a_target_hides_in_python() -> None:
    # Sources of the fact base belong into the library's files alone.
    for path in (library_path("targets").parents[1] / "evidence").rglob("*.py"):
        text = Path(path).read_text(encoding="utf-8")
        for author in ("Pariante", "Borresen", "Hansen", "Zhang 2013", "Salvarani"):
            assert author not in text, path


def test_a_figure_is_called_calibrated_when_a_calibration_uses_it() -> None:
    from abate.evidence.calibration.plan import calibrations, load_plan

    used = {(t.trial, t.arm, t.endpoint): t.used for name in calibrations() for t in load_plan(name).targets}
    for name in trial_names():
        for row in load_trial(name).published:
            place = (name, row.arm, row.endpoint)
            if place in used:
                assert row.calibrated == used[place], place
