"""The present interface between trainer and engines, until the trainer makes the plan of an epoch itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Dataset(NamedTuple):
    """Inputs, targets and sample weights."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.X.shape[0]


class Penalty(NamedTuple):
    """Strengths of the two parts of the penalty."""

    l1: float
    l2: float


class EpochPlan(NamedTuple):
    """What an engine is to do in one epoch."""

    order: np.ndarray | None
    batch_size: int
    learning_rates: np.ndarray
    dropout_key: int
    penalty: Penalty
    mean_weight: float
    first_step: int


class EpochResult(NamedTuple):
    """What an engine returns."""

    loss_sum: float
    n_updates: int


class Seam:
    """An engine behind `Room` and `train_epoch`."""

    def __init__(self, engine):
        self.engine, self.name, self.__name__ = engine, engine.name, engine.name

    def Room(self, config, state, X, y, sample_weight):  # noqa: N802
        """Make buffers."""
        return self.engine.make_buffers(config, state, Dataset(X, y, sample_weight))

    def train_epoch(self, config, state, room, X, y, sample_weight):
        """Run one epoch."""
        n_rows = X.shape[0]
        n_batches = config.n_batches(n_rows)
        rates = config.schedule.rates(np.arange(state.t, state.t + n_batches), config.max_iter * n_batches)
        rates = rates * state.rate_factor
        key = int(state.rng.integers(2**63)) if any(config.objective.dropout) else 0
        order = state.rng.permutation(n_rows) if config.shuffles(n_rows) else None
        l1, l2 = config.objective.strengths(state.alpha)
        plan = EpochPlan(
            order, min(config.batch_size or n_rows, n_rows), rates, key, Penalty(l1, l2), state.mean_weight, state.n_steps
        )
        result = self.engine.run_epoch(plan, Dataset(X, y, sample_weight), state, room)
        state.t += result.n_updates
        state.n_steps += result.n_updates
        state.learning_rate = float(rates[result.n_updates - 1])
        weight_sum = n_rows if sample_weight is None else float(sample_weight.sum(dtype=np.float64))
        return result.loss_sum / weight_sum
