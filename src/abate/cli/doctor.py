"""``abate doctor``: versions, devices, caches, judges found."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from abate.cli.output import Out, emit
from abate.ground.version import __version__

__all__ = ["doctor"]

CORE = ("numpy", "scipy", "sympy", "numba", "antimony", "python-libsbml", "pandas", "pyarrow", "xarray", "zarr")
# extra -> (what is imported, what it is for)
EXTRAS = {
    "expression": ("pydeseq2", "gene expression"),
    "expression-limma": ("inmoose", "limma as a second opinion"),
    "expression-sets": ("decoupler", "more tests of gene sets"),
    "readers": ("pyreadstat", "SPSS, SAS, Stata and Excel files"),
    "fit": ("arviz", "diagnostics of fits"),
    "petab": ("petab", "PEtab problems"),
    "pdf": ("typst", "reports as PDF"),
    "figures": ("kaleido", "figures as SVG and PNG"),
    "clinic": ("icalendar", "calendar and FHIR"),
    "planner": ("optuna", "search for a taper"),
    "sensitivity": ("SALib", "global sensitivity"),
    "cluster": ("distributed", "more than one machine"),
    "web": ("nicegui", "the local web app"),
    "big": ("duckdb", "Studies larger than memory"),
    "gpu": ("numba_cuda", "GPU"),
}


def doctor(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, out: Out = None) -> None:
    """Print versions, devices, caches and judges found."""
    facts: dict[str, Any] = {
        "abate": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "packages": {name: metadata.version(name) for name in CORE},
        "extras": {extra: find_spec(module) is not None for extra, (module, _) in EXTRAS.items()},
        "judges": _judges(),
        "chromium": _browser(),
    }
    emit(facts, kind="doctor", seed=None, json_=json_, out=out, show=_show)


def _judges() -> str | None:
    folder = Path(os.environ.get("ABATE_JUDGES", "../shared/judges"))
    return folder.name if folder.is_dir() else None


def _browser() -> bool:
    from shutil import which

    return any(which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


def _show(facts: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    console.print(f"abate {facts['abate']}, Python {facts['python']}, {facts['machine']}", highlight=False)
    console.print("  " + ", ".join(f"{name} {version}" for name, version in facts["packages"].items()), highlight=False)
    for extra, there in facts["extras"].items():
        what = EXTRAS[extra][1]
        state = "there" if there else f"not installed: pip install 'abate[{extra}]'"
        console.print(f"  {extra:<12} {what:<34} {state}", highlight=False, markup=False)
    console.print(f"  judges' folder: {facts['judges'] or 'not found (set ABATE_JUDGES)'}", highlight=False)
    console.print(f"  Chromium: {'there' if facts['chromium'] else 'not found'}", highlight=False)
