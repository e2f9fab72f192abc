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
    from abate.planner.optimise import Optimum
    from abate.planner.options import Option
    from abate.planner.people import People
    from abate.planner.record import Record

__all__ = ["Desk", "PlanRequest", "Variant", "answer_plan", "changed", "load_patient", "own_files_only"]

PEOPLE = 128
"""Virtual people behind a page's forecast."""
SKETCH = 48
"""Virtual people behind the first drawing of a step that was moved; the others follow."""
SEARCHED = 64
"""Virtual people that a search tries plans on."""
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
    optimise: bool = Field(False, description="Also search for the least prednisone at a flare risk.")
    risk: float | None = Field(
        None, gt=0, lt=1, description="Flare risk for the search; else the record's, else that of the guideline's plan."
    )
    may: Annotated[list[Annotated[str, Field(max_length=100)]], Field(min_length=1, max_length=4)] | None = Field(
        None, description="Antibodies that the search may choose, or 'none'; by default what is taken now."
    )
    trials: int = Field(30, ge=8, le=120, description="Plans that the search tries.")


def answer_plan(request: PlanRequest, tell: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
    """Forecast the options of a record and return what results.json holds.

    Raises
    ------
    InputError
        If the record or an option is refused.
    """
    from abate.planner.explain import explain
    from abate.planner.forecast import forecasts
    from abate.planner.optimise import optimise
    from abate.planner.options import choose, option_from_text, reference_of
    from abate.planner.people import people_like
    from abate.planner.plan import payload
    from abate.planner.record import record_from

    record = own_files_only(record_from(request.patient))
    options = choose(record, request.options)
    if request.text:
        typed = option_from_text(record, request.text)
        options = {**options, typed.slug: typed}
    basis: Any = "prior" if request.prior else "auto"
    if not request.optimise and (request.risk is not None or request.may):
        key = "risk" if request.risk is not None else "may"
        raise InputError(key, "this belongs to a search", hint="add: optimise = true")
    people = people_like(record, request.people, request.seed, basis=basis, weeks=request.weeks, progress=tell)
    found = None
    if request.optimise:
        found = optimise(people, reference_of(record), request.risk, antibodies=request.may, trials=request.trials,
                         weeks=request.weeks, progress=tell)  # fmt: skip
        options = {**options, found.chosen.option.slug: found.chosen.option}
    made = payload(people, forecasts(people, options, weeks=request.weeks, progress=tell))
    if found is not None:
        made["optimised"] = found.as_dict()
    if request.explain:
        made["explanation"] = explain(record, seed=request.seed, progress=tell).as_dict()
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
    """A plan as a browser keeps it: an option of the record, one typed or one found, with steps that were moved.

    Attributes
    ----------
    slug : str
        Of the option that it is or comes from.
    text : str
        A plan in words; empty for an option of the record.
    moves : tuple of (int, float, int)
        Step, mg, days.
    settings : tuple of (str, object)
        What a search chose; empty for any other plan.
    """

    slug: str
    text: str = ""
    moves: tuple[tuple[int, float, int], ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Variant:
        """Read what `as_dict` wrote."""
        moves = tuple((int(s), float(mg), int(days)) for s, mg, days in data.get("moves", ()))
        settings = tuple((str(name), value) for name, value in data.get("settings", ()))
        return cls(str(data["slug"]), str(data.get("text", "")), moves, settings)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, for the browser's storage."""
        data: dict[str, Any] = {"slug": self.slug, "text": self.text, "moves": [list(move) for move in self.moves]}
        return data | ({"settings": [list(pair) for pair in self.settings]} if self.settings else {})

    @property
    def key(self) -> str:
        """A name of its own among the plans that are compared."""
        return f"{self.slug}-moved" if self.moves else self.slug

    def fits(self, record: Record) -> bool:
        """Tell whether the plan is one of this record: what a search found holds for the dose that it was found at."""
        from abate.planner.options import candidates
        from abate.planner.search import fits

        if self.settings:
            return fits(record, dict(self.settings))
        return bool(self.text) or self.slug in candidates(record)

    def option(self, record: Record) -> Option:
        """Return the option.

        Raises
        ------
        InputError
            If there is none of that name, the text is not understood, or a step does not exist.
        """
        from abate.planner.options import choose, option_from_text
        from abate.planner.search import option_of

        if self.settings:
            if not self.fits(record):
                raise InputError("plan", "the dose has changed since this plan was found", hint="search again")
            found = option_of(record, dict(self.settings))
        else:
            found = option_from_text(record, self.text) if self.text else choose(record, [self.slug])[self.slug]
        for step, mg, days in self.moves:
            found = found.moved(step, mg=mg, days=days)
        return replace(found, slug=self.key)


@dataclass
class Desk:
    """What has been worked out for one browser's patient; another record has a desk of its own.

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
    found: Optimum | None = None

    def on(self, record: Record) -> Desk:
        """Return the desk of a record: this one where it is its, else an empty one."""
        from abate.planner.record import record_text

        text = record_text(record)
        return self if text == self.written else Desk(text)

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
            people = people_like(record, PEOPLE, progress=lambda done: tell(share * done))
            self.people = self.people or people  # another job of this desk may have made them meanwhile
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

        if self.few is None:
            self.work(record, (), lambda share: None)
        assert self.few is not None
        if variant not in self.forecasts:
            self.forecasts[variant] = forecast(self.few, variant.option(record))
            self.rough.add(variant)

    def search(
        self, record: Record, risk: float | None, may: list[str] | None, trials: int, tell: Callable[[float], None]
    ) -> None:
        """Search for the least prednisone at a flare risk, in some of the people."""
        from abate.planner.optimise import optimise
        from abate.planner.options import reference_of
        from abate.planner.people import fewer

        share = 0.3 if self.people is None else 0.0
        self.work(record, (), lambda done: tell(share * done))
        assert self.people is not None
        people = fewer(self.people, SEARCHED)
        self.found = optimise(people, reference_of(record), risk, antibodies=may, trials=trials,
                              progress=lambda done: tell(share + (1 - share) * done))  # fmt: skip

    def search_result(self) -> dict[str, Any] | None:
        """Return what results.json holds of the last search, as plain data; None before any."""
        from abate.ground.results import dumps

        return None if self.found is None else json.loads(dumps(self.found.as_dict()))

    def plan(self, variants: Iterable[Variant]) -> dict[str, Any]:
        """Return results.json's content for these plans, as plain data."""
        from abate.ground.results import dumps
        from abate.planner.plan import payload

        assert self.people is not None
        made = payload(self.people, {variant.key: self.forecasts[variant] for variant in variants})
        plain: dict[str, Any] = json.loads(dumps({**made, "seed": 1}))
        return plain
