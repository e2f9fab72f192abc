"""What is compared with what: contrasts as people write them, and the level that the others are compared with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

__all__ = ["Contrast", "choose_levels", "first_level", "parse_contrast"]

_CONTROLS = {"control", "controls", "ctrl", "healthy", "healthy control", "healthy controls", "hc", "normal",
"reference",
             "untreated", "placebo", "wt", "wildtype", "wild type", "unaffected"}  # fmt: skip
_BEFORE = {
    "before",
    "pre",
    "baseline",
    "bl",
    "untreated",
    "pretreatment",
    "pre treatment",
    "before treatment",
    "screening",
}


@dataclass(frozen=True)
class Contrast:
    """A contrast as asked for; what was left open is None."""

    factor: str | None = None
    tested: str | None = None
    reference: str | None = None


def parse_contrast(text: str | None) -> Contrast:
    """Read ``factor,tested,reference``, ``tested vs reference``, ``factor: tested vs reference`` or a bare name.

    Raises
    ------
    InputError
        If the text is none of these.

    Examples
    --------
    >>> parse_contrast("condition,B,A")
    Contrast(factor='condition', tested='B', reference='A')
    >>> parse_contrast("after vs before")
    Contrast(factor=None, tested='after', reference='before')
    """
    if text is None or not text.strip():
        return Contrast()
    forms = (
        r"(?P<factor>[^,;]+)[,;](?P<tested>[^,;]+)[,;](?P<reference>[^,;]+)",
        r"(?:(?P<factor>[^:=]+)[:=])?(?P<tested>.+?)\s+(?:vs\.?|versus|against|-)\s+(?P<reference>.+)",
        r"(?P<factor>[^:]+):(?P<tested>[^:]+):(?P<reference>[^:]+)",
        r"(?P<factor>\w+)\s+(?P<tested>\w+)\s+(?P<reference>\w+)",
        r"(?P<factor>\w+?)_(?P<tested>\w+)_vs_(?P<reference>\w+)",
        r"(?P<factor>[^\s,;]+)",
    )
    for form in forms:
        found = re.fullmatch(form, text.strip())
        if found:
            parts = {key: value.strip() for key, value in found.groupdict().items() if value and value.strip()}
            return Contrast(**parts)
    raise InputError(
        "--contrast",
        "not a contrast",
        value=text,
        allowed="'TESTED vs REFERENCE', 'FACTOR,TESTED,REFERENCE' or a factor's name",
    )


def first_level(levels: Sequence[str]) -> str:
    """Return the level that others are compared with: a word for controls or for before, else the first in order.

    Examples
    --------
    >>> first_level(["fibromyalgia", "healthy"]), first_level(["week 12", "week 4"]), first_level(["B", "A"])
    ('healthy', 'week 4', 'A')
    """
    words = {level: " ".join(re.split(r"[\s_\-]+", level.casefold())) for level in levels}
    named = [level for level, word in words.items() if word in _CONTROLS or word in _BEFORE]
    return named[0] if len(named) == 1 else ordered(levels)[0]


def ordered(levels: Sequence[str]) -> list[str]:
    """Sort levels as people do: by the numbers in them where all have one, else by letters.

    Examples
    --------
    >>> ordered(["week 12", "week -4"]), ordered(["batch-2", "batch-1"])
    (['week -4', 'week 12'], ['batch-1', 'batch-2'])
    """
    # A hyphen behind a letter joins and is no sign.
    numbers = {level: re.findall(r"(?:(?<!\w)-)?\d+(?:\.\d+)?", level) for level in levels}
    if all(numbers.values()):
        return sorted(levels, key=lambda level: (float(numbers[level][0]), level))
    return sorted(levels)


def choose_levels(where: str, levels: Sequence[str], asked: Contrast, reference: str | None) -> tuple[str, str]:
    """Return the tested level and the reference.

    Parameters
    ----------
    where : str
        The factor, for errors.
    levels : sequence of str
        Those that occur.
    asked : Contrast
    reference : str or None
        Of ``--reference``.

    Raises
    ------
    InputError
        If a level does not occur, or there are more than two and none was chosen.

    Examples
    --------
    >>> choose_levels("time", ["after", "before"], Contrast(), None)
    ('after', 'before')
    """
    for option, level in (("--contrast", asked.tested), ("--contrast", asked.reference), ("--reference", reference)):
        if level is not None and level not in levels:
            raise InputError(
                option,
                f"{where} has no such level",
                value=level,
                allowed=ordered(levels),
                hint=did_you_mean(level, levels),
            )
    base = asked.reference or reference
    if base is None:
        base = first_level([level for level in levels if level != asked.tested] if asked.tested else levels)
    others = [level for level in ordered(levels) if level != base]
    if not others:
        raise InputError(
            where,
            "everybody has the same level, so there is nothing to compare",
            value=list(levels),
            allowed="two levels",
        )
    if asked.tested == base:
        raise InputError("--contrast", "a level cannot be compared with itself", value=base, allowed=others)
    if asked.tested is None and len(others) > 1:
        raise InputError(
            "--contrast", f"{where} has more than two levels: say which to compare", value=ordered(levels),
            hint=f"for example --contrast '{others[-1]} vs {base}'",
        )  # fmt: skip
    return asked.tested or others[-1], base
