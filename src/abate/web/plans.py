"""One patient's plans behind the pages and the API: the people like the patient are made once, plans follow quickly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from abate.ground.errors import InputError

if TYPE_CHECKING:
    from abate.planner.forecast import Forecast
    from abate.planner.options import Option
    from abate.planner.people import People
    from abate.planner.record import Record

__all__ = ["Desk", "PlanRequest", "Variant", "answer_plan", "changed", "load_patient", "own_files_only"]

PEOPLE = 128
"""Virtual people behind a page's forecast."""
SKETCH = 48
"""Virtual people behind the first drawing of a step that was moved; the others follow."""
SHOWN = 3
"""Options that are compared before anybody chose which."""


class PlanRequest(BaseModel):
    """A patient's record, and which options to forecast."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patient: dict[str, Any] = Field(description="As in the patient's file: disease, diagnosed, today, drugs ...")
    options: Annotated[list[str], Field(max_length=12)] | None = Field(None, description="Slugs; all if left out.")
    text: str | None = Field(None, max_length=400, description="A plan in words, as in '10 mg for 4 weeks, then 0'.")
    people: int = Field(64, ge=16, le=128, multiple_of=16)
    weeks: int = Field(52, ge=4, le=104)
    seed: int = Field(1, ge=0, le=2**32 - 1)
    prior: bool = Field(False, description="Do not use the patient's measurements.")
    explain: bool = Field(False, description="Also: are recent complaints a flare, withdrawal or the adrenals?")


def answer_plan(request: PlanRequest) -> dict[str, Any]:
    """Forecast the options of a record and return what results.json holds.

    Raises
    ------
    InputError
        If the record or an option is refused.
    """
    from abate.planner.explain import explain
    from abate.planner.forecast import forecasts
    from abate.planner.options import choose, option_from_text
    from abate.planner.people import people_like
    from abate.planner.plan import payload
    from abate.planner.record import record_from

    record = own_files_only(record_from(request.patient))
    options = choose(record, request.options)
    if request.text:
        typed = option_from_text(record, request.text)
        options = {**options, typed.slug: typed}
    basis: Any = "prior" if request.prior else "auto"
    people = people_like(record, request.people, request.seed, basis=basis, weeks=request.weeks)
    made = payload(people, forecasts(people, options, weeks=request.weeks))
    if request.explain:
        made["explanation"] = explain(record, seed=request.seed).as_dict()
    return made


def own_files_only(record: Record) -> Record:
    """Refuse a record that names files of this machine: a page or a program may name what the library has.

    Raises
    ------
    InputError
        If a plan's taper or policy is a path.
    """
    for plan in record.plans:
        for key in ("taper", "policy"):
            name = getattr(plan, key)
            if name is not None and not all(c.isalnum() or c in "-_" for c in name):
                raise InputError(f"plans, {plan.name}, {key}", "not a name of the library", value=name)
    return record


def load_patient(path: Path) -> Record | None:
    """Return the patient of a browser as of this day, or None where nobody was entered yet."""
    from abate.planner.record import load_record

    if not path.exists():
        return None
    record = own_files_only(load_record(path))
    now = date.today()
    return record.model_copy(update={"today": now}) if record.today < now else record


def changed(record: Record | None, **values: Any) -> Record:
    """Return a record with some keys replaced, checked as a file is.

    Raises
    ------
    InputError
        With the key, for whatever is wrong.
    """
    from abate.planner.record import record_from

    data: dict[str, Any] = record.model_dump(mode="json", by_alias=True, exclude_defaults=True) if record else {}
    data["today"] = max(date.today(), record.today).isoformat() if record else date.today().isoformat()
    return own_files_only(record_from({key: value for key, value in {**data, **values}.items() if value is not None}))


@dataclass(frozen=True, slots=True)
class Variant:
    """A plan as a browser keeps it: an option of the record, or one typed, with steps that were moved.

    Attributes
    ----------
    slug : str
        Of the option that it is or comes from.
    text : str
        A plan in words; empty for an option of the record.
    moves : tuple of (int, float, int)
        Step, mg, days.
    """

    slug: str
    text: str = ""
    moves: tuple[tuple[int, float, int], ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Variant:
        """Read what `as_dict` wrote."""
        moves = tuple((int(s), float(mg), int(days)) for s, mg, days in data.get("moves", ()))
        return cls(str(data["slug"]), str(data.get("text", "")), moves)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, for the browser's storage."""
        return {"slug": self.slug, "text": self.text, "moves": [list(move) for move in self.moves]}

    @property
    def key(self) -> str:
        """A name of its own among the plans that are compared."""
        return f"{self.slug}-moved" if self.moves else self.slug

    def option(self, record: Record) -> Option:
        """Return the option.

        Raises
        ------
        InputError
            If there is none of that name, the text is not understood, or a step does not exist.
        """
        from abate.planner.options import choose, option_from_text

        found = option_from_text(record, self.text) if self.text else choose(record, [self.slug])[self.slug]
        for step, mg, days in self.moves:
            found = found.moved(step, mg=mg, days=days)
        return replace(found, slug=self.key)


@dataclass
class Desk:
    """What has been worked out for one browser's patient; forgotten when the record changes.

    Examples
    --------
    >>> Desk().made([Variant("guideline")])
    False
    """

    written: str = ""
    people: People | None = None
    few: People | None = None
    forecasts: dict[Variant, Forecast] = field(default_factory=dict)
    rough: set[Variant] = field(default_factory=set)

    def on(self, record: Record) -> Desk:
        """Clear the desk where it holds another record."""
        from abate.planner.record import record_text

        text = record_text(record)
        if text != self.written:
            self.written, self.people, self.few = text, None, None
            self.forecasts, self.rough = {}, set()
        return self

    def made(self, variants: Iterable[Variant]) -> bool:
        """Whether every one of these is forecast."""
        return self.people is not None and all(variant in self.forecasts for variant in variants)

    def work(self, record: Record, variants: Iterable[Variant], tell: Callable[[float], None]) -> None:
        """Make the people if they are not there, and forecast what is missing."""
        from abate.planner.forecast import forecast
        from abate.planner.people import fewer, people_like

        options = {variant: variant.option(record) for variant in variants}
        # Making the people takes most of the time.
        share = 0.6
        if self.people is None:
            self.people = people_like(record, PEOPLE, progress=lambda done: tell(share * done))
        missing = [variant for variant in options if variant not in self.forecasts or variant in self.rough]
        for place, variant in enumerate(missing):
            tell(share + (1 - share) * place / len(missing))
            self.forecasts[variant] = forecast(self.people, options[variant])
            self.rough.discard(variant)
        if self.few is None:
            self.few = fewer(self.people, SKETCH)

    def sketch(self, record: Record, variant: Variant) -> None:
        """Forecast a plan in some of the people, at once; `work` does it again in all of them."""
        from abate.planner.forecast import forecast

        assert self.few is not None
        if variant not in self.forecasts:
            self.forecasts[variant] = forecast(self.few, variant.option(record))
            self.rough.add(variant)

    def plan(self, variants: Iterable[Variant]) -> dict[str, Any]:
        """Return results.json's content for these plans, as plain data."""
        from abate.ground.results import dumps
        from abate.planner.plan import payload

        assert self.people is not None
        made = payload(self.people, {variant.key: self.forecasts[variant] for variant in variants})
        plain: dict[str, Any] = json.loads(dumps({**made, "seed": 1}))
        return plain
