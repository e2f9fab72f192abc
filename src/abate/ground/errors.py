"""One exception tree.

::

    AbateError                 everything this package raises on purpose
    +-- InputError             the user's file, option or value is wrong            exit code 2
    |   +-- UnitError          a unit is missing, unknown or of the wrong dimension exit code 2
    +-- MissingExtra           an optional part is not installed                    exit code 2
    +-- SolveError             equations could not be solved as asked               exit code 3
    +-- StorageError           the disk said no; what was finished is kept          exit code 4

Every message is one line: where, what was found, what is allowed, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["AbateError", "InputError", "MissingExtra", "SolveError", "StorageError", "UnitError"]


class AbateError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 1


class InputError(AbateError):
    """Something the user gave is wrong.

    Parameters
    ----------
    where : str
        File and row, line or key (``taper.yaml, line 4, steps[2].mg``), or the option.
    problem : str
        What is wrong, as a short clause.
    value : object, optional
        The offending value; shown with ``repr``.
    allowed : str or iterable of str, optional
        What would have been accepted.
    hint : str, optional
        What to do.

    Examples
    --------
    >>> str(InputError("taper.yaml, line 4, mg", "the dose is negative", value=-5, allowed="0 or more mg"))
    'taper.yaml, line 4, mg: the dose is negative: -5; allowed: 0 or more mg'
    """

    exit_code = 2
    _missing = object()

    def __init__(
        self,
        where: str,
        problem: str,
        *,
        value: object = _missing,
        allowed: str | Iterable[str] | None = None,
        hint: str | None = None,
    ) -> None:
        self.where, self.problem, self.value, self.hint = where, problem, value, hint
        self.allowed = allowed if isinstance(allowed, str) or allowed is None else ", ".join(allowed)
        text = f"{where}: {problem}" if where else problem
        if value is not InputError._missing:
            text += f": {value!r}"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if hint:
            text += f"; {hint}"
        super().__init__(" ".join(text.split()))


class UnitError(InputError):
    """A unit is missing, unknown, given twice or of the wrong dimension."""


class MissingExtra(AbateError):
    """An optional part is not installed.

    Examples
    --------
    >>> str(MissingExtra("expression", "pydeseq2"))
    "pydeseq2 is not installed; it comes with: pip install 'abate[expression]'"
    """

    exit_code = 2

    def __init__(self, extra: str, package: str) -> None:
        self.extra, self.package = extra, package
        super().__init__(f"{package} is not installed; it comes with: pip install 'abate[{extra}]'")


class SolveError(AbateError):
    """Equations could not be solved as asked."""

    exit_code = 3


class StorageError(AbateError):
    """The disk refused; what was finished stays whole."""

    exit_code = 4
