"""What people see, a page a file. `register` must be called once before the server starts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from abate.web.pages import frame

__all__ = ["register"]

_PAGES = (
    "home",
    "patient",
    "compare",
    "explanation",
    "calendar",
    "lab",
    "small_study",
    "library",
    "policies",
    "interface",
    "run_files",
)


def register(home: Path) -> None:
    """Put every page at its address; each browser's data goes into a folder below `home`."""
    frame.settle(home)
    for name in _PAGES:
        import_module(f"abate.web.pages.{name}")
