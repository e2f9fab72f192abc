"""Reports of validation: the scoreboard with its figures, and recorded forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from abate.report.figures import ForestRow, forest
from abate.report.page import Figure, Honesty, Key, Keys, Prose, Report, Section, Table
from abate.report.tables import interval, number, percent, table
from abate.report.validation_page import reason

__all__ = ["board_report", "forecast_report", "provenance"]

LIMITS = (
    "An interval holds 95 % of replicates of the published study, at its size, over plausible sets of numbers.",
    "Agreement with a figure that was calibrated on is no evidence; agreement of a small arm is weak evidence.",
    "What is unverified in the fact base is listed and not judged.",
)


def board_report(payload: Mapping[str, Any]) -> Report:
    """Return the report of a scoreboard, whole or of one subsystem or trial."""
    rows = payload["scoreboard"]
    judged = [row for row in rows if row.get("judged", True)]
    boards = payload.get("subsystems") or {payload.get("subsystem", ""): payload}
    sections = [Section("At a glance", (_keys(rows), _outside(rows)))]
    for name, board in boards.items():
        mine = [row for row in rows if row.get("subsystem", name) == name]
        title = str(board.get("title") or payload.get("trial") or "Published and predicted")
        sections.append(Section(title, tuple(_parts(str(name or "rows"), board, mine))))
    sections.append(Section("What this is", (_honesty(payload, rows),)))
    inside = sum(bool(row["inside"]) for row in judged)
    return Report(
        title="Published against predicted",
        kind="Scoreboard",
        lead=f"{inside} of {len(judged)} judged figures lie inside the interval that the model predicts for them.",
        facts={"figures": str(len(rows)), "seed": str(payload["seed"])},
        sections=tuple(sections),
    )


def forecast_report(payload: Mapping[str, Any]) -> Report:
    """Return the report of recorded forecasts."""
    sections = []
    for name, trial in payload["forecasts"].items():
        shares = [r for r in trial["rows"] if r["share"]]
        parts: list[Any] = [Prose(trial["source"])]
        if shares:
            lines = [ForestRow(f"{r['label']}, {r['arm']}", r["predicted"], r["low"], r["high"]) for r in shares]
            figure = forest(lines, x="Share of people", percent=True, estimate_name="predicted")
            small = forest(lines, x="Share of people", percent=True, estimate_name="predicted", stacked=True)
            caption = "Predicted shares with the interval that holds 95 % of replicates, tapers and sets of numbers."
            alt = f"Predicted shares of {trial['title']}."
            parts.append(Figure(f"{name}-shares", figure, caption=caption, alt=alt, narrow=small, data=_frame(shares)))
        frame = _frame(trial["rows"])
        parts.append(Table(f"{name}-forecast", table(frame, caption="Every endpoint", wrap=True), data=frame))
        parts.append(Prose(f"Digest of the design: {trial['digest']}.", role="note"))
        sections.append(Section(str(trial["title"]), tuple(parts)))
    what = Honesty(provenance=provenance(payload), limits=LIMITS[:1], not_validated=tuple(payload["forecasts"]))
    return Report(
        title="Forecasts recorded before anyone compares",
        kind="Prospective forecast",
        lead="Trials as designed; their results were not used.",
        facts={"recorded": str(payload["recorded"]), "seed": str(payload["seed"])},
        sections=(*sections, Section("What this is", (what,))),
    )


def provenance(payload: Mapping[str, Any]) -> dict[str, str]:
    """Return what a report says about where its numbers come from."""
    shown = {"abate": str(payload["abate"]), "seed": str(payload["seed"])}
    shown |= {f"model {name}": str(digest) for name, digest in payload.get("models", {}).items()}
    shown |= {name: str(value) for name, value in payload.get("effort", {}).items()}
    return shown


def _keys(rows: Sequence[Mapping[str, Any]]) -> Keys:
    judged = [row for row in rows if row.get("judged", True)]
    blind = [row for row in judged if not row["calibrated"]]
    numbers = []
    for label, part in (("inside", judged), ("of those not calibrated on", blind)):
        inside = sum(bool(row["inside"]) for row in part)
        numbers.append(Key(label, f"{inside} of {len(part)}", "judged figures"))
    numbers.append(Key("not judged", str(len(rows) - len(judged)), "unverified in the fact base"))
    return Keys(tuple(numbers))


def _outside(rows: Sequence[Mapping[str, Any]]) -> Any:
    found = [row for row in rows if row.get("judged", True) and not row["inside"]]
    if not found:
        return Prose("Every judged figure is inside its interval.", role="reading")
    frame = pd.DataFrame(
        {
            "Outside": [_name(row) for row in found],
            "Published": [_published(row) for row in found],
            "Predicted (95 %)": [_predicted(row) for row in found],
            "Reason": [reason(row) for row in found],
        }
    )
    return Table("outside", table(frame, caption="Figures outside their interval, and why", wrap=True), data=frame)


def _parts(name: str, board: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    parts: list[Any] = [Prose(str(board["about"]))] if board.get("about") else []
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row.get("title", "")), []).append(row)
    for index, (title, group) in enumerate(groups.items()):
        slug = f"{name}-{index + 1}" if len(groups) > 1 else name
        if title:
            parts.append(Prose(title, role="heading"))
        parts += [*_figures(slug, group), _table(slug, title, group)]
    shown = board.get("shown") or ()
    if shown:
        frame = pd.DataFrame({"": [s["name"] for s in shown], "Predicted (95 %)": [_predicted(s) for s in shown]})
        caption = "Predicted, with nothing published to hold it against"
        parts.append(Table(f"{name}-shown", table(frame, caption=caption, wrap=True), data=frame))
    listed = board.get("listed") or ()
    if listed:
        columns = {"What": "name", "Published": "published", "Grade": "grade", "Source": "source", "Why not": "reason"}
        frame = pd.DataFrame({title: [e[key] for e in listed] for title, key in columns.items()})
        caption = "Published and not simulated"
        parts.append(Table(f"{name}-listed", table(frame, caption=caption, wrap=True), data=frame))
    return parts


def _figures(slug: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Draw shares on their own scale, and whatever else is above zero as predicted over published."""
    shares = [r for r in rows if r.get("share") and _drawable(r) and r["low"] >= 0]
    others = [r for r in rows if not r.get("share") and _drawable(r) and r["published"] > 0 and r["low"] > 0]
    drawn = []
    if len(shares) > 1:
        lines = [ForestRow(_name(r), r["predicted"], r["low"], r["high"], published=r["published"]) for r in shares]
        caption = "Predicted shares with their 95 % interval; diamonds are published figures."
        drawn.append(_forest(f"{slug}-shares", "shares", shares, lines, caption, x="Share of people", percent=True))
    if len(others) > 1:
        lines = [ForestRow(_name(r), *(r[k] / r["published"] for k in ("predicted", "low", "high"))) for r in others]
        caption = "Predicted over published, with the 95 % interval; 1 is agreement."
        options = {"x": "Predicted over published", "log": True, "reference": 1.0}
        drawn.append(_forest(f"{slug}-ratios", "figures", others, lines, caption, **options))
    return drawn


