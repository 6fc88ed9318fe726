"""Train each candidate on each fold, several members at a time, and weight the candidates."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from .._sklearn_compat import FitTask
from .._training.result import TrainingResult
from .._typing import Matrix
from ._folds import Fold
from ._members import TrainedMember, network_of, prior_of, train
from ._selection import greedy_weights, survivors

#: From this number of samples on, the search for the c of ``alpha="auto"`` takes longer than a fit, and its result
#: hardly differs from fold to fold.
MANY_SAMPLES = 2000

#: Returns the mean loss of predictions of the samples at some indices.
MeanLoss = Callable[[np.ndarray, np.ndarray], float]


class Samples(NamedTuple):
    """Validated samples, and the folds that members are trained on.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
    folds : list of Fold
        One for each member, or none, if all members train on all samples.
    n_members : int
    """

    X: Matrix
    y: np.ndarray
    sample_weight: np.ndarray | None
    folds: list[Fold]
    n_members: int


class Job(NamedTuple):
    """A member to train.

    Attributes
    ----------
    member : estimator
    fold : Fold or None
        The samples that it is not trained on.
    prior : float or None
        The c of ``alpha="auto"``, if it is known.
    """

    member: Any
    fold: Fold | None
    prior: float | None


class Candidate:
    """An estimator that is trained on the folds.

    Parameters
    ----------
    name : str
    members : list of estimator
        Unfitted copies of it, one for each fold.

    Attributes
    ----------
    trained : list of TrainedMember
        Those that have been trained, in the order of the folds.
    losses : list of float
        Their mean losses on the samples they were not trained on.
    weight : float
        In the ensemble.
    """

    def __init__(self, name: str, members: list[Any]):
        self.name = name
        self.members = members
        self.trained: list[TrainedMember] = []
        self.losses: list[float] = []
        self.weight = 0.0

    def next_jobs(self, trainer: MemberTrainer, n_members: int) -> list[Job]:
        """Return the next few members to train; with many samples, with the c that was found on the first fold."""
        prior = prior_of(self.trained[0].member) if self.trained and trainer.has_many_samples else None
        positions = range(len(self.trained), len(self.trained) + n_members)
        return [Job(self.members[position], trainer.nth_fold(position), prior) for position in positions]

    @property
    def predictions(self) -> list[np.ndarray]:
        """Predictions of the samples of each fold by the member that was not trained on it."""
        return [member.prediction for member in self.trained if member.prediction is not None]

    @property
    def mean_loss(self) -> float:
        """Mean loss on held-out samples, NaN without any."""
        return float(np.mean(self.losses)) if self.losses else math.nan

    def measure(self, folds: list[Fold], mean_loss: MeanLoss) -> None:
        """Compute the losses of the members that have been trained, maybe not yet on all folds."""
        pairs = zip(self.predictions, folds, strict=False)
        self.losses = [mean_loss(prediction, fold.held_out) for prediction, fold in pairs]

    @property
    def results(self) -> list[TrainingResult]:
        """How each of the fits has ended."""
        return [member.result for member in self.trained]


class MemberTrainer:
    """Trains members in threads if their engine releases the interpreter's lock, otherwise in processes.

    Parameters
    ----------
    ensemble : BaseBackpropEnsemble
    samples : Samples
    task : FitTask or None
        For callbacks, which need threads.
    """

    def __init__(self, ensemble: Any, samples: Samples, task: FitTask | None):
        self._ensemble = ensemble
        self._samples = samples
        self._task = task
        self._n_begun = 0

    def nth_fold(self, position: int) -> Fold | None:
        """Return the fold of the member at a position, None if it is trained on all samples."""
        return self._samples.folds[position] if self._samples.folds else None

    @property
    def has_many_samples(self) -> bool:
        """Whether the c of the penalty that is found on one fold is good enough for the others."""
        return self._samples.X.shape[0] >= MANY_SAMPLES

    def train(self, jobs: list[Job]) -> list[TrainedMember]:
        """Train each member on its fold."""
        has_callbacks = self._task is not None or any("_skl_callbacks" in vars(network_of(job.member)) for job in jobs)
        backend = {"require": "sharedmem"} if has_callbacks else {"prefer": _preferred_backend(jobs)}
        parallel = Parallel(n_jobs=self._ensemble.n_jobs, verbose=self._ensemble.verbose, **backend)
        X, y, sample_weight = self._samples[:3]
        first, self._n_begun = self._n_begun, self._n_begun + len(jobs)
        return parallel(
            delayed(_train_with_context)(
                self._context_of(first + i, job.member), job.member, X, y, sample_weight, job.fold, job.prior
            )
            for i, job in enumerate(jobs)
        )

    def _context_of(self, number: int, member: Any) -> AbstractContextManager[None]:
        if self._task is None:
            return nullcontext()
        return self._task.subtask("member", number, network_of(member))


def _train_with_context(context: AbstractContextManager[None], *arguments: Any) -> TrainedMember:
    with context:
        return train(*arguments)


def _preferred_backend(jobs: list[Job]) -> str:
    """Return "threads" for the compiled engine, which releases the interpreter's lock, otherwise "processes"."""
    may_compile = importlib.util.find_spec("numba") is not None
    return "threads" if may_compile and all(network_of(job.member).engine != "numpy" for job in jobs) else "processes"


