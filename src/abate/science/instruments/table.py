"""Score a whole table of measurements: one answer sheet a person and visit, and what changes between visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from abate.ground.errors import InputError
from abate.science.instruments.catalog import load, names
from abate.science.instruments.change import changed
from abate.science.instruments.definition import Instrument
from abate.science.instruments.operations import Policy
from abate.science.instruments.scorer import Score, accepted, score

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScoredVisit", "recorded_instruments", "score_frame", "score_table"]


@dataclass(frozen=True)
class ScoredVisit:
    """One answer sheet, scored.

    Attributes
    ----------
    subject, visit : str
        Whose, and at which visit.
    time : float
        Days since day 0.
    score : Score
        Everything the sheet scores.
    changes : dict of change name to bool or None
        Whether each change rule of the instrument is met at this visit; None where it cannot be known, and at the
        baseline itself.
    """

    subject: str
    visit: str
    time: float
    score: Score
    changes: dict[str, bool | None]


def recorded_instruments(measurements: pd.DataFrame) -> tuple[str, ...]:
    """Return the instruments that a table of measurements holds answers to, or totals of.

    A criterion with a later version is not listed (fibromyalgia: 2016); name it to have it scored.

    Parameters
    ----------
    measurements : DataFrame
        Columns measure and item, as in a Study.
    """
    ids = set(_ids(measurements))
    found = []
    for name in names():
        instrument = load(name)
        own = {i for i in accepted(instrument) if "/" in i or i == name or i in instrument.also}
        if not instrument.superseded_by and ids & own:
            found.append(name)
    return tuple(found)


def score_table(
    measurements: pd.DataFrame, instrument: str | Instrument, policy: Policy = "strict", *, where: str = "measurements"
) -> list[ScoredVisit]:
    """Score every sheet of one instrument in a table of measurements.

    Parameters
    ----------
    measurements : DataFrame
        Columns subject, time, visit, measure, item, value, as in a Study.
    instrument : str or Instrument
        Which instrument.
    policy : {"strict", "prorate"}
        For missing answers.

    Returns
    -------
    list of ScoredVisit
        By subject in order of appearance, then by time. A visit without any answer to the instrument is not there.

    Raises
    ------
    InputError
        If an answer is not allowed or stands twice at a visit.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("P1", 0.0, "week 0", "pain", "", 10.0), ("P1", 28.0, "week 4", "pain", "", 7.0)]
    >>> table = pd.DataFrame(rows, columns=["subject", "time", "visit", "measure", "item", "value"])
    >>> score_table(table, "pain")[1].changes["moderate-30-percent"]
    True
    """
    chosen = load(instrument) if isinstance(instrument, str) else instrument
    wanted = {*accepted(chosen), *(other for item in chosen.items for other in item.also)}
    sheets: dict[tuple[str, float, str], dict[str, float]] = {}
    order: dict[str, int] = {}
    rows = zip(
        measurements["subject"], measurements["time"], measurements["visit"], _ids(measurements), measurements["value"],
        strict=True,
    )  # fmt: skip
    for subject, time, visit, name, value in rows:
        order.setdefault(str(subject), len(order))
        if name not in wanted or value != value:
            continue
        sheet = sheets.setdefault((str(subject), float(time), str(visit)), {})
        if name in sheet:
            raise InputError(f"{where}, subject {subject}, {visit}", f"{name} stands twice at one visit", value=value)
        sheet[name] = float(value)
    for sheet in sheets.values():
        _rename(sheet, chosen)
    _add_totals(measurements, chosen, policy, sheets, where)
    keys = sorted(sheets, key=lambda key: (order[key[0]], key[1]))
    scored = [(key, score(chosen, sheets[key], policy, where=f"{where}, subject {key[0]}, {key[2]}")) for key in keys]
    return _with_changes(chosen, scored)


def score_frame(visits: Sequence[ScoredVisit]) -> pd.DataFrame:
    """Lay scored visits out as a long table: subject, time, visit, score, value (a verdict is 1 or 0).

    A score that could not be worked out has a missing value, so that nobody vanishes from a count.
    """
    import pandas as pd

    rows = []
    for visit in visits:
        result = visit.score
        numbers = {} if result.total is None and not result.domains else {"total": result.total, **result.domains}
        verdicts = {
            name: None if value is None else float(value)
            for name, value in {**result.criteria, **visit.changes}.items()
        }
        rows += [
            (visit.subject, visit.time, visit.visit, name, value) for name, value in {**numbers, **verdicts}.items()
        ]
    frame = pd.DataFrame(rows, columns=["subject", "time", "visit", "score", "value"])
    return frame.astype({"value": "float64"})


def _ids(measurements: pd.DataFrame) -> list[str]:
    pairs = zip(measurements["measure"], measurements["item"], strict=True)
    return [str(item) if item else str(measure) for measure, item in pairs]


def _rename(sheet: dict[str, float], chosen: Instrument) -> None:
    """Put what was recorded under another name in the place of the item; the item's own name wins."""
    known = set(accepted(chosen))
    for item in chosen.items:
        for other in item.also:
            if other in sheet:
                sheet.setdefault(item.id, sheet[other])
    for name in set(sheet) - known:
        del sheet[name]


def _add_totals(
    measurements: pd.DataFrame,
    chosen: Instrument,
    policy: Policy,
    sheets: dict[tuple[str, float, str], dict[str, float]],
    where: str,
) -> None:
    """A bundle asks for other instruments' totals: work out those that were recorded item by item."""
    others = {item.id for item in chosen.items} & set(names()) - {chosen.name}
    for name in sorted(others):
        if load(name).total and {i.id for i in load(name).items} != {name}:
            for visit in score_table(measurements, name, policy, where=where):
                if visit.score.total is not None:
                    sheet = sheets.setdefault((visit.subject, visit.time, visit.visit), {})
                    sheet.setdefault(name, visit.score.total)


def _with_changes(chosen: Instrument, scored: list[tuple[tuple[str, float, str], Score]]) -> list[ScoredVisit]:
    visits: list[ScoredVisit] = []
    baseline: dict[str, Score] = {}
    previous: dict[str, Score] = {}
    for (subject, time, visit), result in scored:
        changes: dict[str, bool | None] = {}
        for rule in chosen.changes:
            before = (baseline if rule.against == "baseline" else previous).get(subject)
            changes[rule.name] = (
                None if before is None else changed(rule, _number(before, rule.score), _number(result, rule.score))
            )
        visits.append(ScoredVisit(subject, visit, time, result, changes))
        # The baseline is the last visit on or before day 0.
        if time <= 0:
            baseline[subject] = result
        previous[subject] = result
    return visits


def _number(result: Score, name: str) -> Fraction | None:
    value = result.exact_values.get(name)
    return None if value is None else Fraction(value)
