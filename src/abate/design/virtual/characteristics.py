"""What replicate trials say: power, type I error, bias, coverage, size, duration, prednisone spared and flares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from abate.design.sequential import SequentialDesign
from abate.design.virtual.plausible import power_over_sets
from abate.design.virtual.settings import Replicates
from abate.design.virtual.statistics import Compared, compare_means, compare_shares, compare_times
from abate.ground.results import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EndpointResult", "characteristics", "kind_of", "people_for", "spared"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EndpointResult:
    """Operating characteristics by one endpoint."""

    endpoint: str
    label: str
    test: str
    power: Estimate
    type_one: Estimate
    truth: float
    bias: float
    coverage: Estimate
    mean_people: float
    mean_share: float
    by_size: tuple[tuple[int, Estimate], ...]
    by_set: tuple[Estimate, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what results.json holds."""
        rates = [one.estimate for one in self.by_set]
        return {
            "label": self.label,
            "test": self.test,
            "power": self.power.as_dict(),
            "type_one_error": self.type_one.as_dict(),
            "truth": self.truth,
            "bias": self.bias,
            "coverage": self.coverage.as_dict(),
            "expected_sample_size": self.mean_people,
            "power_by_people_an_arm": [{"people": n, **one.as_dict()} for n, one in self.by_size],
            "power_by_parameters": {
                "sets": len(rates),
                **power_over_sets(self.by_set).as_dict(),
                "lowest": min(rates),
                "highest": max(rates),
                "powers": [one.as_dict() for one in self.by_set],
            },
        }


def kind_of(endpoint: str, wanted: Replicates) -> str:
    """Return ``share``, ``time`` or ``mean`` for an endpoint of the library or of the trial."""
    from abate.study.endpoints import endpoint_rule

    rule = endpoint_rule(endpoint, wanted.trial.endpoint_rules)
    if rule["estimator"] == "proportion":
        return "share"
    return "time" if endpoint.startswith("time-to-") else "mean"


def characteristics(rows: pd.DataFrame, wanted: Replicates, design: SequentialDesign, endpoint: str) -> EndpointResult:
    """Analyse all replicates by one endpoint, with the looks of a design.

    People are looked at in the order in which they entered; a look is taken when its share of them has finished.

    Parameters
    ----------
    rows : DataFrame
        From `abate.design.virtual.run.run`.
    wanted : Replicates
    design : SequentialDesign
    endpoint : str
    """
    from abate.study.endpoints import endpoint_rule

    kind = kind_of(endpoint, wanted)
    value, seen = _arrays(rows, wanted, endpoint, kind)
    n = value.shape[1]
    whole = _compare(value, seen, kind)
    sign = float(np.sign(np.mean(whole.z))) or 1.0
    hit, share, estimate = _with_looks(value, seen, kind, design, sign)
    sets = rows.drop_duplicates("replicate").sort_values("replicate")["parameters"].to_numpy()
    # Each set of parameters has a truth of its own: that of all its people.
    truths = np.empty(len(sets))
    for index in np.unique(sets):
        here = sets == index
        truths[here] = _truth(value[here], None if seen is None else seen[here], kind)
    covered = np.abs(whole.estimate - truths) <= 1.959964 * whole.error
    sizes = sorted({max(4, round(n * f)) for f in (0.1, 0.25, 0.5, 0.75, 1.0)})
    return EndpointResult(
        endpoint,
        str(endpoint_rule(endpoint, wanted.trial.endpoint_rules)["label"]),
        {"share": "pooled z test", "mean": "Welch's test", "time": "log-rank test"}[kind],
        _rate(hit),
        _type_one(value, seen, kind, design, sets),
        float(np.mean(truths)),
        float(np.mean(estimate - truths)),
        _rate(covered),
        2 * n * float(np.mean(share)),
        float(np.mean(share)),
        tuple((m, _rate(_with_looks(value[:, :m], _cut(seen, m), kind, design, sign)[0])) for m in sizes),
        tuple(_rate(hit[sets == index]) for index in np.unique(sets)),
    )


def significant(rows: pd.DataFrame, wanted: Replicates, endpoint: str) -> NDArray[np.bool_]:
    """Return which of some replicates differ at a two-sided 5 %, whatever the looks: for a running interval."""
    kind = kind_of(endpoint, wanted)
    value, seen = _arrays(rows, wanted, endpoint, kind)
    return np.asarray(np.abs(_compare(value, seen, kind).z) > 1.959964)


def people_for(result: EndpointResult, design: SequentialDesign) -> dict[str, float | None]:
    """Return the people an arm that would reach the design's power, with the interval of the simulated power.

    The drift that the simulated power implies grows with the square root of the people. It is taken from the size whose
    power is nearest to the wanted one, as a power of all trials or of none says little.
    """
    edge = design.drift - float(ndtri(design.power))

    def needed(power: float) -> float | None:
        # Half a trial each way: a power of all trials implies no finite drift.
        least = 0.5 / (result.power.n + 1)
        implied = edge + float(ndtri(min(max(power, least), 1 - least)))
        return math.ceil(size * (design.drift / implied) ** 2) if implied > 0.05 else None

    size, power = min(result.by_size, key=lambda one: abs(one[1].estimate - design.power))
    return {"estimate": needed(power.estimate), "low": needed(power.high), "high": needed(power.low)}


