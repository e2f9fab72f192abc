"""The posterior of a fold change under a heavy-tailed prior (apeglm), for a block of genes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["HeavyTail", "information"]

Floats = npt.NDArray[np.float64]


def information(weights: Floats, x: Floats) -> Floats:
    """Return X'WX for every gene, shape (genes, p, p), as one matrix product."""
    p = x.shape[1]
    products = (x[:, :, None] * x[:, None, :]).reshape(x.shape[0], p * p)
    return (weights @ products).reshape(-1, p, p)


class HeavyTail:
    """The posterior of one block of genes: negative binomial likelihood, Cauchy prior on one coefficient."""

    def __init__(self, y: Floats, x: Floats, size: Floats, shift: Floats, scales: Floats, shrunk: int) -> None:
        self.y, self.x, self.size, self.shift, self.scales, self.shrunk = y, x, size[:, None], shift, scales, shrunk

    def loss(self, beta: Floats, genes: npt.NDArray[np.intp]) -> Floats:
        """Return minus the log posterior of some genes, up to a constant."""
        eta = beta @ self.x.T
        k = self.size[genes]
        data = (self.y[genes] + k) * np.logaddexp(eta + self.shift, np.log(k)) - self.y[genes] * eta
        ridge = beta**2 / (2 * self.scales**2)
        ridge[:, self.shrunk] = np.log1p((beta[:, self.shrunk] / self.scales[self.shrunk]) ** 2)
        total: Floats = data.sum(axis=1) + ridge.sum(axis=1)
        return total

    def slope(self, beta: Floats, genes: npt.NDArray[np.intp]) -> Floats:
        """Return the gradient of the loss."""
        k = self.size[genes]
        fitted = (self.y[genes] + k) / (1 + k * np.exp(-(beta @ self.x.T) - self.shift))
        pull = beta / self.scales**2
        b = beta[:, self.shrunk]
        pull[:, self.shrunk] = 2 * b / (self.scales[self.shrunk] ** 2 + b**2)
        slope: Floats = (fitted - self.y[genes]) @ self.x + pull
        return slope

    def curvature(self, beta: Floats, genes: npt.NDArray[np.intp], *, bounding: bool = False) -> Floats:
        """Return the Hessian; `bounding` replaces the prior's part by one that is positive and lies above it."""
        k, e = self.size[genes], np.exp(beta @ self.x.T + self.shift)
        hessian = information((self.y[genes] + k) * k * e / (k + e) ** 2, self.x)
        diagonal = np.broadcast_to(1 / self.scales**2, beta.shape).copy()
        b2, s2 = beta[:, self.shrunk] ** 2, self.scales[self.shrunk] ** 2
        diagonal[:, self.shrunk] = 2 / (s2 + b2) if bounding else 2 * (s2 - b2) / (s2 + b2) ** 2
        p = beta.shape[1]
        hessian[:, np.arange(p), np.arange(p)] += diagonal
        return hessian

    def mode(self) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Find the mode of each gene: the lower of the minima reached from near zero and from the unshrunken fit.

        A heavy tail can leave two modes, one near zero and one near the unshrunken value; which of them a single
        search ends in
        is an accident of its steps.
        """
        genes = np.arange(self.y.shape[0])
        near_zero = np.tile(0.1 * (-1.0) ** np.arange(self.x.shape[1]), (genes.size, 1))
        wide = np.full(self.scales.shape, self.scales.max())
        unshrunken, _ = HeavyTail(self.y, self.x, self.size[:, 0], self.shift, wide, self.shrunk)._search(near_zero)
        (one, good), (other, also) = self._search(near_zero), self._search(unshrunken)
        second = self.loss(other, genes) < self.loss(one, genes)
        return np.where(second[:, None], other, one), np.where(second, also, good)

    def _search(self, start: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Go downhill by Newton steps on a bound of the loss, halved where they do not help."""
        genes = np.arange(self.y.shape[0])
        beta = start.copy()
        loss, left = self.loss(beta, genes), genes
        for _ in range(200):
            if left.size == 0:
                break
            hessian, slope = self.curvature(beta[left], left, bounding=True), self.slope(beta[left], left)
            step = np.asarray(-np.linalg.solve(hessian, slope[:, :, None])[:, :, 0], dtype=np.float64)
            # A first step from far away may be thousands long; the exponential of it would overflow.
            step = np.asarray(step / np.maximum(1.0, np.abs(step).max(axis=1) / 5.0)[:, None], dtype=np.float64)
            beta[left], loss[left], taken = self._line(beta[left], loss[left], step, left)
            left = left[taken > 1e-8]
        converged = np.ones(genes.size, dtype=bool)
        converged[left] = False
        return beta, converged

    def _line(
        self, beta: Floats, loss: Floats, step: Floats, genes: npt.NDArray[np.intp]
    ) -> tuple[Floats, Floats, Floats]:
        """Take each step, halved until the loss falls; return points, losses and the largest change of a
        coefficient."""
        taken, waiting = np.zeros(genes.size), np.arange(genes.size)
        for halving in range(30):
            if waiting.size == 0:
                break
            move = step[waiting] * 0.5**halving
            point = beta[waiting] + move
            value = self.loss(point, genes[waiting])
            better = value <= loss[waiting]
            rows = waiting[better]
            beta[rows], loss[rows], taken[rows] = point[better], value[better], np.abs(move[better]).max(axis=1)
            waiting = waiting[~better]
        return beta, loss, taken
