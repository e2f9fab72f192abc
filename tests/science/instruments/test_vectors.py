"""The published and derived vectors of every instrument."""

from __future__ import annotations

import pytest

from abate.ground.errors import InputError
from abate.science import instruments
from abate.science.instruments import Score


def score(name: str, answers: dict[str, float | None], policy: str = "strict") -> Score:
    return instruments.score(instruments.load(name), answers, policy)  # type: ignore[arg-type]


def fiqr(
    function: list[float | None], overall: list[float | None], symptoms: list[float | None]
) -> dict[str, float | None]:
    return {f"fiqr/{k}": value for k, value in enumerate([*function, *overall, *symptoms], start=1)}


LEFT_UPPER = ["wpi/shoulder-left", "wpi/upper-arm-left", "wpi/lower-arm-left"]
RIGHT_UPPER = ["wpi/shoulder-right", "wpi/upper-arm-right", "wpi/lower-arm-right"]
LEFT_LOWER = ["wpi/hip-left", "wpi/upper-leg-left", "wpi/lower-leg-left"]
RIGHT_LOWER = ["wpi/hip-right", "wpi/upper-leg-right", "wpi/lower-leg-right"]
AXIAL = ["wpi/neck", "wpi/upper-back", "wpi/lower-back"]
UNCOUNTED = ["wpi/jaw-left", "wpi/jaw-right", "wpi/chest", "wpi/abdomen"]
ALL = UNCOUNTED[:1] + LEFT_UPPER + UNCOUNTED[1:2] + RIGHT_UPPER + LEFT_LOWER + RIGHT_LOWER + AXIAL + UNCOUNTED[2:]
# One area of each region first, so that the first four or more areas always meet the region rule.
SPREAD = [group[k] for k in range(3) for group in (LEFT_UPPER, RIGHT_UPPER, LEFT_LOWER, RIGHT_LOWER, AXIAL)] + UNCOUNTED
SSS = {"fatigue": 3, "unrefreshed": 3, "cognition": 3, "headache": 1, "abdomen": 1, "depression": 1}


def sheet(areas: list[str], sss: int, months: float | None = 3, other: float = 0) -> dict[str, float | None]:
    answers: dict[str, float | None] = {area: float(area in areas) for area in ALL}
    for name, most in SSS.items():
        answers[f"sss/{name}"] = float(min(most, sss))
        sss -= min(most, sss)
    answers["fibromyalgia/duration-months"] = months
    return answers


@pytest.mark.parametrize("answer", [0, 5, 10])
def test_fiqr_of_equal_answers(answer: int) -> None:
    assert score("fiqr", fiqr([answer] * 9, [answer] * 2, [answer] * 10)).total == 10 * answer


@pytest.mark.parametrize(
    ("function", "overall", "symptoms", "total"),
    [
        ([10] * 9, [0] * 2, [0] * 10, 30),
        ([0] * 9, [10] * 2, [0] * 10, 20),
        ([0] * 9, [0] * 2, [10] * 10, 50),
        (list(range(1, 10)), [4, 6], list(range(1, 11)), 52.5),
        ([10] * 8 + [None], [0] * 2, [0] * 10, 30),
    ],
)
def test_fiqr_vectors(function: list[float], overall: list[float], symptoms: list[float], total: float) -> None:
    assert score("fiqr", fiqr(function, overall, symptoms)).total == total


def test_fiqr_domains_and_what_was_used() -> None:
    result = score("fiqr", fiqr([*range(1, 9), None], [4, 6], list(range(1, 11))))
    assert result.domains == {"function": 36 * 9 / 8 / 3, "overall": 10, "symptoms": 27.5}
    assert result.missing == ("fiqr/9",)
    assert result.rules["function"] == "prorated: sum * 9 / 8 answered"
    assert result.rule.startswith("strict: ")


