"""The scoreboard as a page of Markdown: every published figure beside its prediction, one table a subsystem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abate.report.tables import NONE, number, percent

__all__ = ["forecast_page", "reason", "scoreboard_page", "verdict"]

HEAD = """# {title}

<!-- Made by `{command}` (page.md in DIR); in docs by `python docs/make_scoreboard.py`. -->

"""
HOW = """\
How to read it. A row is one published figure. **Predicted** is the mean over replicates of the published study, at
its published size, each with one plausible set of the model's calibrated numbers; the interval holds 95 % of them.
Where a source pools studies or rounds, a tolerance widens the interval and its reason stands in `results.json`.
*Inside* means that the published figure lies in the interval; a figure of which only a side is published is inside
when the whole interval lies on that side. **Calibrated** rows were used to set numbers, so agreement there is no
evidence; **predicted** rows were not. What is *unverified* in the fact base is listed and not judged.

For research; not a prescription. Nothing here tells a person to stop or cut a steroid.
"""
AHEAD = """\
Trials whose design is published and whose results were not used: what the model says before anyone compares. Each
arm is simulated as designed, at its published size; the interval holds 95 % of replicates over plausible sets of
numbers and, where the steps of a taper are not published, over the tapers that fit what is. Recorded on
**{recorded}**; the digest of each trial file shows that the run was of this design.
"""


def scoreboard_page(payload: Mapping[str, Any]) -> str:
    """Write the page of a whole scoreboard.

    Parameters
    ----------
    payload : mapping
        results.json of ``abate validate``.
    """
    command = "abate validate --out DIR"
    rows = payload["scoreboard"]
    text = HEAD.format(title="Scoreboard", command=command) + HOW
    text += f"\n**{payload['inside']} of {payload['rows']} judged rows are inside**; "
    text += f"{payload['not_judged']} rows are not judged.\n\n"
    text += "| subsystem | judged | inside | of these predicted, not calibrated | inside |\n|---|---|---|---|---|\n"
    for name, board in payload["subsystems"].items():
        mine = [r for r in rows if r["subsystem"] == name and r["judged"]]
        blind = [r for r in mine if not r["calibrated"]]
        text += (
            f"| [{board['title']}](#{_anchor(board['title'])}) | {len(mine)} | {_inside(mine)} "
            f"| {len(blind)} | {_inside(blind)} |\n"
        )
    text += "\n## Outside\n\n" + _outside(rows)
    for name, board in payload["subsystems"].items():
        text += f"\n## {board['title']}\n\n{board['about']}\n"
        text += _tables([r for r in rows if r["subsystem"] == name])
        text += _shown(board.get("shown", ()))
        text += _listed(board["listed"])
    return text + "\n" + _made(payload)


def forecast_page(payload: Mapping[str, Any]) -> str:
    """Write the page of recorded forecasts."""
    command = "abate validate --forecast --out DIR"
    text = HEAD.format(title="Forecasts", command=command)
    text += AHEAD.format(recorded=payload["recorded"])
    for trial in payload["forecasts"].values():
        text += f"\n## {trial['title']}\n\n{_cell(trial['source'])}\n\n"
        text += "| endpoint | arm | n | predicted (95 %) | by assumed taper |\n|---|---|---|---|---|\n"
        for row in trial["rows"]:
            parts = "; ".join(f"{p['taper']}: {_figure(p['predicted'], row)}" for p in row["variants"])
            cells = (f"{_cell(row['label'])}{_unit(row)}", row["arm"], str(row["n"]), _span(row), parts or NONE)
            text += "| " + " | ".join(cells) + " |\n"
        text += f"\nDigest of the design: `{trial['digest'][:16]}`; {trial['replicates']} replicates.\n"
    return text + "\n" + _made(payload)


def verdict(row: Mapping[str, Any]) -> str:
    """Say what came out: ``inside``, ``outside`` or ``not judged``."""
    if not row.get("judged", True):
        return "not judged"
    return "inside" if row["inside"] else "**outside**"


def reason(row: Mapping[str, Any]) -> str:
    """Say why a row is outside, or not judged."""
    if row.get("misfit"):
        return str(row["misfit"])
    if not row.get("judged", True):
        return "unverified in the fact base"
    return "no reason is known yet"


def _tables(rows: Sequence[Mapping[str, Any]]) -> str:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row.get("title", "")), []).append(row)
    text = ""
    for title, group in groups.items():
        arms = any(row.get("arm") for row in group)
        text += f"\n### {title}\n" if title else ""
        text += "\n| target |" + (" arm |" if arms else "") + " published | predicted (95 %) | | used as | source |\n"
        text += "|---|" + ("---|" if arms else "") + "---|---|---|---|---|\n"
        for row in group:
            middle = f" {row.get('arm', '')} |" if arms else ""
            grade = row["grade"] if row["grade"] != "verified" else ""
            published = _published(row) + (f" ({grade})" if grade else "")
            text += (
                f"| {_cell(row['target'])}{_unit(row)} |{middle} {published} "
                f"| {_span(row)} | {verdict(row)} | {'calibrated' if row['calibrated'] else 'predicted'} "
                f"| {_cell(row['source'])} |\n"
            )
    return text


def _outside(rows: Sequence[Mapping[str, Any]]) -> str:
    found = [row for row in rows if row["judged"] and not row["inside"]]
    if not found:
        return "Nothing.\n"
    lines = []
    for row in found:
        arm = f", {row['arm']}" if row.get("arm") else ""
        figures = f"published {_published(row)}, predicted {_span(row)}"
        lines.append(f"- {_cell(row['target'])}{_unit(row)}{arm}: {figures}. {_sentence(reason(row))}\n")
    return "".join(lines)


def _published(row: Mapping[str, Any]) -> str:
    return {"above": "above ", "below": "below "}.get(row.get("bound", ""), "") + _figure(row["published"], row)


def _shown(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    text = "\nPredicted, with nothing published to hold it against:\n\n| | predicted (95 %) |\n|---|---|\n"
    return text + "".join(f"| {_cell(row['name'])} | {_span(row)} |\n" for row in rows)


def _listed(entries: Sequence[Mapping[str, Any]]) -> str:
    if not entries:
        return ""
    text = "\nPublished and not simulated:\n\n| what | published | grade | source | why not |\n|---|---|---|---|---|\n"
    keys = ("name", "published", "grade", "source", "reason")
    return text + "".join("| " + " | ".join(_cell(e[k]) for k in keys) + " |\n" for e in entries)


def _made(payload: Mapping[str, Any]) -> str:
    models = ", ".join(f"`{name}` {digest}" for name, digest in payload.get("models", {}).items())
    effort = payload.get("effort", {})
    asked = f", {effort['replicates']} replicates, {effort['patients']} people in a population" if effort else ""
    made = f"Made with abate {payload['abate']}, seed {payload['seed']}{asked}."
    return f"{made}\n\nModels and their content hashes: {models}.\n"


def _inside(rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(bool(row["inside"]) for row in rows)


def _figure(value: float | None, row: Mapping[str, Any]) -> str:
    return percent(value) if row.get("share") else number(value, 4)


def _span(row: Mapping[str, Any]) -> str:
    low, high = _figure(row["low"], row), _figure(row["high"], row)
    if row.get("share"):
        low = low.removesuffix("\u00a0%")
    return f"{_figure(row['predicted'], row)} ({low} to {high})"


def _unit(row: Mapping[str, Any]) -> str:
    return f", {row['unit']}" if row.get("unit") and not row.get("share") else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
