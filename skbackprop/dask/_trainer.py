"""`PartitionTrainer`: `ShardTrainer` for partitions on the workers of a cluster.

An update with the gradient of all samples is the same here and there. Mini-batches are learned from where they are: the
weights travel from one partition to the next, or from each to the average.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._core.dataset import Dataset
from .._engines.selection import numpy_seconds
from .._training.change_detector import ChangeDetector
from .._training.config import TrainingConfig
from .._training.epoch import Engine, make_updates
from .._training.shard_trainer import ShardTrainer
from .._training.state import TrainingState
from ._shards import PartitionShards


class Learned(NamedTuple):
    """What learning from a partition has changed.

    Attributes
    ----------
    state : TrainingState
        The part of the state that an epoch needs.
    loss_sum : float
        Sum of the weighted losses.
    weight : float
        Sum of the sample weights.
    """

    state: TrainingState
    loss_sum: float
    weight: float


class PartitionTrainer(ShardTrainer):
    """Trains on partitions; mini-batches are learned from one partition after another."""

    shards: PartitionShards

    def _learn_from_window(self, window: Any) -> float:
        """Let the worker that has a partition make the updates; return the sum of the weighted losses."""
        try:
            learned = self._learn(window)
        except Exception as error:
            self._fall_back(error)
            learned = self._learn(window)
        if learned is None:  # all samples have a weight of 0
            return 0.0
        state, new = self.state, learned.state
        np.copyto(state.theta, new.theta)
        np.copyto(state.optimizer_state, new.optimizer_state)
        state.rng.bit_generator.state = new.rng.bit_generator.state
        state.t, state.n_steps, state.learning_rate = new.t, new.n_steps, new.learning_rate
        return learned.loss_sum

    def _learn(self, number: int) -> Learned | None:
        state = _sent(self.state)
        return self.shards.partitions.run_on(number, learn, self.engine, self.config, state, self._seconds)

    @property
    def _seconds(self) -> float:
        """The seconds that numpy would take, which decide whether a worker may compile the kernel."""
        return math.inf if self.engine.fallback is None else numpy_seconds(self.config, self.shards)


class AveragingTrainer(PartitionTrainer):
    """Trains on all partitions at the same time from the same weights, and averages these after each epoch.

    The state of the optimizer is not averaged: it begins anew in each epoch. The schedule counts the updates of the
    largest partition.
    """

    def _measure_samples(self) -> float:
        loss = super()._measure_samples()
        n_batches = max(self.config.n_batches(n) for n in self.shards.window_sizes)
        self.state.n_planned = self.config.max_iter * n_batches
        return loss

    def _learn_from_samples(self) -> float:
        position = self._position
        if self.config.batch_size is None:
            return super()._learn_from_samples()
        position.loss_sum = self._average_once()
        position.end()
        return position.loss_sum

    def _average_once(self) -> float:
        state = self.state
        seeds = state.rng.integers(2**63, size=self.shards.n_shards).tolist()
        results = self.shards.map(learn_with_seed, self.engine, self.config, _sent(state), self._seconds, each=seeds)
        total, theta, loss_sum, t, rate = 0.0, np.zeros(len(state.theta)), 0.0, state.t, state.learning_rate
        for learned in results:
            theta += learned.weight * learned.state.theta
            total += learned.weight
            loss_sum += learned.loss_sum
            if learned.state.t > t:
                t, rate = learned.state.t, learned.state.learning_rate
        state.theta[...] = theta / total
        state.t, state.learning_rate = t, rate
        return loss_sum


def _sent(state: TrainingState) -> TrainingState:
    """Return the part of a state that an epoch needs, to be sent to a worker."""
    return replace(
        state,
        change_detector=ChangeDetector(),
        loss_curve=[],
        penalty_curve=[],
        validation_loss_curve=[],
        validation_scores=[],
        tried_priors=[],
        prior_losses=[],
    )


def learn(data: Dataset, engine: Engine, config: TrainingConfig, state: TrainingState, seconds: float) -> Learned:
    """Make one update for each batch of a partition; this runs on a worker."""
    reason = engine.unavailable_reason(data, seconds)
    if reason is not None:
        raise RuntimeError(f"it is not available on a worker: {reason}")
    weight = data.total_weight
    data = state.scale_target(data)
    buffers = engine.make_buffers(config, state, data)
    loss_sum = make_updates(config, state, data, lambda plan: engine.run_epoch(plan, data, state, buffers))
    return Learned(replace(state, standardizer=None), loss_sum, weight)


def learn_with_seed(
    data: Dataset, engine: Engine, config: TrainingConfig, state: TrainingState, seconds: float, seed: int
) -> Learned:
    """Make one update for each batch of a partition, in an order of its own."""
    rng = np.random.default_rng(seed)
    learned = learn(data, engine, config, replace(state, rng=rng, n_steps=0), seconds)
    no_memory = learned.state.optimizer_state[:, :0].copy()
    return learned._replace(state=replace(learned.state, optimizer_state=no_memory))
