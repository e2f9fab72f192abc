"""What a search saves: virtual patients with a history and a diary, the guideline's plan against the one found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from abate.engine.ensemble import Dose, compile_model
from abate.ground.randomness import normal, uniform
from abate.planner.landmarks import EVERY, OTHERS, SMALLEST, first_flare
from abate.planner.optimise import optimise
from abate.planner.options import candidates
from abate.planner.people import people_like
from abate.planner.record import Record, record_from
from abate.planner.settings import candidate_list
from abate.science.model import load
from abate.science.population import draw, load_population
from abate.science.regimen import load_taper
from abate.science.regimen.drugs import clock_hours
from abate.study.observation import load_clinic

__all__ = ["check", "virtual_records"]

TODAY = date(2026, 6, 1)
PACES = {"pmr": "eular-acr-2015", "gca": "giacta-26"}
STARTS = {"pmr": 15.0, "gca": 40.0}
SHORTEST, LONGEST = 28, 224
"""Days of treatment that a patient has behind him."""


def virtual_records(patients: int, seed: int = 1, *, disease: str = "pmr") -> list[Record]:
    """Return records of virtual patients on the guideline's taper without a flare so far, visits as their diary.

    Parameters
    ----------
    patients : int
    seed : int
    disease : str
    """
    listed = candidate_list(disease)
    model, clinic = load(listed.model), load_clinic()
    hour = clock_hours()["morning"] / 24
    taper = load_taper(PACES[disease], start=STARTS[disease]).from_dose(STARTS[disease])
    planned = taper.daily(LONGEST + 1)[0]
    who = OTHERS + np.arange(-(-2 * patients // 16) * 16)
    covariates, parameters = draw(load_population(listed.population), model, who, seed)
    doses = [Dose(k + hour, "prednisone", "oral", float(mg)) for k, mg in enumerate(planned) if mg > 0]
    times = np.arange(0.0, LONGEST + 1, EVERY)
    rows = compile_model(model).start(parameters, who, seed).advance(float(LONGEST), doses, record_at=times)
    visits = np.arange(times.size)
    errors = np.asarray(normal(seed, "savings:score", who[None, :], visits[:, None]))
    seen = np.log(np.maximum(rows["symptoms"], SMALLEST)) + clinic["symptom-score"].noise * errors
    flare = first_flare(seen, np.log(clinic.flare_level(disease)))
    pain = clinic["pain"].scale / model.parameters[model.resolve("score")].value
    made: list[Record] = []
    for k, person in enumerate(who):
        lived = EVERY * int(
            (SHORTEST + (LONGEST - SHORTEST) * float(uniform(seed, "savings:day", int(person), 0))) // EVERY
        )
        if flare[k] * EVERY <= lived or len(made) == patients or planned[lived - 1] < 2:
            continue
        begun = TODAY - timedelta(days=lived)
        drugs, was = [], None
        for day in range(lived):
            if planned[day] != was:
                was = float(planned[day])
                drugs.append({"regimen": f"prednisone {was:g} mg every morning", "from": begun + timedelta(days=day)})
        diary = [
            {"date": begun + timedelta(days=int(t)), "pain": round(float(min(10.0, np.exp(seen[v, k]) * pain)), 1)}
            for v, t in enumerate(times) if 0 < t < lived
        ]  # fmt: skip
        weight = round(float(covariates["weight"][k]), 1) if "weight" in covariates else None
        data: dict[str, Any] = {"name": f"virtual-{k}", "disease": disease, "today": TODAY, "diagnosed": begun,
                                "drugs": drugs, "diary": diary}  # fmt: skip
        made.append(record_from(data | ({"weight": weight} if weight else {})))
    return made


def check(
    patients: int = 50, people: int = 64, trials: int = 40, weeks: int = 60, seed: int = 1, *, disease: str = "pmr",
    progress: Callable[[float], None] | None = None, each: Callable[[list[dict[str, Any]]], None] | None = None,
    done: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Search for every patient at the flare risk of the guideline's own plan; a row a patient.

    `each` is called with the rows so far after every patient, so that a long check that is broken off is not lost;
    with those rows as `done` it goes on from there.
    """
    known = {(row["patient"], row["dose"]): dict(row) for row in done}
    found = []
    records = virtual_records(patients, seed, disease=disease)
    for place, record in enumerate(records, start=1):
        if (record.name, record.dose) in known:
            found.append(known[record.name, record.dose])
            continue
        options = candidates(record)
        like = people_like(record, people, seed, weeks=weeks)
        best = optimise(like, options[candidate_list(disease).reference], trials=trials, weeks=weeks)
        saved = best.saved
        found.append(
            {
                "patient": record.name,
                "dose": record.dose,
                "kept": best.kept,
                "saved": saved.estimate,
                "low": saved.low,
                "high": saved.high,
                "risk": best.risk,
                "flare": float(np.isfinite(best.chosen.flare_day).mean()),
                "flare_of_guideline": float(np.isfinite(best.reference.flare_day).mean()),
                "plan": best.chosen.option.label,
            }
        )
        if each:
            each(found)
        if progress:
            progress(place / len(records))
    return found
