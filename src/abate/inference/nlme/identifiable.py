"""Which parameters the data leave open: named before anything is fitted, with the direction in parameter space."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abate.ground.errors import InputError
from abate.inference.nlme.course import Courses
from abate.inference.nlme.dataset import Dataset
from abate.inference.nlme.residual import spread
from abate.inference.nlme.structure import Structure

__all__ = ["check_identifiable"]

Floats = npt.NDArray[np.float64]

_OPEN = 1e-4  # smallest over largest change of the predictions: the solver's own error is about as large


def check_identifiable(structure: Structure, data: Dataset, courses: Courses) -> None:
    """Refuse fewer data than there are numbers to find, and parameters of which only a combination shows in the data.

    Raises
    ------
    InputError
        Naming the parameters and the direction in which predictions do not change.
    """
    mu, own = structure.start.mu, structure.typical
    if data.subjects < 2:
        raise InputError(data.name, "how people vary does not show in one", value=data.subjects, allowed="2 or more")
    if data.value.size <= len(own):
        raise InputError(
            data.name,
            "there are too few observations for these parameters",
            value=data.value.size,
            allowed=f"more than {len(own)} ({', '.join(structure.names[j] for j in own)})",
            hint="hold some with --fix",
        )
    q, step = len(own), 0.05
    centre = structure.centres(mu, structure.start.beta, data.subjects)
    phi = np.repeat(centre[:, None], 2 * q, axis=1)
    for place, j in enumerate(own):
        phi[:, 2 * place, j] += step
        phi[:, 2 * place + 1, j] -= step
    predicted = courses.predict(phi)
    base = courses.predict(centre[:, None])
    sd = spread(base, structure.start.sigma, structure.errors, data.output)
    slopes = (predicted[:, 0::2] - predicted[:, 1::2]) / (2 * step)
    exponential = np.array([e == "exponential" for e in structure.errors])[data.output]
    slopes[exponential] /= np.maximum(base[exponential], 1e-10)
    slopes = np.nan_to_num(slopes / sd)
    names = [structure.names[j] for j in own]
    sizes = np.sqrt(np.sum(slopes**2, axis=0))
    if (sizes <= _OPEN * sizes.max()).any():
        name = names[int(np.argmin(sizes))]
        raise InputError(data.name, "no observation depends on this parameter", value=name, hint=f"--fix {name}")
    _, singular, directions = np.linalg.svd(slopes / sizes, full_matrices=False)
    if singular[-1] < _OPEN * singular[0]:
        weights = directions[-1] / sizes
        weights = weights / np.abs(weights).max()
        parts = [(n, w) for n, w in zip(names, weights, strict=True) if abs(w) > 0.05]
        words = {"log": "log {}", "logit": "logit {}", "identity": "{}"}
        direction = " ".join(
            f"{w:+.2f} {words[structure.scales[structure.names.index(n)]].format(n)}" for n, w in parts
        )
        raise InputError(
            data.name,
            "the data cannot tell these parameters apart",
            value=", ".join(n for n, _ in parts),
            hint=f"predictions do not change along {direction}: fix one with --fix",
        )