def spared(rows: pd.DataFrame, wanted: Replicates) -> dict[str, Any]:
    """Return prednisone spared and flares avoided by a person, each with the middle 95 % of the trials."""
    out = {}
    for name, column in (("prednisone_spared_mg", "glucocorticoid_mg"), ("flares_avoided_a_person", "flares")):
        value, _ = _arrays(rows, wanted, column, "mean")
        gap = np.nanmean(value[:, :, 1], axis=1) - np.nanmean(value[:, :, 0], axis=1)
        low, high = np.quantile(gap, [0.025, 0.975])
        out[name] = Estimate(
            float(np.mean(gap)), float(low), float(high), 0.95, len(gap), "mean over trials, middle 95 % of the trials"
        ).as_dict()
    return out


def _arrays(rows: pd.DataFrame, wanted: Replicates, column: str, kind: str) -> tuple[Array, NDArray[np.bool_] | None]:
    source = "flare" if kind == "time" else column
    frame = rows.sort_values(["replicate", "person"])
    arms = [frame[frame["arm"] == role] for role in ("treatment", "control")]
    shape = (-1, wanted.people)
    value = np.stack([arm[source].to_numpy(dtype=float).reshape(shape) for arm in arms], axis=2)
    if kind != "time":
        return value, None
    followed = np.stack([arm["followed"].to_numpy(dtype=float).reshape(shape) for arm in arms], axis=2)
    seen = ~np.isnan(value) & (value <= followed)
    return np.where(seen, value, followed), seen


def _cut(seen: NDArray[np.bool_] | None, people: int) -> NDArray[np.bool_] | None:
    return None if seen is None else seen[:, :people]


def _compare(value: Array, seen: NDArray[np.bool_] | None, kind: str) -> Compared:
    if kind == "share":
        return compare_shares(value)
    if kind == "mean":
        return compare_means(value)
    assert seen is not None
    return compare_times(value, seen)


def _with_looks(
    value: Array, seen: NDArray[np.bool_] | None, kind: str, design: SequentialDesign, sign: float
) -> tuple[NDArray[np.bool_], Array, Array]:
    """Return which replicates reject on the side of benefit, the share of people they took, and the estimate then."""
    n = value.shape[1]
    found = []
    for share in map(float, design.information):
        m = max(2, math.ceil(share * n - 1e-9))
        found.append(_compare(value[:, :m], _cut(seen, m), kind))
    z = sign * np.stack([one.z for one in found], axis=1)
    estimates = np.stack([one.estimate for one in found], axis=1)
    up = z >= design.upper
    down = z <= design.lower
    if design.futility is not None:
        down[:, -1] = False
    ends = up | down
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), design.looks - 1)
    rows = np.arange(len(z))
    return up[rows, last], design.information[last], estimates[rows, last]


def _type_one(
    value: Array, seen: NDArray[np.bool_] | None, kind: str, design: SequentialDesign, sets: NDArray[np.int64]
) -> Estimate:
    """Compare the control arms of two replicates of one set of parameters: different people, the same treatment."""
    rows = [np.flatnonzero(sets == index) for index in np.unique(sets)]
    one = np.concatenate([own[: len(own) // 2 * 2 : 2] for own in rows])
    other = np.concatenate([own[1 : len(own) // 2 * 2 : 2] for own in rows])
    if len(one) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0.95, 0, "no pair of replicates")
    null = np.stack([value[one, :, 1], value[other, :, 1]], axis=2)
    watched = None if seen is None else np.stack([seen[one, :, 1], seen[other, :, 1]], axis=2)
    sides = [_with_looks(null, watched, kind, design, sign)[0] for sign in (1.0, -1.0)]
    # Both directions count for a two-sided design; with futility each is a test of its own at half the error.
    hit = sides[0] | sides[1] if design.sided == 2 else sides[0]
    return _rate(hit)


def _truth(value: Array, seen: NDArray[np.bool_] | None, kind: str) -> float:
    if kind != "time":
        pooled = np.nanmean(value.reshape(-1, 2), axis=0)
        return float(pooled[0] - pooled[1])
    assert seen is not None
    return float(compare_times(value.reshape(1, -1, 2), seen.reshape(1, -1, 2)).estimate[0])


def _rate(hit: NDArray[np.bool_]) -> Estimate:
    from abate.study.statistics.proportions import wilson

    n, events = len(hit), int(np.sum(hit))
    low, high = wilson(events, n)
    return Estimate(
        events / n if n else math.nan, low, high, 0.95, n, "share of trials, Wilson interval", events=events
    )
