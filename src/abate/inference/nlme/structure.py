"""What is estimated: fixed effects, random effects, covariates and residual error, as one vector of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.inference.nlme.dataset import Dataset
from abate.science.model import Model

__all__ = ["Choices", "CovariateEffect", "Parameters", "Structure"]

Floats = npt.NDArray[np.float64]
ERRORS = ("additive", "proportional", "combined", "exponential")


@dataclass(frozen=True)
class Choices:
    """What the user asked for beyond the model's own numbers.

    Attributes
    ----------
    estimate : tuple of str
        Parameters without a random effect that are estimated too.
    fix : tuple of str
        Parameters held at the model's value, with their random effect switched off.
    no_eta : tuple of str
        Parameters estimated without a random effect.
    covariates : tuple of str
        ``CL~WT`` (linear, centred at the median) or ``CL~log(WT/70)``.
    correlate : tuple of tuple of str
        Blocks of random effects whose correlations are estimated; None takes those that the model has.
    occasions : tuple of str
        Parameters that also vary between a subject's occasions (column OCC).
    error : mapping of output to str
        ``additive``, ``proportional``, ``combined`` or ``exponential``; default from the model's residual.
    """

    estimate: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    no_eta: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    correlate: tuple[tuple[str, ...], ...] | None = None
    error: Mapping[str, str] = field(default_factory=dict)
    occasions: tuple[str, ...] = ()


@dataclass(frozen=True)
class CovariateEffect:
    """A slope of one parameter on one covariate, on the scale of the random effect."""

    parameter: str
    text: str
    values: Floats  # one a subject, centred


@dataclass(frozen=True)
class Parameters:
    """Numbers of a population.

    Attributes
    ----------
    mu : ndarray, shape (q,)
        Typical values on the scale of the random effects (log, logit, or as they are).
    beta : ndarray, shape (covariate effects,)
    omega : ndarray, shape (q, q)
        Covariance of the random effects; 0 for a parameter without one.
    sigma : ndarray, shape (outputs, 2)
        Additive and proportional standard deviation; for exponential error the second is that of the logarithm.
    """

    mu: Floats
    beta: Floats
    omega: Floats
    sigma: Floats


@dataclass(frozen=True)
class Structure:
    """The shape of the problem.

    Attributes
    ----------
    model : Model
    names : tuple of str
        Columns of a person's parameters: those with a random effect, then the random effects of every occasion
        (``CL@1``, ``CL@2``), then those without one.
    between : int
        How many parameters have a random effect between people.
    random : int
        How many columns are random: these, and those of the occasions.
    scales : tuple of str
        ``log``, ``logit`` or ``identity`` of each.
    effects : tuple of CovariateEffect
    block : ndarray of bool, shape (q, q)
        Entries of the covariance that are estimated.
    errors : tuple of str
        Kind of residual error of each output.
    start : Parameters
        From the model.
    occasions : mapping of name to ndarray of int
        Columns of the occasions of a parameter that varies between them.
    present : ndarray of bool, shape (subjects, q)
        Which columns a subject has: not those of occasions that it did not have.
    """

    model: Model
    names: tuple[str, ...]
    between: int
    random: int
    scales: tuple[str, ...]
    effects: tuple[CovariateEffect, ...]
    block: npt.NDArray[np.bool_]
    errors: tuple[str, ...]
    start: Parameters
    occasions: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    present: npt.NDArray[np.bool_] = field(default_factory=lambda: np.ones((0, 0), dtype=bool))

    @property
    def typical(self) -> list[int]:
        """Columns that have a typical value of their own: all but those of occasions, which are around 0."""
        return [*range(self.between), *range(self.random, len(self.names))]

    @property
    def variances(self) -> list[tuple[str, list[int]]]:
        """Estimated variances with their columns: the occasions of a parameter share one."""
        found = [(f"eta.{n}", [j]) for j, n in enumerate(self.names[: self.between])]
        return found + [(f"iov.{n}", columns.tolist()) for n, columns in self.occasions.items()]

    @property
    def exchangeable(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """Columns of a parameter and of its occasions: what one gains and all the others lose changes no prediction."""
        found = [(self.names.index(n), tuple(columns.tolist())) for n, columns in self.occasions.items()]
        return tuple((j, columns) for j, columns in found if j < self.between)

    def natural_of(self, column: int, phi: Floats) -> Floats:
        """Turn values of one column into those of its parameter."""
        return _INVERSE[self.scales[column]](phi)

    def forward(self, column: int, value: float) -> float:
        """Turn a parameter's value into that of its column."""
        return float(_FORWARD[self.scales[column]](value))

    def natural(self, phi: Floats) -> Floats:
        """Turn values on the scale of the random effects, shape (..., q), into parameters."""
        columns = [_INVERSE[scale](phi[..., j]) for j, scale in enumerate(self.scales)]
        return np.stack(columns, axis=-1)

    def centres(self, mu: Floats, beta: Floats, subjects: int) -> Floats:
        """Return each subject's typical values, shape (subjects, q)."""
        centre = np.repeat(mu[None, :], subjects, axis=0)
        for slope, effect in zip(beta, self.effects, strict=True):
            centre[:, self.names.index(effect.parameter)] += slope * effect.values
        return centre


