"""Figures of samples: who lies near whom, and how much was read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.report.expression_marks import levels, rows, strips
from abate.report.figures import arm_colours, blank
from abate.report.palette import MUTED

__all__ = [
    "distances",
    "library_sizes",
    "principal_components",
    "scores",
]

# Samples along an edge of the distance matrix; of more, evenly spread ones are drawn.
_SQUARES = 60
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
_PALE_TO_DARK = [[0.0, "#0f3d5c"], [0.5, "#7fb2d1"], [1.0, "#f4f5f7"]]


def scores(stabilised: pd.DataFrame, genes: int = 500) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """Return the first two principal components of the samples, from the genes that vary most.

    Parameters
    ----------
    stabilised : DataFrame, genes x samples
    genes : int

    Returns
    -------
    scores : DataFrame, samples x 2
    shares : ndarray, shape (2,)
        Of the variance of these genes.

    Examples
    --------
    >>> table = pd.DataFrame([[0, 1, 2.0], [5, 4, 3], [1, 1, 1]], columns=["a", "b", "c"])
    >>> scores(table)[1].round(3)
    array([1., 0.])
    """
    chosen = stabilised.loc[stabilised.var(axis=1).nlargest(genes).index].to_numpy()
    centred = (chosen - chosen.mean(axis=1, keepdims=True)).T
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(2, singular.size)
    points = np.zeros((centred.shape[0], 2))
    points[:, :kept] = left[:, :kept] * singular[:kept]
    shares = np.zeros(2)
    shares[:kept] = singular[:kept] ** 2 / max(float((singular**2).sum()), 1e-300)
    return pd.DataFrame(points, index=stabilised.columns, columns=["PC1", "PC2"]), shares


def principal_components(points: pd.DataFrame, shares: npt.NDArray[np.float64], marks: pd.DataFrame) -> Any:
    """Draw samples by their first two components: colour is the group, shape the time, a line joins a subject.

    Parameters
    ----------
    points : DataFrame, samples x (PC1, PC2)
    shares : ndarray, shape (2,)
    marks : DataFrame indexed by sample
        Text columns ``group``, ``time``, ``subject``.
    """
    figure = blank(
        *(f"PC{i + 1} ({share:.0%} of variance)" for i, share in enumerate(shares)), hovermode="closest", height=380
    )
    colours = arm_colours(levels(marks["group"]))
    symbols = dict(zip(levels(marks["time"]), _SYMBOLS * 9, strict=False))
    for _, own in marks.groupby("subject", observed=True):
        if len(own) > 1:
            line = points.loc[own.sort_values("time").index]
            figure.add_scatter(
                x=line["PC1"], y=line["PC2"], mode="lines", line={"color": MUTED, "width": 1}, showlegend=False
            )
    for (group, time), own in marks.groupby(["group", "time"], observed=True):
        here = points.loc[own.index]
        said = [f"{sample}: {row['subject']}, {group}, {time}" for sample, row in own.iterrows()]
        figure.add_scatter(
            x=here["PC1"], y=here["PC2"], mode="markers+text" if len(marks) <= 24 else "markers",
            name=", ".join(word for word in (str(group), str(time)) if word) or "samples",
            text=[str(s) for s in own["subject"]], textposition="top center", textfont={"size": 10, "color": MUTED},
            hovertext=said,
            hoverinfo="text", marker={"color": colours[str(group)], "symbol": symbols[str(time)], "size": 11},
        )  # fmt: skip
    return figure


def distances(stabilised: pd.DataFrame, marks: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Draw the distance between every two samples; strips beside it tell group, time and subject.

    Parameters
    ----------
    stabilised : DataFrame, genes x samples
    marks : DataFrame indexed by sample
        Text columns ``group``, ``time``, ``subject``.

    Returns
    -------
    figure, table
        The table is the whole distance matrix; of more than 60 samples, 60 evenly spread ones are drawn.
    """
    order = [str(s) for s in marks.sort_values(["group", "time", "subject"]).index]
    values = stabilised[order].to_numpy(dtype=float).T
    squares = (values**2).sum(axis=1)
    between = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * values @ values.T, 0.0))
    table = pd.DataFrame(between, index=order, columns=order).rename_axis("sample").reset_index()
    if len(order) > _SQUARES:
        kept_rows = np.linspace(0, len(order) - 1, _SQUARES).round().astype(int)
        between, order = between[np.ix_(kept_rows, kept_rows)], [order[i] for i in kept_rows]
    n = len(order)
    margin = {"l": 150, "r": 18, "t": 14, "b": 20}
    figure = blank("", "", height=max(260.0, 60 + min(18.0, 900 / n) * n), hovermode="closest", margin=margin)
    figure.add_heatmap(z=between, x=np.arange(n), y=np.arange(n), colorscale=_PALE_TO_DARK, showscale=False)
    kept = strips(
        figure, marks.loc[order], lambda at, place: (np.full(n, -0.5 - n * (0.03 + 0.04 * place)), at), legend=True
    )
    rows(figure, order)
    figure.update_xaxes(tickvals=[], showline=False, range=[-0.5 - n * (0.02 + 0.04 * len(kept)), n - 0.5])
    return figure, table


def library_sizes(sizes: pd.Series, groups: pd.Series) -> Any:
    """Draw how many reads each sample has.

    Parameters
    ----------
    sizes : Series indexed by sample
    groups : Series of str indexed by sample
    """
    names = [str(s) for s in groups.index]
    height = max(160.0, 70 + 17.0 * len(names))
    margin = {"l": 150, "r": 18, "t": 14, "b": 50}
    figure = blank("Counted reads (millions)", "", height=height, hovermode="closest", margin=margin)
    colours = arm_colours(levels(groups))
    for group in levels(groups):
        here = [str(s) for s in groups.index[groups.astype(str) == group]]
        said = [f"{s}: {sizes[s] / 1e6:.2f} million" for s in here]
        figure.add_bar(
            y=[names.index(s) for s in here], x=[float(sizes[s]) / 1e6 for s in here], orientation="h", name=group,
            width=0.8,
            marker={"color": colours[group]}, hovertext=said, hoverinfo="text",
        )  # fmt: skip
    rows(figure, names)
    figure.update_xaxes(rangemode="tozero")
    return figure
