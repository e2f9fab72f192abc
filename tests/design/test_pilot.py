"""A six-patient series without a control: what it leaves possible, and how sure a trial sized from it is."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from abate.design.assurance import assurance, pilot_request, solve_from_pilot
from abate.design.pilot import PilotChange, PilotResponders, read_pilot
from abate.design.plan import plan
from abate.design.request import request
from abate.ground.errors import InputError

CHANGES = (-20.0, -8.0, -30.0, 2.0, -14.0, -11.0)

SERIES = """subject,visit,measure,value
P1,week 0,pain,8
P1,week 12,pain,5
P2,week 0,pain,7
P2,week 12,pain,4
P3,week 0,pain,9
P3,week 12,pain,6
P4,week 0,pain,8
P4,week 12,pain,7
P5,week 0,pain,7
P5,week 12,pain,6
P6,week 0,pain,8
P6,week 12,pain,7
"""


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "series.csv"
    path.write_text(SERIES)
    return path


def test_six_patients_are_shrunk_by_half_by_default(series: Path) -> None:
    pilot = read_pilot(series)
    assert isinstance(pilot, PilotChange)
    assert pilot.n == 6
    assert pilot.raw == pytest.approx(-2.0)
    assert pilot.shrunk == pytest.approx(-1.0)
    assert pilot.visit == "week 12"


def test_responders_are_counted_at_the_threshold(series: Path) -> None:
    pilot = read_pilot(series, responder=0.3, control=0.2)
    assert isinstance(pilot, PilotResponders)
    assert (pilot.responders, pilot.n) == (3, 6)
    assert pilot.shrunk == pytest.approx((3 + 6 * 0.2) / 12)
    interval = pilot.as_dict()["responders"]
    assert (interval["low"], interval["high"]) == pytest.approx((0.118, 0.882), abs=5e-4)  # the fact base: 12-88 %


def test_the_draws_of_a_change_are_a_shifted_t() -> None:
    pilot = PilotChange(CHANGES, prior_people=6)
    effects, _, weights = pilot.draws()
    scale = pilot.sd / np.sqrt(12)
    assert weights.sum() == pytest.approx(1)
    assert weights @ effects == pytest.approx(pilot.shrunk, rel=1e-9)
    # 80 strata of the variance cut off the far tail of a t with 5 degrees of freedom: 3 % of its variance.
    assert weights @ (effects - pilot.shrunk) ** 2 == pytest.approx(scale**2 * 5 / 3, rel=0.04)
    exact = stats.t.cdf(-pilot.shrunk / scale, 5)
    assert weights @ (effects < 0) == pytest.approx(exact, abs=0.005)


def test_assurance_against_simulated_trials() -> None:
    pilot = PilotChange(CHANGES, prior_people=6)
    made = plan(pilot_request(pilot, request()))
    found = assurance(pilot, made)
    rng = np.random.default_rng(5)
    trials, n = 40_000, made.control
    sd = pilot.sd * np.sqrt(5 / rng.chisquare(5, trials))
    effect = rng.normal(pilot.shrunk, sd / np.sqrt(12))
    z = rng.normal(effect / sd * np.sqrt(n / 2), 1.0)
    # Three standard errors of 40,000 trials, and 0.5 % for the strata of the variance.
    assert found.shrunk == pytest.approx(np.mean(z < -1.959964), abs=3 * 0.5 / np.sqrt(trials) + 0.005)


def test_assurance_of_responders_against_simulated_trials() -> None:
    pilot = PilotResponders(4, 6, 0.25, prior_people=6, control_people=40)
    made = plan(pilot_request(pilot, request()))
    found = assurance(pilot, made)
    rng = np.random.default_rng(6)
    trials, n = 40_000, made.control
    treated = rng.beta(4 + 1.5, 2 + 4.5, trials)
    control = rng.beta(10, 30, trials)
    x, y = rng.binomial(n, control), rng.binomial(n, treated)
    mean = (x + y) / (2 * n)
    z = (y - x) / n / np.sqrt(mean * (1 - mean) * 2 / n)
    # Three standard errors, and 1 % for the normal approximation of the test.
    assert found.shrunk == pytest.approx(np.mean(z > 1.959964), abs=3 * 0.5 / np.sqrt(trials) + 0.01)


def test_assurance_is_below_power_and_levels_off_below_its_ceiling() -> None:
    pilot = PilotResponders(4, 6, 0.25, prior_people=6)
    _, found = solve_from_pilot(pilot, request())
    assert found.shrunk < found.power_at_shrunk < found.power_at_raw
    values = [value for _, value in found.people]
    assert values == sorted(values)
    assert values[-1] < found.ceiling < 1


def test_a_target_of_assurance_is_met_with_looks_too() -> None:
    pilot = PilotChange(CHANGES, prior_people=6)
    made, found = solve_from_pilot(pilot, request(looks={"number": 3}), target=0.8)
    assert found.shrunk == pytest.approx(0.8, abs=0.005)  # people are whole
    assert made.sequential.looks == 3
    assert made.total > plan(pilot_request(pilot, request())).total


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PilotChange((-3.0, -3.0, -3.0)), "shows no variance.*nearest feasible: --effect -3"),
        (lambda: PilotChange((1.0,)), "two people at least"),
        (lambda: PilotResponders(6, 6, 0.2), "shows no variance.*nearest feasible: --prior-people 6"),
        (lambda: PilotResponders(7, 6, 0.2), "not a count"),
        (lambda: PilotResponders(3, 6, 0.0), "not a share"),
        (
            lambda: solve_from_pilot(PilotResponders(1, 6, 0.3, 6), request()),
            "no more than the control's share.*nearest feasible: --control 0.083",
        ),
        (
            lambda: solve_from_pilot(PilotResponders(0, 6, 0.05, 6), request()),
            "no more than the control's share.*nearest feasible: another endpoint",
        ),
        (lambda: request(effect=float("inf"), sd=1.0), "finite number"),
        (lambda: request(control=float("nan"), treatment=0.5), "finite number"),
        (lambda: solve_from_pilot(PilotChange((-1.0, 1.0)), request()), "an effect of zero"),
        (
            lambda: solve_from_pilot(PilotChange(CHANGES, prior_people=6), request(), target=0.99),
            "no size reaches this.*nearest feasible: --assurance 0.9",
        ),
        (lambda: solve_from_pilot(PilotChange(CHANGES), request(layout="crossover")), "assurance is for two arms"),
    ],
)
def test_a_pilot_that_cannot_size_a_trial_says_so(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "pian"}, "did you mean 'pain'"),
        ({"visit": "week 13"}, "did you mean 'week 12'"),
        ({"responder": 0.3}, "share of responders without the drug is needed"),
        ({"responder": 30.0, "control": 0.2}, "not a share of the first value"),
    ],
)
def test_what_the_pilot_does_not_hold_is_said(series: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pilot(series, **options)


def test_questionnaires_are_scored_before_the_change_is_taken() -> None:
    series = Path(__file__).parents[2] / "examples" / "fibromyalgia-series" / "series.csv"
    pilot = read_pilot(series, measure="fiqr")
    assert isinstance(pilot, PilotChange)
    assert pilot.visit == "week 12"
    # The median fall that the series' own report prints is near 20 points; each of the six fell.
    assert len(pilot.changes) == 6
    assert max(pilot.changes) < 0
    with pytest.raises(InputError, match=r"does not hold this measure.*fibromyalgianess.*fiqr.*pain"):
        read_pilot(series, measure="crp")
