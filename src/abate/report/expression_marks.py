"""What the figures of gene expression share: levels in order, named rows, strips that tell samples apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from abate.report.figures import arm_colours

__all__ = [
    "levels",
    "rows",
    "strips",
]


def levels(column: pd.Series) -> list[str]:
    """Return the levels of a column in their order: that of the categories, else of the letters.

    Examples
    --------
    >>> levels(pd.Series(["b", "a", "b"]))
    ['a', 'b']
    """
    present = set(column.astype(str))
    ordered = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else sorted(present)
    return [str(level) for level in ordered if str(level) in present]


def rows(figure: Any, names: Sequence[str], most: int = 45) -> None:
    """Give each row its name; with too many rows, every so-many-th."""
    shown = list(range(0, len(names), max(1, -(-len(names) // most))))
    figure.update_yaxes(
        tickvals=shown, ticktext=[names[i][:20] for i in shown], range=[len(names) - 0.5, -0.5], showgrid=False
    )


def strips(
    figure: Any, marks: pd.DataFrame, where: Callable[[Any, int], tuple[Any, Any]], *, legend: bool = False
) -> list[str]:
    """Draw a row of small squares for each of subject, time and group that tells samples apart; return which.

    Groups have the colours of the house, times are greys from light to dark, so that a colour means one thing.

    Parameters
    ----------
    figure : plotly Figure
    marks : DataFrame indexed by sample
        Columns ``group``, ``time``, ``subject``, in the order in which samples are drawn.
    where : callable
        From the numbers of the samples and the place of the strip to x and y.
    legend : bool
        Whether groups and times stand in the legend.
    """
    kept: list[str] = []
    for role in ("subject", "time", "group"):
        said = [str(level) for level in marks[role]]
        if len(set(said)) < 2 or (role == "subject" and len(set(said)) == len(said)):
            continue
        shades = _shades(levels(marks[role]), role)
        x, y = (np.asarray(place, dtype=float) for place in where(np.arange(len(said)), len(kept)))
        for level in levels(marks[role]):
            here = np.array([word == level for word in said])
            figure.add_scatter(
                x=x[here], y=y[here], mode="markers", name=level,
                marker={"symbol": "square", "size": 10, "color": shades[level]},
                hovertext=[f"{role}: {level}"] * int(here.sum()), hoverinfo="text",
                showlegend=legend and role != "subject",
            )  # fmt: skip
        kept.append(role)
    return kept


def _shades(names: Sequence[str], role: str) -> dict[str, str]:
    if role != "time":
        return arm_colours(names)
    greys = np.linspace(195, 60, len(names)).round().astype(int)
    return {name: f"#{grey:02x}{grey:02x}{grey:02x}" for name, grey in zip(names, greys, strict=True)}
