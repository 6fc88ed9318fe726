"""Training: the state that a model learns, one pass over the rows, and the loop that repeats it until it should stop.

The three solvers are one loop with another batch size: all rows, one row, or some. One pass is what `partial_fit`
does and what `fit` repeats; the random generator, the count of updates and the optimizer's memory live in the state,
so n calls of the one are the other with n epochs, and a pickled state goes on exactly where it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from ._objective import Objective, Workspace
from .optimizers import Optimizer
from .schedules import Schedule

#: Shuffled rows are gathered about this many at a time, and batches are slices of them.
GATHER_ROWS = 1024


@dataclass(frozen=True)
class Recipe:
    """How to train: what the estimator's parameters come down to. Nothing in it is learned."""

    objective: Objective
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int | None  # None is all rows
    shuffle: bool
    max_iter: int

    def n_batches(self, n_rows: int) -> int:
        """Return the number of updates in one pass over `n_rows` rows."""
        return 1 if self.batch_size is None else math.ceil(n_rows / self.batch_size)

    def shuffles(self, n_rows: int) -> bool:
        """Return whether the order of the rows is drawn; one batch of all rows has none."""
        return self.shuffle and self.batch_size is not None and self.batch_size < n_rows


@dataclass
class TrainingState:
    """What training learns, and all that it needs to go on.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Weights and intercepts; see `_network.py` for their order.
    memory : ndarray of shape (n_slots, n_parameters)
        What the optimizer remembers.
    rng : numpy.random.Generator
        Where the order of the rows is drawn from.
    t : int
        Number of updates made.
    n_steps : int
        Number of updates since the memory was empty.
    n_iter : int
        Number of passes made.
    loss_curve : list of float
        Mean loss plus penalty in each pass.
    learning_rate : float
        Rate of the last update.
    mean_weight : float
        Mean sample weight of the rows seen, over all calls.
    n_rows : int
        Number of rows it is the mean of.
    """

    theta: np.ndarray
    memory: np.ndarray
    rng: np.random.Generator
    t: int = 0
    n_steps: int = 0
    n_iter: int = 0
    loss_curve: list[float] = field(default_factory=list)
    learning_rate: float = math.nan
    mean_weight: float = 0.0
    n_rows: int = 0

    def see_weights(self, sample_weight: np.ndarray | None, n_rows: int) -> None:
        """Take the weights of some rows into the running mean; the same rows again do not move it by a bit."""
        mean = 1.0 if sample_weight is None else float(sample_weight.mean(dtype=np.float64))
        self.n_rows += n_rows
        self.mean_weight += (mean - self.mean_weight) * (n_rows / self.n_rows)

    def is_finite(self) -> bool:
        """Return whether no weight and nothing that the optimizer remembers has overflowed."""
        return all(
            math.isfinite(np.dot(vector, vector)) or bool(np.isfinite(vector).all())  # the first is quick
            for vector in (self.theta, self.memory.ravel())
        )


#: The numbers of a state that a pass changes.
COUNTS = ("t", "n_steps", "learning_rate", "mean_weight", "n_rows")


class Backup:
    """A state as it was after the last good pass, its vectors in arrays made once.

    The generator is kept only if a pass draws from it: `draws`.
    """

    def __init__(self, state: TrainingState, draws: bool):
        self._state = state
        self._draws = draws
        self._vectors = [np.empty_like(state.theta), np.empty_like(state.memory)]

    def save(self) -> None:
        """Keep all that a pass changes."""
        np.copyto(self._vectors[0], self._state.theta)
        np.copyto(self._vectors[1], self._state.memory)
        self._numbers = {name: getattr(self._state, name) for name in COUNTS}
        if self._draws:
            self._rng = self._state.rng.bit_generator.state

    def restore(self) -> None:
        """Put it back."""
        np.copyto(self._state.theta, self._vectors[0])
        np.copyto(self._state.memory, self._vectors[1])
        vars(self._state).update(self._numbers)
        if self._draws:
            self._state.rng.bit_generator.state = self._rng


class Stopping:
    """Patience: stop when the loss has not fallen by more than `tol` for `n_iter_no_change` passes in a row."""

    def __init__(self, tol: float | None, n_iter_no_change: float):
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self._best = math.inf
        self._n_without = 0

    def should_stop(self, loss: float) -> bool:
        """Take the loss of one more pass and say whether it was the last."""
        if self.tol is None:
            return False
        self._n_without = 0 if loss < self._best - self.tol else self._n_without + 1
        self._best = min(self._best, loss)
        return self._n_without >= self.n_iter_no_change


