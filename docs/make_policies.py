"""Writes docs/policies.md from the library's own files and from running them: ``python docs/make_policies.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import library_path, load_yaml
from abate.science.policy import begin, decide, load_policy, policy_from
from abate.science.policy.action_text import FORMS
from abate.science.regimen import load_tablets, load_taper, parse, tapers
from abate.science.regimen.value import number

PAGE = Path(__file__).with_name("policies.md")
TEXT = Path(__file__).with_name("policies.md.in")
COMPARED_FOLDER = Path(__file__).with_name("compared")

# What five people's charts might show: day -> what is observed. Made up, to show the rules at work.
STORIES: dict[str, tuple[float, dict[int, dict[str, float]]]] = {
    "giacta": (
        40,
        {
            0: {"symptom-score": 21, "crp": 48},
            14: {"symptom-score": 9, "crp": 1},
            70: {"symptom-score": 12, "crp": 1},
            84: {"symptom-score": 18, "crp": 1},
            98: {"symptom-score": 16, "crp": 1},
            112: {"symptom-score": 6, "crp": 1},
        },
    ),
    "pmr-spare": (
        20,
        {
            0: {"symptom-score": 28, "crp": 60},
            14: {"symptom-score": 5, "crp": 9},
            56: {"symptom-score": 14, "crp": 22},
            84: {"symptom-score": 4, "crp": 6},
        },
    ),
    "pmr-cohort": (
        17.5,
        {
            0: {"symptom-score": 30, "crp": 71},
            28: {"symptom-score": 6, "crp": 8},
            168: {"symptom-score": 11, "crp": 14},
            308: {"symptom-score": 13, "crp": 18},
        },
    ),
    "pmr-eular-2015": (
        20,
        {
            0: {"pmr-as": 27},
            28: {"pmr-as": 5},
            112: {"pmr-as": 6, "infection": 1},
            168: {"pmr-as": 12.8},
            280: {"pmr-as": 3, "morning-cortisol": 120},
            308: {"pmr-as": 3, "morning-cortisol": 220},
            336: {"pmr-as": 2, "morning-cortisol": 350},
        },
    ),
    "gca-sarilumab-safety": (
        40,
        {
            0: {"symptom-score": 17, "neutrophils": 5.1, "platelets": 260, "alt": 0.8},
            28: {"symptom-score": 9, "neutrophils": 3.0, "platelets": 250, "alt": 0.9},
            56: {"symptom-score": 4, "neutrophils": 2.6, "platelets": 240, "alt": 0.9},
            84: {"symptom-score": 3, "neutrophils": 2.2, "platelets": 230, "alt": 1.0},
            112: {"symptom-score": 2, "neutrophils": 1.9, "platelets": 220, "alt": 1.1},
            140: {"symptom-score": 2, "neutrophils": 0.8, "platelets": 210, "alt": 1.2},
        },
    ),
}

# A change to a policy of the library, and what loading it says.
MISTAKES: tuple[tuple[str, str, str, str], ...] = (
    ("a misspelt key", "giacta", "because: there", "becuase: there"),
    (
        "a measure that nobody shows",
        "giacta",
        "measures: [symptom-score, crp]",
        "measures: [symptom-score, inflammation]",
    ),
    ("a missing unit", "gca-sarilumab-safety", "dose <= 5 mg", "dose <= 5"),
    ("an unknown taper", "giacta", "taper: giacta-26", "taper: giacta-62"),
    ("two rules that both decide", "giacta", "never refractory and day >= 84", "never refractory or day >= 84"),
    ("a rule that never decides", "pmr-spare", "day >= 42 and", "day >= 42 and day < 14 and"),
    ("a steroid stopped abruptly", "pmr-eular-2015", "dose <= 5 mg and dose > 0 mg", "dose > 0 mg"),
    ("a rescue above the limit", "pmr-spare", "at least 10 mg", "at least 40 mg"),
)


def story(name: str) -> str:
    """Return a table of one person's visits and what was decided; draws are 0.5, the middle of their odds."""
    policy = load_policy(name)
    start, visits = STORIES[name]
    half = dict.fromkeys(policy.draws, np.array([0.5]))
    memory = begin(policy, 1, 500, start_dose=start, draws=half)
    rows = ["| day | seen | dose before | rule | decided | dose now |", "|---|---|---|---|---|---|"]
    for day, seen in visits.items():
        observed = {measure: np.array([value]) for measure, value in seen.items()}
        before = memory.plan[0, max(day - 1, 0)]
        decisions = decide(policy, day, observed, memory, half)
        memory = decisions.memory
        ledger = list(decisions.ledger())
        shown = ", ".join(f"{measure} {number(value)}" for measure, value in seen.items())
        rules = ", ".join(row["rule"] for row in ledger) or "-"
        decided = "; ".join(row["decided"] for row in ledger) or "go on with the plan"
        dose = number(round(float(decisions.dose[0]), 2))
        rows.append(f"| {day} | {shown} | {number(round(float(before), 2))} | {rules} | {decided} | {dose} |")
    return "\n".join(rows)


