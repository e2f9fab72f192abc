"""``make bench``: abate against its peers on one workload, at matched error, per core.

Every engine gets the loosest tolerance of its list whose largest error against heyoka at 1e-12 is at most 1e-4; its
pace is in patient-years per second of processor time on one core, compile time apart. Writes a table and a JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.workload import OUTPUTS, Measured, largest_error, workload

ALLOWED = 1e-4

ENGINES = {
    # name: module, function, package, people, days, tolerances from loose to tight
    "abate": ("ours", "run", "abate", 128, 28, (1e-3, 5e-4, 2e-4, 1e-4, 5e-5)),
    "abate, float32": ("ours", "run_single", "abate", 128, 28, (1e-3, 5e-4, 2e-4)),
    "heyoka, batches of 8": ("heyoka_taylor", "run", "heyoka", 16, 14, (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)),
    "libroadrunner": ("roadrunner_cvode", "run", "libroadrunner", 2, 14, (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)),
    "scipy LSODA, numba rates": ("scipy_lsoda", "run", "scipy", 1, 7, (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)),
    "diffrax, vmap": ("diffrax_vmap", "run", "diffrax", 16, 7, (1e-3, 1e-4, 1e-5, 1e-6)),
}


def processor() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def reference(people: int, days: int) -> Measured:
    from benchmarks.peers import heyoka_taylor

    return heyoka_taylor.run(workload(people, days), 1e-12)


def measure(name: str) -> dict[str, object]:
    """The fastest run of an engine within the allowed error, or why there is none."""
    module, function, package, people, days, tolerances = ENGINES[name]
    try:
        engine = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)
    except ImportError as error:
        return {"engine": name, "missing": f"not installed ({error.name})"}
    exact = reference(min(people, 16) if people >= 8 else 8, days).outputs
    last: dict[str, object] = {}
    compiled = 0.0
    for tolerance in tolerances:
        work = workload(people, days)
        got = engine(work, tolerance)
        # the fastest of several: what slows a run down is the rest of the machine
        repeats = min(10, int(20 / max(got.seconds, 0.1)))
        seconds = min([got.seconds, *(engine(work, tolerance).seconds for _ in range(repeats))])
        shared = min(people, exact.shape[2])
        compiled = max(compiled, got.compile_seconds)  # the first one: later ones may be kept
        error = largest_error(got.outputs[:, :, :shared], exact[:, :, :shared])
        last = {
            "engine": name,
            "version": version(package),
            "people": people,
            "days": days,
            "tolerance": tolerance,
            "error": error,
            "patient_years_per_second": work.years / seconds,
            "compile_seconds": compiled,
            "within": error <= ALLOWED,
        }
        if error <= ALLOWED:
            break
    return last


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


def table(rows: list[dict[str, object]], facts: dict[str, object]) -> str:
    """Markdown."""
    ours = next(r for r in rows if r["engine"] == "abate")
    lines = [
        f"# One core of {facts['processor']}",
        "",
        f"Model il6_blockade/gca ({facts['states']} states), prednisone daily, tocilizumab weekly, {len(OUTPUTS)} "
        f"outputs daily. Error: largest relative one over outputs, days and people against heyoka at 1e-12; at most "
        f"{ALLOWED:g} is asked. Pace in processor time of one core, compile time apart.",
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
        f"There are {facts['steps_a_day']:.1f} steps a day. This core did "
        f"{facts['fused_per_second'] / 1e9:.3g} thousand million fused multiply-adds a second; were every instruction "
        f"one of them, {facts['bound']:.3g} patient-years/s would be the bound: "
        f"abate reaches {facts['share']:.0%} of it.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="comma-separated part of the names of engines")
    parser.add_argument("--out", default=str(Path(__file__).parent / "results"))
    asked = parser.parse_args()
    os.environ["ABATE_CACHE"] = tempfile.mkdtemp(prefix="abate-bench-")  # so that compiling is measured, not loading
    names = [n for n in ENGINES if not asked.only or any(p in n for p in asked.only.split(","))]
    rows = []
    for name in names:
        try:
            row = measure(name)
        except PackageNotFoundError as error:
            row = {"engine": name, "missing": f"not installed ({error.name})"}
        rows.append(row)
        print(row, flush=True)
    if not any(r["engine"] == "abate" for r in rows):
        return
    ours = next(r for r in rows if r["engine"] == "abate")
    limits = bound_of_this_processor()
    slots = sum(limits["operations_per_person_step"].values())
    steps = steps_a_day(float(ours["tolerance"]))
    bound = limits["fused_per_second"] / (slots * steps * 365.25)
    facts = {
        "processor": processor(),
        "states": len(workload(1, 1).model.states),
        "operations": ", ".join(f"{v} {k}" for k, v in sorted(limits["operations_per_person_step"].items())),
        "slots": slots,
        "steps_a_day": steps,
        "fused_per_second": limits["fused_per_second"],
        "bound": bound,
        "share": ours["patient_years_per_second"] / bound,
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
