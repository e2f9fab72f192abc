"""Run replicate trials: one large pool of people an arm, cut into trials, so that no two share a person.

Draws are keyed by person, so replicate r of n people is people ``r * n`` to ``(r + 1) * n`` of one pool: the same
whatever the size of a batch. Here the engine spreads the people of a batch over all cores; on a cluster each worker
takes batches of its own. Each batch is written when it is done; an interrupted run goes on from there, with or without
a cluster, to the same numbers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from abate.design.virtual.settings import Replicates
from abate.engine.cluster import run_chunks
from abate.ground.errors import InputError, StorageError
from abate.ground.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

    from abate.trial.setup import Setup

__all__ = ["Batch", "Work", "batches", "discard", "run"]

# People of one arm in one call of the engine: enough to fill its lanes, few enough to stay small in memory.
POOL = 1600

Tell = Callable[[float, "pd.DataFrame"], None]


@dataclass(frozen=True)
class Batch:
    """Some replicates of one set of parameters."""

    index: int
    parameters: int
    first: int
    count: int

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"batch-{self.index:05d}.parquet"


def batches(wanted: Replicates) -> Iterator[Batch]:
    """Yield the batches of a run, set by set."""
    # Plausible sets are told by the replicate's number, so that one model serves them all.
    models = 1 if wanted.plausible else wanted.sets
    each = wanted.replicates // models
    step = max(1, POOL // wanted.people)
    index = 0
    for parameters in range(models):
        for first in range(0, each, step):
            yield Batch(index, parameters, parameters * each + first, min(step, each - first))
            index += 1


def run(
    wanted: Replicates,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    cluster: str | None = None,
    tell: Tell | None = None,
) -> pd.DataFrame:
    """Run all replicates.

    Parameters
    ----------
    wanted : Replicates
    folder : str or Path, optional
        Where batches are kept until the run is whole; without it nothing can be resumed.
    resume : bool
        Go on with the batches that are there.
    cluster : str, optional
        Address of a Dask scheduler, or ``local`` to start one on this machine.
    tell : callable, optional
        Called after each batch with the share done and the rows of that batch.

    Returns
    -------
    DataFrame
        One row a person: ``replicate``, ``parameters``, ``arm`` (treatment or control), ``person``, and one column an
        endpoint, besides flares, followed days and prednisone.

    Raises
    ------
    InputError
        If there is nothing to resume, or it was another run, or there is no scheduler at the address.
    StorageError
        If the disk refuses; finished batches are kept.
    """
    import pandas as pd

    plan = list(batches(wanted))
    parts = _folder(wanted, None if folder is None else Path(folder), resume)
    frames: dict[int, pd.DataFrame] = {}

    def add(batch: Batch, frame: pd.DataFrame) -> None:
        frames[batch.index] = frame
        if tell is not None:
            tell(len(frames) / len(plan), frame)

    waiting = []
    for batch in plan:
        if parts is not None and (parts / batch.file).exists():
            add(batch, pd.read_parquet(parts / batch.file))
        else:
            waiting.append(batch)

    def finished(batch: Batch, frame: pd.DataFrame) -> None:
        if parts is not None:
            _store(frame, parts / batch.file)
        add(batch, frame)

    try:
        run_chunks(Work(wanted), waiting, finished, cluster)
    except InputError:
        # Nothing was begun (no scheduler at the address, say), so there is nothing to resume.
        if parts is not None and not frames:
            shutil.rmtree(parts, ignore_errors=True)
        raise
    return pd.concat([frames[batch.index] for batch in plan], ignore_index=True)


def discard(folder: str | Path) -> None:
    """Remove the batches of a run that is whole."""
    shutil.rmtree(_parts(Path(folder)), ignore_errors=True)


@dataclass(frozen=True)
class Work:
    """What is done with a batch: a pure function of it, which travels to a cluster by pickle."""

    wanted: Replicates

    def __call__(self, batch: Batch) -> pd.DataFrame:
        """Return one row a person of the batch."""
        import pandas as pd

        wanted, setup = self.wanted, _prepared(self.wanted, batch.parameters)
        people = np.arange(batch.first * wanted.people, (batch.first + batch.count) * wanted.people)
        frames = []
        for role, arm in (("treatment", wanted.treatment), ("control", wanted.control)):
            frame = _people(setup, arm, people, wanted.seed)
            frame.insert(0, "person", people % wanted.people)
            frame.insert(0, "arm", role)
            replicate = people // wanted.people
            frame.insert(0, "parameters", replicate % wanted.sets if wanted.plausible else batch.parameters)
            frame.insert(0, "replicate", replicate)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)


_READY: dict[str, Setup] = {}
"""The trial that this process prepared last: batches come set by set, so one is enough."""


def _prepared(wanted: Replicates, parameters: int) -> Setup:
    """Look up and compile the trial with a set of parameters, once in a process."""
    from abate.design.virtual.plausible import with_plausible_sets
    from abate.trial.setup import prepare

    key = f"{wanted.identity()}-{parameters}"
    ready = _READY.get(key)
    if ready is None:
        ready = with_plausible_sets(prepare(wanted.trial_of(parameters), outputs=()), wanted)
        _READY.clear()
        _READY[key] = ready
    return ready


def _people(setup: Setup, arm: str, people: np.ndarray, seed: int) -> pd.DataFrame:
    from abate.study.endpoints import per_person
    from abate.study.observation import load_clinic
    from abate.study.tables import StudyTables
    from abate.trial.simulate import course_of
    from abate.trial.tables import study_rows

    # Arms of one trial hold different people; the ledger is of no use here and its rows are many.
    course = replace(course_of(setup, arm, people, seed), ledger=[])
    subjects = np.array([f"{number:09d}" for number in people], dtype=object)
    tables = study_rows(course, arm, subjects, load_clinic())
    whole = StudyTables(
        tables["subjects"], tables["measurements"], tables["doses"], tables["events"], tables["decisions"]
    )
    rows = per_person(whole, setup.trial.days, list(setup.trial.endpoints), setup.trial.endpoint_rules)
    kept = ["flares", "followed", "flare", "withdrawal", "failure", "glucocorticoid_mg", *setup.trial.endpoints]
    return rows.loc[list(subjects), list(dict.fromkeys(kept))].reset_index(drop=True)


def _parts(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replicates")


def _folder(wanted: Replicates, folder: Path | None, resume: bool) -> Path | None:
    if folder is None:
        if resume:
            raise InputError("--resume", "without --out there is nothing to resume", hint="give the same --out")
        return None
    parts = _parts(folder)
    mark = parts / "identity"
    if resume:
        if not mark.exists():
            raise InputError(
                "--resume", "there is no interrupted run", value=str(folder), hint="run it without --resume"
            )
        if mark.read_text(encoding="utf-8") != wanted.identity():
            raise InputError(
                "--resume",
                "the interrupted run had another trial, seed or size",
                value=str(folder),
                hint="give the same ones, or run without --resume",
            )
        return parts
    shutil.rmtree(parts, ignore_errors=True)
    write_atomically(mark, wanted.identity())
    return parts


def _store(frame: pd.DataFrame, file: Path) -> None:
    try:
        frame.to_parquet(file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)
    except OSError as error:
        raise StorageError(
            f"{file}: could not be written ({error.strerror}); free some space, then --resume"
        ) from error
