"""A population's posterior: the likelihood far from the estimates against a formula, and the sampler's answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from abate.ground.errors import InputError
from abate.inference.nlme import Choices, Plan, fit_population
from abate.inference.nlme.information import restore
from abate.inference.nlme.marginal import Marginal, widened

pytest.importorskip("emcee", reason="the extra 'fit' is not installed")
pytest.importorskip("arviz", reason="the extra 'fit' is not installed", exc_type=ImportError)

from abate.inference.arviz_data import population_data, write_data
from abate.inference.nlme.bayes import sample_population
from abate.inference.nlme.population_prior import PopulationPrior

SUBJECTS, EACH = 14, 5


@pytest.fixture(scope="module")
def fit(tmp_path_factory):
    """A level of one's own plus noise: what a subject shows is normal, whatever the population."""
    folder = tmp_path_factory.mktemp("levels")
    (folder / "level.ant").write_text(
        "model level()\n substanceOnly species x;\n J: x -> ; 0.1*x;\n y := b + 0*x;\n x = 1; b = 5;\nend\n"
    )
    (folder / "level.toml").write_text(
        "[outputs.y]\nresidual = { additive = 1 }\n[parameters]\nb = { value = 5, sd = 2 }\n"
    )
    rng = np.random.default_rng(4)
    rows = ["ID,TIME,DV"]
    for i in range(SUBJECTS):
        own = 7 + 2 * rng.normal()
        rows += [f"{i + 1},{t},{own + rng.normal():.5f}" for t in range(1, EACH + 1)]
    (folder / "d.csv").write_text("\n".join(rows) + "\n")
    return fit_population(folder / "level.ant", folder / "d.csv", seed=1, plan=Plan(100, 60), samples=800)


def exact(fit, mean, sd, noise):
    covariance = sd**2 * np.ones((EACH, EACH)) + noise**2 * np.eye(EACH)
    values = fit.data.value.reshape(SUBJECTS, EACH)
    return float(np.sum(multivariate_normal.logpdf(values, np.full(EACH, mean), covariance)))


def test_a_fit_of_a_normal_model_is_at_the_top_of_its_likelihood(fit):
    rows = fit.estimates()
    values = fit.data.value.reshape(SUBJECTS, EACH)
    within = np.mean(values.var(axis=1, ddof=1))
    between = np.var(values.mean(axis=1)) - within / EACH
    # a balanced design has a likelihood with a known top; Monte Carlo noise of 800 samples is a share of a percent
    assert rows["b"]["estimate"] == pytest.approx(values.mean(), rel=0.01)
    assert rows["add.sd"]["estimate"] == pytest.approx(np.sqrt(within), rel=0.02)
    assert rows["eta.b"]["estimate"] == pytest.approx(between, rel=0.05)
    assert rows["b"]["se"] == pytest.approx(np.sqrt((between + within / EACH) / SUBJECTS), rel=0.05)
    found = fit.minus_two_log_likelihood
    top = -2 * exact(fit, rows["b"]["estimate"], np.sqrt(rows["eta.b"]["estimate"]), rows["add.sd"]["estimate"])
    assert found == pytest.approx(top, abs=0.3)


@pytest.mark.parametrize("population", [(7.0, 2.0, 1.0), (6.0, 3.5, 0.8), (8.0, 1.2, 1.3)])
def test_the_likelihood_holds_far_from_the_estimates(fit, population):
    mean, sd, noise = population
    marginal = Marginal(widened(fit.likelihood, fit.conditional, 3, 2000))
    parameters = restore(fit.structure, np.array([mean, sd**2, noise]), fit.trace.parameters)
    # fourteen subjects with a Monte Carlo error of a few percent each
    assert marginal(parameters) == pytest.approx(exact(fit, mean, sd, noise), abs=0.4)


