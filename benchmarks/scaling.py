"""What a person costs in a run of a thousand and of a million, and how much memory either takes.

``abate simulate``'s own path, tables, courses and all, over a trial of a quarter. Each run is a process of its own;
processor time starts after the imports, the compilation and a first small run. Runs of two sizes follow each other in
pairs, so that what slows the machine down slows both; the median of the pairs' ratios counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TRIAL = """
name: short
title: "A quarter of one arm"
disease: gca
source: "made for measuring"
weeks: 13
visits: every week
measures: [symptom-score, crp]
population: gca
policy: giacta
entry:
  prednisone: {mg: [40], share: [1.0], source: "made for measuring", grade: assumed}
arms:
  treated: {label: Tocilizumab, patients: 16, drugs: [tocilizumab 162 mg sc every week for 13 weeks], taper: giacta-26}
endpoints: [patients-with-a-flare]
"""


def measured(people: int) -> dict[str, float]:
    """Processor seconds a person and peak memory, MiB, of a run in this process."""
    from abate.trial.protocol import load_trial
    from abate.trial.simulate import simulate

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "short.yaml").write_text(TRIAL)
        trial = load_trial(str(Path(folder) / "short.yaml"))
        simulate(trial, Path(folder) / "first", patients=16)
        seconds = []
        # a small run is over before the clock has seen much of it
        for number in range(max(1, 10_000 // people)):
            began = time.process_time()
            simulate(trial, Path(folder) / f"run-{number}", patients=people)
            seconds.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds_a_person": statistics.median(seconds) / people, "peak_mib": peak}


def apart(people: int) -> dict[str, float]:
    """The same in a new process."""
    done = subprocess.run(
        [sys.executable, __file__, "--people", str(people)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, help="measure one run of so many people, and print it")
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--middle", type=int, default=10_000, help="whose memory is the measure")
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--out", help="JSON file")
    asked = parser.parse_args()
    if asked.people:
        print(json.dumps(measured(asked.people)))
        return
    pairs = []
    for _ in range(asked.pairs):
        small, middle, large = (apart(n) for n in (asked.small, asked.middle, asked.large))
        pairs.append({"small": small, "middle": middle, "large": large})
        cost = large["seconds_a_person"] / small["seconds_a_person"]
        memory = large["peak_mib"] / middle["peak_mib"]
        print(f"cost a person x{cost:.3f}, memory x{memory:.3f}", pairs[-1], flush=True)
    cost = statistics.median(p["large"]["seconds_a_person"] / p["small"]["seconds_a_person"] for p in pairs)
    memory = statistics.median(p["large"]["peak_mib"] / p["middle"]["peak_mib"] for p in pairs)
    print(f"A person among {asked.large:,} costs {cost:.2f} of one among {asked.small:,};")
    print(f"a run of {asked.large:,} takes {memory:.2f} of the memory of one of {asked.middle:,}.")
    if asked.out:
        Path(asked.out).write_text(json.dumps({"pairs": pairs, "cost": cost, "memory": memory}, indent=2) + "\n")


if __name__ == "__main__":
    main()