@pytest.mark.parametrize(
    ("gone", "strict", "prorated"),
    [
        (["fiqr/1"], 50, 50),
        (["fiqr/1", "fiqr/2"], None, 50),
        (["fiqr/10"], None, 50),
        (["fiqr/12"], None, 50),
        (["fiqr/10", "fiqr/11"], None, None),
    ],
)
def test_fiqr_missing_answers(gone: list[str], strict: float | None, prorated: float | None) -> None:
    answers = fiqr([5] * 9, [5] * 2, [5] * 10) | dict.fromkeys(gone)
    assert score("fiqr", answers).total == strict
    assert score("fiqr", answers, "prorate").total == prorated


@pytest.mark.parametrize(
    ("total", "first", "second"),
    [
        (30, "remission", "mild"),
        (30.5, "mild", "mild"),
        (45, "mild", "moderate"),
        (46, None, "moderate"),
        (47, "moderate", "moderate"),
        (65, "moderate", "severe"),
        (66, "severe", "severe"),
        (83, "severe", None),
        (83.5, "severe", "very severe"),
        (23, "remission", "remission"),
        (23.5, "remission", None),
    ],
)
def test_both_fiqr_bands_are_named_by_their_paper(total: float, first: str | None, second: str | None) -> None:
    bands = {band.name: band for band in score("fiqr", {"fiqr": total}).bands}
    assert (bands["salaffi-2018"].band, bands["salaffi-2021"].band) == (first, second)
    assert all("Salaffi" in band.paper for band in bands.values())


def test_a_gap_that_the_paper_prints_names_its_neighbours() -> None:
    bands = {band.name: band for band in score("fiqr", {"fiqr": 45.5}).bands}
    assert bands["salaffi-2018"].between == ("mild", "moderate")
    assert bands["salaffi-2018"].as_text() == "between mild and moderate (a gap as printed)"
    assert {b.name: b for b in score("fiqr", {"fiqr": 83.0}).bands}["salaffi-2021"].between == ("severe", "very severe")


@pytest.mark.parametrize(
    ("wpi", "sss", "met"),
    [(7, 5, True), (7, 4, False), (6, 9, True), (6, 8, False), (4, 9, True), (3, 9, False), (3, 12, False)],
)
def test_criteria_of_2016(wpi: int, sss: int, met: bool) -> None:
    result = score("fibromyalgia-2016", sheet(SPREAD[:wpi], sss))
    assert (result.domains["wpi"], result.domains["sss"], result.total) == (wpi, sss, wpi + sss)
    assert result.criteria["criteria-met"] is met


@pytest.mark.parametrize("year", ["2010", "2011"])
def test_three_areas_are_enough_before_2016(year: str) -> None:
    answers = sheet(SPREAD[:3], 9) | {"fibromyalgia/other-disorder": 0.0}
    assert score(f"fibromyalgia-{year}", answers).criteria["criteria-met"] is True
    assert (
        score(f"fibromyalgia-{year}", answers | {"fibromyalgia/other-disorder": 1.0}).criteria["criteria-met"] is False
    )
    # No region rule: three areas of one region pass.
    assert score(f"fibromyalgia-{year}", {**answers, **sheet(AXIAL, 9)}).criteria["criteria-met"] is True


def test_region_rule() -> None:
    three = score("fibromyalgia-2016", sheet(LEFT_UPPER + RIGHT_UPPER + LEFT_LOWER, 9))
    assert (three.domains["wpi"], three.domains["regions"], three.criteria["criteria-met"]) == (9, 3, False)
    uncounted = score("fibromyalgia-2016", sheet(UNCOUNTED, 9))
    assert (uncounted.domains["wpi"], uncounted.domains["regions"]) == (4, 0)
    both = score("fibromyalgia-2016", sheet(LEFT_UPPER + RIGHT_UPPER + LEFT_LOWER + UNCOUNTED, 9))
    assert (both.domains["wpi"], both.criteria["generalized-pain"]) == (13, False)


