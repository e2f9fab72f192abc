"""The posterior of one person, against plain importance sampling, known answers and itself."""

from __future__ import annotations

import numpy as np
import pytest

from abate.engine.ensemble import Dose
from abate.ground.errors import InputError
from abate.inference import branch, fit_person
from abate.inference.patient import parse_patient
from abate.inference.person import weighted_quantiles
from abate.inference.prior import Prior
from abate.inference.seen import read_seen
from abate.science.model import load
from abate.science.population import load_population

LEVELS = """day,kind,name,value,unit,every,until
0,dose,tocilizumab,162,mg,7,27
14,measurement,drug-level,9.1,ug/mL,,
28,measurement,drug-level,<8,ug/mL,,
"""


@pytest.fixture(scope="module")
def levels():
    return fit_person("tocilizumab/ra", parse_patient(LEVELS), people=512, seed=1)


def test_agrees_with_plain_importance_sampling_from_the_prior(levels):
    patient, model = parse_patient(LEVELS), load("tocilizumab/ra")
    prior = Prior(model, patient, read_seen(patient, model), load_population("ra"), seed=9)
    who = np.arange(8192)
    numbers, covariates = prior.draw(who), prior.covariates(who)
    likelihood = prior.seen.log_likelihood(prior.course(numbers, covariates))
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    plain = prior.parameters(numbers, covariates)
    for name in levels.effects:
        expected = np.sum(weights * np.log(plain[name]))
        sd = np.sqrt(np.sum(weights * (np.log(plain[name]) - expected) ** 2))
        got = np.sum(levels.weights * np.log(levels.parameters[name]))
        # 512 people with about 480 effective: the mean has a standard error of sd/22; plain sampling a third of that
        assert abs(got - expected) < 4 * sd / 20
        spread = np.sqrt(np.sum(levels.weights * (np.log(levels.parameters[name]) - got) ** 2))
        # standard error of a standard deviation from 480 people: 3.2 %; four of them
        assert spread == pytest.approx(sd, rel=0.15)


def test_is_a_weighted_ensemble_with_its_most_probable_person(levels):
    assert levels.weights.sum() == pytest.approx(1)
    assert 300 < levels.ess <= 512
    assert levels.warnings == ()
    assert levels.day == 28
    estimate = levels.estimates()["CL"]
    assert estimate.low < levels.map["CL"] < estimate.high


def test_same_seed_same_people(levels):
    again = fit_person("tocilizumab/ra", parse_patient(LEVELS), people=512, seed=1)
    assert np.array_equal(again.parameters["CL"], levels.parameters["CL"])
    assert np.array_equal(again.weights, levels.weights)


def test_people_go_on_from_the_day_they_have_reached(levels):
    run = levels.run(["C"], until=56)
    assert run.time == 28
    one, other = branch(run), branch(run)
    with_dose = one.advance(35, [Dose(28.0, "tocilizumab", "sc", 162.0)])["C"][0]
    without = other.advance(35)["C"][0]
    assert (with_dose > without).all()
    assert run.time == 28


def test_equal_weights_keep_the_median(levels):
    equal = levels.resampled(512)
    before = levels.quantiles(levels.parameters["CL"], [0.5])[0]
    # systematic resampling moves a quantile by about one rank in 512
    assert np.median(equal.parameters["CL"]) == pytest.approx(before, rel=0.05)
    assert np.allclose(equal.weights, 1 / 512)


def test_a_value_that_nobody_of_the_prior_shows_is_a_warning():
    text = LEVELS.replace("9.1", "900")
    warnings = fit_person("tocilizumab/ra", parse_patient(text), people=64, seed=1).warnings
    assert any(w.startswith("the prior cannot explain drug-level 900 on day 14") for w in warnings)


def test_known_covariates_and_parameters_are_held():
    text = LEVELS + "0,covariate,female,1,,,\n0,parameter,V1,3.0,L,,\n"
    found = fit_person("tocilizumab/ra", parse_patient(text), people=64, seed=1)
    assert "V1" not in found.effects
    assert np.all(found.parameters["V1"] == 3.0)


