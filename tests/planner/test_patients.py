"""Patients of every kind: other diseases, glucocorticoids and patterns, no prednisone, an antibody, an illness."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from abate.ground.errors import InputError
from abate.ground.results import dumps
from abate.inference.seen import read_seen
from abate.planner import candidates, explain, forecast, payload, people_like, record_from, schedule
from abate.planner.people import patient_of
from abate.report.page import render
from abate.report.plan import compose
from abate.report.plan_paper import letter
from abate.science.model import load

TEXT = """
disease: {disease}
diagnosed: 2025-01-06
today: 2026-03-02
weight: 70
drugs:
  - {{regimen: {regimen}, from: 2025-01-06{to}}}
{more}
"""


def record(disease: str = "pmr", regimen: str = "prednisone 10 mg every morning", to: str = "", more: str = ""):  # type: ignore[no-untyped-def]
    return record_from(TEXT.format(disease=disease, regimen=regimen, to=to, more=more))


@pytest.mark.parametrize(
    ("regimen", "level"),
    [
        ("prednisone 10 mg every 2 days", 5.0),
        ("prednisone 10/7.5 mg every morning", 8.75),
        ("prednisone 5 mg every 12 h", 10.0),
        ("methylprednisolone 8 mg every morning", 10.0),
        ("prednisolone 7.5 mg every morning", 7.5),
        ("rayos 5 mg every night", 5.0),
        ("hydrocortisone 20 mg every morning", 5.0),
    ],
)
def test_every_pattern_and_drug_comes_to_prednisone_a_day(regimen: str, level: float) -> None:
    patient = record(regimen=regimen)
    assert patient.dose == pytest.approx(level, rel=1e-9)  # the table's quotients are exact to rounding
    options = candidates(patient)
    assert options
    assert not any(option.abrupt for option in options.values())
    assert all(option.daily(1)[0] <= level + 1e-9 for option in options.values())


def test_another_glucocorticoid_is_named_and_its_plan_is_in_prednisone() -> None:
    like = people_like(record(regimen="methylprednisolone 8 mg every morning"), 16, weeks=8)
    assert any("methylprednisolone counts as 10 mg of prednisone" in note for note in like.warnings)


@pytest.mark.parametrize("disease", ["ra", "fibromyalgia"])
def test_where_no_model_knows_flares_none_is_forecast_and_it_says_so(disease: str) -> None:
    patient = record(disease, more="diary: [{date: 2026-02-20, pain: 6, fatigue: 5}]")
    options = candidates(patient)
    assert not any("with-tocilizumab" in slug for slug in options)
    like = people_like(patient, 16, weeks=60)
    assert any("no flare is forecast" in note for note in like.warnings)
    told = payload(like, {slug: forecast(like, option, 60) for slug, option in options.items()})
    told |= {"chosen": "monthly", "schedule": schedule(patient, options["monthly"]).as_dict(), "seed": 1}
    plain = json.loads(dumps(told))
    flare = plain["options"]["monthly"]["flare"]
    assert flare["total"]["estimate"] is None
    assert {week["estimate"] for week in flare["by_week"]} == {None}
    assert plain["differences"]["ten-per-cent"]["flare"]["estimate"] is None
    assert any(row["ready"]["estimate"] is not None for row in plain["options"]["monthly"]["adrenal"])
    page = render(compose(plain))
    assert "no flare is forecast" in page
    assert "Chance of a first flare" not in page
    assert "no flare is forecast" in letter(plain)
    with pytest.raises(InputError, match="complaints are not explained in this disease"):
        explain(patient)


def test_withdrawal_is_felt_without_a_disease() -> None:
    patient = record("fibromyalgia")
    like = people_like(patient, 16, weeks=20)
    made = forecast(like, candidates(patient)["monthly"], 20)
    assert made.courses["u"].max() == pytest.approx(0, abs=1e-9)  # inflammation is switched off
    assert made.courses["morning_cortisol"].min() > 0


def test_who_takes_nothing_stays_off_and_gets_a_calendar_without_tablets() -> None:
    patient = record(to=", to: 2026-01-10")
    options = candidates(patient)
    assert list(options) == ["stay-off", "stay-off-with-tocilizumab"]
    made = schedule(patient, options["stay-off"])
    assert made.total_mg == 0
    assert not made.refills
    assert not any("Before the last tablet" in reminder.what for reminder in made.reminders)
    assert any("since the last tablet" in reminder.what for reminder in made.reminders)


def test_sixty_milligrams_of_somebody_with_giant_cell_arteritis_are_tapered() -> None:
    options = candidates(record("gca", "prednisone 60 mg every morning"))
    assert {"guideline", "giacta-26"} <= set(options)
    assert not any(option.abrupt for option in options.values())


def test_sarilumab_goes_on_in_its_rhythm() -> None:
    more = "  - {regimen: sarilumab 200 mg sc every 2 weeks, from: 2026-01-05}"
    patient = record(more=more)
    option = candidates(patient)["guideline"]
    assert option.antibody is not None
    assert option.antibody.drug == "sarilumab"
    assert option.antibody_since == 56
    assert "guideline-without-sarilumab" in candidates(patient)
    like = people_like(patient, 16, weeks=12)
    with_it = forecast(like, option, 12).courses["crp"][:, -1]
    without = forecast(like, candidates(patient)["guideline-without-sarilumab"], 12).courses["crp"][:, -1]
    assert np.median(with_it) < np.median(without)


def test_blood_of_days_of_another_illness_says_nothing_of_the_disease() -> None:
    more = (
        "measurements:\n"
        "  - {date: 2026-01-10, name: crp, value: 60, unit: mg/L}\n"
        "  - {date: 2026-01-10, name: morning-cortisol, value: 10, unit: ug/dL}\n"
        "  - {date: 2026-02-20, name: crp, value: 0.4, unit: mg/dL}\n"
        "illness: [{from: 2026-01-02, to: 2026-01-06, what: influenza}]"
    )
    patient = record(more=more)
    seen, _ = patient_of(patient, load("il6_blockade/pmr"))
    assert [(m.name, round(m.value)) for m in seen.measurements] == [("morning-cortisol", 276), ("crp", 4)]
    assert patient.ill(date(2026, 1, 20)) is not None
    assert patient.ill(date(2026, 1, 21)) is None


def test_a_red_flag_stands_in_every_payload_whatever_is_forecast() -> None:
    patient = record(more="diary: [{date: 2026-03-01, pain: 1, signs: [vision]}]")
    like = people_like(patient, 16, weeks=8)
    told = payload(like, {"guideline": forecast(like, candidates(patient)["guideline"], 8)})
    assert told["red_flags"][0]["urgency"] == "now"


def test_a_level_is_that_of_the_antibody_that_was_given_when_it_was_drawn() -> None:
    model = load("il6_blockade/pmr")

    def outputs(drugs: str, measured: str) -> list[str]:
        rows = "".join(f"  - {row}\n" for row in drugs.split("; "))
        patient, _ = patient_of(record(more=f"{rows}measurements:\n{measured}"), model)
        return [output for m in read_seen(patient, model).sees for output, _, _ in m]

    level = "  - {{date: {}, name: drug-level, value: 9, unit: ug/mL}}\n"
    toci = "{regimen: tocilizumab 162 mg sc every week, from: 2025-09-01}"
    sari = "{regimen: sarilumab 200 mg sc every 2 weeks, from: 2026-01-05}"
    assert outputs(toci, level.format("2026-01-12")) == ["C"]
    assert outputs(sari, level.format("2026-02-02")) == ["C_sarilumab"]
    switched = toci.replace("2025-09-01", "2025-09-01, to: 2025-12-28")
    dates = level.format("2025-12-01") + level.format("2026-02-02")
    assert outputs(f"{switched}; {sari}", dates) == ["C", "C_sarilumab"]
    with pytest.raises(InputError, match="measurements, 2026-02-02, name: no dose names the antibody"):
        outputs("{regimen: prednisone 1 mg every morning, from: 2026-01-05}", level.format("2026-02-02"))
