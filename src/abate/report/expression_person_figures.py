"""Figures of a few genes, person by person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from abate.report.expression_marks import levels, rows, strips
from abate.report.figures import arm_colours, blank
from abate.report.palette import MUTED, SERIES

__all__ = ["gene_heatmap", "top_genes"]

# Room of the columns and of a letter below them, in points.
_WIDTH, _LETTER = 540.0, 6.5


def top_genes(
    values: pd.DataFrame,
    sides: pd.Series,
    order: tuple[str, str],
    joined: pd.Series | None,
    groups: pd.Series | None = None,
) -> Any:
    """Draw each of a few genes as a row: where paired an arrow a subject, else a dot a sample.

    Parameters
    ----------
    values : DataFrame, genes x samples
        Log2 scale, relative to the mean of the reference side.
    sides : Series of str indexed by sample
    order : (str, str)
        Reference and tested side.
    joined : Series of str indexed by sample, optional
        Subject of each sample; arrows go from the reference to the tested sample of a subject.
    groups : Series of str indexed by sample, optional
        Arrows of different groups have different colours.
    """
    genes, table = [str(g) for g in values.index], values.to_numpy(dtype=float)
    heights = _spread(sides, joined)
    pairs = _pairs(sides, order, joined) if joined is not None else []
    # With many pairs a row grows, so that arrows keep apart.
    tall = min(90.0, max(34.0, 8.0 * len(pairs)))
    figure = blank(
        "log2 expression; mean of the reference = 0", "", height=70 + tall * len(genes), hovermode="closest",
        margin={"l": 150, "r": 18, "t": 14, "b": 50},
    )  # fmt: skip
    colours = arm_colours(order)
    column = {str(s): i for i, s in enumerate(values.columns)}
    places = [(i, s) for i in range(len(genes)) for s in column]
    at = {(i, s): (float(table[i, column[s]]), i + heights[s]) for i, s in places if s in heights}
    _shafts(figure, at, pairs, len(genes), groups)
    for side in order if not pairs else order[:1]:
        here = [(i, str(s)) for i in range(len(genes)) for s in sides.index if sides[s] == side]
        figure.add_scatter(
            x=[at[place][0] for place in here], y=[at[place][1] for place in here], mode="markers", name=side,
            hoverinfo="text", hovertext=[f"{genes[i]}, {s}: {at[i, s][0]:+.2f}" for i, s in here],
            marker={"color": colours[side], "size": 6, "symbol": "diamond" if side == order[1] else "circle"},
        )  # fmt: skip
    if pairs:
        _heads(figure, at, pairs, len(genes), {"color": colours[order[1]], "width": 2.2}, order[1], 3.6 / tall)
    rows(figure, genes)
    line = {"color": MUTED, "width": 1}
    figure.add_shape(type="line", y0=0, y1=1, yref="paper", x0=0, x1=0, xref="x", line=line, layer="below")
    return figure


def _shafts(
    figure: Any, at: Mapping[tuple[int, str], tuple[float, float]], pairs: Sequence[tuple[str, str]], genes: int,
    groups: pd.Series | None,
) -> None:  # fmt: skip
    """Draw a line from the reference to the tested sample of each pair."""
    of = {a: "" if groups is None else str(groups[a]) for a, _ in pairs}
    for place, group in enumerate(dict.fromkeys(of.values())):
        x: list[float | None] = []
        y: list[float | None] = []
        for i in range(genes):
            for a, b in (pair for pair in pairs if of[pair[0]] == group):
                x += [at[i, a][0], at[i, b][0], None]
                y += [at[i, a][1], at[i, b][1], None]
        line = {"color": MUTED if not group else SERIES[2 + place % 5], "width": 1.4}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, name=group, showlegend=bool(group), hoverinfo="skip")


def _heads(
    figure: Any, at: Mapping[tuple[int, str], tuple[float, float]], pairs: Sequence[tuple[str, str]], genes: int,
    line: Mapping[str, Any], name: str, half: float,
) -> None:  # fmt: skip
    """Draw a head at the tested sample: as lines in the units of the axes, which every way of drawing shows."""
    across = [x for x, _ in at.values()]
    longest = 0.012 * ((max(across) - min(across)) or 1.0)
    x: list[float | None] = []
    y: list[float | None] = []
    told: list[str] = []
    for i in range(genes):
        for a, b in pairs:
            (start, _), (end, height) = at[i, a], at[i, b]
            back = end - float(np.sign(end - start)) * min(longest, abs(end - start))
            x += [back, end, back, None]
            y += [height - half, height, height + half, None]
            told += ["", f"{b}: {end:+.2f}, from {start:+.2f}", "", ""]
    figure.add_scatter(x=x, y=y, mode="lines", line=dict(line), name=name, hovertext=told, hoverinfo="text")


def _spread(sides: pd.Series, joined: pd.Series | None) -> dict[str, float]:
    """Return where within its row a sample stands: subjects one below the other."""
    people = levels(joined) if joined is not None else []
    if joined is None:
        return {str(s): -0.15 if sides[s] == sides.iloc[0] else 0.15 for s in sides.index}
    step = 0.6 / max(1, len(people) - 1)
    return {str(s): -0.3 + step * people.index(str(joined[s])) for s in sides.index}


def _pairs(sides: pd.Series, order: tuple[str, str], joined: pd.Series) -> list[tuple[str, str]]:
    pairs = []
    for _, own in joined.groupby(joined.astype(str)):
        ends = [[str(s) for s in own.index if sides[s] == side] for side in order]
        if all(ends):
            pairs.append((ends[0][0], ends[1][0]))
    return pairs


def gene_heatmap(values: pd.DataFrame, marks: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Draw genes x samples, each gene in standard deviations from its own mean; strips above tell group, time and
    subject.

    Parameters
    ----------
    values : DataFrame, genes x samples
        In the order in which they are drawn.
    marks : DataFrame indexed by sample
        Columns ``group``, ``time``, ``subject``.
    """
    spread = values.std(axis=1).replace(0.0, 1.0)
    z = values.sub(values.mean(axis=1), axis=0).div(spread, axis=0)
    height, columns = z.shape
    margin = {"l": 150, "r": 18, "t": 14, "b": 62}
    figure = blank("", "", height=130 + 15 * height, hovermode="closest", margin=margin)
    colours = [[0, "#0072b2"], [0.5, "#f4f5f7"], [1, "#c4500c"]]
    figure.add_heatmap(
        z=np.clip(z.to_numpy(), -2.5, 2.5), x=np.arange(columns), y=np.arange(height), zmin=-2.5, zmax=2.5,
        colorscale=colours, showscale=False,
    )  # fmt: skip
    shown = marks.loc[list(values.columns)]
    above = [-1.3 - 1.2 * place for place in range(3)]
    kept = strips(figure, shown, lambda at, place: (at, np.full(columns, above[place])), legend=True)
    figure.update_yaxes(
        tickvals=[*above[: len(kept)], *range(height)], ticktext=[*kept, *(str(g)[:20] for g in z.index)],
        range=[height - 0.5, -1.4 - 1.2 * len(kept)], showgrid=False,
    )  # fmt: skip
    under = _under(shown)
    figure.update_xaxes(
        tickvals=np.arange(columns)[: len(under)], ticktext=under, range=[-0.5, columns - 0.5], showline=False
    )
    return figure, z.rename_axis("gene").reset_index()


def _under(marks: pd.DataFrame) -> list[str]:
    """Return what stands below each column: subject, time and group on lines of their own, each where it fits.

    Examples
    --------
    >>> _under(pd.DataFrame({"subject": ["a", "b"], "time": ["before", "after"], "group": ["x", "x"]}))
    ['a<br>before', 'b<br>after']
    """
    room = _WIDTH / (_LETTER * len(marks))
    lines = [
        [str(word) for word in marks[role]]
        for role in ("subject", "time", "group")
        if marks[role].nunique() > 1 or (role == "subject" and len(marks) == 1)
    ]
    fitting = [words for words in lines if max(map(len, words)) <= room]
    return ["<br>".join(words) for words in zip(*fitting, strict=True)] if fitting else []
