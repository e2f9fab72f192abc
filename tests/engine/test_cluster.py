"""Chunks on real Dask processes: the same bits with one worker, with two or eight, and when one is killed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from abate.engine.cluster import run_chunks
from abate.engine.ensemble import Dose, compile_model, simulate, whole_groups
from abate.ground.errors import InputError
from abate.science.model import load

distributed = pytest.importorskip("distributed")

CHUNKS = [(first, 32) for first in range(0, 128, 32)]


def course(chunk: tuple[int, int]) -> np.ndarray:
    """Concentrations of a chunk of people, who differ by their number."""
    persons = whole_groups(chunk[1], chunk[0])
    clearance = 0.3 + 0.001 * persons
    doses = [Dose(7.0 * week, "tocilizumab", "sc", 162.0) for week in range(8)]
    return simulate(load("tocilizumab/ra"), {"CL": clearance}, doses, 56.0, persons=persons)["C"]


def slow_course(chunk: tuple[int, int, str]) -> np.ndarray:
    """The same, leaving a sign that it began, and taking its time."""
    Path(chunk[2], f"{chunk[0]}-{os.getpid()}").touch()
    time.sleep(0.2)
    return course(chunk[:2])


class Cluster:
    """A scheduler and workers as processes of their own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder = folder
        self.address = f"tcp://127.0.0.1:{port}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        self.listening(port)

    def listening(self, port: int) -> None:
        """Wait until the scheduler answers: on a busy machine its imports alone take longer than a client waits."""
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
                return
            assert self.processes[0].poll() is None, (self.folder / "0.log").read_text()
            time.sleep(0.1)
        pytest.fail(f"no scheduler on port {port} after two minutes")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        log = open(self.folder / f"{len(self.processes)}.log", "wb")  # noqa: SIM115
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], cwd=self.folder, env=environment, stdout=log, stderr=log
        )
        log.close()
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    processes = Cluster(tmp_path)
    yield processes
    processes.stop()


def here() -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    run_chunks(course, CHUNKS, lambda _chunk, result: kept.append(result))
    return kept


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_a_killed_worker_changes_no_bit(cluster: Cluster, tmp_path: Path) -> None:
    victim = cluster.worker()
    cluster.worker()
    signs = tmp_path / "signs"
    signs.mkdir()
    order: list[int] = []
    kept: list[np.ndarray] = []

    def finished(chunk: tuple[int, int, str], result: np.ndarray) -> None:
        order.append(chunk[0])
        kept.append(result)
        if len(kept) == 1:
            victim.send_signal(signal.SIGKILL)

    # by value: the workers need not be able to import the tests
    from distributed.protocol.pickle import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        run_chunks(slow_course, [(*chunk, str(signs)) for chunk in CHUNKS], finished, cluster.address)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert victim.wait() == -signal.SIGKILL
    assert order == [first for first, _ in CHUNKS]
    for got, expected in zip(kept, here(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_no_scheduler_is_said_plainly() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(InputError, match="no Dask scheduler answers"):
            run_chunks(course, CHUNKS, lambda _chunk, _result: None, address)


def test_a_compiled_model_travels() -> None:
    ensemble = compile_model(load("tocilizumab/ra"), ["C"])
    arrived = pickle.loads(pickle.dumps(ensemble))
    dose = [Dose(0.0, "tocilizumab", "iv", 560.0, duration=1 / 24)]
    courses = [e.start({}, [0], seed=1).advance(7.0, dose)["C"] for e in (ensemble, arrived)]
    np.testing.assert_array_equal(*courses)


SHORT = """
name: short
title: "Two weeks of two arms"
disease: gca
source: "made for this test"
weeks: 2
visits: every week
measures: [symptom-score, crp]
population: gca
policy: giacta
entry:
  prednisone: {mg: [40], share: [1.0], source: "made for this test", grade: assumed}
arms:
  treated:
    {label: Tocilizumab, patients: 3080, drugs: [tocilizumab 162 mg sc every week for 2 weeks], taper: giacta-26}
  plain: {label: Placebo, patients: 1040, taper: giacta-26}
reference: plain
endpoints: [patients-with-a-flare]
"""
"""Six chunks of at most 1,024 people."""


class Trial:
    """``abate simulate`` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "short.yaml").write_text(SHORT)

    def start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        code = "from abate.cli.main import main; main()"
        words = ["simulate", "short.yaml", "--out", name, *options]
        log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115
        process = subprocess.Popen([sys.executable, "-c", code, *words], cwd=self.folder, stdout=log, stderr=log)
        log.close()
        return process

    def run(self, name: str, *options: str) -> None:
        self.ends_well(name, self.start(name, *options))

    def ends_well(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.wait(timeout=500) == 0, (self.folder / f"{name}.log").read_text()

    def until_parts_are_there(self, name: str, process: subprocess.Popen[bytes], count: int) -> None:
        """Wait for finished chunks, so that what is killed is killed in the middle of the run."""
        while len(list(self.folder.glob(f".{name}.partial/*.done"))) < count:
            assert process.poll() is None, (self.folder / f"{name}.log").read_text()
            time.sleep(0.01)

    def hashes(self, name: str) -> dict[str, str]:
        """Of every file of a Study."""
        files = sorted(p for p in (self.folder / name).rglob("*") if p.is_file())
        assert any(p.suffix == ".parquet" for p in files)
        return {str(p.relative_to(self.folder / name)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


@pytest.mark.slow
def test_a_trial_killed_on_a_cluster_and_resumed_there_has_the_same_bytes(cluster: Cluster, trial: Trial) -> None:
    """The run loses a worker, is then killed itself, and goes on where it was."""
    trial.run("alone")
    victim = cluster.worker()
    cluster.worker()
    process = trial.start("there", "--cluster", cluster.address)
    trial.until_parts_are_there("there", process, 1)
    victim.kill()
    trial.until_parts_are_there("there", process, 2)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (trial.folder / "there").exists()
    trial.run("there", "--cluster", cluster.address, "--resume")
    assert trial.hashes("there") == trial.hashes("alone")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_trial_has_the_same_bytes_with_any_number_of_workers(cluster: Cluster, trial: Trial, workers: int) -> None:
    """Of several, one is killed; the only one is killed and another comes."""
    trial.run("alone")
    processes = [cluster.worker() for _ in range(workers)]
    process = trial.start("there", "--cluster", cluster.address)
    trial.until_parts_are_there("there", process, 1)
    processes[0].kill()
    if workers == 1:
        cluster.worker()
    trial.ends_well("there", process)
    assert processes[0].wait() == -signal.SIGKILL
    assert trial.hashes("there") == trial.hashes("alone")
