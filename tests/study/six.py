"""A made-up series of six people: FIQR and pain at weeks 0, 4 and 12, two primary and four secondary."""

from __future__ import annotations

import pandas as pd

from abate.study.tables import StudyTables, empty

PEOPLE = [f"P{k}" for k in range(1, 7)]
FIQR = {
    0: [72.5, 66.0, 81.0, 77.5, 61.0, 70.5],
    4: [55.0, 51.5, 70.0, 66.0, 49.0, 69.0],
    12: [50.0, 54.0, 61, 70, 41, 66],
}
PAIN = {0: [8, 7, 9, 8, 6, 7], 4: [5, 4, 6, 7, 4, 7], 12: [5, 4, 8, 5, 5, 7]}
FS = {0: [22, 19, 26, 24, 18, 21], 4: [17, 15, 22, 21, 13, 20], 12: [15, 16, 20, 22, 12, 19]}


def six(**changes: dict[int, list[float | None]]) -> StudyTables:
    """The tables; ``six(pain={...})`` replaces a measure, None takes a value out."""
    tables = {"fiqr": FIQR, "pain": PAIN, "fibromyalgianess": FS} | changes
    rows = [
        (person, 7.0 * week, f"week {week}", measure, "", float(value), "", "")
        for measure, visits in tables.items()
        for week, values in visits.items()
        for person, value in zip(PEOPLE, values, strict=True)
        if value is not None
    ]
    columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
    subjects = pd.DataFrame(
        {
            "subject": PEOPLE,
            "arm": "all",
            "sex": ["female"] * 5 + ["male"],
            "age": [44.0, 51, 38, 60, 47, 55],
            "weight": [68.0, 74, 59, 81, 66, 90],
            "fibromyalgia": ["primary"] * 2 + ["secondary"] * 4,
        }
    )
    doses = pd.DataFrame(
        [(p, 0.0, "tocilizumab", "sc", 162.0, "mg", 0.0, 12 + k % 3, 7.0) for k, p in enumerate(PEOPLE)],
        columns=["subject", "time", "drug", "route", "amount", "unit", "duration", "count", "interval"],
    )
    events = pd.DataFrame([("P6", 60.0, "stop", "no benefit")], columns=["subject", "time", "event", "detail"])
    meta = {"name": "Made-up series", "source": "observed", "disease": "fibromyalgia"}
    return StudyTables(subjects, pd.DataFrame(rows, columns=columns), doses, events, empty("decisions"), meta)