def mistakes() -> str:
    """Return what loading a policy with each mistake says."""
    blocks = []
    for what, name, old, new in MISTAKES:
        text = library_path("policies", f"{name}.yaml").read_text(encoding="utf-8")
        try:
            policy_from(load_yaml("mine.yaml", text=text.replace(old, new)))
        except InputError as error:
            blocks.append(f"{what[0].upper()}{what[1:]} (`{new}`):\n\n```text\n{error}\n```")
        else:
            raise AssertionError(f"this mistake was not found: {what}")
    return "\n\n".join(blocks)


def taper_table() -> str:
    """Return a table of the library's tapers."""
    rows = ["| taper | mg in all | weeks | largest step | grade | source |", "|---|---|---|---|---|---|"]
    for name in tapers():
        taper = load_taper(name)
        steps = [drop for drop, level in zip(taper.per_cent_steps(), taper.levels[1:], strict=False) if level > 0]
        total, weeks = f"{taper.total():,.10g}", f"{taper.duration / 7:.4g}"
        cells = (name, total, weeks, f"{max(steps):.0f} %" if steps else "-", taper.grade, taper.source)
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def tablet_examples() -> str:
    """Return a few doses as tablets."""
    rows = ["| dose | tablets | made of |", "|---|---|---|"]
    for name, dose in (("us", 17.5), ("us", 12.5), ("uk", 7.5), ("uk-enteric", 7.5)):
        rows.append(f"| {number(dose)} mg | {name} | {load_tablets(name).make(dose)} |")
    for dose in (8.75, 27.5 / 3):
        days = "; ".join(str(day) for day in load_tablets("uk-enteric").over_days(dose))
        rows.append(f"| {dose:.4g} mg on average | uk-enteric | {days} |")
    return "\n".join(rows)


def regimens() -> str:
    """Return regimens with what they mean in the first weeks."""
    rows = ["| written | understood as | doses in 8 weeks, 70 kg |", "|---|---|---|"]
    for text in (
        "tocilizumab 162 mg subcutaneously weekly",
        "tocilizumab 8 mg/kg iv over 1 h every 4 weeks, at most 800 mg",
        "prednisone 15 mg every morning",
        "prednisone 10/7.5 mg alternate days",
        "tocilizumab 162 mg sc q2w from week 4 for 3 doses",
    ):
        doses = parse(text).doses(0, 56, {"weight": [70.0]})
        rows.append(
            f"| `{text}` | `{parse(text)}` | {doses.time.size}, {number(round(float(doses.amount.sum()), 3))} mg |"
        )
    return "\n".join(rows)


COMPARED = {
    "yaml": ("abate", "yaml", "#"),
    "cpp": ("mrgsolve", "cpp", "//"),
    "R": ("rxode2", "r", "#"),
    "rs": ("FeRx", "rust", "//"),
}


def compared() -> dict[str, str]:
    """Return the plan that is written in four languages, and how many lines each takes."""
    parts = {}
    for ending, (tool, language, mark) in COMPARED.items():
        source = COMPARED_FOLDER.joinpath(f"plan.{ending}").read_text(encoding="utf-8").strip()
        count = sum(bool(line.strip()) and not line.strip().startswith(mark) for line in source.splitlines())
        parts[f"lines compared {ending}"] = str(count)
        parts[f"compared {ending}"] = f"**{tool}** ({count} lines)\n\n```{language}\n{source}\n```"
    return parts


def page() -> str:
    """Return the whole page."""
    text = TEXT.read_text(encoding="utf-8")
    parts = {
        "actions": "\n".join(f"- `{form}`" for form in FORMS),
        "mistakes": mistakes(),
        "tapers": taper_table(),
        "tablets": tablet_examples(),
        "regimens": regimens(),
    }
    for name in STORIES:
        source = library_path("policies", f"{name}.yaml").read_text(encoding="utf-8")
        parts[f"policy {name}"] = f"```yaml\n{source.strip()}\n```"
        parts[f"story {name}"] = story(name)
        parts[f"lines {name}"] = str(sum(bool(line.strip()) and line[0] != "#" for line in source.splitlines()))
    parts |= compared()
    for key, value in parts.items():
        text = text.replace("{{" + key + "}}", value)
    if "{{" in text:
        raise AssertionError(f"not filled in: {text[text.index('{{') :][:60]}")
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
