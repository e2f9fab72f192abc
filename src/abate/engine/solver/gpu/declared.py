"""What the module of a kernel defines before the text of `thread`, for those who read and check that text."""

from __future__ import annotations

from typing import Any

STATES: int
OUTPUTS: int
WORK: int
"""Numbers of scratch memory, enough for a step and for the outputs."""
NUMBER: Any
"""Type of people's numbers: float64 or float32."""


def prepare(p: Any, q: Any) -> None:
    """Recompute what depends on parameters alone."""
    raise NotImplementedError


def rates(time: Any, y: Any, p: Any, q: Any, out: Any) -> None:
    """Time derivatives of the states."""
    raise NotImplementedError


def observe(time: Any, y: Any, p: Any, q: Any, out: Any, stride: Any) -> None:
    """Outputs, ``stride`` numbers apart."""
    raise NotImplementedError


def step(
    time: Any, h: Any, y: Any, p: Any, q: Any, weight: Any, alive: Any, rtol: Any, new: Any, errors: Any, work: Any
) -> Any:
    """One step to ``new``; its error in units of what is allowed."""
    raise NotImplementedError
