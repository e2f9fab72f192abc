"""Allocating the people of a trial, in the order in which they come, from the sealed half of its randomisation folder.

Whoever recruits sends who came and with which levels of the factors; whoever holds the sealed half runs this and sends
back kit numbers. Run again with more people, it gives the earlier ones what they had.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abate.design.minimisation import Minimisation
from abate.design.randomisation import commit, csv_text, kit_numbers, verify
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean, write_atomically

__all__ = ["Allocated", "allocate", "export_minimisation", "read_people"]

RULE = "sealed/minimisation.json"
LIST = "sealed/allocation.csv"


@dataclass(frozen=True)
class Allocated:
    """One person with the arm, which is for the sealed half alone."""

    subject: str
    stratum: str
    arm: str
    kit: str


def export_minimisation(rule: Minimisation, people: int, folder: str | Path, *, seed: int | None = None) -> list[Path]:
    """Write a minimisation's sealed rule, the sites' kit numbers and the commitment; return their paths.

    There is no list to seal, as each arm depends on who came before. What is sealed are the rule, its secret seed and
    which kit holds what; with them and the people in their order anybody can later check each allocation.

    Parameters
    ----------
    rule : Minimisation
    people : int
        To be randomised.
    folder : str or Path
    seed : int, optional
        By default drawn from the system's entropy.
    """
    target = Path(folder)
    secret = secrets.randbits(48) if seed is None else seed
    # An arm may run ahead of the others for a while: some kits more than its share.
    each = -(-people // len(rule.arms)) + max(10, people // 10)
    kits = kit_numbers(each * len(rule.arms), secret)
    body = {
        "arms": list(rule.arms),
        "factors": {factor: list(levels) for factor, levels in rule.factors.items()},
        "weights": {factor: rule.weights.get(factor, 1.0) for factor in rule.factors},
        "probability": rule.probability,
        "seed": secret,
        "kits": {arm: kits[k * each : (k + 1) * each] for k, arm in enumerate(rule.arms)},
    }
    sealed = json.dumps(body, indent=1) + "\n"
    note = "minimisation; the seed stands in minimisation.json"
    texts = {RULE: sealed, "sites/kits.csv": csv_text(["kit"], [[kit] for kit in sorted(kits)])} | commit(
        sealed, RULE, note
    )
    for name, text in texts.items():
        write_atomically(target / name, text)
    return [target / name for name in texts]


def allocate(folder: str | Path, people: Sequence[Mapping[str, str]]) -> list[Allocated]:
    """Allocate people from a randomisation folder.

    Parameters
    ----------
    folder : str or Path
        As `abate design FILE --out DIR` wrote it (``DIR/randomisation``).
    people : sequence of mappings
        ``subject`` and one level a factor, in the order in which they came.

    Raises
    ------
    InputError
        When the folder is no such folder, its sealed half is not what was committed to, a level is unknown, or the list
        is at its end.
    """
    root = Path(folder)
    if (root / RULE).is_file():
        _check(root)
        return _by_rule(json.loads((root / RULE).read_text(encoding="utf-8")), people)
    if (root / LIST).is_file():
        _check(root)
        with (root / LIST).open(encoding="utf-8", newline="") as file:
            return _from_list(list(csv.DictReader(file)), people)
    raise InputError(
        "--lists", "there is no sealed list here", value=str(folder), allowed="the randomisation folder of a design"
    )


def read_people(path: str | Path) -> list[dict[str, str]]:
    """Read ``subject`` and the factors from a CSV, one person a row in the order of arrival.

    Raises
    ------
    InputError
        When there is no such file, no column ``subject``, or somebody comes twice.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(str(path), "there is no such file", hint="a CSV: subject and one column a factor")
    try:
        rows = list(csv.DictReader(io.StringIO(source.read_text(encoding="utf-8-sig"))))
    except UnicodeDecodeError as error:
        raise InputError(str(path), "this is not a text file in UTF-8") from error
    if not rows or "subject" not in rows[0]:
        raise InputError(str(path), "a column 'subject' is needed", value=list(rows[0]) if rows else "an empty file")
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        name = str(row["subject"] or "").strip()
        if not name:
            raise InputError(f"{path}, row {number}", "nobody is named")
        if name in seen:
            raise InputError(f"{path}, row {number}", f"this person came already, in row {seen[name]}", value=name)
        seen[name] = number
    return [{key: str(value or "").strip() for key, value in row.items() if key} for row in rows]


def _by_rule(body: Mapping[str, object], people: Sequence[Mapping[str, str]]) -> list[Allocated]:
    rule = Minimisation(
        tuple(body["arms"]),  # type: ignore[arg-type]
        body["factors"],  # type: ignore[arg-type]
        body["weights"],  # type: ignore[arg-type]
        float(body["probability"]),  # type: ignore[arg-type]
    )
    arms = rule.allocate(people, seed=int(body["seed"]))  # type: ignore[call-overload]
    left = {arm: list(kits) for arm, kits in body["kits"].items()}  # type: ignore[attr-defined]
    out = []
    for person, arm in zip(people, arms, strict=True):
        if not left[arm]:
            raise InputError("--allocate", "there are no more kits", value=person["subject"], hint="write a new folder")
        stratum = "; ".join(f"{factor}={person[factor]}" for factor in rule.factors)
        out.append(Allocated(person["subject"], stratum, arm, left[arm].pop(0)))
    return out


def _from_list(rows: list[dict[str, str]], people: Sequence[Mapping[str, str]]) -> list[Allocated]:
    waiting: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        waiting.setdefault(row["stratum"], []).append(row)
    names = list(waiting)
    factors = [part.split("=", 1)[0] for part in names[0].split("; ")] if "=" in names[0] else []
    out = []
    for person in people:
        lacking = [factor for factor in factors if not person.get(factor)]
        if lacking:
            raise InputError(
                "--allocate", f"the level of {lacking[0]} is needed", value=person["subject"], allowed=names
            )
        stratum = "; ".join(f"{factor}={person[factor]}" for factor in factors) or "all"
        if stratum not in waiting:
            hint = did_you_mean(stratum, names)
            raise InputError("--allocate", "there is no such stratum", value=stratum, allowed=names, hint=hint)
        if not waiting[stratum]:
            raise InputError("--allocate", f"the list of {stratum} is at its end", value=person["subject"])
        row = waiting[stratum].pop(0)
        out.append(Allocated(person["subject"], stratum, row["arm"], row["kit"]))
    return out


def _check(root: Path) -> None:
    try:
        kept = verify(root)
    except (OSError, StopIteration) as error:
        raise InputError("--lists", "the commitment or its salt is missing", value=str(root)) from error
    if not kept:
        raise InputError(
            "--lists",
            "the sealed half is not the one that was committed to before the first person",
            value=str(root),
            hint="find out who changed it; nobody is allocated from it",
        )


def write_allocated(found: Sequence[Allocated], folder: str | Path) -> None:
    """Write who got which kit for the sites, and with the arms for the sealed half."""
    target = Path(folder)
    rows = [[one.subject, one.stratum, one.arm, one.kit] for one in found]
    write_atomically(target / "sealed" / "allocated.csv", csv_text(["subject", "stratum", "arm", "kit"], rows))
    kits = [[one.subject, one.kit] for one in found]
    write_atomically(target / "sites" / "allocated.csv", csv_text(["subject", "kit"], kits))
