"""One pass over the rows by numpy: blocks of rows in the solver's order, and an update for each batch.

The three solvers are one loop with another batch size: all rows, one row, or some.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from .._core.objective import Workspace
from .._training.state import TrainingConfig, TrainingState

#: Shuffled rows are gathered about this many at a time, and batches are slices of them.
GATHER_ROWS = 1024


def train_epoch(
    config: TrainingConfig, state: TrainingState, room: Room, X, y: np.ndarray, sample_weight: np.ndarray | None
) -> float:
    """Make one pass over all rows, an update for each batch, and return the mean loss, without the penalty.

    The loss of each batch is that before its own update. A batch whose weights are all zero is passed over.
    """
    n_rows = X.shape[0]
    batch_size = min(config.batch_size or n_rows, n_rows)
    n_updates = config.max_iter * config.n_batches(n_rows)
    objective, optimizer = config.objective, config.optimizer
    weight_decay = optimizer.weight_decay
    work, loss_sum = room.work, 0.0
    work.alpha = state.alpha
    if work.dropout is not None:
        work.key = int(state.rng.integers(2**63))
    position = 0
    for X_block, y_block, weight_block in room.blocks(state.rng, X, y, sample_weight):
        starts = range(0, X_block.shape[0], batch_size)
        rates = config.schedule.rates(np.arange(state.t, state.t + len(starts)), n_updates)
        rates, rate_factor = iter(rates.tolist()), state.rate_factor
        for start in starts:
            rows = slice(start, start + batch_size)
            weight = None if weight_block is None else weight_block[rows]
            if weight is not None and not weight.any():
                continue
            loss_sum += objective.loss_and_gradient(
                X_block[rows], y_block[rows], weight, state.mean_weight, work, position + start
            )
            if config.clip_norm is not None:
                clip(work.gradient, config.clip_norm)
            state.t += 1
            state.n_steps += 1
            state.learning_rate = rate = next(rates) * rate_factor
            if weight_decay:
                work.weights *= 1.0 - rate * weight_decay
            optimizer.step(state.theta, work.gradient, state.optimizer_state, state.n_steps, rate, work.scratch)
        position += X_block.shape[0]
    weight_sum = n_rows if sample_weight is None else float(sample_weight.sum(dtype=np.float64))
    return loss_sum / weight_sum


def clip(gradient: np.ndarray, norm: float) -> None:
    """Shorten the gradient to this Euclidean norm if it is longer (Pascanu, Mikolov and Bengio 2013)."""
    length = math.sqrt(np.dot(gradient, gradient))
    if length > norm:
        gradient *= norm / length


class Room:
    """The arrays that passes over some rows write to, and the blocks of rows in the order that the solver wants.

    A block is a whole number of batches, about `GATHER_ROWS` rows. Unshuffled rows are handed out where they lie.
    """

    def __init__(
        self, config: TrainingConfig, state: TrainingState, X, y: np.ndarray, sample_weight: np.ndarray | None
    ):
        n_rows = X.shape[0]
        batch_size = min(config.batch_size or n_rows, n_rows)
        objective = config.objective
        self.work = Workspace(objective.network, state.theta, batch_size, state.standardizer, objective.dropout)
        self._n_rows = min(max(GATHER_ROWS // batch_size, 1) * batch_size, n_rows)
        self._shuffle = config.shuffles(n_rows)
        if self._shuffle:
            self._X, self._y, self._weight = (
                None if rows is None or sparse.issparse(rows) else np.empty((self._n_rows, *rows.shape[1:]), rows.dtype)
                for rows in (X, y, sample_weight)
            )

    def blocks(self, rng: np.random.Generator, X, y: np.ndarray, sample_weight: np.ndarray | None):
        """Yield (X, y, weight) of each block; gathered ones are overwritten by the next."""
        if not self._shuffle and X.shape[0] <= self._n_rows:
            yield X, y, sample_weight
            return
        order = rng.permutation(X.shape[0]) if self._shuffle else None
        for start in range(0, X.shape[0], self._n_rows):
            rows = slice(start, start + self._n_rows)
            if order is None:
                yield X[rows], y[rows], None if sample_weight is None else sample_weight[rows]
            else:
                picked = order[rows]
                yield (
                    _gather(X, picked, self._X),
                    _gather(y, picked, self._y),
                    _gather(sample_weight, picked, self._weight),
                )


def _gather(array, rows, out):
    if array is None:
        return None
    if sparse.issparse(array):
        return array[rows]
    return np.take(array, rows, axis=0, out=out[: len(rows)], mode="clip")  # "raise" would buffer the output
