"""``abate fit PROBLEM.yaml``: the parameters of a PEtab problem."""

from __future__ import annotations

from pathlib import Path

from abate.cli.fit_show import show_petab, warn
from abate.cli.output import emit, progress

__all__ = ["fit_petab"]


def fit_petab(path: Path, seed: int, json_: bool, out: Path | None) -> None:
    """Estimate a PEtab problem's parameters, print them, and write what is asked for."""
    from abate.inference.petab import fit_problem, read_problem

    problem = read_problem(path)
    with progress(f"{problem.name}: {len(problem.free)} parameters") as tell:
        found = fit_problem(problem, seed=seed, progress=tell)
    payload = found.payload()
    if out is not None:
        from abate.ground.files import fresh_directory
        from abate.ground.results import write_results
        from abate.report.fit_petab import petab_report
        from abate.report.page import write

        with fresh_directory(out) as folder:
            write_results(folder, "petab-fit", seed, payload)
            write(petab_report(found), folder)
    warn(payload)
    emit(payload, kind="petab-fit", seed=seed, json_=json_, out=None, show=lambda p: show_petab(p, out))