@pytest.mark.parametrize("areas", [SPREAD[:4], [*AXIAL, SPREAD[0]], UNCOUNTED, [SPREAD[0], *SPREAD[2:5]]])
def test_wpi_of_four_passes_the_region_rule_only_with_four_regions(areas: list[str]) -> None:
    groups = (LEFT_UPPER, RIGHT_UPPER, LEFT_LOWER, RIGHT_LOWER, AXIAL)
    expected = sum(any(area in group for area in areas) for group in groups) == 4
    assert score("fibromyalgia-2016", sheet(areas, 9)).criteria["generalized-pain"] is expected


@pytest.mark.parametrize(("months", "met"), [(2.9, False), (3, True), (None, None)])
def test_duration(months: float | None, met: bool | None) -> None:
    assert score("fibromyalgia-2016", sheet(SPREAD[:8], 8, months)).criteria["criteria-met"] is met


def test_a_missing_answer_does_not_hide_a_verdict_that_it_cannot_change() -> None:
    answers = sheet(SPREAD[:8], 8) | {"wpi/chest": None}
    result = score("fibromyalgia-2016", answers)
    assert (result.total, result.criteria["criteria-met"], result.missing) == (None, None, ("wpi/chest",))
    mild = score("fibromyalgia-2016", sheet(SPREAD[:8], 4) | {"wpi/chest": None})
    assert mild.criteria["criteria-met"] is False
    few = score("fibromyalgia-2016", sheet(SPREAD[:8], 8, months=1) | {"wpi/chest": None})
    assert few.criteria["criteria-met"] is False


@pytest.mark.parametrize(
    ("fs", "wolfe", "italian"),
    [(3, "none", "remission"), (4, "mild", "remission"), (7, "mild", "mild"), (8, "moderate", "mild"),
     (11, "moderate", "mild"),
     (12, "severe", "mild"), (19, "severe", "moderate"), (20, "very severe", "moderate"), (25, "very severe", "severe"),
     (26, "very severe", "very severe"), (31, "very severe", "very severe")],
)  # fmt: skip
def test_bands_of_fibromyalgianess(fs: int, wolfe: str, italian: str) -> None:
    found = {band.name: band.band for band in score("fibromyalgia-2016", {"fibromyalgianess": fs}).bands}
    assert found == {"wolfe-2015": wolfe, "salaffi-2021": italian}


def test_every_positive_patient_of_2016_has_twelve_points() -> None:
    for wpi in range(20):
        for sss in range(13):
            if score("fibromyalgia-2016", sheet(SPREAD[:wpi], sss)).criteria["criteria-met"]:
                assert wpi + sss >= 12


PMR = {
    "crp": 20.0,
    "pmr-as/vas-patient": 4.0,
    "pmr-as/vas-physician": 3.0,
    "pmr-as/stiffness": 45.0,
    "pmr-as/elevation": 1.0,
}


def test_pmr_as() -> None:
    result = score("pmr-as", dict(PMR))
    assert (result.total, result.domains["clinical"]) == (14.5, 12.5)
    assert [(band.name, band.band) for band in result.bands] == [
        ("leeb-2004", "medium"),
        ("leeb-2004-clinical", "medium"),
    ]
    without = score("pmr-as", {**PMR, "crp": None})
    assert (without.total, without.domains["clinical"], without.missing) == (None, 12.5, ("crp",))


@pytest.mark.parametrize(
    ("value", "band", "remission", "flare"),
    [(1.5, "low", True, False), (1.6, "low", False, False), (6.9, "low", False, False), (7, "medium", False, False),
     (9.3, "medium", False, False), (9.35, "medium", False, True), (17, "medium", False, True),
     (17.1, "high", False, True)],
)  # fmt: skip
def test_pmr_as_cut_offs(value: float, band: str, remission: bool, flare: bool) -> None:
    result = score("pmr-as", {"pmr-as": value})
    assert result.bands[0].band == band
    assert (result.criteria["remission"], result.criteria["flare-level"]) == (remission, flare)


