"""``abate fit`` for one patient: the posterior, its tables and its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abate.cli.fit_show import show_person, warn
from abate.cli.output import emit, progress

if TYPE_CHECKING:
    from abate.inference.person import Posterior
    from abate.science.model import Model

__all__ = ["fit_patient"]


def fit_patient(
    model: Model, path: Path, people: int, population: str, seed: int, json_: bool, out: Path | None
) -> None:
    """Infer one patient's parameters, print them, and write what is asked for."""
    from abate.ground.files import fresh_directory
    from abate.ground.results import write_results
    from abate.inference import fit_person, read_patient
    from abate.inference.arviz_data import posterior_data, write_data
    from abate.report.fit_person import person_payload, person_report

    patient = read_patient(path)
    whose = None if population == "none" else population
    with progress(f"{model.name}: posterior of {patient.name}") as tell:
        posterior = fit_person(model, patient, people=-(-people // 16) * 16, seed=seed, population=whose, progress=tell)
    payload = person_payload(posterior)
    if out is not None:
        from abate.report.page import write

        with fresh_directory(out) as folder:
            write_results(folder, "posterior", seed, payload)
            _people_table(posterior).to_parquet(folder / "people.parquet", index=False)
            write_data(lambda: posterior_data(posterior), folder / "inference.nc")
            write(person_report(posterior), folder)
    warn(payload)
    emit(payload, kind="posterior", seed=seed, json_=json_, out=None, show=lambda p: show_person(p, out))


def _people_table(posterior: Posterior) -> Any:
    import pandas as pd

    frame = pd.DataFrame({"person": posterior.persons, "weight": posterior.weights})
    return frame.assign(**{n: v for n, v in posterior.parameters.items() if n in posterior.effects})