def test_the_posterior_of_a_normal_model_is_known(fit, tmp_path):
    found = sample_population(fit, seed=1, steps=150, samples=300)
    rows = found.estimates()
    # with priors as wide as these, the posterior of a mean is that of a t-distribution around the mean of means
    means = fit.data.value.reshape(SUBJECTS, EACH).mean(axis=1)
    assert rows["b"]["estimate"] == pytest.approx(means.mean(), abs=0.15 * means.std() / np.sqrt(SUBJECTS) + 0.05)
    assert rows["b"]["sd"] == pytest.approx(means.std(ddof=1) / np.sqrt(SUBJECTS) * np.sqrt(13 / 11), rel=0.15)
    assert max(found.rhat.values()) < 1.05
    # each subject's own level: between its mean and everybody's, near its mean
    own = np.median(found.subjects["b"].reshape(-1, SUBJECTS), axis=0)
    assert np.corrcoef(own, means)[0, 1] > 0.99
    data = population_data(fit, found)
    assert data.posterior["subject.b"].dims == ("chain", "draw", "subject")
    assert write_data(lambda: data, tmp_path / "inference.nc")
    assert (tmp_path / "inference.nc").stat().st_size > 1000


def test_the_same_seed_gives_the_same_draws(fit):
    one, other = (sample_population(fit, seed=3, steps=10, samples=100) for _ in range(2))
    assert np.array_equal(one.draws, other.draws)


def test_after_interruptions_walkers_go_on_to_the_same_bits(fit, tmp_path):
    options = {"seed": 3, "steps": 50, "samples": 100}
    whole = sample_population(fit, **options)
    left = tmp_path / "left.npz"
    begun = []
    for share in (0.1, 0.4, 0.8):  # within the first ensemble, at an end of one, within the last but one
        told = []

        def stop(done, share=share, told=told):
            told.append(done)
            if done > share:
                raise KeyboardInterrupt("stopped")

        with pytest.raises(KeyboardInterrupt, match="stopped"):
            sample_population(fit, checkpoint=left, progress=stop, **options)
        begun.append(told[0])
    assert begun == sorted(set(begun))
    resumed = sample_population(fit, checkpoint=left, **options)
    assert np.array_equal(whole.draws, resumed.draws)
    assert all(np.array_equal(v, resumed.subjects[n]) for n, v in whole.subjects.items())
    assert whole.accepted == resumed.accepted
    with pytest.raises(InputError, match=r"left.npz: the interrupted fit was another one; delete the file"):
        sample_population(fit, checkpoint=left, seed=4, steps=50, samples=100)


def test_a_file_that_is_no_checkpoint_is_named(fit, tmp_path):
    left = tmp_path / "left.npz"
    left.write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"left.npz: what the interrupted fit left cannot be read; delete the file"):
        sample_population(fit, checkpoint=left, steps=10, samples=100)


def test_a_prior_is_a_prior(fit):
    wide = PopulationPrior.of(fit, {})
    sharp = PopulationPrior.of(fit, {"b": (3.0, 0.1), "eta.b": (0.5,)})
    vector = wide.vector(fit.trace.parameters, fit)
    back = wide.parameters(vector)
    assert back.omega == pytest.approx(fit.trace.parameters.omega)
    assert back.sigma == pytest.approx(fit.trace.parameters.sigma)
    assert sharp.log_density(vector) < wide.log_density(vector) - 100
    assert sharp.words("b") == "normal on its scale: 3, SD 0.1"
    with pytest.raises(InputError, match="--prior: this is not estimated: 'c'"):
        PopulationPrior.of(fit, {"c": (1.0, 1.0)})
    with pytest.raises(InputError, match=r"--prior: not a prior: 'b'; allowed: b=TYPICAL,SD"):
        PopulationPrior.of(fit, {"b": (1.0,)})


def test_correlations_are_sampled_where_they_are_estimated(tmp_path):
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("one_compartment", Path(__file__).with_name("one_compartment.py"))
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    path = tmp_path / "d.csv"
    path.write_text(made.simulated_rows(2, subjects=12, rho=0.8))
    choices = Choices(correlate=(("CL", "V"),))
    fit = fit_population("pk1_oral", path, seed=1, plan=Plan(40, 20), samples=200, choices=choices)
    prior = PopulationPrior.of(fit, {})
    vector = prior.vector(fit.trace.parameters, fit)
    assert prior.parameters(vector).omega == pytest.approx(fit.trace.parameters.omega, rel=0.1, abs=1e-4)
    # a correlation cannot leave its bounds, wherever the walker goes
    vector[prior.kinds.index("covariance")] = 9.0
    omega = prior.parameters(vector).omega[:3, :3]
    assert np.linalg.eigvalsh(omega).min() > -1e-9
