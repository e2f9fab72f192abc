"""Reading a regimen as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from abate.ground.errors import InputError, UnitError
from abate.ground.files import did_you_mean
from abate.science.regimen.drugs import ROUTES, clock_hours, drug
from abate.science.regimen.value import Regimen, Span, Unit

__all__ = ["UNITS", "parse"]

UNITS = ("mg", "ug", "g", "mg/kg", "ug/kg", "g/kg")
_SAME = {"mcg": "ug", "µg": "ug", "μg": "ug", "milligram": "mg", "milligrams": "mg", "gram": "g", "grams": "g"}
_NUMBER = r"\d+(?:\.\d+)?"
_AMOUNT = re.compile(rf"({_NUMBER}(?:\s*/\s*{_NUMBER})*)\s*")
_UNIT = re.compile(r"([a-zµμ]+(?:/kg)?)(?![\w/])")
_TIME_UNITS: dict[str, Unit] = {
    "minute": "min", "min": "min", "hour": "h", "h": "h", "day": "day", "d": "day", "week": "week", "wk": "week",
    "dose": "dose", "injection": "dose", "infusion": "dose",
}  # fmt: skip
_SHORT = {
    "weekly": (1, "week"), "qw": (1, "week"), "fortnightly": (2, "week"), "daily": (1, "day"), "qd": (1, "day"),
    "once a day": (1, "day"), "once daily": (1, "day"), "twice a day": (12, "h"), "bid": (12, "h"),
    "every other day": (2, "day"), "every second day": (2, "day"), "once a week": (1, "week"),
}  # fmt: skip
_WORDS = (
    "every",
    "once",
    "weekly",
    "daily",
    "over",
    "at most",
    "for",
    "from week",
    "from day",
    "alternate days",
    "sc",
    "iv",
)


def parse(text: str, *, drug_name: str | None = None, where: str = "regimen") -> Regimen:
    """Read a regimen.

    Parameters
    ----------
    text : str
        ``[DRUG] AMOUNT UNIT [ROUTE] [over TIME] SCHEDULE [at HH:MM] [, at most N mg] [from week|day N] [for TIME]``.
        The schedule is ``every week``, ``every 4 weeks``, ``every morning``, ``every 12 h``, ``alternate days``,
        ``once`` or a short form (``weekly``, ``qw``, ``q2w``, ``daily``, ``twice a day``). Two amounts with a slash
        are taken in turn. ``from week 4`` is day 28, as visits are counted.
    drug_name : str, optional
        The drug where the text names none.
    where : str
        File and key, named in errors.

    Returns
    -------
    Regimen
        Whose ``str`` is the text in its canonical spelling.

    Raises
    ------
    UnitError
        If the unit is missing, unknown or given twice.
    InputError
        If the drug is unknown, an amount negative, a part unknown or given twice.

    Examples
    --------
    >>> str(parse("162 mg subcutaneously weekly"))
    '162 mg sc every week'
    >>> str(parse("10/7.5 mg alternate days"))
    '10/7.5 mg alternate days'
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(where, "the regimen is empty", value=text, allowed="such as '162 mg sc every week'")
    reader = _Reader(text, where, " ".join(text.casefold().split()))
    reader.drug()
    reader.amount()
    while reader.rest:
        reader.clause()
    return reader.regimen(drug_name)


