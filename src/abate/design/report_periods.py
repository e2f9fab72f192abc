"""The periods of a crossover in its report: means by sequence, the period effect, and carry-over with its warning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abate.report.page import Part

__all__ = ["periods"]


def periods(result: Mapping[str, Any], sequences: Sequence[Mapping[str, Any]]) -> tuple[Part, ...]:
    """Return a figure and a table of the periods, and in words what they tell beside the treatment.

    Parameters
    ----------
    result : mapping
        Of the primary estimand, with ``cells``.
    sequences : sequence of mapping
        The flow of each, that with the treatment first before the other.
    """
    import pandas as pd

    from abate.report.figures import blank
    from abate.report.page import Figure, Prose, Table
    from abate.report.palette import arm_colours
    from abate.report.tables import number, table

    labels = [str(one["label"]) for one in sequences]
    colours = arm_colours(labels)
    share = result["name"] == "difference of shares"
    figure = blank("Period", "Share responding" if share else "Mean")
    rows = []
    for label, name in zip(labels, ("treatment first", "control first"), strict=True):
        mine = [cell for cell in result["cells"] if cell["sequence"] == name]
        figure.add_scatter(
            x=[cell["period"] for cell in mine],
            y=[cell["mean"] for cell in mine],
            mode="lines+markers",
            name=label,
            line={"color": colours[label]},
        )
        for cell in mine:
            spread = {} if share else {"Standard deviation": number(cell["sd"])}
            what = {"Sequence": label, "Period": str(cell["period"]), "On": cell["on"], "People": cell["n"]}
            rows.append({**what, ("Share" if share else "Mean"): number(cell["mean"]), **spread})
    figure.update_xaxes(tickvals=[1, 2], range=[0.8, 2.2])
    frame = pd.DataFrame(rows)
    drawn = Figure(
        "periods",
        figure,
        caption="Means of both sequences in both periods: a treatment effect turns the lines against each other, a "
        "period effect tilts both, and carry-over parts them in level.",
        alt="Lines of two sequences over two periods.",
        data=pd.DataFrame(result["cells"]),
    )
    parts: list[Part] = [drawn, Table("period-means", table(frame, caption="By sequence and period"), data=frame)]
    return (*parts, *(Prose(text) for text in _words(result)))


def _words(result: Mapping[str, Any]) -> list[str]:
    said = []
    if "period_effect" in result:
        one = result["period_effect"]
        said.append(f"Period effect, second less first: {_shown(one)}; it cancels in the comparison of treatments.")
    if "mainland_gart" in result:
        gart = result["mainland_gart"]
        said.append(
            f"{result['better']} people responded on treatment alone and {result['worse']} on control alone. "
            f"{gart['method']}, which allows for a period effect: p {gart['p']:.4g}."
        )
    if "carry_over" in result:
        one = result["carry_over"]
        warning = f"{one['warning'][0].upper()}{one['warning'][1:]}."
        said.append(f"Carry-over, difference of the sums of both periods: {_shown(one)}. {warning}")
    return said


def _shown(one: Mapping[str, Any]) -> str:
    span = f"{100 * one['level']:.3g} % interval {one['low']:.4g} to {one['high']:.4g}"
    return f"{one['estimate']:.4g} ({span}), p {one['p']:.4g}"
