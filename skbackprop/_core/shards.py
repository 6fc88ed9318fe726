"""`Shards`: samples in parts that are not in memory all at once, and what is summed over these parts.

A shard is a chunk of a file, or a partition on another machine. Sums over shards are added up in the order of the
shards, so they have the same bits wherever the shards are, and however many of them are computed at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, cast

import numpy as np
from scipy import sparse

from .._typing import CSR, Matrix
from .dataset import INDEX_CHUNK, Dataset, OneHot
from .denormals import flush_denormals
from .moments import Moments, column_moments
from .objective import GROSS_ERROR, Objective, ObjectiveBuffers, Penalty
from .standardizer import Standardizer

NO_PENALTY = Penalty(0.0, 0.0)
#: The relative error of sums of weights.
ROUNDING = 1e-9


class Shards(ABC):
    """Samples in parts, and some of them in memory; for the choice of parameters, it describes itself as a data set.

    Attributes
    ----------
    some : Dataset
        Samples drawn at random from all shards, with the target in the user's units.
    n_shards : int
    n_samples : int
        Number of samples in all shards.
    n_entries : float
        Mean number of entries of a sample.
    total_weight : float
        Sum of the sample weights, once the totals are known.
    starts : list of int
        Number of samples before each shard.
    can_shuffle : bool
        Whether shards can be read in any order.
    """

    some: Dataset
    n_shards: int
    n_samples: int
    n_entries: float
    starts: list[int]
    total_weight: float = 0.0
    can_shuffle: bool = True

    @property
    def X(self) -> Matrix:
        """Some samples, which have the type, the dtype and the columns of all."""
        return self.some.X

    @property
    def dtype(self) -> np.dtype:
        """The dtype of a network for these samples."""
        return self.some.dtype

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a network for these targets."""
        return self.some.n_outputs

    @abstractmethod
    def map(self, function: Callable[..., Any], *args: Any, each: Sequence[Any] | None = None) -> Iterator[Any]:
        """Yield ``function(shard, *args)`` for each shard that has samples, in the order of the shards.

        Each shard is a `Dataset`.

        If `each` is given, its entry for the shard follows the other arguments.
        """

    @property
    @abstractmethod
    def n_windows(self) -> int:
        """Number of windows in an epoch."""

    @abstractmethod
    def n_batches(self, batch_size: int) -> int:
        """Return the number of batches in an epoch, in which the last batch of each window may be smaller."""

    @abstractmethod
    def windows(self, order: np.ndarray, n_done: int) -> Iterator[Any]:
        """Yield windows, which are several shards at a time, in this order of the shards, without the first windows.

        Parameters
        ----------
        order : ndarray of shape (n_shards,)
        n_done : int
            Number of windows to leave out.
        """


class Totals(NamedTuple):
    """Sums over the samples of one or more shards, and what follows from them.

    Attributes
    ----------
    n_samples : int
    weight : float
        Sum of the sample weights.
    moments : Moments
        Of the columns that are standardized, with the ranges of the standardizer.
    target : Moments
        Of the target, or of class codes.
    lowest, highest : ndarray
        Bounds of the target.
    class_weight : ndarray or None
        Sum of the sample weights of each class, if the target consists of class codes.
    class_square : ndarray or None
        Sum of the squares of the sample weights of each class, or of the samples that have a label, if there are any.
    within : ndarray
        The sum of weight * variance over the shards, for the columns of X and the target.
    square : float
        Sum of the squares of the sample weights.
    free_within : float
        The sum of weight - square / weight over the shards. If all weights are 1, it is the number of samples minus
        that of shards.
    """

    n_samples: int
    weight: float
    moments: Moments
    target: Moments
    lowest: np.ndarray
    highest: np.ndarray
    class_weight: np.ndarray | None
    class_square: np.ndarray | None
    within: np.ndarray
    square: float
    free_within: float

    def merge(self, other: Totals) -> Totals:
        """Return the totals of two sets of shards taken together."""
        return Totals(
            self.n_samples + other.n_samples,
            self.weight + other.weight,
            self.moments.merge(other.moments),
            self.target.merge(other.target),
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
            None if self.class_weight is None else self.class_weight + other.class_weight,
            None if self.class_square is None else self.class_square + other.class_square,
            self.within + other.within,
            self.square + other.square,
            self.free_within + other.free_within,
        )

    @property
    def weight_of_classes(self) -> np.ndarray:
        """Sum of the sample weights of each class, or of the samples that have a label."""
        if self.class_weight is not None:
            return self.class_weight
        return _with_negatives(self.target.mean * self.weight, self.weight)

    @property
    def share_between(self) -> np.ndarray:
        """The share of the variance of each column of X, and of the target, that lies between the shards.

        It is about 1 in the column that a file is sorted by, and about 0 if the samples are in a random order, in which
        means of small shards differ by chance: as in the adjusted R^2, this part is left out. Weights make it larger.
        """
        n_features = len(self.within) - len(self.target.variance)
        variance = np.concatenate([self.moments.variance[:n_features], self.target.variance]) * self.weight
        share = np.zeros_like(variance)
        if self.free_within > ROUNDING * self.weight:
            within = self.within * ((self.weight - self.square / self.weight) / self.free_within)
            np.divide(variance - within, variance, out=share, where=variance > 0)
        return np.clip(share, 0.0, 1.0)


