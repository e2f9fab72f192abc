"""Units of equations: every sum adds like to like, every exponent is a number, every rate is its state per time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy

from abate.ground.errors import UnitError
from abate.ground.units import registry

__all__ = ["Dimensions", "UnitReader", "check_units"]

# Scales are products of decimal factors; a true mismatch is a factor such as 24 or 1000.
_SAME_SCALE = 1e-9


@dataclass(frozen=True)
class Dimensions:
    """A unit as powers of base dimensions and its size in base units."""

    powers: tuple[tuple[str, float], ...] = ()
    scale: float = 1.0

    @staticmethod
    @cache
    def of(unit: str) -> Dimensions:
        """Read a unit as pint does, also one with a factor (``(1e-9*mole)``, as SBML documents define them)."""
        try:
            base = registry().Quantity(registry().parse_expression(unit)).to_base_units()
        except Exception as error:  # pint raises many kinds for words that are no unit
            raise UnitError("units", "the unit is not known", value=unit) from error
        powers = tuple(sorted((str(k), float(v)) for k, v in base.dimensionality.items() if v))
        return Dimensions(powers, float(base.magnitude))

    def times(self, other: Dimensions, power: float = 1.0) -> Dimensions:
        """Return the unit of self * other**power."""
        sums = dict(self.powers)
        for name, value in other.powers:
            sums[name] = sums.get(name, 0.0) + value * power
        kept = tuple(sorted((k, v) for k, v in sums.items() if abs(v) > 1e-12))
        return Dimensions(kept, self.scale * other.scale**power)

    def same(self, other: Dimensions) -> bool:
        """Tell whether two units are the same, size included."""
        return self.powers == other.powers and math.isclose(self.scale, other.scale, rel_tol=_SAME_SCALE)

    def __str__(self) -> str:
        text = " ".join(f"{name}^{power:g}" for name, power in self.powers) or "dimensionless"
        return text if self.scale == 1 else f"{self.scale:.6g} {text}"


_NUMBER = Dimensions()


class UnitReader:
    """Find the unit of expressions from the units of symbols.

    Parameters
    ----------
    units : mapping of name to unit
        Of states, parameters and inputs; a name without one makes what holds it unknown (None), not wrong.
    assignments : mapping of name to expression
        In dependency order; their units follow.
    where : str
        Named in errors.
    """

    def __init__(self, units: Mapping[str, str], assignments: Mapping[str, Any], where: str) -> None:
        self.where = where
        self.known: dict[str, Dimensions | None] = {name: Dimensions.of(unit) for name, unit in units.items() if unit}
        for name, expression in assignments.items():
            found = self.unit(expression, name)
            declared = self.known.get(name)
            if declared is not None and found is not None and not found.same(declared):
                raise self._error(name, f"the formula gives {found}, the unit is {units[name]}")
            self.known[name] = declared or found

    def unit(self, expression: Any, name: str) -> Dimensions | None:
        """Return the unit of an expression, None where it cannot be told.

        Raises
        ------
        UnitError
            Where unlike things are added or compared, or a number is needed and something with a unit stands.
        """
        if expression.is_Symbol:
            return self.known.get(str(expression))
        if expression.is_number:
            return _NUMBER
        if isinstance(expression, sympy.Mul):
            return self._product(expression, name)
        if isinstance(expression, sympy.Pow):
            return self._power(expression, name)
        if isinstance(expression, sympy.Piecewise):
            for _, condition in expression.args:
                self._condition(condition, name)
            return self._alike([value for value, _ in expression.args], name)
        if isinstance(expression, (sympy.Add, sympy.Min, sympy.Max)):
            return self._alike(list(expression.args), name)
        if isinstance(expression, sympy.Abs):
            return self.unit(expression.args[0], name)
        for argument in expression.args:
            self._plain(argument, name)
        return _NUMBER

    def _condition(self, condition: Any, name: str) -> None:
        if isinstance(condition, sympy.core.relational.Relational):
            self._alike([condition.lhs, condition.rhs], name)
        else:
            for argument in getattr(condition, "args", ()):
                self._condition(argument, name)

    def _product(self, expression: Any, name: str) -> Dimensions | None:
        result: Dimensions | None = _NUMBER
        for factor in expression.args:
            unit = self.unit(factor, name)
            result = None if unit is None or result is None else result.times(unit)
        return result

    def _power(self, expression: Any, name: str) -> Dimensions | None:
        base = self.unit(expression.base, name)
        self._plain(expression.exp, name)
        if base is None or base.same(_NUMBER):
            return base
        if not expression.exp.is_number:
            raise self._error(name, f"{expression.base} has the unit {base}, so its power must be a fixed number")
        return _NUMBER.times(base, float(expression.exp))

    def _alike(self, terms: list[Any], name: str) -> Dimensions | None:
        """Return the common unit of terms that are added or compared; a bare 0 fits everything."""
        result: Dimensions | None = None
        for term in terms:
            if term == 0 or term is sympy.oo:
                continue
            unit = self.unit(term, name)
            if unit is not None and result is not None and not unit.same(result):
                raise self._error(name, f"{result} and {unit} are added or compared ({str(term)[:60]})")
            result = result or unit
        return result

    def _plain(self, expression: Any, name: str) -> None:
        unit = self.unit(expression, name)
        if unit is not None and not unit.same(_NUMBER):
            raise self._error(name, f"{str(expression)[:60]} has the unit {unit} where a plain number is needed")

    def _error(self, name: str, problem: str) -> UnitError:
        return UnitError(f"{self.where}, {name}", f"units do not fit: {problem}", hint="convert with a named factor")


def check_units(
    rates: Mapping[str, Any],
    assignments: Mapping[str, Any],
    initial: Mapping[str, Any],
    units: Mapping[str, str],
    *,
    time_unit: str,
    where: str,
) -> None:
    """Check the units of a whole model.

    Parameters
    ----------
    rates, assignments, initial : mapping of name to sympy.Expr
        As in `Model`.
    units : mapping of name to unit
        Of states, parameters, inputs, and of assignments where declared.
    time_unit : str
        Of the model.
    where : str
        Named in errors.

    Raises
    ------
    UnitError
        With the name of the equation and the two units that do not fit.
    """
    reader = UnitReader({**units, "time": time_unit}, assignments, where)
    per_time = _NUMBER.times(Dimensions.of(time_unit), -1.0)
    for state, rate in rates.items():
        own = reader.known.get(state)
        found = reader.unit(rate, state)
        if own is not None and found is not None and rate != 0 and not found.same(own.times(per_time)):
            raise reader._error(state, f"the rate is {found}, the state is {units[state]}")
        start = reader.unit(initial[state], state)
        if own is not None and start is not None and initial[state] != 0 and not _fits(start, own, initial[state]):
            raise reader._error(state, f"it starts as {start}, the state is {units[state]}")


def _fits(start: Dimensions, own: Dimensions, expression: Any) -> bool:
    """A bare number may start anything: it is read in the unit of the state."""
    return start.same(own) or bool(expression.is_number)
