"""The endpoints of a trial: beside what was published, by arm, and against the reference arm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from abate.report import figures
from abate.report.page import Figure, Key, Keys, Part, Prose, Section, Table
from abate.report.palette import MUTED, role_of
from abate.report.tables import NONE, brief, interval, percent, table

if TYPE_CHECKING:
    from abate.report.trial_view import TrialView

__all__ = ["endpoint_section", "lines", "say"]


def say(estimator: str, estimate: Mapping[str, Any]) -> str:
    """Write an estimate with its interval, as its estimator asks.

    Examples
    --------
    >>> say("time", {"estimate": None, "low": 168.0, "high": None, "n": 51})
    'not reached (168 to not reached)'
    """
    if not estimate.get("n"):
        return NONE
    if estimator != "time":
        return interval(estimate, share=estimator == "proportion", dash=True)
    middle, low, high = (_day(estimate.get(key)) for key in ("estimate", "low", "high"))
    if (low, high) == (UNREACHED, UNREACHED):
        return middle
    return f"{middle} ({low} to {high})" if UNREACHED in (low, high) else f"{middle} ({low}\u2013{high})"


UNREACHED = "not reached"


def _day(value: float | None) -> str:
    return UNREACHED if value is None or not math.isfinite(value) else brief(value)


def endpoint_section(view: TrialView, names: Sequence[str]) -> Section:
    """Show what was published beside what is here, then every endpoint by arm, then the differences between arms."""
    parts: list[Part] = []
    if view.board:
        parts += [_board(view), _forest(view), Prose("By arm", role="heading")]
    parts.append(_by_arm(view, names))
    contrasts = _contrasts(view)
    if contrasts is not None:
        parts += [Prose(f"Against “{view.arm(view.reference).label}”", role="heading"), contrasts]
    return Section("Endpoints", tuple(parts))


def lines(view: TrialView, title: str, said: Mapping[str, str]) -> Keys:
    """Say one thing of each arm, one line an arm."""
    tints = {label: role_of(colour) or "" for label, colour in view.colours.items()}
    return Keys(tuple(Key(label, text, tint=tints.get(label, "")) for label, text in said.items()), title=title)


def _board(view: TrialView) -> Table:
    rows = []
    for row in view.board:
        share = view.estimator(row["endpoint"]) == "proportion"
        write = percent if share else brief
        known = view.published_for(row["arm"], row["endpoint"])
        counts = f" ({known.events}/{known.n})" if known is not None and known.events is not None else ""
        low, high = write(row["low"]).removesuffix("\u00a0%"), write(row["high"])
        told = {"endpoint": view.label(row["endpoint"]), "arm": view.arm(row["arm"]).label}
        told |= {"published": f"{write(row['published'])}{counts}", "grade": str(row["grade"])}
        told |= {view.here: write(row["predicted"]), "95 % range": f"{low} to {high}"}
        rows.append(told | {"in range": _yes(row["inside"]), "fitted": _yes(row["calibrated"])})
    notes = (
        "95 % range: where a new trial with as many people as the published one would lie 95 times in 100. It holds "
        "chance, not what the model may have wrong.",
        "Fitted: the model was calibrated on this figure, so agreement is no evidence.",
    )
    roles = {label: role_of(colour) or "" for label, colour in view.colours.items()}
    right = ["published", view.here, "95 % range"]
    caption = "Beside the published figures"
    html = table(pd.DataFrame(rows), caption=caption, group="endpoint", numeric=right, notes=notes, swatches=roles)
    return Table("published", html, pd.DataFrame([dict(row) for row in view.board]))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _forest(view: TrialView) -> Figure:
    rows, told = [], []
    shares = dict.fromkeys(r["endpoint"] for r in view.board if view.estimator(r["endpoint"]) == "proportion")
    for name in shares:
        rows.append(figures.ForestRow(view.label(name), heading=True))
        for row in (r for r in view.board if r["endpoint"] == name):
            arm = view.arm(row["arm"])
            ends = [math.nan if row[key] is None else float(row[key]) for key in ("predicted", "low", "high")]
            group = arm.label if arm in view.arms else ""
            look = {"published": float(row["published"]), "group": group}
            rows.append(figures.ForestRow(arm.label, ends[0], ends[1], ends[2], **look))  # type: ignore[arg-type]
            told.append(f"{arm.label} {percent(ends[0])} against {percent(row['published'])}")
    options: dict[str, Any] = {"x": "Share of people", "percent": True, "colours": {**view.colours, "": MUTED}}
    options["estimate_name"] = f"{view.here}, with the 95 % range of trials of the published size"
    picture, narrow = figures.forest(rows, **options), figures.forest(rows, stacked=True, **options)
    caption = (
        f"Shares of people: {view.here} (square, with 95 % of trials of the published size) and published (diamond)."
    )
    alt = f"{view.here.capitalize()} against published: {'; '.join(told)}."
    return Figure("published-shares", picture, caption, alt, narrow=narrow, tall=True)


def _by_arm(view: TrialView, names: Sequence[str]) -> Table:
    rows, data = [], []
    for name in names:
        found = {arm.slug: view.estimate(arm.slug, name) for arm in (*view.arms, *view.groups)}
        cells = {}
        for arm in view.arms:
            cells[arm.label] = say(view.estimator(name), found[arm.slug]).replace(" (", "\u00a0(", 1)
            if found[arm.slug].get("n") not in (arm.n, 0, None):  # of some of the people: say of how many
                cells[arm.label] += f", n\u00a0=\u00a0{found[arm.slug]['n']}"
        rows.append({"endpoint": view.label(name), **cells})
        fields = ("estimate", "low", "high", "level", "n", "events", "method")
        data += [{"endpoint": name, "arm": slug, **{f: e.get(f) for f in fields}} for slug, e in found.items()]
    caption = f"Every endpoint, {view.here}, with its 95 % interval"
    notes = ["Intervals are those of a trial of this size. Shares at first flare are of the people who had one."]
    html = table(pd.DataFrame(rows), caption=caption, numeric=[a.label for a in view.arms], notes=notes, wrap=True)
    return Table("endpoints", html, pd.DataFrame(data))


def _contrasts(view: TrialView) -> Table | None:
    contrasts = view.results.get("contrasts") or {}
    arms = [arm for arm in view.arms if arm.slug in contrasts]
    if not arms or not view.reference:
        return None
    rows: dict[str, dict[str, str]] = {}
    data = []
    for arm in arms:
        for name, found in contrasts[arm.slug].items():
            if found.get("n") != arm.n + view.arm(view.reference).n:  # of some people only: not a randomised comparison
                continue
            ratio = name.startswith("hazard-ratio")
            label = "Hazard ratio of the first flare" if ratio else f"{view.label(name)}, percentage points"
            rows.setdefault(label, {"difference": label})[arm.label] = _difference(found, ratio)
            data.append({"contrast": name, "arm": arm.slug, "against": view.reference, **found})
    if not rows:
        return None
    caption = f"Difference to “{view.arm(view.reference).label}”, with its 95 % interval"
    html = table(pd.DataFrame(list(rows.values())), caption=caption, numeric=[a.label for a in arms], wrap=True)
    return Table("contrasts", html, pd.DataFrame(data))


def _difference(found: Mapping[str, Any], ratio: bool) -> str:
    if found.get("estimate") is None or not math.isfinite(found["estimate"]):
        return NONE
    if ratio:
        return interval(found, digits=2, dash=True)
    middle, low, high = (f"{100 * found[key]:+.0f}".replace("-", "\u2212") for key in ("estimate", "low", "high"))
    return f"{middle} ({low} to {high})"
