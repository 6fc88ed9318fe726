"""When to stop: patience with a monitored number, and the weights of the best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .state import TrainingState


class Patience:
    """Counts the epochs in a row in which a number has not improved.

    Parameters
    ----------
    limit : float
        Patience has run out after this many epochs; infinity never runs out.
    min_improvement : float
        A smaller decrease does not count as an improvement.
    follows_best : bool
        Whether every decrease becomes the reference of the next comparison. If only improvements do, many small
        decreases add up to one.

    Attributes
    ----------
    best : float
        The reference.
    count : int
        Number of epochs without improvement.
    """

    def __init__(self, limit: float, min_improvement: float = 0.0, *, follows_best: bool = True):
        self.limit = limit
        self.min_improvement = min_improvement
        self.follows_best = follows_best
        self.best = math.inf
        self.count = 0

    def update(self, number: float) -> bool:
        """Compare the number of one more epoch, the lower the better; return whether patience has run out.

        A number that is not finite is no verdict: the epoch counts neither as an improvement nor against patience.
        """
        if not math.isfinite(number):
            return self.has_run_out
        improved = number < self.best - self.min_improvement
        self.count = 0 if improved else self.count + 1
        if improved or (self.follows_best and number < self.best):
            self.best = number
        return self.has_run_out

    @property
    def has_run_out(self) -> bool:
        """Whether `limit` epochs in a row have not improved the number."""
        return self.count >= self.limit

    def state_dict(self) -> dict[str, float]:
        """Return the reference and the count, to be stored."""
        return {"best": self.best, "count": self.count}

    def load_state_dict(self, stored: dict[str, float]) -> None:
        """Continue from what `state_dict` returned."""
        self.best = stored["best"]
        self.count = int(stored["count"])


class BestWeights:
    """The weights of the epoch with the highest score.

    Attributes
    ----------
    score : float
        The highest score; minus infinity if no score was finite.
    theta : ndarray or None
        The weights of its epoch.
    n_iter : int
        The number of that epoch.
    mean_loss : float
        The training loss of that epoch.
    """

    def __init__(self) -> None:
        self.score = -math.inf
        self.theta: np.ndarray | None = None
        self.n_iter = 0
        self.mean_loss = math.inf

    def update(self, score: float, state: TrainingState, n_iter: int) -> bool:
        """Keep the weights of epoch `n_iter` and return True if the score is finite and the highest so far."""
        if not (math.isfinite(score) and score > self.score):
            return False
        self.score = score
        self.theta = state.theta.copy()
        self.n_iter = n_iter
        self.mean_loss = state.mean_loss
        return True

    def restore(self, state: TrainingState) -> bool:
        """Copy the best weights into the state; return False if there are none."""
        if self.theta is None:
            return False
        np.copyto(state.theta, self.theta)
        state.best_iter = self.n_iter
        state.mean_loss = self.mean_loss
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers and one array, to be stored."""
        return dict(vars(self))

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        vars(self).update(stored)


def messages_about(scores: list[float]) -> list[str]:
    """Return a warning if scores of the validation set are no verdict because they are not finite numbers."""
    n_missing = sum(not math.isfinite(score) for score in scores)
    if not n_missing:
        return []
    remedy = "Validate with more samples, or with another scoring."
    if n_missing == len(scores):
        return [
            "No score of the validation set was a finite number, so there was no early stopping, and the weights are "
            f"those of the last epoch. {remedy}"
        ]
    return [
        f"{n_missing} of {len(scores)} scores of the validation set were not finite numbers: early stopping ignored "
        f"these epochs. {remedy}"
    ]


class EarlyStopper:
    """Decides after each epoch of a `fit` whether it was the last.

    Parameters
    ----------
    patience : Patience
    validate : callable or None
        Returns the mean loss and the score of a validation set; None monitors the training loss.
    """

    def __init__(self, patience: Patience, validate: Callable[[], tuple[float, float]] | None = None):
        self.patience = patience
        self.validate = validate
        self.best = BestWeights()
        self._before = self._snapshot()

    @property
    def has_ended(self) -> bool:
        """Whether patience has run out, as it may have in a fit that is resumed from a file."""
        return self.patience.has_run_out

    def on_epoch_end(self, state: TrainingState, loss: float) -> tuple[float, bool]:
        """Return the monitored number, the lower the better, and whether to stop."""
        self._before = self._snapshot()
        if self.validate is None:
            state.best_iter = state.n_iter
            return loss, self.patience.update(loss)
        validation_loss, score = self.validate()
        state.validation_loss_curve.append(validation_loss)
        state.validation_scores.append(score)
        if self.best.update(score, state, state.n_iter):
            state.best_iter = state.n_iter
        return -score, self.patience.update(-score)

    def undo_epoch(self) -> None:
        """Undo `on_epoch_end` for the last epoch, which is rolled back."""
        best, patience = self._before
        vars(self.best).update(best)
        vars(self.patience).update(patience)

    def restore_best(self, state: TrainingState) -> list[str]:
        """Restore the weights of the best epoch if there is a validation set; return warnings."""
        if self.validate is None:
            return []
        if not self.best.restore(state):
            state.best_iter = state.n_iter
        return messages_about(state.validation_scores)

    def state_dict(self) -> dict[str, Any]:
        """Return the patience and the best weights, to be stored; `validate` is set again when a fit is resumed."""
        return {"patience": self.patience.state_dict(), "best": self.best.state_dict()}

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.patience.load_state_dict(stored["patience"])
        self.best.load_state_dict(stored["best"])

    def _snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return vars(self.best).copy(), vars(self.patience).copy()
