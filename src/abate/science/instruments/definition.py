"""What an instrument file may say: items, scores, bands and changes, each with its source and grade."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Band", "BandSet", "Change", "Instrument", "Item", "MissingRule", "Operation", "Score", "Source", "alias"]

Grade = Literal["verified", "derived", "calibrated", "assumed", "unverified"]
Direction = Literal["higher-is-worse", "higher-is-better", "none"]


def alias(name: str) -> str:
    """Return the name by which a rule calls an item or a score.

    Examples
    --------
    >>> alias("fiqr/1"), alias("pmr-as/vas-patient"), alias("function")
    ('fiqr_1', 'pmr_as_vas_patient', 'function')
    """
    return name.replace("/", "_").replace("-", "_")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Source(_Frozen):
    """A publication that a rule was read in."""

    citation: str
    doi: str = ""
    pmid: str = ""
    url: str = ""


class Item(_Frozen):
    """One question, observation or laboratory value.

    Attributes
    ----------
    low, high : float or None
        Smallest and largest allowed answer; None = no limit.
    whole : bool
        Only whole numbers are allowed.
    reversed : bool
        Scored as ``low + high - answer``.
    recode : tuple of float
        What the answers ``low, low + 1, ...`` score.
    cap : float or None
        A larger value scores as this one.
    absent : float or None
        What an item that a form leaves out counts as (a box that nobody ticked); None = missing.
    also : tuple of str
        Measures of a Study that are this item under another name (``morning-stiffness``).
    """

    id: str
    label: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    unit: str = ""
    reversed: bool = False
    recode: tuple[float, ...] = ()
    cap: float | None = None
    absent: float | None = None
    also: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Say in words which answers are allowed.

        Examples
        --------
        >>> Item(id="fiqr/1", label="comb hair", low=0, high=10).allowed
        'numbers from 0 to 10'
        """
        kind = "whole numbers" if self.whole else "numbers"
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return kind + (f" in{unit}" if unit else "")
        if self.high is None:
            return f"{kind} of {self.low:g} or more{unit}"
        if self.low is None:
            return f"{kind} up to {self.high:g}{unit}"
        return f"{kind} from {self.low:g} to {self.high:g}{unit}"


class MissingRule(_Frozen):
    """How many parts may be missing before a score is refused."""

    at_most_missing: int | None = None
    at_least_answered: int = 1
    source: str = ""
    grade: Grade


class _ScoreBase(_Frozen):
    name: str
    label: str = ""
    source: str
    grade: Grade
    # A measure that a study may have recorded instead of the items (a WPI already counted).
    recorded: str = ""
    low: float | None = None
    high: float | None = None


class _Parts(_ScoreBase):
    of: tuple[str, ...] = Field(min_length=1)
    missing: dict[Literal["strict", "prorate"], MissingRule] = {}


class Sum(_Parts):
    """Sum of the parts over `divide`; with parts missing, ``sum * parts / answered``."""

    operation: Literal["sum"]
    divide: float = 1.0


class Mean(_Parts):
    """Mean of the parts that were answered."""

    operation: Literal["mean"]


class Count(_Parts):
    """How many parts are above zero."""

    operation: Literal["count"]


class Worst(_Parts):
    """Largest part; lifted to `lift_to` where any of `lift` is ticked."""

    operation: Literal["worst"]
    lift: tuple[str, ...] = ()
    lift_to: float | None = None


class Groups(_ScoreBase):
    """How many groups have at least one part above zero."""

    operation: Literal["groups"]
    groups: dict[str, tuple[str, ...]]


class Term(_Frozen):
    """One term of a weighted sum: ``weight * part``, the part converted to `unit` first."""

    part: str
    weight: float = 1.0
    unit: str = ""


class Weighted(_ScoreBase):
    """Weighted sum; every term is needed."""

    operation: Literal["weighted"]
    terms: tuple[Term, ...] = Field(min_length=1)


class Point(_Frozen):
    """Points given when a condition holds."""

    when: str
    points: float


class Points(_ScoreBase):
    """Sum of the points whose condition holds; every condition must be known."""

    operation: Literal["points"]
    points: tuple[Point, ...] = Field(min_length=1)


class Rule(_ScoreBase):
    """A condition on items and earlier scores: true, false, or not known."""

    operation: Literal["rule"]
    rule: str


class Recorded(_ScoreBase):
    """True when any of the parts was recorded."""

    operation: Literal["recorded"]
    of: tuple[str, ...] = Field(min_length=1)


Operation = Sum | Mean | Count | Worst | Groups | Weighted | Points | Rule | Recorded
Score = Annotated[Operation, Field(discriminator="operation")]


class Band(_Frozen):
    """One severity band as printed: above `low` (or from it) up to `high` (or below it)."""

    name: str
    low: float | None = None
    high: float | None = None
    from_low: bool = True
    to_high: bool = True


class BandSet(_Frozen):
    """The bands of one paper for one score."""

    name: str
    score: str
    source: str
    grade: Grade
    population: str = ""
    bands: tuple[Band, ...] = Field(min_length=1)


class Change(_Frozen):
    """A change between two visits that counts as a response or a flare."""

    name: str
    label: str = ""
    score: str
    against: Literal["baseline", "previous"]
    direction: Literal["fall", "rise"]
    kind: Literal["fraction", "points"]
    at_least: float = Field(gt=0)
    source: str
    grade: Grade


class Instrument(_Frozen):
    """One instrument: what is asked, how it is scored, and where that was read."""

    name: str
    also: tuple[str, ...] = ()
    superseded_by: str = ""
    version: str
    title: str
    about: str
    direction: Direction
    recall: str = ""
    wording: str
    total: str = ""
    sources: dict[str, Source]
    items_source: str
    items_grade: Grade
    items: tuple[Item, ...]
    scores: tuple[Score, ...]
    band_sets: tuple[BandSet, ...] = ()
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Instrument:
        seen = [item.id for item in self.items]
        for score in self.scores:
            for part in parts_of(score):
                if part not in seen:
                    raise ValueError(f"score {score.name!r} uses {part!r}, which is no item and no earlier score")
            seen.append(score.name)
        if len(set(seen)) != len(seen):
            raise ValueError(f"a name stands twice: {sorted(n for n in set(seen) if seen.count(n) > 1)}")
        if self.total and self.total not in seen:
            raise ValueError(f"total = {self.total!r} is no score")
        users: tuple[BandSet | Change, ...] = (*self.band_sets, *self.changes)
        for used in users:
            if used.score not in seen:
                raise ValueError(f"{used.name!r} uses the score {used.score!r}, which is not there")
        graded: tuple[Operation | BandSet | Change, ...] = (*self.scores, *users)
        for source in (self.items_source, *(g.source for g in graded)):
            if source not in self.sources:
                raise ValueError(f"the source {source!r} is not among [sources]")
        return self


def parts_of(score: Operation) -> tuple[str, ...]:
    """Return the items and scores that a score is made of, apart from those named inside rules."""
    if isinstance(score, Worst):
        return (*score.of, *score.lift)
    if isinstance(score, (Sum, Mean, Count, Recorded)):
        return score.of
    if isinstance(score, Groups):
        return tuple(part for group in score.groups.values() for part in group)
    if isinstance(score, Weighted):
        return tuple(term.part for term in score.terms)
    return ()