def train_candidates(
    trainer: MemberTrainer, candidates: list[Candidate], samples: Samples, mean_loss_of: Callable[[Any], MeanLoss]
) -> list[Candidate]:
    """Train the candidates, and return those that the ensemble keeps, with their weights.

    The first candidate is trained on all folds. The others are compared on the first fold, and only those that are
    close to the best are trained on the rest; with many samples, without another search for the penalty.

    Parameters
    ----------
    trainer : MemberTrainer
    candidates : list of Candidate
    samples : Samples
    mean_loss_of : callable
        Returns the function to compare predictions by from a fitted network, which knows its loss and the classes.
    """
    first, *others = candidates
    folds = samples.folds
    # the last candidates begin, because those of "auto" take the longest, and other jobs fill the time until they end
    _train_next(trainer, [*((candidate, 1) for candidate in reversed(others)), (first, samples.n_members)])
    if not folds:
        first.weight = 1.0
        return [first]
    mean_loss = mean_loss_of(network_of(first.trained[0].member))
    for candidate in candidates:
        candidate.measure(folds, mean_loss)
    close = survivors([candidate.losses[0] for candidate in candidates])
    kept = [candidate for position, candidate in enumerate(candidates) if position in {0, *close}]
    _train_next(trainer, [(candidate, len(folds) - 1) for candidate in reversed(kept[1:])])
    _weigh(kept, folds, mean_loss)
    return [candidate for candidate in kept if candidate.weight]


def _train_next(trainer: MemberTrainer, orders: list[tuple[Candidate, int]]) -> None:
    """Train the next few members of each candidate."""
    jobs = [job for candidate, n_members in orders for job in candidate.next_jobs(trainer, n_members)]
    trained = iter(trainer.train(jobs))
    for candidate, n_members in orders:
        candidate.trained += [next(trained) for _ in range(n_members)]


def _weigh(candidates: list[Candidate], folds: list[Fold], mean_loss: MeanLoss) -> None:
    """Set the weights of the candidates, by the loss of their mean on all held-out samples."""
    held_out = np.concatenate([fold.held_out for fold in folds])
    predictions = [np.concatenate(candidate.predictions) for candidate in candidates]
    weights = greedy_weights(predictions, lambda prediction: mean_loss(prediction, held_out))
    for candidate, weight in zip(candidates, weights, strict=True):
        candidate.weight = float(weight)
        candidate.measure(folds, mean_loss)
