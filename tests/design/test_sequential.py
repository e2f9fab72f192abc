"""Group-sequential boundaries and powers against published constants.

Stored results, each with where it stands (read there, not recalled):

- rpact (Wassmer & Pahlke): ``tests/testthat/test-f_design_group_sequential.R``, the CRAN file dated 8 December 2021.
- gsDesign (Anderson): ``tests/testthat/_snaps/independent-test-print.gsDesign.md`` and ``...-gsBoundSummary.md``.
- SAS/STAT User's Guide, The SEQDESIGN Procedure, example 3 'Creating Two-Sided Pocock and O'Brien-Fleming Designs'.
- Jennison & Turnbull 2000, tables 2.1 (Pocock) and 2.3 (O'Brien-Fleming), read as other programs' tests quote them.
- Reboussin, DeMets, Kim & Lan 2000 (Control Clin Trials 21:190-207), the example of five looks, read in the same way.

A tolerance of half a unit in the last printed digit is used throughout: the published numbers are rounded there.
"""

import numpy as np
import pytest

from abate.design.boundary import Boundary, efficacy
from abate.design.crossing import crossing
from abate.design.sequential import Futility, SequentialDesign, equal_looks, group_sequential
from abate.design.spending import Spending
from abate.ground.errors import InputError

LAST_OF_7 = 6e-8 * 10  # rpact prints 8 significant digits and iterates to 1e-7


def spend(name: str, parameter: float = float("nan"), points: tuple[float, ...] = ()) -> Boundary:
    return Boundary("spending", spending=Spending(name, parameter, points))


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming"),
    [(1, 1.960, 1.960), (2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040), (10, 2.555, 2.087)],
)
def test_jennison_and_turnbull_constants(looks: int, pocock: float, obrien_fleming: float) -> None:
    shares = equal_looks(looks)
    assert efficacy(Boundary("pocock"), shares, 0.05) == pytest.approx(np.full(looks, pocock), abs=5e-4)
    assert efficacy(Boundary("obrien-fleming"), shares, 0.05) == pytest.approx(
        obrien_fleming / np.sqrt(shares), abs=5e-4 * np.sqrt(looks)
    )


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
@pytest.mark.parametrize("sided", [1, 2])
def test_lan_demets_five_looks(name: str, bounds: list[float], sided: int) -> None:
    found = efficacy(spend(name), equal_looks(5), 0.025 * sided, sided=sided)
    assert found == pytest.approx(bounds, abs=2e-4)  # the older programs iterate to 1e-4


def test_sas_pocock_four_looks() -> None:
    design = group_sequential(equal_looks(4), Boundary("pocock"), alpha=0.05, power=0.9)
    assert 100 * design.inflation == pytest.approx(118.3143, abs=2e-4)  # SAS iterates to about 1e-6
    assert 100 * design.inflation * design.expected_share(0.0) == pytest.approx(115.6074, abs=2e-4)
    assert 100 * design.inflation * design.expected_share(design.drift) == pytest.approx(69.74805, abs=2e-4)


def test_rpact_obrien_fleming() -> None:
    design = group_sequential(equal_looks(3), Boundary("obrien-fleming"), alpha=0.025, power=0.8, sided=1)
    assert design.upper == pytest.approx([3.4710914, 2.4544323, 2.0040356], abs=LAST_OF_7)
    assert design.cumulative_alpha() == pytest.approx([0.00025917372, 0.0071600594, 0.025], abs=2e-8)
    assert design.nominal_p == pytest.approx([0.00025917372, 0.0070553616, 0.022533125], abs=2e-8)


def test_rpact_spending_with_unequal_information() -> None:
    design = group_sequential([0.2, 0.4, 1.0], spend("hwang-shih-decani", 0.0), alpha=0.03, power=0.86, sided=1)
    assert design.upper == pytest.approx([2.5121443, 2.4228747, 2.0280392], abs=LAST_OF_7)
    assert design.inflation == pytest.approx(1.0788327, abs=LAST_OF_7)
    assert design.drift**2 == pytest.approx(9.4594102, abs=5e-6)
    assert design.crossing(design.drift).upper == pytest.approx([0.12783451, 0.21271713, 0.51944835], abs=1e-7)
    assert design.inflation * design.expected_share(design.drift) == pytest.approx(0.83081135, abs=1e-6)
    assert design.inflation * design.expected_share(0.0) == pytest.approx(1.0697705, abs=1e-6)


