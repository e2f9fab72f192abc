"""Writes the data sets beside this file: simulated, so that the truth is known."""

from pathlib import Path

import numpy as np

from abate.engine.ensemble import Dose, compile_model
from abate.science.model import load
from abate.science.model.sbml_export import to_sbml
from abate.science.population import draw, load_population

HERE = Path(__file__).parent
SEED, PERSON = 77, 3


def patient() -> str:
    """Somebody with giant cell arteritis: half a year of prednisone and weekly tocilizumab, seen every four weeks."""
    steps = [40, 40, 30, 25, 20, 15, 12.5, 10, 7.5, 5, 4, 3, 2]
    rows = ["day,kind,name,value,unit,every,until", "0,covariate,weight,68,kg,,", "0,dose,tocilizumab,162,mg,7,181"]
    rows += [f"{14 * k},dose,prednisone,{mg},mg,1,{14 * k + 13}" for k, mg in enumerate(steps)]
    model, who = load("il6_blockade/gca"), np.arange(16)
    _, people = draw(load_population("gca"), model, who, SEED)
    doses = [Dose(d + 1 / 3, "prednisone", "oral", steps[d // 14]) for d in range(182)]
    doses += [Dose(7.0 * k, "tocilizumab", "sc", 162.0) for k in range(26)]
    days = np.arange(0.0, 182, 28)
    run = compile_model(model, ["crp", "symptoms", "C"]).start(people, who, SEED)
    course = run.advance(182, doses, record_at=days)
    noise = np.random.default_rng(SEED)
    for i, day in enumerate(days):
        crp = course["crp"][i, PERSON] * np.exp(0.05 * noise.normal())
        score = course["symptoms"][i, PERSON] * np.exp(0.20 * noise.normal())
        rows.append(f"{day:g},measurement,crp,{'<3' if crp < 3 else f'{crp:.3g}'},mg/L,,")
        rows.append(f"{day:g},measurement,symptom-score,{score:.2g},point,,")
        if day:
            level = course["C"][i, PERSON] * np.exp(0.22 * noise.normal())
            rows.append(f"{day:g},measurement,drug-level,{level:.3g},ug/mL,,")
    return "\n".join(rows) + "\n"


def oral() -> str:
    """Forty people, one oral dose of 300 mg, eight samples: ka 1.5 /h, CL 3 L/h (weight^0.75), V 30 L."""
    noise = np.random.default_rng(SEED)
    rows = ["ID,TIME,AMT,DV,EVID,CMT,CENS,WT"]
    for person in range(1, 41):
        weight = 70 * np.exp(0.2 * noise.normal())
        ka, cl, v = np.array([1.5, 3 * (weight / 70) ** 0.75, 30]) * np.exp([0.4, 0.3, 0.2] * noise.normal(size=3))
        rows.append(f"{person},0,300,.,1,1,0,{weight:.1f}")
        for hour in (0.5, 1, 2, 4, 8, 12, 18, 24):
            level = 300 * ka / (v * (ka - cl / v)) * (np.exp(-cl / v * hour) - np.exp(-ka * hour))
            seen = level + 0.2 * noise.normal()
            rows.append(f"{person},{hour},.,{max(seen, 0.5):.3f},0,2,{int(seen < 0.5)},{weight:.1f}")
    return "\n".join(rows) + "\n"


def occasions() -> str:
    """Thirty people, a bolus of 300 mg a day: CL 3 L/h (SD 0.3 between people, 0.2 between days), V 30 L."""
    noise = np.random.default_rng(SEED)
    rows = ["ID,TIME,AMT,DV,OCC"]
    for person in range(1, 31):
        usual, v = np.array([3, 30]) * np.exp([0.3, 0.2] * noise.normal(size=2))
        left = 0.0
        for day in range(3):
            start, rate = left + 300, usual * np.exp(0.2 * noise.normal()) / v
            rows.append(f"{person},{24 * day},300,.,{day + 1}")
            for hour in (1, 4, 8, 14, 20):
                seen = start / v * np.exp(-rate * hour) * (1 + 0.1 * noise.normal())
                rows.append(f"{person},{24 * day + hour},.,{seen:.3f},{day + 1}")
            left = start * np.exp(-rate * 24)
    return "\n".join(rows) + "\n"


def petab() -> dict[str, str]:
    """Return PEtab's files: one person on two doses, ka 1.5 /h, CL 3 L/h, V 30 L, errors of 10 %."""
    noise = np.random.default_rng(SEED)
    ka, k = 1.5, 3 / 30
    measured = ["observableId\texperimentId\ttime\tmeasurement"]
    for name, dose in (("low", 100), ("high", 300)):
        for hour in (0.5, 1, 2, 4, 8, 12, 24):
            level = dose * ka / (30 * (ka - k)) * (np.exp(-k * hour) - np.exp(-ka * hour))
            measured.append(f"level\t{name}\t{hour / 24:.8g}\t{level * np.exp(0.1 * noise.normal()):.4f}")
    return {
        "problem.yaml": "format_version: 2.0.0\nparameter_files: [parameters.tsv]\nmodel_files:\n  oral:\n"
        "    location: oral.xml\n    language: sbml\nmeasurement_files: [measurements.tsv]\n"
        "condition_files: [conditions.tsv]\nexperiment_files: [experiments.tsv]\nobservable_files: [observables.tsv]\n",
        "oral.xml": to_sbml(load("pk1_oral")),
        "parameters.tsv": "parameterId\tlowerBound\tupperBound\tnominalValue\testimate\n"
        "ka\t0.1\t10\t1\ttrue\nCL\t0.3\t30\t3\ttrue\nV\t3\t300\t30\ttrue\nerror\t0.01\t1\t0.1\ttrue\n",
        "conditions.tsv": "conditionId\ttargetId\ttargetValue\ndose_low\tdepot\t100\ndose_high\tdepot\t300\n",
        "experiments.tsv": "experimentId\ttime\tconditionId\nlow\t0\tdose_low\nhigh\t0\tdose_high\n",
        "observables.tsv": "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\n"
        "level\tC\terror\tlog-normal\n",
        "measurements.tsv": "\n".join(measured) + "\n",
    }


if __name__ == "__main__":
    (HERE / "patient.csv").write_text(patient(), encoding="utf-8")
    (HERE / "oral.csv").write_text(oral(), encoding="utf-8")
    (HERE / "occasions.csv").write_text(occasions(), encoding="utf-8")
    (HERE / "petab").mkdir(exist_ok=True)
    for name, text in petab().items():
        (HERE / "petab" / name).write_text(text, encoding="utf-8")
