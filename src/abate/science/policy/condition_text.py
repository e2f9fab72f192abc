"""Reading a condition as people write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn, cast

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.science.policy.action_text import drug_named
from abate.science.policy.conditions import (
    All,
    Always,
    Amount,
    Any,
    Compare,
    Condition,
    Drug,
    Happened,
    Measured,
    Not,
    Operator,
    Quantity,
    Setting,
    Window,
)
from abate.science.regimen.value import Span, Unit

__all__ = ["Vocabulary", "parse_condition"]

_TOKEN = re.compile(r"\s*(>=|<=|>|<|\(|\)|,|\d+(?:\.\d+)?(?![\w^])|10\^\d+/\w+|[^\s()<>=,]+)")
_STOPS = {"and", "or", "until", "at", "for", "since", "over", "within", ")", "(", ">=", "<=", ">", "<", ",", ""}
_TIMES: dict[str, Unit] = {"day": "day", "days": "day", "week": "week", "weeks": "week", "d": "day"}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that a policy's conditions may use: measures it declares, settings, and events it calls."""

    measures: tuple[str, ...]
    settings: tuple[str, ...]
    events: tuple[str, ...]


def parse_condition(text: str, words: Vocabulary, *, where: str = "when") -> Condition:
    """Read a condition.

    Parameters
    ----------
    text : str
        Comparisons (``crp >= 10 mg/L``, ``rise of pmr-as since last visit >= 6.6``, ``dose <= 5 mg``, ``day >= 84``,
        ``time since flare >= 28 days``, ``number of flare >= 2``), with windows (``at 2 consecutive visits``, ``at any
        visit within 28 days``) or hysteresis (``until < 10``); facts (``after remission``, ``never remission``,
        ``on drug``, ``crp measured``, ``always``); joined by ``and``, ``or``, ``not`` and parentheses.
    words : Vocabulary
        The names that may occur.
    where : str
        File, line and key, named in errors.

    Raises
    ------
    InputError
        If a part is not understood or a name is unknown; the nearest name is suggested.

    Examples
    --------
    >>> words = Vocabulary(("pmr-as",), (), ("flare",))
    >>> str(parse_condition("PMR-AS >= 9.35 or rise >= 6.6 since last visit", words))
    'pmr-as >= 9.35 or rise of pmr-as since last visit >= 6.6'
    """
    reader = _Reader(text, _TOKEN.findall(text), words, where)
    if not reader.tokens:
        raise InputError(where, "the condition is empty", hint="write it, as in pmr-as >= 9.35")
    condition = reader.either()
    if reader.at < len(reader.tokens):
        reader.refuse("this part is not understood", reader.peek())
    return condition


