"""Forecasts as tables and drawings: every number with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from abate.web.words import Words

__all__ = ["adrenal_table", "fans", "flare_svg", "front_svg", "front_table", "plan_name", "plan_table", "table"]

_DASH = "\u2013"
NARROW = 420
"""Width of a drawing on a phone, or of one of several side by side."""


def table(heads: list[str], rows: list[list[str]], *, caption: str = "") -> str:
    """Return a table of figures; the first cell of a row is its head, everything is escaped already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    body = "".join(
        "<tr>" + f'<th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    said = f"<caption><span>{caption}</span></caption>" if caption else ""
    parts = f"{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="tablebox figures" tabindex="0"><table>{parts}</table></div>'


def share(_: Words, estimate: Mapping[str, Any]) -> str:
    """Write a chance with its interval.

    Examples
    --------
    >>> share(Words("en"), {"estimate": 0.25, "low": 0.2, "high": 0.3}).replace(chr(160), " ")
    '25 % (20–30 %)'
    """
    if estimate["estimate"] is None:
        return "–"
    return (
        f"{_.percent(estimate['estimate'])} ({_.number(100 * estimate['low'], 0)}{_DASH}{_.percent(estimate['high'])})"
    )


def spread(_: Words, estimate: Mapping[str, Any]) -> str:
    """Write a median with the band of 90 % of people."""
    if estimate["estimate"] is None:
        return "–"
    low, high = _.number(estimate["low"], 0), _.number(estimate["high"], 0)
    return f"{_.number(estimate['estimate'], 0)} ({low}{_DASH}{high})"


def plan_table(_: Words, plan: Mapping[str, Any]) -> str:
    """Return the options side by side."""
    weeks = next(iter(plan["options"].values()))["weeks"]
    heads = [
        _("Plan"),
        _("Flare within {n} weeks", n=weeks),
        _("Prednisone in all (mg)"),
        _("Off prednisone without a flare"),
        _("Days off prednisone"),
    ]
    rows = [
        [
            escape(_label(_, slug, option)),
            share(_, option["flare"]["total"]),
            spread(_, option["cumulative-prednisone-mg"]),
            share(_, option["off-prednisone-without-flare"]),
            spread(_, option["days-off-prednisone"]),
        ]
        for slug, option in plan["options"].items()
    ]
    note = _(
        "Chances with their 95 % interval (of the simulation alone); amounts as the median and the band of 90 % of "
        "people."
    )
    return table([escape(head) for head in heads], rows, caption=escape(note))


def adrenal_table(_: Words, plan: Mapping[str, Any]) -> str:
    """Return the chance that the adrenals are ready at the end of each step."""
    cut = plan["cut_offs"]["recovered"]
    rows = [
        [
            escape(_label(_, slug, option)),
            _("{n} mg", n=_.number(row["mg"])),
            _.number(row["week"]),
            share(_, row["ready"]),
            _.percent(row["not_ready"]["estimate"] or 0.0),
        ]
        for slug, option in plan["options"].items()
        for row in option["adrenal"]
    ]
    heads = [_("Plan"), _("At"), _("Week"), _("Ready"), _("Not ready")]
    note = _(
        "Ready: morning cortisol above {limit} nmol/L at the end of the step, of those without a flare until then.",
        limit=_.number(cut["value"], 0),
    )
    return table([escape(head) for head in heads], rows, caption=escape(note))


def flare_svg(_: Words, plan: Mapping[str, Any]) -> str:
    """Draw the chance of a first flare by week for all options."""
    from abate.report.plan import flare_figure

    options = {_label(_, slug, option): option for slug, option in plan["options"].items()}
    figure = flare_figure(options)
    figure.update_xaxes(title_text=_("Weeks from today"))
    figure.update_yaxes(title_text=_("Chance of a flare (%)"))
    caption = escape(_("Chance of a first flare by week, and its 95 % interval."))
    alt = "; ".join(f"{name}: {share(_, option['flare']['total'])}" for name, option in options.items())
    return f"<figure>{_drawn(figure, alt)}<figcaption>{caption}</figcaption></figure>"


def _drawn(figure: Any, label: str) -> str:
    """Draw a figure for a wide and for a narrow screen, on which the wide one could not be read."""
    from abate.report.drawing import to_svg

    parts = {"drawn-wide": None, "drawn-narrow": NARROW}
    return "".join(
        f'<div class="{name}">{to_svg(figure, label=label, standalone=False, width=width)}</div>'
        for name, width in parts.items()
    )


def front_svg(_: Words, found: Mapping[str, Any]) -> str:
    """Draw what a search found: flares against prednisone, the adrenals as shape, the guideline's plan among them."""
    from abate.report.plan_front import AXES, GUIDELINE, READY, front_figure

    said = (
        _("adrenals ready in 80 % or more"),
        _("in 50 to 80 %"),
        _("in fewer than half"),
        _("the guideline's plan"),
        _("Prednisone, mean of people (mg)"),
        _("Chance of a flare (%)"),
    )
    texts = dict(zip((*(name for name, *_rest in READY), GUIDELINE, *AXES), said, strict=True))
    base = found["guideline"]
    alt = _(
        "{n} plans that no other beats; the guideline's plan: {mg} mg and {flares} flares.",
        n=len(found["front"]), mg=_.number(base["mean-prednisone-mg"], 0), flares=_.percent(base["flare"]),
    )  # fmt: skip
    svg = _drawn(front_figure(found, texts.__getitem__), alt)
    caption = _(
        "Each point is a plan, by the chance that the adrenals are ready at its last step; the dotted line is the "
        "flare risk that was allowed."
    )
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def front_table(_: Words, found: Mapping[str, Any]) -> str:
    """List the plans that no other beats, and the guideline's below."""
    heads = [_("Plan"), _("Flare"), _("Adrenals ready at the last step"), _("Prednisone, mean of people (mg)")]
    base, name = found["guideline"], _("the guideline's plan")
    guideline = {**base, "label": f"{plan_name(_, base['label'])} ({name})"}
    rows = [
        [
            escape(plan_name(_, row["label"])),
            _.percent(row["flare"]),
            _DASH if row["adrenals-ready"] is None else _.percent(row["adrenals-ready"]),
            _.number(row["mean-prednisone-mg"], 0),
        ]
        for row in (*found["front"], guideline)
    ]
    return table([escape(head) for head in heads], rows)


def fans(_: Words, plan: Mapping[str, Any], what: str) -> str:
    """Draw the median and the bands of 50 and 90 % of people, a drawing an option."""
    import numpy as np

    from abate.report.drawing import to_svg
    from abate.report.figures import fan

    titles = {"dose": _("Prednisone (mg a day)"), "morning-cortisol": _("Morning cortisol (nmol/L)")}
    bands = {
        "90 % of forecasts": _("90 % of people"),
        "50 % of forecasts": _("50 % of people"),
        "median": _("median"),
    }
    drawn = []
    for slug, option in plan["options"].items():
        rows = option["fans"][what]
        levels = {float(level) / 100: np.asarray(values, float) for level, values in rows["quantiles"].items()}
        figure = fan(np.asarray(rows["weeks"], float), levels, y=titles[what], x=_("Weeks from today"))
        name = _label(_, slug, option)
        last = levels[0.5][-1]
        alt = _("{plan}: the median ends at {n}.", plan=name, n=_.number(last))
        for trace in figure.data:
            if trace.name:
                trace.name = bands[trace.name]
        svg = to_svg(figure, label=alt, standalone=False, width=NARROW)
        caption = escape(_("{plan}: median, and the bands of 50 and 90 % of people.", plan=name))
        drawn.append(f"<figure>{svg}<figcaption>{caption}</figcaption></figure>")
    return "".join(drawn)


def plan_name(_: Words, label: str) -> str:
    """Say a plan's label, where it is one of the library's; a label of the record stands as it was written.

    Examples
    --------
    >>> plan_name(Words("uk"), "10 % less every 4 weeks, without tocilizumab")
    'на 10 % менше кожні 4 тижні, без тоцилізумабу'
    """
    ends = {
        "without tocilizumab": _("without tocilizumab"),
        "with tocilizumab": _("with tocilizumab"),
        "without sarilumab": _("without sarilumab"),
        "with sarilumab": _("with sarilumab"),
    }
    begin, _comma, end = label.rpartition(", ")
    return f"{_(begin)}, {ends[end]}" if end in ends else _(label)


def _label(_: Words, slug: str, option: Mapping[str, Any]) -> str:
    name = plan_name(_, str(option["label"]))
    return f"{name} ({_('changed by you')})" if slug.endswith("-moved") else name
