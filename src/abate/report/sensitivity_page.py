"""Sensitivity as a page of Markdown: the loudest numbers of each outcome, and what the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abate.report.tables import NONE, number, percent

__all__ = ["sensitivity_page"]

HEAD = """# Sensitivity

<!-- Made by `abate validate NAME --sensitivity --out DIR`; in docs by `python docs/make_scoreboard.py`. -->

Which numbers of the model move an outcome, and which of them the published figures can tell. Every number varies as
far as its prior says: calibrated ones within the prior of their calibration, assumed ones as
`library/targets/sensitivity.toml` says. The same virtual people, with the same noise, live under every set of
numbers.

**First order** is the share of an outcome's variance that a number carries alone, **total** with others (Sobol
indices, bootstrap intervals). **Change** is how far the outcome's mean moves when the number rises by one standard
deviation of its range. For research; not a prescription.
"""
LOUDEST = 6


def sensitivity_page(trials: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    trials : sequence of mapping
        results.json of ``abate validate NAME --sensitivity``.
    told : mapping
        results.json of ``abate validate --sensitivity``.
    """
    text = HEAD
    for payload in trials:
        text += f"\n## {payload['title']}\n\n{payload['people']} people under each of the sets"
        text += f", {payload['samples']} base samples.\n" if payload["samples"] else ".\n"
        for arm in payload["arms"].values():
            text += f"\n### {arm['label']}\n"
            for outcome, rows in arm["sensitivity"].items():
                text += _outcome(payload["outcomes"][outcome], rows)
    text += "\n## What the data cannot tell\n\n" + _told(told["informed"])
    models = {name: digest for payload in (*trials, told) for name, digest in payload["models"].items()}
    shown = ", ".join(f"`{name}` {digest}" for name, digest in sorted(models.items()))
    return text + f"\nMade with abate {told['abate']}, seed {told['seed']}. Models and their content hashes: {shown}.\n"


def _outcome(label: str, rows: Mapping[str, Any]) -> str:
    columns = [c for c in ("total", "first", "change") if any(c in row for row in rows.values())]
    words = {"total": "total (95 %)", "first": "first order (95 %)", "change": "change for one SD (95 %)"}
    size = {name: abs(row[columns[0]]["estimate"] or 0.0) for name, row in rows.items()}
    loudest = sorted(size, key=size.__getitem__, reverse=True)[:LOUDEST]
    text = f"\n{label[:1].upper()}{label[1:]}:\n\n| number | " + " | ".join(words[c] for c in columns) + " |\n"
    text += "|---|" + "---|" * len(columns) + "\n"
    for name in loudest:
        text += f"| `{name}` | " + " | ".join(_span(rows[name][c]) for c in columns) + " |\n"
    return text


def _told(found: Mapping[str, Any]) -> str:
    silent, wide = (", ".join(f"`{name}`" for name in found[key]) or "none" for key in ("silent", "wide"))
    text = (
        f"Each of {len(found['figures'])} figures of trials that were calibrated on was simulated with every number a\n"
        f"standard deviation down and up, in {found['people']} people an arm. No figure moves clearly (3.3 standard\n"
        f"errors of that simulation) with\n\n{silent}.\n\nWith more people (`--patients`) smaller movements show.\n"
        f"Calibrated numbers whose ensemble is as wide as the prior have not been learned: {wide}.\n\n"
        "| number | share of the prior variance that the figures remove | figures that move | ensemble over prior |\n"
        "|---|---|---|---|\n"
    )
    for name, row in sorted(found["factors"].items(), key=lambda item: -item[1]["told"]):
        width = number(row["ensemble_over_prior"]) if row["ensemble_over_prior"] is not None else NONE
        text += f"| `{name}` | {percent(row['told'])} | {row['figures']} | {width} |\n"
    if found["directions"]:
        text += (
            "\nCombinations about which the figures say less than the prior does (loadings; information 1 is as much\n"
        )
        text += "as the prior's):\n\n"
        for direction in found["directions"]:
            parts = ", ".join(f"`{name}` {value:+.2f}" for name, value in direction["loadings"].items())
            text += f"- {parts}: {number(direction['information'])}\n"
    return text


def _span(estimate: Mapping[str, Any]) -> str:
    low, high = number(estimate["low"]), number(estimate["high"])
    return f"{number(estimate['estimate'])} ({low} to {high})"
