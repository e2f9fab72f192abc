"""Trial files: the published design reads as published, and what is wrong is said in a line."""

from pathlib import Path

import pytest

from abate.ground.errors import InputError
from abate.ground.files import library_path
from abate.science.policy import load_policy
from abate.trial.notes import notes
from abate.trial.protocol import load_trial, trial_names
from abate.trial.settings import apply

GIACTA = library_path("trials", "giacta.yaml").read_text(encoding="utf-8")


def test_giacta_is_the_published_design() -> None:
    trial = load_trial("giacta")
    assert {slug: arm.patients for slug, arm in trial.arms.items()} == {
        "tocilizumab-weekly": 100,
        "tocilizumab-fortnightly": 49,
        "placebo-26": 50,
        "placebo-52": 51,
    }
    assert trial.days == 364
    assert trial.visit_days[:3] == (0, 14, 28)
    assert trial.visit_days[-1] == 364


@pytest.mark.parametrize("name", trial_names())
def test_every_trial_of_the_library_loads(name: str) -> None:
    assert load_trial(name).arms


WRONG = [
    ("weeks: 52", "weeks: 0", r"line \d+, weeks: it should be greater than 0: 0"),
    ("    taper: giacta-52", "    taper: giacta-53", "giacta-53"),
    ("    patients: 50\n", "    patients: 0\n", r"arms\.placebo-26\.patients: it should be greater than 0: 0"),
    ("    patients: 50\n", "    patient: 50\n", r"no such key; .*did you mean 'patients'"),
    ("tocilizumab 162 mg sc every week", "tocilizumap 162 mg sc every week", "did you mean 'tocilizumab'"),
    ("tocilizumab 162 mg sc every week", "tocilizumab 162 sc every week", r"drugs\[0\].*unit"),
    ("tocilizumab 162 mg sc every week", "tocilizumab 162 mg mg sc every week", r"drugs\[0\].*(twice|unit)"),
    ("    mg: [60,", "    mg: [-60,", "a dose is negative"),
    ("    share: [0.20,", "    share: [0.30,", "add up to 1.1"),
    ("visits: every 2 weeks", "visits: [0, 4, 4, 8]", "weeks overlap"),
    ("visits: every 2 weeks", "visits: sometimes", "not a visit schedule"),
    ("reference: placebo-26", "reference: placebo-27", r"did you mean 'placebo-26' or 'placebo-52'\?"),
    ("  unit: 1/year", "  unit: 1/yaer", r"mine.yaml, line \d+, dropout.unit: the unit is not known: '1/yaer'"),
    (
        "  unit: 1/year",
        "  unit: mg",
        r"mine.yaml, line \d+, dropout.unit: .*wrong dimension: 'mg'; allowed: a unit that",
    ),
    (
        "disease: gca",
        "disease: gout",
        r"mine.yaml, line \d+, disease: the library has no model of this disease: 'gout'; "
        "allowed: gca, pmr",
    ),
    ("disease: gca", "disease: gcaa", "did you mean 'gca'"),
    (
        "measures: [symptom-score, crp, esr, il6, drug-level, morning-cortisol]",
        "measures: symptom-score",
        r"line \d+, measures: here should stand a list, as in \[a, b\]",
    ),
    ("weeks: 52", "weeks: a year", "weeks: here should stand a whole number: 'a year'"),
    ("  rate: 0.30", "  rate: fast", r"dropout.rate: here should stand a number: 'fast'"),
    ("  unit: 1/year\n", "", "dropout: the key 'unit' is missing"),
    ("  - sustained-remission\n", "  - sustained-remision\n", "did you mean 'sustained-remission'"),
    ("population: gca", "population: gcaa", "no such population"),
    ("tocilizumab 162 mg sc every week", "tocilizumab 162 mg every week", r"drugs\[0\].*the route is missing"),
    ("  rate: 0.30", "  rate: .inf", r"dropout\.rate"),
    ("events: 7, n: 50", "events: 70, n: 50", "70 events of 50 people"),
    ("policy: giacta", "policy: giakta", r"line \d+, policy: .*did you mean 'giacta'"),
    ("    taper: giacta-52", "    taper: giacta-53", r"line \d+, arms\.placebo-52\.taper"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GIACTA
    file = tmp_path / "mine.yaml"
    file.write_text(GIACTA.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        load_trial(file)
    assert "\n" not in str(caught.value)


def test_a_trial_without_arms_is_refused(tmp_path: Path) -> None:
    start, end = GIACTA.index("arms:\n"), GIACTA.index("reference:")
    file = tmp_path / "mine.yaml"
    file.write_text(GIACTA[:start] + "arms: {}\n" + GIACTA[end:])
    with pytest.raises(InputError, match="a trial needs an arm"):
        load_trial(file)


def test_settings_change_parameters_and_keys() -> None:
    trial = apply(load_trial("giacta"), {"arms.placebo-26.patients": "7", "tocilizumab.CL": "10 mL/hour"})
    assert trial.arms["placebo-26"].patients == 7
    assert trial.parameters == {"tocilizumab_CL": "10 mL/hour"}
    # A module may bear the name of a key.
    assert apply(trial, {"disease.a": "0.9"}).parameters["disease_a"] == "0.9"
    assert apply(trial, {"disease.a": "0.9"}).disease == "gca"


def test_published_figures_of_another_length_are_left_out() -> None:
    trial = load_trial("giacta")
    assert apply(trial, {"weeks": "8"}).published == ()
    assert apply(trial, {"weeks": "52"}).published == trial.published != ()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"tocilizumab.CLL": "1"}, r"did you mean 'tocilizumab\.CL'"),
        ({"tocilizumab.CL": "1 mg"}, "wrong dimension: 'mg'"),
        ({"tocilizumab.CL": "1 L/day L/day"}, "the unit is given twice"),
        ({"tocilizumab.CL": "fast"}, "not a number: 'fast'"),
        ({"tocilizumab.CL": "-0.2 L/day"}, "out of range: -0.2; allowed: more than 0 L/day"),
        ({"drop_out": "0.1"}, "a trial does not read this number"),
        ({"disease.a": "1.2"}, "more than 0 and less than 1"),
        ({"arms.placebo-26.patient": "7"}, "did you mean 'patients'"),
        ({"weeks": "-3"}, "greater than 0: -3"),
    ],
)
def test_wrong_settings_are_said(setting: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        apply(load_trial("giacta"), setting)


def test_a_taper_is_found_beside_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "own.yaml").write_text(library_path("tapers", "giacta-26.yaml").read_text(encoding="utf-8"))
    (folder / "mine.yaml").write_text(GIACTA.replace("    taper: giacta-52", "    taper: own.yaml"))
    monkeypatch.chdir(tmp_path)
    assert load_trial("study/mine.yaml").arms["placebo-52"].taper == "study/own.yaml"


