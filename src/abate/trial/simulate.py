"""A whole trial: arms in chunks of people, written part by part, put together at the end.

Memory stays flat: a chunk of people is run from entry to end, its tables are written beside the Study to be, and only
then the next one begins. What is finished survives any interruption and `resume` goes on from there, to the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.engine.cluster import run_chunks
from abate.engine.ensemble import whole_groups
from abate.engine.solver import Code
from abate.ground.errors import InputError, SolveError, StorageError
from abate.ground.files import check_replaceable, write_atomically
from abate.study.observation import load_clinic
from abate.study.store import Study
from abate.trial.arm import run_arm
from abate.trial.assembly import CHUNK, Chunk, assemble, chunks_of, is_whole, write_part
from abate.trial.borrowed import borrowed
from abate.trial.computing import Agreement, Computing, agreement
from abate.trial.course import Course
from abate.trial.notes import notes
from abate.trial.protocol import Trial
from abate.trial.setup import ARM_STRIDE, Setup, prepare

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CHUNK", "Setup", "course_of", "prepare", "simulate"]

GROUP = 16
COMPARED = 64
"""People of each arm on whom a way of computing is held against the plain one."""


def simulate(
    trial: Trial,
    out: str | Path,
    *,
    seed: int = 1,
    patients: int | None = None,
    resume: bool = False,
    cluster: str | None = None,
    computing: Computing | None = None,
    strict: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Study:
    """Run a trial and write its Study.

    Parameters
    ----------
    trial : Trial
        The protocol.
    out : str or Path
        Folder of the Study; it appears whole or not at all.
    seed : int
        Of all draws.
    patients : int, optional
        In each arm; by default as the protocol says.
    resume : bool
        Go on with an interrupted run of the same trial, seed and size.
    cluster : str, optional
        Address of a Dask scheduler, or ``local`` to start one: chunks of people run there, to the same bytes.
    computing : Computing, optional
        Precision, device and treatment of fast states. What is not plain is compared with the plain way on the first
        people of each arm beforehand, and the Study says how far apart they are.
    strict : bool
        Stop at the first person whose equations could not be solved, instead of counting such people.
    progress : callable, optional
        Called with the share done, 0-1.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        If something in the protocol does not fit, or there is nothing to resume.
    StorageError
        If the disk refuses; finished parts are kept for `resume`.
    SolveError
        With `strict`, for a person whose equations could not be solved.
    """
    if patients is not None and patients < 1:
        raise InputError("--patients", "an arm needs patients", value=patients, allowed="1 or more")
    target = Path(out)
    check_replaceable(target, study=True)
    setup = prepare(trial, seed=seed, computing=computing)
    sizes = {slug: patients or arm.patients for slug, arm in trial.arms.items()}
    head = _head(setup, seed, sizes)
    if computing and not computing.plain:
        head["provenance"]["computing"] = _agreement(setup, seed, sizes, computing).told(computing)
    parts = _parts_folder(target, head, resume)
    chunks = list(chunks_of(sizes))
    waiting = [chunk for chunk in chunks if not is_whole(parts, chunk)]
    told = _Told(progress, sum(sizes.values()), sum(c.patients for c in chunks) - sum(c.patients for c in waiting))

    def finished(chunk: Chunk, course: Course) -> None:
        if strict:
            _stop_at_failure(chunk, course)
        write_part(parts, chunk, course, setup)
        told.finished(chunk.patients)

    try:
        # On a cluster the work travels; here it tells how far it has come.
        work = _Work(setup, seed, None if cluster else told)
        try:
            run_chunks(work, waiting, finished, cluster)
        except InputError:
            # Nothing was begun (no scheduler at the address, say), so there is nothing to resume.
            if not any(parts.glob("*.done")):
                shutil.rmtree(parts, ignore_errors=True)
            raise
        assemble(parts, chunks, head, target, setup)
    except (OSError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        reason = getattr(cause, "strerror", None) or str(cause or error)
        raise StorageError(f"{target}: could not be written ({reason}); free some space, then --resume") from error
    return Study(target)


def course_of(setup: Setup, arm: str, persons: npt.ArrayLike, seed: int) -> Course:
    """Run some people of an arm in memory; row i of the result is ``persons[i]`` (whole groups of 16 are run)."""
    who = np.atleast_1d(np.asarray(persons, dtype=np.int64))
    base = 0 if setup.trial.twins else list(setup.trial.arms).index(arm) * ARM_STRIDE
    groups = np.unique(who // GROUP)
    everyone = (groups[:, None] * GROUP + np.arange(GROUP)).ravel()
    course = _course(setup, arm, base + everyone, seed, None)
    return course.take(np.searchsorted(everyone, who))


def _agreement(setup: Setup, seed: int, sizes: dict[str, int], computing: Computing) -> Agreement:
    """Compare with the plain way on the first people of each arm."""
    plain = prepare(setup.trial, seed=seed)
    who = {slug: np.arange(min(size, COMPARED)) for slug, size in sizes.items()}
    return agreement(
        lambda slug: course_of(plain, slug, who[slug], seed),
        lambda slug: course_of(setup, slug, who[slug], seed),
        list(sizes),
    )


def _stop_at_failure(chunk: Chunk, course: Course) -> None:
    failed = np.flatnonzero(course.codes[: chunk.patients])
    if failed.size:
        code = Code(int(course.codes[failed[0]]))
        raise SolveError(
            f"{chunk.arm}/{chunk.first + int(failed[0]):06d}: the equations could not be solved "
            f"(code {int(code)}: {code.name.lower().replace('_', ' ')}); without --strict such people are counted"
        )


class _Told:
    """How far a run has come: people finished, and the share of the chunk that is on its way."""

    def __init__(self, progress: Callable[[float], None] | None, people: int, done: int) -> None:
        self.progress, self.people, self.done = progress, people, done

    def share(self, people: int, share: float) -> None:
        if self.progress:
            self.progress((self.done + share * people) / self.people)

    def finished(self, people: int) -> None:
        self.done += people
        self.share(0, 0.0)


@dataclass(frozen=True)
class _Work:
    """What is done with a chunk: a pure function of it, which travels to a cluster by pickle."""

    setup: Setup
    seed: int
    told: _Told | None = None

    def __call__(self, chunk: Chunk) -> Course:
        setup, told = self.setup, self.told
        base = 0 if setup.trial.twins else list(setup.trial.arms).index(chunk.arm) * ARM_STRIDE
        tell = (lambda share: told.share(chunk.patients, share)) if told else None
        return _course(setup, chunk.arm, base + whole_groups(chunk.patients, chunk.first), self.seed, tell)


def _course(
    setup: Setup, slug: str, persons: npt.NDArray[np.int64], seed: int, progress: Callable[[float], None] | None
) -> Course:
    arm = setup.trial.arms[slug]
    return run_arm(
        setup.trial,
        arm,
        setup.policy(arm),
        setup.population,
        load_clinic(),
        setup.ensemble,
        persons,
        seed,
        progress,
        numbers=setup.numbers(slug, persons),
    )


def _head(setup: Setup, seed: int, sizes: dict[str, int]) -> dict[str, Any]:
    from abate.ground.version import __version__

    trial = setup.trial
    return {
        "name": trial.title,
        "trial": trial.name,
        "source": "simulated",
        "disease": trial.disease,
        "days": trial.days,
        "arms": {slug: arm.label for slug, arm in trial.arms.items()},
        "sizes": sizes,
        "groups": {slug: list(arms) for slug, arms in trial.groups.items()},
        "reference": trial.reference,
        "endpoints": list(trial.endpoints),
        "endpoint_rules": trial.endpoint_rules,
        "not_validated": [*borrowed(trial), *notes(trial, setup.policies)],
        "published": [row.model_dump(exclude_none=True) for row in trial.published],
        "provenance": {
            "abate": __version__,
            "seed": seed,
            "model": setup.model.name,
            "model_hash": setup.model.hash,
            "policy": trial.policy,
            "population": setup.population.name,
            "protocol": trial.source,
            "calibrated": [
                *sorted({f"{r.target}: {r.arm}" for r in trial.published if r.calibrated}),
                *(
                    f"model: {setup.model.spell(n)}"
                    for n, p in setup.model.parameters.items()
                    if p.grade == "calibrated"
                ),
            ],
            "set": [f"{name}={value}" for name, value in trial.parameters.items()],
            "uncertainty": trial.uncertainty,
        },
    }


def _parts_folder(target: Path, head: dict[str, Any], resume: bool) -> Path:
    parts = target.with_name(f".{target.name}.partial")
    identity = json.dumps(head, sort_keys=True)
    mark = parts / "head.json"
    if resume:
        if not mark.exists():
            raise InputError(
                "--resume", "there is no interrupted run", value=str(target), hint="run it without --resume"
            )
        if mark.read_text(encoding="utf-8") != identity:
            raise InputError(
                "--resume",
                "the interrupted run had another trial, seed or size",
                value=str(target),
                hint="give the same ones, or run without --resume",
            )
        return parts
    shutil.rmtree(parts, ignore_errors=True)
    try:
        parts.mkdir(parents=True)
    except OSError as error:
        raise StorageError(f"{target}: could not be written ({error.strerror}); choose another --out") from error
    write_atomically(mark, identity)
    return parts
