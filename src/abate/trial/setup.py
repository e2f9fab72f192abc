"""What a trial needs before its first person: model, population and policies, looked up, checked and compiled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.engine.ensemble import Ensemble, compile_model
from abate.ground.errors import InputError
from abate.ground.randomness import uniform
from abate.science.model import Model, load
from abate.science.policy import Policy
from abate.science.policy.file import load_policy
from abate.science.population import ParameterSets, Population, load_population, sets
from abate.study.observation import load_clinic
from abate.trial.computing import Computing
from abate.trial.dosing import check_regimens
from abate.trial.protocol import Arm, Trial
from abate.trial.values import model_values

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ARM_STRIDE", "Setup", "prepare"]

ARM_STRIDE = 1 << 40
"""Keys of people in the next arm begin this much further on: arms hold different people unless they are twins."""
RECORDED = (
    "C",
    "il6",
    "crp",
    "esr",
    "D",
    "symptoms",
    "W",
    "morning_cortisol",
    "stimulated_cortisol",
    "A",
    "P",
    "occupancy",
)


@dataclass(frozen=True)
class Setup:
    """Everything that a trial needs, looked up and compiled once."""

    trial: Trial
    model: Model
    population: Population
    ensemble: Ensemble
    policies: dict[str, Policy]
    sets: ParameterSets | None = None
    replicates: Mapping[str, int] | None = None

    def numbers(self, slug: str, persons: npt.NDArray[np.int64]) -> ParameterSets | None:
        """The set of the model's numbers that each person of an arm comes from; None where all share the best one."""
        if self.sets is None:
            return None
        number = persons % ARM_STRIDE
        return self.sets.take(number // (self.replicates[slug] if self.replicates else 1) % self.sets.number)

    def policy(self, arm: Arm) -> Policy:
        """The policy of an arm."""
        return self.policies[arm.policy or self.trial.policy]


def prepare(
    trial: Trial,
    *,
    outputs: tuple[str, ...] = RECORDED,
    seed: int = 1,
    replicates: Mapping[str, int] | None = None,
    computing: Computing | None = None,
) -> Setup:
    """Look up model, population and policies, and check that they fit each other.

    Parameters
    ----------
    trial : Trial
    outputs : tuple of str
        Of the model, to record day by day.
    seed : int
        Orders the parameter sets of a trial with ``uncertainty: ensemble``.
    replicates : mapping of arm to int, optional
        People of each arm in one replicate trial. With ``uncertainty: ensemble`` a replicate has one parameter set,
        the same in all its arms; without replicates everybody has a set of their own.
    computing : Computing, optional
        Precision, device and treatment of fast states; by default float64 on the processor, all states as they are.

    Raises
    ------
    InputError
        If a name is unknown, a parameter does not exist, or a policy reads what no visit takes.
    """
    plain = load(trial.model_name)
    model = plain.with_values(model_values(plain, trial.parameters))
    policies = {
        name: load_policy(name) for name in {trial.policy, *(a.policy for a in trial.arms.values() if a.policy)}
    }
    for policy in policies.values():
        policy.check_shown(trial.measures, where=trial.name)
    if trial.diary is not None and not any(policy.visits.on_symptoms for policy in policies.values()):
        raise InputError(
            f"{trial.name}, diary",
            "no policy of the trial asks for visits on symptoms",
            value=trial.diary,
            hint="leave the diary out, or write visits.on-symptoms in the policy",
        )
    for slug, arm in trial.arms.items():
        check_regimens(trial, slug, policies[arm.policy or trial.policy])
        for regimen in arm.regimens:
            drug, route = regimen.drug, regimen.route
            if not any(d == drug and (route is None or r == route) for d, r in model.doses):
                known = ", ".join(f"{d} {r}" for d, r in model.doses)
                raise InputError(
                    f"{trial.name}, arms.{slug}", "the model has no such dose", value=str(regimen), allowed=known
                )
    needed = _needed(trial, model)
    recorded = tuple(name for name in dict.fromkeys([*outputs, *needed]) if name in model.outputs or name in needed)
    drawn = None
    if trial.uncertainty == "ensemble":
        drawn = _around(sets(model), plain, trial.parameters)
        drawn = drawn.take(np.argsort(uniform(seed, "parameter-sets", np.arange(drawn.number))))
    way = computing or Computing()
    ensemble = compile_model(model, recorded, precision=way.precision, device=way.device, quasi_steady=way.quasi_steady)
    return Setup(trial, model, load_population(trial.population), ensemble, policies, drawn, replicates)


def _around(drawn: ParameterSets, plain: Model, fixed: Mapping[str, Any]) -> ParameterSets:
    """Leave alone what a person set: a number that was asked for has no uncertainty."""
    names = {plain.resolve(name) for name in fixed}
    return ParameterSets({n: v for n, v in drawn.typical.items() if n not in names}, drawn.spread)


def _needed(trial: Trial, model: Model) -> list[str]:
    """Return the outputs that the visits see, or refuse a measure whose output the model does not have."""
    clinic = load_clinic()
    known = {*model.outputs, *model.states, *model.assignments}
    asked = [name for name in trial.measures if name in clinic.measures]
    given = clinic.simulated(asked, known)
    for name in asked:
        if name not in given:
            raise InputError(
                f"{trial.name}, measures", f"the model {model.name} does not give this", value=name, allowed=given
            )
    return clinic.outputs(given, known)
