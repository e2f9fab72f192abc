"""Progress of a fit on a terminal: a bar, and the course of the typical values so far; nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

__all__ = ["sparkline", "traced"]

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 12  # marks of a trace
_MOST = 4  # traces on a line that fits a terminal


def sparkline(values: list[float], width: int = _WIDTH) -> str:
    """Draw numbers as a row of bars, from their lowest to their highest.

    Examples
    --------
    >>> sparkline([1.0, 2.0, 3.0, 2.0])
    '▁▄█▄'
    """
    every = max(1, -(-len(values) // width))
    shown = values[::-1][::every][::-1]
    low, high = min(shown), max(shown)
    steps = len(_BARS) - 1
    return "".join(_BARS[int(steps * (v - low) / (high - low)) if high > low else 0] for v in shown)


@contextmanager
def traced(label: str) -> Iterator[Callable[[float, Mapping[str, float]], None]]:
    """Show share done and traces; yields a function of the share, 0-1, and the values by name."""
    if not sys.stderr.isatty():
        yield lambda share, values: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"))
    seen: dict[str, list[float]] = {}
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=1.0)

        def tell(share: float, values: Mapping[str, float]) -> None:
            for name, value in values.items():
                seen.setdefault(name, []).append(value)
            traces = [f"{n} {v[-1]:.4g} {sparkline(v)}" for n, v in list(seen.items())[:_MOST]]
            more = f"  and {len(seen) - _MOST} more" if len(seen) > _MOST else ""
            bar.update(task, completed=share, description=f"{label}\n{'  '.join(traces)}{more}")

        yield tell
