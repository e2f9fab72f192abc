"""Simulate every design that ships under no effect and write docs/design-checks.md from the results.

    python docs/make_design_checks.py all            # half an hour on one core
    python docs/make_design_checks.py fixed-shares   # one of them again
    python docs/make_design_checks.py                # only the page, from what was kept

Results are kept in docs/design-checks.json, so that one design can be run again without the others.
"""

# ruff: noqa: E501  sentences of the page stand whole
from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from abate.design.adaptive.allocation import ResponseAdaptive
from abate.design.adaptive.bayes import BayesianStopping
from abate.design.adaptive.enrichment import Enrichment
from abate.design.adaptive.operating import Operating
from abate.design.adaptive.re_estimation import BlindedReEstimation, PromisingZone
from abate.design.adaptive.sequential_trials import expected_error, simulate_plan
from abate.design.minimisation import Minimisation
from abate.design.plan import plan
from abate.design.randomisation import permuted_blocks
from abate.design.request import request

HERE = Path(__file__).parent
KEPT = HERE / "design-checks.json"
PAGE = HERE / "design-checks.md"


@dataclass(frozen=True)
class Check:
    """One design under no effect.

    `whole` says that its test counts whole people, so that its true error is not exactly nominal; `most`, that nominal
    is the most that it may err.
    """

    group: str
    words: str
    nominal: float
    trials: int
    run: Callable[[int], Operating]
    whole: bool = False
    most: bool = False


def looked(group: str, words: str, trials: int = 100_000, **options: Any) -> Check:
    """Return the check of a design that `abate design --simulate` simulates person by person."""
    made = plan(request(**options))
    whole = bool({"control", "categories", "win_ratio", "hazard_ratio"} & set(options))
    return Check(
        group, words, expected_error(made), trials, lambda n: simulate_plan(made, null=True, trials=n, seed=7), whole
    )


def adjusted(method: str, trials: int, people: int = 40) -> Operating:
    """Return how often a test adjusted for the factor errs where the list or the rule balanced it.

    The factor moves the outcome by one and a half standard deviations; one half of the people has it, by chance.
    """
    rng = np.random.default_rng(17)
    rule = Minimisation(("a", "b"), {"f": ("x", "y")}, probability=0.8)
    factor = rng.random((trials, people)) < 0.5
    treated = np.zeros((trials, people))
    for k in range(trials):
        if method == "blocks":
            rows = permuted_blocks({"a": 1, "b": 1}, people=2 * people, strata={"f": ["x", "y"]}, seed=k).rows
            for high, name in ((False, "f=x"), (True, "f=y")):
                arms = np.array([row.arm == "b" for row in rows if row.stratum == name], dtype=float)
                here = factor[k] == high
                treated[k, here] = arms[: int(here.sum())]
        else:
            treated[k] = [
                arm == "b" for arm in rule.allocate([{"f": "y" if high else "x"} for high in factor[k]], seed=k)
            ]
    values = 1.5 * factor + rng.normal(size=factor.shape)
    design = np.stack([np.ones_like(treated), treated, factor.astype(float)], axis=2)
    inverse = np.linalg.inv(np.einsum("tni,tnj->tij", design, design))
    fitted = np.einsum("tij,tnj,tn->ti", inverse, design, values)
    rest = ((values - np.einsum("tni,ti->tn", design, fitted)) ** 2).sum(axis=1) / (people - 3)
    from scipy import stats

    t = fitted[:, 1] / np.sqrt(rest * inverse[:, 1, 1])
    return Operating(np.abs(t) > stats.t.isf(0.025, people - 3), np.full(trials, float(people)))


SCORE: dict[str, Any] = {"effect": 8.0, "sd": 16.0}
SHARES: dict[str, Any] = {"control": 0.3, "treatment": 0.5}
TIMES: dict[str, Any] = {"hazard_ratio": 0.6, "control": 0.6}


def looks(number: int = 3, **more: Any) -> dict[str, Any]:
    """Return looks as a design file has them."""
    return {"number": number, **more}