_SCALE = {"lognormal": "log", "logitnormal": "logit", "normal": "identity"}
_INVERSE: dict[str, Callable[[Floats], Floats]] = {
    "log": np.exp,
    "logit": lambda x: 1 / (1 + np.exp(-x)),
    "identity": lambda x: x,
}
_FORWARD: dict[str, Callable[[float], float]] = {
    "log": np.log,
    "logit": lambda x: np.log(x / (1 - x)),
    "identity": lambda x: x,
}


def structure(model: Model, data: Dataset, choices: Choices) -> Structure:
    """Work out what is estimated.

    Raises
    ------
    InputError
        For a name that is unknown, a covariate column that is missing, or nothing to estimate.
    """
    fixed = [_parameter(model, n, "--fix") for n in choices.fix]
    bare = [_parameter(model, n, "--no-eta") for n in choices.no_eta]
    more = [_parameter(model, n, "--estimate") for n in choices.estimate]
    with_eta = [n for n, p in model.parameters.items() if p.spread > 0 and n not in fixed and n not in bare]
    without = [*bare, *(n for n in more if n not in with_eta)]
    if not with_eta:
        raise InputError(model.name, "no parameter varies between people", hint="give one a spread (sd_log = 0.3)")
    every = tuple(dict.fromkeys([*with_eta, *without]))
    over = _over_occasions(model, choices, every, data)
    columns = [f"{n}@{k + 1}" for n in over for k in range(int(data.occasions.max(initial=0)))]
    names = (*with_eta, *columns, *every[len(with_eta) :])
    random = len(with_eta) + len(columns)
    places = {n: np.array([j for j, c in enumerate(names) if c.startswith(f"{n}@")], dtype=np.int64) for n in over}
    scales = tuple("identity" if "@" in n else _scale(model, n) for n in names)
    mu, omega = np.zeros(len(names)), np.zeros((len(names), len(names)))
    for j, (name, scale) in enumerate(zip(names, scales, strict=True)):
        spread = model.parameters[name.partition("@")[0]].spread
        if "@" in name:
            omega[j, j] = spread**2 / 2 if spread > 0 else 0.1
            continue
        mu[j] = float(_FORWARD[scale](model.parameters[name].value))
        omega[j, j] = spread**2 if j < random else 0.0
    present = np.ones((data.subjects, len(names)), dtype=bool)
    for rows in places.values():
        present[:, rows] = np.arange(rows.size) < data.occasions[:, None]
    effects = tuple(_effect(text, model, every, data) for text in choices.covariates)
    errors = tuple(_error(model, name, choices.error) for name in data.outputs)
    return Structure(
        model,
        names,
        len(with_eta),
        random,
        scales,
        effects,
        _blocks(model, names, len(with_eta), random, choices.correlate),
        errors,
        Parameters(mu, np.zeros(len(effects)), omega, _sigma(model, data, errors)),
        places,
        present,
    )


def _over_occasions(model: Model, choices: Choices, names: Sequence[str], data: Dataset) -> list[str]:
    """Return the parameters that vary between occasions."""
    if not choices.occasions:
        return []
    if not data.occasions.any():
        raise InputError("--iov", f"{data.name} has no column", value="OCC", hint="number each subject's occasions")
    if (data.occasions < 2).all():
        raise InputError("--iov", "no subject has more than one occasion", value="OCC", allowed="two or more")
    found = list(dict.fromkeys(_parameter(model, n, "--iov") for n in choices.occasions))
    for name in found:
        if name not in names:
            raise InputError("--iov", "this parameter is not estimated", value=name, allowed=names)
    return found


