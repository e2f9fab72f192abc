"""People on a graphics card: the module of a kernel, its compilation, and one call from the host.

The module is written as a file in the cache of kernels, under a hash of all that it depends on, because numba keeps the
machine code of what stands in a file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import warnings
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from abate.engine.solver.native import cache_directory
from abate.ground.errors import InputError, MissingExtra
from abate.ground.files import write_atomically

if TYPE_CHECKING:
    from abate.engine.solver.job import Job, Limits
    from abate.engine.solver.source import Source
    from abate.engine.solver.state import State

__all__ = ["CardCode", "check_card", "compile_for_card"]

_MARK = "# --- below, the text of a kernel's module goes on"
_THREADS = 128
"""People in a block."""
_SHARE = 0.8
"""Of the card's free memory that is used."""

_HEAD = '''"""Generated: one system for one person a thread."""
from __future__ import annotations
import numpy as np
from numba import cuda
from abate.engine.solver.gpu.operations import device, of_precision

STATES, OUTPUTS, WORK, NUMBER = {states}, {outputs}, {work}, np.float{bits}
INF, NAN = np.inf, np.nan
globals().update(of_precision({bits}))
globals().update({{"wide_" + name: function for name, function in of_precision(64).items()}})


'''


@dataclass(frozen=True)
class CardCode:
    """The kernel of a system for a card.

    Attributes
    ----------
    kernel : callable, indexed by the launch
        ``advance_people`` of the module, as numba launches it.
    hoisted : int
        Numbers a person that depend on parameters alone.
    bits : int
        64 or 32.
    """

    kernel: Any
    hoisted: int
    bits: int


def check_card() -> str:
    """Name of the card that will be used.

    Raises
    ------
    MissingExtra
        If numba-cuda is not installed.
    InputError
        If there is no card, or its driver does not answer.
    """
    cuda = _cuda()
    if _simulated():
        return "numba's CUDA simulator"
    try:
        device = cuda.get_current_device()
    except Exception as error:  # numba raises several kinds, by what is missing
        said = " ".join(str(error).split()).partition(". ")[0]
        raise InputError(
            "--device", f"no NVIDIA card answers ({said})", value="gpu", hint="run with --device cpu"
        ) from error
    name = device.name
    return name.decode() if isinstance(name, bytes) else str(name)


def compile_for_card(key: str, source: Source, outputs: int, states: int, bits: int) -> CardCode:
    """Write the module of a kernel, and load it; numba compiles it at its first call.

    Parameters
    ----------
    key : str
        Says what the module computes.
    source : Source
        Generated with `source.Layout.single`.
    outputs, states : int
        How many there are.
    bits : int
        64 or 32.
    """
    check_card()
    from abate.engine.solver.gpu.single import single_source

    head = _HEAD.format(states=states, outputs=outputs, work=max(source.work, outputs, states), bits=bits)
    text = head + single_source(source.text, bits) + "\n\n\n" + _thread_text()
    name = f"card_{hashlib.sha256(f'{key}{_surroundings()}{text}'.encode()).hexdigest()[:32]}"
    return CardCode(_loaded(name, text).advance_people, max(1, source.hoisted), bits)


def _thread_text() -> str:
    text = Path(__file__).with_name("thread.py").read_text(encoding="utf-8")
    return text[text.index(_MARK) :]


@lru_cache(maxsize=1)
def _surroundings() -> str:
    here = Path(__file__).parent
    return "".join((here / name).read_text(encoding="utf-8") for name in ("operations.py", "card.py")) + _version()


def _version() -> str:
    try:
        return version("numba-cuda")
    except PackageNotFoundError:
        return version("numba")


def _loaded(name: str, text: str) -> ModuleType:
    path = cache_directory() / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _cuda() -> Any:
    try:
        if not _simulated():
            version("numba-cuda")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from numba import cuda
    except (ImportError, PackageNotFoundError) as error:
        raise MissingExtra("gpu", "numba-cuda") from error
    return cuda


def _simulated() -> bool:
    from numba import config

    return bool(config.ENABLE_CUDASIM)


def advance_on_card(code: CardCode, state: State, job: Job, limits: Limits) -> None:
    """Move everybody through all stops, as many at a time as the card's memory takes.

    A person's step sizes live in the rows of ``state.step`` and ``state.restart``, so a run that is cut in two gives
    the bits of the whole.
    """
    people = int(job.amount.shape[1])
    batch = _people_at_once(code, state, job)
    for first in range(0, people, batch):
        _advance_some(code, state, job, limits, slice(first, min(first + batch, people)))


def _people_at_once(code: CardCode, state: State, job: Job) -> int:
    people = int(job.amount.shape[1])
    if _simulated():
        return people
    numbers: int = 2 * state.y.shape[1] + state.p.shape[1] + code.hoisted + job.out.shape[0] * job.out.shape[1]
    each = numbers * code.bits // 8 + 8 * (len(job.amount) + 8)
    free = int(_cuda().current_context().get_memory_info()[0])
    return max(_THREADS, min(people, int(_SHARE * free) // each // _THREADS * _THREADS))


def _advance_some(code: CardCode, state: State, job: Job, limits: Limits, who: slice) -> None:
    cuda = _cuda()
    number: Any = np.float64 if code.bits == 64 else np.float32
    size = who.stop - who.start

    def rows(groups: Any) -> Any:
        """``[G, K, 16]`` as ``[K, n]``, on the card."""
        whole = groups.transpose(1, 0, 2).reshape(groups.shape[1], -1)
        return cuda.to_device(np.ascontiguousarray(whole[:, who]))

    y, p, peak = rows(state.y), rows(state.p), rows(state.peak)
    h = cuda.to_device(np.ascontiguousarray(state.step.reshape(-1)[who]))
    restart = cuda.to_device(np.ascontiguousarray(state.restart.reshape(-1, 2)[who].T))
    codes = cuda.to_device(np.ascontiguousarray(state.code.reshape(-1)[who].astype(np.int64)))
    steps = cuda.to_device(np.ascontiguousarray(state.steps[who].T))
    q = cuda.device_array((code.hoisted, size), number)
    out = cuda.device_array((job.out.shape[0], job.out.shape[1], size), number)
    once = [cuda.to_device(a) for a in (job.stop_time, job.stop_record, job.stop_event, job.kind, job.target)]
    amount = cuda.to_device(np.ascontiguousarray(job.amount[:, who])) if len(job.amount) else once[0].reshape(1, -1)
    block = _THREADS if not _simulated() else min(_THREADS, size)
    code.kernel[-(-size // block), block](
        float(state.time), y, p, q, peak, h, restart, codes, steps, *once, amount, cuda.to_device(limits.absolute),
        float(limits.relative), float(limits.relative * limits.floor), limits.exponent, limits.max_steps, out,
    )  # fmt: skip

    for groups, device in ((state.y, y), (state.p, p), (state.peak, peak)):
        whole = groups.transpose(1, 0, 2).reshape(groups.shape[1], -1)
        whole[:, who] = device.copy_to_host()
        groups[...] = whole.reshape(groups.shape[1], groups.shape[0], -1).transpose(1, 0, 2)
    state.step.reshape(-1)[who] = h.copy_to_host()
    state.restart.reshape(-1, 2)[who] = restart.copy_to_host().T
    state.code.reshape(-1)[who] = codes.copy_to_host()
    state.steps[who] = steps.copy_to_host().T
    job.out[:, :, who] = out.copy_to_host()
