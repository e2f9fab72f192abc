"""The optional parts: what each is for, which packages it brings, and how one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from abate.ground.errors import MissingExtra

__all__ = ["EXTRAS", "Extra", "need", "optional", "there"]


@dataclass(frozen=True, slots=True)
class Extra:
    """One optional part.

    Attributes
    ----------
    purpose : str
        What it is for, in a few words.
    packages : mapping of str to str
        What is imported, and the name under which it is installed.
    """

    purpose: str
    packages: Mapping[str, str]


EXTRAS: Mapping[str, Extra] = {
    "expression": Extra(
        "gene expression",
        {name: name for name in ("pydeseq2", "formulaic", "anndata", "gseapy")},
    ),
    "expression-transcripts": Extra("counts of salmon and kallisto", {"pytximport": "pytximport"}),
    "expression-limma": Extra("limma as a second opinion", {"inmoose": "inmoose"}),
    "expression-sets": Extra("more tests of gene sets", {"decoupler": "decoupler"}),
    "readers": Extra(
        "Excel, SPSS, SAS, Stata, live REDCap",
        {"openpyxl": "openpyxl", "pyreadstat": "pyreadstat", "redcap": "pycap"},
    ),
    "fit": Extra("sampled posteriors and their diagnostics", {"arviz": "arviz", "emcee": "emcee"}),
    "petab": Extra("PEtab problems", {"petab": "petab"}),
    "pdf": Extra("reports as PDF, figures as PNG", {"typst": "typst"}),
    "clinic": Extra("calendar and FHIR", {"icalendar": "icalendar", "fhir.resources": "fhir.resources"}),
    "planner": Extra("search for a taper", {"optuna": "optuna"}),
    "sensitivity": Extra("global sensitivity", {"SALib": "SALib"}),
    "cluster": Extra("more than one machine", {"distributed": "distributed"}),
    "web": Extra("the local web app", {"nicegui": "nicegui", "babel": "babel"}),
    "big": Extra("Studies larger than memory", {"duckdb": "duckdb"}),
    "gpu": Extra("an NVIDIA card", {"numba_cuda": "numba-cuda"}),
}


def optional(module: str) -> Any:
    """Import a package that comes with an extra, or a module of one.

    Parameters
    ----------
    module : str
        As in an import statement: ``typst``, ``pydeseq2.dds``.

    Raises
    ------
    MissingExtra
        If it cannot be imported; the message names the extra.

    Examples
    --------
    >>> optional("nonsense")
    Traceback (most recent call last):
    ...
    LookupError: no extra brings 'nonsense'
    """
    for extra, one in EXTRAS.items():
        for package, name in one.packages.items():
            if f"{module}.".startswith(f"{package}."):
                try:
                    return import_module(module)
                except ImportError as error:
                    raise MissingExtra(extra, name) from error
    raise LookupError(f"no extra brings {module!r}")


def need(*extras: str) -> None:
    """Refuse at once what could not be finished, before anybody waits for it.

    Raises
    ------
    MissingExtra
        If a package of one of these extras is not installed.

    Examples
    --------
    >>> need()
    """
    for extra in extras:
        for package, name in EXTRAS[extra].packages.items():
            if not _found(package):
                raise MissingExtra(extra, name)


def there(extra: str) -> bool:
    """Tell whether all packages of an extra are installed."""
    return all(_found(package) for package in EXTRAS[extra].packages)


def _found(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):  # the package above it is missing, or was taken out by hand
        return False