class Session:
    """A network in training on rows of one shape: what it is, how it is trained, and the arrays that serve every pass.

    Parameters
    ----------
    engine : module
        With a `Room` and a `train_epoch`: this one, or `_compiled`.
    recipe : Recipe
    state : TrainingState
        Changed in place by `train`.
    X, y, sample_weight
        Rows as they will be trained on; only their shapes and kinds matter here.
    """

    def __init__(self, engine, recipe: Recipe, state: TrainingState, X, y, sample_weight):
        self.engine, self.recipe, self.state, self.shape = engine, recipe, state, X.shape
        self._room = engine.Room(recipe, state, X, y, sample_weight)
        self._good = Backup(state, draws=recipe.shuffles(X.shape[0]))

    def train(
        self,
        X,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        n_epochs: int,
        stopping: Stopping,
        report: Callable[[TrainingState], None],
    ) -> bool:
        """Make up to `n_epochs` passes and return whether `stopping` ended them.

        Whatever goes wrong on the way, an interrupt included, leaves the state as it was after the last whole pass.

        Raises
        ------
        ValueError
            If a weight or the loss overflows.
        """
        state = self.state
        self._good.save()
        try:
            state.see_weights(sample_weight, X.shape[0])
            for _ in range(n_epochs):
                loss = self._finite_pass(X, y, sample_weight)
                self._good.save()
                state.n_iter += 1
                state.loss_curve.append(loss)
                report(state)
                if stopping.should_stop(loss):
                    return True
        except BaseException:
            self._good.restore()
            raise
        return False

    def _finite_pass(self, X, y, sample_weight) -> float:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):  # the sum of it is checked just below
            loss = self.engine.train_epoch(self.recipe, self.state, self._room, X, y, sample_weight)
            finite = math.isfinite(loss) and self.state.is_finite()
        if not finite:
            raise ValueError(
                f"The weights or the loss overflowed in epoch {self.state.n_iter + 1} (learning_rate "
                f"{self.state.learning_rate:g}). Scale the inputs and the target, for example with StandardScaler, or "
                "lower learning_rate. The estimator keeps its last finite weights."
            )
        return loss


def train_epoch(
    recipe: Recipe, state: TrainingState, room: Room, X, y: np.ndarray, sample_weight: np.ndarray | None
) -> float:
    """Make one pass over all rows, an update for each batch, and return the mean loss plus the penalty.

    The loss of each batch is that before its own update, the penalty is that before the first. A batch whose weights
    are all zero is passed over.
    """
    n_rows = X.shape[0]
    batch_size = min(recipe.batch_size or n_rows, n_rows)
    n_updates = recipe.max_iter * recipe.n_batches(n_rows)
    objective, optimizer = recipe.objective, recipe.optimizer
    weight_decay = optimizer.weight_decay
    work, loss_sum = room.work, 0.0
    penalty = objective.penalty(state.theta)
    for X_block, y_block, weight_block in room.blocks(state.rng, X, y, sample_weight):
        starts = range(0, X_block.shape[0], batch_size)
        rates = iter(recipe.schedule.rates(np.arange(state.t, state.t + len(starts)), n_updates).tolist())
        for start in starts:
            rows = slice(start, start + batch_size)
            weight = None if weight_block is None else weight_block[rows]
            if weight is not None and not weight.any():
                continue
            loss_sum += objective.loss_and_gradient(X_block[rows], y_block[rows], weight, state.mean_weight, work)
            state.t += 1
            state.n_steps += 1
            state.learning_rate = rate = next(rates)
            if weight_decay:
                work.weights *= 1.0 - rate * weight_decay
            optimizer.step(state.theta, work.gradient, state.memory, state.n_steps, rate, work.scratch)
    weight_sum = n_rows if sample_weight is None else float(sample_weight.sum(dtype=np.float64))
    return loss_sum / weight_sum + penalty


class Room:
    """The arrays that passes over some rows write to, and the blocks of rows in the order that the solver wants.

    A block is a whole number of batches, about `GATHER_ROWS` rows. Unshuffled rows are handed out where they lie.
    """

    def __init__(self, recipe: Recipe, state: TrainingState, X, y: np.ndarray, sample_weight: np.ndarray | None):
        n_rows = X.shape[0]
        batch_size = min(recipe.batch_size or n_rows, n_rows)
        self.work = Workspace(recipe.objective.network, state.theta, batch_size)
        self._n_rows = min(max(GATHER_ROWS // batch_size, 1) * batch_size, n_rows)
        self._shuffle = recipe.shuffles(n_rows)
        if self._shuffle:
            self._X, self._y, self._weight = (
                None if rows is None or sparse.issparse(rows) else np.empty((self._n_rows, *rows.shape[1:]), rows.dtype)
                for rows in (X, y, sample_weight)
            )

    def blocks(self, rng: np.random.Generator, X, y: np.ndarray, sample_weight: np.ndarray | None):
        """Yield (X, y, weight) of each block; gathered ones are overwritten by the next."""
        order = rng.permutation(X.shape[0]) if self._shuffle else None
        for start in range(0, X.shape[0], self._n_rows):
            rows = slice(start, start + self._n_rows)
            if order is None:
                yield X[rows], y[rows], None if sample_weight is None else sample_weight[rows]
            else:
                picked = order[rows]
                yield (
                    _gather(X, picked, self._X),
                    _gather(y, picked, self._y),
                    _gather(sample_weight, picked, self._weight),
                )


def _gather(array, rows, out):
    if array is None:
        return None
    if sparse.issparse(array):
        return array[rows]
    return np.take(array, rows, axis=0, out=out[: len(rows)], mode="clip")  # "raise" would buffer the output
