"""Who went where: a flow diagram in the manner of CONSORT, drawn as SVG.

References
----------
Schulz KF, Altman DG, Moher D. CONSORT 2010 statement. BMJ 2010;340:c332.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from abate.report.drawing import FONT, LETTER
from abate.report.drawing_marks import paint, words
from abate.report.palette import INK, MUTED, PAPER

__all__ = ["FlowArm", "FlowStep", "flow_diagram"]

SIZE, LINE, PAD, GAP = 12.0, 15.5, 9.0, 20.0


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One box: what happened to how many. `aside` marks people who left the way to the next box."""

    label: str
    n: int
    aside: bool = False
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowArm:
    """One arm: its name, its colour and its boxes from top to bottom."""

    name: str
    colour: str
    steps: tuple[FlowStep, ...]


def flow_diagram(first: FlowStep, arms: Sequence[FlowArm], *, label: str, width: float = 720) -> str:
    """Draw who was randomised, allocated, lost and analysed.

    Parameters
    ----------
    first : FlowStep
        The box at the top.
    arms : sequence of FlowArm
        Side by side where `width` holds them, else in rows.
    label : str
        What the picture shows, for those who cannot see it.
    width : float
        In points.

    Returns
    -------
    str
        One ``<svg>`` element whose colours follow the page.

    Examples
    --------
    >>> arm = FlowArm("placebo", "#c4500c", (FlowStep("Allocated", 50), FlowStep("Left", 12, aside=True)))
    >>> svg = flow_diagram(FlowStep("Randomised", 50), [arm], label="50 people, one arm, 12 left")
    >>> "n = 12" in svg
    True
    """
    columns = max(1, min(len(arms), int(width // 165)))
    rows = [arms[i : i + columns] for i in range(0, len(arms), columns)]
    left = 12.0 if len(rows) > 1 else 0.0
    wide = (width - left - (columns - 1) * 14) / columns
    top_wide = min(240.0, width - left)
    centre = left + (width - left) / 2
    parts, y = [], 1.0
    box, tall = _box(first, centre - top_wide / 2, y, top_wide, None)
    parts.append(box)
    y += tall
    for r, row in enumerate(rows):
        bus = y + GAP / 2
        centres = [left + k * (wide + 14) + wide / 2 for k in range(len(row))]
        trunk = centre if r == 0 else left / 2
        parts.append(_rail(trunk, y, bus, centres))
        if r < len(rows) - 1:
            parts.append(_path(f"M{left / 2:.1f} {bus:.1f}H{min(centres):.1f}"))
        bottoms = [_column(parts, arm, c - wide / 2, bus + GAP / 2, wide) for arm, c in zip(row, centres, strict=True)]
        bottom = max(bottoms) + (GAP if r < len(rows) - 1 else 0)
        if r < len(rows) - 1:
            parts.append(_path(f"M{left / 2:.1f} {bus:.1f}V{bottom + GAP / 2:.1f}"))
        y = bottom
    size = f'viewBox="0 0 {width:g} {y + 2:.0f}" width="{width:g}" height="{y + 2:.0f}"'
    name = f'role="img" aria-label="{escape(label, quote=True)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {name} class="figure-drawing" font-family="{escape(FONT)}">'
    return head + "".join(parts) + "</svg>"


def _column(parts: list[str], arm: FlowArm, x: float, y: float, wide: float) -> float:
    lines = _wrapped(arm.name, 0.88 * wide)
    for i, line in enumerate(lines):
        text = words(line, x + wide / 2, y + 13 + i * LINE, anchor="middle", size=12.5, style=paint("fill", arm.colour))
        parts.append(text.replace("<text ", '<text font-weight="600" ', 1))
    y += 2 * LINE + 8 if len(lines) < 3 else len(lines) * LINE + 8
    for i, step in enumerate(arm.steps):
        inset = 16.0 if step.aside else 0.0
        if i:
            start = y - GAP + 4
            way = f"M{x + 8:.1f} {start:.1f}V{y + 14:.1f}H{x + inset:.1f}" if step.aside else None
            parts.append(_path(way or f"M{x + 8:.1f} {start:.1f}V{y:.1f}"))
        box, tall = _box(step, x + inset, y, wide - inset, arm.colour)
        parts.append(box)
        if step.aside:  # the way goes on beside people who left it
            parts.append(_path(f"M{x + 8:.1f} {y + 14:.1f}V{y + tall + GAP - 4:.1f}"))
        y += tall + GAP - 4
    return y - GAP + 4


def _box(step: FlowStep, x: float, y: float, wide: float, colour: str | None) -> tuple[str, float]:
    lines = _wrapped(step.label, wide - 2 * PAD)
    detail = [part for text in step.detail for part in _wrapped(text, wide - 2 * PAD)]
    tall = 2 * PAD + LINE * (len(lines) + 1 + len(detail)) - 3
    edge = paint("stroke", colour or MUTED) if not step.aside else f'{paint("stroke", MUTED)} stroke-dasharray="3 3"'
    inner = paint("fill", PAPER).removeprefix('class="').removesuffix('"')
    edge = edge.replace('class="', f'class="{inner} ', 1)
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="3" {edge} stroke-width="1.2"/>'
    text, at = [shape], y + PAD + SIZE - 2
    anchor, tx = ("middle", x + wide / 2) if colour is None else ("start", x + PAD)
    for line in lines:
        text.append(words(line, tx, at, anchor=anchor, size=SIZE, style=paint("fill", INK)))
        at += LINE
    number = words(f"n = {step.n}", tx, at, anchor=anchor, size=SIZE, style=paint("fill", INK))
    text.append(number.replace("<text ", '<text font-weight="600" ', 1))
    for line in detail:
        at += LINE
        text.append(words(line, tx, at, anchor=anchor, size=11, style=paint("fill", MUTED)))
    return "".join(text), tall


def _rail(trunk: float, y: float, bus: float, centres: Sequence[float]) -> str:
    ends = [*centres, trunk]
    down = "".join(f"M{c:.1f} {bus:.1f}v{GAP / 2 - 2:.1f}" for c in centres)
    return _path(f"M{trunk:.1f} {y:.1f}V{bus:.1f}M{min(ends):.1f} {bus:.1f}H{max(ends):.1f}{down}")


def _path(d: str) -> str:
    return f'<path d="{d}" fill="none" {paint("stroke", MUTED)} stroke-width="1"/>'


def _wrapped(text: str, room: float) -> list[str]:
    """Break text into lines that fit, by the mean width of a letter."""
    limit = max(6, int(room / (SIZE * LETTER)))
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > limit:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
