"""Forecasts: the same people for every option, signs, sums, the prior said aloud."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.results import dumps
from abate.planner import (
    Record,
    candidates,
    forecast,
    load_record,
    option_from_text,
    payload,
    people_like,
    record_from,
    schedule,
)
from abate.planner.forecast import Forecast
from abate.planner.outlook import fan_of, share
from abate.planner.people import People, at_start, patient_of
from abate.report.page import render
from abate.report.plan import compose
from abate.report.plan_paper import letter
from abate.science.model import load

EXAMPLE = Path(__file__).parents[2] / "examples" / "patient" / "patient.yaml"
WEEKS = 40
NEW = """
disease: pmr
diagnosed: 2026-01-05
today: 2026-03-02
drugs: [{regimen: prednisone 15 mg every morning, from: 2026-01-05}]
"""


@pytest.fixture(scope="module")
def record() -> Record:
    return record_from(NEW)


@pytest.fixture(scope="module")
def people(record: Record) -> People:
    return people_like(record, 64, seed=3, weeks=WEEKS)


@pytest.fixture(scope="module")
def made(people: People) -> dict[str, Forecast]:
    options = candidates(people.record)
    wanted = ("guideline", "guideline-with-tocilizumab", "patients-slow")
    return {name: forecast(people, options[name], WEEKS) for name in wanted}


def test_without_measurements_it_says_population_prior(people: People) -> None:
    assert people.basis == "population prior"
    assert "Population prior" in people.says
    assert people.effective == people.n == 64


def test_a_forecast_is_the_same_when_asked_again_or_after_others(people: People, made: dict[str, Forecast]) -> None:
    again = forecast(people, made["guideline"].option, WEEKS)
    assert np.array_equal(again.daily, made["guideline"].daily)
    assert np.array_equal(again.courses["symptoms"], made["guideline"].courses["symptoms"])


def test_person_17_is_the_same_among_more_people(record: Record, people: People, made: dict[str, Forecast]) -> None:
    fewer = people_like(record, 32, seed=3, weeks=WEEKS)
    other = forecast(fewer, made["guideline"].option, WEEKS)
    assert np.array_equal(other.daily, made["guideline"].daily[:32])
    assert np.array_equal(other.flare_day, made["guideline"].flare_day[:32])


def test_options_share_people_until_their_doses_differ(people: People) -> None:
    one = forecast(people, option_from_text(people.record, "15 mg for 8 weeks, 12.5 mg for 40 weeks"), 12)
    two = forecast(people, option_from_text(people.record, "15 mg for 8 weeks, 14 mg for 40 weeks"), 12)
    assert np.array_equal(one.courses["symptoms"][:, :9], two.courses["symptoms"][:, :9])
    assert not np.array_equal(one.courses["symptoms"][:, -1], two.courses["symptoms"][:, -1])


def test_the_antibody_lowers_flares_and_crp_and_the_slow_plan_costs_prednisone(made: dict[str, Forecast]) -> None:
    flares = {name: np.isfinite(f.flare_day).mean() for name, f in made.items()}
    assert flares["guideline-with-tocilizumab"] < flares["guideline"]
    crp = {name: np.median(f.courses["crp"][:, 12]) for name, f in made.items()}
    assert crp["guideline-with-tocilizumab"] < 0.5 * crp["guideline"]  # the drug blocks the signal for CRP in the liver
    assert made["patients-slow"].daily.sum() > made["guideline-with-tocilizumab"].daily.sum()


def test_numbers_hang_together(made: dict[str, Forecast]) -> None:
    told = made["guideline"].as_dict()
    chances = [w["estimate"] for w in told["flare"]["by_week"]]
    assert chances == sorted(chances)
    assert chances[0] == 0
    assert told["flare"]["total"].estimate == chances[-1]
    assert told["flare"]["while_on_prednisone"].estimate <= told["flare"]["total"].estimate
    daily = made["guideline"].daily
    assert told["cumulative-prednisone-mg"].estimate == pytest.approx(
        np.median(daily.sum(axis=1)), rel=1e-12
    )  # the same sum
    for row in told["adrenal"]:
        parts = [row[k].estimate for k in ("ready", "uncertain", "not_ready")]
        assert sum(parts) == pytest.approx(1, abs=1e-12)  # every person is in one of three
    assert told["fans"]["dose"]["weeks"][-1] == WEEKS


def test_who_never_flares_takes_the_plan(made: dict[str, Forecast]) -> None:
    one = made["guideline"]
    called = (one.daily != one.option.daily(7 * WEEKS)).any(axis=1)
    quiet = np.isinf(one.flare_day)
    assert (~called & quiet).sum() > 0
    assert not (called & quiet & (one.courses["symptoms"].max(axis=1) < 0.5 * one.threshold)).any()


def test_payload_report_and_letter_hold_for_the_same_numbers(people: People, made: dict[str, Forecast]) -> None:
    told = payload(people, made)
    assert told["reference"] == "guideline"
    gap = told["differences"]["guideline-with-tocilizumab"]["flare"]
    first, second = (told["options"][k]["flare"]["total"].estimate for k in ("guideline-with-tocilizumab", "guideline"))
    assert gap.estimate == pytest.approx(
        first - second, abs=1e-12
    )  # the mean of differences is the difference of means
    told |= {"chosen": "guideline", "schedule": schedule(people.record, made["guideline"].option).as_dict(), "seed": 3}
    plain = json.loads(dumps(told))
    page = render(compose(plain))
    assert "Not a prescription" in page or "not a prescription" in page
    assert "never compared with what became of real patients" in page
    assert "Population prior" in page
    assert "#table" in letter(plain)


def test_the_history_enters_by_dates(record: Record) -> None:
    patient, first = patient_of(record, load("il6_blockade/pmr"))
    assert (record.today - first) == timedelta(days=56)
    assert len(patient.doses) == 56
    assert sum(d.amount for d in patient.doses) == 56 * 15
    assert patient.parameters == {}  # the whole history lies in the window: it begins untreated


def test_long_histories_begin_treated_and_suppressed() -> None:
    model = load("il6_blockade/pmr")
    patient, first = patient_of(load_record(EXAMPLE), model)
    days = (load_record(EXAMPLE).today - first).days
    assert days == 224
    assert patient.parameters["dose_before"] == 10
    assert 0.02 < patient.parameters["A_before"] < 1  # between the model's floor and health
    assert 0 < patient.parameters["M_entry"] < 1
    assert 0 < patient.parameters["D_entry"] < 1
    assert {model.resolve(name) for name in patient.parameters} <= {*model.parameters}


def test_more_prednisone_before_leaves_smaller_adrenals() -> None:
    model = load("il6_blockade/pmr")
    begin = date(2026, 1, 1)
    masses = []
    for mg in (2.5, 30):
        text = NEW.replace("2026-01-05", "2024-01-05").replace("15 mg", f"{mg} mg")
        masses.append(at_start(model, record_from(text), begin)["A_before"])
    assert masses[1] < 0.1 < masses[0]  # 30 mg for two years leaves hardly more than the floor of 0.02


@pytest.mark.parametrize(
    ("ask", "said"),
    [({"people": 20}, "--people: not a number of whole groups: 20; allowed: a multiple of 16")],
)
def test_people_come_in_whole_groups(record: Record, ask: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        people_like(record, **ask)  # type: ignore[arg-type]


def test_a_horizon_beyond_the_noise_is_refused(people: People, made: dict[str, Forecast]) -> None:
    with pytest.raises(InputError, match="--weeks: not a horizon: 200"):
        forecast(people, made["guideline"].option, 200)


def test_an_interval_holds_its_estimate_and_widens_with_fewer_distinct_people() -> None:
    hit = np.arange(128) < 13
    wide, narrow = share(hit, 16), share(hit, 128)
    assert wide.low <= narrow.low <= narrow.estimate <= narrow.high <= wide.high
    assert narrow.estimate == 13 / 128


def test_a_fan_is_nested() -> None:
    rows = fan_of(np.random.default_rng(1).normal(size=(50, 4)))["quantiles"]
    table = np.array([rows[k] for k in ("5", "25", "50", "75", "95")])
    assert (np.diff(table, axis=0) >= 0).all()


def test_measurements_narrow_the_forecast_to_the_patient() -> None:
    record = load_record(EXAMPLE)
    like = people_like(record, 64, seed=1, weeks=8)
    blind = people_like(record, 64, seed=1, weeks=8, basis="prior")
    assert like.basis == "posterior"
    assert "What was measured in this patient was not used" in blind.says
    now = [np.asarray(forecast(p, candidates(record)["doctor"], 8).courses["symptoms"][:, 0]) for p in (like, blind)]
    assert np.std(np.log(now[0])) < np.std(np.log(now[1]))


def test_exact_intervals_are_those_of_the_statistics() -> None:
    from abate.planner.outlook import exact_interval
    from abate.study.statistics.proportions import proportion

    for events, n in ((0, 7), (3, 16), (16, 16), (13, 128)):
        known = proportion(events, n)
        # two libraries' incomplete beta functions
        assert exact_interval(events, n) == pytest.approx((known.low, known.high), abs=1e-9)


def test_fewer_people_stand_for_all_of_them(people: People) -> None:
    from abate.planner.people import fewer

    few = fewer(people, 32)
    assert few.n == 32
    assert few.today == people.today
    assert fewer(people, 640) is people
    made = forecast(few, candidates(people.record)["guideline"], 12)
    assert made.daily.shape == (32, 84)
