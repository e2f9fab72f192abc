"""``abate replay``: what a policy would have decided on recorded charts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abate.cli.output import Json, Out, emit

if TYPE_CHECKING:
    from abate.science.policy.replay import Replayed
    from abate.study.tables import StudyTables

__all__ = ["replay"]

SHOWN = 20


def replay(
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="A policy of the library, or a YAML file.")],
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A Study (folder or zip), or a clinic's file.")],
    taper: Annotated[
        str | None, typer.Option("--taper", metavar="TAPER", help="The plan, in the place of the policy's own.")
    ] = None,
    arm: Annotated[str | None, typer.Option("--arm", metavar="ARM", help="Only the people of this arm.")] = None,
    json_: Json = False,
    out: Out = None,
) -> None:
    """Show where a policy would have decided otherwise, and why, without inventing what would have come of it."""
    from abate.ground.files import check_replaceable, fresh_directory
    from abate.ground.results import write_results
    from abate.science.policy import load_policy
    from abate.science.policy.charts import charts
    from abate.science.policy.replay import replay as visits
    from abate.science.regimen import load_taper

    if out is not None:
        check_replaceable(out)
    rules = load_policy(policy)
    plan = load_taper(taper) if taper else None
    opened = _open(study)
    doses, measurements = opened.doses, opened.measurements
    if arm is not None:
        subjects = _of_arm(opened.subjects, arm)
        doses, measurements = (
            doses[doses["subject"].isin(subjects)],
            measurements[measurements["subject"].isin(subjects)],
        )
    groups = list(charts(rules, doses, measurements, where=study.name))
    rows = [row for group in groups for row in visits(rules, group, taper=plan)]
    order = {subject: place for place, subject in enumerate(opened.subjects["subject"])}
    rows.sort(key=lambda row: (order.get(row.subject, len(order)), row.day))
    recorded = {name for group in groups for name in group.observed}
    payload = _payload(rows, [name for name in rules.measures if name not in recorded])
    payload = {"policy": rules.name, "study": opened.meta.get("name", study.name), **payload}
    if out is not None:
        with fresh_directory(out) as folder:
            write_results(folder, "replay", None, payload)
            _write_csv(rows, folder / "decisions.csv")
    emit(payload, kind="replay", seed=None, json_=json_, out=None, show=_show)


def _open(path: Path) -> StudyTables:
    """Open a Study, or read a clinic's file as one."""
    from abate.study.store import Study, is_study

    if is_study(path) or path.is_dir() or not path.exists():
        return Study(path).tables()
    from abate.study import readers

    return readers.read(path).tables


def _of_arm(subjects: Any, arm: str) -> set[str]:
    from abate.ground.errors import InputError
    from abate.ground.files import did_you_mean

    arms = sorted(set(subjects["arm"]))
    if arm not in arms:
        raise InputError("--arm", "there is no such arm", value=arm, allowed=arms, hint=did_you_mean(arm, arms))
    return set(subjects.loc[subjects["arm"] == arm, "subject"])


def _payload(rows: list[Replayed], missing: list[str]) -> dict[str, Any]:
    from abate.study.statistics.proportions import proportion

    subjects = {row.subject for row in rows}
    differing = {row.subject for row in rows if row.differs}
    comparisons: dict[str, int] = {}
    rules: dict[str, dict[str, int]] = {}
    for row in rows:
        comparisons[row.comparison] = comparisons.get(row.comparison, 0) + 1
        for rule in filter(None, row.rule.split(", ")):
            counts = rules.setdefault(rule, {"visits": 0, "differs": 0})
            counts["visits"] += 1
            counts["differs"] += row.differs
    return {
        "visits": len(rows),
        "comparisons": comparisons,
        "subjects-with-a-difference": proportion(len(differing), len(subjects)),
        "rules": rules,
        "not_recorded": missing,
        "differences": [_row(row) for row in rows if row.differs],
        "note": "What would have come of another decision is not known and not made up. Research, not a prescription.",
    }


def _row(row: Replayed) -> dict[str, Any]:
    return {
        "subject": row.subject,
        "day": row.day,
        "comparison": row.comparison,
        "policy_mg": row.policy_mg,
        "chart_mg": row.chart_mg,
        "rule": row.rule,
        "seen": row.seen,
        "decided": row.decided,
        "reason": row.reason,
    }


def _write_csv(rows: list[Replayed], path: Path) -> None:
    import csv
    import io

    from abate.ground.files import write_atomically

    text = io.StringIO()
    writer = csv.writer(text)
    names = ["subject", "day", "comparison", "policy_mg", "chart_mg", "rule", "seen", "decided", "reason"]
    writer.writerow(names)
    for row in rows:
        cells = _row(row) | {"seen": json.dumps(row.seen)}
        writer.writerow([cells[name] for name in names])
    write_atomically(path, text.getvalue())


def _show(payload: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 160)
    share = payload["subjects-with-a-difference"]
    console.print(
        f"{payload['policy']} on {payload['study']}: {payload['visits']} visits of {share.n} people; it would have "
        f"decided otherwise for {share.events} "
        f"({100 * share.estimate:.0f} %, {100 * share.low:.0f} to {100 * share.high:.0f}).",
        highlight=False,
    )
    if payload["not_recorded"]:
        console.print(f"Not recorded, so no rule could see it: {', '.join(payload['not_recorded'])}.", highlight=False)
    differences = payload["differences"]
    if differences:
        table = Table("subject", "day", "chart mg", "policy mg", "comparison", "decided", "why")
        for row in differences[:SHOWN]:
            cells = (
                row["subject"],
                str(row["day"]),
                f"{row['chart_mg']:g}",
                f"{row['policy_mg']:g}",
                row["comparison"],
            )
            table.add_row(*cells, row["decided"], row["reason"])
        console.print(table)
        if len(differences) > SHOWN:
            console.print(f"... and {len(differences) - SHOWN} more; --out DIR writes them all to decisions.csv.")
    console.print(payload["note"], highlight=False)
