"""What is printed of a plan: a handout with boxes to tick, and a letter to the doctor (extra ``pdf``: typst)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abate.report.page import Honesty
from abate.report.tables import brief, interval

__all__ = ["HandoutWeek", "handout", "letter"]

CAUTION = "For research and conversation with your clinician. Not a prescription."
STYLE = """
#set page(paper: "a4", margin: (x: 16mm, top: 15mm, bottom: 17mm),
  footer: context [#set text(8pt, fill: rgb("#59636e")); #foot #h(1fr) #counter(page).display("1 / 1", both: true)])
#set text(font: ("Libertinus Serif", "Liberation Serif"), size: 10pt, lang: "en")
#set par(leading: 0.55em, spacing: 0.8em)
#set table(stroke: 0.4pt + rgb("#c9d0d8"), inset: 4pt)
#let box_ = box(width: 0.82em, height: 0.82em, stroke: 0.6pt + black, baseline: 0.1em)
#let warn(body) = block(width: 100%, inset: 8pt, stroke: (left: 2pt + rgb("#8a3a06")), fill: rgb("#f7f1ec"), body)
"""


@dataclass(frozen=True, slots=True)
class HandoutWeek:
    """A row of the handout: first date, (day of the month, mg) of up to seven days, total, and what to remember."""

    first: str
    days: tuple[tuple[str, str], ...]
    total: str
    note: str = ""


def handout(
    title: str,
    weekdays: Sequence[str],
    weeks: Sequence[HandoutWeek],
    tablets: Mapping[str, str],
    refills: Sequence[tuple[str, str]],
    flags: Sequence[str],
) -> str:
    """Return the handout as Typst source.

    Parameters
    ----------
    title : str
    weekdays : sequence of str
        Names of the seven columns, from the first day of the plan.
    weeks : sequence of HandoutWeek
    tablets : mapping of dose to tablets
        ``8 mg`` to ``1 x 5 mg + 3 x 1 mg``.
    refills : sequence of (date, tablets)
    flags : sequence of str
        When to get care.

    Examples
    --------
    >>> week = HandoutWeek("2 Nov 2026", tuple((str(d), "7") for d in range(7)), "49")
    >>> source = handout("A plan", list("MTWTFSS"), [week], {"7 mg": "1 x 5 mg + 2 x 1 mg"}, [], [])
    >>> source.count("#box_")
    7
    """
    lines = [f"#let foot = {_code(CAUTION)}", STYLE, f"#text(16pt, weight: 600, {_code(title)})"]
    lines.append(
        f"#warn[{_text('Never stop prednisone at once, and never skip it when you are ill. ' + Honesty.CAUTION)}]"
    )
    cells = ", ".join(f"[*{_text(dose)}*], [{_text(what)}]" for dose, what in tablets.items())
    lines.append(f"#text(9pt)[#table(columns: (auto, 1fr, auto, 1fr), stroke: none, inset: 2.5pt, {cells})]")
    head = ", ".join(f"[*{_text(name)}*]" for name in ("Week from", *weekdays, "mg"))
    rows = ", ".join(cell for week in weeks for cell in _row(week))
    columns = f"({'1.5fr, ' + '1fr, ' * 7}0.7fr)"
    lines.append(f"#text(9pt)[#table(columns: {columns}, align: center + horizon, table.header({head}), {rows})]")
    if refills:
        said = ", ".join(f"[{_text(day)}], [{_text(what)}]" for day, what in refills)
        lines.append(
            "#block(breakable: false)[*Tablets to have at hand* " + f"#text(9pt)[#table(columns: (auto, 1fr), {said})]]"
        )
    if flags:
        said = ", ".join(f"[{_text(flag)}]" for flag in flags)
        lines.append(f"#block(breakable: false)[#warn[*Get care at once, whatever this plan says* #list({said})]]")
    return "\n\n".join(lines) + "\n"


def _row(week: HandoutWeek) -> Iterator[str]:
    yield f"[{_text(week.first)}]"
    for day, mg in week.days:
        yield f'[#box_ #h(0.2em) *{_text(mg)}* \\ #text(7pt, fill: rgb("#59636e"))[{_text(day)}]]'
    for _ in range(7 - len(week.days)):
        yield "[]"
    yield f"[{_text(week.total)}]"
    if week.note:
        yield f'table.cell(colspan: 9, align: left, fill: rgb("#f2f5f9"))[{_text(week.note)}]'


def letter(plan: Mapping[str, Any]) -> str:
    """Return the letter to the doctor as Typst source: what is proposed, why, what is not known.

    Parameters
    ----------
    plan : mapping
        The content of results.json, with ``chosen`` and ``schedule``.
    """
    option, patient = plan["options"][plan["chosen"]], plan["patient"]
    lines = [f"#let foot = {_code(CAUTION)}", STYLE.replace("16mm", "24mm")]
    lines.append(f"#text(16pt, weight: 600, {_code('What we propose, and why')})")
    lines.append(
        _text(
            f"{patient['today']}. About {patient['name']}, who takes {brief(patient['dose_mg'])} mg of prednisone a "
            "day."
        )
    )
    steps = "; ".join(
        f"{brief(s['mg'])} mg for {_length(s['last_day'] - s['first_day'] + 1)}" for s in option["steps"]
    ) + ("" if option["then_mg"] else "; then none")
    lines.append(f"*Proposed.* {_text(option['label'] + ': ' + steps + '.')}")
    if option["antibody"]:
        lines.append(_text(f"With {option['antibody']}."))
    lines.append("*Why.* " + _text(_why(plan)))
    lines.append(f"#text(9pt)[{_comparison(plan)}]")
    lines.append("*Adrenals.* " + _text(_adrenal(plan)))
    asked = ", ".join(f"[{_text(r['date'] + ': ' + r['what'])}]" for r in plan["schedule"]["reminders"])
    lines.append(f"*What we would ask for.* #list({asked})" if asked else "")
    lines.append(f"*How sure this is.* {_text(plan['basis']['says'] + ' ' + _limits(plan))}")
    lines.append(f"#warn[{_text(Honesty.CAUTION)}]")
    return "\n\n".join(line for line in lines if line) + "\n"


def _length(days: int) -> str:
    weeks, rest = divmod(days, 7)
    return f"{days} days" if rest else "1 week" if weeks == 1 else f"{weeks} weeks"


def _why(plan: Mapping[str, Any]) -> str:
    option = plan["options"][plan["chosen"]]
    if not plan["basis"].get("flares_forecast", True):
        return (
            f"{' '.join(plan['basis']['warnings'])}. Prednisone over {option['weeks']} weeks: "
            f"{interval(option['cumulative-prednisone-mg'])} mg."
        )
    said = (
        f"Simulated for {plan['basis']['people']} virtual people on the same doses, the chance of a flare within "
        f"{option['weeks']} weeks is {interval(option['flare']['total'], share=True)}; prednisone over that time, "
        "with the "
        f"rescue of flares, {interval(option['cumulative-prednisone-mg'])} mg."
    )
    other = (plan.get("differences") or {}).get(plan["chosen"])
    if other:
        gap = {k: 100 * other["flare"][k] for k in ("estimate", "low", "high")}
        name = plan["options"][plan["reference"]]["label"]
        said += f" Against “{name}” that is {interval(gap, digits=2)} percentage points of flares, in the same people."
    return said


def _comparison(plan: Mapping[str, Any]) -> str:
    head = ", ".join(f"[*{_text(t)}*]" for t in ("Option", "Flare", "Prednisone (mg)"))
    rows = ", ".join(
        f"[{_text(o['label'])}], [{_text(interval(o['flare']['total'], share=True, dash=True))}], "
        f"[{_text(interval(o['cumulative-prednisone-mg'], dash=True))}]"
        for o in plan["options"].values()
    )
    return f"#table(columns: (1fr, auto, auto), align: (left, right, right), table.header({head}), {rows})"


def _adrenal(plan: Mapping[str, Any]) -> str:
    cut, rows = plan["cut_offs"], plan["options"][plan["chosen"]]["adrenal"]
    said = (
        f"Morning cortisol before the tablet, from {brief(cut['test_at']['value'])} mg down: above "
        f"{brief(cut['recovered']['value'])} nmol/L recovered; {brief(cut['uncertain']['value'])} to "
        f"{brief(cut['recovered']['value'])} stay and repeat; below, go on and repeat in months (ESE/ES 2024)."
    )
    told = [
        f"{brief(r['mg'])} mg {interval(r['ready'], share=True, dash=True)}"
        for r in rows
        if r["mg"] <= cut["test_at"]["value"]
    ]
    return said + (
        f" Forecast chance of being above the upper one at the end of the step: {'; '.join(told)}." if told else ""
    )


def _limits(plan: Mapping[str, Any]) -> str:
    return (
        "The intervals are those of the simulation; what the model has wrong is not in them. It was calibrated "
        "to groups of "
        "published trials and never compared with what became of single patients. After a flare the simulation "
        "goes on as "
        f"the policy {plan['options'][plan['chosen']]['policy']} does."
    )


def _code(text: str) -> str:
    """Words as a Typst value in code."""
    return f"text({json.dumps(str(text), ensure_ascii=False)})"


def _text(text: str) -> str:
    """Words inside markup, so that nothing in them is markup."""
    return f"#{_code(text)}"
