"""Endpoints on a made-up Study of four people, against figures worked out by hand."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abate.study.endpoints import check_rule, estimate, per_person
from abate.study.tables import StudyTables, empty

DAYS = 364.0
"""A trial of 52 weeks."""


def rule(kind: str, estimator: str = "proportion", **numbers: Any) -> dict[str, Any]:
    return {"kind": kind, "estimator": estimator, "label": kind, "source": "made up", **numbers}


def study() -> StudyTables:
    """Four people on 20, 10, 10 and 0 mg for 70 days; a flares twice, b once after stopping, c leaves on day 182."""
    subjects = pd.DataFrame({"subject": list("abcd"), "arm": "one", "weight": [50.0, 80.0, 80.0, 100.0]})
    doses = pd.DataFrame(
        {
            "subject": list("abc"),
            "time": 0.0,
            "drug": "prednisone",
            "route": "oral",
            "amount": [20.0, 10.0, 10.0],
            "unit": "mg",
            "duration": 0.0,
            "interval": 1.0,
            "count": 70,
        }
    )
    events = pd.DataFrame(
        [("a", 56.0, "flare"), ("a", 200.0, "flare"), ("b", 200.0, "flare"), ("c", 182.0, "withdrawal")],
        columns=["subject", "time", "event"],
    ).assign(detail="")
    seen = [("a", 0, 40.0), ("a", 56, 60.0), ("a", 140, 4.0), ("b", 0, 40.0), ("b", 56, 8.0), ("b", 140, 25.0)]
    seen += [("c", 0, 40.0), ("c", 56, 3.0), ("d", 0, 40.0), ("d", 56, 30.0)]
    measurements = pd.DataFrame(seen, columns=["subject", "time", "value"]).assign(
        visit="", measure="crp", item="", unit="mg/L", censoring=""
    )
    return StudyTables(
        subjects=subjects,
        doses=doses,
        measurements=measurements,
        events=events,
        decisions=empty("decisions"),
        meta={},
    )


def one(name: str, **numbers: Any) -> pd.Series:
    own = {"e": rule(name, **numbers)}
    return per_person(study(), DAYS, ["e"], own)["e"]


def test_flares_within_a_window() -> None:
    assert one("flares", at_least=1, from_week=8).tolist() == [1, 1, 0, 0]  # day 56 is not after week 8
    assert one("flares", at_least=2).tolist() == [1, 0, 0, 0]


def test_flares_of_those_who_had_stopped() -> None:
    # At week 20 a, b, c and d have taken none for four weeks; within 10 weeks (to day 210) a and b flare.
    assert one("flares-off-glucocorticoid", at_week=20, within_weeks=10).tolist() == [1, 1, 0, 0]
    # At week 10 all but d took prednisone in the four weeks before.
    np.testing.assert_array_equal(one("flares-off-glucocorticoid", at_week=10, within_weeks=4), [np.nan] * 3 + [0.0])


def test_flares_after_each_persons_own_stop() -> None:
    # a, b and c stop on day 70; a and b flare on day 200; c leaves on day 182; d never took any.
    after = functools.partial(one, "flares-after-stopping", off_weeks=1)
    np.testing.assert_array_equal(after(within_weeks=10), [0, 0, 0, np.nan])
    np.testing.assert_array_equal(after(within_weeks=20), [1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(after(within_weeks=45), [np.nan] * 4)  # beyond the end of the study
    # A flare on prednisone is none after it: a flares on day 56 too.
    assert after(within_weeks=18)["a"] == 0


def test_a_pause_of_days_between_doses_is_no_stop() -> None:
    tables = study()
    row = tables.doses.iloc[[0]].assign(subject="d", drug="prednisone", amount=5.0)
    alternate = row.assign(time=0.3, count=20, interval=2.0)  # every second day to day 38
    again = row.assign(time=60.3, count=10, interval=1.0)
    doses = pd.concat([tables.doses[tables.doses["subject"] != "d"], alternate, again], ignore_index=True)
    tables = replace(tables, doses=doses)
    flare = pd.DataFrame([("d", 50.0, "flare", "")], columns=["subject", "time", "event", "detail"])
    tables = replace(tables, events=pd.concat([tables.events, flare], ignore_index=True))

    def flared(off: int) -> float:
        own = {"e": rule("flares-after-stopping", off_weeks=off, within_weeks=8)}
        return float(per_person(tables, DAYS, ["e"], own)["e"]["d"])

    assert flared(1) == 1  # stopped on day 39, the flare on day 50 came after
    assert flared(4) == 0  # three weeks without is no stop; the last dose is on day 69


def test_a_rate_counts_person_months() -> None:
    own = {"e": rule("flare-rate", "rate", per_person_months=100)}
    people = per_person(study(), DAYS, ["e"], own)
    found = estimate("e", people, own=own)
    months = (3 * 364 + 182) / (365.25 / 12)
    assert found.estimate == pytest.approx(100 * 3 / months)
    # Garwood's exact limits for three events: 0.6187 and 8.7673.
    assert found.low == pytest.approx(100 * 0.6187 / months, rel=1e-3)
    assert found.high == pytest.approx(100 * 8.7673 / months, rel=1e-3)


def test_days_on_prednisone_and_much_of_it_at_a_flare() -> None:
    assert one("glucocorticoid-duration", estimator="mean").tolist() == [70, 70, 70, 0]
    # a flares on day 56 on 20 mg; b on day 200 on none; c and d never.
    np.testing.assert_array_equal(one("glucocorticoid-above-at-flare", limit=10.0), [1.0, 0.0, np.nan, np.nan])


def test_controlled_counts_a_low_dose_or_a_fall_in_it() -> None:
    numbers = {"measure": "crp", "limit": 10.0, "at_week": 8}
    assert one("controlled", **numbers).tolist() == [0, 0, 0, 0]  # d is on none, with a CRP of 30
    assert one("controlled", glucocorticoid_at_most=10.0, **numbers).tolist() == [0, 1, 1, 0]
    # 10 mg is 0.125 mg/kg at 80 kg.
    assert one("controlled", glucocorticoid_at_most_per_kg=0.125, **numbers).tolist() == [0, 1, 1, 0]
    assert one("controlled", glucocorticoid_at_most_per_kg=0.12, **numbers).tolist() == [0, 0, 0, 0]
    later = {"measure": "crp", "limit": 10.0, "at_week": 20}
    assert one("controlled", glucocorticoid_fall=20.0, **later).tolist() == [1, 0, 0, 0]


def test_above_at_any_visit_with_and_without_those_of_a_flare() -> None:
    numbers = {"measure": "crp", "limit": 10.0, "from_week": 4}
    assert one("ever-above", **numbers).tolist() == [1, 1, 0, 1]
    assert one("ever-above", without_flare=True, **numbers).tolist() == [0, 1, 0, 1]


def test_below_at_any_visit() -> None:
    assert one("ever-below", measure="crp", limit=10.0, from_week=4).tolist() == [1, 1, 1, 0]
    assert one("ever-below", measure="crp", limit=10.0, from_week=10).tolist() == [1, 0, 0, 0]


def test_a_fall_by_a_share() -> None:
    # 40 to 60, 8, 3 and 30: falls by -50, 80, 92.5 and 25 %.
    assert one("measure-fall", measure="crp", at_week=8, by_share=0.30).tolist() == [0, 1, 1, 0]


def test_a_rule_that_lacks_a_number_is_refused() -> None:
    from abate.ground.errors import InputError

    with pytest.raises(InputError, match="the key 'per_person_months' is missing"):
        check_rule("mine", rule("flare-rate", "rate"))
    with pytest.raises(InputError, match="the estimator does not fit"):
        check_rule("mine", rule("flare-rate", "median", per_person_months=100))


def test_the_restricted_mean_of_the_time_to_a_flare() -> None:
    own = {"e": rule("time-to-flare", "restricted-mean")}
    found = estimate("e", per_person(study(), DAYS, ["e"], own), own=own)
    # Kaplan-Meier: 1 to day 56, 3/4 to day 200 (c left on day 182, so two are at risk), 3/8 to day 364.
    assert found.estimate == pytest.approx(56 + 0.75 * (200 - 56) + 0.375 * (364 - 200))


def test_an_endpoint_beyond_the_end_of_the_study_is_said_and_not_estimated() -> None:
    tables = study()
    names = ["remission-by-week-12", "on-glucocorticoid-week-52", "patients-with-a-flare"]
    people = per_person(tables, 56.0, names)
    for name, week in (("remission-by-week-12", 12), ("on-glucocorticoid-week-52", 52)):
        found = estimate(name, people[people["arm"] == "one"])
        assert np.isnan(found.estimate)
        assert (found.n, found.method) == (0, f"not reached: it asks for week {week}, the study ends in week 8")
    assert estimate("patients-with-a-flare", people).n == len(people)
    assert estimate("remission-by-week-12", per_person(tables, 84.0, names)).n == len(people)
    assert "remission-by-week-12" not in per_person(tables, 56.0)
