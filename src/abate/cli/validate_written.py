"""What ``abate validate`` writes into its folder and prints beside the scoreboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["show_forecast", "show_sensitivity", "write_board", "write_forecast", "write_sensitivity"]

LINES = 8
"""Numbers shown on a terminal, the most influential ones."""


def write_board(out: Path | None, payload: dict[str, Any], seed: int, *, whole: bool) -> None:
    """Write report.html, and for the whole scoreboard its page."""
    from abate.report.validation import board_report
    from abate.report.validation_page import scoreboard_page

    _write(out, board_report(_headed(payload, seed)), scoreboard_page(_headed(payload, seed)) if whole else None)


def write_forecast(out: Path | None, payload: dict[str, Any], seed: int) -> None:
    """Write report.html and the page of the forecasts."""
    from abate.report.validation import forecast_report
    from abate.report.validation_page import forecast_page

    _write(out, forecast_report(_headed(payload, seed)), forecast_page(_headed(payload, seed)))


def write_sensitivity(out: Path | None, payload: dict[str, Any], seed: int) -> None:
    """Write report.html with its figures."""
    from abate.report.sensitivity import sensitivity_report

    _write(out, sensitivity_report(_headed(payload, seed)), None)


def show_forecast(payload: dict[str, Any]) -> None:
    """Print the forecasts."""
    from rich.table import Table

    from abate.report.tables import interval
    from abate.report.terminal import show

    for trial in payload["forecasts"].values():
        made = Table(
            "endpoint", "arm", "n", "predicted (95 %)", title=f"{trial['title']}: forecast of {payload['recorded']}"
        )
        for row in trial["rows"]:
            made.add_row(
                row["label"], row["arm"], str(row["n"]), interval(_estimate(row), share=row["share"], digits=4)
            )
        show(made)
    print("Recorded before anyone compares. For research; not a prescription.")  # noqa: T201


def show_sensitivity(payload: dict[str, Any]) -> None:
    """Print the most influential numbers of every outcome, or what the data can tell."""
    from rich.table import Table

    from abate.report.terminal import show

    for arm, found in payload.get("arms", {}).items():
        for outcome, rows in found["sensitivity"].items():
            keys = [k for k in ("total", "first", "change") if any(k in row for row in rows.values())]
            size = {name: abs(row[keys[0]].estimate) for name, row in rows.items()}
            order = sorted(size, key=size.__getitem__, reverse=True)[:LINES]
            words = {"total": "total (95 %)", "first": "first order (95 %)", "change": "change for one SD (95 %)"}
            made = Table("number", *(words[k] for k in keys), title=f"{payload['outcomes'][outcome]}: {arm}")
            for name in order:
                made.add_row(name, *(_span(rows[name][k]) for k in keys))
            show(made)
    if "informed" in payload:
        found = payload["informed"]
        made = Table(
            "number", "share of the prior variance removed", "figures that move", title="What the data can tell"
        )
        for name, row in sorted(found["factors"].items(), key=lambda item: -item[1]["told"]):
            made.add_row(name, f"{100 * row['told']:.0f} %", str(row["figures"]))
        show(made)
        quiet, wide = (", ".join(found[key]) or "none" for key in ("silent", "wide"))
        print(f"No figure moves clearly, in {found['people']} people an arm, with: {quiet}.")  # noqa: T201
        print(f"Numbers whose calibrated ensemble is as wide as their prior: {wide}.")  # noqa: T201
        for direction in found["directions"]:
            parts = ", ".join(f"{name} {value:+.2f}" for name, value in direction["loadings"].items())
            print(f"As wide as the prior: {parts}")  # noqa: T201


def _write(out: Path | None, report: Any, page: str | None) -> None:
    if out is None:
        return
    from abate.ground.files import write_atomically
    from abate.report.page import write

    write(report, out)
    if page is not None:
        write_atomically(out / "page.md", page)


def _headed(payload: dict[str, Any], seed: int) -> dict[str, Any]:
    from abate.ground.version import __version__

    return {"abate": __version__, "seed": seed, **payload}


def _estimate(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "estimate": row["predicted"]}


def _span(estimate: Any) -> str:
    return f"{estimate.estimate:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
