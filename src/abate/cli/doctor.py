"""``abate doctor``: versions, devices, caches, judges found."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from abate.cli.output import Out, emit
from abate.ground.extras import EXTRAS, there
from abate.ground.version import __version__

__all__ = ["doctor"]

CORE = ("numpy", "scipy", "sympy", "numba", "antimony", "python-libsbml", "pandas", "pyarrow", "xarray", "zarr")


def doctor(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, out: Out = None) -> None:
    """Print versions, devices, caches and judges found."""
    facts: dict[str, Any] = {
        "abate": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "packages": {name: metadata.version(name) for name in CORE},
        "extras": {extra: there(extra) for extra in EXTRAS},
        "card": _card(),
        "cache": _cache(),
        "judges": _judges(),
        "chromium": _browser(),
    }
    emit(facts, kind="doctor", seed=None, json_=json_, out=out, show=_show)


def _card() -> str | None:
    from abate.ground.errors import AbateError

    if not there("gpu"):
        return None
    from abate.engine.solver.gpu.card import check_card

    try:
        return check_card()
    except AbateError:
        return None


def _cache() -> dict[str, Any]:
    """Where compiled kernels are kept, how many there are and what they take."""
    from abate.engine.solver.native import cache_directory

    folder = cache_directory()
    files = [file for file in folder.glob("*") if file.is_file()] if folder.is_dir() else []
    return {
        "folder": str(folder),
        "files": len(files),
        "megabytes": round(sum(f.stat().st_size for f in files) / 1e6, 1),
    }


def _judges() -> str | None:
    folder = Path(os.environ.get("ABATE_JUDGES", "../shared/judges"))
    return folder.name if folder.is_dir() else None


def _browser() -> bool:
    from shutil import which

    return any(which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def _show(facts: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()

    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    say(f"abate {facts['abate']}, Python {facts['python']}, {facts['machine']}")
    say("  " + ", ".join(f"{name} {version}" for name, version in facts["packages"].items()))
    for extra, installed in facts["extras"].items():
        state = "there" if installed else f"not installed: pip install 'abate[{extra}]'"
        say(f"  {extra:<22} {EXTRAS[extra].purpose:<40} {state}")
    cache = facts["cache"]
    say(f"  card: {facts['card'] or 'no NVIDIA card answers; the processor computes'}")
    say(f"  cache of compiled models: {cache['folder']} ({cache['files']} files, {cache['megabytes']:g} MB)")
    say(f"  judges' folder: {facts['judges'] or 'not found (set ABATE_JUDGES)'}")
    say(f"  Chromium: {'there' if facts['chromium'] else 'not found'}")
