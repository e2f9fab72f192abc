"""Tocilizumab against the typical-value vectors of Frey 2010 and of the arteritis set (two implementations agree)."""

from __future__ import annotations

import numpy as np
import pytest

from abate.science.model import individual_values, load, variability

# One per cent: the vectors are printed with three to five digits and their AUC comes from another quadrature.
ONE_PER_CENT = 0.01

INFUSION = 1 / 24


def intervals(times, concentration, starts, length):
    """Cmax, Cmin and AUC (ug*h/mL) of dosing intervals."""
    rows = []
    for start in starts:
        here = (times >= start) & (times <= start + length + 1e-9)
        area = np.trapezoid(concentration[here], times[here]) * 24
        rows.append((concentration[here].max(), concentration[here][-1], area))
    return rows


@pytest.mark.parametrize(
    ("female", "mg", "last", "first"),
    [
        (1, 280, (80.7, 0.93, 12654), (79.7, 0.62, 11515)),
        (0, 280, (80.4, 0.73, 11415), (79.7, 0.52, 10562)),
        (1, 420, (123.3, 3.68, 22907), (119.6, 1.68, 19713)),
    ],
)
def test_infusions_every_four_weeks(person, dose, female, mg, last, first):
    model = load("tocilizumab/ra")
    clearance = individual_values(model, {"female": [female]}, {})["CL"][0]
    # Fine where the course bends (a day after the infusion), coarse later: trapezoids err by less than 0.2 %.
    day = np.concatenate([[0, INFUSION / 2], np.linspace(INFUSION, 1, 12), np.arange(1.25, 28, 0.25)])
    middle = np.arange(28, 308, 28.0)
    times = np.unique(np.concatenate([day, middle, 308 + day, [336.0]]))
    events = dose(model, "tocilizumab", "iv", mg, [28.0 * i for i in range(12)], hours=1)
    course = person(model, {"CL": clearance}).course(times, events)
    one, twelve = intervals(times, course["C"], [0, 308], 28)
    # The troughs are printed with two digits.
    assert twelve == pytest.approx(last, rel=ONE_PER_CENT)
    assert one == pytest.approx(first, rel=ONE_PER_CENT)


@pytest.mark.parametrize(("every", "expected"), [(7, (71.7, 67.1, 70.1)), (14, (20.4, 12.0, 17.3))])
def test_subcutaneous_steady_state_in_arteritis(person, dose, every, expected):
    model = load("tocilizumab/gca")
    start = 40 * every
    times = np.concatenate([[0.0], np.arange(start, start + every + 0.01, every / 56)])
    events = dose(model, "tocilizumab", "sc", 162, [float(every * i) for i in range(41)])
    course = person(model).course(times, events)["C"][1:]
    found = course.max(), course.min(), np.trapezoid(course, times[1:]) / every
    assert found == pytest.approx(expected, rel=ONE_PER_CENT)


@pytest.mark.parametrize(
    ("entry", "female", "halves"),
    [
        ("tocilizumab/ra", 0, {1: 1.9, 5: 3.5, 10: 5.0, 20: 7.0, 50: 10.0, 100: 11.9}),
        ("tocilizumab/ra", 1, {1: 2.0, 5: 3.6, 10: 5.3, 20: 7.6, 50: 11.3, 100: 13.7}),
        ("tocilizumab/gca", None, {1: 2.4, 5: 4.6, 10: 6.9, 20: 10.5, 50: 17.1, 100: 22.1}),
    ],
)
def test_half_life_by_concentration(entry, female, halves):
    model = load(entry)
    covariates = {} if female is None else {"female": [female]}
    p = {name: values[0] for name, values in individual_values(model, covariates, {}).items()}
    for concentration, expected in halves.items():
        found = np.log(2) * (p["V1"] + p["V2"]) / (p["CL"] + p["VM"] / (p["KM"] + concentration))
        # Printed with one decimal, from intermediate values that were rounded too.
        assert found == pytest.approx(expected, abs=0.06)


def test_variability_is_that_of_the_paper():
    effects = variability(load("tocilizumab/ra"))
    assert effects.names == ("CL", "V1", "V2", "VM")
    expected = [
        [0.1416, 0.0809, -0.0226, -0.0952],
        [0.0809, 0.1284, 0.1077, 0.0363],
        [-0.0226, 0.1077, 0.3614, 0.0609],
        [-0.0952, 0.0363, 0.0609, 0.2562],
    ]
    # Printed with four decimals; the roots in the library have four digits.
    assert effects.covariance == pytest.approx(np.array(expected), abs=1e-4)
    assert np.linalg.eigvalsh(effects.covariance)[0] == pytest.approx(0.0053, abs=5e-5)


def test_covariates_of_the_paper():
    model = load("tocilizumab/ra")
    person = {"bsa": 2.1, "female": 1, "hdl": 40, "rf": 20, "tpro": 70, "alb": 30, "crcl": 80, "smoker": 1}
    found = individual_values(model, {k: [v] for k, v in person.items()}, {})
    assert found["CL"][0] == pytest.approx(
        0.3 * (2.1 / 1.8) ** 0.7 * 0.84 * (40 / 54) ** -0.2 * (np.log(20) / 4.7) ** 0.1, rel=1e-12
    )
    assert found["V1"][0] == pytest.approx(3.5 * (70 / 74) ** -1.1 * (30 / 38) ** 0.7, rel=1e-12)
    assert found["VM"][0] == pytest.approx(7.5 * (30 / 38) ** -0.4 * (80 / 106) ** 0.2 * 1.11, rel=1e-12)


def test_a_seronegative_person_has_a_clearance():
    found = individual_values(load("tocilizumab/ra"), {"rf": [0.0, 1.0, 2.0]}, {})["CL"]
    assert np.all(found > 0)
    assert found[0] == found[2]


def test_random_effects_are_correlated_and_do_not_depend_on_company():
    model = load("tocilizumab/ra")
    rng = np.random.default_rng(3)
    draws = {name: rng.standard_normal(4000) for name in ("CL", "V1", "V2", "VM")}
    everyone = individual_values(model, {}, draws)
    logs = np.log([everyone[name] for name in ("CL", "V1", "V2", "VM")])
    # Sampling error of a correlation of 4,000 people: 0.016; five of them.
    assert np.corrcoef(logs)[0, 1] == pytest.approx(0.6, abs=0.08)
    assert np.corrcoef(logs)[0, 3] == pytest.approx(-0.5, abs=0.08)
    alone = individual_values(model, {}, {name: values[17:18] for name, values in draws.items()})
    assert all(alone[name][0] == everyone[name][17] for name in ("CL", "V1", "V2", "VM"))


def test_the_antibody_is_conserved(person, dose):
    model = load("tocilizumab/ra")
    times = np.linspace(0, 14, 1401)
    course = person(model).course(times, dose(model, "tocilizumab", "sc", 162, [0.0]))
    p = {name: parameter.value for name, parameter in model.parameters.items()}
    C = course["C"]
    gone = np.trapezoid(p["CL"] * C + p["VM"] * C / (p["KM"] + C), times)
    left = course["depot"][-1] + course["central"][-1] + course["peripheral"][-1]
    # Trapezoids on a hundredth of a day.
    assert gone + left == pytest.approx(162 * p["F"], rel=1e-4)
    assert min(course[state].min() for state in model.states) >= 0
