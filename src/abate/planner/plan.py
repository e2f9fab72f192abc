"""All options of one patient, forecast and compared: what results.json holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from abate.ground.results import Estimate
from abate.planner.flags import red_flags
from abate.planner.forecast import Forecast
from abate.planner.outlook import UNKNOWN, paired_difference
from abate.planner.people import People
from abate.planner.record import Record
from abate.planner.settings import candidate_list, numbers

__all__ = ["NOT_VALIDATED", "compare", "payload"]

NOT_VALIDATED = (
    "The forecast for one person: it was never compared with what became of real patients.",
    "Chances of a flare on a taper other than those of the published trials; too many repeat relapses and "
    "flares too early "
    "in a taper are known faults of the model.",
    "Recovery of the adrenals: two published figures set it, and none is left to test it.",
    "Disease other than polymyalgia rheumatica and giant cell arteritis, and other drugs against them such "
    "as methotrexate.",
)


def compare(forecasts: Mapping[str, Forecast], reference: str) -> dict[str, dict[str, Estimate]]:
    """Return what each option does against a reference, in the same people: flare, prednisone, days without it.

    Raises
    ------
    KeyError
        If the reference is none of the options.
    """
    base = forecasts[reference]
    found = {}
    for slug, other in forecasts.items():
        if slug == reference or other.people is not base.people:  # only the same people can be paired
            continue
        both = base.solved & other.solved
        rows = {
            "flare": (np.isfinite(other.flare_day), np.isfinite(base.flare_day)),
            "cumulative-prednisone-mg": (other.daily.sum(axis=1), base.daily.sum(axis=1)),
            "days-off-prednisone": (_days_off(other), _days_off(base)),
        }
        found[slug] = {
            name: paired_difference(a[both].astype(float), b[both].astype(float)) for name, (a, b) in rows.items()
        }
        if not base.people.record.flares_forecast:
            found[slug]["flare"] = UNKNOWN
    return found


def _days_off(forecast: Forecast) -> Any:
    taken = forecast.daily > 0
    return (np.cumsum(taken[:, ::-1], axis=1) == 0).sum(axis=1)


def payload(
    people: People, forecasts: Mapping[str, Forecast], *, reference: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the content of results.json of a plan.

    Parameters
    ----------
    people : People
    forecasts : mapping of slug to Forecast
    reference : str, optional
        The option that the others are compared with; by default the library's, else the first.
    """
    record = people.record
    wanted = reference or candidate_list(record.disease).reference
    chosen = wanted if wanted in forecasts else next(iter(forecasts))
    options = {}
    for place, (slug, forecast) in enumerate(forecasts.items(), start=1):
        options[slug] = forecast.as_dict()
        if progress:
            progress(place / len(forecasts))
    return {
        "patient": about(record),
        "basis": {
            "kind": people.basis,
            "says": people.says,
            "people": people.n,
            "effective_people": people.effective,
            "warnings": list(people.warnings),
            "flares_forecast": record.flares_forecast,
        },
        "red_flags": [flag.as_dict() for flag in red_flags(record)],
        "reference": chosen,
        "options": options,
        "differences": compare(forecasts, chosen),
        "cut_offs": {
            name: {"value": q.value, "unit": q.unit, "source": q.source, "grade": q.grade}
            for name, q in numbers("adrenal").items()
        },
        "model": {"name": people.model.name, "not_validated": list(NOT_VALIDATED)},
        "note": "For research and conversation with your clinician, not a prescription. Never stop a steroid abruptly.",
    }


def about(record: Record) -> dict[str, Any]:
    """Return what a plan says of the patient."""
    antibody = record.antibody(record.today)
    return {
        "name": record.name,
        "disease": record.disease,
        "today": record.today.isoformat(),
        "dose_mg": record.dose,
        "antibody": antibody.regimen if antibody else None,
    }
