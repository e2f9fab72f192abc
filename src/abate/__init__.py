"""abate: treatment that blocks the interleukin-6 receptor, simulated, analysed and planned.

>>> import abate as ab
>>> ab.taper("giacta-26").total(40)
1862.0
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from abate.api import Analysis, Trial, model, policy, regimen, simulate_counts, study, taper, trial
from abate.ground.version import __version__

__all__ = [
    "Analysis",
    "Trial",
    "__version__",
    "model",
    "policy",
    "regimen",
    "simulate_counts",
    "study",
    "taper",
    "trial",
]


class _Room(ModuleType):
    """A room that bears the name of a verb, and is called like it."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(import_module("abate.api"), self.__name__.rpartition(".")[2])(*arguments, **options)


class _Package(ModuleType):
    """Importing the room ``abate.trial`` sets that name on the package, where the verb stood: keep it callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
