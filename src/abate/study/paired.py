"""From the tables of a Study to one value a person and visit: what a paired analysis looks at.

>>> import pandas as pd
>>> from abate.study.tables import StudyTables, empty
>>> rows = [(p, 7.0 * w, f"week {w}", "pain", "", v, "", "") for p, w, v in
...         [("P1", 0, 8), ("P1", 12, 5), ("P2", 0, 6), ("P2", 12, 6)]]
>>> columns = ["subject", "time", "visit", "measure", "item", "value", "unit", "censoring"]
>>> subjects = pd.DataFrame({"subject": ["P1", "P2"], "arm": "all"})
>>> nothing = [empty(name) for name in ("doses", "events", "decisions")]
>>> tables = StudyTables(subjects, pd.DataFrame(rows, columns=columns), *nothing)
>>> series = look(tables)
>>> series.measures[0].values["week 12"].tolist(), series.responses[1].slug, series.responses[1].met["week 12"].tolist()
([5.0, 6.0], 'pain-30-percent', [True, False])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from abate.ground.errors import InputError
from abate.ground.files import library_path, load_toml
from abate.ground.results import slug
from abate.science import instruments
from abate.science.instruments import Instrument, Policy, ScoredVisit
from abate.science.instruments.definition import Change

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.store import Study
    from abate.study.tables import StudyTables

__all__ = ["Measure", "Response", "Series", "Visit", "look"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit: its label, and the median day at which people came."""

    label: str
    day: float

    @property
    def slug(self) -> str:
        """Its key in results.json."""
        return slug(self.label)


@dataclass(frozen=True)
class Measure:
    """One number a person and visit.

    Attributes
    ----------
    slug, label, unit : str
    values : DataFrame
        People by visit labels; NaN where missing.
    higher_is_worse : bool
    direction_known : bool
        False where no instrument says which way is worse and higher was taken as worse.
    instrument : Instrument or None
        That it was scored with.
    incomplete : int
        Answer sheets that could not be scored for missing answers.
    """

    slug: str
    label: str
    unit: str
    values: pd.DataFrame
    higher_is_worse: bool = True
    direction_known: bool = True
    instrument: Instrument | None = None
    incomplete: int = 0


@dataclass(frozen=True)
class Response:
    """One rule of response against baseline: who met it at each follow-up (None = cannot be told)."""

    slug: str
    label: str
    measure: str
    source: str
    met: pd.DataFrame


@dataclass(frozen=True)
class Series:
    """A paired series: people, visits in order (the first is the baseline), measures and response rules."""

    people: tuple[str, ...]
    visits: tuple[Visit, ...]
    measures: tuple[Measure, ...]
    responses: tuple[Response, ...]
    subgroups: Mapping[str, tuple[str, ...]]
    subjects: pd.DataFrame
    doses: pd.DataFrame
    events: pd.DataFrame
    meta: Mapping[str, Any]
    policy: Policy = "strict"

    @property
    def baseline(self) -> Visit:
        """The last visit on or before day 0, else the first."""
        return self.visits[0]

    @property
    def follow_ups(self) -> tuple[Visit, ...]:
        """The visits after the baseline."""
        return self.visits[1:]


def look(study: StudyTables | Study, *, policy: Policy = "strict", arm: str | None = None) -> Series:
    """Arrange a Study as a paired series.

    Parameters
    ----------
    study : StudyTables or Study
        Answers item by item are scored; totals and laboratory values are taken as they are.
    policy : {"strict", "prorate"}
        What to do with missing answers.
    arm : str, optional
        Only the people of this arm.

    Returns
    -------
    Series

    Raises
    ------
    InputError
        When there is no such arm, nothing was measured, there is one visit only, or a value stands twice.
    """
    subjects, measurements = study.subjects, study.measurements
    if arm is not None:
        if arm not in set(subjects["arm"]):
            raise InputError("arm", "there is no such arm", value=arm, allowed=sorted(set(subjects["arm"])))
        subjects = subjects[subjects["arm"] == arm]
        measurements = measurements[measurements["subject"].isin(subjects["subject"])]
    people = tuple(subjects["subject"].astype(str))
    visits = _visits(measurements)
    scored = {name: instruments.score_table(measurements, name, policy) for name in _instruments(measurements)}
    measures = [measure for name, sheets in scored.items() for measure in _scored(name, sheets, people, visits)]
    known = {measure.slug for measure in measures}
    measures += [m for m in _recorded(measurements, people, visits) if m.slug not in known]
    paired = [measure for measure in measures if _has_pair(measure.values)]
    if not paired:
        raise InputError("measurements", "no measure has a value at baseline and at a later visit of the same person")
    responses = [r for name, sheets in scored.items() for r in _responses(name, sheets, people, visits)]
    return Series(
        people=people,
        visits=visits,
        measures=tuple(paired),
        responses=tuple(response for response in responses if response.met.notna().to_numpy().any()),
        subgroups=_subgroups(subjects),
        subjects=subjects.reset_index(drop=True),
        doses=study.doses[study.doses["subject"].isin(people)],
        events=study.events[study.events["subject"].isin(people)],
        meta=study.meta,
        policy=policy,
    )


def _visits(measurements: pd.DataFrame) -> tuple[Visit, ...]:
    known = measurements[measurements["value"].notna()]
    if known.empty:
        raise InputError("measurements", "there is no value in this study")
    days = known.groupby("visit", sort=False)["time"].median()
    ordered = [Visit(str(label), float(day)) for label, day in sorted(days.items(), key=lambda pair: float(pair[1]))]
    before = [k for k, visit in enumerate(ordered) if visit.day <= 0]
    visits = tuple(ordered[before[-1] :] if before else ordered)
    if len(visits) < 2:
        raise InputError("visits", "a paired analysis needs a baseline and a later visit", value=visits[0].label)
    if len({visit.slug for visit in visits}) < len(visits):
        raise InputError("visits", "two visits have nearly the same label", value=[v.label for v in visits])
    return visits


