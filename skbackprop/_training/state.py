"""`TrainingState`: everything that training learns, and snapshots of it, from which it can be restored.

The random generator, the number of updates, the optimizer state and the running moments live in the state, so n calls
of `partial_fit` are `fit` with n epochs, and a stored state continues exactly where it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._core.dataset import Dataset
from .._core.shards import Shards
from .._core.standardizer import Standardizer
from .._typing import Matrix
from .change_detector import ChangeDetector

#: A stream keeps the losses of this many epochs, and up to twice as many before the oldest are dropped.
KEPT_EPOCHS = 10_000


@dataclass
class TrainingState:
    """What training learns, and everything it needs to continue.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights and intercepts; see `_core/network.py` for their order.
    optimizer_state : ndarray of shape (n_state_arrays, n_parameters)
        State of the optimizer.
    rng : numpy.random.Generator
        Draws the order of the samples and the keys of dropout.
    standardizer : Standardizer or None
        Running moments of the samples; None means that samples are not standardized.
    change_detector : ChangeDetector
        Finds columns of a stream whose moments have changed.
    seed : int
        Seed of the generator, and of the validation split.
    t : int
        Number of updates made.
    n_steps : int
        Number of updates since the optimizer state was empty.
    n_iter : int
        Number of epochs made.
    loss_curve : list of float
        Mean loss plus penalty in each epoch.
    penalty_curve : list of float
        Penalty in each epoch: the part of `loss_curve` that is not a loss.
    validation_loss_curve, validation_scores : list of float
        Mean loss and score of the validation set after each epoch of the last `fit` that had one.
    validation_start : int
        Number of epochs made before that `fit`.
    best_iter : int
        Epoch that the weights are from.
    n_planned : int
        Number of updates after which schedules with an end have reached it: that of the last `fit`, or of `max_iter`
        calls of `partial_fit` like the first; 0 before both.
    learning_rate : float
        Learning rate of the last update.
    rate_factor : float
        Factor of the learning rates of the schedule, which divergence and plateaus reduce.
    plateau_best : float
        Lowest monitored loss so far, for the schedule `Plateau`.
    plateau_count : int
        Number of epochs since then.
    prior : float
        The c of ``alpha="auto"``; see `penalty.py`.
    tried_priors, prior_losses : list of float
        The values of c that the last search tried, and the mean loss on the validation set for each.
    constant_loss : float
        Mean loss of predicting the mean of the target of the last `fit`, without `gross_loss`; infinite if there was
        no `fit`.
    gross_loss : float
        The part of the mean loss that is due to gross errors in the target; see
        `Objective.constant_loss_and_gross_loss`.
    alpha : float
        Strength of the penalty in the last epoch.
    mean_loss : float
        Mean loss of the last epoch, without the penalty.
    mean_weight : float
        Mean weight of the samples that `n_samples` counts.
    mean_entries : float
        Mean number of entries of a sample, which are all columns if X is dense.
    n_samples : int
        Number of samples of the last `fit`, and of the calls of `partial_fit` since; those of each call count.
    n_rejections : int
        Number of samples of a stream, up to the last one, that were outliers without another sample in between.
    n_rejected : int
        Number of samples of a stream that were rejected as outliers.
    n_changes : int
        Number of times that columns of a stream came in another unit.
    """

    theta: np.ndarray
    optimizer_state: np.ndarray
    rng: np.random.Generator
    standardizer: Standardizer | None = None
    change_detector: ChangeDetector = field(default_factory=ChangeDetector)
    seed: int = 0
    t: int = 0
    n_steps: int = 0
    n_iter: int = 0
    loss_curve: list[float] = field(default_factory=list)
    penalty_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    validation_start: int = 0
    best_iter: int = 0
    n_planned: int = 0
    learning_rate: float = math.nan
    rate_factor: float = 1.0
    plateau_best: float = math.inf
    plateau_count: int = 0
    prior: float = 1.0
    tried_priors: list[float] = field(default_factory=list)
    prior_losses: list[float] = field(default_factory=list)
    constant_loss: float = math.inf
    gross_loss: float = 0.0
    alpha: float = 0.0
    mean_loss: float = math.inf
    mean_weight: float = 0.0
    mean_entries: float = 0.0
    n_samples: int = 0
    n_rejections: int = 0
    n_rejected: int = 0
    n_changes: int = 0

    @property
    def has_been_fitted(self) -> bool:
        """Whether there was a `fit`."""
        return math.isfinite(self.constant_loss)

    @property
    def unexplained(self) -> float:
        """The mean loss of the last epoch over that of a constant prediction, both without that of gross errors."""
        return (self.mean_loss - self.gross_loss) / self.constant_loss if self.constant_loss else 0.0

    def update_means(self, data: Dataset | Shards) -> None:
        """Update the mean weight and the mean number of entries; the same samples again leave them bit-identical."""
        n_samples = data.n_samples
        mean = data.total_weight / n_samples
        self.mean_entries = self.mean_entries_with(data)
        self.n_samples += n_samples
        self.mean_weight += (mean - self.mean_weight) * (n_samples / self.n_samples)

    def mean_entries_with(self, data: Dataset | Shards) -> float:
        """Return the mean number of entries of a sample, of all samples seen and these."""
        share = data.n_samples / (self.n_samples + data.n_samples)
        return self.mean_entries + (data.n_entries - self.mean_entries) * share

    def scale_target(self, data: Dataset) -> Dataset:
        """Return the samples with the target as the loss sees it."""
        return data if self.standardizer is None else data.with_target(self.standardizer.transform_target(data.y))

    def transform(self, X: Matrix) -> Matrix:
        """Return samples as the network sees them: in its dtype, and standardized if there is a standardizer."""
        if self.standardizer is not None:
            return self.standardizer.transform(X)
        return X if X.dtype == self.theta.dtype else X.astype(self.theta.dtype)

    def drop_oldest_losses(self) -> None:
        """Bound the loss curve of a stream, which has no end."""
        if len(self.loss_curve) >= 2 * KEPT_EPOCHS:
            del self.loss_curve[:-KEPT_EPOCHS]
            del self.penalty_curve[:-KEPT_EPOCHS]

    def is_finite(self) -> bool:
        """Return whether no weight and nothing in the optimizer state has overflowed."""
        flat = self.optimizer_state.ravel()
        if math.isfinite(np.dot(self.theta, self.theta) + np.dot(flat, flat)):  # no array of flags to allocate
            return True
        return bool(np.isfinite(self.theta).all() and np.isfinite(flat).all())


#: The numbers of a state that an epoch changes.
EPOCH_FIELDS = (
    "t",
    "n_steps",
    "n_iter",
    "best_iter",
    "n_planned",
    "learning_rate",
    "rate_factor",
    "alpha",
    "mean_loss",
    "plateau_best",
    "plateau_count",
)
#: The numbers that change together with the running moments, before the first epoch over some samples.
MOMENT_FIELDS = ("mean_weight", "mean_entries", "n_samples", "n_changes")


class StateSnapshot:
    """A state as it was before an epoch, in arrays that are allocated once.

    Parameters
    ----------
    state : TrainingState
    keeps_rng : bool
        Whether an epoch draws from the generator, which is then part of the snapshot.
    """

    def __init__(self, state: TrainingState, keeps_rng: bool):
        self._state = state
        self._keeps_rng = keeps_rng
        self.theta = np.empty_like(state.theta)
        self._optimizer_state = np.empty_like(state.optimizer_state)

    def save(self) -> None:
        """Save everything that an epoch changes."""
        state = self._state
        np.copyto(self.theta, state.theta)
        np.copyto(self._optimizer_state, state.optimizer_state)
        self._fields = vars(state).copy()
        self._curve_lengths = len(state.loss_curve), len(state.validation_loss_curve)
        if state.standardizer is not None:
            self._moments = state.standardizer.snapshot()
            self._changes = state.change_detector.snapshot()
        if self._keeps_rng:
            self._rng = state.rng.bit_generator.state

    def restore_parameters(self) -> None:
        """Restore the parameters and the optimizer state, which are what an engine changes."""
        np.copyto(self._state.theta, self.theta)
        np.copyto(self._state.optimizer_state, self._optimizer_state)

    def restore(self, *, undo_moments: bool = True) -> None:
        """Restore what was saved; `undo_moments=False` keeps the moments, to repeat an epoch on the same samples."""
        state = self._state
        self.restore_parameters()
        for name in EPOCH_FIELDS:
            setattr(state, name, self._fields[name])
        n_epochs, n_validations = self._curve_lengths
        del state.loss_curve[n_epochs:]
        del state.penalty_curve[n_epochs:]
        del state.validation_loss_curve[n_validations:]
        del state.validation_scores[n_validations:]
        if undo_moments:
            for name in MOMENT_FIELDS:
                setattr(state, name, self._fields[name])
            if state.standardizer is not None:
                state.standardizer.restore(self._moments)
                state.change_detector.restore(self._changes)
        if self._keeps_rng:
            state.rng.bit_generator.state = self._rng
