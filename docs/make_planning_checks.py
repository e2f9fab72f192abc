"""Run the slow checks of the planner on virtual patients and write docs/planning-checks.md from their results.

    python docs/make_planning_checks.py landmarks explanations savings   # each a matter of minutes; any of them alone
    python docs/make_planning_checks.py                                  # only the page, from what was kept

Results are kept in docs/planning-checks.json, so that one check can be run again without the others.
"""

# ruff: noqa: E501  sentences of the page stand whole
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from abate.planner.complaints import CAUSES

HERE = Path(__file__).parent
KEPT = HERE / "planning-checks.json"
PAGE = HERE / "planning-checks.md"
ENOUGH = 0.15
"""Share of prednisone that a search is asked to save."""


def landmarks() -> Any:
    """Forecast at landmarks and compare with what came."""
    from abate.planner.landmarks import check

    return check(people=24576, patients=160, seed=1, progress=_tell)


def explanations() -> Any:
    """Explain complaints whose cause is known."""
    from abate.planner.virtual import check

    return check(progress=_tell)


def savings() -> Any:
    """Search plans for fifty virtual patients; one that was broken off goes on where it was."""
    from abate.planner.savings import check

    before = read().get("savings", [])
    done = before if len(before) < ASKED else []
    return check(patients=ASKED, people=48, trials=30, weeks=52, progress=_tell, each=_keep_savings, done=done)


def _keep_savings(rows: Any) -> None:
    _keep("savings", rows)