def _instruments(measurements: pd.DataFrame) -> tuple[str, ...]:
    """Instruments with a direction, by name: the order of a file's rows must not show in the results."""
    return tuple(n for n in instruments.recorded_instruments(measurements) if instruments.load(n).direction != "none")


def _table(
    entries: Iterable[tuple[str, str, Any]],
    people: tuple[str, ...],
    visits: tuple[Visit, ...],
    *,
    numeric: bool = True,
) -> pd.DataFrame:
    """People by visits; None (or NaN) where there is no entry."""
    import numpy as np
    import pandas as pd

    row = {person: i for i, person in enumerate(people)}
    column = {visit.label: j for j, visit in enumerate(visits)}
    cells = np.full((len(people), len(visits)), None, dtype=object)
    for person, label, value in entries:
        if person in row and label in column:
            cells[row[person], column[label]] = value
    frame = pd.DataFrame(cells, index=list(people), columns=list(column))
    return frame.astype("float64") if numeric else frame


def _has_pair(values: pd.DataFrame) -> bool:
    start = values.iloc[:, 0].notna()
    return bool((values.iloc[:, 1:].notna().any(axis=1) & start).any())


def _scored(
    name: str, sheets: list[ScoredVisit], people: tuple[str, ...], visits: tuple[Visit, ...]
) -> Iterable[Measure]:
    """The total of an instrument; its scales where it has no total."""
    instrument = instruments.load(name)
    labels = {entry.name: entry.label for entry in instrument.scores}
    if instrument.total:
        key = name if instrument.total == "total" else instrument.total
        found = {key: (labels[instrument.total] or instrument.title, [sheet.score.total for sheet in sheets])}
    else:
        scales = list(sheets[0].score.domains) if sheets else []
        found = {
            f"{name}-{scale}": (labels[scale] or scale, [sheet.score.domains[scale] for sheet in sheets])
            for scale in scales
        }
    for key, (label, numbers) in found.items():
        entries = [(s.subject, s.visit, number) for s, number in zip(sheets, numbers, strict=True)]
        yield Measure(
            key,
            label,
            "",
            _table(entries, people, visits),
            higher_is_worse=instrument.direction != "higher-is-better",
            instrument=instrument,
            incomplete=sum(number is None for number in numbers),
        )


@cache
def _labels() -> dict[str, dict[str, Any]]:
    return dict(load_toml(library_path("instruments", "measures.toml")).data["measures"])


def _recorded(measurements: pd.DataFrame, people: tuple[str, ...], visits: tuple[Visit, ...]) -> Iterable[Measure]:
    """Measures that stand in the file as one number: laboratory values, totals worked out elsewhere."""
    whole = measurements[(measurements["item"] == "") & measurements["value"].notna()]
    for name, rows in whole.groupby("measure", sort=True):
        twice = rows[rows.duplicated(["subject", "visit"])]
        if len(twice):
            first = twice.iloc[0]
            place = f"subject {first['subject']}, {first['visit']}"
            raise InputError(place, f"{name} stands twice at one visit", value=float(first["value"]))
        entries = zip(rows["subject"].astype(str), rows["visit"].astype(str), rows["value"].astype(float), strict=True)
        entry = _labels().get(str(name), {})
        units = [unit for unit in dict.fromkeys(rows["unit"].astype(str)) if unit]
        yield Measure(
            slug(str(name)),
            str(entry.get("label", name)),
            units[0] if units else str(entry.get("unit", "")),
            _table(entries, people, visits),
            direction_known=False,
        )


def _responses(
    name: str, sheets: list[ScoredVisit], people: tuple[str, ...], visits: tuple[Visit, ...]
) -> Iterable[Response]:
    instrument = instruments.load(name)
    labels = [visit.label for visit in visits]
    for rule in instrument.changes:
        if rule.against != "baseline":
            continue
        exact = {(s.subject, s.visit): s.score.exact_values.get(rule.score) for s in sheets}
        entries = [
            (who, label, instruments.changed(rule, _fraction(exact, who, labels[0]), _fraction(exact, who, label)))
            for who in people
            for label in labels[1:]
        ]
        met = _table(entries, people, visits[1:], numeric=False)
        source = instrument.sources[rule.source].citation
        yield Response(_response_slug(name, rule), f"{instrument.title}: {rule.label}", name, source, met)


def _fraction(exact: Mapping[tuple[str, str], Any], who: str, label: str) -> Fraction | None:
    value = exact.get((who, label))
    return None if value is None else Fraction(value)


def _response_slug(name: str, rule: Change) -> str:
    """``pain-30-percent``, ``pain-2-points``; the rule's own name where the size is not a whole number."""
    size = round(100 * rule.at_least, 9) if rule.kind == "fraction" else rule.at_least
    if size != int(size):
        return f"{name}-{slug(rule.name)}"
    return f"{name}-{int(size)}-{'percent' if rule.kind == 'fraction' else 'points'}"


def _subgroups(subjects: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Further columns of the subjects that split them into two to four named groups."""
    from abate.study.tables import COLUMNS

    found = {}
    for column in subjects.columns:
        if column in COLUMNS["subjects"]:
            continue
        names = subjects[column].astype(object).where(subjects[column].notna(), "").map(str)
        groups = sorted(set(names) - {""})
        numeric = all(name.replace(".", "", 1).lstrip("-").isdigit() for name in groups)
        if 2 <= len(groups) <= 4 and len(groups) < len(names) and not numeric:
            found[str(column)] = tuple(names)
    return found