@pytest.mark.parametrize(
    ("disease", "drugs", "model"),
    [
        ("gca", [], "il6_blockade/gca"),
        ("ra", ["tocilizumab 162 mg sc every week"], "rheumatoid_arthritis/frey"),
        ("ra", ["sarilumab 200 mg sc every 2 weeks"], "rheumatoid_arthritis_sarilumab/ma"),
        ("fibromyalgia", ["sarilumab 200 mg sc every 2 weeks"], "fibromyalgia/hypothesis"),
    ],
)
def test_every_disease_of_the_library_has_a_model_without_naming_one(disease, drugs, model):
    arms = {"one": {"label": "One", "patients": 8, "drugs": drugs, "taper": "none"}}
    keys = {"disease": disease, "arms": arms, "groups": {}, "published": (), "reference": None}
    assert load_trial("giacta", changes=keys).model_name == model


def test_a_policy_that_calls_no_flare_is_told_where_flares_are_counted():
    trial = load_trial("giacta", changes={"policy": "gca-sarilumab-safety"})
    said = notes(trial, {trial.policy: load_policy(trial.policy)})
    assert "The policy gca-sarilumab-safety calls no flare: endpoints about it count none." in said
    assert "The policy gca-sarilumab-safety calls no remission: endpoints about it count none." in said
    plain = load_trial("giacta")
    assert not any("calls no" in line for line in notes(plain, {plain.policy: load_policy(plain.policy)}))
