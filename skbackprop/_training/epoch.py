"""One epoch: the plan that the trainer makes, and the engine that executes it.

Everything that is drawn at random or follows a schedule is in the plan, so that engines only compute and two engines
cannot differ in more than rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._core.dataset import Dataset
from .._core.denormals import flush_denormals
from .._core.objective import Penalty
from .._core.shards import Shards
from .config import TrainingConfig
from .state import TrainingState

#: Up to this number of samples, an order is drawn as numpy's integers, which is faster.
FAST_ORDER = 2**20
#: Epochs of one update, as in a stream, clear denormal numbers once in this many steps, because switching takes time.
FLUSH_INTERVAL = 16


class EpochPlan(NamedTuple):
    """What an engine has to do in one epoch.

    Attributes
    ----------
    order : ndarray of shape (n_samples,), uint32, or None
        Indices of the samples in a random order; None is the order of the data.
    batch_size : int
    learning_rates : ndarray of shape (n_batches,), float64
        One for each update. A batch whose sample weights are all zero is skipped and uses none.
    dropout_key : int
        Key from which the dropout masks of this epoch are computed.
    penalty : Penalty
    mean_weight : float
        Mean sample weight of the training set.
    first_step : int
        Number of steps of the optimizer before this epoch.
    """

    order: np.ndarray | None
    batch_size: int
    learning_rates: np.ndarray
    dropout_key: int
    penalty: Penalty
    mean_weight: float
    first_step: int


class EpochResult(NamedTuple):
    """What an engine returns: the sum of weight * loss, each loss before its own update, and the number of updates."""

    loss_sum: float
    n_updates: int


class Engine(Protocol):
    """An implementation of the epoch.

    An engine changes ``state.theta`` and ``state.optimizer_state`` in place and nothing else.

    Attributes
    ----------
    name : str
    fallback : Engine or None
        The engine that takes over if this one fails during training; None means that a failure is an error.
    """

    name: str
    fallback: Engine | None

    def is_worth_it(self, data: Dataset | Shards, numpy_seconds: float) -> bool:
        """Return whether starting the engine pays off for work that takes numpy about this many seconds."""
        ...

    def unavailable_reason(self, data: Dataset | Shards, numpy_seconds: float = math.inf) -> str | None:
        """Load what the engine needs; return why it cannot be used here and what to do about it, or None if it can.

        It may take much longer than numpy only if the user asks for this engine, which is an infinite `numpy_seconds`.
        """
        ...

    def unsupported_reason(self, config: TrainingConfig, data: Dataset | Shards) -> str | None:
        """Return what the engine does not support, or None if it supports everything that is asked for."""
        ...

    def make_buffers(self, config: TrainingConfig, state: TrainingState, data: Dataset) -> Any:
        """Allocate the arrays that epochs over data of this shape write to."""
        ...

    def run_epoch(self, plan: EpochPlan, data: Dataset, state: TrainingState, buffers: Any) -> EpochResult:
        """Make one update of the weights for each batch."""
        ...


def make_updates(
    config: TrainingConfig, state: TrainingState, data: Dataset, execute: Callable[[EpochPlan], EpochResult]
) -> float:
    """Plan an epoch, let `execute` make its updates, and count them; return the sum of the weighted losses."""
    plan = plan_epoch(config, state, data)
    with _arithmetic(plan):
        done = execute(plan)
    state.t += done.n_updates
    state.n_steps += done.n_updates
    if done.n_updates:
        state.learning_rate = float(plan.learning_rates[done.n_updates - 1])
    return done.loss_sum


def _arithmetic(plan: EpochPlan) -> AbstractContextManager[None]:
    """Return the context to compute an epoch in, which clears denormal numbers often enough."""
    is_short = len(plan.learning_rates) == 1 and plan.first_step % FLUSH_INTERVAL
    return nullcontext() if is_short else flush_denormals()


def plan_epoch(config: TrainingConfig, state: TrainingState, data: Dataset) -> EpochPlan:
    """Draw the order and the dropout key of the next epoch, and compute its learning rates."""
    n_samples = data.n_samples
    n_batches = config.n_batches(n_samples)
    updates = np.arange(state.t, state.t + n_batches)
    rates = config.schedule.rates(updates, state.n_planned) * state.rate_factor
    dropout_key = int(state.rng.integers(2**63)) if any(config.objective.dropout) else 0
    order = shuffled(data.indices(), state.rng) if config.shuffles(n_samples) else None
    return EpochPlan(
        order=order,
        batch_size=config.batch_size_for(n_samples),
        learning_rates=rates,
        dropout_key=dropout_key,
        penalty=config.objective.penalty(state.alpha),
        mean_weight=state.mean_weight,
        first_step=state.n_steps,
    )


def shuffled(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return indices in a random order; a large array is shuffled in place."""
    order = indices if len(indices) > FAST_ORDER else indices.astype(np.intp)
    rng.shuffle(order)
    return order.astype(indices.dtype, copy=False)
