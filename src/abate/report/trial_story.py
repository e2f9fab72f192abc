"""One patient's ledger, told as a story: what was seen, what was decided, and why."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from abate.report.figure_time import blank
from abate.report.page import Line
from abate.report.palette import GRID, INK, MUTED
from abate.report.tables import brief

if TYPE_CHECKING:
    from abate.report.trial_view import TrialView

__all__ = ["choose", "course", "portrait", "story"]

EVENTS = {
    "remission": "remission",
    "flare": "a flare is called",
    "rescue": "rescue",
    "refractory": "no remission in time",
    "withdrawal": "leaves the study",
    "stop": "stops a drug",
    "failure": "the equations of this person could not be solved",
}
UNTOLD = "left the study"
"""What the events say of a person who leaves without a cause: no more than that the person left."""
SEEN_IN_PORTRAIT = (("symptom-score", "clin-pmr-as", "pain"), ("crp",))


def choose(view: TrialView) -> str | None:
    """Choose whose story is told: of those with a flare the one with the median number of decisions, else anybody so.

    The choice looks at nothing but the ledger, so that nobody picks a flattering case.
    """
    counts = view.study.decisions.groupby("subject").size()
    counts = counts[counts.index.isin(view.people.index)]
    if counts.empty:
        return None
    flared = view.people.index[view.people["flare"].notna()]
    pool = counts[counts.index.isin(flared)]
    pool = pool if len(pool) else counts
    ranked = sorted(pool.items(), key=lambda item: (item[1], str(item[0])))
    return str(ranked[(len(ranked) - 1) // 2][0])


def story(view: TrialView, subject: str) -> tuple[Line, ...]:
    """Tell one person's course from the first visit to the last.

    Visits at which the same rule decided the same thing are told together, so that what changed stands out.

    Parameters
    ----------
    view : TrialView
    subject : str
    """
    person = view.people.loc[[subject]].to_dict("records")[0]
    arm = next(a for a in view.arms if person["arm"] in a.members)
    daily = view.daily_glucocorticoid([subject])[0]
    lines = [(-1.0, 0, Line("Day 0", _who(view, subject, arm.label, daily)))]
    events = view.study.events[view.study.events["subject"] == subject].to_dict("records")
    ledger = view.study.decisions[view.study.decisions["subject"] == subject].sort_values("time", kind="stable")
    called = {(float(row["time"]), name) for row in ledger.to_dict("records") for name in _called(row["decided"])}
    for row in events:
        if (float(row["time"]), row["event"]) in called:  # the decision that called it tells it, with its reason
            continue
        said = EVENTS.get(row["event"], str(row["event"]))
        more = str(row["detail"] or "")
        detail = "" if more in said or more == UNTOLD else f": {more}"
        lines.append((float(row["time"]), 1, Line(_when(row["time"]), f"{_upper(said)}{detail}.", kind="event")))
    lines += [(first, 2, line) for first, line in _decisions(ledger, {float(row["time"]) for row in events})]
    lines += [(day, 3, Line(_when(day), "The taper is done: no prednisone from here.")) for day in _off(daily)]
    end = min(view.days, float(person["followed"]))
    lines.append((math.inf, 4, Line(_when(end), _end(view, person, end))))
    return tuple(line for _, _, line in sorted(lines, key=lambda item: item[:2]))


def course(view: TrialView, subject: str) -> pd.DataFrame:
    """Return the numbers of one person: time in weeks, what, value, unit; daily prednisone and what visits measured."""
    daily = view.daily_glucocorticoid([subject])[0]
    taken = pd.DataFrame({"week": np.arange(len(daily)) / 7, "what": "prednisone", "value": daily, "unit": "mg/day"})
    seen = view.study.measurements
    seen = seen[(seen["subject"] == subject) & (seen["item"] == "")]
    seen = pd.DataFrame(
        {"week": seen["time"] / 7, "what": seen["measure"], "value": seen["value"], "unit": seen["unit"]}
    )
    return pd.concat([taken.dropna(), seen], ignore_index=True).round(4)


def portrait(view: TrialView, subject: str) -> go.Figure:
    """Draw one person: prednisone, symptoms and CRP on one time axis, with lines where a flare was called.

    Parameters
    ----------
    view : TrialView
    subject : str
    """
    person = view.people.loc[[subject]].to_dict("records")[0]
    arm = next(a for a in view.arms if person["arm"] in a.members)
    numbers = course(view, subject)
    wanted = [next((m for m in names if (numbers["what"] == m).any()), None) for names in SEEN_IN_PORTRAIT]
    shown = ["prednisone", *(m for m in wanted if m)]
    figure = blank("", "", height=60 + 130 * len(shown), showlegend=False, margin={"l": 84, "r": 18, "t": 20, "b": 46})
    for i, what in enumerate(shown):
        rows = numbers[numbers["what"] == what]
        _panel(figure, i, len(shown), rows, view.colours[arm.label], view.weeks)
    flares = view.study.events[(view.study.events["subject"] == subject) & (view.study.events["event"] == "flare")]
    for day in flares["time"]:
        line = {"color": INK, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", x0=day / 7, x1=day / 7, xref="x", y0=0, y1=1, yref="paper", line=line)
        look = {"font": {"size": 11, "color": INK}, "showarrow": False, "xanchor": "center", "yshift": 3}
        figure.add_annotation(text="flare", x=day / 7, xref="x", y=1, yref="paper", yanchor="bottom", **look)
    return figure


def _panel(figure: go.Figure, place: int, panels: int, rows: pd.DataFrame, colour: str, weeks: float) -> None:
    from abate.study.observation import load_clinic

    what, end, last = str(rows["what"].iloc[0]), "" if place == 0 else str(place + 1), place == panels - 1
    steps = what == "prednisone"
    look: dict[str, Any] = {"line": {"color": colour, "width": 1.8, "shape": "hv" if steps else "linear"}}
    look |= {"mode": "lines"} if steps else {"mode": "lines+markers", "marker": {"color": colour, "size": 5}}
    figure.add_scatter(x=rows["week"], y=rows["value"], xaxis=f"x{end}", yaxis=f"y{end}", **look)
    known = None if steps else load_clinic().measures.get(what)
    name = _upper(what) if known is None else "CRP" if what == "crp" else known.label.partition(" (")[0]
    unit = str(rows["unit"].iloc[0]).replace("point", "points")
    tall = (1 - 0.07 * (panels - 1)) / panels
    top = 1 - place * (tall + 0.07)
    up: dict[str, Any] = {
        "domain": [max(0.0, top - tall), top],
        "anchor": f"x{end}",
        "title": {"text": f"{name}<br>({unit})"},
    }
    up |= {"rangemode": "tozero", "gridcolor": GRID, "zeroline": False}
    across: dict[str, Any] = {"domain": [0, 1], "anchor": f"y{end}", "range": [0, weeks]}
    across |= {"dtick": 13 if weeks >= 39 else 4}
    across |= {"showline": True, "linecolor": MUTED, "showgrid": False, "zeroline": False, "showticklabels": last}
    across |= {"title": {"text": "Time (weeks)" if last else ""}}
    figure.update_layout({f"yaxis{end}": up, f"xaxis{end}": across})


def _who(view: TrialView, subject: str, arm: str, daily: Any) -> str:
    subjects = view.study.subjects
    row = subjects[subjects["subject"] == subject].to_dict("records")[0]
    age, sex, weight = row.get("age", math.nan), row.get("sex"), row.get("weight", math.nan)
    about = [f"{age:.0f} years"] if math.isfinite(age) else []
    about += [str(sex)] if sex else []
    about += [f"{weight:.0f} kg"] if math.isfinite(weight) else []
    start = f" Starts on {brief(float(daily[0]))} mg of prednisone a day." if len(daily) and daily[0] > 0 else ""
    number_in_arm = subject.rpartition("/")[2]
    who = f"Person {int(number_in_arm) if number_in_arm.isdecimal() else number_in_arm}" + (
        f", {', '.join(about)}" if about else ""
    )
    return f"{who}, joins the arm “{arm}”.{start}"


def _decisions(ledger: pd.DataFrame, breaks: set[float]) -> list[tuple[float, Line]]:
    """Put runs of equal decisions into one line each."""
    told: list[tuple[float, Line]] = []
    run: list[dict[str, Any]] = []
    for entry in ledger.to_dict("records"):
        row = {str(key): value for key, value in entry.items()}
        same = bool(run) and all(row[key] == run[-1][key] for key in ("rule", "decided"))
        if run and (not same or float(row["time"]) in breaks):
            told.append(_line(run))
            run = []
        run.append(row)
    return [*told, _line(run)] if run else told


def _line(run: list[dict[str, Any]]) -> tuple[float, Line]:
    first, last = run[0], run[-1]
    start = float(first["time"])
    when = _when(start) if len(run) == 1 else f"{_when(start)} to {_number_of_week(last['time'])}"
    calls = _called(first["decided"])
    what = re.sub(r"\bcall ([a-z-]+)", lambda m: EVENTS.get(m[1], m[1]), str(first["decided"])).rstrip(".")
    what = re.sub(r", then ([a-z0-9-]+)$", r", then the taper \1 again", what)
    seen = _seen(last["seen"])
    why = [f"Seen{' at the last' if len(run) > 1 else ''}: {seen}."] if seen else []
    why += [f"Because {str(first['reason']).rstrip('.')}."] if first["reason"] else []
    visits = f" ({len(run)} visits)" if len(run) > 1 else ""
    kind = "event" if "flare" in calls else "decision"
    return start, Line(when, f"{_upper(what)}{visits}.", " ".join(why), kind)


def _called(decided: Any) -> list[str]:
    """Return the events that a decision calls; a rescue calls itself."""
    calls = re.findall(r"\bcall ([a-z-]+)", str(decided))
    return [*calls, "rescue"] if re.search(r"\brescue\b", str(decided)) else calls


def _off(daily: Any) -> list[float]:
    """Return the days on which prednisone ended for the rest of the follow-up, or until it was taken again."""
    taken = np.nan_to_num(np.asarray(daily, float), nan=-1.0)
    return [float(day) for day in np.flatnonzero((taken[1:] == 0) & (taken[:-1] > 0)) + 1]


def _seen(text: str) -> str:
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, TypeError):
        return str(text or "").rstrip(".")
    if not isinstance(values, Mapping):
        return str(values)
    return "; ".join(_measure(str(name), value) for name, value in values.items() if value is not None)


def _measure(name: str, value: Any) -> str:
    from abate.study.observation import load_clinic

    known = load_clinic().measures.get(name)
    label, unit = (known.label, known.unit) if known else (name.replace("_", " ").replace("-", " "), "")
    if name == "dose":
        label, unit = "prednisone until then", "mg a day"
    shown = brief(float(value), 3) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
    tail = "" if unit in ("", "point", "dimensionless") else f" {unit}"
    head = label[:1].lower() + label[1:] if label[1:2].islower() else label
    return f"{head.partition(' (')[0]} {shown}{tail}"


def _end(view: TrialView, person: Mapping[Any, Any], end: float) -> str:
    taken = f"{brief(float(person['glucocorticoid_mg']))} mg of prednisone in all"
    flares = int(person["flares"])
    count = "no flare" if flares == 0 else "one flare" if flares == 1 else f"{flares} flares"
    state = "End of the study" if end >= view.days else "Followed no longer"
    return f"{state}: {count}, {taken}."


def _when(day: float) -> str:
    return f"Week {_number_of_week(day)}"


def _number_of_week(day: float) -> str:
    return f"{day / 7:.1f}".removesuffix(".0")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
