"""Units at the door."""

import pytest

from abate.ground.errors import UnitError
from abate.ground.units import convert


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [(1, "mg/dL", "mg/L", 10), (24, "L/hour", "L/day", 576), (2, "week", "day", 14), (3, "µg/mL", "mg/L", 3)],
)
def test_conversions(value: float, unit: str, to: str, expected: float) -> None:
    # A conversion is a product of two short decimals: a few units in the last place.
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-14)


def test_unknown_and_wrong_units_are_named() -> None:
    with pytest.raises(UnitError, match="not known: 'mgg'"):
        convert(1, "mgg", "mg")
    with pytest.raises(UnitError, match="wrong dimension: 'mg'; allowed: a unit that converts to L/day"):
        convert(1, "mg", "L/day")