@pytest.mark.parametrize(
    ("design", "upper", "lower", "inflation", "under_null"),
    [
        (
            group_sequential(
                [0.2, 0.4, 1.0],
                spend("hwang-shih-decani", -1.0),
                alpha=0.07,
                power=0.86,
                sided=1,
                futility=Futility(Spending("hwang-shih-decani", -2.0)),
            ),
            [2.364813, 2.1928805, 1.5660474],
            [-1.1063623, -0.35992438],
            1.0869177,
            0.79471657,
        ),
        (
            group_sequential(
                [0.3, 0.7, 1.0],
                spend("kim-demets", 2.2),
                alpha=0.03,
                power=0.66,
                sided=1,
                futility=Futility(Spending("kim-demets", 3.2)),
            ),
            [2.8594012, 2.2435708, 1.9735737],
            [-1.1558435, 0.72836893],
            1.0555891,
            0.75480974,
        ),
    ],
)
def test_rpact_non_binding_futility(
    design: SequentialDesign, upper: list[float], lower: list[float], inflation: float, under_null: float
) -> None:
    assert design.upper == pytest.approx(upper, abs=LAST_OF_7)
    assert design.lower[:-1] == pytest.approx(lower, abs=2e-6)
    assert design.inflation == pytest.approx(inflation, abs=LAST_OF_7)
    assert design.inflation * design.expected_share(0.0) == pytest.approx(under_null, abs=1e-6)


def test_rpact_binding_futility() -> None:
    design = group_sequential(
        [0.4, 0.75, 1.0],
        spend("obrien-fleming"),
        alpha=0.03,
        power=0.8,
        sided=1,
        futility=Futility(Spending("kim-demets", 2.5), binding=True),
    )
    assert design.upper == pytest.approx([3.2384592, 2.2562378, 1.905812], abs=LAST_OF_7)
    assert design.lower[:-1] == pytest.approx([-0.29391761, 1.0736333], abs=2e-6)


@pytest.mark.parametrize(
    ("alpha", "upper"),
    [
        (0.035, [2.3284312, 2.1725031, 2.0861776, 2.0270171]),
        (0.025, [2.4958485, 2.328709, 2.2361766, 2.1727623]),
    ],
)
def test_rpact_wang_tsiatis_with_binding_bounds(alpha: float, upper: list[float]) -> None:
    design = group_sequential(
        equal_looks(4),
        Boundary("wang-tsiatis", 0.4),
        alpha=alpha,
        power=0.8,
        sided=1,
        futility=Futility(bounds=(0.5244, 0.5244, 0.5244), binding=True),
    )
    assert design.upper == pytest.approx(upper, abs=2e-6)


def test_rpact_spending_as_given_and_haybittle_peto() -> None:
    given = group_sequential(
        equal_looks(4), spend("points", points=(0.01, 0.02, 0.03, 0.05)), alpha=0.05, power=0.8, sided=1
    )
    assert given.upper == pytest.approx([2.3263479, 2.2192994, 2.1201347, 1.8189562], abs=1e-6)
    peto = group_sequential(equal_looks(4), Boundary("haybittle-peto", 3), alpha=0.025, power=0.8, sided=1)
    assert peto.upper == pytest.approx([3, 3, 3, 1.9827514], abs=2e-6)


def test_gsdesign_one_sided_and_two_sided() -> None:
    for sided, alpha, under_null in ((1, 0.025, 1.0197), (2, 0.05, 1.0160)):
        design = group_sequential(equal_looks(5), spend("hwang-shih-decani", -4.0), alpha=alpha, power=0.9, sided=sided)
        assert design.upper == pytest.approx([3.2527, 2.9860, 2.6917, 2.3737, 2.0253], abs=5e-5)
        assert design.inflation == pytest.approx(1.023, abs=5e-4)
        assert design.inflation * design.expected_share(0.0) == pytest.approx(under_null, abs=5e-5)
        assert design.inflation * design.expected_share(design.drift) == pytest.approx(0.7366, abs=5e-5)
        power = design.crossing(design.drift).upper
        assert power == pytest.approx([0.0370, 0.1512, 0.2647, 0.2699, 0.1771], abs=6e-5)


@pytest.mark.parametrize(
    ("binding", "lower", "under_null", "under_effect", "inflation"),
    [
        (True, [-0.92, -0.07, 0.66, 1.32, 1.97], 0.5636, 0.7306, 1.069),
        (False, [-0.9016, -0.0367, 0.6945, 1.3603, 2.0253], None, None, 1.10),
    ],
)
def test_gsdesign_futility(
    binding: bool, lower: list[float], under_null: float | None, under_effect: float | None, inflation: float
) -> None:
    design = group_sequential(
        equal_looks(5),
        spend("hwang-shih-decani", -4.0),
        alpha=0.025,
        power=0.9,
        sided=1,
        futility=Futility(Spending("hwang-shih-decani", -2.0), binding=binding),
    )
    assert design.lower == pytest.approx(lower, abs=5e-3 if binding else 5e-5)  # printed with 2 and with 4 digits
    assert design.inflation == pytest.approx(inflation, abs=5e-4 if binding else 5e-3)
    if under_null is not None:
        assert design.inflation * design.expected_share(0.0) == pytest.approx(under_null, abs=5e-5)
        assert design.inflation * design.expected_share(design.drift) == pytest.approx(under_effect, abs=5e-5)


