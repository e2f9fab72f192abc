"""results.json: one shape for every estimate, one way to write it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abate.ground.files import write_atomically

__all__ = ["Estimate", "dumps", "slug", "write_results"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its interval.

    Parameters
    ----------
    estimate, low, high : float
        Point and interval; NaN (written ``null``) where none exists.
    level : float
        Coverage of the interval, 0-1.
    n : int
        How many people stand behind it.
    method : str
        Name of the estimator and of the interval.
    events : int, optional
        For a proportion, its numerator.

    Examples
    --------
    >>> Estimate(0.5, 0.12, 0.88, 0.95, 6, "Clopper-Pearson", events=3).as_dict()["events"]
    3
    """

    estimate: float
    low: float
    high: float
    level: float
    n: int
    method: str
    events: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the dictionary that results.json holds."""
        fields = ("estimate", "low", "high", "level", "n", "method")
        row: dict[str, Any] = {name: getattr(self, name) for name in fields}
        if self.events is not None:
            row["events"] = self.events
        return row


def slug(name: str) -> str:
    """Turn a name into a slug.

    Examples
    --------
    >>> slug("Sustained remission (week 52)")
    'sustained-remission-week-52'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def dumps(payload: Mapping[str, Any], *, indent: int | None = 1) -> str:
    """Write a payload as strict JSON: NaN and infinity become null, arrays lists, estimates dictionaries."""
    return json.dumps(_plain(payload), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def write_results(directory: str | Path, kind: str, seed: int | None, payload: Mapping[str, Any]) -> Path:
    """Write ``results.json`` into a directory and return its path."""
    from abate.ground.version import __version__

    path = Path(directory) / "results.json"
    write_atomically(path, dumps({"abate": __version__, "kind": kind, "seed": seed, **payload}))
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return _plain(value.as_dict())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        return value.name
    return value
