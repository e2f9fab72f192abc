"""Options and schedules: doses, tablets, sums, and plans that nobody is given."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abate.ground.errors import InputError
from abate.planner import bundle, candidates, choose, load_record, option_from_text, record_from, schedule, to_ics
from abate.planner.options import antibody_of
from abate.planner.plan_text import taper_from_text
from abate.science.regimen import load_taper, tapers

RECORD = load_record(Path(__file__).parents[2] / "examples" / "patient" / "patient.yaml")
ON_DRUG = """
disease: gca
diagnosed: 2025-01-01
today: 2025-06-02
drugs:
  - {regimen: prednisone 20 mg every morning, from: 2025-01-01}
  - {regimen: tocilizumab 162 mg sc every week, from: 2025-05-20}
"""


def test_text_becomes_the_steps_it_says() -> None:
    taper = taper_from_text("10/7.5 mg for 2 weeks; 7 mg for 10 days, then 2 mg less every month to 0")
    assert [(s.doses, s.days) for s in taper.steps] == [
        ((10.0, 7.5), 14), ((7.0,), 10), ((5.0,), 28), ((3.0,), 28), ((1.0,), 28),
    ]  # fmt: skip
    assert taper.then == 0
    assert taper_from_text("20 mg for 1 week, 10 % less every week to 16").then == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the plan is empty"),
        ("5 mg for 9999999999 weeks", "the plan is too long.*up to 20 years"),
        ("5 mg for 4 weeks, 0.0000001 % less every day to 1", "the plan is too long"),
        ("5 mg for 4 weeks, 0.0001 mg less every day to 0", "the plan is too long"),
        ("5 mg for 0 weeks", "this step has no days"),
        ("99999999 mg for 1 week", "this is no dose of a day"),
        ("ten mg for 4 weeks", "not understood.*ten mg"),
        ("1 mg less every week to 0", "does not say from which dose"),
        ("10 mg for 4 weeks, 0 mg less every week to 0", "lead nowhere"),
        ("0 mg for 4 weeks", "no dose above 0"),
    ],
)
def test_a_text_that_is_no_plan_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        taper_from_text(text)


@given(st.text(alphabet="0123456789. mgforweks%,thnl/", max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_plan_or_one_line(text: str) -> None:
    said = ""
    try:
        said = f"{taper_from_text(text).duration} days"
    except InputError as error:
        said = str(error)
    assert said
    assert "\n" not in said


def test_candidates_begin_at_the_present_dose_and_come_with_and_without_the_antibody() -> None:
    options = candidates(RECORD)
    assert next(iter(options)) == "guideline"
    assert {"doctor", "guideline-with-tocilizumab", "doctor-with-tocilizumab", "patients-slow"} <= set(options)
    assert all(option.daily(1)[0] <= RECORD.dose for option in options.values())
    on = candidates(record_from(ON_DRUG))
    assert on["guideline"].antibody_since == 13
    assert on["guideline-without-tocilizumab"].antibody is None
    with pytest.raises(InputError, match=r"there is no such option.*did you mean 'guideline'"):
        choose(RECORD, ["guidline"])


def test_a_step_dragged_is_another_option_and_leaves_the_first_alone() -> None:
    option = candidates(RECORD)["guideline"]
    moved = option.moved(0, days=56)
    assert moved.days == option.days + 28
    assert option.moved(1, mg=6.5).daily(29)[-1] == 6.5
    with pytest.raises(InputError, match="there is no such step"):
        option.moved(99, mg=1)


# Eight weeks of a trial end with 10, 5, 0 mg in successive weeks; another goes from 1 mg/kg to 0.1 in twelve; constant
# doses of cohorts end as their follow-up does. All more than a schedule may say.
STEEP = {"cantini", "villiger", "steady-15", "steady-20"}


@pytest.mark.parametrize("name", [n for n in tapers() if n not in ("none", "delayed-release")])
def test_only_tapers_of_trials_and_cohorts_fall_too_steeply(name: str) -> None:
    from abate.planner.options import Option

    taper = load_taper(name)
    start = max(taper.steps[0].doses)
    assert bool(Option(name, name, taper, "pmr-cohort", start).abrupt) == (name in STEEP)


@pytest.mark.parametrize(
    "text",
    [
        "3 mg for 4 weeks",
        "7 mg for 1 week, 0 mg for 1 week",
        "7 mg for 1 day, 5 mg for 1 day, 3 mg for 1 day, 1 mg for 4 weeks",
        "10 mg for 1 week, then 2.5 mg less every week to 0",
    ],
)
def test_no_schedule_is_written_for_a_steroid_that_is_cut_abruptly(text: str) -> None:
    option = option_from_text(RECORD, text)
    assert "dangerous" in option.warnings[0]
    with pytest.raises(InputError, match="no schedule is written for a steroid that is cut abruptly"):
        schedule(RECORD, option)


@pytest.mark.parametrize("slug", sorted(candidates(RECORD)))
def test_tablets_add_up_to_the_plan(slug: str) -> None:
    option = candidates(RECORD)[slug]
    made = schedule(RECORD, option)
    assert [d.mg for d in made.days] == option.daily(option.days).tolist()
    assert all(d.tablets.mg == pytest.approx(d.mg, abs=1e-9) for d in made.days)  # halves are exact in binary
    assert sum(total for _, _, total in made.weeks()) == pytest.approx(made.total_mg, abs=1e-6)
    refilled = sum(mg * count for r in made.refills for mg, count in r.tablets)
    assert refilled >= made.total_mg


def test_doses_that_no_tablet_makes_are_averaged_over_days() -> None:
    whole = RECORD.model_copy(update={"tablets": "uk-enteric", "strengths": ()})
    made = schedule(whole, option_from_text(whole, "6.25 mg for 4 weeks, 5 mg for 4 weeks"))
    assert np.mean([d.tablets.mg for d in made.days[:28]]) == pytest.approx(
        6.25, abs=1e-9
    )  # a cycle of two days fits 28


def test_schedule_csv_has_a_row_a_day_and_its_reminders() -> None:
    made = schedule(RECORD, candidates(RECORD)["guideline"])
    rows = list(csv.DictReader(io.StringIO(made.csv())))
    assert len(rows) == len(made.days)
    assert rows[28]["lowered_by_per_cent"] == "14.3"  # 7 to 6 mg
    cortisol = next(r for r in rows if "morning cortisol" in r["reminder"])
    assert float(cortisol["mg"]) <= 6


def test_calendar_parses_and_covers_every_day_once() -> None:
    from icalendar import Calendar

    made = schedule(RECORD, candidates(RECORD)["patients-slow"])
    events = Calendar.from_ical(to_ics(made)).walk("VEVENT")
    doses = [e for e in events if str(e["summary"]).startswith("Prednisone")]
    covered = sum((e.decoded("dtend") - e.decoded("dtstart")).days for e in doses)
    assert covered == len(made.days)
    assert all("not a prescription" in str(e["description"]) for e in events)
    assert to_ics(made) == to_ics(made)
    assert len({str(e["uid"]) for e in events}) == len(events)


def test_fhir_requests_are_proposals_that_cover_the_plan() -> None:
    made = schedule(RECORD, candidates(RECORD)["guideline"])
    rows = [e["resource"] for e in bundle(made)["entry"]]
    requests = [r for r in rows if r["resourceType"] == "MedicationRequest"]
    assert {(r["intent"], r["status"]) for r in requests} == {("proposal", "draft")}
    periods = [r["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] for r in requests]
    assert periods[0]["start"] == RECORD.today.isoformat()
    assert periods[-1]["end"] == (RECORD.today + timedelta(days=len(made.days) - 1)).isoformat()
    body = 2  # weight and height
    seen = 3 * len(RECORD.diary) + len(RECORD.measurements) + body
    assert len([r for r in rows if r["resourceType"] == "Observation"]) == seen
    assert len([r for r in rows if r["resourceType"] == "MedicationStatement"]) == len(RECORD.drugs)


def test_only_an_antibody_stands_where_one_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"this is no antibody against the IL-6 receptor: 'prednisone 20 mg"):
        antibody_of(RECORD, "prednisone 20 mg every morning")
