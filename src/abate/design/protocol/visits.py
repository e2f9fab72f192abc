"""The schedule of visits: what is done when."""

from __future__ import annotations

from abate.design.protocol.file import DesignFile

__all__ = ["schedule_csv", "schedule_markdown", "schedule_rows"]


def schedule_rows(design: DesignFile) -> tuple[list[str], list[list[str]]]:
    """Return the heading and one row a procedure, with ``x`` where it is done."""
    weeks = design.all_visits
    heading = ["procedure", *(f"week {week}" for week in weeks)]
    window = design.visits.window_days
    rows = [["day (window)", *(f"{7 * week + 1}" + (f" ± {window}" if week else "") for week in weeks)]]
    if design.is_crossover:
        rows.append(["period", *("2" if week >= design.second_period else "1" for week in weeks)])
    for name, planned in design.visits.procedures.items():
        wanted = set(design.visits.weeks if planned is None else planned)
        if design.is_crossover:
            wanted |= {design.second_period + week for week in wanted}
        rows.append([name, *("x" if week in wanted else "" for week in weeks)])
    return heading, rows


def schedule_csv(design: DesignFile) -> str:
    """Return the schedule as CSV."""
    heading, rows = schedule_rows(design)
    return "\n".join(",".join(_quoted(cell) for cell in row) for row in [heading, *rows]) + "\n"


def schedule_markdown(design: DesignFile) -> str:
    """Return the schedule as a Markdown table."""
    heading, rows = schedule_rows(design)
    lines = ["| " + " | ".join(row) + " |" for row in [heading, ["---"] * len(heading), *rows]]
    return "\n".join(lines) + "\n"


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\n') else cell