def totals_of(data: Dataset, standardizer: Standardizer | None, has_classes: bool) -> Totals:
    """Return the totals of one shard; `has_classes` is whether the target says which classes a sample has."""
    if standardizer is None:
        moments = column_moments(data.X, data.sample_weight, data.excluded)
    else:
        moments = standardizer.moments_of(data, standardizer.moments.linear_range)
    target = column_moments(data.y, data.sample_weight, data.excluded)
    n_features = data.X.shape[1]
    y = data.y if data.excluded is None else np.delete(data.y, data.excluded, axis=0)
    variance = np.concatenate([moments.variance[:n_features], target.variance])
    weight, square = data.total_weight, _squared(data).total_weight
    return Totals(
        data.n_samples,
        weight,
        moments,
        target,
        y.min(axis=0, initial=np.inf),
        y.max(axis=0, initial=-np.inf),
        None if data.one_hot is None else _class_weight(data, data.one_hot),
        square_of_classes(data) if has_classes else None,
        variance * weight,
        square,
        weight - square / weight,
    )


def weight_of_classes(data: Dataset) -> np.ndarray:
    """Return the sum of the sample weights of each class, or of the samples that have a label."""
    if data.one_hot is not None:
        return _class_weight(data, data.one_hot)
    parts = data.chunks(INDEX_CHUNK)
    positive = [part.y.sum(axis=0) if part.sample_weight is None else part.sample_weight @ part.y for part in parts]
    return _with_negatives(np.sum(positive, axis=0, initial=0.0), data.total_weight)


def square_of_classes(data: Dataset) -> np.ndarray:
    """Return the sum of the squares of the sample weights of each class, or of the samples that have a label."""
    return weight_of_classes(_squared(data))


def _squared(data: Dataset) -> Dataset:
    """Return the samples with the squares of their weights."""
    return data if data.sample_weight is None else data._replace(sample_weight=np.square(data.sample_weight))


def _with_negatives(positive: np.ndarray, total: float) -> np.ndarray:
    """Return the weights of both classes if there is one label, which is the second class."""
    return np.concatenate([total - positive, positive]) if len(positive) == 1 else positive


def _class_weight(data: Dataset, one_hot: OneHot) -> np.ndarray:
    weight = np.zeros(one_hot.n_classes)
    for chunk in data.chunks(INDEX_CHUNK):
        weight += np.bincount(chunk.y[:, 0].astype(np.intp), chunk.sample_weight, one_hot.n_classes)
    return weight


def losses_of_constant(
    data: Dataset, objective: Objective, standardizer: Standardizer | None, raw: np.ndarray
) -> np.ndarray:
    """Return the sums of the losses of a constant raw output, without what is due to gross errors in y, and with it."""
    scaled = _scaled(data, standardizer)
    without = scaled.with_target(np.clip(scaled.y, -GROSS_ERROR, GROSS_ERROR))
    means = [objective.loss_of_constant(part, raw) for part in (without, scaled)]
    return np.array(means) * data.total_weight


