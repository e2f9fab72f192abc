"""Exposure against the label and against arithmetic, and the errors of its options."""

import numpy as np
import pytest

from abate.evidence.exposure import exposure, summary
from abate.ground.errors import InputError
from abate.science.model import load


def test_the_label_of_4_mg_per_kg() -> None:
    found = summary(exposure("4 mg/kg iv every 4 weeks", patients=2000, seed=5, doses=8))
    label = {"cmax": (88.3, 41.4, 1.02), "cmin": (1.49, 2.13, 1.96), "auc": (13_000, 5_800, 1.11)}
    # The gates of the fact base: means within 10 % (trough 20 %), SDs within 30 %, accumulation within 7 %.
    for name, (mean, sd, accumulation) in label.items():
        assert found[name]["mean"] == pytest.approx(mean, rel=0.2 if name == "cmin" else 0.1)
        assert found[name]["sd"] == pytest.approx(sd, rel=0.3)
        assert found[name]["accumulation"] == pytest.approx(accumulation, rel=0.07)


def test_area_equals_dose_over_clearance_when_nothing_saturates() -> None:
    linear = load("tocilizumab/ra").with_values({"VM": 0.0})
    made = exposure("280 mg iv every 4 weeks", model=linear, patients=16, seed=1, doses=40)
    from abate.science.population import draw, load_population

    _, people = draw(load_population("ra"), linear, np.arange(16), 1)
    # 40 doses of four weeks leave exp(-40 * 28 * 0.01) of the first transient in the slowest person; AUC is in ug*h/mL.
    np.testing.assert_allclose(made.auc[1], 24 * 280 / people["CL"], rtol=2e-3)


def test_the_cap_of_the_label_holds_for_the_heavy() -> None:
    heavy = exposure("8 mg/kg iv every 4 weeks", patients=16, seed=1, weight=">=110 kg", doses=1)
    capped = exposure("800 mg iv every 4 weeks", patients=16, seed=1, weight=">=110 kg", doses=1)
    np.testing.assert_array_equal(heavy.cmax, capped.cmax)


def test_the_number_of_doses_reaches_24_weeks() -> None:
    assert exposure("162 mg sc every week", patients=16).doses == 24
    assert exposure("4 mg/kg iv every 4 weeks", patients=16).doses == 8


@pytest.mark.parametrize(
    ("dose", "message"),
    [
        ("4 mg/kg iv", "every"),
        ("4 mg/kg oral every 4 weeks", "oral"),
        ("prednisone 5 mg every morning", "tocilizumab/ra has no such dose"),
        ("-4 mg/kg iv every 4 weeks", "-4"),
        ("4 iv every 4 weeks", "unit"),
        ("4 mg/kg every 4 weeks", "the route is missing: .*allowed: sc, iv"),
        ("0 mg sc every week", "exposure needs a dose"),
        ("4 mg/kg iv every 0.5 hours", "infusion outlasts the interval|0.5"),
    ],
)
def test_a_wrong_dose_is_said(dose: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        exposure(dose, patients=16)
    assert "\n" not in str(caught.value)


def test_no_people_and_no_doses_are_refused() -> None:
    with pytest.raises(InputError, match="a population needs people"):
        exposure("4 mg/kg iv every 4 weeks", patients=0)
    with pytest.raises(InputError, match="at least one dose"):
        exposure("4 mg/kg iv every 4 weeks", patients=16, doses=0)


def test_sarilumab_lies_where_the_label_and_its_study_say() -> None:
    found = summary(exposure("200 mg sc every 2 weeks", model="sarilumab/ra", patients=1000, seed=1))
    # Published means at weeks 10-12 (PMC5935610): AUC 405 (syringe) to 455 (pen) mg*d/L; 15 % for weights not reported.
    assert 0.85 * 405 <= found["auc"]["mean"] / 24 <= 1.15 * 455