def test_a_two_sided_error_with_futility_is_kept_at_half_on_the_side_of_benefit() -> None:
    futility = Futility(Spending("hwang-shih-decani", -2.0))
    one = group_sequential(equal_looks(3), spend("obrien-fleming"), alpha=0.025, sided=1, futility=futility)
    two = group_sequential(equal_looks(3), spend("obrien-fleming"), alpha=0.05, sided=2, futility=futility)
    assert two.upper == pytest.approx(one.upper)
    assert two.inflation == pytest.approx(one.inflation)


@pytest.mark.parametrize("drift", [0.0, 2.5])
@pytest.mark.parametrize("family", ["pocock", "obrien-fleming"])
def test_probabilities_agree_with_simulated_trials(family: str, drift: float) -> None:
    looks, trials = 4, 200_000
    design = group_sequential(equal_looks(looks), Boundary(family), alpha=0.05, power=0.9)
    draws = np.random.default_rng(4).standard_normal((trials, looks)) / np.sqrt(looks) + drift / looks
    z = np.cumsum(draws, axis=1) / np.sqrt(design.information)
    out = np.abs(z) >= design.upper
    first = np.where(out.any(axis=1), out.argmax(axis=1), looks)
    upper = [np.mean((first == k) & (z[:, min(k, looks - 1)] > 0)) for k in range(looks)]
    exact = crossing(design.upper, design.lower, design.information, drift).upper
    # Three and a half standard errors of a simulated proportion: eight looks are compared here.
    assert np.all(np.abs(upper - exact) <= 3.5 * np.sqrt(exact * (1 - exact) / trials) + 1e-12)


def test_one_look_is_the_fixed_design() -> None:
    design = group_sequential([1.0], Boundary("pocock"), alpha=0.05, power=0.9)
    assert design.upper == pytest.approx([1.959964], abs=1e-6)
    # Not exactly 1: the fixed formula leaves out the chance of a significant difference in the wrong direction.
    assert design.inflation == pytest.approx(1.0, abs=1e-6)


def test_a_boundary_that_never_stops_early_costs_nothing() -> None:
    design = group_sequential([0.5, 1.0], spend("points", points=(0.0, 0.025)), alpha=0.05, power=0.9)
    assert np.isinf(design.upper[0])
    assert design.upper[1] == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"power": 1.2}, "power lies between 0 and 1"),
        ({"power": 90}, r"nearest feasible: --power 0\.9"),
        ({"power": 0.01}, "power is not above the type I error"),
        ({"alpha": 0.0}, "not a type I error"),
        ({"sided": 3}, "one or two sides"),
        ({"boundary": Boundary("haybittle-peto", 1.9)}, r"never be reached.*above 2\.289"),
        ({"information": [0.01, 1.0], "boundary": spend("obrien-fleming")}, "cannot be reached.*nearest feasible"),
        ({"information": [0.5, 0.4, 1.0]}, "shares do not rise"),
        ({"information": [0.5, 0.9]}, "last share is not 1"),
        ({"futility": Futility(bounds=(4.0, 0.0))}, "no trial could go on.*nearest feasible"),
        ({"futility": Futility(bounds=(0.0,))}, "not one boundary for each look"),
        (
            {"futility": Futility(Spending("pocock"), binding=True), "boundary": Boundary("pocock")},
            "binding boundary that spends",
        ),
        ({"information": [1.0], "futility": Futility(Spending("pocock"))}, "one look cannot stop early"),
    ],
)
def test_what_cannot_be_is_said_with_the_nearest_that_can(settings: dict, message: str) -> None:
    given = {"information": equal_looks(3), "boundary": Boundary("obrien-fleming"), **settings}
    with pytest.raises(InputError, match=message):
        group_sequential(given.pop("information"), given.pop("boundary"), **given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Boundary("pococks"), "did you mean 'pocock'"),
        (lambda: Boundary("wang-tsiatis", 2.0), "shape of Wang-Tsiatis"),
        (lambda: Spending("obrienfleming"), "did you mean 'obrien-fleming'"),
        (lambda: Spending("kim-demets", -1.0), "out of range"),
        (lambda: Spending("points", points=(0.02, 0.01)).spent(0.025, [0.5, 1.0]), "not a rising sequence"),
        (lambda: equal_looks(0), "not a number of looks"),
    ],
)
def test_unknown_families_are_named(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make()
