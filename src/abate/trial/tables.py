"""From arrays of an arm to the tables of a Study."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abate.science.regimen.drugs import clock_hours
from abate.study.observation import Clinic
from abate.study.tables import empty
from abate.trial.course import Course
from abate.trial.doses import daily_rows, repeated_rows
from abate.trial.dosing import STEROID
from abate.trial.leaving import UNTOLD

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["study_rows", "visit_label"]


def visit_label(day: int, *, scheduled: bool = True) -> str:
    """Name a visit; one between the scheduled ones is named apart, as only some people came to it.

    Examples
    --------
    >>> visit_label(84), visit_label(3), visit_label(21, scheduled=False)
    ('week 12', 'day 3', 'unscheduled day 21')
    """
    if not scheduled:
        return f"unscheduled day {day}"
    return f"week {day // 7}" if day % 7 == 0 else f"day {day}"


def study_rows(course: Course, arm: str, subjects: npt.NDArray[np.object_], clinic: Clinic) -> dict[str, pd.DataFrame]:
    """Return the tables of the first ``len(subjects)`` people of a course.

    Parameters
    ----------
    course : Course
        Of whole groups of people; those beyond `subjects` are dropped.
    arm : str
        Slug.
    subjects : ndarray of str, shape (m,)
        Identifiers.
    clinic : Clinic
        For the units of the measures.
    """
    n = subjects.size
    return {
        "subjects": _subjects(course, arm, subjects),
        "doses": _doses(course, subjects),
        "measurements": _measurements(course, subjects, clinic),
        "events": _events(course, subjects, n),
        "decisions": _decisions(course, subjects, n),
    }


def _subjects(course: Course, arm: str, subjects: npt.NDArray[np.object_]) -> pd.DataFrame:
    import pandas as pd

    n = subjects.size
    people = {name: values[:n] for name, values in course.covariates.items()}
    frame = pd.DataFrame({"subject": subjects, "arm": arm})
    frame["sex"] = np.where(people.pop("female") > 0, "female", "male")
    for name in ("age", "weight", "height"):
        frame[name] = people.pop(name)
    frame["smoker"] = people.pop("smoker") > 0
    return frame.assign(**people, followed_days=course.followed[:n], result_code=course.codes[:n])


def _doses(course: Course, subjects: npt.NDArray[np.object_]) -> pd.DataFrame:
    import pandas as pd

    n = subjects.size
    followed = course.followed[:n]
    frames = []
    if course.planned is None:
        frames.append(daily_rows(course.prednisone[:n], followed, STEROID, clock_hours()["morning"]))
    given = course.steroid + course.antibody
    kinds = {(d.drug, d.route, d.duration_h) for d in given}
    for drug, route, hours in sorted(kinds):
        parts = [d for d in given if (d.drug, d.route, d.duration_h) == (drug, route, hours) and d.time.size]
        if parts:
            times = np.concatenate([d.time for d in parts])
            amounts = np.concatenate([d.amount[:, :n] for d in parts])
            # A late dose may come after the first of the next span.
            order = np.argsort(times, kind="stable")
            frames.append(repeated_rows(times[order], amounts[order], followed, drug, route, hours / 24))
    table = pd.concat(frames, ignore_index=True)
    table["subject"] = subjects[table["person"].to_numpy()]
    return table.sort_values(["person", "time", "drug"], kind="stable").drop(columns="person")


def _measurements(course: Course, subjects: npt.NDArray[np.object_], clinic: Clinic) -> pd.DataFrame:
    import pandas as pd

    n = subjects.size
    frames = [
        pd.DataFrame(
            {
                "person": np.arange(n),
                "subject": subjects,
                "time": float(day),
                "visit": visit_label(day, scheduled=day not in course.unscheduled),
                "measure": measure,
                "item": "",
                "value": values[:n],
                "unit": clinic[measure].unit,
                "censoring": "",
            }
        )[~np.isnan(values[:n])]
        for day, seen in course.seen
        for measure, values in seen.items()
    ]
    table = pd.concat(frames, ignore_index=True)
    return table.sort_values(["person", "time"], kind="stable").drop(columns="person")


def _events(course: Course, subjects: npt.NDArray[np.object_], n: int) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (int(person), float(day), event, "")
        for day, event, called in course.events
        for person in np.flatnonzero(called[:n])
    ]
    end = float(course.prednisone.shape[1])
    left = np.flatnonzero(course.followed[:n] < end)
    why = np.full(n, UNTOLD, dtype=object) if course.causes is None else course.causes
    rows += [(int(person), float(course.followed[person]), "withdrawal", str(why[person])) for person in left]
    failed = np.flatnonzero(course.codes[:n] != 0)
    rows += [(int(person), end, "failure", f"solver code {int(course.codes[person])}") for person in failed]
    if not rows:
        return empty("events")
    table = pd.DataFrame(rows, columns=["person", "time", "event", "detail"])
    table["subject"] = subjects[table["person"].to_numpy()]
    return table.sort_values(["person", "time", "event"], kind="stable").drop(columns="person")


def _decisions(course: Course, subjects: npt.NDArray[np.object_], n: int) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "person": row["person"],
            "subject": subjects[row["person"]],
            "time": float(row["day"]),
            "visit": visit_label(int(row["day"]), scheduled=row["day"] not in course.unscheduled),
            "rule": row["rule"],
            "seen": json.dumps({name: round(value, 3) for name, value in row["seen"].items()}),
            "decided": row["decided"],
            "reason": row["reason"],
        }
        for row in course.ledger
        if row["person"] < n
    ]
    if not rows:
        return empty("decisions")
    return pd.DataFrame(rows).sort_values(["person", "time"], kind="stable").drop(columns="person")
