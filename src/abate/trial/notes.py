"""What a trial leaves unsaid, said: measures that nobody simulates, and plans that an arm takes from its policy."""

from __future__ import annotations

from abate.science.policy import Policy
from abate.science.regimen import drug
from abate.study.endpoints import endpoint_rule
from abate.study.observation import load_clinic
from abate.trial.dosing import largest_dose
from abate.trial.protocol import Trial

__all__ = ["notes", "unseen"]


def unseen(trial: Trial) -> tuple[str, ...]:
    """Return the measures of a trial that no model gives: they come from data alone.

    Examples
    --------
    >>> from abate.trial.protocol import load_trial
    >>> unseen(load_trial("giacta"))
    ()
    """
    return tuple(name for name in trial.measures if name not in load_clinic().measures)


def notes(trial: Trial, policies: dict[str, Policy]) -> tuple[str, ...]:
    """Return sentences on what the protocol does not say itself.

    Parameters
    ----------
    trial : Trial
    policies : dict from name to Policy
        Those that its arms use.
    """
    said = []
    if missing := unseen(trial):
        said.append(f"No model gives {', '.join(missing)}: nobody was measured, so no rule could see it.")
    kinds = {endpoint_rule(name, trial.endpoint_rules)["kind"] for name in trial.endpoints}
    for event in ("remission", "flare"):
        if any(event in kind for kind in kinds):
            silent = [name for name, policy in policies.items() if event not in policy.events]
            said += [f"The policy {name} calls no {event}: endpoints about it count none." for name in silent]
    for slug, arm in trial.arms.items():
        policy = policies[arm.policy or trial.policy]
        if not arm.taper:
            said.append(
                f"Arm {slug} names no taper: it follows {policy.start.taper}, that of its policy {policy.name}."
            )
        for regimen in arm.regimens:
            name = drug(regimen.drug or "").active
            largest = largest_dose(policy, name)
            if name in policy.limits and regimen.needs_weight and largest < (regimen.at_most or float("inf")):
                said.append(f"Arm {slug}: the policy {policy.name} limits {name} to {largest:g} mg a dose.")
    return tuple(said)
