"""Signs that no calibration may break, on the whole model in giant cell arteritis and polymyalgia."""

import numpy as np
import pytest

from abate.engine.ensemble import Dose, Ensemble, compile_model
from abate.science.model import load

OUTPUTS = ("C", "il6", "crp", "D", "W", "symptoms", "production", "x2", "A", "P", "morning_cortisol", "signal")
Courses = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=["gca", "pmr"])
def ensemble(request: pytest.FixtureRequest) -> Ensemble:
    return compile_model(load(f"il6_blockade/{request.param}"), OUTPUTS)


def course(ensemble: Ensemble, prednisone: np.ndarray, *, drug: bool = False) -> Courses:
    """Daily course of the typical person on mg a day (one number a day), with or without weekly tocilizumab."""
    days = prednisone.size
    doses = [Dose(day + 1 / 3, "prednisone", "oral", mg) for day, mg in enumerate(prednisone) if mg]
    if drug:
        doses += [Dose(float(day), "tocilizumab", "sc", 162.0) for day in range(0, days, 7)]
    run = ensemble.start({"disease_om_z": 0.0, "disease_tau": 1e6}, persons=[0], seed=0)
    return {name: rows[:, 0] for name, rows in run.advance(days, doses, record_at=np.arange(days + 1)).items()}


def test_free_il6_rises_under_blockade_and_falls_on_prednisone(ensemble: Ensemble) -> None:
    nothing, drug = course(ensemble, np.zeros(84)), course(ensemble, np.zeros(84), drug=True)
    # At equal activity means per unit of production, since production follows activity.
    assert drug["il6"][84] / drug["production"][84] > 1.2 * nothing["il6"][84] / nothing["production"][84]
    assert drug["signal"][84] < 0.2 * nothing["signal"][84]
    steroid = course(ensemble, np.full(84, 20.0))
    assert steroid["il6"][84] < 0.8 * nothing["il6"][84]


def test_crp_falls_on_both(ensemble: Ensemble) -> None:
    nothing = course(ensemble, np.zeros(28))["crp"][28]
    assert course(ensemble, np.full(28, 20.0))["crp"][28] < 0.5 * nothing
    assert course(ensemble, np.zeros(28), drug=True)["crp"][28] < 0.1 * nothing


def test_cortisol_falls_on_prednisone_and_recovers_over_months_acth_first(ensemble: Ensemble) -> None:
    made = course(ensemble, np.concatenate([np.full(180, 15.0), np.zeros(540)]))
    cortisol, acth = made["morning_cortisol"], made["x2"]
    assert cortisol[180] < 0.5 * cortisol[0]
    after = slice(182, None)  # the last tablet has gone
    acth_back = int(np.argmax(acth[after] >= 0.9))
    cortisol_back = int(np.argmax(cortisol[after] >= 0.9 * cortisol[0]))
    assert cortisol[after][cortisol_back] >= 0.9 * cortisol[0]
    assert 30 < cortisol_back < 540
    assert acth_back < cortisol_back


def test_cortisol_returns_later_the_higher_and_the_longer_the_exposure_was(ensemble: Ensemble) -> None:
    def recovery(mg: float, days: int) -> int:
        made = course(ensemble, np.concatenate([np.full(days, mg), np.zeros(720)]))["morning_cortisol"]
        back = made[days:] >= 0.9 * made[0]
        assert back.any()
        # The last day below the level, so that a short dip counts.
        return int(np.flatnonzero(~back)[-1]) if (~back).any() else 0

    assert recovery(5.0, 180) < recovery(10.0, 180) < recovery(20.0, 180)
    assert recovery(15.0, 28) < recovery(15.0, 84) < recovery(15.0, 180)
    # By then the glands have reached the size that this dose allows: longer is not shorter.
    assert recovery(15.0, 180) <= recovery(15.0, 360)


def test_below_the_physiological_dose_the_adrenals_recover_while_prednisone_is_taken(ensemble: Ensemble) -> None:
    made = course(ensemble, np.concatenate([np.full(180, 20.0), np.full(360, 2.5)]))
    assert made["A"][180] < 0.6
    assert made["A"][540] > made["A"][180] + 0.2


def test_withdrawal_comes_within_days_and_a_flare_later(ensemble: Ensemble) -> None:
    made = course(ensemble, np.concatenate([np.full(120, 10.0), np.full(60, 5.0)]))
    withdrawal, tissue = made["W"][120:], made["D"][120:]
    peak = int(np.argmax(withdrawal))
    assert withdrawal[peak] > 0
    assert peak <= 7
    assert withdrawal[21:].max() < 0.1 * withdrawal[peak]
    # Half of the way to the new level of inflammation is days to weeks after the step, later than withdrawal's peak.
    half = int(np.argmax(tissue >= (tissue[0] + tissue[-1]) / 2))
    assert peak < half <= 28
