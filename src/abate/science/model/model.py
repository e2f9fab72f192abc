"""A model as a frozen value: equations over named symbols, numbers with sources, doses, inputs, outputs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import sympy

from abate.ground.errors import InputError
from abate.ground.files import did_you_mean
from abate.ground.quantity import Grade
from abate.science.model.equations import ScheduledDose, Species

__all__ = ["Covariate", "DoseTarget", "Input", "Model", "Output", "Parameter", "Residual"]

Distribution = Literal["none", "lognormal", "logitnormal", "normal"]


@dataclass(frozen=True)
class Parameter:
    """A number that is constant in time, one value a person.

    Attributes
    ----------
    name : str
        As it stands in the equations (``tocilizumab_CL``); people also write ``tocilizumab.CL``.
    value : float
        Typical value: the median of people at the reference covariates, in `unit`.
    unit : str
        As pint reads it; ``dimensionless`` where there is none, ``""`` where a user's file says nothing.
    source : str
        Reference, or how the number was derived, calibrated or assumed.
    grade : str
        ``verified``, ``derived``, ``calibrated``, ``assumed`` or ``unverified``.
    label : str
        What it is, in a few words.
    distribution : {'none', 'lognormal', 'logitnormal', 'normal'}
        How people differ.
    spread : float
        Standard deviation of the random effect: of the logarithm, of the logit, or in `unit`.
    covariates : sympy.Expr or None
        Factor on the typical value, a function of covariates; 1 at the reference.
    """

    name: str
    value: float
    unit: str = ""
    source: str = ""
    grade: Grade = "assumed"
    label: str = ""
    distribution: Distribution = "none"
    spread: float = 0.0
    covariates: sympy.Expr | None = None


@dataclass(frozen=True)
class Covariate:
    """Something measured about a person on which parameters depend.

    Attributes
    ----------
    name, unit, label : str
        ``bsa`` in ``m**2``; 0-1 covariates are ``dimensionless``.
    reference : float
        Where the typical values hold.
    source : str
        Who says so.
    """

    name: str
    reference: float
    unit: str
    label: str = ""
    source: str = ""


@dataclass(frozen=True)
class Input:
    """A per-person value that is constant between events and is set from outside.

    Attributes
    ----------
    name, unit, label : str
        ``z``, ``dimensionless``, ``weekly noise``.
    value : float
        Before anything sets it.
    kind : {'constant', 'infusion', 'ornstein-uhlenbeck', 'episodes'}
        Who sets it: nobody unless asked, a dose, the ensemble's weekly draws, or a trial's draws of rare episodes.
    sd, time_constant : str or None
        For Ornstein-Uhlenbeck noise, the names of the parameters that hold its stationary standard deviation and its
        correlation time (days).
    rate, size : str or None
        For episodes, the names of the parameters that hold how often they come (a day) and their mean size.
    every : float
        For Ornstein-Uhlenbeck noise, how long a draw holds; for episodes, how long one lasts (days).
    """

    name: str
    unit: str = "dimensionless"
    value: float = 0.0
    kind: Literal["constant", "infusion", "ornstein-uhlenbeck", "episodes"] = "constant"
    label: str = ""
    sd: str | None = None
    time_constant: str | None = None
    rate: str | None = None
    size: str | None = None
    every: float = 0.0


@dataclass(frozen=True)
class DoseTarget:
    """Where a dose of a drug by a route goes.

    Attributes
    ----------
    state : str
        The state that receives the amount.
    bioavailability : str or None
        Name of the parameter that the amount is multiplied with.
    unit : str
        Unit of the amount.
    rate_input : str or None
        For an infusion, the input that holds its rate while it runs (`unit` per day).
    lag : float
        Days between taking and the start of absorption.
    """

    state: str
    bioavailability: str | None = None
    unit: str = "mg"
    rate_input: str | None = None
    lag: float = 0.0


@dataclass(frozen=True)
class Residual:
    """How a measurement differs from the truth: ``truth*exp(sd_log*n1)*(1 + proportional*n2) + additive*n3``."""

    proportional: float = 0.0
    additive: float = 0.0
    sd_log: float = 0.0


@dataclass(frozen=True)
class Output:
    """A name worth recording.

    Attributes
    ----------
    name, unit, label : str
        A state or an assignment.
    residual : Residual
        Measurement error where the sources give one.
    """

    name: str
    unit: str = ""
    label: str = ""
    residual: Residual = field(default_factory=Residual)


@dataclass(frozen=True)
class Model:
    """Everything about a model that a solver, a population and a regimen need.

    Attributes
    ----------
    name : str
        Entry of the library with its set of numbers (``il6_blockade/gca``), or the user's file.
    states : tuple of str
        In a fixed order.
    rates : dict of state to sympy.Expr
        Per day for models of the library, else per `time_unit`.
    assignments : dict of name to sympy.Expr
        In dependency order, of states, parameters, inputs, earlier assignments and ``time``.
    parameters : dict of name to Parameter
    inputs : dict of name to Input
    initial : dict of state to sympy.Expr
        Of parameters and inputs.
    doses : dict of (drug, route) to DoseTarget
    outputs : dict of name to Output
    covariates : dict of name to Covariate
    correlations : dict of (name, name) to float
        Of the random effects of two parameters.
    observation : dict of name to Parameter
        Numbers about how the disease is observed, outside the equations (a flare threshold, drop-out).
    scheduled : tuple of ScheduledDose
        Doses that a user's file brings with it.
    units : dict of name to str
        Of states and assignments.
    labels : dict of name to str
    time_unit : str
    modules : tuple of str
        Prefixes that may be written with a point: ``tocilizumab.CL``.
    species : dict of name to Species
        How each species of a user's SBML file is read as an amount and as a concentration.
    warnings : tuple of str
        What a reader of a user's model should know.
    quasi_steady : tuple of str
        States so fast that a solver may, when asked, take them to be where their rate is zero.
    """

    name: str
    states: tuple[str, ...]
    rates: Mapping[str, sympy.Expr]
    assignments: Mapping[str, sympy.Expr]
    parameters: Mapping[str, Parameter]
    inputs: Mapping[str, Input]
    initial: Mapping[str, sympy.Expr]
    doses: Mapping[tuple[str, str], DoseTarget] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    covariates: Mapping[str, Covariate] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    observation: Mapping[str, Parameter] = field(default_factory=dict)
    scheduled: tuple[ScheduledDose, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    time_unit: str = "day"
    modules: tuple[str, ...] = ()
    species: Mapping[str, Species] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    title: str = ""
    quasi_steady: tuple[str, ...] = ()

    def __repr__(self) -> str:
        doses = ", ".join(f"{drug} {route}" for drug, route in self.doses)
        sizes = f"{len(self.states)} states, {len(self.parameters)} parameters, {len(self.outputs)} outputs"
        return f"Model({self.name!r}, {sizes}; doses: {doses or 'none'})"

    @property
    def hash(self) -> str:
        """Content hash: equal for equal equations, numbers, doses, inputs and outputs, on any machine."""
        parts: list[str] = [repr(self.states), repr(self.scheduled), self.time_unit]
        for table in (self.rates, self.assignments, self.initial):
            parts += [f"{name}={sympy.srepr(expression)}" for name, expression in table.items()]
        for group in (self.parameters, self.observation, self.inputs, self.doses, self.outputs, self.covariates):
            parts += [f"{key}={value!r}" for key, value in group.items()]
        parts += [f"{pair}={rho!r}" for pair, rho in self.correlations.items()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def resolve(self, name: str) -> str:
        """Return the name of a parameter, observation number or input as the model has it.

        Parameters
        ----------
        name : str
            ``tocilizumab.CL``, ``tocilizumab_CL``, or ``CL`` where only one module has it; in a user's file also the
            name that the file shows to people.

        Raises
        ------
        InputError
            If nothing or more than one thing is called so; names the nearest.
        """
        known = [*self.parameters, *self.observation, *self.inputs]
        flat = name.replace(".", "_")
        if flat in known:
            return flat
        shown = [k for k, p in self.parameters.items() if not self.modules and p.label == name]
        if len(shown) == 1:
            return shown[0]
        endings = [k for k in known for m in self.modules if k == f"{m}_{flat}"]
        if len(endings) == 1:
            return endings[0]
        spelled = [self.spell(k) for k in known]
        if endings:
            raise InputError(
                self.name, "more than one parameter is called so", value=name, allowed=[self.spell(e) for e in endings]
            )
        hint = did_you_mean(name, spelled) or did_you_mean(name, [k.rpartition(".")[2] for k in spelled])
        raise InputError(
            self.name, "there is no such parameter", value=name, hint=hint or "see: abate library " + self.name
        )

    def spell(self, name: str) -> str:
        """Return a parameter's name the way people write it: ``tocilizumab.CL``."""
        for module in self.modules:
            if name.startswith(f"{module}_"):
                return f"{module}.{name.removeprefix(f'{module}_')}"
        return name

    def with_values(self, values: Mapping[str, float]) -> Model:
        """Return the model with other typical values (names as `resolve` takes them), in the parameters' own units.

        Examples
        --------
        >>> from abate.science.model import load
        >>> load("tocilizumab/ra").with_values({"CL": 0.25}).parameters["CL"].value
        0.25
        """
        parameters, inputs, observation = dict(self.parameters), dict(self.inputs), dict(self.observation)
        for name, value in values.items():
            key = self.resolve(name)
            if key in parameters:
                parameters[key] = replace(parameters[key], value=float(value))
            elif key in observation:
                observation[key] = replace(observation[key], value=float(value))
            else:
                inputs[key] = replace(inputs[key], value=float(value))
        return replace(self, parameters=parameters, inputs=inputs, observation=observation)
