"""How long a person waits for a forecast: ``python benchmarks/forecast.py [PATIENT.yaml]``.

What the page *Compare plans* does, without a browser: the first forecast of three plans in 128 virtual people, from a
fresh process; then steps that are moved, each drawn from 48 people and, when nobody moves on, from all. Processor time
and time on the clock; where a machine does other work too, processor time is what a free one would take on one core.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parent.parent / "examples" / "patient" / "patient.yaml"
EDITS = 5


def timed(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds on the clock and of the processor."""
    clock, busy = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": round(time.perf_counter() - clock, 2),
        "processor_seconds": round(time.process_time() - busy, 2),
    }


def main(patient: Path) -> None:
    """Print a line for each thing that a person waits for."""
    started = time.process_time()
    from abate.planner.options import candidates
    from abate.planner.record import load_record
    from abate.web.pages.plan_html import adrenal_table, fans, flare_svg, plan_table
    from abate.web.plans import SHOWN, Desk, Variant
    from abate.web.words import Words

    words, desk, record = Words("en"), Desk(), load_record(patient)
    shown = [Variant(slug) for slug in list(candidates(record))[:SHOWN]]
    loaded = round(time.process_time() - started, 2)

    def draw(variants: list[Variant]) -> None:
        plan = desk.plan(variants)
        parts = [plan_table(words, plan), adrenal_table(words, plan)]
        parts += [flare_svg(words, plan)] if record.flares_forecast else []
        parts += [fans(words, plan, what) for what in ("dose", "morning-cortisol")]

    def first() -> None:
        desk.work(record, shown, lambda share: None)
        draw(shown)

    print(json.dumps({"loading": {"processor_seconds": loaded}}), flush=True)
    print(json.dumps({"first forecast": timed(first)}), flush=True)
    sketches, wholes = [], []
    option = shown[0].option(record)
    for k in range(EDITS):
        moved = Variant(shown[0].slug, moves=((1, max(option.steps[1].mg - 0.5, 0.0), 28 + 7 * k),))

        def sketch(moved: Variant = moved) -> None:
            desk.sketch(record, moved)
            draw([*shown, moved])

        def whole(moved: Variant = moved) -> None:
            desk.work(record, [moved], lambda share: None)
            draw([*shown, moved])

        sketches.append(timed(sketch))
        wholes.append(timed(whole))
    for name, rows in {"an edit, drawn at once": sketches, "an edit, from all": wholes}.items():
        middle = {key: round(statistics.median(row[key] for row in rows), 2) for key in rows[0]}
        print(json.dumps({name: middle | {"worst_processor_seconds": max(r["processor_seconds"] for r in rows)}}))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