def test_weekly_noise_is_lived_again():
    text = (
        "day,kind,name,value,unit,every,until\n0,dose,prednisone,20,mg,1,27\n"
        "14,measurement,symptom-score,6,point,,\n28,measurement,symptom-score,14,point,,\n"
    )
    found = fit_person("il6_blockade/pmr", parse_patient(text), people=96, seed=2)
    assert found.noise["z"].shape == (4, 96)
    run = found.run(["symptoms"], until=60)
    now = run.advance(28.0)["symptoms"][0]
    # the same people, taken to day 28 in one go and then stepped on: equal to the tolerance of the solver
    assert now == pytest.approx(found.fitted[1], rel=2e-3)
    later = branch(run).advance(56)["symptoms"]
    assert np.array_equal(later, branch(run).advance(56)["symptoms"])
    assert np.isfinite(later).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("5,measurement,crp,4,mg/L,,", "row 5, name: tocilizumab/ra shows no such measure: 'crp'; allowed: drug-level"),
        ("5,measurement,drug-level,0,ug/mL,,", "row 5, value: a level cannot be 0.*write the limit it lay below"),
        ("5,measurement,drug-level,4,,,", "row 5, unit: the unit of drug-level is missing"),
        ("5,measurement,drug-level,4,mm/hour,,", "row 5, unit: the unit has the wrong dimension"),
        ("5,covariate,wieght,4,,,", "no such covariate: 'wieght'.*did you mean 'weight'"),
        ("5,parameter,CLL,4,,,", "there is no such parameter: 'CLL'"),
        ("5,dose,prednisone,4,mg,,", "the model takes no such dose: 'prednisone oral'"),
    ],
)
def test_what_the_model_does_not_know_is_refused(row, message):
    with pytest.raises(InputError, match=message):
        fit_person("tocilizumab/ra", parse_patient(LEVELS + row + "\n", where="p.csv"), people=16)


def test_scores_of_zero_and_ends_of_scales_are_censored():
    text = "day,kind,name,value,unit\n3,measurement,pain,0,point\n9,measurement,pain,10,point\n"
    patient = parse_patient(text)
    seen = read_seen(patient, load("il6_blockade/pmr"))
    assert [(m.censored, m.value) for m in seen.measurements] == [("<", 0.5), (">", 10.0)]
    course = {"u": np.array([[0.01, 1.0], [4.0, 0.1]])}
    assert np.exp(seen.log_likelihood(course)) == pytest.approx([1.0, 0.0], abs=1e-6)


def test_measures_that_share_an_error_count_once():
    text = "day,kind,name,value,unit\n3,measurement,pain,4,point\n3,measurement,symptom-score,12,point\n"
    seen = read_seen(parse_patient(text), load("il6_blockade/pmr"))
    assert len(seen) == 1
    assert "shares its error" in seen.notes[0]


def test_weighted_quantiles_of_equal_weights_are_those_of_the_sample():
    values = np.arange(1.0, 102.0)
    assert weighted_quantiles(values, np.full(101, 1 / 101), [0.5])[0] == pytest.approx(51)


def test_a_level_is_that_of_the_antibody_in_the_doses():
    text = "day,kind,name,value,unit,every,until\n0,dose,{},mg,14,27\n28,measurement,drug-level,20,ug/mL,,\n"
    model = load("il6_blockade/pmr")
    course = {"C": np.array([[20.0]]), "C_sarilumab": np.array([[5.0]])}
    for dose, output, noise in (("tocilizumab,162", "C", 0.22), ("sarilumab,200", "C_sarilumab", 0.628)):
        seen = read_seen(parse_patient(text.format(dose)), model)
        assert seen.outputs == (output,)
        assert seen.predict(course)[0, 0] == course[output][0, 0]
        assert seen.spread(course)[0, 0] == pytest.approx(noise)  # as the library has it


def test_a_model_of_one_antibody_knows_its_level():
    text = "day,kind,name,value,unit,every,until\n0,dose,sarilumab,200,mg,14,27\n28,measurement,drug-level,8,ug/mL,,\n"
    found = fit_person("sarilumab/ra", parse_patient(text), people=128, seed=1)
    plain = found.quantiles(found.prior["CL"], [0.5])[0]
    assert found.warnings == ()
    assert 0.3 * plain < found.estimates()["CL"].estimate < 3 * plain


@pytest.mark.parametrize(
    ("doses", "message"),
    [
        ("", "row 2, name: no dose names the antibody whose level this is: 'drug-level'; allowed: tocilizumab-level, "
         "sarilumab-level; add its doses"),
        ("0,dose,tocilizumab,0,mg,,\n", "no dose names the antibody whose level this is"),
        ("0,dose,tocilizumab,162,mg,,\n7,dose,sarilumab,200,mg,,\n", "row 4, name: the doses name more than one "
         "antibody: whose level is it: 'drug-level'; allowed: tocilizumab-level, sarilumab-level"),
    ],
)  # fmt: skip
def test_a_level_without_one_antibody_is_refused_until_it_is_named(doses, message):
    text = f"day,kind,name,value,unit,every,until\n{doses}14,measurement,drug-level,8,ug/mL,,\n"
    model = load("il6_blockade/pmr")
    with pytest.raises(InputError, match=message):
        read_seen(parse_patient(text, where="p.csv"), model)
    named = text.replace("drug-level", "sarilumab-level")
    assert read_seen(parse_patient(named), model).outputs == ("C_sarilumab",)
    assert read_seen(parse_patient(text.replace("drug-level", "tocilizumab-level")), model).outputs == ("C",)
