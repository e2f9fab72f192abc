"""A Study in the shape of ADaM: subjects (ADSL), measurements (BDS) and times to events (ADTTE).

The statistical team programs against these shapes, long before and after there is data. Names, types, labels and
lengths follow the ADaM Implementation Guide: names of at most 8 characters, labels of at most 40, dates as SAS days in
transport files and ISO 8601 in CSV and Dataset-JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import write_atomically
from abate.study.adam_variables import ADEFF, ADSL, ADTTE, Variable, strata, with_strata

if TYPE_CHECKING:
    import pandas as pd

    from abate.study.tables import StudyTables

__all__ = ["Adam", "TimeParameter", "check", "paramcd", "to_adam", "write"]

EPOCH = date(1960, 1, 1)
"""Day 0 of SAS."""


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

    `factors` says how many stratification factors they carry.
    """

    adsl: pd.DataFrame
    adeff: pd.DataFrame
    adtte: pd.DataFrame
    factors: int = 0

    def items(self) -> tuple[tuple[str, str, tuple[Variable, ...], pd.DataFrame], ...]:
        """Return name, label, specification and frame of each dataset."""
        bare = (
            ("ADSL", "Subject-Level Analysis Dataset", ADSL, self.adsl),
            ("ADEFF", "Efficacy Analysis Dataset (BDS)", ADEFF, self.adeff),
            ("ADTTE", "Time-to-Event Analysis Dataset", ADTTE, self.adtte),
        )
        return tuple((name, label, with_strata(spec, self.factors), frame) for name, label, spec, frame in bare)


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
    adsl = _adsl(tables, study, start, dict(labels or {}), tuple(factors))
    count = len(factors)
    return Adam(adsl, _bds(tables, adsl, count), _tte(tables, adsl, times, end, count), count)


def _adsl(
    tables: StudyTables,
    study: str,
    start: date | Mapping[str, date],
    labels: dict[str, str],
    factors: tuple[str, ...],
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
    return frame[[variable.name for variable in with_strata(ADSL, len(factors))]]


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


def _bds(tables: StudyTables, adsl: pd.DataFrame, factors: int) -> pd.DataFrame:
    import pandas as pd

    rows = tables.measurements.dropna(subset=["value"]).copy()
    rows["PARAMCD"] = [paramcd(m, i) for m, i in zip(rows["measure"], rows["item"], strict=True)]
    _check_codes(rows)
    rows = rows.merge(_keys(adsl, factors), left_on="subject", right_on="SUBJID")
    rows = rows.sort_values(["USUBJID", "PARAMCD", "time"], kind="stable").reset_index(drop=True)
    # The baseline is the last value at or before the first dose.
    at_start = rows[rows["time"] <= 0].groupby(["USUBJID", "PARAMCD"]).tail(1)
    flagged = rows.index.isin(at_start.index)
    base = at_start.set_index(["USUBJID", "PARAMCD"])["value"]
    pairs = pd.MultiIndex.from_frame(rows[["USUBJID", "PARAMCD"]])
    rows["BASE"] = base.reindex(pairs).to_numpy()
    after = (rows["time"] > 0).to_numpy()
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
    return rows[[variable.name for variable in with_strata(ADEFF, factors)]].reset_index(drop=True)


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
    return pd.DataFrame(rows)[[variable.name for variable in with_strata(ADTTE, factors)]]


def _first(events: pd.DataFrame, names: tuple[str, ...]) -> dict[str, float]:
    found = events[events["event"].isin(names)].groupby("subject")["time"].min()
    return {str(subject): float(time) for subject, time in found.items()}


def check(adam: Adam) -> list[str]:
    """Return what is wrong with names, types, labels and lengths; an empty list when nothing is.

    Examples
    --------
    >>> import pandas as pd
    >>> bare = Adam(*(pd.DataFrame(columns=[v.name for v in spec]) for spec in (ADSL, ADEFF, ADTTE)))
    >>> check(bare)
    ['ADSL: no rows', 'ADEFF: no rows', 'ADTTE: no rows']
    """
    found = []
    for name, _, specification, frame in adam.items():
        if frame.empty:
            found.append(f"{name}: no rows")
            continue
        if list(frame.columns) != [variable.name for variable in specification]:
            found.append(f"{name}: columns are {', '.join(frame.columns)}")
            continue
        for variable in specification:
            found += [f"{name}.{variable.name}: {problem}" for problem in variable.problems(frame[variable.name])]
    return found


def write(adam: Adam, folder: str | Path) -> list[Path]:
    """Write each dataset as CSV and Dataset-JSON, and as a SAS transport file where pyreadstat is installed.

    ``define.json`` beside them holds the name, label, type, length and format of every variable.

    Returns
    -------
    list of Path

    Raises
    ------
    InputError
        When a dataset does not keep to its specification.
    """
    wrong = check(adam)
    if wrong:
        raise InputError("ADaM", "the datasets do not keep to their specification", value="; ".join(wrong[:3]))
    target, paths, defined = Path(folder), [], {}
    for name, label, specification, frame in adam.items():
        stem = name.lower()
        texts = {f"{stem}.csv": _iso(frame).to_csv(index=False, lineterminator="\n")}
        texts[f"{stem}.json"] = json.dumps(_dataset_json(name, label, specification, frame), indent=1) + "\n"
        for file, text in texts.items():
            write_atomically(target / file, text)
            paths.append(target / file)
        paths += _transport(target / f"{stem}.xpt", name, label, specification, frame)
        defined[name] = {"label": label, "variables": [variable.as_dict() for variable in specification]}
    write_atomically(target / "define.json", json.dumps(defined, indent=1) + "\n")
    return [*paths, target / "define.json"]


def _iso(frame: pd.DataFrame) -> pd.DataFrame:
    out = frame.copy()
    for column in out.columns:
        if str(out[column].dtype).startswith("datetime"):
            out[column] = out[column].dt.strftime("%Y-%m-%d")
    return out


def _dataset_json(name: str, label: str, specification: tuple[Variable, ...], frame: pd.DataFrame) -> dict[str, Any]:
    plain = _iso(frame).astype(object)
    rows = plain.where(plain.notna(), None).to_numpy().tolist()
    columns = [variable.dataset_json(name) for variable in specification]
    return {
        "datasetJSONCreationDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": f"IG.{name}",
        "name": name,
        "label": label,
        "records": len(rows),
        "columns": columns,
        "rows": rows,
    }


def _transport(
    path: Path, name: str, label: str, specification: tuple[Variable, ...], frame: pd.DataFrame
) -> list[Path]:
    from importlib.util import find_spec

    if find_spec("pyreadstat") is None:
        return []
    import pandas as pd
    import pyreadstat

    out = frame.copy()
    for variable in specification:
        if variable.is_date:
            out[variable.name] = (out[variable.name] - pd.Timestamp(EPOCH)).dt.days.astype("float64")
    formats = {variable.name: variable.format for variable in specification if variable.format}
    path.parent.mkdir(parents=True, exist_ok=True)
    pyreadstat.write_xport(
        out,
        str(path),
        file_label=label,
        column_labels=[variable.label for variable in specification],
        table_name=name,
        file_format_version=5,
        variable_format=formats,
    )
    return [path]
