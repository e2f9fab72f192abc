"""Whole tables of measurements: sheets, changes, bundles, courses."""

from __future__ import annotations

import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.science import instruments


def table(*rows: tuple[str, int, str, float]) -> pd.DataFrame:
    out = []
    for subject, week, name, value in rows:
        measure, _, rest = name.partition("/")
        out.append((subject, 7.0 * week, f"week {week}", measure, name if rest else "", value))
    return pd.DataFrame(out, columns=["subject", "time", "visit", "measure", "item", "value"])


def test_changes_are_against_baseline_or_the_visit_before() -> None:
    pain = instruments.score_table(table(("P1", 0, "pain", 10), ("P1", 4, "pain", 7), ("P1", 12, "pain", 5)), "pain")
    assert [v.changes["moderate-30-percent"] for v in pain] == [None, True, True]
    assert [v.changes["substantial-50-percent"] for v in pain] == [None, False, True]
    scores = [(0, 8.0), (4, 1.0), (8, 7.6), (12, 14.1)]
    pmr = instruments.score_table(table(*(("P1", week, "pmr-as", value) for week, value in scores)), "pmr-as")
    assert [v.changes["flare-change"] for v in pmr] == [None, False, True, False]


def test_a_baseline_of_zero_has_no_percentage() -> None:
    visits = instruments.score_table(table(("P1", 0, "pain", 0), ("P1", 4, "pain", 0)), "pain")
    assert visits[1].changes["moderate-30-percent"] is None
    assert visits[1].changes["minimal-1-point"] is False


def test_without_a_baseline_no_change_is_known() -> None:
    assert instruments.score_table(table(("P1", 4, "pain", 3)), "pain")[0].changes["moderate-30-percent"] is None


def test_an_answer_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="subject P1, week 0: pain stands twice"):
        instruments.score_table(table(("P1", 0, "pain", 3), ("P1", 0, "pain", 4)), "pain")


def test_a_bundle_takes_totals_from_items() -> None:
    items = [i.id for i in instruments.load("haq-di").items if not i.id.endswith("-aid")]
    rows = [("P1", 0, name, 1.0) for name in items]
    rows += [("P1", 0, "crp", 3.0), ("P1", 0, "pain", 3.0), ("P1", 0, "pmr-as/stiffness", 30.0)]
    (visit,) = instruments.score_table(table(*rows), "omeract-pmr")
    assert visit.score.criteria["core-set-complete"] is True


def test_a_measure_under_its_own_name_is_the_item() -> None:
    rows = [("P1", 0, "vas-patient", 4), ("P1", 0, "vas-physician", 3), ("P1", 0, "morning-stiffness", 45)]
    rows += [("P1", 0, "arm-elevation", 1), ("P1", 0, "crp", 20), ("P1", 0, "pmr-as/vas-patient", 5)]
    (visit,) = instruments.score_table(table(*rows), "pmr-as")
    # The item's own name wins: 5, not 4.
    assert visit.score.total == 15.5


def test_which_instruments_were_recorded() -> None:
    rows = table(("P1", 0, "fiqr/1", 3), ("P1", 0, "wpi/neck", 1), ("P1", 0, "pain", 3), ("P1", 0, "crp", 3))
    assert instruments.recorded_instruments(rows) == ("fibromyalgia-2016", "fiqr", "pain")


def test_frame_keeps_what_could_not_be_scored() -> None:
    frame = instruments.score_frame(instruments.score_table(table(("P1", 0, "fiqr/1", 3)), "fiqr"))
    assert frame.loc[frame["score"] == "total", "value"].isna().all()
    assert set(frame["score"]) == {"total", "function", "overall", "symptoms", "fiq-important-change"}


WEEKS = [7.0 * week for week in (0, 4, 12, 24, 36, 52)]
WELL: list[bool | None] = [False, True, True, True, True, True]
QUIET: list[bool | None] = [False] * 6
LOW: list[float | None] = [3.0, 0.1, 0.1, 0.1, 0.1, 0.1]


@pytest.mark.parametrize(
    ("remission", "flare", "crp", "met"),
    [
        (WELL, QUIET, LOW, True),
        ([False, False, True, True, True, True], QUIET, LOW, True),
        ([False, False, False, True, True, True], QUIET, LOW, False),
        ([None, None, False, True, True, True], QUIET, LOW, None),
        (WELL, [False, False, False, True, False, False], LOW, False),
        (WELL, [True, False, False, False, False, False], LOW, True),
        (WELL, QUIET, [3.0, 0.1, 0.1, 1.0, 0.1, 1.2], True),
        (WELL, QUIET, [3.0, 0.1, 0.1, 1.0, 1.2, 0.1], False),
        (WELL, QUIET, [3.0, 0.1, 0.1, None, 0.1, 0.1], None),
        (WELL, [False, False, None, False, False, False], LOW, None),
    ],
)
def test_sustained_remission(
    remission: list[bool | None], flare: list[bool | None], crp: list[float | None], met: bool | None
) -> None:
    assert instruments.sustained_remission(WEEKS, remission, flare, crp).met is met


def test_sustained_remission_needs_week_52() -> None:
    verdict = instruments.sustained_remission(WEEKS[:5], WELL[:5], QUIET[:5], LOW[:5])
    assert verdict == instruments.SustainedRemission(None, "followed to day 252 only")


def test_a_flare_counts_after_remission_only() -> None:
    assert instruments.flares_after_remission([False, False], [True, True]) == ()
