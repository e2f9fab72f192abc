"""Simulation-based calibration of the one-patient posterior: one bank of virtual people serves every patient.

python tests/inference/calibration.py
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chisquare

from abate.ground.randomness import normal
from abate.inference.patient import Measurement, Patient, PatientDose
from abate.inference.prior import Prior
from abate.inference.seen import read_seen
from abate.science.model import load
from abate.science.population import load_population
from abate.study.observation import load_clinic

LEVELS = ((28.0, "drug-level"), (84.0, "drug-level"))
WHOLE = ((0.0, "symptom-score"), (28.0, "drug-level"), (56.0, "symptom-score"), (84.0, "drug-level"))


def ranks(people, truths, plan):
    """Ranks of true values within their posteriors, one bank of people serving all patients.

    Patients of the same schedule: a taper over 12 weeks, the antibody weekly, and a few measurements. Every one is
    drawn from the prior, measured with error, and weighed against the bank.
    """
    names = ("tocilizumab_CL", "disease_I0", "disease_fGC")
    model = load("il6_blockade/gca")
    doses = [PatientDose(d + 1 / 3, "prednisone", "oral", 30.0 - 5 * (d // 14)) for d in range(84)]
    doses += [PatientDose(7.0 * k, "tocilizumab", "sc", 162.0) for k in range(12)]
    measurements = tuple(Measurement(t, name, 1.0) for t, name in plan)
    units = {"symptom-score": "point", "drug-level": "ug/mL"}
    clinic = load_clinic()
    measurements = tuple(Measurement(m.time, m.name, m.value, units[m.name]) for m in measurements)
    patient = Patient("bank", tuple(doses), measurements, day=84)
    prior = Prior(model, patient, read_seen(patient, model), load_population("gca"), seed=4)
    who = np.arange(people + truths)
    numbers, covariates = prior.draw(who), prior.covariates(who)
    course = prior.course(numbers, covariates)
    predicted = prior.seen.predict(course)
    noise = np.array([clinic[m.name].noise for m in measurements])
    seen = np.log(predicted) + noise[:, None] * normal(4, "calibration", who, np.arange(len(plan))[:, None])
    values = prior.parameters(numbers, covariates)
    bank, found, effective = slice(0, people), {n: [] for n in names}, []
    for truth in range(people, people + truths):
        z = (seen[:, truth, None] - np.log(predicted[:, bank])) / noise[:, None]
        log = -0.5 * np.sum(z**2, axis=0)
        weights = np.exp(log - log.max())
        weights /= weights.sum()
        effective.append(1 / np.sum(weights**2))
        for name in names:
            found[name].append(float(np.sum(weights[values[name][bank] < values[name][truth]])))
    return {n: np.array(v) for n, v in found.items()}, np.array(effective)


def uniform_p(shares, bins=10):
    return chisquare(np.histogram(shares, bins, (0, 1))[0]).pvalue


def main():
    found, effective = ranks(8000, 400, WHOLE)
    print("median effective people", np.median(effective))
    for name, shares in found.items():
        print(f"{name}: chi-square p {uniform_p(shares):.3f}", np.histogram(shares, 10, (0, 1))[0])


if __name__ == "__main__":
    main()
