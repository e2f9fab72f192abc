"""A Study in the shape of ADaM: subjects (ADSL), measurements (BDS) and times to events (ADTTE).

The statistical team programs against these shapes, long before and after there is data. Names, types, labels and
lengths follow the ADaM Implementation Guide: names of at most 8 characters, labels of at most 40.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abate.ground.errors import InputError
from abate.study.adam_variables import ADEFF, ADSL, ADTTE, Variable, crossed, strata, with_strata

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["Adam", "Periods", "TimeParameter", "paramcd", "to_adam"]


@dataclass(frozen=True)
class TimeParameter:
    """A time to an event: which events end it, and which stop the watching."""

    code: str
    label: str
    events: tuple[str, ...]
    censored_by: tuple[str, ...] = ("withdrawal",)

    @classmethod
    def first(cls, event: str) -> TimeParameter:
        """Return the time to the first of an event; whoever withdraws is watched no longer.

        Examples
        --------
        >>> one = TimeParameter.first("rescue")
        >>> one.code, one.label, one.censored_by
        ('TTRESCUE', 'Time to First Rescue (days)', ('withdrawal',))
        """
        by = () if event == "withdrawal" else ("withdrawal",)
        words = event.replace("-", " ").title()
        return cls(f"TT{paramcd(event)[:6]}", f"Time to First {words} (days)", (event,), by)


@dataclass(frozen=True)
class Adam:
    """The three datasets, each with the columns of its specification and dates as datetime64.

    `factors` says how many stratification factors they carry, `periods` whether they are those of a crossover.
    """

    adsl: pd.DataFrame
    adeff: pd.DataFrame
    adtte: pd.DataFrame
    factors: int = 0
    periods: bool = False

    def items(self) -> tuple[tuple[str, str, tuple[Variable, ...], pd.DataFrame], ...]:
        """Return name, label, specification and frame of each dataset."""
        bare = (
            ("ADSL", "Subject-Level Analysis Dataset", self.adsl),
            ("ADEFF", "Efficacy Analysis Dataset (BDS)", self.adeff),
            ("ADTTE", "Time-to-Event Analysis Dataset", self.adtte),
        )
        return tuple(
            (name, label, _columns(name, self.factors, crossover=self.periods), frame) for name, label, frame in bare
        )


def paramcd(measure: str, item: str = "") -> str:
    """Return the code of a measure: at most 8 letters and digits, a letter first.

    Examples
    --------
    >>> paramcd("pmr-as"), paramcd("fiqr", "fiqr/3"), paramcd("cumulative-glucocorticoid")
    ('PMRAS', 'FIQR03', 'CUMULATI')
    """
    head = "".join(c for c in measure.upper() if c.isalnum()) or "X"
    head = head if head[0].isalpha() else f"X{head}"
    if not item:
        return head[:8]
    tail = item.rpartition("/")[2]
    part = f"{int(tail):02d}" if tail.isdigit() else "".join(c for c in tail.upper() if c.isalnum())
    return (head[: max(2, 8 - len(part))] + part)[:8]


def _columns(dataset: str, factors: int, *, crossover: bool) -> tuple[Variable, ...]:
    """Return the variables of a dataset, in their order."""
    bare = {"ADSL": ADSL, "ADEFF": ADEFF, "ADTTE": ADTTE}[dataset]
    return (*with_strata(bare, factors), *(crossed(dataset) if crossover else ()))


@dataclass(frozen=True)
class Periods:
    """The two periods of a crossover.

    Attributes
    ----------
    second : float
        Day on which the second begins.
    treatments : mapping of arm to (str, str)
        Labels of what each sequence gets first and second.
    apart : bool
        Whether a wash-out lies between them; else the first visit of the second is the last of the first.
    """

    second: float
    treatments: Mapping[str, tuple[str, str]]
    apart: bool = True

    def of(self, days: pd.Series[float]) -> NDArray[np.bool_]:
        """Return which days lie in the second period."""
        return np.asarray(days >= self.second if self.apart else days > self.second)


TIMES = (TimeParameter.first("flare"),)


def to_adam(
    tables: StudyTables,
    *,
    study: str,
    start: date | Mapping[str, date],
    labels: Mapping[str, str] | None = None,
    times: tuple[TimeParameter, ...] = TIMES,
    end: float | None = None,
    factors: Sequence[str] = (),
    periods: Periods | None = None,
) -> Adam:
    """Put a Study into the shape of ADaM.

    Parameters
    ----------
    tables : StudyTables
    study : str
        STUDYID.
    start : date or mapping of subject to date
        First day of treatment: day 0 of the Study, which ADaM calls day 1.
    labels : mapping of arm to str, optional
        What TRT01P says; the arm itself by default.
    times : tuple of TimeParameter
        Which times to events ADTTE holds.
    end : float, optional
        Last day of the study; by default the last measurement of anybody. Who had no event is censored at the end, at
        the withdrawal, or at the last measurement if that is earlier.
    factors : sequence of str
        Columns of the subjects by which the randomisation was stratified, in their order: STRAT1D and STRAT1R, ...
    periods : Periods, optional
        Of a crossover; the baseline of each period is the last value until it begins.

    Returns
    -------
    Adam

    Raises
    ------
    InputError
        When nobody takes part, two measures would get one code, or a factor is not known of the subjects.

    References
    ----------
    CDISC Analysis Data Model Implementation Guide; ADaM Basic Data Structure for Time-to-Event Analyses.
    """
    if tables.subjects.empty:
        raise InputError("subjects", "nobody takes part in this Study")
    adsl = _adsl(tables, study, start, dict(labels or {}), tuple(factors), periods)
    count = len(factors)
    bds, tte = _bds(tables, adsl, count, periods), _tte(tables, adsl, times, end, count)
    return Adam(adsl, bds, tte, count, periods is not None)


def _adsl(
    tables: StudyTables,
    study: str,
    start: date | Mapping[str, date],
    labels: dict[str, str],
    factors: tuple[str, ...],
    periods: Periods | None,
) -> pd.DataFrame:
    import pandas as pd

    people = tables.subjects
    arms = list(dict.fromkeys(people["arm"]))
    treated = set(tables.doses["subject"]) if not tables.doses.empty else set(people["subject"])
    left = set(tables.events.loc[tables.events["event"].isin(("withdrawal", "stop")), "subject"])
    first = [start if isinstance(start, date) else start[subject] for subject in people["subject"]]
    actual = people["actual_arm"] if "actual_arm" in people else people["arm"]
    planned = [labels.get(arm, arm) for arm in people["arm"]]
    taken = [labels.get(str(arm), str(arm)) for arm in actual]
    frame = pd.DataFrame(
        {
            "STUDYID": study,
            "USUBJID": [f"{study}-{subject}" for subject in people["subject"]],
            "SUBJID": people["subject"].map(str),
            "SITEID": people["site"].map(str) if "site" in people else "001",
            "AGE": people.get("age", np.nan),
            "AGEU": "YEARS",
            "SEX": _sex(people["sex"]) if "sex" in people else "U",
            "ARM": planned,
            "ACTARM": taken,
            "TRT01P": planned,
            "TRT01PN": [float(arms.index(arm) + 1) for arm in people["arm"]],
            "TRT01A": taken,
            "TRTSDT": pd.to_datetime(first),
            "SAFFL": ["Y" if subject in treated else "N" for subject in people["subject"]],
            "ITTFL": "Y",
            "EOSSTT": ["DISCONTINUED" if s in left else "COMPLETED" for s in people["subject"]],
            **_strata(people, factors),
        }
    )
    if periods is not None:
        frame = frame.assign(**_sequences(people["arm"], actual, frame["TRTSDT"], periods))
    return frame[[variable.name for variable in _columns("ADSL", len(factors), crossover=periods is not None)]]


def _sequences(
    planned: pd.Series[str], actual: pd.Series[str], start: pd.Series[Any], periods: Periods
) -> dict[str, Any]:
    """Return what somebody in a crossover gets when."""
    import pandas as pd

    meant = [periods.treatments[str(arm)] for arm in planned]
    taken = [periods.treatments[str(arm)] for arm in actual]
    names = list(dict.fromkeys(label for pair in periods.treatments.values() for label in pair))
    number = {label: float(k) for k, label in enumerate(names, start=1)}
    return {
        "TRTSEQP": [", then ".join(pair) for pair in meant],
        "TRTSEQA": [", then ".join(pair) for pair in taken],
        "TRT01P": [pair[0] for pair in meant],
        "TRT01PN": [number[pair[0]] for pair in meant],
        "TRT02P": [pair[1] for pair in meant],
        "TRT02PN": [number[pair[1]] for pair in meant],
        "TRT01A": [pair[0] for pair in taken],
        "TRT02A": [pair[1] for pair in taken],
        "TR01SDT": start,
        "TR02SDT": start + pd.Timedelta(days=periods.second),
    }


def _strata(people: pd.DataFrame, factors: tuple[str, ...]) -> dict[str, Any]:
    """Return the stratification variables: what each factor is, its value for each person, and all values together."""
    lacking = [factor for factor in factors if factor not in people]
    if lacking:
        raise InputError(
            "subjects", "this stratification factor is not known", value=lacking[0], allowed=list(people.columns)
        )
    found: dict[str, Any] = {}
    for w, factor in enumerate(factors, start=1):
        found |= {f"STRAT{w}D": factor, f"STRAT{w}R": people[factor].map(str)}
    if factors:
        found["STRATAR"] = [", ".join(map(str, row)) for row in people[list(factors)].itertuples(index=False)]
    return found


def _sex(values: pd.Series[Any]) -> list[str]:
    return [{"female": "F", "male": "M"}.get(str(value).lower(), "U") for value in values]


def _bds(tables: StudyTables, adsl: pd.DataFrame, factors: int, periods: Periods | None) -> pd.DataFrame:
    import pandas as pd

    rows = tables.measurements.dropna(subset=["value"]).copy()
    rows["PARAMCD"] = [paramcd(m, i) for m, i in zip(rows["measure"], rows["item"], strict=True)]
    _check_codes(rows)
    rows = rows.merge(_keys(adsl, factors), left_on="subject", right_on="SUBJID")
    rows = rows.sort_values(["USUBJID", "PARAMCD", "time"], kind="stable").reset_index(drop=True)
    rows["APERIOD"] = 1.0 if periods is None else 1.0 + periods.of(rows["time"])
    rows["APERIODC"] = rows["APERIOD"].map("Period {:02.0f}".format)
    begins = np.where(rows["APERIOD"] == 2, 0.0 if periods is None else periods.second, 0.0)
    # The baseline is the last value at or before the first dose, of each period.
    keys = ["USUBJID", "PARAMCD", "APERIOD"]
    at_start = rows[rows["time"] <= begins].groupby(keys).tail(1)
    flagged = rows.index.isin(at_start.index)
    base = at_start.set_index(keys)["value"]
    rows["BASE"] = base.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
    if periods is not None and not periods.apart:
        rows["BASE"] = _shared_baseline(rows, periods)
    after = (rows["time"] > begins).to_numpy()
    rows["CHG"] = np.where(after, rows["value"] - rows["BASE"], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * (rows["value"] - rows["BASE"]) / rows["BASE"]
    rows["PCHG"] = np.where(after & (rows["BASE"] != 0).to_numpy(), share, np.nan)
    rows["ABLFL"] = np.where(flagged, "Y", "")
    rows["ANL01FL"] = "Y"
    rows["PARAM"] = [_param(m, i, u) for m, i, u in zip(rows["measure"], rows["item"], rows["unit"], strict=True)]
    rows["AVAL"] = rows["value"]
    rows["AVISIT"] = [str(visit)[:1].upper() + str(visit)[1:] for visit in rows["visit"]]
    rows["AVISITN"] = rows["time"] / 7
    days = np.floor(rows["time"]).astype("int64")
    rows["ADT"] = rows["TRTSDT"] + pd.to_timedelta(days, unit="D")
    # There is no day 0: the first day of treatment is day 1, the day before it day -1.
    rows["ADY"] = np.where(days >= 0, days + 1, days).astype("float64")
    if periods is not None:
        second = rows["APERIOD"] == 2
        for column, later in (("TRTP", "TRT02P"), ("TRTA", "TRT02A")):
            rows[column] = rows[column].where(~second, rows["USUBJID"].map(adsl.set_index("USUBJID")[later]))
    columns = _columns("ADEFF", factors, crossover=periods is not None)
    return rows[[variable.name for variable in columns]].reset_index(drop=True)


def _shared_baseline(rows: pd.DataFrame, periods: Periods) -> pd.Series[float]:
    """Return baselines where the last visit of the first period is also the first of the second."""
    at_turn = rows[rows["time"] == periods.second].set_index(["USUBJID", "PARAMCD"])["value"]
    import pandas as pd

    found = at_turn.reindex(pd.MultiIndex.from_frame(rows[["USUBJID", "PARAMCD"]])).to_numpy()
    return rows["BASE"].where(rows["APERIOD"] == 1, pd.Series(found, index=rows.index))


def _keys(adsl: pd.DataFrame, factors: int) -> pd.DataFrame:
    names = ["STUDYID", "USUBJID", "SUBJID", "ARM", "TRT01P", "TRT01A", "TRTSDT", "SAFFL", "ITTFL"]
    names += [variable.name for variable in strata(factors)]
    return adsl[names].assign(TRTP=adsl["TRT01P"], TRTA=adsl["TRT01A"])


def _check_codes(rows: pd.DataFrame) -> None:
    pairs = rows[["measure", "item", "PARAMCD"]].drop_duplicates()
    twice = pairs[pairs["PARAMCD"].duplicated(keep=False)]
    if not twice.empty:
        names = ", ".join(f"{m} {i}".strip() for m, i in zip(twice["measure"], twice["item"], strict=True))
        raise InputError("measurements", "two measures would get one PARAMCD", value=names, hint="rename one of them")


def _param(measure: str, item: str, unit: str) -> str:
    words = f"{measure.upper()}: {item.rpartition('/')[2]}" if item else measure.replace("-", " ").capitalize()
    if not item and len(measure) <= 6:
        words = measure.upper()
    return f"{words} ({unit})" if unit else words


def _tte(
    tables: StudyTables, adsl: pd.DataFrame, times: tuple[TimeParameter, ...], end: float | None, factors: int
) -> pd.DataFrame:
    import pandas as pd

    seen = tables.measurements.groupby("subject")["time"].max()
    last = float(tables.measurements["time"].max()) if end is None and len(tables.measurements) else float(end or 0.0)
    keys = _keys(adsl, factors)
    rows = []
    for parameter in times:
        first = _first(tables.events, parameter.events)
        stopped = _first(tables.events, parameter.censored_by)
        for person in keys.to_dict("records"):
            subject = person["SUBJID"]
            watched = min(float(seen.get(subject, last)), stopped.get(subject, last), last)
            event = first.get(subject)
            hit = event is not None and event <= max(watched, last)
            day = int(np.floor(event if hit and event is not None else watched))
            why = "Withdrawal" if subject in stopped and not hit else "Last observation"
            rows.append(
                {
                    **person,
                    "PARAM": parameter.label,
                    "PARAMCD": parameter.code,
                    "AVAL": float(day + 1),
                    "CNSR": 0.0 if hit else 1.0,
                    "STARTDT": person["TRTSDT"],
                    "ADT": person["TRTSDT"] + pd.Timedelta(days=day),
                    "EVNTDESC": parameter.events[0].capitalize() if hit else "Censored",
                    "CNSDTDSC": "" if hit else why,
                }
            )
    return pd.DataFrame(rows)[[variable.name for variable in _columns("ADTTE", factors, crossover=False)]]


def _first(events: pd.DataFrame, names: tuple[str, ...]) -> dict[str, float]:
    found = events[events["event"].isin(names)].groupby("subject")["time"].min()
    return {str(subject): float(time) for subject, time in found.items()}
