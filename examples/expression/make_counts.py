"""Simulate the counts of this example: three patients before and after treatment, four controls once.

Nobody was measured. Genes are numbered, not named, because what is simulated is arithmetic and not biology.
"""

from __future__ import annotations

import sys
from pathlib import Path

from abate.study.expression import simulate_counts


def make(folder: Path) -> None:
    """Write counts.csv, samples.csv and sets.gmt."""
    data = simulate_counts(500, changed=40, design="both", patients=3, controls=4, effect=2.5, seed=11)
    once = (data.samples["group"] == "control") & (data.samples["time"] == "after")
    samples = data.samples.loc[~once, ["subject", "group", "time"]]
    data.counts[samples.index].to_csv(folder / "counts.csv", lineterminator="\n")
    samples.to_csv(folder / "samples.csv", lineterminator="\n")
    truth = data.truth["log2_fold_change"]
    sets = {
        "changed-up": truth.index[truth > 0],
        "changed-down": truth.index[truth < 0],
        "every-tenth": truth.index[::10],
    }
    lines = ("\t".join([name, "simulated", *genes]) for name, genes in sets.items())
    (folder / "sets.gmt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent))
