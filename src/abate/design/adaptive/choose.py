"""Which adaptive design: by name, with settings that start from the plan and can be changed one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from abate.design.adaptive.allocation import ResponseAdaptive
from abate.design.adaptive.bayes import BayesianStopping
from abate.design.adaptive.enrichment import Enrichment
from abate.design.adaptive.operating import Operating
from abate.design.adaptive.re_estimation import BlindedReEstimation, PromisingZone
from abate.design.fixed.means import TwoMeans
from abate.design.fixed.proportions import TwoProportions
from abate.design.plan import Plan
from abate.ground.errors import InputError
from abate.ground.files import did_you_mean

__all__ = ["ADAPTIVE", "adaptive"]

ADAPTIVE = ("blinded-re-estimation", "promising-zone", "response-adaptive", "bayesian", "enrichment")
Rule = BlindedReEstimation | PromisingZone | ResponseAdaptive | BayesianStopping | Enrichment


def adaptive(
    made: Plan, name: str, *, changes: Mapping[str, str] | None = None, trials: int = 10_000, seed: int = 1
) -> dict[str, Any]:
    """Simulate an adaptive version of a plan.

    Parameters
    ----------
    made : Plan
        Two arms.
    name : str
        One of `ADAPTIVE`.
    changes : mapping, optional
        Settings of the rule to change (``{"most": "1.5"}``).
    trials, seed : int
        Of the simulation.

    Returns
    -------
    dict
        ``name``, ``settings``, ``nominal_error``, and ``null`` and ``effect`` as simulated.

    Raises
    ------
    InputError
        For an unknown name or setting, or an endpoint that the design is not for.
    """
    if name not in ADAPTIVE:
        hint = did_you_mean(name, ADAPTIVE)
        raise InputError("--adaptive", "there is no such adaptive design", value=name, allowed=ADAPTIVE, hint=hint)
    if made.request.ratio != 1 or not made.treatment:
        raise InputError("--adaptive", "two equal arms are needed", value=made.request.ratio, allowed="--ratio 1")
    if made.comparison is not None and made.comparison.non_inferior:
        raise InputError("--adaptive", "adaptive designs here are for superiority", hint="leave --margin out")
    if not 100 <= trials <= 1_000_000:
        raise InputError("--simulate", "not a number of trials", value=trials, allowed="100 to 1000000")
    rule = _changed(_rule(made, name), changes or {})
    null, effect, nominal = _simulated(made, rule, trials, seed)
    return {
        "name": name,
        "settings": asdict(rule),
        "trials": trials,
        "nominal_error": nominal,
        "null": null.as_dict(),
        "effect": effect.as_dict(),
    }


def _rule(made: Plan, name: str) -> Rule:
    comparison, wanted = made.comparison, made.request
    if name == "blinded-re-estimation":
        means = _means(comparison, name)
        first = max(3, made.control // 2)
        return BlindedReEstimation(means.difference, means.spread, first, 2 * made.control, wanted.alpha, wanted.power)
    if name == "promising-zone":
        return PromisingZone(made.sequential.fixed_drift, alpha=wanted.alpha)
    if name == "response-adaptive":
        _shares(comparison, name)
        return ResponseAdaptive(made.total, blocks=min(5, made.total // 10), alpha=wanted.alpha)
    if name == "bayesian":
        shares = wanted.looks.shares if len(wanted.looks.shares) > 1 else (1 / 3, 2 / 3, 1.0)
        return BayesianStopping(shares, alpha=wanted.alpha / wanted.sided)
    _means(comparison, name)
    return Enrichment(made.control, alpha=wanted.alpha / wanted.sided)


def _simulated(made: Plan, rule: Rule, trials: int, seed: int) -> tuple[Operating, Operating, float]:
    """Return null, effect, and the nominal rate of what the null simulation counts."""
    settings = {"trials": trials, "seed": seed}
    drift = made.sequential.fixed_drift
    if isinstance(rule, BlindedReEstimation):
        null, effect = (rule.simulate(d, rule.sd, **settings) for d in (0.0, rule.difference))
        return null, effect, rule.alpha
    if isinstance(rule, PromisingZone):
        return rule.simulate(0.0, **settings), rule.simulate(rule.drift, **settings), rule.alpha
    if isinstance(rule, ResponseAdaptive):
        shares = _shares(made.comparison, "response-adaptive")
        null = rule.simulate(shares.control, shares.control, **settings)
        return null, rule.simulate(shares.control, shares.treatment, **settings), rule.alpha
    if isinstance(rule, BayesianStopping):
        return rule.simulate(0.0, **settings), rule.simulate(drift, **settings), rule.alpha
    means = _means(made.comparison, "enrichment")
    size = abs(means.difference) / means.spread
    # The effect is simulated where enrichment is for: in the subgroup alone.
    return rule.simulate(0.0, 0.0, **settings), rule.simulate(size, 0.0, **settings), rule.alpha


def _changed(rule: Rule, changes: Mapping[str, str]) -> Rule:
    kinds = {field.name: type(getattr(rule, field.name)) for field in fields(rule)}
    values: dict[str, Any] = {}
    for key, text in changes.items():
        if key not in kinds:
            hint = did_you_mean(key, kinds)
            raise InputError("--adapt", "there is no such setting", value=key, allowed=list(kinds), hint=hint)
        try:
            values[key] = tuple(map(float, text.split(","))) if kinds[key] is tuple else kinds[key](text)
        except ValueError as error:
            raise InputError("--adapt", f"{key} cannot be read", value=text, allowed=kinds[key].__name__) from error
    return replace(rule, **values)


def _means(comparison: object, name: str) -> TwoMeans:
    if not isinstance(comparison, TwoMeans):
        raise InputError("--adaptive", f"{name} is for a change in a score", hint="give --effect and --sd")
    return comparison


def _shares(comparison: object, name: str) -> TwoProportions:
    if not isinstance(comparison, TwoProportions):
        raise InputError("--adaptive", f"{name} is for responders", hint="give --control and --treatment")
    return comparison