@dataclass
class _Reader:
    """Recursive descent over the tokens: or, and, not, comparison."""

    text: str
    tokens: list[str]
    words: Vocabulary
    where: str
    at: int = 0
    last_measure: str = ""

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].casefold() if index < len(self.tokens) else ""

    def take(self, *wanted: str) -> bool:
        found = all(self.peek(i) == word for i, word in enumerate(wanted))
        self.at += len(wanted) if found else 0
        return found

    def need(self, *wanted: str) -> None:
        if not self.take(*wanted):
            self.refuse(f"here should stand {' '.join(wanted)!r}", self.peek() or "the end")

    def refuse(self, problem: str, value: object, *, allowed: str | None = None, hint: str | None = None) -> NoReturn:
        raise InputError(self.where, problem, value=value, allowed=allowed, hint=hint or f"in {self.text!r}")

    def either(self) -> Condition:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def both(self) -> Condition:
        parts = [self.single()]
        while self.take("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def single(self) -> Condition:
        if self.take("not"):
            return Not(self.single())
        if self.take("("):
            inside = self.either()
            self.need(")")
            return inside
        if self.take("always"):
            return Always()
        if self.peek() in ("after", "never"):
            ever = self.take("after") or not self.take("never")
            return Happened(self.name("event", self.words.events), ever)
        if self.peek() in ("on", "off") and self.peek() not in self.words.measures:
            on = self.take("on") or not self.take("off")
            name = drug_named(self.peek(), where=self.where)
            self.at += 1
            return Drug(on, name)
        if self.peek(1) == "measured":
            name = self.name("measure", self.words.measures)
            self.need("measured")
            return Measured(name)
        return self.comparison()

    def name(self, what: str, names: tuple[str, ...]) -> str:
        word = self.peek()
        if word not in names:
            hint = did_you_mean(word, names)
            self.refuse(
                f"there is no such {what} here", word or "the end", allowed=", ".join(names) or "none", hint=hint
            )
        self.at += 1
        return word

    def comparison(self) -> Compare:
        quantity = self.quantity()
        operator, value = self.operator(), self.value()
        if quantity.kind in ("rise", "fall") and not quantity.window:
            quantity = Quantity(quantity.kind, quantity.name, self.since_or_over())
        window = self.window()
        until = None
        if self.take("until"):
            side: Operator | None = "<" if self.take("below") else ">" if self.take("above") else None
            until = (side or self.operator(), self.value())
        return Compare(quantity, operator, value, window, until)

    def quantity(self) -> Quantity:
        for change in ("rise", "fall"):
            if self.take(change):
                if self.take("of"):
                    self.last_measure = self.name("measure", self.words.measures)
                elif not self.last_measure:
                    self.refuse(
                        f"a {change} of what", change, hint=f"write: {change} of crp since last visit >= 10 mg/L"
                    )
                late = self.peek() not in ("since", "over")
                kind: Literal["rise", "fall"] = "rise" if change == "rise" else "fall"
                return Quantity(kind, self.last_measure, "" if late else self.since_or_over())
        if self.take("mean", "of"):
            name = self.name("measure", self.words.measures)
            self.need("over")
            return Quantity("mean", name, self.span())
        if self.take("time", "since"):
            return Quantity("since", self.name("event", self.words.events))
        if self.take("number", "of"):
            return Quantity("count", self.name("event", self.words.events))
        if self.take("dose"):
            return Quantity("dose")
        if self.take("day"):
            return Quantity("day")
        self.last_measure = self.name("measure", (*self.words.measures, "dose", "day"))
        return Quantity("measure", self.last_measure)

    def operator(self) -> Operator:
        word = self.peek()
        if word not in (">=", ">", "<=", "<"):
            self.refuse("here should stand a comparison", word or "the end", allowed=">=, >, <=, <")
        self.at += 1
        return cast(Operator, word)

    def value(self) -> Amount | Setting:
        word = self.peek()
        if not re.fullmatch(r"\d+(?:\.\d+)?", word):
            return Setting(self.name("setting or number", self.words.settings))
        self.at += 1
        if self.peek() in _STOPS:
            return Amount(float(word))
        self.at += 1
        return Amount(float(word), self.tokens[self.at - 1])  # units keep their capitals

    def window(self) -> Window | None:
        if not self.take("at"):
            return None
        for kind in ("any", "every"):
            if self.take(kind):
                self.need("visit", "within")
                return Window("any" if kind == "any" else "every", self.span())
        count = self.peek()
        if not count.isdigit() or int(count) < 2:
            self.refuse("here should stand how many visits", count, allowed="such as: at 2 consecutive visits")
        self.at += 1
        self.need("consecutive", "visits")
        return Window("visits", int(count))

    def since_or_over(self) -> str | Span:
        if self.take("since"):
            if self.take("last", "visit"):
                return "last visit"
            if self.take("start"):
                return "start"
            self.refuse("since when", self.peek() or "the end", allowed="since last visit, since start, over 4 weeks")
        self.need("over")
        return self.span()

    def span(self) -> Span:
        count, unit = self.peek(), self.peek(1)
        if not re.fullmatch(r"\d+(?:\.\d+)?", count) or unit not in _TIMES:
            self.refuse("this is not a length of time", f"{count} {unit}".strip(), allowed="such as 28 days or 4 weeks")
        self.at += 2
        return Span(float(count), _TIMES[unit])
