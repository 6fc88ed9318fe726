"""`TrainingConfig`: how to train, which is what the parameters of an estimator mean together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._core.objective import Objective
from ..optimizers import Optimizer
from ..schedules import Schedule


@dataclass(frozen=True)
class TrainingConfig:
    """How to train a network. Nothing in it is learned.

    Parameters
    ----------
    objective : Objective
    optimizer : Optimizer
    schedule : Schedule
    batch_size : int or None
        None means all samples.
    shuffle : bool
    max_iter : int
        Number of epochs that schedules with an end are planned for.
    alpha : float or None
        Strength of the penalty; None is "auto".
    clip_norm : float or None
    reads_blocks : bool
        Whether samples are shuffled within windows of blocks, instead of all together.
    """

    objective: Objective
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int | None
    shuffle: bool
    max_iter: int
    alpha: float | None = 0.0
    clip_norm: float | None = None
    reads_blocks: bool = False

    def batch_size_for(self, n_samples: int) -> int:
        """Return the batch size, at most `n_samples`."""
        return n_samples if self.batch_size is None else min(self.batch_size, n_samples)

    def n_batches(self, n_samples: int) -> int:
        """Return the number of updates in one epoch."""
        return 1 if self.batch_size is None else math.ceil(n_samples / self.batch_size)

    def n_planned(self, n_samples: int) -> int:
        """Return the number of updates in `max_iter` epochs."""
        return self.max_iter * self.n_batches(n_samples)

    def shuffles(self, n_samples: int) -> bool:
        """Return whether the order of the samples is drawn; a single batch has none."""
        return self.shuffle and self.batch_size is not None and self.batch_size < n_samples

    def uses_rng(self, n_samples: int) -> bool:
        """Return whether an epoch draws random numbers."""
        return self.shuffles(n_samples) or any(self.objective.dropout)
