"""The mixed model against published SAS output, against textbook cases, and against a plain full-matrix likelihood."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from abate.ground.errors import InputError, SolveError
from abate.study.statistics import mmrm
from abate.study.statistics.mmrm import fit_mmrm


@pytest.fixture(scope="module")
def fev():
    with (Path(__file__).parent / "data" / "fev.csv").open() as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    visit = column["visit"].astype(int) - 1
    return column, visit, (column["arm"] == "TRT").astype(float)


def test_published_sas_fixed_effects(fev):
    """PROC MIXED, REML, type=un, ddfm=satterthwaite; model-based standard errors."""
    column, visit, treated = fev
    at = np.eye(4)[visit][:, 1:]
    race = [column["race"] == name for name in ("Black or African American", "White")]
    design = np.column_stack(
        [np.ones(len(visit)), treated, at, at * treated[:, None], *race, column["sex"] == "Female"]
    ).astype(float)
    model = fit_mmrm(column["value"].astype(float), design, column["subject"].tolist(), visit)
    published = [  # estimate, standard error, degrees of freedom
        (30.7774, 0.8865, 219),
        (3.7745, 1.0741, 146),
        (4.8396, 0.8016, 144),
        (10.3422, 0.8227, 156),
        (15.0537, 1.3129, 138),
        (-0.04231, 1.1292, 139),
        (-0.6939, 1.1876, 158),
        (0.6240, 1.8510, 130),
        (1.5305, 0.6244, 169),
        (5.6436, 0.6656, 157),
        (0.3262, 0.5319, 166),
    ]
    for weights, (estimate, error, df) in zip(np.eye(11), published, strict=True):
        tested = model.contrast(weights)
        # SAS stopped with a relative criterion of 1e-8 in the likelihood, about 2e-4 in an effect of size 1.
        assert tested.estimate.estimate == pytest.approx(estimate, abs=2.5e-4)
        assert np.sqrt(weights @ model.covariance @ weights) == pytest.approx(error, abs=1.5e-4)
        assert round(tested.df) == pytest.approx(df, abs=1)  # printed without decimals
    # Ours is at least as good a maximum, and the same one.
    assert model.minus_two_log_likelihood == pytest.approx(3386.44987722, abs=1e-4)
    assert model.minus_two_log_likelihood <= 3386.44987722
    assert model.visit_covariance[0, 0] == pytest.approx(40.5509, abs=5e-3)


def test_published_sas_kenward_roger(fev):
    """At the covariance that SAS printed, its adjusted standard error and degrees of freedom follow."""
    column, visit, treated = fev
    design = np.column_stack([np.ones(len(visit)), treated])
    data = mmrm._Data.of(column["value"].astype(float), design, column["subject"].tolist(), visit)
    sigma, (i, j) = np.zeros((4, 4)), np.tril_indices(4)
    sigma[i, j] = [108.39, 45.4113, 40.1721, -2.6971, 0.7771, 24.6058, -47.0103, -13.0998, 18.7346, 152.36]
    sigma[j, i] = sigma[i, j]
    tested = mmrm._finish(data, sigma, True).contrast([0, 1])
    # The covariance is printed to five or six digits.
    assert tested.estimate.estimate == pytest.approx(3.81972492174648, rel=1e-6)
    assert tested.standard_error == pytest.approx(0.66124382270307, rel=1e-6)
    assert tested.df == pytest.approx(160.733266403768, rel=5e-6)
    fitted = fit_mmrm(column["value"].astype(float), design, column["subject"].tolist(), visit)
    # Where each program stopped: the likelihoods differ by 7e-6.
    assert fitted.minus_two_log_likelihood == pytest.approx(3667.96276376, abs=1e-4)
    assert fitted.contrast([0, 1]).p == pytest.approx(3.8418051504164e-08, rel=5e-3)


def complete(n, visits, seed):
    generator = np.random.default_rng(seed)
    root = np.tril(generator.normal(0, 1, (visits, visits))) + 2 * np.eye(visits)
    return generator.normal(size=(n, visits)) @ root.T + np.arange(visits)


@pytest.mark.parametrize(("n", "visits"), [(6, 2), (6, 3), (20, 4)])
def test_complete_data_are_the_textbook_case(n, visits):
    """Means, sample covariance, and for every contrast the one-sample t test."""
    y = complete(n, visits, n + visits)
    who = np.repeat(np.arange(n), visits).tolist()
    model = fit_mmrm(y.ravel(), np.tile(np.eye(visits), (n, 1)), who, np.tile(np.arange(visits), n))
    # BFGS stops at a gradient of 1e-7; the likelihood is quadratic there.
    np.testing.assert_allclose(model.coefficients, y.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(model.visit_covariance, np.cov(y.T), rtol=1e-4, atol=1e-4)
    tested = model.contrast([-1, 1] + [0] * (visits - 2))
    reference = stats.ttest_1samp(y[:, 1] - y[:, 0], 0)
    assert tested.p == pytest.approx(reference.pvalue, rel=1e-3)
    assert tested.df == pytest.approx(n - 1, rel=1e-4)


def plain_minus_two(parameters, y, x, subject, visit, restricted=True):
    """Textbook formula on the full covariance matrix of all values."""
    t = visit.max() + 1
    sigma = np.zeros((t, t))
    sigma[np.tril_indices(t)] = parameters
    sigma = sigma + sigma.T - np.diag(np.diag(sigma))
    if np.linalg.eigvalsh(sigma)[0] <= 0:
        return np.inf
    v = sigma[np.ix_(visit, visit)] * (subject[:, None] == subject[None, :])
    inverse = np.linalg.inv(v)
    beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
    left = y - x @ beta
    constant = (len(y) - x.shape[1] * restricted) * np.log(2 * np.pi)
    extra = np.linalg.slogdet(x.T @ inverse @ x)[1] if restricted else 0
    return constant + np.linalg.slogdet(v)[1] + left @ inverse @ left + extra


def with_gaps(seed, n=14, visits=3):
    generator = np.random.default_rng(seed)
    y = complete(n, visits, seed)
    keep = generator.random((n, visits)) > 0.2
    keep[:, 0] = True
    subject, visit = np.nonzero(keep)
    baseline = generator.normal(0, 1, n)[subject]
    return y[keep], np.column_stack([np.eye(visits)[visit], baseline]), subject, visit


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
def test_second_implementation_with_missing_visits(seed, restricted):
    y, x, subject, visit = with_gaps(seed)
    model = fit_mmrm(y, x, subject.tolist(), visit, restricted=restricted)
    at = model.visit_covariance[np.tril_indices(3)]

    def minus_two(parameters):
        return plain_minus_two(parameters, y, x, subject, visit, restricted)

    # Two orders of summation over some forty values.
    assert model.minus_two_log_likelihood == pytest.approx(minus_two(at), rel=1e-10)
    found = optimize.minimize(minus_two, at * 1.2, method="Nelder-Mead", options={"maxiter": 6000, "fatol": 1e-10})
    assert found.fun == pytest.approx(model.minus_two_log_likelihood, abs=1e-6)
    assert model.minus_two_log_likelihood <= found.fun + 1e-9
    # Degrees of freedom by Satterthwaite's definition, all derivatives by central differences of 1e-3.
    step = 1e-3 * np.eye(6)
    hessian = np.array(
        [
            [
                (minus_two(at + a + b) - minus_two(at + a - b) - minus_two(at - a + b) + minus_two(at - a - b)) / 4e-6
                for a in step
            ]
            for b in step
        ]
    )

    def variance(parameters):
        sigma = np.zeros((3, 3))
        sigma[np.tril_indices(3)] = parameters
        sigma = sigma + sigma.T - np.diag(np.diag(sigma))
        v = sigma[np.ix_(visit, visit)] * (subject[:, None] == subject[None, :])
        return np.linalg.inv(x.T @ np.linalg.inv(v) @ x)[1, 1]

    slope = np.array([(variance(at + a) - variance(at - a)) / 2e-3 for a in step])
    df = 2 * variance(at) ** 2 / (slope @ np.linalg.inv(hessian / 2) @ slope)
    # Central differences of a function near 100 with step 1e-3: about 1e-6 / (1e-3)**2 of curvature error.
    assert model.contrast([0, 1, 0, 0]).df == pytest.approx(df, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"subjects": [0, 0, 1, 1, 2, 2, 3]}, "differ in length"),
        ({"visits": [0, 0, 0, 1, 0, 1, 0, 1]}, "a person is twice at a visit: 0"),
        ({"design": np.ones((8, 2))}, "not of full rank"),
        ({"values": [1, 2, 3, 4, 5, 6, 7, np.nan]}, "a value is missing"),
        ({"subjects": [0, 0, 1, 1, 2, 2, 2, 2], "visits": [0, 1, 0, 1, 0, 1, 2, 3]}, "too few people"),
        ({"subjects": [0, 0, 1, 2, 3, 4, 5, 6]}, "two visits have fewer than two people in common: '1 and 2'"),
    ],
)
def test_bad_input(change, what):
    whole = {
        "values": [1.0, 2, 3, 4, 3, 1, 7, 9],
        "design": np.tile(np.eye(2), (4, 1)),
        "subjects": [0, 0, 1, 1, 2, 2, 3, 3],
        "visits": [0, 1] * 4,
    }
    with pytest.raises(InputError, match=what):
        fit_mmrm(**(whole | change))


def test_perfectly_parallel_people_have_no_maximum():
    y = np.array([[1.0, 2], [3, 4], [4, 5], [9, 10]])
    with pytest.raises(SolveError, match="no maximum at a positive definite covariance"):
        fit_mmrm(y.ravel(), np.tile(np.eye(2), (4, 1)), [0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4)