@dataclass
class _Reader:
    """Reads from the left; what was read is in `parts`."""

    text: str
    where: str
    rest: str
    parts: dict[str, Any] = field(default_factory=dict)

    def refuse(self, problem: str, **details: Any) -> NoReturn:
        raise InputError(self.where, problem, **{"value": self.text, **details})

    def take(self, pattern: str) -> re.Match[str] | None:
        found = re.match(rf"(?:{pattern})(?![\w.])", self.rest)
        if found:
            self.rest = self.rest[found.end() :].lstrip(" ,;")
        return found

    def put(self, key: str, value: object, name: str) -> None:
        if key in self.parts:
            self.refuse(f"{name} is given twice", hint="keep one")
        self.parts[key] = value

    def drug(self) -> None:
        words = re.match(r"[^\d+-]*(?:-[^\d+-]+)*", self.rest)
        name = words.group().strip(" ,:") if words else ""
        if name:
            self.parts["drug"] = drug(name, where=self.where).name
            self.rest = self.rest[words.end() :] if words else self.rest

    def amount(self) -> None:
        if self.rest.startswith("-"):
            self.refuse("a dose cannot be negative", allowed="0 or more")
        if re.match(r"\d+,\d", self.rest):
            self.refuse("a decimal comma is not understood", hint="write 7.5, not 7,5")
        found = _AMOUNT.match(self.rest)
        if not found:
            self.refuse("there is no amount", allowed="a number and a unit, such as 162 mg")
        self.parts["amounts"] = tuple(float(n) for n in found.group(1).split("/"))
        self.rest = self.rest[found.end() :]
        unit = self._unit()
        if unit is None:
            raise UnitError(
                self.where, "the unit is missing", value=self.text, allowed=UNITS, hint="write it after the number"
            )
        if self._unit() is not None:
            raise UnitError(self.where, "the unit is given twice", value=self.text, allowed=UNITS, hint="keep one")
        self.parts["unit"] = unit

    def _unit(self) -> str | None:
        found = _UNIT.match(self.rest)
        if not found:
            return None
        word, kg, _ = found.group(1).partition("/kg")
        unit = _SAME.get(word, word) + kg
        if unit in UNITS:
            self.rest = self.rest[found.end() :].lstrip(" ,;")
            return unit
        if word in ("ml", "l", "iu", "u", "unit", "units", "tablet", "tablets", "mmol", "nmol", "ng", "kg"):
            raise UnitError(self.where, "a dose has no such unit here", value=found.group(1), allowed=UNITS)
        return None

    def clause(self) -> None:
        for read in (self._route, self._schedule, self._over, self._cap, self._lasting, self._start, self._clock):
            if read():
                return
        word = self.rest.split(" ")[0]
        if re.match(r"-?\d", word):
            self.refuse("a number stands where none is expected", value=self.rest)
        hint = did_you_mean(word, _WORDS)
        self.refuse("this part is not understood", value=self.rest, allowed=", ".join(_WORDS), hint=hint)

    def _route(self) -> bool:
        for route, names in ROUTES.items():
            if self.take("|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))):
                self.put("route", route, "the route")
                return True
        return False

    def _schedule(self) -> bool:
        every: Span | None
        if found := self.take("|".join(sorted(_SHORT, key=len, reverse=True))):
            count, unit = _SHORT[found.group()]
            every = Span(count, _TIME_UNITS[unit])
        elif found := self.take(r"q(\d+)w"):
            every = Span(float(found.group(1)), "week")
        elif found := self.take(rf"every ({'|'.join(clock_hours())})"):
            every = Span(1, "day")
            self.put("clock", found.group(1), "the time of day")
        elif found := self.take(rf"every (?:({_NUMBER}) )?(\w+)"):
            every = self._span(found.group(1) or "1", found.group(2))
            if every.unit == "dose":
                self.refuse("the schedule needs a time", value=found.group(), allowed="every N days, weeks or h")
        elif self.take("alternate days|on alternate days|alternating days"):
            every = Span(1 if len(self.parts["amounts"]) > 1 else 2, "day")
        elif self.take("once|as a single dose"):
            every = None
        else:
            return False
        if every is not None and every.count <= 0:
            self.refuse("the time between doses must be above 0", value=str(every))
        self.put("every", every, "the schedule")
        return True

    def _over(self) -> bool:
        found = self.take(rf"over ({_NUMBER}) ?(\w+)")
        if found:
            self.put("over", self._span(found.group(1), found.group(2)), "the duration of the infusion")
        return bool(found)

    def _cap(self) -> bool:
        found = self.take(rf"(?:at most|max|maximum|not more than|up to) ({_NUMBER}) ?([\w/]*)")
        if not found:
            return False
        unit = _SAME.get(found.group(2), found.group(2))
        if not unit:
            raise UnitError(self.where, "the unit is missing", value=found.group(), allowed=("mg",))
        if unit != "mg":
            raise UnitError(self.where, "a largest dose is in mg", value=unit, allowed=("mg",))
        self.put("at_most", float(found.group(1)), "the largest dose")
        return True

    def _lasting(self) -> bool:
        found = self.take(rf"for ({_NUMBER}) ?(\w+)")
        if found:
            self.put("lasting", self._span(found.group(1), found.group(2)), "the duration")
        return bool(found)

    def _start(self) -> bool:
        found = self.take(rf"from (week|day) ({_NUMBER})")
        if found:
            self.put("start", float(found.group(2)) * (7 if found.group(1) == "week" else 1), "the start")
        return bool(found)

    def _clock(self) -> bool:
        found = self.take(r"at (\d{1,2}):(\d{2})")
        if not found:
            return False
        hours, minutes = int(found.group(1)), int(found.group(2))
        if hours > 23 or minutes > 59:
            self.refuse("there is no such time of day", value=found.group(), allowed="00:00 to 23:59")
        self.put("clock", f"{hours:02d}:{minutes:02d}", "the time of day")
        return True

    def _span(self, count: str, word: str) -> Span:
        unit = _TIME_UNITS.get(word) or _TIME_UNITS.get(word.removesuffix("s"))
        if unit is None:
            hint = did_you_mean(word, _TIME_UNITS)
            raise UnitError(
                self.where, "this is not a length of time", value=word, allowed="min, h, days, weeks", hint=hint
            )
        return Span(float(count), unit)

    def regimen(self, drug_name: str | None) -> Regimen:
        parts = self.parts
        if "every" not in parts:
            self.refuse("it does not say how often", allowed="every week, every 4 weeks, every morning, once")
        for key, units in (("over", ("h", "min")), ("lasting", ("day", "week", "dose"))):
            if key in parts and parts[key].unit not in units:
                raise UnitError(self.where, "the unit does not fit here", value=str(parts[key]), allowed=units)
        if drug_name is not None:
            parts.setdefault("drug", drug(drug_name, where=self.where).name)
        if "over" in parts and parts.get("route") not in ("iv", None):
            self.refuse("only an infusion lasts", value=self.text, hint="write iv, or leave the duration out")
        try:
            return Regimen(**parts)
        except InputError as error:
            raise InputError(self.where, error.problem, value=error.value, allowed=error.allowed) from error