CLASSIFICATION = {
    "pmr-2012/age": 50.0,
    "pmr-2012/bilateral-shoulder-aching": 1.0,
    "pmr-2012/abnormal-crp-or-esr": 1.0,
    "pmr-2012/stiffness": 46.0,
    "pmr-2012/hip": 0.0,
    "pmr-2012/rf-or-acpa": 0.0,
    "pmr-2012/other-joints": 1.0,
}


@pytest.mark.parametrize(
    ("change", "points", "met"),
    [
        ({}, 4, True),
        ({"pmr-2012/stiffness": 45.0}, 2, False),
        ({"pmr-2012/age": 49.0, "pmr-2012/hip": 1.0, "pmr-2012/other-joints": 0.0}, 6, False),
        ({"pmr-2012/bilateral-shoulder-aching": 0.0}, 4, False),
        ({"pmr-2012/abnormal-crp-or-esr": 0.0}, 4, False),
    ],
)
def test_classification_of_pmr(change: dict[str, float], points: float, met: bool) -> None:
    result = score("pmr-classification-2012", CLASSIFICATION | change)
    assert (result.total, result.criteria["classified"]) == (points, met)
    assert result.domains["points-with-ultrasound"] is None


@pytest.mark.parametrize(
    ("shoulders", "hip", "points", "met"),
    [(0, 0, 4, False), (1, 0, 4, False), (1, 1, 5, True), (2, 0, 5, True), (2, 1, 6, True)],
)
def test_classification_with_ultrasound(shoulders: int, hip: int, points: float, met: bool) -> None:
    answers = CLASSIFICATION | {"pmr-2012/shoulders-with-lesion": float(shoulders), "pmr-2012/hip-lesion": float(hip)}
    result = score("pmr-classification-2012", answers)
    assert (result.domains["points-with-ultrasound"], result.criteria["classified-with-ultrasound"]) == (points, met)


def haq(answer: float, **aids: float) -> dict[str, float | None]:
    items = [item.id for item in instruments.load("haq-di").items]
    answers: dict[str, float | None] = {name: answer for name in items if not name.endswith("-aid")}
    return answers | {f"haq-di/{section}-aid": value for section, value in aids.items()}


def test_haq_di() -> None:
    assert score("haq-di", haq(1)).total == 1.0
    aided = score("haq-di", haq(0, dressing=1, grip=1))
    assert (aided.total, aided.domains["without-aids"]) == (0.5, 0.0)
    assert score("haq-di", haq(3, dressing=1)).total == 3.0


def test_haq_di_with_sections_missing() -> None:
    one = haq(1) | {"haq-di/grip-1": None, "haq-di/grip-2": None, "haq-di/grip-3": None}
    assert score("haq-di", one).total == 1.0
    assert score("haq-di", one).rules["total"] == "mean of 7 of 8 answered"
    two = one | {"haq-di/reach-1": None, "haq-di/reach-2": None}
    assert score("haq-di", two).total is None
    assert score("haq-di", two, "prorate").total == 1.0


@pytest.mark.parametrize(("raw", "total"), [(0, 44), (4, 8), (2, 26)])
def test_facit_fatigue_higher_is_better(raw: int, total: float) -> None:
    instrument = instruments.load("facit-fatigue")
    assert instruments.score(instrument, {item.id: raw for item in instrument.items}).total == total
    assert instrument.direction == "higher-is-better"


def test_facit_proration_needs_more_than_half() -> None:
    seven = {f"facit-fatigue/{k}": 2.0 for k in range(1, 8)}
    assert score("facit-fatigue", seven).total is None
    assert score("facit-fatigue", seven, "prorate").total == 26
    assert score("facit-fatigue", {k: v for k, v in seven.items() if k != "facit-fatigue/7"}, "prorate").total is None