def _keep(name: str, found: Any) -> None:
    """Write a result beside those that stand on the disk now, for another check may have ended meanwhile, and the page."""
    KEPT.write_text(json.dumps({**read(), name: found}, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(read()), encoding="utf-8")


ASKED = 50
"""Patients that a search is asked about."""

CHECKS: Mapping[str, Callable[[], Any]] = {
    "landmarks": landmarks,
    "explanations": explanations,
    "savings": savings,
}


def _tell(share: float) -> None:
    print(f"{share:.0%}", file=sys.stderr, flush=True)


def page(kept: Mapping[str, Any]) -> str:
    """Return the page for the results that are there."""
    parts = [
        "# What the planner is worth on virtual patients",
        "Written by `docs/make_planning_checks.py`. The truth of these patients comes from the same model that the planner "
        "uses, so this tests the planner's arithmetic and whether its chances come as often as they say. It is the best "
        "case: **nothing here was compared with what became of real patients**.",
    ]
    parts += [write(kept[name]) for name, write in WRITERS.items() if name in kept]
    return "\n\n".join(parts) + "\n"


def _landmarks(found: Mapping[str, Any]) -> str:
    whole = found["all"]
    rows = [
        f"| {_schedule(s)} | {s['n']} | {_percent(s['came'])} | {s['brier']:.3f} | {s['brier_of_population_rate']:.3f} | "
        f"{s['slope']:.2f} ({s['slope_low']:.2f} to {s['slope_high']:.2f}) |"
        for s in found["schedules"]
    ]
    tenths = [f"| {k} | {row['n']} | {_percent(row['said'])} | {_percent(row['came'])} |"
              for k, row in enumerate(whole["table"], start=1)]  # fmt: skip
    inside = 0.8 <= whole["slope"] <= 1.2
    better = whole["brier"] < whole["brier_of_population_rate"]
    return "\n".join(
        [
            "## A flare within 12 weeks",
            f"{whole['n']:,} landmark forecasts: patients on a taper who have not flared yet are seen every four weeks, and at "
            "weeks 8, 16, 24, 32 and 40 the chance of a flare within 12 weeks is forecast from their last three visits.",
            f"A flare came in {_percent(whole['came'])}. The Brier score is **{whole['brier']:.3f}**, "
            f"{'better' if better else '**not better**'} than that of the population's rate "
            f"({whole['brier_of_population_rate']:.3f}) and "
            f"{'better' if whole['brier'] < whole['brier_of_schedule_rate'] else 'not better'} than that of the rate of each "
            f"schedule and week ({whole['brier_of_schedule_rate']:.3f}). The reliability slope is **{whole['slope']:.2f}** "
            f"({whole['slope_low']:.2f} to {whole['slope_high']:.2f}), {'within' if inside else '**outside**'} 0.8 to 1.2; "
            f"the intercept is {whole['intercept']:.2f}.",
            "",
            "| schedule | forecasts | flares | Brier | of the rate | slope (95 %) |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "Where hardly anybody flares, a schedule alone has too few flares for a slope. By tenth of the forecasts, all "
            "schedules together:",
            "",
            "| tenth | forecasts | said | came |",
            "|---|---|---|---|",
            *tenths,
            "",
            f"One bank of virtual people on the same doses serves all patients, weighed by each one's visits (median "
            f"{whole['effective']:.0f} effective people a forecast); the forecasts of `abate plan` sample the same posterior "
            "person by person, from everything in the record.",
        ]
    )


def _explanations(found: Mapping[str, Any]) -> str:
    whole = found["all"]
    rows = [
        f"| {', '.join(f'{mg:g}' for mg in s['mg'])} mg | {s['after']} | {_percent(s['correct'])} | "
        f"{_percent(s['correct_by_rule_of_thumb'])} | {s['brier']:.2f} | {s['brier_of_frequencies']:.2f} |"
        for s in found["schedules"]
    ]
    ours, thumb = whole["confusion"], whole["confusion_of_rule_of_thumb"]
    matrix = [f"| {a} | " + " | ".join(f"{ours[a][b]} ({thumb[a][b]})" for b in CAUSES) + " |" for a in CAUSES]
    return "\n".join(
        [
            "## Flare, withdrawal or adrenals?",
            f"{whole['n']:,} virtual patients write a diary on one of four schedules and ask 2, 10 or 20 days after a step. The "
            f"planner's likeliest explanation is right in **{_percent(whole['correct'])}**, the patients' rule of two and five "
            f"days in **{_percent(whole['correct_by_rule_of_thumb'])}** of the same cases; Brier score {whole['brier']:.2f} "
            f"against {whole['brier_of_frequencies']:.2f} of the frequencies.",
            "",
            "| doses | days after | planner right | rule of thumb right | Brier | of the frequencies |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "Truth in rows, what was said in columns; the rule of thumb in brackets:",
            "",
            f"| truth | {' | '.join(CAUSES)} |",
            "|---|" + "---|" * len(CAUSES),
            *matrix,
        ]
    )


def _savings(found: list[Mapping[str, Any]]) -> str:
    good = [row for row in found if row["kept"] and row["saved"] >= ENOUGH]
    kept = [row for row in found if row["kept"]]
    middle = sorted(row["saved"] for row in kept)[len(kept) // 2] if kept else float("nan")
    verdict = "at least half, as hoped" if len(good) >= len(found) / 2 else "**fewer than half: it does not**"
    missing = ASKED - len(found)
    if missing > 0:
        verdict += f"; the check was broken off before the other {missing} of {ASKED}"
        if len(good) + missing < ASKED / 2:
            verdict += ", and even if every one of them saved as much it would be fewer than half"
    rows = [
        f"| {row['dose']:g} | {_percent(row['risk'])} | {_percent(row['flare_of_guideline'])} | {_percent(row['flare'])} | "
        f"{_percent(row['saved'])} ({_percent(row['low'])} to {_percent(row['high'])}) | {'yes' if row['kept'] else 'no'} |"
        for row in found
    ]
    return "\n".join(
        [
            "## What a search saves",
            f"`--optimise` for {len(found)} virtual patients with polymyalgia rheumatica, on the guideline's taper for 4 to 32 "
            "weeks and without a flare so far: the least prednisone over 52 weeks at the flare risk of the guideline's own "
            "plan, adrenals ready at the last step as often as there (at most 80 % is asked for), no antibody, 30 plans "
            "tried. Numbers are of another future of the same people than the one searched on.",
            "",
            f"At least {_percent(ENOUGH)} less prednisone in **{len(good)} of {len(found)}** patients ({verdict}); a plan that keeps "
            f"to the risk was found in {len(kept)}, with a median of {_percent(middle)} saved. Each risk is that of 48 virtual "
            "people and is uncertain by several per cent.",
            "",
            "| mg now | risk allowed | flares, guideline | flares, found | prednisone saved (95 %) | keeps to it |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


WRITERS: Mapping[str, Callable[[Any], str]] = {
    "landmarks": _landmarks,
    "explanations": _explanations,
    "savings": _savings,
}


def _schedule(row: Mapping[str, Any]) -> str:
    drug = f", {row['antibody']}" if row.get("antibody") else ""
    return f"{row['disease'].upper()}, {row['taper']} from {row['dose']:g} mg{drug}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-0 %", "0 %").replace("-", "\u2212")


def main(names: list[str]) -> None:
    """Run the named checks, keep their results, and write the page."""
    for name in names:
        _keep(name, CHECKS[name]())
    PAGE.write_text(page(read()), encoding="utf-8")


def read() -> dict[str, Any]:
    """Return what was kept."""
    found: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
