"""When to stop: patience on the training loss, or on rows held out, and the way back to the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy

import numpy as np

from .state import TrainingState


class Patience:
    """Says when a number has not fallen by more than `tol` for `n_iter_no_change` passes in a row."""

    def __init__(self, tol: float | None, n_iter_no_change: float):
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self._best = math.inf
        self._n_without = 0

    def is_over(self, number: float) -> bool:
        """Take the number of one more pass and say whether that was the last."""
        if self.tol is None:
            return False
        self._n_without = 0 if number < self._best - self.tol else self._n_without + 1
        self._best = min(self._best, number)
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the last pass was the last."""
        return self._n_without >= self.n_iter_no_change


class Watch:
    """What is watched from pass to pass of one `fit`.

    Parameters
    ----------
    patience : Patience
    held_out : callable or None
        Returns the mean loss and the score of held-out rows by the network as it is; None watches the training loss.
    """

    def __init__(self, patience: Patience, held_out: Callable[[], tuple[float, float]] | None = None):
        self._patience, self.held_out = patience, held_out
        self.is_told_to_stop = False  # by a callback that was told of the last pass before the file was written
        self._best = None  # score, theta, pass and mean loss
        self._before = self._snapshot()

    def __getstate__(self):
        """Leave out the rows, which whoever goes on has."""
        return vars(self) | {"held_out": None}

    @property
    def has_ended(self) -> bool:
        """Whether the last pass was the last: so it may be in a fit that is finished from a file."""
        return self.is_told_to_stop or self._patience.has_ended

    def _snapshot(self):
        return self._best, copy(self._patience)

    def on_epoch_end(self, state: TrainingState, loss: float) -> tuple[float, bool]:
        """Return what is watched, the lower the better, and whether this pass was the last."""
        self._before = self._snapshot()
        if self.held_out is None:
            state.best_iter = state.n_iter
            return loss, self._patience.is_over(loss)
        held_out_loss, score = self.held_out()
        state.validation_loss_curve.append(held_out_loss)
        state.validation_scores.append(score)
        if score > (-math.inf if self._best is None else self._best[0]):  # never so for NaN
            state.best_iter = state.n_iter
            self._best = score, state.theta.copy(), state.n_iter, state.mean_loss
        return -score, self._patience.is_over(-score)

    def go_back(self) -> None:
        """Forget the last pass, which is undone."""
        self._best, self._patience = self._before

    def restore_best(self, state: TrainingState) -> list[str]:
        """Put the best weights back, if rows were held out to tell which those are; return what is to be said."""
        if self.held_out is None:
            return []
        if self._best is None:
            state.best_iter = state.n_iter
            return ["No score of the held-out rows was a number: the weights are those of the last epoch. See scoring."]
        _, theta, state.best_iter, state.mean_loss = self._best
        np.copyto(state.theta, theta)
        return []