class ShardGradient:
    """The gradient of the loss over a shard, as a function of the weights that can be sent to another process.

    Parameters
    ----------
    objective : Objective
    standardizer : Standardizer or None
    mean_weight : float
        Mean sample weight of all shards.
    n_samples : int
        Number of samples of all shards.
    """

    def __init__(self, objective: Objective, standardizer: Standardizer | None, mean_weight: float, n_samples: int):
        self.objective = objective
        self.standardizer = standardizer
        self.mean_weight = mean_weight
        self.n_samples = n_samples
        self._theta: np.ndarray | None = None
        self._buffers: ObjectiveBuffers | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_theta": None, "_buffers": None}

    def __call__(
        self, data: Dataset, theta: np.ndarray, dropout_key: int = 0, position: int = 0
    ) -> tuple[float, np.ndarray]:
        """Return the sum of weight * loss over a shard, and its part of the gradient of the mean loss.

        Parameters
        ----------
        data : Dataset
            The shard, with the target in the user's units.
        theta : ndarray of shape (n_parameters,)
        dropout_key : int
            Key of the dropout masks of the epoch.
        position : int
            Number of samples in the shards before this one.
        """
        buffers = self._buffers_for(data.n_samples, theta)
        with flush_denormals():
            loss_sum = self.objective.loss_and_gradient(
                _scaled(data, self.standardizer),
                self.mean_weight,
                NO_PENALTY,
                buffers,
                dropout_key,
                position,
                self.n_samples,
            )
        return loss_sum, buffers.gradient.astype(np.float64)

    def _buffers_for(self, n_samples: int, theta: np.ndarray) -> ObjectiveBuffers:
        """Return buffers whose layers are views of a copy of theta; they are kept for the next shards."""
        if self._buffers is None or self._theta is None or self._buffers.chunk_size < n_samples:
            self._theta = theta.copy()
            self._buffers = ObjectiveBuffers(self.objective, self._theta, n_samples, self.standardizer)
        np.copyto(self._theta, theta)
        return self._buffers


def _scaled(data: Dataset, standardizer: Standardizer | None) -> Dataset:
    return data if standardizer is None else data.with_target(standardizer.transform_target(data.y))


class WindowMemory:
    """Memory for the dense samples of a window, which a later window can use again.

    The system maps fresh pages one by one, which takes longer than copying the samples.
    """

    def __init__(self) -> None:
        self._arrays: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None = None

    def fill(self, parts: Iterator[Dataset], n_samples: int) -> Dataset:
        """Return the samples of several data sets in one, as `concatenate` does."""
        n_filled = 0
        for part in parts:
            X, y, weight = self._arrays_for(part, n_samples)
            included = slice(None) if part.excluded is None else part.indices()
            filled = slice(n_filled, n_filled + part.n_samples)
            X[filled] = cast(np.ndarray, part.X)[included]
            y[filled] = part.y[included]
            if weight is not None and part.sample_weight is not None:
                weight[filled] = part.sample_weight[included]
            n_filled += part.n_samples
        kept = slice(n_filled)
        weight = None if weight is None else weight[kept]
        return Dataset(X[kept], y[kept], weight, part.one_hot, None, part.network_dtype)

    def _arrays_for(self, part: Dataset, n_samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return the arrays, whose y has the dtype of the most precise part so far: parts may differ in it."""
        if self._arrays is None or len(self._arrays[0]) < n_samples:
            X, y = (np.empty((n_samples, array.shape[1]), array.dtype) for array in (part.X, part.y))
            self._arrays = X, y, None if part.sample_weight is None else np.empty(n_samples)
        X, y, weight = self._arrays
        if not np.can_cast(part.y.dtype, y.dtype):
            self._arrays = X, y.astype(part.y.dtype), weight
        return self._arrays


def concatenate(parts: Iterable[Dataset], n_samples: int, memory: WindowMemory | None = None) -> Dataset:
    """Return the samples of several data sets in one, without those that are excluded; a single one is not copied.

    Parameters
    ----------
    parts : iterable of Dataset
        Only one at a time is in memory beside the result, if X is dense.
    n_samples : int
        Number of samples in all of them, or more.
    memory : WindowMemory or None
        What the result is written to, if X is dense; None allocates it.
    """
    iterator = iter(parts)
    first = next(iterator)
    second = next(iterator, None)
    if second is None:
        return first
    rest = chain([first, second], iterator)
    if isinstance(first.X, np.ndarray):
        return (memory or WindowMemory()).fill(rest, n_samples)
    return _concatenate_sparse(rest)


def _concatenate_sparse(parts: Iterator[Dataset]) -> Dataset:
    included = [part if part.excluded is None else part.take(part.indices()) for part in parts]
    weight = None
    if included[0].sample_weight is not None:
        weight = np.concatenate([part.sample_weight for part in included])
    last = included[-1]
    X, y = stack([part.X for part in included]), np.concatenate([part.y for part in included])
    return Dataset(X, y, weight, last.one_hot, None, last.network_dtype)


def stack(parts: list[Matrix]) -> Matrix:
    """Return the samples of several matrices, dense or CSR, in one."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(cast(list[np.ndarray], parts))
    matrices: list[Any] = list(parts)
    return cast(CSR, sparse.vstack(matrices, format="csr"))
