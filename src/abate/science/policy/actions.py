"""What a rule may do. Every action is a frozen value whose ``str`` is the text it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from abate.science.regimen import antibodies
from abate.science.regimen.value import Span, number

__all__ = [
    "ANTIBODY",
    "Action",
    "Call",
    "Continue",
    "DrugOrder",
    "Gate",
    "Hold",
    "Lengthen",
    "RepeatWeek",
    "Rescue",
    "Retest",
    "SpaceDrug",
    "StepBack",
    "StepDown",
    "StopPrednisone",
    "Stress",
    "channels",
]

ANTIBODY = "drug"
"""What a policy calls the antibody that somebody is given, whichever it is."""


@dataclass(frozen=True, slots=True)
class Call:
    """Note an event: ``call flare``. Later rules may ask for it; the study records it."""

    event: str

    def __str__(self) -> str:
        return f"call {self.event}"


@dataclass(frozen=True, slots=True)
class Continue:
    """Go on with the plan, and keep lower rules from changing it."""

    def __str__(self) -> str:
        return "continue"


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay on the dose last taken, until the next visit or for a time; the rest of the plan waits."""

    length: Span | None = None

    def __str__(self) -> str:
        return f"hold for {self.length}" if self.length else "hold"


@dataclass(frozen=True, slots=True)
class StepDown:
    """Go to the next lower dose of the plan today."""

    def __str__(self) -> str:
        return "step down"


@dataclass(frozen=True, slots=True)
class StepBack:
    """Go back to the last higher dose taken, until the next visit or for a time, then take the plan up again."""

    length: Span | None = None

    def __str__(self) -> str:
        return f"step back for {self.length}" if self.length else "step back"


@dataclass(frozen=True, slots=True)
class RepeatWeek:
    """Take the last seven days again; the rest of the plan waits a week."""

    def __str__(self) -> str:
        return "repeat the week"


@dataclass(frozen=True, slots=True)
class Rescue:
    """Raise the dose and taper again.

    Attributes
    ----------
    to : tuple of float
        mg to choose from, with equal odds among those at least `above` mg over the dose; empty when `by` is given.
    above : float
        How far above the present dose it must be. Where no dose is high enough, the highest one or the present dose.
    by : float
        mg added to the present dose, to at least `at_least`.
    down : (float, Span) or None
        First fall by so many mg every so often to the dose of before.
    hold : Span, 'one step' or None
        Then stay there.
    then : str
        The taper entered after that (empty: stay on the dose).
    """

    to: tuple[float, ...] = ()
    above: float = 0.0
    by: float = 0.0
    at_least: float = 0.0
    down: tuple[float, Span] | None = None
    hold: Span | Literal["one step"] | None = None
    then: str = ""

    def __str__(self) -> str:
        if self.to:
            one_of = "one of " if len(self.to) > 1 else ""
            parts = [f"rescue to {one_of}{', '.join(number(d) for d in self.to)} mg"]
            parts += [f"at least {number(self.above)} mg above the dose"] if self.above else []
        else:
            parts = [f"rescue by {number(self.by)} mg"]
            parts += [f"at least {number(self.at_least)} mg"] if self.at_least else []
        if self.down:
            parts.append(f"down {number(self.down[0])} mg {_every(self.down[1])} to the dose before")
        parts += [f"hold {self.hold}"] if self.hold else []
        parts += [f"then {self.then}"] if self.then else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Lengthen:
    """Make each person's stretchable steps longer from now on."""

    factor: float

    def __str__(self) -> str:
        return f"lengthen the steps by {number(self.factor)}"


@dataclass(frozen=True, slots=True)
class Stress:
    """Pause the taper for an illness: a multiple of the dose for some days, then the plan where it stood."""

    times: float
    at_least: float
    length: Span

    def __str__(self) -> str:
        floor = f", at least {number(self.at_least)} mg" if self.at_least else ""
        return f"stress dose {number(self.times)} times{floor}, for {self.length}"


@dataclass(frozen=True, slots=True)
class StopPrednisone:
    """Take no more prednisone; refused at load where the rule does not bound the dose at a physiological one."""

    def __str__(self) -> str:
        return "stop prednisone"


@dataclass(frozen=True, slots=True)
class Gate:
    """Morning cortisol decides: above one level stop, from another hold and retest, below it continue."""

    measure: str
    stop_above: float
    hold_from: float
    unit: str
    retest: Span

    def __str__(self) -> str:
        return (
            f"gate on {self.measure}: above {number(self.stop_above)} {self.unit} stop, "
            f"from {number(self.hold_from)} {self.unit} hold and retest in {self.retest}, below continue"
        )


@dataclass(frozen=True, slots=True)
class DrugOrder:
    """Stop, hold or resume a drug: the antibody (``drug``), or one that is named."""

    order: Literal["stop", "hold", "resume"]
    drug: str = ANTIBODY

    def __str__(self) -> str:
        return f"{self.order} {self.drug}"


@dataclass(frozen=True, slots=True)
class SpaceDrug:
    """Give a drug every so often from now on, by leaving out doses of its regimen."""

    every: Span
    drug: str = ANTIBODY

    def __str__(self) -> str:
        return f"space {self.drug} to {_every(self.every)}"


@dataclass(frozen=True, slots=True)
class Retest:
    """Ask for a measure after a time."""

    measure: str
    after: Span

    def __str__(self) -> str:
        return f"retest {self.measure} in {self.after}"


Action = (
    Call
    | Continue
    | Hold
    | StepDown
    | StepBack
    | RepeatWeek
    | Rescue
    | Lengthen
    | Stress
    | StopPrednisone
    | Gate
    | DrugOrder
    | SpaceDrug
    | Retest
)


def channels(action: Action) -> frozenset[str]:
    """Return what an action claims for this visit: only one rule may decide on prednisone, and one on each drug.

    Examples
    --------
    >>> sorted(channels(StepDown())), sorted(channels(DrugOrder("stop"))), sorted(channels(Call("flare")))
    (['prednisone'], ['drug', 'sarilumab', 'tocilizumab'], [])
    >>> sorted(channels(DrugOrder("stop", "methotrexate")))
    ['methotrexate']
    """
    if isinstance(action, DrugOrder | SpaceDrug):
        return frozenset((ANTIBODY, *antibodies()) if action.drug == ANTIBODY else (action.drug,))
    if isinstance(action, Call | Retest | Lengthen):
        return frozenset()
    return frozenset({"prednisone"})


def _every(span: Span) -> str:
    return f"every {span.unit}" if span.count == 1 else f"every {span}"
