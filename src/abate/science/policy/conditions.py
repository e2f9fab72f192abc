"""What a rule may ask: comparisons of what was observed, with memory of earlier visits.

Every condition is a frozen value whose ``str`` is the text it was read from, in its canonical spelling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from abate.science.regimen.value import Span, number

__all__ = [
    "All",
    "Always",
    "Amount",
    "Any",
    "Atom",
    "Compare",
    "Condition",
    "Drug",
    "Happened",
    "Kind",
    "Measured",
    "Not",
    "Operator",
    "Quantity",
    "Setting",
    "Window",
    "atoms",
]

Operator = Literal[">=", ">", "<=", "<"]
Kind = Literal["measure", "rise", "fall", "mean", "dose", "day", "since", "count"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that has a value at a visit.

    Attributes
    ----------
    kind : str
        ``measure``; ``rise``, ``fall`` or ``mean`` of a measure; ``dose`` last taken; ``day`` since the start;
        ``since`` (days since an event, infinite when it never was) and ``count`` of an event.
    name : str
        The measure or event.
    window : str or Span
        Of a rise, fall or mean: ``last visit``, ``start`` or a length of time.
    """

    kind: Kind
    name: str = ""
    window: str | Span = ""

    def __str__(self) -> str:
        if self.kind in ("rise", "fall"):
            tail = f"over {self.window}" if isinstance(self.window, Span) else f"since {self.window}"
            return f"{self.kind} of {self.name} {tail}"
        if self.kind == "mean":
            return f"mean of {self.name} over {self.window}"
        if self.kind == "since":
            return f"time since {self.name}"
        if self.kind == "count":
            return f"number of {self.name}"
        return self.name if self.kind == "measure" else self.kind


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as it was written, with its unit."""

    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{number(self.value)} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Setting:
    """A named number of the policy, which a user may change."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Window:
    """For how long a comparison must hold: at N visits in a row, or at any or every visit within a time."""

    kind: Literal["visits", "any", "every"]
    length: int | Span

    def __str__(self) -> str:
        if self.kind == "visits":
            return f"at {self.length} consecutive visits"
        return f"at {self.kind} visit within {self.length}"


@dataclass(frozen=True, slots=True)
class Compare:
    """``crp >= 10 mg/L at 2 consecutive visits``, or ``symptom-score >= 15 until < 10`` (hysteresis)."""

    quantity: Quantity
    operator: Operator
    value: Amount | Setting
    window: Window | None = None
    until: tuple[Operator, Amount | Setting] | None = None

    def __str__(self) -> str:
        text = f"{self.quantity} {self.operator} {self.value}"
        if self.window:
            text += f" {self.window}"
        return text + (f" until {self.until[0]} {self.until[1]}" if self.until else "")


@dataclass(frozen=True, slots=True)
class Happened:
    """Whether an event was called at an earlier visit: ``after remission`` or ``never remission``."""

    event: str
    ever: bool = True

    def __str__(self) -> str:
        return f"{'after' if self.ever else 'never'} {self.event}"


@dataclass(frozen=True, slots=True)
class Drug:
    """Whether a drug is being given: ``on drug`` and ``off drug`` of the antibody, ``on methotrexate`` by name."""

    on: bool = True
    name: str = "drug"

    def __str__(self) -> str:
        return f"{'on' if self.on else 'off'} {self.name}"


@dataclass(frozen=True, slots=True)
class Measured:
    """Whether a measure was taken at this visit."""

    name: str

    def __str__(self) -> str:
        return f"{self.name} measured"


@dataclass(frozen=True, slots=True)
class Always:
    """True at every visit."""

    def __str__(self) -> str:
        return "always"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    part: Condition

    def __str__(self) -> str:
        return f"not {_bracket(self.part, (All, Any))}"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_bracket(part, (Any, All)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_bracket(part, (Any,)) for part in self.parts)


Atom = Compare | Happened | Drug | Measured | Always
Condition = Atom | Not | All | Any


def atoms(condition: Condition) -> Iterator[Atom]:
    """Yield the comparisons and facts that a condition is made of."""
    if isinstance(condition, Not):
        yield from atoms(condition.part)
    elif isinstance(condition, All | Any):
        for part in condition.parts:
            yield from atoms(part)
    else:
        yield condition


def _bracket(part: Condition, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