def _forest(
    name: str, noun: str, rows: Sequence[Mapping[str, Any]], lines: list[ForestRow], caption: str, **options: Any
) -> Figure:
    options["estimate_name"] = "predicted"
    return Figure(
        name,
        forest(lines, **options),
        caption=caption,
        alt=f"{_inside(rows)} of {len(rows)} published {noun} lie inside their interval.",
        narrow=forest(lines, **options, stacked=True),
        data=_frame(rows),
        tall=True,
    )


def _drawable(row: Mapping[str, Any]) -> bool:
    known = all(row.get(key) is not None and abs(row[key]) < float("inf") for key in ("predicted", "low", "high"))
    return known and not row.get("bound")


def _table(slug: str, title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    frame = _frame(rows)
    return Table(slug, table(frame, caption=title or "Published and predicted", wrap=True), data=frame)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame({"Figure": [_name(row) for row in rows]})
    if any("published" in row for row in rows):
        frame["Published"] = [_published(row) for row in rows]
    frame["Predicted (95 %)"] = [_predicted(row) for row in rows]
    if any("inside" in row for row in rows):
        frame["Verdict"] = [_verdict(row) for row in rows]
        frame["Used as"] = ["calibrated" if row["calibrated"] else "predicted" for row in rows]
        frame["Source"] = [row["source"] for row in rows]
    return frame


def _verdict(row: Mapping[str, Any]) -> str:
    if not row.get("judged", True):
        return "not judged"
    return "inside" if row["inside"] else "outside"


def _name(row: Mapping[str, Any]) -> str:
    text = str(row.get("target") or row.get("label") or row.get("name"))
    if row.get("unit") and not row.get("share"):
        text += f", {row['unit']}"
    return f"{text}, {row['arm']}" if row.get("arm") else text


def _published(row: Mapping[str, Any]) -> str:
    side = {"above": "above ", "below": "below "}.get(row.get("bound", ""), "")
    figure = percent(row["published"]) if row.get("share") else number(row["published"], 4)
    return f"{side}{figure}" + (f" ({row['grade']})" if row["grade"] != "verified" else "")


def _predicted(row: Mapping[str, Any]) -> str:
    return interval({**row, "estimate": row["predicted"]}, share=bool(row.get("share")), digits=4)


def _inside(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(bool(row["inside"]) for row in rows)


def _honesty(payload: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Honesty:
    judged = [row for row in rows if row.get("judged", True)]
    return Honesty(
        provenance=provenance(payload),
        calibrated=tuple(dict.fromkeys(_name(row) for row in judged if row["calibrated"])),
        predicted=tuple(dict.fromkeys(_name(row) for row in judged if not row["calibrated"])),
        not_validated=tuple(dict.fromkeys(_name(row) for row in rows if not row.get("judged", True))),
        limits=LIMITS,
    )
