"""Training configuration and mutable training state.

The random generator, the count of updates, the optimizer state and the running moments of the rows live in the
state, so n calls of `partial_fit` are `fit` with n epochs, and a pickled state goes on exactly where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._core.objective import Objective
from .._core.standardizer import Standardizer
from ..optimizers import Optimizer
from ..schedules import Plateau, Schedule

#: The c of ``alpha="auto"``, for losses that are likelihoods and for others, and the most that c / n may be;
#: docs/defaults.md tells how they were chosen.
PRIOR_OF_LIKELIHOODS, PRIOR, STRONGEST_PRIOR = 5.0, 20.0, 0.1
#: A stream keeps this many passes of its loss curve, and up to twice as many before the oldest are dropped.
KEPT_EPOCHS = 10_000
#: The noise that L-BFGS, which wants one function from beginning to end, takes for granted.
NOISE_OF_LBFGS = 0.1


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: what the estimator's parameters come down to. Nothing in it is learned."""

    objective: Objective
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int | None  # None is all rows
    shuffle: bool
    max_iter: int
    alpha: float | None = 0.0  # None is "auto"
    clip_norm: float | None = None

    def n_batches(self, n_rows: int) -> int:
        """Return the number of updates in one pass over `n_rows` rows."""
        return 1 if self.batch_size is None else math.ceil(n_rows / self.batch_size)

    def shuffles(self, n_rows: int) -> bool:
        """Return whether the order of the rows is drawn; one batch of all rows has none."""
        return self.shuffle and self.batch_size is not None and self.batch_size < n_rows

    def draws(self, n_rows: int) -> bool:
        """Return whether a pass uses the generator."""
        return self.shuffles(n_rows) or any(self.objective.dropout)


