"""Figures of gene expression: samples, genes, and what a study of this size can see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from abate.report.figures import arm_colours, blank
from abate.report.palette import INK, MUTED, SERIES, translucent

__all__ = [
    "distances",
    "gene_heatmap",
    "levels",
    "library_sizes",
    "mean_difference",
    "power_curve",
    "principal_components",
    "scores",
    "top_genes",
    "volcano",
]

# Points of genes that are not called: beyond so many a drawing only grows.
_BACKGROUND = 2500
# Samples along an edge of the distance matrix; of more, evenly spread ones are drawn.
_SQUARES = 60
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
_PALE_TO_DARK = [[0.0, "#0f3d5c"], [0.5, "#7fb2d1"], [1.0, "#f4f5f7"]]


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
    for _, rows in marks.groupby("subject", observed=True):
        if len(rows) > 1:
            line = points.loc[rows.sort_values("time").index]
            figure.add_scatter(
                x=line["PC1"], y=line["PC2"], mode="lines", line={"color": MUTED, "width": 1}, showlegend=False
            )
    for (group, time), rows in marks.groupby(["group", "time"], observed=True):
        here = points.loc[rows.index]
        said = [f"{sample}: {row['subject']}, {group}, {time}" for sample, row in rows.iterrows()]
        figure.add_scatter(
            x=here["PC1"], y=here["PC2"], mode="markers+text" if len(marks) <= 24 else "markers",
            name=", ".join(word for word in (str(group), str(time)) if word) or "samples",
            text=[str(s) for s in rows["subject"]], textposition="top center", textfont={"size": 10, "color": MUTED},
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
    kept = _strips(figure, marks.loc[order], lambda at, place: (np.full(n, -0.5 - n * (0.03 + 0.04 * place)), at))
    _rows(figure, order)
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
    _rows(figure, names)
    figure.update_xaxes(rangemode="tozero")
    return figure


def _rows(figure: Any, names: Sequence[str], most: int = 45) -> None:
    """Give each row its name; with too many rows, every so-many-th."""
    shown = list(range(0, len(names), max(1, -(-len(names) // most))))
    figure.update_yaxes(
        tickvals=shown, ticktext=[names[i][:20] for i in shown], range=[len(names) - 0.5, -0.5], showgrid=False
    )


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
    genes = [str(g) for g in values.index]
    margin = {"l": 150, "r": 18, "t": 14, "b": 50}
    figure = blank(
        "log2 expression; mean of the reference = 0",
        "",
        height=70 + 34 * len(genes),
        hovermode="closest",
        margin=margin,
    )
    colours, table = arm_colours(order), values.to_numpy(dtype=float)
    column = {str(s): i for i, s in enumerate(values.columns)}
    heights = _spread(sides, joined)
    pairs = _pairs(sides, order, joined) if joined is not None else []
    of = {a: "" if groups is None else str(groups[a]) for a, _ in pairs}
    for place, group in enumerate(dict.fromkeys(of.values())):
        here = [(a, b) for a, b in pairs if of[a] == group]
        xs = [v for i in range(len(genes)) for a, b in here for v in (table[i, column[a]], table[i, column[b]], np.nan)]
        ys = [v for i in range(len(genes)) for a, b in here for v in (i + heights[a], i + heights[b], np.nan)]
        line = {"color": MUTED if not group else SERIES[2 + place % 5], "width": 1.4}
        figure.add_scatter(x=xs, y=ys, mode="lines", line=line, name=group, showlegend=bool(group), hoverinfo="skip")
    for side in order:
        samples = [str(s) for s in sides.index if sides[s] == side]
        figure.add_scatter(
            x=[table[i, column[s]] for i in range(len(genes)) for s in samples],
            y=[i + heights[s] for i in range(len(genes)) for s in samples],
            mode="markers", name=side, hoverinfo="text",
            hovertext=[f"{g}, {s}: {table[i, column[s]]:+.2f}" for i, g in enumerate(genes) for s in samples],
            marker={"color": colours[side], "size": 7, "symbol": "diamond" if side == order[1] else "circle"},
        )  # fmt: skip
    _rows(figure, genes)
    line = {"color": MUTED, "width": 1}
    figure.add_shape(type="line", y0=0, y1=1, yref="paper", x0=0, x1=0, xref="x", line=line, layer="below")
    return figure


def _spread(sides: pd.Series, joined: pd.Series | None) -> dict[str, float]:
    """Return where within its row a sample stands: subjects one below the other."""
    people = levels(joined) if joined is not None else []
    if joined is None:
        return {str(s): -0.15 if sides[s] == sides.iloc[0] else 0.15 for s in sides.index}
    step = 0.6 / max(1, len(people) - 1)
    return {str(s): -0.3 + step * people.index(str(joined[s])) for s in sides.index}


def _pairs(sides: pd.Series, order: tuple[str, str], joined: pd.Series) -> list[tuple[str, str]]:
    pairs = []
    for _, rows in joined.groupby(joined.astype(str)):
        ends = [[str(s) for s in rows.index if sides[s] == side] for side in order]
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
    rows, columns = z.shape
    margin = {"l": 150, "r": 18, "t": 14, "b": 40}
    figure = blank("", "", height=110 + 15 * rows, hovermode="closest", margin=margin)
    colours = [[0, "#0072b2"], [0.5, "#f4f5f7"], [1, "#c4500c"]]
    figure.add_heatmap(
        z=np.clip(z.to_numpy(), -2.5, 2.5), x=np.arange(columns), y=np.arange(rows), zmin=-2.5, zmax=2.5,
        colorscale=colours,
        showscale=False,
    )  # fmt: skip
    kept = _strips(
        figure, marks.loc[list(values.columns)], lambda at, place: (at, np.full(columns, -1.3 - 1.2 * place))
    )
    _rows(figure, [str(g) for g in z.index])
    figure.update_yaxes(range=[rows - 0.5, -1.4 - 1.2 * len(kept)])
    named = [str(s)[:16] for s in z.columns] if columns <= 6 else []
    figure.update_xaxes(
        tickvals=np.arange(columns)[: len(named)], ticktext=named, range=[-0.5, columns - 0.5], showline=False
    )
    return figure, z.rename_axis("gene").reset_index()


def _strips(figure: Any, marks: pd.DataFrame, where: Callable[[Any, int], tuple[Any, Any]]) -> list[str]:
    """Draw a row of small squares for each of subject, time and group that tells samples apart; return which."""
    kept: list[str] = []
    for role in ("subject", "time", "group"):
        said = [str(level) for level in marks[role]]
        if len(set(said)) < 2 or (role == "subject" and len(set(said)) == len(said)):
            continue
        colours = arm_colours(levels(marks[role]))
        x, y = where(np.arange(len(said)), len(kept))
        figure.add_scatter(
            x=x, y=y, mode="markers", marker={"symbol": "square", "size": 10, "color": [colours[v] for v in said]},
            hovertext=[f"{role}: {v}" for v in said], hoverinfo="text", showlegend=False,
        )  # fmt: skip
        kept.append(role)
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
