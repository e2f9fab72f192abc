"""Initial-value problems of many people at once: arrays in, arrays out.

``System`` (names and SymPy) -> ``compile_system`` -> ``Kernel``; ``Kernel.state`` makes the state of
a batch, ``Kernel.advance`` moves it through a ``Schedule`` of exact events.
"""

from abate.engine.solver.kernel import Kernel, Tolerance, compile_system
from abate.engine.solver.state import Code, Event, Kind, Schedule, State
from abate.engine.solver.system import TIME, System

__all__ = [
    "TIME",
    "Code",
    "Event",
    "Kernel",
    "Kind",
    "Schedule",
    "State",
    "System",
    "Tolerance",
    "compile_system",
]
