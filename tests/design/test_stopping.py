"""Inference after an early stop, against rpact's stored results and against simulated trials.

rpact (Wassmer & Pahlke): ``tests/testthat/test-f_analysis_base_survival.R``, file dated 24 February 2022; hazard ratios
there are ``exp(z * 2 / sqrt(events))``, so that a drift is a log hazard ratio times ``sqrt(events) / 2``.
"""

import math

import numpy as np
import pytest

from abate.design.boundary import Boundary
from abate.design.sequential import Futility, SequentialDesign, equal_looks, group_sequential
from abate.design.spending import Spending
from abate.design.stopping import after, at_boundaries, read_stopped, repeated_p, stage_wise
from abate.ground.errors import InputError


def hazard_ratios(one: object, events: int) -> list[float]:
    scale = 2 / math.sqrt(events)
    return [math.exp(scale * value) for value in (one.estimate, one.low, one.high)]  # type: ignore[attr-defined]


def wang_tsiatis(shares: list[float], *, binding: bool) -> SequentialDesign:
    futility = Futility(bounds=(0.0,) * (len(shares) - 1), binding=binding)
    return group_sequential(shares, Boundary("wang-tsiatis", 0.25), alpha=0.025, power=0.8, sided=1, futility=futility)


# rpact prints 8 significant digits and iterates to 1e-7 and, for its roots, to about 1e-6.
DIGITS = 5e-6
OF_A_ROOT = 1e-6  # its repeated p are roots found to about 1e-6


def test_rpact_two_looks_with_binding_futility() -> None:
    design = wang_tsiatis([0.4, 1.0], binding=True)
    first, last = after(design, 1, 1.92), after(design, 2, 2.1)
    assert (first.decision, last.decision) == ("goes on", "efficacy")
    assert math.isnan(first.p)
    assert last.p == pytest.approx(0.021122043, rel=DIGITS)
    assert hazard_ratios(last.drift, 20) == pytest.approx([2.5476534, 1.0341796, 6.2409205], rel=DIGITS)
    assert hazard_ratios(first.repeated, 20)[1:] == pytest.approx([0.65051922, 23.22605], rel=DIGITS)
    assert hazard_ratios(last.repeated, 20)[1:] == pytest.approx([1.04083, 6.2857086], rel=DIGITS)
    assert [first.repeated_p, last.repeated_p] == pytest.approx([0.074184316, 0.019962317], abs=OF_A_ROOT)


def test_rpact_three_looks_with_futility_that_need_not_be_heeded() -> None:
    design = wang_tsiatis([0.2, 0.4, 1.0], binding=False)
    last = after(design, 3, 2.9)
    assert last.p == pytest.approx(0.0074535505, rel=DIGITS)
    assert hazard_ratios(last.drift, 38) == pytest.approx([2.4764002, 1.222663, 4.752454], rel=DIGITS)
    found = [after(design, look, z).repeated_p for look, z in ((1, 1.52), (2, 1.38), (3, 2.9))]
    assert found == pytest.approx([0.22249182, 0.19345822, 0.0019646115], abs=OF_A_ROOT)


def test_on_the_boundary_p_is_the_error_spent() -> None:
    design = group_sequential(equal_looks(4), Boundary("spending", spending=Spending("pocock")), alpha=0.025, sided=1)
    rows = at_boundaries(design)
    # Exact by construction; 1e-8 for the integration.
    assert [row.p for row in rows] == pytest.approx(design.cumulative_alpha(), abs=1e-8)
    assert [row.repeated_p for row in rows] == pytest.approx([0.025] * 4, rel=1e-6)
    # The lower limit of a trial that stops on its boundary touches no effect only at the end.
    assert rows[-1].drift.low == pytest.approx(0.0, abs=1e-6)
    assert all(row.drift.low > 0 for row in rows[:-1])


def test_a_symmetric_design_gives_mirrored_answers() -> None:
    design = group_sequential(equal_looks(3), Boundary("obrien-fleming"))
    up, down = after(design, 2, 2.7), after(design, 2, -2.7)
    assert (up.decision, down.decision) == ("efficacy", "harm")
    assert down.p == pytest.approx(1 - up.p, abs=1e-9)
    assert down.drift.estimate == pytest.approx(-up.drift.estimate, abs=1e-6)
    assert down.drift.low == pytest.approx(-up.drift.high, abs=1e-6)


@pytest.mark.parametrize("drift", [0.0, 2.0, 3.3])
@pytest.mark.parametrize("name", ["pocock", "obrien-fleming"])
def test_simulated_trials_are_covered_and_their_median_is_right(name: str, drift: float) -> None:
    """By the p alone: an interval covers exactly when the p at the true drift lies within it."""
    design = group_sequential(equal_looks(3), Boundary(name))
    trials = 2000
    rng = np.random.default_rng(8)
    path = np.cumsum(rng.normal(drift / 3, math.sqrt(1 / 3), (trials, 3)), axis=1) / np.sqrt(design.information)
    ends = np.abs(path) >= design.upper
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), 2)
    p = np.array([stage_wise(design, int(k) + 1, float(z[k]), drift) for k, z in zip(last, path, strict=True)])
    # Uniform at the truth: three standard errors of a share of 2,000.
    for share in (0.025, 0.5, 0.975):
        assert np.mean(p <= share) == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / trials))
    # The reason for all this: on average the usual estimate is too large, by more than three standard errors.
    naive = path[np.arange(trials), last] / np.sqrt(design.information[last])
    assert drift == 0.0 or np.mean(naive) > drift + 3 * np.std(naive) / math.sqrt(trials)


def test_limits_and_median_are_where_p_says() -> None:
    design = group_sequential(
        equal_looks(3),
        Boundary("spending", spending=Spending("obrien-fleming")),
        futility=Futility(Spending("hwang-shih-decani", -2.0)),
    )
    found = after(design, 2, 2.9)
    at = [stage_wise(design, 2, 2.9, d) for d in (found.drift.low, found.drift.estimate, found.drift.high)]
    assert at == pytest.approx([0.025, 0.5, 0.975], abs=1e-7)
    assert after(design, 1, -1.5).decision == "futility"
    assert after(design, 3, 1.0).decision == "no difference"


def test_the_conditional_power_of_two_looks_is_a_formula() -> None:
    from scipy.stats import norm

    design = group_sequential([0.5, 1.0], Boundary("obrien-fleming"), alpha=0.025, sided=1)
    z, edge = 1.4, float(design.upper[1])
    expected = norm.sf((edge - z * math.sqrt(0.5) - z / math.sqrt(0.5) * 0.5) / math.sqrt(0.5))
    assert after(design, 1, z).conditional_power == pytest.approx(expected, abs=1e-9)


def test_repeated_p_is_nothing_where_the_family_has_no_other_error() -> None:
    peto = group_sequential(equal_looks(2), Boundary("haybittle-peto", 3.0))
    assert math.isnan(repeated_p(peto, 1, 2.0))
    assert repeated_p(group_sequential(equal_looks(2), Boundary("pocock")), 1, -1.0) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: after(d, 4, 2.0), "no such look.*1 to 3"),
        (lambda d: after(d, 1, 99.0), "not a z"),
        (lambda d: read_stopped("2"), "LOOK:Z"),
        (lambda d: read_stopped("two:2.6"), "LOOK:Z"),
        (lambda d: read_stopped("2:nan"), "LOOK:Z"),
    ],
)
def test_what_cannot_be_read_is_said(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make(group_sequential(equal_looks(3), Boundary("pocock")))
