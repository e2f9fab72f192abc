"""Randomisation lists: permuted blocks within strata, and files that keep the next allocation hidden.

Who recruits must not be able to tell the next arm. So the export has two halves: ``sealed/`` with the arms, for the
unblinded pharmacist or the central system alone, and ``sites/`` with kit numbers, from which nothing can be told. Block
sizes vary and stand in the sealed half only, and so does the seed: a list drawn from a seed that stands in a protocol
could be drawn again by anybody. ``commitment.txt`` holds a hash of the sealed list, made before the first patient, so
that nobody can later doubt that it was the list.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abate.ground.errors import InputError
from abate.ground.files import write_atomically
from abate.ground.randomness import uniform

__all__ = [
    "Allocation",
    "AllocationList",
    "commit",
    "csv_text",
    "export",
    "kit_numbers",
    "permuted_blocks",
    "strata_of",
    "verify",
]

LIST = "sealed/allocation.csv"


@dataclass(frozen=True)
class Allocation:
    """One line of a list: the n-th person of a stratum."""

    stratum: str
    number: int
    block: int
    arm: str
    kit: str


@dataclass(frozen=True)
class AllocationList:
    """A randomisation list.

    Attributes
    ----------
    rows : tuple of Allocation
        By stratum and number.
    arms : dict of str to int
        Arms and their weight in a block.
    method : str
        In words.
    seed : int
        From which it was drawn; secret.
    """

    rows: tuple[Allocation, ...]
    arms: Mapping[str, int]
    method: str
    seed: int

    def counts(self) -> dict[str, dict[str, int]]:
        """Return people by stratum and arm."""
        found: dict[str, dict[str, int]] = {}
        for row in self.rows:
            found.setdefault(row.stratum, dict.fromkeys(self.arms, 0))[row.arm] += 1
        return found


def strata_of(factors: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of all strata: each combination of the factors' levels.

    Examples
    --------
    >>> strata_of({"phenotype": ["primary", "secondary"], "centre": ["A"]})
    ['phenotype=primary; centre=A', 'phenotype=secondary; centre=A']
    """
    for factor, levels in factors.items():
        if len(set(levels)) != len(levels) or not levels:
            raise InputError(f"strata.{factor}", "a stratum needs its levels once each", value=list(levels))
    if not factors:
        return ["all"]
    mixed = itertools.product(*factors.values())
    return ["; ".join(f"{f}={level}" for f, level in zip(factors, levels, strict=True)) for levels in mixed]


def permuted_blocks(
    arms: Mapping[str, int],
    *,
    people: int | Mapping[str, int],
    blocks: Sequence[int] = (4, 6),
    strata: Mapping[str, Sequence[str]] | None = None,
    seed: int | None = None,
) -> AllocationList:
    """Draw a list of permuted blocks of random sizes within strata.

    Parameters
    ----------
    arms : mapping of str to int
        Arms and how many times each stands in the smallest block (``{"placebo": 1, "tocilizumab": 2}``).
    people : int or mapping of stratum to int
        In all, to be shared equally, or by stratum as `strata_of` names them.
    blocks : sequence of int
        Sizes to choose from, each a multiple of the sum of the weights.
    strata : mapping of factor to levels, optional
    seed : int, optional
        By default drawn from the system's entropy.

    Returns
    -------
    AllocationList

    Raises
    ------
    InputError
        For block sizes that do not fit the arms, and for strata that would end unequal; the nearest numbers that fit
        are named.

    References
    ----------
    Schulz KF, Grimes DA. Lancet 2002;359:515-519 and 614-618 (sequence generation; concealment).

    Examples
    --------
    >>> made = permuted_blocks({"placebo": 1, "tocilizumab": 1}, people=12, seed=1)
    >>> made.counts()
    {'all': {'placebo': 6, 'tocilizumab': 6}}
    """
    unit = _unit(arms)
    for size in blocks:
        if size < unit or size % unit:
            raise InputError(
                "randomisation.blocks",
                f"the arms {dict(arms)} do not fit in a block",
                value=size,
                allowed=f"multiples of {unit}",
                hint=f"nearest feasible: {max(unit, round(size / unit) * unit)}",
            )
    names = strata_of(strata or {})
    wanted = _sizes(people, names, unit)
    secret = secrets.randbits(48) if seed is None else seed
    rows: list[Allocation] = []
    for index, name in enumerate(names):
        rows += _stratum(arms, unit, blocks, name, index, wanted[name], secret)
    kits = kit_numbers(len(rows), secret)
    rows = [Allocation(r.stratum, r.number, r.block, r.arm, kit) for r, kit in zip(rows, kits, strict=True)]
    sizes = " and ".join(str(size) for size in sorted(set(blocks)))
    within = f", within strata of {', '.join(strata)}" if strata else ""
    return AllocationList(tuple(rows), dict(arms), f"permuted blocks of {sizes} in random order{within}", secret)


