"""Simulated counts hold the truth that they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from abate.ground.errors import InputError
from abate.study.expression.simulate import DESIGNS, simulate_counts


@pytest.mark.parametrize("design", DESIGNS)
def test_the_same_seed_gives_the_same_counts(design: str) -> None:
    one, two = (simulate_counts(50, changed=5, design=design, batches=2, seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one.counts, two.counts)
    assert not one.counts.equals(simulate_counts(50, changed=5, design=design, batches=2, seed=5).counts)
    assert int((one.truth["log2_fold_change"] != 0).sum()) == 5


def test_fold_changes_means_and_dispersions_are_those_of_the_truth() -> None:
    data = simulate_counts(
        40, changed=20, patients=4000, controls=4000, subject_sd=0.0, depth_sd=0.0, dispersion=(0.1, 0.0),
        dispersion_sd=0.0,
        log_mean=(6.0, 0.3), seed=2,
    )  # fmt: skip
    patient = (data.samples["group"] == "patient").to_numpy()
    y = data.counts.to_numpy(float)
    seen = np.log2(y[:, patient].mean(axis=1) / y[:, ~patient].mean(axis=1))
    # A mean of 4,000 with a coefficient of variation of 0.32 has a standard error of 0.5 %: 0.01 on the log2 scale.
    np.testing.assert_allclose(seen, data.truth["log2_fold_change"], atol=0.05)
    quiet = y[:, ~patient]
    dispersion = (quiet.var(axis=1) - quiet.mean(axis=1)) / quiet.mean(axis=1) ** 2
    # The variance of 4,000 gamma-Poisson values is known to about 3 %.
    np.testing.assert_allclose(dispersion, 0.1, rtol=0.15)


def test_the_interaction_is_what_changes_in_patients_alone() -> None:
    data = simulate_counts(
        30, changed=10, design="both", patients=2000, controls=2000, subject_sd=0.0, depth_sd=0.0, log_mean=(6.0, 0.3)
    )
    mean = np.log2(data.counts.T.groupby([data.samples["group"], data.samples["time"]]).mean()).T
    change = {g: mean[g]["after"] - mean[g]["before"] for g in ("patient", "control")}
    # As above, four means instead of two.
    np.testing.assert_allclose(change["patient"] - change["control"], data.truth["log2_fold_change"], atol=0.08)
    np.testing.assert_allclose(change["control"], 0, atol=0.06)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"design": "paired"},
            r"design: there is no such design: 'paired'; allowed: patients vs controls, before vs after, both",
        ),
        ({"changed": 51}, r"changed: more genes change than there are: 51; allowed: 0 to 50"),
        ({"patients": 0}, r"patients: there is nobody and nothing to simulate: 0"),
    ],
)
def test_what_cannot_be_simulated(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        simulate_counts(50, **({"changed": 5} | options))
