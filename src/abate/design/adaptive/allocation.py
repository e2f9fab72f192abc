"""Response-adaptive allocation, in blocks, with a test that holds whatever drifts in between.

After each block the share allocated to treatment moves towards the arm that does better. The blocks are analysed as
strata with weights fixed beforehand: within a block the allocation is fixed, so neither the adaptation nor a trend over
calendar time can raise the type I error (Jennison & Turnbull 2000, chapter 17; Korn & Freidlin 2011 on the small gain).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri

from abate.design.adaptive.operating import Operating, generator
from abate.ground.errors import InputError

__all__ = ["ResponseAdaptive"]


@dataclass(frozen=True)
class ResponseAdaptive:
    """Responders in two arms, allocated block by block.

    Parameters
    ----------
    total : int
        People in all.
    blocks : int
        How many blocks; the first is allocated equally.
    rule : {'rosenberger', 'thompson'}
        Share to treatment: ``sqrt(q) / (sqrt(p) + sqrt(q))``, which has the fewest non-responders for its power, or the
        probability of being better, tempered by the share of people seen (Thall & Wathen 2007).
    least : float
        No arm gets less than this share.
    alpha : float
        Two-sided.

    References
    ----------
    Rosenberger WF, et al. Biometrics 2001;57:909-913. Thall PF, Wathen JK. Eur J Cancer 2007;43:859-866.
    Korn EL, Freidlin B. J Clin Oncol 2011;29:771-776.
    """

    total: int
    blocks: int = 5
    rule: str = "rosenberger"
    least: float = 0.2
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 2 <= self.blocks <= self.total // 10:
            raise InputError(
                "--blocks",
                "blocks need ten people each, and there are two or more",
                value=self.blocks,
                allowed=f"2 to {self.total // 10}",
            )
        if self.rule not in ("rosenberger", "thompson"):
            raise InputError("--rule", "there is no such rule", value=self.rule, allowed="rosenberger, thompson")
        if not 0 < self.least <= 0.5:
            raise InputError("--least", "not a share", value=self.least, allowed="above 0 to 0.5")

    def share(self, wins: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return the share to treatment of the next block, shape (trials,).

        Parameters
        ----------
        wins, counts : ndarray, shape (trials, 2)
            Responders and people so far, control first.
        """
        rate = (wins + 0.5) / (counts + 1)
        if self.rule == "rosenberger":
            root = np.sqrt(rate)
            wanted = root[:, 1] / root.sum(axis=1)
        else:
            # The probability of being better, by quantiles of both posteriors.
            grid = (np.arange(25) + 0.5) / 25
            draws = betaincinv((wins + 1)[:, :, None], (counts - wins + 1)[:, :, None], grid)
            better = (draws[:, 1, :, None] > draws[:, 0, None, :]).mean(axis=(1, 2))
            temper = counts.sum(axis=1) / self.total / 2
            up, down = better**temper, (1 - better) ** temper
            wanted = up / (up + down)
        return np.asarray(np.clip(wanted, self.least, 1 - self.least))

    def simulate(
        self, control: float, treatment: float, *, trials: int = 10_000, seed: int = 1, trend: float = 0.0
    ) -> Operating:
        """Simulate trials.

        Parameters
        ----------
        control, treatment : float
            True shares of responders at the start.
        trend : float
            By how much both have risen at the end: what breaks an unstratified analysis.

        Returns
        -------
        Operating
            ``people`` are those on the worse arm.
        """
        rng = generator(seed, f"adaptive-allocation-{control}-{treatment}-{trend}-{self.rule}")
        size = self.total // self.blocks
        wins, counts = np.zeros((trials, 2)), np.zeros((trials, 2))
        score, worse = np.zeros(trials), np.zeros(trials)
        for block in range(self.blocks):
            share = np.full(trials, 0.5) if block == 0 else self.share(wins, counts)
            treated = np.clip(np.round(share * size), 2, size - 2)
            rise = trend * block / max(self.blocks - 1, 1)
            p, q = np.clip(control + rise, 0, 1), np.clip(treatment + rise, 0, 1)
            x = rng.binomial((size - treated).astype(int), p)
            y = rng.binomial(treated.astype(int), q)
            mean = (x + y) / size
            spread = np.sqrt(
                np.maximum(mean * (1 - mean) * size / (size - 1), 1e-12) * (1 / treated + 1 / (size - treated))
            )
            z = np.where(mean * (1 - mean) > 0, (y / treated - x / (size - treated)) / spread, 0.0)
            score += z / math.sqrt(self.blocks)
            wins += np.stack([x, y], axis=1)
            counts += np.stack([size - treated, treated], axis=1)
            worse += treated if treatment < control else size - treated
        edge = float(ndtri(1 - self.alpha / 2))
        hit = np.abs(score) > edge if control == treatment else np.sign(treatment - control) * score > edge
        raw = wins[:, 1] / counts[:, 1] - wins[:, 0] / counts[:, 0]
        return Operating(hit, worse, float(np.mean(raw) - (treatment - control)))
