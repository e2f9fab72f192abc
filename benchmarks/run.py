"""``make bench``: abate against its peers on one workload, at matched error, on two cores.

A thousand people, the same model and regimen for every engine, in one session. Every engine gets the loosest tolerance
of its list whose largest error against heyoka at 1e-10 is at most 1e-4. Its pace is in patient-years a second on two
cores, from processor time: two threads or two processes, all the time they use together, halved, so that what else the
machine does counts less. Compile time is apart. Writes a table and a JSON; says what is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.engines import ALLOWED, ENGINES, MISSING_IN_R, Settings, measure, reference
from benchmarks.visits import cost_of_visits
from benchmarks.workload import OUTPUTS, workload


def processor() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def bound_of_this_processor() -> dict[str, object]:
    """Operations of a step, the processor's pace, and the patient-years a second that would follow."""
    from abate.engine.ensemble import compile_model
    from benchmarks import bound

    work = workload(16, 7)
    operations = bound.operations_a_step(compile_model(work.model, OUTPUTS).kernel.system)
    return {"operations_per_person_step": operations, "fused_per_second": bound.fused_per_second()}


def steps_a_day(tolerance: float) -> float:
    """Steps that abate takes on the workload, rejected ones included."""
    import numpy as np

    from abate.engine.ensemble import compile_model
    from abate.engine.solver import Tolerance

    work = workload(128, 28)
    run = compile_model(work.model, OUTPUTS).start(work.parameters, np.arange(128), 1, tolerance=Tolerance(tolerance))
    run.advance(float(work.days), work.doses)
    return float(run.state.steps.sum() / run.state.groups / work.days)


def gain_of_settled() -> dict[str, object]:
    """What is gained, and lost, by taking CRH and ACTH as settled: processor time in interleaved pairs."""
    import statistics

    from benchmarks.peers import ours
    from benchmarks.workload import largest_error

    work, ratios = workload(256, 28), []
    for _ in range(7):
        plain, settled = ours.run(work, 2e-4), ours.run(work, 2e-4, quasi_steady=True)
        ratios.append(plain.seconds / settled.seconds)
    errors = {
        name: largest_error(settled.outputs[i : i + 1], plain.outputs[i : i + 1]) for i, name in enumerate(OUTPUTS)
    }
    worst = max(errors, key=lambda name: errors[name])
    return {"speed": statistics.median(ratios), "error": errors[worst], "output": worst, "errors": errors}


def table(rows: list[dict[str, object]], facts: dict[str, object]) -> str:
    """Markdown."""
    ours = next(r for r in rows if r["engine"] == "abate")
    lines = [
        f"# Two cores of {facts['processor']}",
        "",
        f"Model il6_blockade/gca ({facts['states']} states), prednisone daily, tocilizumab weekly, {len(OUTPUTS)} "
        f"outputs daily. Error: largest relative one over outputs, days and people against heyoka at 1e-10; at most "
        f"{ALLOWED:g} is asked. {facts['people']:,} people over {facts['days']} days; pace on two cores, from "
        "processor time, compile time apart.",
        "",
        "| engine | version | tolerance | error | patient-years/s | abate is faster by | compile, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "missing" in row:
            lines.append(f"| {row['engine']} | {row['missing']} | | | | | |")
            continue
        ratio = ours["patient_years_per_second"] / row["patient_years_per_second"]
        mark = "" if row["within"] else " (too large)"
        lines.append(
            f"| {row['engine']} | {row['version']} | {row['tolerance']:g} | {row['error']:.1e}{mark} | "
            f"{row['patient_years_per_second']:.3g} | {ratio:.3g} | {row['compile_seconds']:.2g} |"
        )
    lines += [
        "",
        f"A step of eight people executes, in vector instructions, {facts['operations']}: {facts['slots']} together. "
        f"There are {facts['steps_a_day']:.1f} steps a day. Two cores did "
        f"{2 * facts['fused_per_second'] / 1e9:.3g} thousand million fused multiply-adds a second; were every "
        f"instruction one of them, {facts['bound']:.3g} patient-years/s would be the bound: "
        f"abate reaches {facts['share']:.0%} of it.",
        "",
        f"Stopping every week for decisions by array code, at {facts['visits']['people']:,} people, costs "
        f"{facts['visits']['cost']:+.1%} (median of {facts['visits']['pairs']} interleaved pairs).",
        "",
        f"Fast hormones (CRH, ACTH) settled: {facts['settled']['speed']:.2f} times as fast, largest error "
        f"{facts['settled']['error']:.2g} ({facts['settled']['output']}).",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="comma-separated parts of the names of engines")
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results"))
    asked = parser.parse_args()
    os.environ["ABATE_CACHE"] = tempfile.mkdtemp(prefix="abate-bench-")  # so that compiling is measured, not loading
    settings = Settings(asked.people, asked.days)
    names = [n for n in ENGINES if not asked.only or any(p in n for p in asked.only.split(","))]
    exact = reference(settings)
    rows = []
    for name in names:
        rows.append(measure(name, settings, exact))
        print(rows[-1], flush=True)
    rows += MISSING_IN_R
    if not any(r["engine"] == "abate" for r in rows):
        return
    ours = next(r for r in rows if r["engine"] == "abate")
    limits = bound_of_this_processor()
    slots = sum(limits["operations_per_person_step"].values())
    steps = steps_a_day(float(ours["tolerance"]))
    # a vector instruction does eight people
    bound = 2 * limits["fused_per_second"] / (slots * steps * 365.25)
    facts = {
        "processor": processor(),
        "states": len(workload(1, 1).model.states),
        "people": settings.people,
        "days": settings.days,
        "operations": ", ".join(f"{v} {k}" for k, v in sorted(limits["operations_per_person_step"].items())),
        "slots": slots,
        "steps_a_day": steps,
        "fused_per_second": limits["fused_per_second"],
        "bound": bound,
        "share": ours["patient_years_per_second"] / bound,
        "visits": cost_of_visits(),
        "settled": gain_of_settled(),
    }
    text = table(rows, facts)
    print(text)
    slug = "".join(c if c.isalnum() else "-" for c in facts["processor"].lower()).strip("-")
    folder = Path(asked.out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{slug}.md").write_text(text)
    (folder / f"{slug}.json").write_text(json.dumps({"rows": rows, **facts}, indent=2) + "\n")


if __name__ == "__main__":
    main()
