"""Replicate virtual trials: tests against single-trial references, error and coverage on data of known truth."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abate.cli.main import main
from abate.design.boundary import Boundary
from abate.design.sequential import equal_looks, group_sequential
from abate.design.virtual import run as running
from abate.design.virtual.characteristics import characteristics, people_for, significant, spared
from abate.design.virtual.payload import analyse, check_endpoint
from abate.design.virtual.plausible import number_of_sets, power_over_sets
from abate.design.virtual.settings import Replicates, Varied, chosen_arms, read_varied
from abate.design.virtual.statistics import compare_means, compare_shares, compare_times
from abate.ground.errors import InputError
from abate.ground.results import Estimate
from abate.study.statistics.survival import log_rank
from abate.trial.protocol import Trial, load_trial

LOOKS = group_sequential(equal_looks(2), Boundary("obrien-fleming"), alpha=0.05, power=0.9)
FIXED = group_sequential([1.0], Boundary("pocock"), alpha=0.05, power=0.9)


@pytest.fixture(scope="module")
def giacta() -> Trial:
    return load_trial("giacta")


def wanted(trial: Trial, people: int = 60, replicates: int = 800, **more: object) -> Replicates:
    return Replicates(trial, "tocilizumab-weekly", "placebo-26", people, replicates, **more)  # type: ignore[arg-type]


def invented(of: Replicates, treated: float, control: float, seed: int = 1) -> pd.DataFrame:
    """Rows of known truth: shares with a flare, exponential times, normal doses."""
    rng = np.random.default_rng(seed)
    frames = []
    for role, share in (("treatment", treated), ("control", control)):
        n = of.replicates * of.people
        time = np.ceil(rng.exponential(-364 / math.log1p(-share), n))
        frames.append(
            pd.DataFrame(
                {
                    "replicate": np.repeat(np.arange(of.replicates), of.people),
                    "parameters": 0,
                    "arm": role,
                    "person": np.tile(np.arange(of.people), of.replicates),
                    "flare": np.where(time <= 364, time, np.nan),
                    "followed": 364.0,
                    "flares": (time <= 364).astype(float),
                    "failure": np.nan,
                    "glucocorticoid_mg": rng.normal(2000 if role == "treatment" else 2500, 500, n),
                    "sustained-remission": (rng.random(n) < 1 - share).astype(float),
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    frame["time-to-first-flare-days"] = frame["flare"]
    frame["cumulative-glucocorticoid-mg"] = frame["glucocorticoid_mg"]
    return frame


def test_each_test_is_that_of_a_single_trial() -> None:
    rng = np.random.default_rng(2)
    shares = (rng.random((5, 40, 2)) < np.array([0.6, 0.3])).astype(float)
    means = rng.normal(size=(5, 40, 2))
    times = np.ceil(rng.exponential(100, (5, 40, 2)))
    seen = rng.random((5, 40, 2)) < 0.7
    for k in range(5):
        a, b = shares[k, :, 0].sum(), shares[k, :, 1].sum()
        chi = stats.chi2_contingency([[a, 40 - a], [b, 40 - b]], correction=False).statistic
        assert compare_shares(shares).z[k] ** 2 == pytest.approx(chi)
        welch = stats.ttest_ind(means[k, :, 0], means[k, :, 1], equal_var=False).statistic
        assert compare_means(means).z[k] == pytest.approx(welch)
        p = log_rank(times[k, :, 0], seen[k, :, 0], times[k, :, 1], seen[k, :, 1])
        z = compare_times(times, seen).z[k]
        assert 2 * stats.norm.sf(abs(z)) == pytest.approx(p)


@pytest.mark.parametrize(
    "endpoint", ["sustained-remission", "time-to-first-flare-days", "cumulative-glucocorticoid-mg"]
)
@pytest.mark.parametrize("design", [FIXED, LOOKS], ids=["fixed", "looks"])
def test_error_coverage_and_power_on_a_known_truth(giacta: Trial, endpoint: str, design: object) -> None:
    of = wanted(giacta)
    found = characteristics(invented(of, 0.3, 0.55), of, design, endpoint)  # type: ignore[arg-type]
    # Four standard errors: each of six cases is looked at twice. Proportions of 60 are discrete by about 1 %.
    assert found.type_one.estimate == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 400) + 0.01)
    assert found.coverage.estimate == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / 800) + 0.01)
    assert found.power.estimate > 0.5
    powers = [one.estimate for _, one in found.by_size]
    assert powers == sorted(powers)


def test_power_of_shares_is_that_of_the_formula(giacta: Trial) -> None:
    from abate.design.fixed.proportions import TwoProportions

    of = wanted(giacta)
    found = characteristics(invented(of, 0.3, 0.55), of, FIXED, "sustained-remission")
    exact = TwoProportions(0.45, 0.7).power(60, 60, 0.05, 2)
    assert found.power.estimate == pytest.approx(exact, abs=3 * math.sqrt(0.25 / 800) + 0.01)
    assert found.truth == pytest.approx(0.25, abs=0.01)
    needed = people_for(found, FIXED)
    size = TwoProportions(0.45, 0.7).size(0.05, 0.9, 2, 1.0)
    assert needed["low"] <= size * 1.02
    assert size * 0.98 <= needed["high"]


def test_stopping_early_exaggerates_the_effect_and_saves_people(giacta: Trial) -> None:
    of = wanted(giacta)
    rows = invented(of, 0.3, 0.55)
    looks = characteristics(rows, of, LOOKS, "sustained-remission")
    assert looks.bias > 0.005
    assert looks.mean_people < 120
    assert characteristics(rows, of, FIXED, "sustained-remission").bias == pytest.approx(0.0, abs=1e-9)


def test_sets_of_parameters_have_truths_of_their_own(giacta: Trial) -> None:
    """Two sets with different control rates: pooled, coverage and type I error would both be wrong."""
    of = wanted(giacta, replicates=810, sets=2)
    rows = invented(of, 0.3, 0.3)
    second = rows["replicate"] >= 405
    rows.loc[second, "parameters"] = 1
    rng = np.random.default_rng(9)
    changed = second & (rows["arm"] == "control")
    rows.loc[changed, "sustained-remission"] = (rng.random(int(changed.sum())) < 0.2).astype(float)
    found = characteristics(rows, of, FIXED, "sustained-remission")
    assert found.type_one.n == 404  # 405 replicates are 202 pairs and one left over, twice
    assert found.type_one.estimate == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 404) + 0.01)
    assert found.coverage.estimate == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / 810) + 0.01)
    low, high = (one.estimate for one in found.by_set)
    assert low < 0.15
    assert high > 0.95


def test_how_many_sets_a_run_has() -> None:
    assert number_of_sets(5, 1000, plausible="library") == 5
    assert number_of_sets(None, 1000, plausible="library") == 20
    assert number_of_sets(None, 99, plausible="library") == 11  # the most up to 20 that divide 99
    assert number_of_sets(None, 1000, plausible="") == 1


def test_what_is_spared(giacta: Trial) -> None:
    of = wanted(giacta, replicates=100)
    found = spared(invented(of, 0.3, 0.55), of)
    assert found["prednisone_spared_mg"]["estimate"] == pytest.approx(500, abs=30)
    assert found["flares_avoided_a_person"]["estimate"] == pytest.approx(0.25, abs=0.05)


def test_the_running_interval_counts_the_same_trials(giacta: Trial) -> None:
    of = wanted(giacta, replicates=100)
    rows = invented(of, 0.3, 0.55)
    parts = [
        significant(rows[rows["replicate"].between(a, a + 24)], of, "sustained-remission") for a in (0, 25, 50, 75)
    ]
    whole = significant(rows, of, "sustained-remission")
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_batches_cover_every_replicate_once(giacta: Trial) -> None:
    of = wanted(giacta, people=100, replicates=60, sets=3)
    found = [r for b in running.batches(of) for r in range(b.first, b.first + b.count)]
    assert found == list(range(60))
    sets = {r: b.parameters for b in running.batches(of) for r in range(b.first, b.first + b.count)}
    assert [sets[r] for r in (0, 19, 20, 59)] == [0, 0, 1, 2]


def test_plausible_parameters_fill_their_range(giacta: Trial) -> None:
    of = wanted(giacta, replicates=80, varied=(Varied("x.k", 1.0, 2.0, "L/day"),), sets=8)
    drawn = sorted(float(of.values(k)["x.k"].split()[0]) for k in range(8))
    assert all(1 + k / 8 <= value <= 1 + (k + 1) / 8 for k, value in enumerate(drawn))
    assert of.values(3)["x.k"].endswith(" L/day")


def test_an_interrupted_run_goes_on_to_the_same_numbers(
    giacta: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = wanted(giacta, people=100, replicates=64)
    rows = invented(of, 0.3, 0.55)
    calls: list[int] = []

    def batch(_: running.Work, one: running.Batch) -> pd.DataFrame:
        calls.append(one.index)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rows[rows["replicate"].between(one.first, one.first + one.count - 1)].reset_index(drop=True)

    monkeypatch.setattr(running.Work, "__call__", batch)
    out = tmp_path / "d"
    with pytest.raises(KeyboardInterrupt):
        running.run(of, out)
    found = running.run(of, out, resume=True)
    assert calls == [0, 1, 2, 2, 3]
    keys = ["arm", "replicate", "person"]
    ordered = [frame.sort_values(keys).reset_index(drop=True) for frame in (found, rows)]
    pd.testing.assert_frame_equal(*ordered)
    with pytest.raises(InputError, match="another trial, seed or size"):
        running.run(wanted(giacta, people=100, replicates=64, seed=2), out, resume=True)
    running.discard(out)
    with pytest.raises(InputError, match="no interrupted run"):
        running.run(of, out, resume=True)


SETS = """
columns = ["tocilizumab.CL"]
sets = [[0.1], [0.2], [0.4], [0.8]]
"""


def test_each_replicate_has_a_plausible_set_of_its_own(giacta: Trial, tmp_path: Path) -> None:
    (tmp_path / "sets.toml").write_text(SETS)
    trial = giacta.model_copy(update={"weeks": 4, "endpoints": ("patients-with-a-flare",), "published": ()})
    few = {"people": 16, "replicates": 4}
    of = wanted(trial, **few, sets=4, plausible=str(tmp_path / "sets.toml"))  # type: ignore[arg-type]
    rows = running.run(of)
    assert rows.groupby("replicate")["parameters"].unique().map(list).tolist() == [[0], [1], [2], [3]]
    # The second set alone gives the second replicate: no other number enters.
    (tmp_path / "one.toml").write_text(SETS.replace("[[0.1], [0.2], [0.4], [0.8]]", "[[0.2]]"))
    alone = running.run(wanted(trial, **few, plausible=str(tmp_path / "one.toml")))  # type: ignore[arg-type]
    columns = ["arm", "person", "flares", "glucocorticoid_mg"]
    second = [f[f["replicate"] == 1][columns].reset_index(drop=True) for f in (rows, alone)]
    pd.testing.assert_frame_equal(*second)
    # A number that somebody set has no uncertainty.
    fixed = trial.model_copy(update={"parameters": {"tocilizumab.CL": 0.2}})
    same = running.run(wanted(fixed, **few, sets=4, plausible=str(tmp_path / "sets.toml")))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(same[columns], alone[columns])
    with pytest.raises(InputError, match=r"not so many plausible sets.*up to 1"):
        running.run(wanted(trial, **few, sets=2, plausible=str(tmp_path / "one.toml")))  # type: ignore[arg-type]


def test_power_over_sets_leaves_out_what_trials_scatter_by_chance() -> None:
    rng = np.random.default_rng(6)

    def seen(true: np.ndarray, trials: int) -> list[Estimate]:
        hits = rng.binomial(trials, true)
        return [Estimate(h / trials, math.nan, math.nan, 0.95, trials, "share", events=int(h)) for h in hits]

    alike = power_over_sets(seen(np.full(200, 0.7), 40))
    # By chance alone the middle 95 % of such shares would be 28 % wide.
    assert alike.high - alike.low < 0.14
    spread = rng.uniform(0.5, 0.9, 400)
    found = power_over_sets(seen(spread, 60))
    assert found.estimate == pytest.approx(0.7, abs=0.02)
    # The true middle 95 % runs from 0.51 to 0.89; shrunk to the variance, the tails of a uniform are a little wider.
    assert (found.low, found.high) == pytest.approx((0.51, 0.89), abs=0.04)
    assert math.isnan(power_over_sets(seen(np.array([0.7]), 40)).low)


@pytest.mark.slow  # starts two worker processes, each of which loads the compiled model
def test_a_cluster_gives_the_same_people(giacta: Trial) -> None:
    trial = giacta.model_copy(update={"weeks": 4, "endpoints": ("patients-with-a-flare",), "published": ()})
    of = wanted(trial, people=100, replicates=20)
    pd.testing.assert_frame_equal(running.run(of, cluster="local"), running.run(of))


def test_without_a_scheduler_nothing_is_left_behind(giacta: Trial, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Dask scheduler answers there"):
        running.run(wanted(giacta), tmp_path / "d", cluster="nowhere")
    assert list(tmp_path.iterdir()) == []


def test_the_report_says_what_it_is_conditional_on(giacta: Trial) -> None:
    from abate.report.page import render

    trial = giacta.model_copy(
        update={"endpoints": ("sustained-remission", "time-to-first-flare-days", "cumulative-glucocorticoid-mg")}
    )
    of = wanted(trial, replicates=40)
    found = analyse(invented(of, 0.3, 0.55), of, LOOKS, accrual=26.0)
    page = render(found.report())
    assert "conditional on the model" in page
    payload = found.payload()
    assert 52 + 13 <= payload["expected_duration_weeks"] <= 52 + 26
    assert payload["endpoints"]["time-to-first-flare-days"]["test"] == "log-rank test"
    with pytest.raises(InputError, match="did you mean 'sustained-remission'"):
        check_endpoint(of, "sustained-remision")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: wanted(t, people=2), "--patients: out of range"),
        (lambda t: wanted(t, replicates=10, sets=3), "not a multiple.*nearest feasible: 9"),
        (lambda t: chosen_arms(t, "tocilizumab-weekly,placebo"), "there is no such arm"),
        (lambda t: chosen_arms(t, "placebo-26,placebo-26"), "two different arms"),
        (lambda t: read_varied(["k=1"]), "not a range"),
        (lambda t: read_varied(["k=2:1"]), "not a range"),
        (lambda t: running.run(wanted(t), resume=True), "nothing to resume"),
        (lambda t: wanted(t, varied=(Varied("tocilizumap.CL", 0.1, 0.2),)).trial_of(0), "--vary: .*did you mean"),
    ],
)
def test_what_cannot_be_run_is_said(giacta: Trial, make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=message):
        make(giacta)


def test_a_few_trials_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--trial", "giacta", "--patients", "16", "--replicates", "4", "--set", "weeks=26", "--endpoint"]
    words += ["patients-with-a-flare", "--set", "endpoints=[patients-with-a-flare, cumulative-glucocorticoid-mg]"]
    with pytest.raises(SystemExit) as stop:
        main(["design", *words, "--set", "published=[]", "--json", "--out", str(tmp_path / "d")])
    out, err = capsys.readouterr()
    assert stop.value.code == 0, err
    design = json.loads(out)["design"]
    assert design["replicates"] == 4
    assert design["power"]["n"] == 4
    assert design["failed_people"] == 0
    assert len(pd.read_parquet(tmp_path / "d" / "people.parquet")) == 2 * 4 * 16
    assert not (tmp_path / ".d.replicates").exists()