@dataclass
class TrainingState:
    """What training learns, and all that it needs to go on.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights and intercepts; see `_network.py` for their order.
    optimizer_state : ndarray of shape (n_state_arrays, n_parameters)
        What the optimizer remembers.
    rng : numpy.random.Generator
        Where the order of the rows and the key of dropout are drawn from.
    standardizer : Standardizer or None
        Running moments of the rows; None trains on rows as they are.
    seed : int
        What the generator began with, and what held-out rows are drawn by.
    t : int
        Number of updates made.
    n_steps : int
        Number of updates since the optimizer state was empty.
    n_iter : int
        Number of passes made.
    loss_curve : list of float
        Mean loss plus penalty in each pass.
    validation_loss_curve, validation_scores : list of float
        Mean loss and score of held-out rows after each pass that had any.
    validation_start : int
        Number of passes made before the last `fit`, whose passes these are.
    best_iter : int
        The pass that the weights are from.
    learning_rate : float
        Rate of the last update.
    rate_factor : float
        What the schedule's rates are multiplied by: halved by recovery and plateaus.
    plateau_best, plateau_count : float and int
        Lowest loss so far and passes without a lower one, for the schedule `Plateau`.
    alpha : float
        Strength of the penalty in the last pass.
    mean_loss : float
        Mean loss of the last pass, without the penalty.
    mean_weight : float
        Mean sample weight of the rows seen, over all calls.
    n_rows : int
        Number of rows it is the mean of.
    """

    theta: np.ndarray
    optimizer_state: np.ndarray
    rng: np.random.Generator
    standardizer: Standardizer | None = None
    seed: int = 0
    t: int = 0
    n_steps: int = 0
    n_iter: int = 0
    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_start: int = 0
    best_iter: int = 0
    learning_rate: float = math.nan
    rate_factor: float = 1.0
    plateau_best: float = math.inf
    plateau_count: int = 0
    alpha: float = 0.0
    mean_loss: float = math.inf
    mean_weight: float = 0.0
    n_rows: int = 0

    def see(self, X, y: np.ndarray, sample_weight: np.ndarray | None, *, guarded: bool = False) -> bool:
        """Take rows into the running moments and mean weight; return False, and take nothing, if they are damaged."""
        if self.standardizer is not None and not self.standardizer.see(X, y, sample_weight, guarded=guarded):
            return False
        self.see_weights(sample_weight, X.shape[0])
        return True

    def see_weights(self, sample_weight: np.ndarray | None, n_rows: int) -> None:
        """Take the weights of some rows into the running mean; the same rows again do not move it by a bit."""
        mean = 1.0 if sample_weight is None else float(sample_weight.mean(dtype=np.float64))
        self.n_rows += n_rows
        self.mean_weight += (mean - self.mean_weight) * (n_rows / self.n_rows)

    def forget_oldest_losses(self) -> None:
        """Keep the loss curve of a stream, which has no end, from growing without one."""
        if len(self.loss_curve) >= 2 * KEPT_EPOCHS:
            del self.loss_curve[:-KEPT_EPOCHS]

    def target_of(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the loss sees it."""
        return y if self.standardizer is None else self.standardizer.target_of(y)

    def choose_alpha(self, config: TrainingConfig) -> None:
        """Set the strength of the penalty for the next pass.

        ``alpha="auto"`` is a prior on the weights of standardised rows: c / n for n rows, times the ratio of noise to
        signal where the loss does not know it, as ridge regression has it (Hoerl, Kennard and Baldwin 1975). The noise
        is what the last pass left unexplained, so the penalty follows the training down. Rows as they are have no
        common scale, and no penalty.
        """
        if config.alpha is not None:
            self.alpha = config.alpha
        elif self.standardizer is None:
            self.alpha = 0.0
        elif config.objective.loss.is_nll:
            self.alpha = min(PRIOR_OF_LIKELIHOODS / self.standardizer.n_rows, STRONGEST_PRIOR)
        else:
            noise = min(self.mean_loss / config.objective.network.sizes[-1], 0.5)
            self.alpha = min(PRIOR / self.standardizer.n_rows, STRONGEST_PRIOR) * noise / (1.0 - noise)

    def follow_plateau(self, schedule: Schedule, loss: float) -> None:
        """Lower the rate if the schedule is `Plateau` and the loss has not fallen for long enough.

        Losses of other rows than before say nothing of that.
        """
        if not isinstance(schedule, Plateau) or (self.standardizer is not None and self.standardizer.sees_new_rows):
            return
        if loss < self.plateau_best - schedule.threshold:
            self.plateau_best, self.plateau_count = loss, 0
            return
        self.plateau_count += 1
        if self.plateau_count >= schedule.patience:
            self.plateau_count = 0
            lowered = max(self.rate_factor * schedule.factor, schedule.final / schedule.initial)
            self.rate_factor = min(lowered, self.rate_factor)

    def is_finite(self) -> bool:
        """Return whether no weight and nothing that the optimizer remembers has overflowed."""
        flat = self.optimizer_state.ravel()
        if math.isfinite(np.dot(self.theta, self.theta) + np.dot(flat, flat)):  # the quick way
            return True
        return bool(np.isfinite(self.theta).all() and np.isfinite(flat).all())


#: The numbers of a state that a pass changes, and those that change when rows are seen for the first time.
COUNTS = (
    *("t", "n_steps", "n_iter", "best_iter", "learning_rate", "rate_factor", "alpha", "mean_loss"),
    *("plateau_best", "plateau_count"),
)
SEEN = ("mean_weight", "n_rows")


class StateSnapshot:
    """A state as it was before a pass, its vectors in arrays made once.

    The generator is kept only if a pass draws from it: `draws`.
    """

    def __init__(self, state: TrainingState, draws: bool):
        self._state = state
        self._draws = draws
        self.theta, self._optimizer_state = np.empty_like(state.theta), np.empty_like(state.optimizer_state)
        self.scratch = np.empty_like(state.theta)

    def save(self) -> None:
        """Keep all that a pass changes."""
        state = self._state
        np.copyto(self.theta, state.theta)
        np.copyto(self._optimizer_state, state.optimizer_state)
        self._before = vars(state).copy()
        self._lengths = len(state.loss_curve), len(state.validation_loss_curve)
        if state.standardizer is not None:
            self._moments = state.standardizer.copy_moments()
        if self._draws:
            self._rng = state.rng.bit_generator.state

    def restore(self, *, unsee: bool = True) -> None:
        """Put it back, the running moments too unless the pass is to be tried again."""
        state = self._state
        np.copyto(state.theta, self.theta)
        np.copyto(state.optimizer_state, self._optimizer_state)
        for name in (*COUNTS, *(SEEN if unsee else ())):
            setattr(state, name, self._before[name])
        n_passes, n_held_out = self._lengths
        for curve, length in (
            (state.loss_curve, n_passes),
            (state.validation_loss_curve, n_held_out),
            (state.validation_scores, n_held_out),
        ):
            del curve[length:]
        if unsee and state.standardizer is not None:
            state.standardizer.set_moments(self._moments)
        if self._draws:
            state.rng.bit_generator.state = self._rng
