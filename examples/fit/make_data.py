"""Writes patient.csv and oral.csv beside this file: simulated, so that the truth is known."""

from pathlib import Path

import numpy as np

from abate.engine.ensemble import Dose, compile_model
from abate.science.model import load
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


if __name__ == "__main__":
    (HERE / "patient.csv").write_text(patient(), encoding="utf-8")
    (HERE / "oral.csv").write_text(oral(), encoding="utf-8")
