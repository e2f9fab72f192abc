"""Simulated trials of a group-sequential or fixed design, person by person, with the test that the design names."""

from __future__ import annotations

import numpy as np

from abate.design.adaptive.operating import Operating, generator
from abate.design.adaptive.streams import stream, truth
from abate.design.plan import Plan
from abate.ground.errors import InputError

__all__ = ["expected_error", "simulate_plan"]


def simulate_plan(made: Plan, *, null: bool = False, trials: int = 10_000, seed: int = 1) -> Operating:
    """Simulate the trials of a plan.

    Parameters
    ----------
    made : Plan
        With an effect.
    null : bool
        Whether the treatment is like the control.
    trials, seed : int

    Returns
    -------
    Operating
        Under the null: rejections of any side that the design tests. Under the effect: rejections in its direction.

    Raises
    ------
    InputError
        For an endpoint whose trials are not simulated here.

    Examples
    --------
    >>> from abate.design.plan import plan
    >>> from abate.design.request import request
    >>> made = plan(request(control=0.3, treatment=0.5, looks={"number": 3}))
    >>> simulate_plan(made, null=True, trials=5000).consistent_with(expected_error(made))
    True
    """
    if not 100 <= trials <= 1_000_000:
        raise InputError("--simulate", "not a number of trials", value=trials, allowed="100 to 1000000")
    if made.comparison is None:
        raise InputError(
            "--simulate", "there is no effect to simulate", hint="give --control and --treatment, or --effect"
        )
    effect, design = truth(made.comparison), made.sequential
    scale = made.comparison.scale()
    found = stream(made, null=null, trials=trials, rng=generator(seed, f"plan-{null}"))
    z = found.z * (-1.0 if scale.distance < 0 else 1.0)
    up = z >= design.upper
    symmetric = design.sided == 2 and design.futility is None
    down = z <= design.lower if symmetric else np.zeros_like(up)
    futile = np.zeros_like(up)
    # Under the null a non-binding boundary is not heeded: that is the error that must hold.
    if design.futility is not None and (design.futility.binding or not null):
        futile[:, :-1] = z[:, :-1] <= design.lower[:-1]
    ends = up | down | futile
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), design.looks - 1)
    rows = np.arange(trials)
    hit = up[rows, last] | (down[rows, last] if null else False)
    bias = float(np.mean(found.estimate[rows, last]) - (scale.null if null else effect))
    return Operating(np.asarray(hit), found.people[rows, last], bias)


def expected_error(made: Plan) -> float:
    """Return the nominal rate of rejections that `simulate_plan` counts under the null."""
    design = made.sequential
    return design.alpha if design.futility is None or design.sided == 1 else design.alpha / 2
