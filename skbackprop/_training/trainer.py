"""Training: passes over the rows until it is time to stop, and the way back when one goes wrong.

One pass is what `partial_fit` does and what `fit` repeats. A pass is all or nothing: what goes wrong on the way, an
interrupt included, leaves the state as it was before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._core.standardizer import MAX_ABS_ZSCORE, MAX_CONSECUTIVE_REJECTIONS
from ..optimizers import LBFGS
from . import lbfgs as _lbfgs
from .observers import TrainingObserver
from .state import NOISE_OF_LBFGS, StateSnapshot, TrainingConfig, TrainingState
from .stopping import Watch

#: A pass has exploded if its mean loss is this many times that of a constant prediction and of the first weights.
DIVERGENCE_FACTOR = 10.0
#: The last updates have exploded if the loss after them is this many times that of the pass, and a stream is looked at
#: where they moved the weights by more than this share.
FINAL_STEP_FACTOR, SMALL_STEP = 3.0, 0.1
#: So often the learning rate is halved in one call before training gives up.
MAX_BACKOFFS = 20
#: Rows on which the loss of the first weights is taken.
SAMPLE_ROWS = 1000
#: A network whose loss is above this share of a constant prediction's has learned nothing.
NOTHING_LEARNED = 0.99
#: No loss below this is told from 0.
NO_LOSS = 1e-10


@dataclass(slots=True)
class TrainingResult:
    """How a call ended: whether it was time to stop, and what the user should be told."""

    stopped: bool = False
    diverged: bool = False
    messages: list[str] = field(default_factory=list)
    n_backoffs: int = 0


class Trainer:
    """A network in training on rows of one shape: what it is, how it is trained, and the arrays that serve every pass.

    Parameters
    ----------
    engine : module
        With a `Room` and a `train_epoch`: `_epoch` or `_compiled`.
    config : TrainingConfig
    state : TrainingState
        Changed in place by `train`.
    X, y, sample_weight
        Rows as they will be trained on; only their shapes and kinds matter here.
    """

    def __init__(self, engine, config: TrainingConfig, state: TrainingState, X, y, sample_weight):
        self.engine, self.config, self.state, self.shape = engine, config, state, X.shape
        self._room = engine.Room(config, state, X, y, sample_weight)
        self._draws = config.draws(X.shape[0])
        self._good = StateSnapshot(state, self._draws)
        self._verified = None  # before the pass before: what a sound pass went out from

    def train(
        self,
        X,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        n_epochs: int,
        watch: Watch | None,
        observer: TrainingObserver | None = None,
    ) -> TrainingResult:
        """Make up to `n_epochs` passes.

        Parameters
        ----------
        X, y, sample_weight
            Rows of the shape that the trainer was made for; y as the user gave it.
        n_epochs : int
        watch : Watch or None
            What may stop it; None is a stream, whose rows may be damaged and whose end is not known.
        observer : TrainingObserver or None
            Who is told of each pass, and may end it all.

        What overflows on the way is looked at; the caller silences numpy about it.

        Raises
        ------
        ValueError
            If the spread of a column overflows, unless these are rows of a stream that has seen others.
        """
        state, n_before = self.state, self.state.n_iter
        result = TrainingResult(stopped=watch is not None and watch.has_ended)
        self._verified, self._watch, self._observer = None, watch, observer
        self._good.save()
        try:
            constant_loss = self._see_and_train(X, y, sample_weight, n_epochs, result)
            if watch is None:
                state.forget_oldest_losses()
                return result
            result.messages += watch.restore_best(state)
        except BaseException:
            self._good.restore()
            if state.n_iter > n_before:
                state.best_iter = state.n_iter  # an interrupt leaves the last whole pass, whatever its score
            raise
        self._say_if_nothing_was_learned(constant_loss, result)
        return result

    def _see_and_train(self, X, y, sample_weight, n_epochs, result) -> float:
        """Train, and return the loss of a constant prediction; in a stream infinity, as nobody asks."""
        state, watch = self.state, self._watch
        if not state.see(X, y, sample_weight, guarded=watch is None):
            self._refuse(result)
            return math.inf
        y = state.target_of(y)
        if watch is None:
            self._train_by_passes(X, y, sample_weight, n_epochs, math.inf, result)
            return math.inf
        constant_loss = self.config.objective.constant_loss(y, sample_weight)
        if isinstance(self.config.optimizer, LBFGS):
            if n_epochs and not result.stopped:  # a fit that is finished may have no pass left to make
                self._minimize(X, y, sample_weight, n_epochs, result)
        else:
            limit = DIVERGENCE_FACTOR * max(constant_loss, self._loss_of(self.state.theta, X, y, sample_weight))
            self._train_by_passes(X, y, sample_weight, n_epochs, limit, result)
        return constant_loss

    def _minimize(self, X, y, sample_weight, n_epochs, result):
        self.state.mean_loss = NOISE_OF_LBFGS * self.config.objective.network.sizes[-1]
        self.state.choose_alpha(self.config)
        told = self._on_epoch_begin, self._on_epoch_end
        _lbfgs.minimize(self.config, self.state, self._room.work, X, y, sample_weight, n_epochs, *told, result)

    def _train_by_passes(self, X, y, sample_weight, n_epochs, limit, result):
        state, first_factor = self.state, self.state.rate_factor
        last = state.n_iter + n_epochs
        while True:
            ended = result.stopped or state.n_iter >= last
            if ended:
                if self._ended_well(X, y, sample_weight):
                    return
            else:
                self._on_epoch_begin()
                state.choose_alpha(self.config)
                penalty = self.config.objective.penalty(state.theta, state.alpha)
                loss = self._pass(X, y, sample_weight)
                if self._is_sound(loss, limit, X, y, sample_weight):
                    result.stopped = self._on_epoch_end(loss, penalty)
                    continue
            if not self._go_back(result, first_factor, in_pass=not ended):
                return

    def _is_sound(self, loss, limit, X, y, sample_weight) -> bool:
        """Return whether a pass has not exploded; where thinned networks have a large loss, the whole one is asked."""
        if loss <= limit or math.isinf(loss):
            return math.isfinite(loss)
        return any(self.config.objective.dropout) and self._loss_of(self.state.theta, X, y, sample_weight) <= limit

    def _ended_well(self, X, y, sample_weight) -> bool:
        """Return whether the last updates, which no pass has followed, have not thrown the weights off."""
        state = self.state
        if self._watch is None:
            moved = np.subtract(state.theta, self._good.theta, out=self._good.scratch)
            if np.dot(moved, moved) <= SMALL_STEP**2 * np.dot(state.theta, state.theta):
                return True  # most single rows: no need to look
            before = self._loss_of(self._good.theta, X, y, sample_weight)
            usual = max([before, *state.loss_curve[-101:-1]]) if state.standardizer is None else 1.0
            known = max(before, 0.1 * usual)  # a row that happened to fit says little
        else:
            known = max(state.mean_loss, NO_LOSS, 0.01 * self.config.objective.constant_loss(y, sample_weight))
            if any(self.config.objective.dropout):  # the loss of the pass is that of thinned networks
                before = self._verified or self._good  # a fit that is finished may have no pass left to make
                known = max(known, self._loss_of(before.theta, X, y, sample_weight))
        return self._loss_of(state.theta, X, y, sample_weight) <= FINAL_STEP_FACTOR * known

    def _on_epoch_begin(self) -> None:
        if self._observer is not None:
            self._observer.on_epoch_begin(self.state)

    def _on_epoch_end(self, loss: float, penalty: float) -> bool:
        """Note a sound pass and return whether it was the last."""
        state, watch = self.state, self._watch
        state.n_iter += 1
        state.mean_loss = loss
        state.loss_curve.append(loss + penalty)
        if watch is None:
            state.best_iter, watched, stop = state.n_iter, loss, False
        else:
            watched, stop = watch.on_epoch_end(state, loss)
        state.follow_plateau(self.config.schedule, watched)
        if watch is not None:
            self._verified, self._good = self._good, self._saved(self._verified)
        told_to_stop = self._observer is not None and self._observer.on_epoch_end(state)
        return stop or told_to_stop

    def _saved(self, backup: StateSnapshot | None = None) -> StateSnapshot:
        """Return a backup of now, in the room of another; whole before it is the one to go back to.

        An interrupt may come between any two lines, and what it goes back to must not be half written.
        """
        backup = backup or StateSnapshot(self.state, self._draws)
        backup.save()
        return backup

    def _pass(self, X, y, sample_weight) -> float:
        """Make one pass and return its loss, infinite if anything overflowed."""
        loss = self.engine.train_epoch(self.config, self.state, self._room, X, y, sample_weight)
        return loss if math.isfinite(loss) and self.state.is_finite() else math.inf

    def _go_back(self, result, first_factor, *, in_pass: bool) -> bool:
        """Go back before the pass that exploded, and before the one whose last updates led there; halve the rate.

        Returns False when that has been done too often.
        """
        state, rate, epoch = self.state, self.state.learning_rate, self.state.n_iter + in_pass
        result.diverged, result.stopped = result.n_backoffs == MAX_BACKOFFS, False
        factor = 0.5 * state.rate_factor
        (self._verified or self._good).restore(unsee=result.diverged and self._watch is None)
        if self._watch is not None:
            self._watch.go_back()
        if result.diverged:
            state.rate_factor = first_factor
            result.messages.append(
                f"Training ended in epoch {epoch}: the loss or the weights still exploded after the learning rate "
                f"had been halved {MAX_BACKOFFS} times. The weights are the last good ones. Scale X and y "
                "(standardize=True does), look for damaged values, or lower learning_rate; a loss of your own is "
                "checked by skbackprop.losses.check_loss."
            )
            return False
        if not result.n_backoffs:
            result.messages.append(
                f"The loss or the weights exploded in epoch {epoch} at learning rate {rate:g}: training went back "
                "to the last good weights and halved the rate, as often as it needed. Lower learning_rate to be rid of "
                "this warning."
            )
        result.n_backoffs += 1
        state.rate_factor = factor
        if self._watch is not None:  # whose backup is from before its rows were seen
            self._good = self._saved()
        return True

    def _refuse(self, result):
        self._good.restore()
        if self._watch is not None or not self.state.standardizer.n_rows:  # nothing has been learned that could stay
            raise ValueError(
                "The spread of a column of X or of y overflows: scale the data, or look for damaged values."
            )
        result.messages.append(
            f"These samples were not learned: X or y lies more than {MAX_ABS_ZSCORE:g} standard deviations from "
            "earlier samples, or overflows. Look for damaged values; after "
            f"{MAX_CONSECUTIVE_REJECTIONS - 1} consecutive such calls new data are accepted."
        )

    def _loss_of(self, theta, X, y, sample_weight) -> float:
        """Return the loss of these weights on some of the rows; infinite if it overflows."""
        objective, state = self.config.objective, self.state
        rows = slice(None, None, -(-X.shape[0] // SAMPLE_ROWS))
        weight = None if sample_weight is None or not sample_weight[rows].any() else sample_weight[rows]
        standardized = None if state.standardizer is None else state.standardizer.inputs_of
        loss = objective.mean_loss(theta, X[rows], y[rows], weight, standardized)
        return loss if math.isfinite(loss) else math.inf

    def _say_if_nothing_was_learned(self, constant_loss, result):
        last = self.state.mean_loss
        if not result.diverged and last > NOTHING_LEARNED * constant_loss > NO_LOSS:
            result.messages.append(
                f"The network has learned next to nothing: its loss of {last:.4g} is hardly below {constant_loss:.4g}, "
                "that of a constant prediction. Try another learning_rate (the last was "
                f"{self.state.learning_rate:g}), more epochs (max_iter), or a smaller penalty (alpha)."
            )
