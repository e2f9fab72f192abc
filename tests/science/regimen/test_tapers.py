"""Tapers: totals, durations and doses are the arithmetic of their sources; bad files are refused line by line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.ground.errors import InputError, UnitError
from abate.ground.files import load_yaml
from abate.science.regimen import Taper, load_taper, tapers
from abate.science.regimen.patterns import introduce
from abate.science.regimen.taper_file import taper_from

HEAD = "name: own\ntitle: own\ndrug: prednisone\nunit: mg\nsource: me\ngrade: assumed\n"


def read(steps: str, head: str = HEAD) -> Taper:
    return taper_from(load_yaml("own.yaml", text=head + "steps:\n" + steps))


@pytest.mark.parametrize(
    ("start", "total"), [(60, 2632), (50, 2212), (40, 1862), (35, 1582), (30, 1337), (25, 1127), (20, 952)]
)
def test_giacta_26_sums_from_each_starting_dose(start: float, total: float) -> None:
    taper = load_taper("giacta-26")
    assert taper.total(start) == total
    assert taper.from_dose(start).total() == total
    assert taper.daily(400, start).sum() == total


@pytest.mark.parametrize(
    ("name", "total", "weeks"),
    [
        ("giacta-26", 2632, 26),
        ("giacta-52", 4007.5, 52),
        ("pmr-spare", 721, 11),
        ("bsr-2010-fast", 2117.5, 46),
        ("bsr-2010-slow", 3517.5, 84),
        ("weyand", 1260, 16),
        ("cantini", 1190, 7),
        ("eular-acr-2015", 2450, 48),
    ],
)
def test_totals_and_durations(name: str, total: float, weeks: int) -> None:
    taper = load_taper(name)
    assert (taper.total(), taper.duration) == (total, 7 * weeks)


def test_a_dsns_step_has_52_days_of_which_26_new() -> None:
    taper = load_taper("dsns", start=8)
    step = taper.steps[0]
    assert (step.days, step.doses.count(7.0), step.doses.count(8.0)) == (52, 26, 26)
    assert step.doses[:8] == (7, 8, 8, 8, 8, 8, 8, 7)
    assert step.doses[-7:] == (8, 7, 7, 7, 7, 7, 7)
    assert taper.duration == 8 * 52


def test_weekday_patterns() -> None:
    five = introduce("five-week").reshape(5, 7)
    assert [np.flatnonzero(week).tolist() for week in five[:2]] == [[0, 4], [0, 2, 4]]
    monday = introduce("five-week", "monday").reshape(5, 7)
    assert np.flatnonzero(monday[0]).tolist() == [3, 6]  # Thursday and Sunday, counted from Monday
    assert introduce("seven-week").reshape(7, 7).sum(axis=1).tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_the_eular_2018_course_keeps_the_three_bounds() -> None:
    taper = load_taper("eular-2018-gca")
    dose = taper.daily(400)[0]
    assert 40 <= dose[0] <= 60
    assert np.all((dose[60:91] >= 15) & (dose[60:91] <= 20))
    assert dose[363] <= 5


def test_alternation_averages_8_75() -> None:
    taper = load_taper("eular-acr-2015-alternating")
    assert taper.dose_on(np.arange(84, 112)).mean() == 8.75


def test_per_cent_steps() -> None:
    assert load_taper("giacta-26").per_cent_steps()[-4:] == (25, pytest.approx(100 / 3, abs=1e-6), 50, 100)
    rows = load_taper("giacta-26").summary()["steps"]
    assert rows[1]["lowered_by_per_cent"] == pytest.approx(100 / 6, abs=1e-6)
    assert sum(row["total_mg"] for row in rows) == 2632


def test_entering_never_gives_more_than_the_starting_dose() -> None:
    for name in tapers():
        taper = load_taper(name)
        starts = np.linspace(0, 70, 281)
        assert np.all(taper.daily(700, starts) <= np.maximum(starts, taper.then)[:, None] + 1e-9), name


def test_stretching_keeps_the_fixed_steps_and_multiplies_the_others() -> None:
    taper = load_taper("pmr-slow")
    fixed = 17.5 * 14 + 15 * 14 + 12.5 * 21 + 10 * 21
    np.testing.assert_allclose(
        taper.daily(2000, np.nan, [1, 1.5, 3]).sum(axis=1), fixed + 45 * 28 * np.array([1, 1.5, 3])
    )
    np.testing.assert_array_equal(taper.daily(70, np.nan, 3.0)[0], taper.table[:70])


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([20.0, 15, 12.5, 10, 7.5, 5, 2.5, 1])), min_size=1, max_size=8
    )
)
def test_the_dose_on_a_day_is_the_step_it_lies_in(steps: list[tuple[int, float]]) -> None:
    taper = read("".join(f"  - {{for: {days} days, dose: {dose}}}\n" for days, dose in steps))
    plain = [dose for days, dose in steps for _ in range(days)]
    assert taper.table.tolist() == plain
    assert taper.dose_on(np.arange(len(plain) + 3)).tolist() == [*plain, 0, 0, 0]
    assert np.isnan(taper.dose_on(-1))


def test_per_cent_steps_with_a_floor_and_rounding() -> None:
    plain = read("  - {from: 20, to: 5, by: 10 %, every: 2 weeks}\n")
    np.testing.assert_allclose(plain.levels[:3], [20, 18, 16.2])
    assert plain.levels[-1] == 5
    rounded = read("  - {from: 3, to: 0.5, by: 10 %, every: 2 weeks, round: 0.5}\n")
    assert rounded.levels.tolist() == [3, 2.5, 2, 1.5, 1, 0.5]  # each step at least one unit of rounding


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("  - {weeks: 1, dose: -5}\n", r"own.yaml, line 8, steps\[0\].dose: a dose cannot be negative: -5"),
        ("  - {weeks: 1-3, dose: 20}\n  - {weeks: 3-4, dose: 15}\n", r"line 9, steps\[1\].weeks: these weeks overlap"),
        ("  - {weeks: 1, dose: 20}\n  - {weeks: 3, dose: 15}\n", "gap before these weeks: 3; allowed: weeks from 2"),
        ("  - {weeks: 4-2, dose: 20}\n", "runs backwards"),
        ("  - {weeks: 1, dse: 20}\n", r"steps\[0\].dse: there is no such key.*did you mean 'dose'"),
        ("  - {weeks: 1}\n", "needs one of dose and doses"),
        ("  - {dose: 20}\n", "needs one of weeks, days and for"),
        ("  - {for: a while, dose: 20}\n", "not a length"),
        ("  - {from: 5, to: 10, by: 1 mg, every: 2 weeks}\n", "a taper goes down"),
        ("  - {from: 5, to: 0, by: 10 %, every: 2 weeks}\n", "never reach"),
        ("  - {from: 5, to: 0, by: 1 mg}\n", "needs from, to, by and every"),
        ("  - {from: start, to: 0, by: 1 mg, every: 2 weeks}\n", "no start dose"),
        ("  - {from: 5, to: 0, by: 1 mg, every: 5 weeks, pattern: dsns}\n", "52 days"),
        (
            "  - {from: 10, to: 1, by: 0.000001 mg, every: 4 weeks}\n",
            r"steps\[0\].by: this makes more than 10,000 steps",
        ),
        ("  - {from: 10, to: 1, by: 0.0001 %, every: 4 weeks}\n", r"steps\[0\].by: this makes more than 10,000 steps"),
        ("  - {from: .inf, to: 1, by: 1 mg, every: 4 weeks}\n", r"steps\[0\].from: this is not a number of mg: inf"),
        (
            "  - {weeks: 1, dose: .inf}\n",
            r"line 8, steps\[0\].dose: this is not a number of mg: inf",
        ),
        ("  - {weeks: 1, doses: [5, .nan]}\n", r"steps\[0\].doses: this is not a number of mg: nan"),
        ("  - {weeks: 1, dose: lots}\n", r"steps\[0\].dose: the dose is not a number: 'lots'"),
    ],
)
def test_bad_tapers_are_refused_by_line_and_key(steps: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(steps)


def test_units_and_drugs_are_checked() -> None:
    with pytest.raises(UnitError, match="unit is missing"):
        read("  - {weeks: 1, dose: 20}\n", HEAD.replace("unit: mg\n", ""))
    with pytest.raises(UnitError, match=r"line 8, steps\[0\].dose: the unit is given twice: '20 mg'"):
        read("  - {weeks: 1, dose: 20 mg}\n")
    with pytest.raises(UnitError, match="unit is missing"):
        read("  - {from: 5, to: 1, by: '1', every: 2 weeks}\n")
    with pytest.raises(InputError, match=r"line 3, drug: this drug is not known.*did you mean 'prednisone'"):
        read("  - {weeks: 1, dose: 20}\n", HEAD.replace("prednisone", "prednison"))
    with pytest.raises(InputError, match="unit: it should be 'mg'"):
        read("  - {weeks: 1, dose: 20}\n", HEAD.replace("unit: mg", "unit: g"))


def test_an_unknown_taper_has_its_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'giacta-26'"):
        load_taper("giacta26")


def test_every_library_taper_says_where_it_comes_from() -> None:
    for name in tapers():
        taper = load_taper(name)
        assert taper.name == name
        assert taper.source
        assert taper.grade in ("verified", "derived", "calibrated", "assumed", "unverified")