def test_sf36() -> None:
    result = score("sf-36", {"sf-36/23": 4, "sf-36/27": 3, "sf-36/29": 3, "sf-36/31": None})
    # Printed to one decimal: 46.7.
    assert round(result.domains["energy"] or 0, 1) == 46.7
    assert result.total is None
    best = {
        1: 1,
        2: 1,
        20: 1,
        22: 1,
        34: 5,
        36: 1,
        21: 1,
        23: 1,
        26: 1,
        27: 6,
        30: 1,
        24: 6,
        25: 6,
        28: 6,
        29: 6,
        31: 6,
    }
    assert score("sf-36", {"sf-36/21": 1, "sf-36/22": 1}).domains["pain"] == 100
    assert score("sf-36", {f"sf-36/{k}": best[k] for k in (24, 25, 26, 28, 30)}).domains["well-being"] == 100


def test_giacta() -> None:
    esr_only = {"giacta/symptoms": 0, "esr": 40, "giacta/esr-due-to-gca": 1, "giacta/needs-treatment": 1, "crp": 5}
    flare = score("giacta", esr_only).criteria
    assert (flare["flare-a"], flare["flare-b"], flare["remission"]) == (False, True, False)
    crp_only = score("giacta", {"giacta/symptoms": 0, "esr": 10, "giacta/needs-treatment": 0, "crp": 20}).criteria
    assert (crp_only["flare-a"], crp_only["flare-b"], crp_only["remission"]) == (False, False, False)
    well = {"giacta/symptoms": 0, "esr": 29, "crp": 9.9}
    assert score("giacta", well).criteria["remission"] is True
    assert score("giacta", well | {"esr": 30}).criteria["remission"] is False
    assert score("giacta", well | {"crp": 10}).criteria["remission"] is False
    assert score("giacta", {"giacta/symptoms-6-weeks": 1, "esr": 10, "crp": 10}).criteria["active"] is True


def test_omeract_core_set_is_a_bundle() -> None:
    whole = {"crp": 3.0, "pain": 2.0, "pmr-as/stiffness": 0.0, "haq-di": 0.5}
    assert score("omeract-pmr", whole).criteria["core-set-complete"] is True
    part = score("omeract-pmr", {"crp": 3.0, "pain": 2.0})
    assert (part.criteria["core-set-complete"], part.criteria["physical-function"]) == (False, False)


@pytest.mark.parametrize(
    ("baseline", "follow", "thirty", "fifty"),
    [(10, 7, True, False), (7, 5, False, False), (6, 4, True, False), (3, 2, True, False), (0, 0, None, None),
     (10, 5, True, True), (9.1, 6.37, True, False), (7, 3.5, True, True), (5, 6, False, False)],
)  # fmt: skip
def test_immpact_by_whole_numbers(baseline: float, follow: float, thirty: bool | None, fifty: bool | None) -> None:
    assert instruments.responder(baseline, follow, 30) is thirty
    assert instruments.responder(baseline, follow, 50) is fifty


@pytest.mark.parametrize(
    ("name", "answers", "message"),
    [
        ("fiqr", {"fiqr/3": 11}, "fiqr/3: this is no answer to fiqr/3: 11; allowed: whole numbers from 0 to 10"),
        ("fiqr", {"fiqr/3": -1}, "allowed: whole numbers from 0 to 10"),
        ("fiqr", {"fiqr/3": 9.5}, "this is no answer to fiqr/3: 9.5; allowed: whole numbers from 0 to 10"),
        ("fiqr", {"fiqr/22": 1}, "this is no item of fiqr: 'fiqr/22'; did you mean"),
        ("fibromyalgia-2016", {"wpi/neck": 0.5}, "allowed: whole numbers from 0 to 1"),
        ("fibromyalgia-2016", {"wpi": 20}, "out of range: 20; allowed: 0 to 19"),
        ("pain", {"pain": float("inf")}, "no answer to pain: inf"),
    ],
)
def test_an_answer_that_is_not_allowed_is_refused(name: str, answers: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        score(name, answers)
