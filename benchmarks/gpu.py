"""On a machine with an NVIDIA card: people on the card against two processor cores and against vmapped diffrax.

Same model and regimen as ``run.py``. Says how far the card is from the processor in each precision, how many weekly
decisions flip, and how many times faster it is, from wall-clock time of one session, compile time apart. Writes
``results/gpu-CARD.md`` and ``.json``. Needs the extra ``gpu``; diffrax is measured where it and a GPU build of JAX are
installed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from abate.engine.ensemble import compile_model
from abate.engine.solver.gpu.card import check_card
from abate.ground.errors import AbateError
from benchmarks.workload import OUTPUTS, Workload, largest_error, workload

LIMITS = {"crp": 10.0, "symptoms": 0.5}
"""A visit decides by whether an output is above its limit: flipped decisions are counted over visits and people."""


def course(work: Workload, *, device: str, precision: int, threads: int | None = None) -> tuple[np.ndarray, float]:
    """Outputs [O, weeks, n] at weekly visits, and the seconds of the second of two runs (the first one compiles)."""
    ensemble = compile_model(work.model, OUTPUTS, device=device, precision=precision)
    visits = np.arange(7.0, work.days + 1, 7.0)
    seconds = 0.0
    for people in (min(work.people, 256), work.people):
        part = work.part(0, people)
        run = ensemble.start(part.parameters, np.arange(people), 1, threads=threads)
        began = time.perf_counter()
        found = run.advance(float(work.days), part.doses, record_at=visits)
        seconds = time.perf_counter() - began
    return np.stack([found[name] for name in OUTPUTS]).astype(float), seconds


def flipped(got: np.ndarray, expected: np.ndarray) -> tuple[int, int]:
    """Decisions that differ, and all decisions."""
    differing = total = 0
    for name, limit in LIMITS.items():
        i = OUTPUTS.index(name)
        differing += int(((got[i] > limit) != (expected[i] > limit)).sum())
        total += got[i].size
    return differing, total


def diffrax_pace(people: int, days: int) -> dict[str, Any]:
    """Patient-years a second of vmapped diffrax on the same card."""
    try:
        import jax

        from benchmarks.peers import diffrax_vmap
    except ImportError as error:
        return {"missing": f"not installed ({error.name})"}
    if jax.default_backend() != "gpu":
        return {"missing": f"JAX runs on {jax.default_backend()} here"}
    work = workload(people, days)
    diffrax_vmap.run(work, 1e-3)
    began = time.perf_counter()
    diffrax_vmap.run(work, 1e-3)
    spent = time.perf_counter() - began
    return {"version": version("diffrax"), "pace": work.years / spent, "people": people}


def table(facts: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"# {facts['card']}",
        "",
        f"{facts['people']:,} people over {facts['days']} days of il6_blockade/gca, weekly visits; two processor cores "
        f"on {facts['few']:,} of them. Wall-clock time of one session, compile time apart; "
        f"numba-cuda {facts['numba_cuda']}.",
        "",
        "| | patient-years/s | times two cores | largest error against the processor | flipped decisions |",
        "|---|---|---|---|---|",
        f"| two cores, float64 | {facts['cpu']:.3g} | 1 | | |",
    ]
    for precision, row in facts["gpu"].items():
        lines.append(
            f"| card, {precision} | {row['pace']:.3g} | {row['pace'] / facts['cpu']:.1f} | {row['error']:.1e} | "
            f"{row['flipped']} of {row['decisions']} |"
        )
    other = facts["diffrax"]
    said = other.get("missing") or f"{other['pace']:.3g} patient-years/s with {other['people']:,} people"
    lines += ["", f"diffrax, vmap, on the same card: {said}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000, help="people on the processor, compared one by one")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--out", default=str(Path(__file__).parent / "results"))
    asked = parser.parse_args()
    try:
        card = check_card()
    except AbateError as error:
        print(error)
        return
    few = workload(asked.few, asked.days)
    expected, seconds = course(few, device="cpu", precision=64, threads=2)
    try:
        told = version("numba-cuda")
    except PackageNotFoundError:
        told = "simulated"
    facts: dict[str, Any] = {"card": card, "people": asked.people, "few": asked.few, "days": asked.days, "gpu": {}}
    facts |= {"cpu": few.years / seconds, "numba_cuda": told}
    everyone = workload(asked.people, asked.days)
    for precision in (64, 32):
        got, seconds = course(everyone, device="gpu", precision=precision)
        compared = got[:, :, : asked.few]
        differing, total = flipped(compared, expected)
        facts["gpu"][f"float{precision}"] = {
            "pace": everyone.years / seconds,
            "error": largest_error(compared, expected),
            "flipped": differing,
            "decisions": total,
        }
    facts["diffrax"] = diffrax_pace(min(asked.people, 100_000), asked.days)
    text = table(facts)
    print(text)
    slug = "".join(c if c.isalnum() else "-" for c in card.lower()).strip("-")
    Path(asked.out).mkdir(parents=True, exist_ok=True)
    (Path(asked.out) / f"gpu-{slug}.md").write_text(text)
    (Path(asked.out) / f"gpu-{slug}.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
