"""People: distributions, limits, bands, and the same person in any company."""

from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.science.population import WeightBand, load_population, population_names

MANY = np.arange(20_000)


def test_rheumatoid_arthritis_is_as_frey_reports() -> None:
    people = load_population("ra").draw(MANY, seed=1)
    # Four standard errors of a share of 20,000.
    assert people["female"].mean() == pytest.approx(0.82, abs=4 * np.sqrt(0.82 * 0.18 / MANY.size))
    assert people["smoker"].mean() == pytest.approx(0.18, abs=4 * np.sqrt(0.82 * 0.18 / MANY.size))
    # The median of a log-normal with SD(ln) 0.22 has a standard error of 1.25 * 0.22 * 69 / sqrt(n) = 0.13 kg.
    assert np.median(people["weight"]) == pytest.approx(69, abs=0.54)
    assert people["weight"].min() >= 38
    assert people["weight"].max() <= 150


@pytest.mark.parametrize("name", population_names())
def test_every_population_is_the_same_in_any_company(name: str) -> None:
    population = load_population(name)
    crowd, alone = population.draw(MANY[:1000], seed=7), population.draw([17], seed=7)
    assert all(alone[key][0] == crowd[key][17] for key in crowd)


def test_a_weight_band_is_the_exact_conditional_distribution() -> None:
    heavy = load_population("ra").draw(MANY, seed=1, band=WeightBand.parse(">=100 kg"))["weight"]
    everyone = load_population("ra").draw(np.arange(400_000), seed=2)["weight"]
    assert heavy.min() >= 100
    # About 5 % of 400,000 are that heavy; the difference of two such means has a standard error near 0.08 kg.
    assert heavy.mean() == pytest.approx(everyone[everyone >= 100].mean(), abs=0.35)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("100 kg", "not a weight band"),
        (">=100", "the unit is missing"),
        (">=100 mg/L", "wrong dimension"),
        ("100-60 kg", "the band is empty"),
        ("heavy", "not a weight band"),
    ],
)
def test_a_wrong_band_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WeightBand.parse(text)


def test_nobody_is_that_heavy() -> None:
    with pytest.raises(InputError, match="nobody in this population"):
        load_population("ra").draw([0], seed=1, band=WeightBand(low=400))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[weight]", "[wieght]"), "wieght: no such covariate; .*did you mean 'weight'"),
        (('unit = "kg"', 'unit = "litre"'), r"weight\.unit: the unit has the wrong dimension: 'litre'"),
        (('kind = "share"\nof', 'kind = "normal"\nof'), "line .*, sex"),
        (('grade = "verified"', 'grade = "certain"'), "it should be 'verified'"),
        (("value = 0.82", "value = 1.2"), "less than or equal to 1"),
    ],
)
def test_a_wrong_file_is_said(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    import abate.science.population.covariates as room

    text = room.library_path("populations", "ra.toml").read_text()
    assert change[0] in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(*change))
    with pytest.raises(InputError, match=message) as caught:
        load_population(str(file))
    assert "\n" not in str(caught.value)


def test_people_may_come_from_plausible_populations() -> None:
    from abate.science.model import load
    from abate.science.population import draw, sets

    model = load("il6_blockade/gca")
    numbers = sets(model)
    who = np.arange(2 * numbers.number)
    _, plain = draw(load_population("gca"), model, who, 1)
    _, drawn = draw(load_population("gca"), model, who, 1, numbers=numbers.take(who % numbers.number))
    assert (drawn["disease_om_z"] == numbers.typical["disease_om_z"][who % numbers.number]).all()
    # The same random effect around another centre, and with another spread.
    eta = np.log(plain["disease_tau"] / model.parameters["disease_tau"].value)
    scale = numbers.spread["disease_tau"] / model.parameters["disease_tau"].spread
    expected = numbers.typical["disease_tau"][who % numbers.number] * np.exp(eta * scale[who % numbers.number])
    assert drawn["disease_tau"] == pytest.approx(expected)
    # What no calibration covers is as it was.
    assert (drawn["tocilizumab_CL"] == plain["tocilizumab_CL"]).all()


def test_plausible_sets_are_drawn_without_repeats_and_leave_set_numbers_alone() -> None:
    from abate.science.model import load
    from abate.science.population import sets

    model = load("il6_blockade/pmr")
    some = sets(model, 50, seed=3).typical["disease_om_z"]
    assert np.unique(some).size == 50
    assert (some == sets(model, 50, seed=3).typical["disease_om_z"]).all()
    assert (some != sets(model, 50, seed=4).typical["disease_om_z"]).any()
    assert sets(model, 450).number == 450
    changed = model.with_values({"disease.om_z": 0.5})
    assert "disease_om_z" not in sets(changed).typical
    assert "disease_tau" not in sets(load("il6_blockade/pmr, disease/pmr-relapsed")).typical


def test_a_model_without_an_ensemble_is_refused() -> None:
    from abate.science.model import load
    from abate.science.population import sets

    with pytest.raises(InputError, match="no ensemble of parameter sets for this model: 'sarilumab/ra'"):
        sets(load("sarilumab/ra"))
    with pytest.raises(InputError, match="too few parameter sets"):
        sets(load("il6_blockade/pmr"), 0)
