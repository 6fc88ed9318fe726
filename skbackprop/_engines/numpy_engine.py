"""The numpy engine: it makes one update for each batch, in the order of the plan.

The three solvers are one loop with different batch sizes: all samples, one sample, or some.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .._core.dataset import Dataset
from .._core.objective import ObjectiveBuffers
from .._core.shards import Shards
from .._training.config import TrainingConfig
from .._training.epoch import Engine, EpochPlan, EpochResult
from .._training.state import TrainingState
from .._training.update import update_weights

#: Shuffled samples are copied in blocks of about this size; batches are slices of a block.
BLOCK_SIZE = 1024
#: A block of many columns has fewer samples: at most about this many entries.
BLOCK_ENTRIES = 2**20


class NumpyEngine:
    """Computes epochs with numpy and scipy; it supports everything."""

    name = "numpy"
    fallback: Engine | None = None

    def is_worth_it(self, data: Dataset | Shards, numpy_seconds: float) -> bool:
        """Return True, because there is nothing to load."""
        return True

    def unavailable_reason(self, data: Dataset | Shards, numpy_seconds: float = math.inf) -> None:
        """Return None, because numpy is always available."""

    def unsupported_reason(self, config: TrainingConfig, data: Dataset | Shards) -> None:
        """Return None, because everything is supported."""

    def make_buffers(self, config: TrainingConfig, state: TrainingState, data: Dataset) -> NumpyBuffers:
        """Allocate the arrays that epochs over data of this shape write to."""
        return NumpyBuffers(config, state, data)

    def run_epoch(self, plan: EpochPlan, data: Dataset, state: TrainingState, buffers: NumpyBuffers) -> EpochResult:
        """Make one update of the weights for each batch whose weights are not all zero."""
        config = buffers.config
        work = buffers.objective
        objective = config.objective
        learning_rates = iter(plan.learning_rates.tolist())
        loss_sum, n_updates = 0.0, 0
        for position, batch in buffers.batches(plan, data):
            if batch.sample_weight is not None and not batch.sample_weight.any():
                continue
            loss_sum += objective.loss_and_gradient(
                batch, plan.mean_weight, plan.penalty, work, plan.dropout_key, position
            )
            n_updates += 1
            step = plan.first_step + n_updates
            update_weights(config, state, work.gradient, work.scratch, step, next(learning_rates))
        return EpochResult(loss_sum, n_updates)


class NumpyBuffers:
    """The arrays that epochs over data of one shape write to.

    Parameters
    ----------
    config : TrainingConfig
    state : TrainingState
    data : Dataset
        Samples of the shape that the buffers are for.

    Attributes
    ----------
    objective : ObjectiveBuffers
        The buffers of the objective.
    """

    def __init__(self, config: TrainingConfig, state: TrainingState, data: Dataset):
        self.config = config
        batch_size = config.batch_size_for(data.n_samples)
        self.objective = ObjectiveBuffers(config.objective, state.theta, batch_size, state.standardizer)
        block_size = min(BLOCK_SIZE, BLOCK_ENTRIES // (data.X.shape[1] + data.n_outputs))
        self._block_size = min(max(block_size // batch_size, 1) * batch_size, data.n_samples)
        self._X_block: np.ndarray | None = None
        self._y_block = np.empty((0, data.n_outputs), data.dtype)
        self._weight_block = np.empty(0)

    def batches(self, plan: EpochPlan, data: Dataset) -> Iterator[tuple[int, Dataset]]:
        """Yield the position of each batch in the epoch, and the batch; its arrays may be overwritten by the next."""
        if plan.order is None and data.n_samples <= plan.batch_size:
            yield 0, data
            return
        for start, block in self._blocks(plan, data):
            X, y, weight, one_hot, *_ = block
            for first in range(0, block.n_samples, plan.batch_size):
                batch = slice(first, first + plan.batch_size)
                yield start + first, Dataset(X[batch], y[batch], None if weight is None else weight[batch], one_hot)

    def _blocks(self, plan: EpochPlan, data: Dataset) -> Iterator[tuple[int, Dataset]]:
        """Yield the start of each block of batches and the block: all data, or copies of samples in the drawn order."""
        order = plan.order
        if order is None:
            if data.excluded is None:
                yield 0, data
                return
            order = data.indices()
        if not len(self._y_block):  # allocated when it is needed: of several windows, the first may not need it
            self._y_block = np.empty((self._block_size, self._y_block.shape[1]), self._y_block.dtype)
            self._weight_block = np.empty(0 if data.sample_weight is None else self._block_size)
        for start in range(0, data.n_samples, self._block_size):
            yield start, self._gather(data, order[start : start + self._block_size])

    def _gather(self, data: Dataset, indices: np.ndarray) -> Dataset:
        """Return copies of some samples, with their targets as the loss sees them."""
        n = len(indices)
        indices = indices.astype(np.intp)  # once, instead of in each of the following calls
        X = _take(data.X, indices, self._X_out(data.X, n)) if isinstance(data.X, np.ndarray) else data.X[indices]
        if data.one_hot is None:
            y = _take(data.y, indices, self._y_block[:n])
        else:
            y = data.one_hot.columns(data.y[indices], self._y_block[:n])
        weight = data.sample_weight
        return Dataset(X, y, None if weight is None else _take(weight, indices, self._weight_block[:n]))

    def _X_out(self, X: np.ndarray, n_samples: int) -> np.ndarray:
        """Return an array for copies of samples of X, whose dtype may differ between the calls of `partial_fit`."""
        if self._X_block is None or self._X_block.dtype != X.dtype:
            self._X_block = np.empty((self._block_size, X.shape[1]), X.dtype)
        return self._X_block[:n_samples]


def _take(array, indices: np.ndarray, out: np.ndarray) -> np.ndarray:
    return np.take(array, indices, axis=0, out=out, mode="clip")  # mode="raise" would buffer the output
