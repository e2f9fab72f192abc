"""Time and memory of ``abate express`` on counts of full size, report and all.

Simulates counts, runs the command in a process of its own, and writes a table and a JSON. Wall time depends on what
else the machine does; processor time hardly does.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

# name: people on a side, seconds of wall time and GiB of memory that are promised (None: no promise)
STUDIES: dict[str, tuple[int, float | None, float | None]] = {
    "30,000 genes x 12 samples": (6, 60.0, None),
    "30,000 genes x 200 samples": (100, None, 8.0),
}
GENES = 30_000


def simulate(folder: Path, people: int) -> None:
    """Write counts.csv, samples.csv and sets.gmt; many genes have hardly a read, as in real libraries."""
    from abate.study.expression import simulate_counts

    data = simulate_counts(
        GENES, changed=600, patients=people, controls=people, log_mean=(3.5, 2.5), dispersion=(0.05, 2.0)
    )
    data.counts.to_csv(folder / "counts.csv")
    data.samples[["subject", "group"]].to_csv(folder / "samples.csv")
    names = list(data.counts.index)
    sets = ("\t".join([f"set-{i}", "-", *names[i * 50 : i * 50 + 50]]) for i in range(50))
    (folder / "sets.gmt").write_text("\n".join(sets) + "\n")


def measure(folder: Path, people: int) -> dict[str, float]:
    """Run the command and return seconds of wall and processor time, and the peak of memory in GiB."""
    simulate(folder, people)
    command = [
        Path(sys.executable).with_name("abate"), "express", folder / "counts.csv", folder / "samples.csv",
        "--gene-sets", folder / "sets.gmt", "--out", folder / "out",
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return {"wall_seconds": wall, "processor_seconds": processor, "peak_gib": after.ru_maxrss / 2**20}


def table(rows: list[dict[str, object]], processor: str) -> str:
    """Markdown."""
    lines = [
        f"# `abate express` on {os.cpu_count()} processors ({processor})",
        "",
        "Reading, fit, shrinkage, permutation, limma, 50 gene sets, simulated power, tables and report. Wall time with "
        "other work on the machine (load at the start beside it).",
        "",
        "| study | wall, s | processor, s | peak, GiB | load | promised |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['study']} | {row['wall_seconds']:.0f} | {row['processor_seconds']:.0f} | {row['peak_gib']:.1f} | "
        f"{row['load']:.1f} | {row['promised']} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    from benchmarks.run import processor

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="part of the name of a study")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    # Memory is a maximum over all children, so that the smaller study comes first.
    for study, (people, seconds, gib) in STUDIES.items():
        if asked.only and asked.only not in study:
            continue
        load = os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(Path(folder), people)
        promised = f"{seconds:.0f} s" if seconds else f"{gib:.0f} GiB"
        rows.append({"study": study, "load": load, "promised": promised, **measured})
        print(rows[-1], flush=True)
    text = table(rows, processor())
    (asked.out / "expression.md").write_text(text)
    (asked.out / "expression.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
