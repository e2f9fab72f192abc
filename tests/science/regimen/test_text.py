"""Regimens as people write them: read, written back, turned into doses, refused in one clear line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abate.ground.errors import InputError, UnitError
from abate.science.regimen import Regimen, Span, parse

CANONICAL = [
    "162 mg sc every week",
    "162 mg sc every 2 weeks for 52 weeks",
    "162 mg sc every week from week 4",
    "162 mg sc every week from day 10 for 12 doses",
    "tocilizumab 8 mg/kg iv over 1 h every 4 weeks, at most 800 mg",
    "8 mg/kg iv over 1 h every 4 weeks, at most 800 mg",
    "prednisone 15 mg every morning",
    "prednisone 5 mg every day at 22:00",
    "prednisone-delayed-release 5 mg every night",
    "10/7.5 mg alternate days",
    "10/10/7.5 mg every day",
    "500 ug every 12 h",
    "prednisone 60 mg once",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_comes_back_exactly(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("162 mg subcutaneously weekly", "162 mg sc every week"),
        ("162mg sc q2w", "162 mg sc every 2 weeks"),
        ("Actemra 162 mg SC once a week", "tocilizumab 162 mg sc every week"),
        ("8 mg/kg, intravenous, every 4 weeks, max 800 mg", "8 mg/kg iv every 4 weeks, at most 800 mg"),
        ("10 mg alternate days", "10 mg every 2 days"),
        ("delayed-release prednisone 5 mg every night", "prednisone-delayed-release 5 mg every night"),
        ("500 mcg twice a day", "500 ug every 12 h"),
    ],
)
def test_other_spellings_become_canonical(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("162 sc every week", "unit is missing"),
        ("162 mg mg sc every week", "unit is given twice"),
        ("8 mg/kg mg iv every 4 weeks", "unit is given twice"),
        ("5 ml every day", "no such unit"),
        ("8 mg/kg iv every 4 weeks, at most 800", "unit is missing"),
        ("162 mg sc every 2 fortnigths", "not a length of time"),
    ],
)
def test_units_are_named(text: str, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tocilizumap 162 mg sc every week", "did you mean 'tocilizumab'"),
        ("-5 mg every day", "cannot be negative"),
        ("prednisone -5 mg every day", "cannot be negative"),
        ("5 mg evry week", "did you mean 'every'"),
        ("5 mg sc iv every week", "route is given twice"),
        ("5 mg every week every day", "schedule is given twice"),
        ("5 mg", "how often"),
        ("7,5 mg every day", "write 7.5"),
        ("5 mg sc over 1 h every week", "only an infusion lasts"),
        ("prednisone 5 mg sc every day", "not given this way"),
        ("5 mg every 0 days", "above 0"),
        ("5 mg every day at 25:00", "no such time of day"),
        ("", "empty"),
        ("mg every day", "no amount|not known"),
    ],
)
def test_bad_input_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(text, where="trial.yaml, line 7, drug")
    assert str(caught.value).startswith("trial.yaml, line 7, drug: ")
    assert "\n" not in str(caught.value)


def test_doses_per_kg_are_capped_person_by_person() -> None:
    doses = parse("tocilizumab 8 mg/kg iv every 4 weeks, at most 800 mg").doses(0, 112, {"weight": [60, 100, 130]})
    assert doses.time.tolist() == [0, 28, 56, 84]
    assert doses.amount.shape == (4, 3)
    assert doses.amount[3].tolist() == [480, 800, 800]
    assert doses.duration_h == 1  # the label's hour, where the text names none
    assert (doses.drug, doses.route) == ("tocilizumab", "iv")


def test_windows_join_without_a_gap_or_a_double_dose() -> None:
    regimen = parse("tocilizumab 162 mg sc every 2 weeks from week 1")
    whole = regimen.times(0, 364)
    parts = np.concatenate([regimen.times(a, a + 28) for a in range(0, 364, 28)])
    np.testing.assert_array_equal(whole, parts)
    assert whole[:3].tolist() == [7, 21, 35]


def test_alternating_doses_keep_their_turn_over_windows() -> None:
    regimen = parse("prednisone 10/7.5 mg alternate days")
    later = regimen.doses(101, 105)
    assert later.amount[:, 0].tolist() == [7.5, 10, 7.5, 10]
    assert regimen.doses(0, 364).amount.mean() == 8.75


def test_a_morning_dose_is_taken_in_the_morning_and_delayed_release_at_night() -> None:
    assert parse("prednisone 5 mg every day").doses(0, 1).time.tolist() == [8 / 24]
    night = parse("prednisone-delayed-release 5 mg every night").doses(0, 2)
    assert night.drug == "prednisone"
    np.testing.assert_allclose(night.time, [22 / 24, 46 / 24])
    np.testing.assert_allclose(night.enters - night.time, 4 / 24)


def test_a_span_holds_its_doses() -> None:
    assert parse("162 mg sc every 2 weeks for 52 weeks").times(0, 1e4).size == 26
    assert parse("162 mg sc every week for 3 doses from week 4").times(0, 1e4).tolist() == [28, 35, 42]


def test_a_missing_weight_is_named() -> None:
    regimen = parse("tocilizumab 8 mg/kg iv every 4 weeks")
    with pytest.raises(InputError, match="needs the people's weight"):
        regimen.doses(0, 28)
    with pytest.raises(InputError, match="not above 0"):
        regimen.doses(0, 28, {"weight": [70.0, 0.0]})
    with pytest.raises(InputError, match="no drug is named"):
        parse("8 mg every day").doses(0, 28)


positive = st.floats(0.001, 1e4, allow_nan=False).map(lambda x: float(f"{x:.6g}"))
regimens = st.builds(
    Regimen,
    amounts=st.lists(positive, min_size=1, max_size=4).map(tuple),
    unit=st.sampled_from(["mg", "ug", "mg/kg"]),
    every=st.one_of(st.none(), st.builds(Span, st.integers(1, 90).map(float), st.sampled_from(["h", "day", "week"]))),
    drug=st.sampled_from([None, "tocilizumab"]),
    route=st.sampled_from([None, "iv"]),
    over=st.one_of(st.none(), st.builds(Span, positive, st.sampled_from(["h", "min"]))),
    clock=st.sampled_from([None, "07:30"]),
    at_most=st.one_of(st.none(), positive),
    lasting=st.one_of(
        st.none(), st.builds(Span, st.integers(1, 99).map(float), st.sampled_from(["day", "week", "dose"]))
    ),
    start=st.integers(0, 400).map(float),
)


@given(regimens)
def test_every_regimen_survives_its_text(regimen: Regimen) -> None:
    assert parse(str(regimen)) == regimen


@given(regimens, st.floats(30, 200))
def test_no_dose_is_negative_or_above_its_limit(regimen: Regimen, weight: float) -> None:
    doses = regimen.of("tocilizumab").doses(0, 100, {"weight": [weight]})
    assert np.all(doses.amount >= 0)
    assert np.all(doses.amount <= (regimen.at_most or np.inf))
