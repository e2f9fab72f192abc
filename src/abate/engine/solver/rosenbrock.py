"""Rosenbrock methods as tables of coefficients: what the generated step is printed from.

With ``W = I/(h*gamma) - J`` a stage solves ``W u_i = f(t + alpha_i h, y + sum_j a_ij u_j)
+ sum_j (c_ij / h) u_j + h d_i df/dt``; the step ends at ``y + sum_i m_i u_i`` with the error
estimate ``sum_i e_i u_i``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rosenbrock:
    """Coefficients of one linearly implicit method.

    ``a`` and ``c`` are strictly lower triangular, row by row (the first row is empty).
    """

    name: str
    order: int
    gamma: float
    alpha: tuple[float, ...]
    d: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    m: tuple[float, ...]
    e: tuple[float, ...]

    @property
    def stages(self) -> int:
        """Number of linear solves a step."""
        return len(self.m)
