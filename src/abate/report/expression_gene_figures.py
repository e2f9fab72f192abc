"""Figures of all genes: effect over mean, evidence over effect, and what a study of this size can see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from abate.report.figures import blank
from abate.report.palette import INK, MUTED, SERIES, translucent

__all__ = [
    "agreement_scatter",
    "mean_difference",
    "power_curve",
    "volcano",
]

# Points of genes that are not called: beyond so many a drawing only grows.
_BACKGROUND = 2500


def mean_difference(genes: pd.DataFrame, called: Sequence[str], *, named: int = 10) -> Any:
    """Draw log2 fold change over mean expression (MA); called genes are coloured and named.

    Parameters
    ----------
    genes : DataFrame indexed by gene
        Columns ``base_mean``, ``log2_fold_change``, ``p``.
    called : sequence of str
    named : int
        How many of the called have their name beside them.
    """
    shown = genes[(genes["base_mean"] > 0) & genes["log2_fold_change"].notna()]
    figure = blank("Mean of normalised counts", "log2 fold change", height=380, hovermode="closest")
    figure.update_xaxes(type="log")
    _cloud(figure, shown, called, shown["base_mean"], shown["log2_fold_change"], named)
    figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=0, y1=0, yref="y", line={"color": MUTED, "width": 1})
    return figure


def volcano(genes: pd.DataFrame, called: Sequence[str], *, named: int = 10) -> Any:
    """Draw minus log10 p over log2 fold change; called genes are coloured and named. Arguments as `mean_difference`."""
    shown = genes[genes["p"].notna()]
    figure = blank("log2 fold change", "\u2212log10 p", height=380, hovermode="closest")
    height = pd.Series(-np.log10(np.maximum(shown["p"].to_numpy(dtype=float), 1e-300)), index=shown.index)
    _cloud(figure, shown, called, shown["log2_fold_change"], height, named)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _cloud(figure: Any, shown: pd.DataFrame, called: Sequence[str], x: pd.Series, y: pd.Series, named: int) -> None:
    hit = shown.index.isin(list(called))
    ordered = shown.loc[~hit, "p"].fillna(1.0).sort_values(kind="stable").index
    half = _BACKGROUND // 2
    # The half with the least p makes the edge of the cloud; the rest is thinned evenly, and only the edge has names
    # to point at.
    edge = ordered[:half]
    rest = ordered[half :: max(1, (len(ordered) - half) // half)] if len(ordered) > _BACKGROUND else ordered[half:]
    for names, label, colour, size, said in (
        (rest, "not called", MUTED, 3, False),
        (edge, "not called", MUTED, 3, True),
        (shown.index[hit], "called", SERIES[1], 5, True),
    ):
        if not len(names):
            continue
        told = [_told(str(g), shown) for g in names] if said else None
        figure.add_scatter(
            x=x[names], y=y[names], mode="markers", name=label, hovertext=told, hoverinfo="text" if said else "skip",
            showlegend=label == "called" or (said and not len(rest)) or not said,
            marker={"color": colour, "size": size, "opacity": 0.9 if label == "called" else 0.6},
        )  # fmt: skip
    first = _apart(x, y, [str(g) for g in shown.loc[hit, "p"].sort_values(kind="stable").index], named)
    if first:
        figure.add_scatter(
            x=x[first], y=y[first], mode="text", text=first, textposition="top center", textfont={"size": 10,
            "color": INK},
            showlegend=False, hoverinfo="skip",
        )  # fmt: skip


def _told(gene: str, shown: pd.DataFrame) -> str:
    row = shown.loc[gene]
    return f"{gene}: log2 fold change {row['log2_fold_change']:+.2f}, p {row['p']:.2g}"


def _apart(x: pd.Series, y: pd.Series, genes: Sequence[str], most: int) -> list[str]:
    """Return the first genes whose names do not lie on each other."""
    across = np.log10(x) if float(x.min()) > 0 else x
    wide, tall = (float(v.max() - v.min()) or 1.0 for v in (across, y))
    kept: list[str] = []
    for gene in genes:
        near = any(
            abs(across[gene] - across[other]) < 0.13 * wide and abs(y[gene] - y[other]) < 0.05 * tall for other in kept
        )
        if not near:
            kept.append(gene)
        if len(kept) == most:
            break
    return kept


def power_curve(curve: pd.DataFrame) -> Any:
    """Draw the share of changed genes that a study of this size finds, over the size of the change.

    Parameters
    ----------
    curve : DataFrame indexed by absolute log2 fold change
        Columns ``power``, ``low``, ``high``.
    """
    figure = blank("Size of the true change (log2)", "Share of changed genes found", height=320)
    x = curve.index.to_numpy(dtype=float)
    figure.add_scatter(x=x, y=curve["low"], mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=x, y=curve["high"], mode="lines", line={"width": 0}, fill="tonexty", fillcolor=translucent(SERIES[0], 0.2),
        name="95 % interval of the simulation", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=curve["power"], mode="lines+markers", line={"color": SERIES[0], "width": 2.5}, name="found"
    )
    figure.add_shape(
        type="line",
        x0=0,
        x1=1,
        xref="paper",
        y0=0.8,
        y1=0.8,
        yref="y",
        line={"color": MUTED, "width": 1, "dash": "dash"},
    )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    return figure


def agreement_scatter(one: pd.Series, other: pd.Series, called: Sequence[str], names: tuple[str, str]) -> Any:
    """Draw the statistic of one method over that of another; genes that both put far from zero agree.

    Parameters
    ----------
    one, other : Series indexed by gene
        Signed; genes that either lacks are left out.
    called : sequence of str
    names : (str, str)
        Titles of the axes.
    """
    both = pd.DataFrame({"x": one, "y": other.reindex(one.index)}).dropna()
    hit = both.index.isin(list(called))
    rest = both[~hit]
    rest = rest.iloc[:: max(1, len(rest) // _BACKGROUND)]
    figure = blank(*names, height=360, hovermode="closest")
    for rows, label, colour, size in ((rest, "not called", MUTED, 3), (both[hit], "called", SERIES[1], 5)):
        if len(rows):
            figure.add_scatter(
                x=rows["x"], y=rows["y"], mode="markers", name=label, hoverinfo="text",
                hovertext=[f"{gene}: {x:+.2f}, {y:+.2f}" for gene, x, y in rows.itertuples()],
                marker={"color": colour, "size": size, "opacity": 0.7},
            )  # fmt: skip
    for ends in ({"x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "xref": "x"},
                 {"x0": 0, "x1": 1, "y0": 0, "y1": 0, "xref": "paper", "yref": "y"}):  # fmt: skip
        figure.add_shape(type="line", line={"color": MUTED, "width": 1}, layer="below", **ends)
    return figure
