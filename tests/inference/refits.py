"""Simulate and refit: data sets from known truth, each fitted, one row of results a set.

As a program it goes on where it stopped, so that results of a part count::

    python tests/inference/refits.py one-compartment --sets 100 --out one.csv
    python tests/inference/refits.py frey-2010 --sets 20 --out frey.csv
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import tempfile
from pathlib import Path

import numpy as np

from abate.engine.ensemble import Dose, compile_model
from abate.ground.randomness import normal
from abate.inference.nlme import Choices, Plan, fit_population
from abate.science.model import load


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made, daily = loaded("one_compartment"), loaded("daily_occasions")

DAILY = {"CL": 3.0, "V": 30.0, "iov.CL": 0.04}
ONE = {"ka": 1.5, "CL": 3.0, "V": 30.0}
FREY = {"CL": 0.3, "V1": 3.5, "V2": 2.9, "VM": 7.5}


def one_compartment(folder, seed):
    """Fit 60 people with 8 samples each; estimates by name."""
    path = folder / f"one-{seed}.csv"
    path.write_text(made.simulated_rows(1000 + seed))
    return fit_population("pk1_oral", path, seed=seed, plan=Plan(120, 60), samples=400).estimates()


def frey_rows(seed, subjects=60):
    """60 people on 8 mg/kg every 4 weeks (70 kg), 8 samples over 8 weeks, from the model itself."""
    model = load("tocilizumab/ra")
    who = np.arange(subjects)
    people = {
        name: model.parameters[name].value * np.exp(model.parameters[name].spread * normal(seed, f"test:{name}", who))
        for name in FREY
    }
    times = np.array([0.5, 3.0, 7.0, 14.0, 27.9, 35.0, 42.0, 55.9])
    doses = [Dose(t, "tocilizumab", "iv", 560.0, 1 / 24) for t in (0.0, 28.0)]
    run = compile_model(model, ["C"]).start(people, who, seed)
    truth = run.advance(56.0, doses, record_at=times)["C"]
    seen = truth * (1 + 0.15 * normal(seed, "test:error", who, np.arange(8)[:, None]))
    lines = ["ID,TIME,AMT,RATE,DV,CMT,EVID"]
    for i in who:
        records = [(t, f"{i + 1},{t},560,{560 * 24},.,2,1") for t in (0.0, 28.0)]
        records += [(t, f"{i + 1},{t},.,.,{max(y, 0.01):.4f},2,0") for t, y in zip(times, seen[:, i], strict=True)]
        lines += [row for _, row in sorted(records, key=lambda r: r[0])]
    return "\n".join(lines) + "\n"


def frey_fit(path, seed, plan):
    """KM is fixed: its random effect is none in the model."""
    choices = Choices(correlate=(), error={"": "proportional"})
    return fit_population("tocilizumab/ra", path, seed=seed, plan=plan, samples=400, choices=choices)


def frey_2010(folder, seed):
    """Fit 60 people of Frey 2010; estimates by name."""
    path = folder / f"frey-{seed}.csv"
    path.write_text(frey_rows(100 + seed))
    return frey_fit(path, seed, Plan(150, 80)).estimates()


def occasions(folder, seed):
    """Fit 40 people over three days whose clearance differs from day to day; estimates by name."""
    path = folder / f"occasions-{seed}.csv"
    path.write_text(daily.simulated(500 + seed))
    choices = Choices(occasions=("CL",), error={"": "proportional"})
    return fit_population("pk1_iv", path, seed=seed, plan=Plan(120, 60), samples=400, choices=choices).estimates()


KINDS = {
    "one-compartment": (one_compartment, ONE),
    "frey-2010": (frey_2010, FREY),
    "occasions": (occasions, DAILY),
}


def row(estimates, truth):
    """Relative error of each typical value, then whether its 95 % interval holds the truth."""
    errors = [estimates[n]["estimate"] / v - 1 for n, v in truth.items()]
    return errors + [float(estimates[n]["low"] < v < estimates[n]["high"]) for n, v in truth.items()]


def refit(kind, seeds, folder):
    """Fit data sets; relative errors and coverage, each of shape (sets, parameters)."""
    fit, truth = KINDS[kind]
    found = np.array([row(fit(folder, seed), truth) for seed in seeds])
    return found[:, : len(truth)], found[:, len(truth) :]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    fit, truth = KINDS[asked.kind]
    done = {int(r[0]) for r in csv.reader(asked.out.open()) if r[0].isdigit()} if asked.out.exists() else set()
    if not done:
        asked.out.write_text(",".join(["seed", *(f"error {n}" for n in truth), *(f"held {n}" for n in truth)]) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        for seed in (s for s in range(asked.sets) if s not in done):
            values = row(fit(Path(folder), seed), truth)
            with asked.out.open("a") as file:
                file.write(",".join([str(seed), *(f"{v:.6g}" for v in values)]) + "\n")
    table = np.array([[float(v) for v in r[1:]] for r in csv.reader(asked.out.open()) if r[0].isdigit()])
    for j, name in enumerate(truth):
        errors, held = table[:, j], table[:, j + len(truth)]
        print(f"{name}: bias {errors.mean():+.2%}, coverage {held.mean():.1%} of {len(table)} sets")


if __name__ == "__main__":
    main()