CHECKS: dict[str, Check] = {
    "fixed-shares": looked("One analysis", "responders, chi-squared", **SHARES),
    "fixed-shares-2-1": looked("One analysis", "responders, two to one", ratio=2.0, **SHARES),
    "fixed-score": looked("One analysis", "score, Student's t", **SCORE),
    "fixed-paired": looked("One analysis", "the same people before and after", effect=6.0, sd=20.0, layout="paired"),
    "fixed-times": looked("One analysis", "time to an event, log-rank", 40_000, at=52.0, accrual=26.0, follow_up=52.0, dropout=0.2, **TIMES),
    "fixed-ordered": looked("One analysis", "ordered outcome", odds_ratio=2.0, categories=(0.2, 0.4, 0.3, 0.1)),
    "fixed-wins": looked("One analysis", "win ratio with ties", 40_000, win_ratio=1.6, ties=0.1),
    "margin-shares": looked("Non-inferiority", "responders, margin of 10 %, Farrington & Manning", control=0.8, treatment=0.8, margin=0.1),
    "margin-score": looked("Non-inferiority", "score, margin of 6", effect=0.0, sd=16.0, margin=6.0, better="lower"),
    "margin-times": looked("Non-inferiority", "hazard ratio, margin of 1.5", 20_000, hazard_ratio=1.0, control=0.6, margin=1.5),
    "crossover-score": looked("Crossover", "score, with a period effect", effect=-6.0, sd=12.0, layout="crossover", period=8.0),
    "crossover-looks": looked("Crossover", "score, two looks, Pocock", effect=6.0, sd=20.0, layout="crossover", looks=looks(2, boundary="pocock")),
    "crossover-shares": looked("Crossover", "responders, McNemar", layout="crossover", **SHARES),
    "obrien-fleming": looked("Classical boundaries", "O'Brien-Fleming, 3 looks, score", looks=looks(), **SCORE),
    "pocock": looked("Classical boundaries", "Pocock, 4 looks, score", looks=looks(4, boundary="pocock"), **SCORE),
    "wang-tsiatis": looked("Classical boundaries", "Wang-Tsiatis 0.25, 3 looks, score", looks=looks(boundary="wang-tsiatis"), **SCORE),
    "haybittle-peto": looked("Classical boundaries", "Haybittle-Peto, 3 looks, score", looks=looks(boundary="haybittle-peto"), **SCORE),
    "hwang-shih-decani": looked("Classical boundaries", "Hwang-Shih-DeCani -4, 3 looks, score", looks=looks(boundary="hwang-shih-decani"), **SCORE),
    "hwang-shih-decani-1": looked("Classical boundaries", "Hwang-Shih-DeCani 1, 3 looks, score", looks=looks(boundary="hwang-shih-decani", gamma=1.0), **SCORE),
    "obrien-fleming-shares": looked("Classical boundaries", "O'Brien-Fleming, 3 looks, responders", looks=looks(), **SHARES),
    "obrien-fleming-times": looked("Classical boundaries", "O'Brien-Fleming, 3 looks, time to an event", 40_000, looks=looks(), **TIMES),
    "obrien-fleming-one-sided": looked("Classical boundaries", "O'Brien-Fleming, 3 looks, one-sided 2.5 %", looks=looks(), sided=1, alpha=0.025, **SCORE),
    "spending-obrien-fleming": looked("Error spending", "Lan-DeMets O'Brien-Fleming, 3 looks", looks=looks(spending="obrien-fleming"), **SCORE),
    "spending-pocock": looked("Error spending", "Lan-DeMets Pocock, 3 looks", looks=looks(spending="pocock"), **SCORE),
    "spending-unequal": looked("Error spending", "Lan-DeMets O'Brien-Fleming at 30, 45 and 100 %", looks={"information": (0.3, 0.45, 1.0), "spending": "obrien-fleming"}, **SCORE),
    "spending-hwang-shih-decani": looked("Error spending", "Hwang-Shih-DeCani -2 by spending, 3 looks", looks=looks(spending="hwang-shih-decani", gamma=-2.0), **SCORE),
    "spending-kim-demets": looked("Error spending", "Kim-DeMets 2, 3 looks", looks=looks(spending="kim-demets", rho=2.0), **SCORE),
    "spending-listed": looked("Error spending", "listed: 1, 2 and 5 %", looks=looks(spend=(0.005, 0.01, 0.025)), **SCORE),
    "spending-ordered": looked("Error spending", "Lan-DeMets Pocock, ordered outcome", odds_ratio=2.0, categories=(0.2, 0.4, 0.3, 0.1), looks=looks(spending="pocock")),
    "spending-wins": looked("Error spending", "Lan-DeMets Pocock, win ratio", 100_000, win_ratio=1.7, ties=0.2, looks=looks(spending="pocock")),
    "spending-wins-late": looked("Error spending", "Lan-DeMets O'Brien-Fleming, win ratio", 100_000, win_ratio=1.7, ties=0.2, looks=looks(spending="obrien-fleming")),
    "futility": looked("Futility", "non-binding, not heeded", looks=looks(spending="obrien-fleming", futility="hwang-shih-decani"), **SCORE),
    "futility-binding": looked("Futility", "binding, heeded", looks=looks(spending="pocock", futility="hwang-shih-decani", binding=True), **SCORE),
    "blinded-re-estimation": Check("Designs that change course", "blinded re-estimation of the size", 0.05, 100_000, lambda n: BlindedReEstimation(10, 20, 30, 400).simulate(0.0, 20.0, trials=n, seed=7)),
    "promising-zone": Check("Designs that change course", "promising zone", 0.05, 400_000, lambda n: PromisingZone(drift=2.8).simulate(0.0, trials=n, seed=7)),
    "response-adaptive": Check("Designs that change course", "response-adaptive, Rosenberger", 0.05, 100_000, lambda n: ResponseAdaptive(total=300, blocks=5, rule="rosenberger").simulate(0.3, 0.3, trials=n, seed=7), whole=True),
    "response-adaptive-trend": Check("Designs that change course", "response-adaptive, Thompson, under a trend", 0.05, 100_000, lambda n: ResponseAdaptive(total=300, blocks=5, rule="thompson").simulate(0.3, 0.3, trials=n, trend=0.3, seed=7), whole=True),
    "bayesian": Check("Designs that change course", "Bayesian stopping, flat prior", 0.025, 400_000, lambda n: BayesianStopping((0.5, 1.0), 0.0).simulate(0.0, trials=n, seed=7)),
    "bayesian-sceptical": Check("Designs that change course", "Bayesian stopping, sceptical prior, 4 looks", 0.025, 400_000, lambda n: BayesianStopping((0.25, 0.5, 0.75, 1.0), 0.25).simulate(0.0, trials=n, seed=7)),
    "enrichment": Check("Designs that change course", "enrichment, both claims", 0.025, 100_000, lambda n: Enrichment(people=120, subgroup=0.4, margin=0.0).simulate(0.0, 0.0, trials=n, seed=7), most=True),
    "stratified": Check("Allocation", "permuted blocks in strata, test adjusted for them", 0.05, 10_000, partial(adjusted, "blocks")),
    "minimised": Check("Allocation", "minimisation, test adjusted for the factor", 0.05, 10_000, partial(adjusted, "minimised")),
}  # fmt: skip


