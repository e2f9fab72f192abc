"""Posteriors in ArviZ's shape."""

from __future__ import annotations

import numpy as np
import pytest

from abate.inference import fit_person
from abate.inference.arviz_data import fit_data, posterior_data
from abate.inference.nlme import Plan, fit_population
from abate.inference.patient import parse_patient


def test_a_person_has_posterior_and_prior():
    pytest.importorskip("arviz", reason="the extra 'fit' is not installed", exc_type=ImportError)
    text = "day,kind,name,value,unit\n0,dose,tocilizumab,162,mg\n7,measurement,drug-level,9.1,ug/mL\n"
    posterior = fit_person("tocilizumab/ra", parse_patient(text), people=64, seed=1)
    data = posterior_data(posterior)
    assert data.posterior["CL"].shape == (1, 64)
    # systematic resampling of 64 people keeps the mean to about one of them
    expected = np.sum(posterior.weights * posterior.parameters["CL"])
    assert float(data.posterior["CL"].mean()) == pytest.approx(expected, rel=0.05)
    assert set(data.groups()) >= {"posterior", "prior", "posterior_predictive", "observed_data"}


def test_subjects_of_a_fit_have_their_draws(tmp_path):
    pytest.importorskip("arviz", reason="the extra 'fit' is not installed", exc_type=ImportError)
    path = tmp_path / "d.csv"
    rows = [f"{i},{t},{a},{y}" for i in (1, 2, 3, 4)
            for t, a, y in ((0, 100, "."), (1, ".", 2 + i / 9), (5, ".", 2 - i / 9), (20, ".", 0.5))]  # fmt: skip
    path.write_text("ID,TIME,AMT,DV\n" + "\n".join(rows) + "\n")
    fit = fit_population("pk1_oral", path, plan=Plan(20, 10, 2), samples=200, seed=1)
    data = fit_data(fit)
    # conditional draws keep their subject, chain and order
    assert data.posterior["CL"].shape == (2, 90, 4)
    own = np.exp(fit.conditional.draws[1, 2, 0])
    assert float(data.posterior["CL"][0, 1, 1]) == pytest.approx(own)
