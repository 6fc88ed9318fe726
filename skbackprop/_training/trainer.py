"""Trainers: they run epochs until training stops, and go back to earlier weights if it diverges.

`FitTrainer` trains on one set of samples until a stopping rule or the last epoch; `StreamTrainer` makes one epoch over
each new chunk of a stream. An epoch is a transaction: an error or an interrupt restores the state from before it.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .._core.dataset import Dataset
from .._core.objective import ObjectiveBuffers, Penalty
from .._core.outliers import EXTREME_FACTOR
from .._core.standardizer import MAX_ABS_ZSCORE
from .._core.windows import block_windows
from . import lbfgs
from .change import follow_change, moments_so_far
from .change_detector import CountedMoments
from .config import TrainingConfig
from .epoch import Engine, EpochPlan, EpochResult, make_updates
from .observers import TrainingObserver
from .outliers import MAX_CONSECUTIVE_REJECTIONS, update_moments
from .penalty import NOISE_OF_LBFGS, choose_alpha
from .plateau import MIN_STREAM_SAMPLES, follow_plateau
from .result import TrainingResult
from .state import StateSnapshot, TrainingState
from .stopping import EarlyStopper

#: An epoch has diverged if its mean loss is this many times that of a constant prediction and of the initial weights.
DIVERGENCE_FACTOR = 10.0
#: The final updates have diverged if the loss after them is this many times that of their epoch.
FINAL_STEP_FACTOR = 3.0
#: A stream checks its updates only if they moved the weights by more than this share.
SMALL_STEP = 0.1
#: How often one call halves the learning rate before it stops.
MAX_BACKOFFS = 20
#: Number of samples on which the loss is evaluated for these checks.
N_CHECKED_SAMPLES = 1000
#: A network whose loss is above this share of that of a constant prediction is no better than one.
NO_BETTER_THAN_CONSTANT = 0.99
#: Losses below this are rounding.
NEGLIGIBLE_LOSS = 1e-10
#: Number of recent epochs of a stream that the loss of an update is compared with.
N_RECENT_EPOCHS = 100
#: Stands in for the samples of a stream between two calls, so that the trainer does not keep them in memory.
NO_DATA = Dataset(np.empty((0, 0)), np.empty((0, 0)))
#: Error message if the moments of the samples cannot be computed.
OVERFLOW = "The spread of a column of X or of y overflows: scale the data, or look for damaged values."


class Trainer(ABC):
    """Base class of both trainers: one epoch, the check that it is valid, and the back-off if it is not.

    Parameters
    ----------
    engine : Engine
        Computes the epochs.
    config : TrainingConfig
    state : TrainingState
        Changed in place.
    data : Dataset
        Samples to train on, with the target in the user's units; the buffers are allocated for their shape.
    """

    def __init__(self, engine: Engine, config: TrainingConfig, state: TrainingState, data: Dataset):
        self.engine = engine
        self.config = config
        self.state = state
        self._data = data
        self._buffers: Any = self._first_buffers()
        self._keeps_rng = self._uses_rng()
        self._last_good = StateSnapshot(state, self._keeps_rng)
        self._observer: TrainingObserver | None = None

    def _uses_rng(self) -> bool:
        """Return whether an epoch draws random numbers."""
        return self.config.uses_rng(self._data.n_samples)

    def _first_buffers(self) -> Any:
        """Allocate the buffers of the engine, if there are epochs for it to compute."""
        if self.config.optimizer.needs_all_samples:
            return None
        return self.engine.make_buffers(self.config, self.state, self._data)

    @abstractmethod
    def _final_updates_are_valid(self) -> bool:
        """Return whether the updates of the last epoch, which no later epoch measures, have not diverged."""

    @abstractmethod
    def _finish_epoch(self, loss: float) -> bool:
        """Monitor a valid epoch; return whether to stop."""

    @abstractmethod
    def _roll_back(self, *, is_final: bool) -> None:
        """Restore the state from before the divergence; if `is_final`, there is no further attempt."""

    def _run_epochs(self, n_epochs: int, max_loss: float, result: TrainingResult) -> None:
        """Make up to `n_epochs` valid epochs, none with a loss above `max_loss`."""
        state, initial_factor = self.state, self.state.rate_factor
        last_iter = state.n_iter + n_epochs
        while True:
            is_over = result.stopped or state.n_iter >= last_iter
            if is_over:
                if self._final_updates_are_valid():
                    return
            else:
                loss, penalty = self._run_epoch()
                if self._is_valid(loss, max_loss):
                    result.stopped = self._end_epoch(loss, penalty)
                    continue
            if not self._back_off(result, initial_factor, in_epoch=not is_over):
                return

    def _run_epoch(self) -> tuple[float, float]:
        """Make one epoch; return its mean loss, infinite if anything overflowed, and the penalty before it."""
        penalty = self._open_epoch()
        loss = self._learn_from_samples() / self._total_weight
        return (loss if math.isfinite(loss) and self.state.is_finite() else math.inf), penalty

    def _open_epoch(self) -> float:
        """Announce an epoch and choose the strength of the penalty; return the penalty."""
        state = self.state
        self._begin_epoch()
        state.alpha = choose_alpha(self.config, state)
        return self.config.objective.penalty_value(state.theta, state.alpha)

    def _learn_from_samples(self) -> float:
        """Make the updates of an epoch; return the sum of the weighted losses."""
        return self._make_updates(self._data)

    @property
    def _total_weight(self) -> float:
        """Sum of the sample weights."""
        return self._data.total_weight

    def _make_updates(self, data: Dataset) -> float:
        """Make one update for each batch of some samples; return the sum of their weighted losses."""
        return make_updates(self.config, self.state, data, lambda plan: self._execute(plan, data))

    def _execute(self, plan: EpochPlan, data: Dataset) -> EpochResult:
        """Let the engine execute a plan; if it fails and has a fallback, that one takes over, for later plans too."""
        try:
            return self.engine.run_epoch(plan, data, self.state, self._buffers)
        except Exception as error:
            self._fall_back(error)
        self._restore_parameters()
        self._buffers = self.engine.make_buffers(self.config, self.state, data)
        return self.engine.run_epoch(plan, data, self.state, self._buffers)

    def _fall_back(self, error: Exception) -> None:
        """Replace the engine, which has failed, by its fallback, with a warning; raise the error if there is none."""
        engine = self.engine.fallback
        if engine is None:
            raise error
        warnings.warn(
            f"Training goes on with engine={engine.name!r}, because engine={self.engine.name!r} failed "
            f"({type(error).__name__}: {error}). Set engine={engine.name!r} to avoid this warning.",
            RuntimeWarning,
            stacklevel=3,
        )
        self.engine = engine

    def _restore_parameters(self) -> None:
        """Restore the weights and the optimizer state from before the plan that has failed."""
        self._last_good.restore_parameters()

    def _begin_epoch(self) -> None:
        if self._observer is not None:
            self._observer.on_epoch_begin(self.state)

    def _end_epoch(self, loss: float, penalty: float) -> bool:
        """Record a valid epoch and return whether it was the last."""
        state = self.state
        state.n_iter += 1
        state.mean_loss = loss
        state.loss_curve.append(loss + penalty)
        state.penalty_curve.append(penalty)
        stop = self._finish_epoch(loss)
        self._save_progress()
        stop_requested = self._observer is not None and self._observer.on_epoch_end(state)
        return stop or stop_requested

    @abstractmethod
    def _save_progress(self) -> None:
        """Make the present state the one that is restored if the next epoch diverges."""

    def _is_valid(self, loss: float, max_loss: float) -> bool:
        """Return whether an epoch has not diverged; with dropout, which raises the loss, evaluate without it first."""
        if loss <= max_loss or math.isinf(loss):
            return math.isfinite(loss)
        return any(self.config.objective.dropout) and self._loss_of(self.state.theta) <= max_loss

    def _back_off(self, result: TrainingResult, initial_factor: float, *, in_epoch: bool) -> bool:
        """Go back to earlier weights and halve the learning rate; return False after `MAX_BACKOFFS` attempts."""
        state, rate, epoch = self.state, self.state.learning_rate, self.state.n_iter + in_epoch
        result.diverged = result.n_backoffs == MAX_BACKOFFS
        result.stopped = False
        halved = 0.5 * state.rate_factor
        self._roll_back(is_final=result.diverged)
        if result.diverged:
            state.rate_factor = initial_factor
            result.messages.append(
                f"Training ended in epoch {epoch}: it still diverged after the learning rate had been halved "
                f"{MAX_BACKOFFS} times. The weights are the last valid ones. Scale X and y (standardize=True does), "
                "look for damaged values, or lower learning_rate; skbackprop.losses.check_loss checks a custom loss."
            )
            return False
        if not result.n_backoffs:
            result.messages.append(
                f"Training diverged in epoch {epoch} at learning rate {rate:g}: it went back to the last valid weights "
                "and halved the learning rate, as often as needed. Lower learning_rate to avoid this warning."
            )
        result.n_backoffs += 1
        state.rate_factor = halved
        self._after_back_off()
        return True

    @abstractmethod
    def _after_back_off(self) -> None:
        """Prepare the next attempt."""

    def _loss_of(self, theta: np.ndarray) -> float:
        """Return the loss of some weights on some of the samples, infinite if it overflows."""
        some = self._data.spread(N_CHECKED_SAMPLES)
        if some.sample_weight is not None and not some.sample_weight.any():
            some = some._replace(sample_weight=None)
        loss = self.config.objective.mean_loss(theta, some, self.state.transform)
        return loss if math.isfinite(loss) else math.inf


class FitTrainer(Trainer):
    """Trains on one set of samples until a stopping rule or the last epoch."""

    _previous_good: StateSnapshot | None = None
    _stopper: EarlyStopper
    _constant_loss: float
    _max_loss: float
    _before_window: tuple[np.ndarray, np.ndarray] | None = None

    def fit(self, n_epochs: int, stopper: EarlyStopper, observer: TrainingObserver | None = None) -> TrainingResult:
        """Make up to `n_epochs` epochs.

        Parameters
        ----------
        n_epochs : int
        stopper : EarlyStopper
        observer : TrainingObserver or None

        Returns
        -------
        result : TrainingResult

        Raises
        ------
        ValueError
            If the spread of a column overflows.
        """
        state, n_before = self.state, self.state.n_iter
        result = TrainingResult(stopped=stopper.has_ended)
        self._stopper = stopper
        self._observer = observer
        self._last_good.save()
        try:
            self._constant_loss = self._measure_samples()
            if self.config.optimizer.needs_all_samples:
                self._minimize(n_epochs, result)
            else:
                self._max_loss = DIVERGENCE_FACTOR * max(self._constant_loss, self._loss_of(state.theta))
                self._run_epochs(n_epochs, self._max_loss, result)
            result.messages += stopper.restore_best(state)
        except BaseException:
            self._last_good.restore()
            if state.n_iter > n_before:
                state.best_iter = state.n_iter  # of an interrupted fit, not the epoch with the best score
            raise
        self._warn_if_no_better_than_constant(result)
        return result

    def _learn_from_samples(self) -> float:
        config, n_samples = self.config, self._data.n_samples
        if not (config.reads_blocks and config.shuffles(n_samples)):
            return super()._learn_from_samples()
        windows = block_windows(self._data, config.batch_size_for(n_samples), self.state.rng)
        return sum(map(self._learn_from_window, windows))

    def _learn_from_window(self, window: Dataset) -> float:
        """Make one update for each batch of a part of the samples; return the sum of the weighted losses."""
        self._before_window = self.state.theta.copy(), self.state.optimizer_state.copy()
        return self._make_updates(window)

    def _restore_parameters(self) -> None:
        if self._before_window is None:
            super()._restore_parameters()
        else:
            self.state.theta[...], self.state.optimizer_state[...] = self._before_window

    def _measure_samples(self) -> float:
        """Take the moments of the samples and scale their target; return the loss of a constant prediction."""
        state, objective = self.state, self.config.objective
        if update_moments(state, self._data, reject_outliers=False) is None:
            raise ValueError(OVERFLOW)
        state.n_planned = self.config.n_planned(self._data.n_samples)
        state.change_detector.reset()
        self._data = state.scale_target(self._data)
        constant_loss = objective.constant_loss(self._data)
        parts = constant_loss, 0.0
        if state.standardizer is not None and objective.loss.is_robust:
            parts = objective.constant_loss_and_gross_loss(self._data)
        self._set_constant_loss(*parts)
        return constant_loss

    def _set_constant_loss(self, constant_loss: float, gross_loss: float) -> None:
        """Store the loss of a constant prediction, and apart from it what is due to gross errors in the target."""
        is_known = math.isfinite(constant_loss)
        self.state.constant_loss = constant_loss if is_known else math.inf
        self.state.gross_loss = gross_loss if is_known else 0.0

    def _minimize(self, n_epochs: int, result: TrainingResult) -> None:
        if not n_epochs or result.stopped:
            return  # a resumed fit may have no iteration left to make
        state = self.state
        state.mean_loss = NOISE_OF_LBFGS * state.constant_loss + state.gross_loss
        state.alpha = choose_alpha(self.config, state)
        lbfgs.minimize(self.config, state, self._evaluation(), n_epochs, self._begin_epoch, self._end_epoch, result)

    def _evaluation(self) -> lbfgs.Evaluation:
        """Return the function that evaluates the objective at the present weights."""
        state, data, objective = self.state, self._data, self.config.objective
        buffers = ObjectiveBuffers(objective, state.theta, data.n_samples, state.standardizer)
        total_weight = self._total_weight

        def evaluate(penalty: Penalty) -> tuple[float, np.ndarray]:
            loss_sum = objective.loss_and_gradient(data, state.mean_weight, penalty, buffers)
            return loss_sum / total_weight, buffers.gradient

        return evaluate

    def _finish_epoch(self, loss: float) -> bool:
        monitored, stop = self._stopper.on_epoch_end(self.state, loss)
        follow_plateau(self.config.schedule, self.state, monitored)
        return stop

    def _save_progress(self) -> None:
        """Keep the last two good states: the updates of the last epoch may be what makes the next one diverge."""
        spare = self._previous_good
        self._previous_good, self._last_good = self._last_good, self._saved(spare)

    def _saved(self, spare: StateSnapshot | None = None) -> StateSnapshot:
        """Save the current state, in the arrays of `spare` if there is one.

        An interrupt may come between any two lines, so the snapshot is complete before it replaces another.
        """
        snapshot = spare or StateSnapshot(self.state, self._keeps_rng)
        snapshot.save()
        return snapshot

    def _roll_back(self, *, is_final: bool) -> None:
        (self._previous_good or self._last_good).restore(undo_moments=False)
        self._stopper.undo_epoch()

    def _after_back_off(self) -> None:
        self._last_good = self._saved()  # the last one may date from before the moments of these samples

    def _final_updates_are_valid(self) -> bool:
        state = self.state
        expected = max(state.mean_loss, NEGLIGIBLE_LOSS, 0.01 * self._constant_loss)
        if any(self.config.objective.dropout):  # the loss during training is then no estimate of the loss without it
            before = self._previous_good or self._last_good
            expected = max(expected, self._loss_of(before.theta))
        return self._loss_of(state.theta) <= FINAL_STEP_FACTOR * expected

    def _warn_if_no_better_than_constant(self, result: TrainingResult) -> None:
        state = self.state
        is_better = state.unexplained <= NO_BETTER_THAN_CONSTANT or state.constant_loss <= NEGLIGIBLE_LOSS
        if not (result.diverged or is_better):
            constant_loss = state.constant_loss + state.gross_loss
            result.messages.append(
                f"The model is no better than a constant prediction (training loss {state.mean_loss:.4g}, constant "
                f"prediction {constant_loss:.4g}). Try another learning_rate (the last was {state.learning_rate:g}), "
                f"more epochs (max_iter), or a smaller penalty (alpha, which was {state.alpha:.3g})."
            )


class StreamTrainer(Trainer):
    """Makes one epoch over each chunk of a stream, whose samples may be damaged and whose end is not known."""

    def __init__(self, engine: Engine, config: TrainingConfig, state: TrainingState, data: Dataset):
        super().__init__(engine, config, state, data)
        self._moved = np.empty_like(state.theta)
        self._has_smaller_buffers = False
        self._before = self._last_good  # the state before a call, from which a change of the data starts

    def update(self, data: Dataset, observer: TrainingObserver | None = None) -> TrainingResult:
        """Make one epoch over some samples.

        Parameters
        ----------
        data : Dataset
            Samples of the shape that the trainer was made for, with the target in the user's units.
        observer : TrainingObserver or None

        Returns
        -------
        result : TrainingResult

        Raises
        ------
        ValueError
            If the spread of a column overflows and nothing has been learned before.
        """
        state, result = self.state, TrainingResult()
        n_rejections, n_rejected = state.n_rejections, state.n_rejected
        self._observer = observer
        self._last_good.save()
        self._before, earlier = self._last_good, moments_so_far(state)
        try:
            accepted = update_moments(state, data, reject_outliers=True)
            if accepted is not None:
                self._look_for_change(accepted, earlier)
                state.n_planned = state.n_planned or self.config.n_planned(data.n_samples)
                self._data = state.scale_target(accepted)
                if accepted is not data or self._has_smaller_buffers:
                    self._replace_buffers(is_part=accepted is not data)
                self._run_epochs(1, math.inf, result)
                state.drop_oldest_losses()
            elif state.standardizer is None or not state.standardizer.n_samples:  # there is nothing to keep
                raise ValueError(OVERFLOW)
            if state.n_rejected != n_rejected:
                self._report_rejections(result, data.n_samples, state.n_rejected - n_rejected)
        except BaseException:
            self._before.restore()
            state.n_rejections, state.n_rejected = n_rejections, n_rejected
            raise
        finally:
            self._data = NO_DATA
        return result

    def _look_for_change(self, data: Dataset, earlier: CountedMoments | None) -> None:
        """Adapt the scaling and the weights if the data have changed; a divergence then goes back to these weights."""
        state = self.state
        standardizer = state.standardizer
        if earlier is None or standardizer is None or not standardizer.is_robust:
            return
        change = state.change_detector.add(data, standardizer, earlier, state.theta)
        if change is not None:
            follow_change(state, self.config.objective, change)
            self._last_good = StateSnapshot(state, self._keeps_rng)
            self._last_good.save()

    def _replace_buffers(self, *, is_part: bool) -> None:
        """Allocate the buffers for the part of a call that is accepted, or again for all samples."""
        self._buffers = self.engine.make_buffers(self.config, self.state, self._data)
        self._has_smaller_buffers = is_part

    def _report_rejections(self, result: TrainingResult, n_samples: int, n_rejected: int) -> None:
        result.data_messages.append(
            f"partial_fit rejected {n_rejected} of {n_samples} samples as outliers: a value lies more than "
            f"{MAX_ABS_ZSCORE:g} standard deviations from the mean of earlier samples, or a target {EXTREME_FACTOR:g} "
            "times as far from the mean as any before it, or it overflows. n_rejected_ counts them. Look for damaged "
            f"values. If the data have changed, they are learned from after {MAX_CONSECUTIVE_REJECTIONS - 1} outliers "
            "in a row."
        )

    def _finish_epoch(self, loss: float) -> bool:
        self.state.best_iter = self.state.n_iter
        if self._data.n_samples >= MIN_STREAM_SAMPLES:
            follow_plateau(self.config.schedule, self.state, loss)
        return False

    def _save_progress(self) -> None:
        """Keep the snapshot from before this call, which is its only epoch."""

    def _roll_back(self, *, is_final: bool) -> None:
        if is_final:
            self._before.restore()
        else:
            self._last_good.restore(undo_moments=False)

    def _after_back_off(self) -> None:
        """Keep the snapshot, which has the moments from before this call."""

    def _final_updates_are_valid(self) -> bool:
        state = self.state
        moved = np.subtract(state.theta, self._last_good.theta, out=self._moved)
        if np.dot(moved, moved) <= SMALL_STEP**2 * np.dot(state.theta, state.theta):
            return True  # true of most single samples: evaluating their loss would be slow
        before = self._loss_of(self._last_good.theta)
        usual = 1.0
        if state.standardizer is None:
            usual = max([before, *state.loss_curve[-N_RECENT_EPOCHS - 1 : -1]])
        expected = max(before, 0.1 * usual)  # a single sample may happen to have a small loss
        return self._loss_of(state.theta) <= FINAL_STEP_FACTOR * expected