def measured(name: str, trials: int | None = None) -> dict[str, Any]:
    """Simulate one design, and return how often it errs."""
    check = CHECKS[name]
    count = trials or check.trials
    return {"trials": count, "errors": round(check.run(count).rate * count)}


def distance(check: Check, row: dict[str, Any]) -> float:
    """Return how many Monte-Carlo standard errors a simulated error is from nominal."""
    return (row["errors"] / row["trials"] - check.nominal) / math.sqrt(
        check.nominal * (1 - check.nominal) / row["trials"]
    )


def page(kept: dict[str, Any]) -> str:
    """Return the page."""
    far = [name for name, check in CHECKS.items() if name in kept and not _close(check, kept[name])]
    lines = [
        "# Checks of designs",
        "",
        "Written by `docs/make_design_checks.py`. Each design that ships is simulated where there is no effect (or where the effect is exactly the margin), "
        "person by person and look by look. A design that keeps its error errs as often as it says, within three standard errors of that many trials.",
        "",
    ]
    groups = dict.fromkeys(check.group for check in CHECKS.values())
    for group in groups:
        lines += [
            f"## {group}",
            "",
            "| design | nominal | trials | simulated | standard errors off |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, check in CHECKS.items():
            if check.group == group and name in kept:
                row = kept[name]
                share, away = 100 * row["errors"] / row["trials"], distance(check, row)
                mark = "" if _close(check, row) else " *"
                most = "at most " if check.most else ""
                lines.append(
                    f"| {check.words} | {most}{100 * check.nominal:g} % | {row['trials']:,} | {share:.3f} % | {away:+.1f}{mark} |"
                )
        lines.append("")
    inside = len([name for name in CHECKS if name in kept]) - len(far)
    lines += [
        f"{inside} of {len(CHECKS)} designs are within three standard errors of nominal (or below, where nominal is the most that they may err)."
    ]
    if far:
        lines += [
            "",
            "The others are marked (*): " + "; ".join(CHECKS[name].words for name in far) + ".",
        ]
    lines += [
        "",
        "No design here randomises groups of people (clusters): none ships. Simulated with the model instead of with draws, `abate design --trial` reports the type I error of each endpoint beside its power.",
        "",
    ]
    return "\n".join(lines)


def _close(check: Check, row: dict[str, Any]) -> bool:
    away = distance(check, row)
    return away <= 3 if check.most else abs(away) <= 3


def main(names: list[str]) -> None:
    """Run what is named, keep it, and write the page."""
    for name in CHECKS if names == ["all"] else names:
        found = measured(name)
        kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
        kept = {key: {**kept, name: found}[key] for key in CHECKS if key in {**kept, name: found}}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(
            f"{name}: {100 * found['errors'] / found['trials']:.3f} %, {distance(CHECKS[name], found):+.2f} standard errors",
            flush=True,
        )
    PAGE.write_text(page(json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
