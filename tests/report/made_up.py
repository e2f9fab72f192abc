"""A made-up Study of four arms: small, seeded, with every table and daily courses, and no model behind it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from abate.study.store import Study, write

ARMS = {"tocilizumab-weekly": 12, "tocilizumab-fortnightly": 8, "placebo-26": 8, "placebo-52": 8}
DAYS = 364
META = {
    "name": "giacta",
    "source": "simulated",
    "disease": "gca",
    "weeks": 52,
    "arms": {slug: {"patients": n} for slug, n in ARMS.items()},
    "reference": "placebo-26",
    "provenance": {"version": "0.1.0", "seed": 7, "model": "il6_blockade/gca", "model_hash": "0f3c"},
}


def made_up_study(folder: Path, *, simulated: bool = True) -> Study:
    rng = np.random.default_rng(7)
    people, doses, seen, events, ledger, daily = [], [], [], [], [], []
    number = 0
    for arm, n in ARMS.items():
        drug = arm.startswith("tocilizumab")
        for _ in range(n):
            number += 1
            subject = f"{number:03d}"
            people.append({"subject": subject, "arm": arm, "sex": "female", "age": 70.0 + number % 5, "weight": 68.5})
            left = 200.0 if number % 9 == 0 else None
            flare = None if (drug and number % 4) or number % 5 == 0 else 7.0 * rng.integers(16, 26)
            stop = int(left or DAYS)
            dose = np.repeat(np.maximum(0, 60 - 5 * np.arange(52)), 7)[:DAYS].astype(float)
            if flare is not None:
                dose[int(flare) :] = np.maximum(dose[int(flare) :], 40 - 2 * (np.arange(DAYS - int(flare)) // 7))
            doses += _runs(subject, dose[:stop])
            if drug:
                doses.append(_dose(subject, 0, "tocilizumab", "sc", 162.0, stop // 7, 7.0))
            for day in range(0, stop + 1, 14):
                high = flare is not None and flare <= day < flare + 14
                seen.append(_seen(subject, day, "symptom-score", 25.0 if high else 3.0, "point"))
                seen.append(_seen(subject, day, "crp", 2.0 if drug else 22.0 if high else 6.0, "mg/L"))
            events.append((subject, 14.0, "remission", ""))
            ledger.append(_decided(subject, 14, "remission", 4.0, 60, "call remission", "symptoms are low"))
            if flare is not None:
                events.append((subject, flare, "flare", ""))
                row = (subject, int(flare), "flare", 25.0, 0, "call flare; rescue to 40 mg, then giacta-26", "symptoms")
                ledger.append(_decided(*row))
            if left is not None:
                events.append((subject, left, "withdrawal", "left the study"))
            daily.append(_course(drug, flare, rng))
    tables = {
        "subjects": pd.DataFrame(people),
        "doses": pd.DataFrame(doses),
        "measurements": pd.DataFrame(seen),
        "events": pd.DataFrame(events, columns=["subject", "time", "event", "detail"]),
        "decisions": pd.DataFrame(ledger),
    }
    meta = META if simulated else {**META, "source": "observed", "provenance": {}}
    write(folder, meta, tables)
    if simulated:
        _write_courses(folder, tables["subjects"], daily)
    return Study(folder)


def _runs(subject: str, dose: np.ndarray) -> list[dict[str, object]]:
    edges = np.flatnonzero(np.diff(dose, prepend=np.nan, append=np.nan) != 0)
    spans = pairwise(edges)
    return [_dose(subject, a + 1 / 3, "prednisone", "oral", dose[a], b - a, 1.0) for a, b in spans if dose[a] > 0]


def _dose(
    subject: str, time: float, drug: str, route: str, amount: float, count: int, interval: float
) -> dict[str, object]:
    row = {"subject": subject, "time": float(time), "drug": drug, "route": route, "amount": float(amount)}
    return row | {"unit": "mg", "duration": 0.0, "count": int(count), "interval": interval if count > 1 else 0.0}


def _seen(subject: str, day: float, measure: str, value: float, unit: str) -> dict[str, object]:
    row = {"subject": subject, "time": float(day), "visit": f"week {day // 7}", "measure": measure, "item": ""}
    return row | {"value": value, "unit": unit, "censoring": ""}


def _decided(
    subject: str, day: int, rule: str, score: float, dose: float, decided: str, reason: str
) -> dict[str, object]:
    saw = json.dumps({"symptom-score": score, "dose": float(dose)})
    row = {"subject": subject, "time": float(day), "visit": f"week {day // 7}", "rule": rule, "seen": saw}
    return row | {"decided": decided, "reason": reason}


def _course(drug: bool, flare: float | None, rng: np.random.Generator) -> dict[str, np.ndarray]:
    day = np.arange(DAYS + 1)
    noise = np.exp(rng.normal(0, 0.2))
    bump = np.exp(-(((day - (flare or 9999)) / 12) ** 2))
    level = (60 + 4 * np.sin(day * 2 * np.pi / 7)) * (1 - np.exp(-day / 40)) * noise
    return {
        "C": level if drug else np.zeros(DAYS + 1),
        "il6": (30 if drug else 8) * noise * (1 + bump),
        "crp": np.full(DAYS + 1, 0.6 * noise) if drug else 4 * noise * (1 + 6 * bump),
        "symptoms": 14 * noise * np.exp(-day / 20) + 1 + 18 * bump,
        "morning_cortisol": 380 * noise * (1 - 0.75 * np.exp(-((day / 200) ** 2))),
    }


def _write_courses(folder: Path, subjects: pd.DataFrame, daily: list[dict[str, np.ndarray]]) -> None:
    units = {"C": "ug/mL", "il6": "pg/mL", "crp": "mg/L", "symptoms": "point", "morning_cortisol": "nmol/L"}
    data = {
        name: (("subject", "day"), np.array([d[name] for d in daily], np.float32), {"units": unit})
        for name, unit in units.items()
    }
    coords = {"subject": subjects["subject"].to_numpy(object), "day": np.arange(DAYS + 1)}
    coords |= {"arm": ("subject", subjects["arm"].to_numpy(object))}
    xr.Dataset(data, coords=coords).to_zarr(folder / "courses.zarr", consolidated=False)