def _parameter(model: Model, name: str, option: str) -> str:
    key = model.resolve(name)
    if key not in model.parameters:
        raise InputError(option, "this is no parameter", value=name, allowed=model.parameters)
    return key


def _scale(model: Model, name: str) -> str:
    parameter = model.parameters[name]
    if parameter.distribution != "none":
        return _SCALE[parameter.distribution]
    return "log" if parameter.value > 0 else "identity"


def _effect(text: str, model: Model, names: Sequence[str], data: Dataset) -> CovariateEffect:
    match = re.fullmatch(r"\s*([\w.]+)\s*~\s*(?:log\(\s*(\w+)\s*/\s*([\d.]+)\s*\)|(\w+))\s*", text)
    if not match:
        raise InputError("--covariate", "not a covariate effect", value=text, allowed="CL~WT or CL~log(WT/70)")
    parameter = _parameter(model, match[1], "--covariate")
    if parameter not in names:
        raise InputError("--covariate", "this parameter is not estimated", value=match[1], allowed=names)
    column = match[2] or match[4]
    upper = {n.upper(): n for n in data.covariates}
    if column.upper() not in upper:
        raise InputError(
            "--covariate", f"{data.name} has no such column", value=column, allowed=data.covariates,
            hint=did_you_mean(column, data.covariates),
        )  # fmt: skip
    values = data.covariates[upper[column.upper()]]
    if np.isnan(values).any():
        where = f"{data.name}, ID {data.ids[np.isnan(values)][0]:g}"
        raise InputError(where, "the covariate has no value", value=column, hint="give one a subject")
    if upper[column.upper()] in data.varying:
        raise InputError(
            f"{data.name}, ID {data.varying[upper[column.upper()]]:g}", "the covariate varies within a subject",
            value=column, allowed="one value a subject", hint="use its first value, or let --iov take occasions",
        )  # fmt: skip
    if match[2] and not (values > 0).all():
        where = f"{data.name}, ID {data.ids[~(values > 0)][0]:g}"
        raise InputError(where, "a logarithm needs a covariate above 0", value=float(values[~(values > 0)][0]))
    return CovariateEffect(
        parameter, text, np.log(values / float(match[3])) if match[2] else values - np.median(values)
    )


def _blocks(
    model: Model, names: Sequence[str], between: int, random: int, asked: tuple[tuple[str, ...], ...] | None
) -> npt.NDArray[np.bool_]:
    block = np.eye(len(names), dtype=bool)
    block[random:, random:] = False
    groups = [set(pair) for pair in model.correlations] if asked is None else [set(g) for g in asked]
    groups = [{_parameter(model, n, "--correlate") for n in g} for g in groups]
    merged: list[set[str]] = []
    for group in groups:
        touching = [m for m in merged if m & group]
        merged = [m for m in merged if not m & group] + [group.union(*touching)]
    for group in merged:
        rows = [j for j, n in enumerate(names[:between]) if n in group]
        block[np.ix_(rows, rows)] = True
    return block


def _error(model: Model, output: str, asked: Mapping[str, str]) -> str:
    kind = asked.get(output) or asked.get("")
    if kind is not None:
        if kind not in ERRORS:
            raise InputError("--error", "no such error", value=kind, allowed=ERRORS, hint=did_you_mean(kind, ERRORS))
        return kind
    residual = model.outputs[output].residual
    if residual.sd_log:
        return "exponential"
    if residual.additive and residual.proportional:
        return "combined"
    return "additive" if residual.additive else "proportional"


def _sigma(model: Model, data: Dataset, errors: Sequence[str]) -> Floats:
    """Return where the residual error starts: a third of the spread of the data, or a third of each value."""
    sigma = np.zeros((len(errors), 2))
    for k, kind in enumerate(errors):
        values = data.value[data.output == k]
        spread = float(np.std(values)) if values.size > 1 else 1.0
        if kind in ("additive", "combined"):
            sigma[k, 0] = spread / 3 if kind == "additive" else spread / 10
        if kind != "additive":
            sigma[k, 1] = 0.3
        if kind == "exponential" and (values <= 0).any():
            raise InputError(data.name, "exponential error needs values above 0", value=float(values.min()),
                             allowed="--error combined, or limits with CENS")  # fmt: skip
    return sigma