def export(made: AllocationList, folder: str | Path) -> list[Path]:
    """Write the sealed list, the sites' list and the commitment into a folder; return their paths.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    target = Path(folder)
    header = ["stratum", "number", "block", "arm", "kit"]
    sealed = csv_text(header, [[r.stratum, r.number, r.block, r.arm, r.kit] for r in made.rows])
    open_ = csv_text(["stratum", "number", "kit"], [[r.stratum, r.number, r.kit] for r in made.rows])
    note = f"{made.method}\nseed: {made.seed}"
    texts = {LIST: sealed, "sites/kits.csv": open_} | commit(sealed, LIST, note)
    paths = []
    for name, text in texts.items():
        write_atomically(target / name, text)
        paths.append(target / name)
    return paths


def commit(sealed: str, name: str, note: str) -> dict[str, str]:
    """Return the texts that commit to a sealed file without saying what is in it, by file name.

    Parameters
    ----------
    sealed : str
        Content of the sealed file.
    name : str
        Of the file.
    note : str
        For the sealed half: the method, and the seed.
    """
    salt = secrets.token_hex(16)
    digest = hashlib.sha256((salt + sealed).encode()).hexdigest()
    return {
        "sealed/KEEP-SEALED.txt": "For the unblinded pharmacist or the central system only.\n"
        f"method: {note}\nsalt: {salt}\n",
        "commitment.txt": f"sha256 of salt and {name}: {digest}\n"
        "Made before the first person was randomised; the salt is in the sealed folder.\n",
    }


def verify(folder: str | Path) -> bool:
    """Tell whether the sealed list, or rule of minimisation, is the one that was committed to."""
    root = Path(folder)
    notes = (root / "sealed" / "KEEP-SEALED.txt").read_text(encoding="utf-8")
    salt = next(line.removeprefix("salt: ") for line in notes.splitlines() if line.startswith("salt: "))
    file = LIST if (root / LIST).is_file() else "sealed/minimisation.json"
    sealed = (root / file).read_text(encoding="utf-8")
    digest = hashlib.sha256((salt + sealed).encode()).hexdigest()
    return digest in (root / "commitment.txt").read_text(encoding="utf-8")


def _unit(arms: Mapping[str, int]) -> int:
    if len(arms) < 2 or any(weight < 1 for weight in arms.values()):
        raise InputError("randomisation.arms", "two arms or more, each once or more in a block", value=dict(arms))
    return sum(arms.values())


def _sizes(people: int | Mapping[str, int], names: list[str], unit: int) -> dict[str, int]:
    if isinstance(people, int):
        each, over = divmod(people, len(names))
        if over or each % unit:
            step = unit * len(names)
            low, high = people // step * step, -(-people // step) * step
            raise InputError(
                "randomisation.people",
                f"{people} people in {len(names)} strata would leave the strata or their arms unequal",
                value=people,
                allowed=f"multiples of {step}",
                hint=f"nearest feasible: {low} or {high}" if low else f"nearest feasible: {high}",
            )
        return dict.fromkeys(names, each)
    unknown = [name for name in people if name not in names]
    if unknown or len(people) != len(names):
        raise InputError(
            "randomisation.people", "not one number a stratum", value=unknown or list(people), allowed=names
        )
    for name, count in people.items():
        if count < unit or count % unit:
            low, high = count // unit * unit, -(-max(count, 1) // unit) * unit
            raise InputError(
                f"randomisation.people[{name}]",
                "the arms of this stratum would be unequal",
                value=count,
                allowed=f"multiples of {unit}",
                hint=f"nearest feasible: {low} or {high}" if low else f"nearest feasible: {high}",
            )
    return dict(people)


def _stratum(
    arms: Mapping[str, int], unit: int, blocks: Sequence[int], name: str, index: int, count: int, seed: int
) -> list[Allocation]:
    order = [arm for arm, weight in arms.items() for _ in range(weight)]
    rows: list[Allocation] = []
    block = 0
    while len(rows) < count:
        left = count - len(rows)
        # The last block may be smaller, so that the list ends balanced.
        fitting = [size for size in sorted(blocks) if size <= left] or [left]
        pick = float(uniform(seed, "randomisation-block", index, block))
        size = fitting[min(int(pick * len(fitting)), len(fitting) - 1)]
        content = order * (size // unit)
        places = np.argsort(uniform(seed, "randomisation-order", np.arange(size), 100_000 * index + block))
        rows += [Allocation(name, len(rows) + k + 1, block + 1, content[p], "") for k, p in enumerate(places)]
        block += 1
    return rows


def kit_numbers(count: int, seed: int) -> list[str]:
    """Return kit numbers in random order, so that a number says nothing about an arm or a place in the list."""
    first = 10 ** max(3, len(str(4 * count)))
    numbers = first + np.argsort(uniform(seed, "randomisation-kits", np.arange(4 * count)))[:count]
    return [f"K{number}" for number in numbers]


def csv_text(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write rows below their header as CSV, the same to the byte on every machine: a list is committed to by its hash.

    Examples
    --------
    >>> csv_text(["subject", "kit"], [[1, "K101"]])
    'subject,kit\\n1,K101\\n'
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
