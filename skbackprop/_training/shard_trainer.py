"""`ShardTrainer`: `FitTrainer` for samples in shards, which are not in memory all at once.

Mini-batches are drawn from windows of several shards, which are shuffled, as are the samples of a window. The gradient
for all samples is the sum of those of the shards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core.class_shares import ClassShares, sample_weight_of_classes
from .._core.dataset import Dataset
from .._core.objective import GROSS_ERROR, Penalty
from .._core.shards import ShardGradient, Shards, Totals, losses_of_constant, totals_of
from .._core.windows import draw_order
from . import lbfgs
from .config import TrainingConfig
from .epoch import Engine
from .outliers import moments_overflow
from .state import TrainingState
from .trainer import OVERFLOW, FitTrainer
from .update import update_weights


@dataclass
class EpochPosition:
    """How far an epoch over shards has come, so that it can be resumed.

    Attributes
    ----------
    order : ndarray of shape (n_shards,) or None
        The order of the shards; None between two epochs.
    n_windows : int
        Number of windows that are done.
    loss_sum : float
        Sum of the weighted losses in them.
    penalty : float
        The penalty before the epoch.
    """

    order: np.ndarray | None = None
    n_windows: int = 0
    loss_sum: float = 0.0
    penalty: float = 0.0

    def begin(self, order: np.ndarray, penalty: float) -> None:
        """Begin an epoch."""
        self.order, self.n_windows, self.loss_sum, self.penalty = order, 0, 0.0, penalty

    def end(self) -> None:
        """End the epoch."""
        self.order = None

    def state_dict(self) -> dict[str, Any]:
        """Return the position as numbers and an array, to be stored."""
        return dict(vars(self))


class ShardTrainer(FitTrainer):
    """Trains on samples in shards until a stopping rule or the last epoch.

    Parameters
    ----------
    engine : Engine
    config : TrainingConfig
    state : TrainingState
        Changed in place.
    shards : Shards
    position : EpochPosition
        Changed in place; if an epoch has begun there, training goes on with it.
    is_resumed : bool
        Whether the state has the moments of these shards.

    Attributes
    ----------
    totals : Totals or None
        What was summed over the shards before the first epoch.
    class_deviation : ndarray or None
        How much the share of each class differs between windows, relative to it; see `ClassShares`.
    """

    def __init__(
        self,
        engine: Engine,
        config: TrainingConfig,
        state: TrainingState,
        shards: Shards,
        position: EpochPosition,
        *,
        is_resumed: bool = False,
    ):
        self.shards = shards
        self.totals: Totals | None = None
        self.class_deviation: np.ndarray | None = None
        self._position = position
        self._is_resumed = is_resumed
        self._gradient: ShardGradient | None = None
        super().__init__(engine, config, state, shards.some)

    def _uses_rng(self) -> bool:
        """Return whether an epoch draws random numbers: the order of the shards, if nothing else."""
        return True

    def _first_buffers(self) -> Any:
        """Allocate nothing: the size of the windows is not known."""
        self._n_buffered = 0
        return None

    def _measure_samples(self) -> float:
        """Take the moments of all shards, and scale the target of some samples."""
        state, shards = self.state, self.shards
        if self._is_resumed:
            self._set_size()
            self._data = state.scale_target(self._data)
            return state.constant_loss + state.gross_loss
        totals = self._take_totals()
        shards.n_samples, shards.total_weight = totals.n_samples, totals.weight
        state.update_means(shards)
        self._set_size()
        n_batches = 1 if self.config.batch_size is None else shards.n_batches(self.config.batch_size)
        state.n_planned = self.config.max_iter * n_batches
        state.change_detector.reset()
        self._data = state.scale_target(self._data)
        without, total = self._losses_of_constant(totals)
        is_robust = state.standardizer is not None and self.config.objective.loss.is_robust
        self._set_constant_loss(without if is_robust else total, total - without if is_robust else 0.0)
        return total

    def _set_size(self) -> None:
        """Set the number of samples and the sum of their weights, as they are also known when training is resumed."""
        n_samples = self.state.n_samples
        self.shards.n_samples, self.shards.total_weight = n_samples, self.state.mean_weight * n_samples

    def _take_totals(self) -> Totals:
        state = self.state
        standardizer = state.standardizer
        if standardizer is not None:
            standardizer.moments = standardizer.ranges_with(self._data)
        totals: Totals | None = None
        shares = ClassShares(self.shards.n_windows)
        is_classified = self.config.objective.loss.link.is_probability
        for part in self.shards.map(totals_of, standardizer, is_classified):
            totals = part if totals is None else totals.merge(part)
            if is_classified:
                shares.add(part.weight_of_classes)
        assert totals is not None
        self.totals = totals
        if totals.class_square is not None:
            self.class_deviation = shares.deviation(
                sample_weight_of_classes(totals.class_square, totals.weight_of_classes)
            )
        if standardizer is not None:
            moments = standardizer.merge(totals.moments, totals.lowest, totals.highest)
            if moments_overflow(moments):
                raise ValueError(OVERFLOW)
            standardizer.accept(moments, totals.n_samples)
        return totals

    def _losses_of_constant(self, totals: Totals) -> tuple[float, float]:
        """Return the mean loss of a constant prediction, without what is due to gross errors in y, and with it."""
        state, objective = self.state, self.config.objective
        if totals.class_weight is not None:
            codes = np.flatnonzero(totals.class_weight)
            y = codes[:, np.newaxis].astype(self._data.dtype)
            classes = Dataset(np.empty((len(codes), 0), y.dtype), y, totals.class_weight[codes], self._data.one_hot)
            loss = objective.constant_loss(classes)
            return loss, loss
        loss_of_mean = self._loss_of_mean(totals)
        if loss_of_mean is not None:
            return loss_of_mean, loss_of_mean
        if objective.loss.is_robust:
            raw = objective.constant_output(self._data, GROSS_ERROR)
        else:
            mean = Dataset(np.empty((1, 0)), totals.target.mean[np.newaxis].astype(self.shards.some.y.dtype))
            raw = objective.constant_output(state.scale_target(mean))
        parts = self.shards.map(losses_of_constant, objective, state.standardizer, raw)
        without, total = sum(parts, np.zeros(2)) / totals.weight
        return float(without), float(total)

    def _loss_of_mean(self, totals: Totals) -> float | None:
        """Return the mean loss of predicting the mean, or None if the samples are needed for it.

        Of one shard, it is computed from the samples, because rounding should not differ from that in `fit`.
        """
        if self.shards.n_shards == 1:
            return None
        spread, standardizer = np.sqrt(totals.target.variance), self.state.standardizer
        if standardizer is not None and standardizer.target_scale.size:
            spread /= standardizer.target_scale
        return self.config.objective.loss_of_mean(spread**2)

    @property
    def _total_weight(self) -> float:
        return self.shards.total_weight

    def _open_epoch(self) -> float:
        position = self._position
        if position.order is None:
            penalty = super()._open_epoch()
            position.begin(self._draw_order(), penalty)
        else:
            self._begin_epoch()
        return position.penalty

    def _draw_order(self) -> np.ndarray:
        """Draw the order of the shards in the next epoch."""
        n_shards = self.shards.n_shards
        is_drawn = self.config.shuffle and self.config.batch_size is not None and self.shards.can_shuffle
        if not is_drawn or n_shards == 1:
            return np.arange(n_shards)
        return draw_order(n_shards, self.shards.n_windows, self.state.rng)

    def _learn_from_samples(self) -> float:
        position = self._position
        if self.config.batch_size is None:
            position.loss_sum = self._update_once()
        else:
            assert position.order is not None
            for window in self.shards.windows(position.order, position.n_windows):
                position.loss_sum += self._learn_from_window(window)
                position.n_windows += 1
                del window  # before the next one is read
                if self._has_diverged(position.loss_sum):  # before a checkpoint is written
                    position.end()
                    return math.inf
                if self._observer is not None:
                    self._observer.on_window_end(self.state)
        position.end()
        return position.loss_sum

    def _has_diverged(self, loss_sum: float) -> bool:
        """Return whether an epoch cannot become valid, from the sum of the weighted losses so far."""
        if not (math.isfinite(loss_sum) and self.state.is_finite()):
            return True
        has_dropout = any(self.config.objective.dropout)  # which raises the loss
        return not has_dropout and loss_sum > self._max_loss * self._total_weight

    def _learn_from_window(self, window: Any) -> float:
        if not window.n_samples:  # all of them have a weight of 0
            return 0.0
        data = self.state.scale_target(window)
        if data.n_samples > self._n_buffered:
            self._n_buffered = data.n_samples
            self._buffers = self.engine.make_buffers(self.config, self.state, data)
        return super()._learn_from_window(data)

    def _update_once(self) -> float:
        """Make one update with the gradient of all samples; return the sum of the weighted losses."""
        state, config = self.state, self.config
        rate = float(config.schedule.rates(np.array([state.t]), state.n_planned)[0]) * state.rate_factor
        dropout_key = int(state.rng.integers(2**63)) if any(config.objective.dropout) else 0
        loss_sum, gradient = self._sum_gradients(config.objective.penalty(state.alpha), dropout_key)
        state.t += 1
        state.n_steps += 1
        state.learning_rate = rate
        update_weights(config, state, gradient, np.empty_like(gradient), state.n_steps, rate)
        return loss_sum

    def _sum_gradients(self, penalty: Penalty, dropout_key: int = 0) -> tuple[float, np.ndarray]:
        """Return the sum of the weighted losses over all shards, and the gradient of the objective."""
        state, config, shards = self.state, self.config, self.shards
        if self._gradient is None:
            self._gradient = ShardGradient(config.objective, state.standardizer, state.mean_weight, shards.n_samples)
        loss_sum, total = 0.0, np.zeros(len(state.theta))
        for part_of_loss, part in shards.map(self._gradient, state.theta, dropout_key, each=shards.starts):
            loss_sum += part_of_loss
            total += part
        gradient = total.astype(state.theta.dtype)
        n_weights = config.objective.network.n_weights
        penalty.add_gradient(state.theta[:n_weights], gradient[:n_weights], np.empty(n_weights, gradient.dtype))
        return loss_sum, gradient

    def _evaluation(self) -> lbfgs.Evaluation:
        def evaluate(penalty: Penalty) -> tuple[float, np.ndarray]:
            loss_sum, gradient = self._sum_gradients(penalty)
            return loss_sum / self._total_weight, gradient

        return evaluate
