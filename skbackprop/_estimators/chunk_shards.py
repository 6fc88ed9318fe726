"""`ChunkShards`: the chunks of the user as shards, which are read and encoded in every epoch."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from sklearn.utils import assert_all_finite

from .._core.dataset import INDEX, Dataset
from .._core.shards import Shards, WindowMemory, concatenate
from .._core.windows import read_ahead, split_order
from .._typing import Matrix
from .chunk_source import Chunk, ChunkSource, naming
from .samples import Samples, Target, make_samples
from .survey import Survey

#: The share of the memory budget that a validation set may take that is drawn from the chunks.
VALIDATION_SHARE = 0.25
#: Draws the samples to validate with; another number than those that draw for the survey.
HOLD_OUT = 1
#: The relative error of the number of chunks that fit in a window.
ROUNDING = 1e-9


class Encoding(NamedTuple):
    """How a chunk becomes the samples of a shard, here or on another machine.

    Attributes
    ----------
    n_samples, checksums : list of int
        Number of samples of each chunk in the survey, and a checksum of a few of them.
    n_features : int
    y_shape : tuple of int
        The shape of y without the number of samples.
    is_sparse : bool
    dtype : dtype
        That of X.
    has_weights : bool
        Whether some chunk has sample weights.
    target : Target
        How y is encoded.
    share : float
        The share of the samples that is held out of each chunk.
    seed : int
        Draws the samples that are held out.
    """

    n_samples: list[int]
    checksums: list[int]
    n_features: int
    y_shape: tuple[int, ...]
    is_sparse: bool
    dtype: np.dtype
    has_weights: bool
    target: Target
    share: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, survey: Survey, target: Target) -> Encoding:
        """Return the encoding of the chunks of a survey."""
        return cls(
            survey.n_samples,
            survey.checksums,
            survey.n_features,
            survey.y_shape,
            survey.is_sparse,
            survey.dtype,
            survey.has_weights,
            target,
        )

    def training_samples(self, chunk: Chunk, number: int) -> Samples:
        """Return the samples of a chunk, without those that are held out."""
        samples = self._samples(chunk)
        held_out = self._held_out(number)
        return samples.hold_out(held_out)[0] if len(held_out) else samples

    def held_out_samples(self, chunk: Chunk, number: int) -> Samples:
        """Return copies of the samples of a chunk that are held out."""
        samples, indices = self._samples(chunk), self._held_out(number)
        weight = None if samples.score_weight is None else samples.score_weight[indices]
        return Samples(samples.data.take(indices), cast(np.ndarray, samples.y)[indices], weight)

    def check(self, chunk: Chunk, number: int, name: str) -> None:
        """Raise ValueError, in which a chunk has this name, if it is not as it was in the survey."""
        expected = (self.n_samples[number], self.n_features), self.y_shape, self.is_sparse
        found = chunk.X.shape, chunk.y.shape[1:], not isinstance(chunk.X, np.ndarray)
        if found != expected:
            raise ValueError(
                f"{name} had {_described(*expected)} before training, and now {_described(*found)}: the data must be "
                "the same each time they are read."
            )
        if chunk.checksum != self.checksums[number]:
            raise ValueError(
                f"{name} has other samples than before training: the data must be the same each time they are read."
            )

    def _samples(self, chunk: Chunk) -> Samples:
        X = in_dtype(chunk.X, self.dtype)
        weight = weights_of(chunk) if self.has_weights else None
        return make_samples(X, chunk.y, weight, self.target, is_part=True)

    def _held_out(self, number: int) -> np.ndarray:
        """Return the sorted indices of the samples of a chunk that are held out."""
        n_samples = self.n_samples[number]
        rng = np.random.default_rng([self.seed, number, HOLD_OUT])
        exact = self.share * n_samples
        n = math.floor(exact) + int(rng.random() < exact % 1)  # so that chunks of a few samples are held out from
        return np.sort(rng.choice(n_samples, n, replace=False)).astype(INDEX)


class SurveyedShards(Shards):
    """Shards of which a survey has been made; a share of the samples of each can be held out.

    Parameters
    ----------
    survey : Survey
    target : Target
        How y is encoded.
    some : Dataset
        Samples drawn at random.
    """

    def __init__(self, survey: Survey, target: Target, some: Dataset):
        self.some = some
        self.n_shards = len(survey.n_samples)
        self.n_samples = sum(survey.n_samples)
        self.n_entries = survey.n_entries / self.n_samples
        self.starts = survey.starts
        self._sizes = survey.sizes
        self._encoding = Encoding.of(survey, target)

    def hold_out(self, fraction: float, seed: int, budget: float) -> tuple[Samples | None, str | None]:
        """Hold out a share of the samples of each shard from now on; return them or None, and a message or None."""
        share = min(fraction, VALIDATION_SHARE * budget / self._sizes.sum())
        encoding = self._encoding._replace(share=share, seed=seed)
        validation = _join(list(self._held_out(encoding)))
        n_validation = validation.data.n_samples
        limit = None
        if share < fraction:
            limit = (
                f"validation_fraction={fraction:g} of the samples would take too much memory: {n_validation} of "
                f"{self.n_samples} are held out instead. Raise memory_budget to hold out more, or pass X_val and y_val."
            )
        if not 0 < n_validation < self.n_samples:
            return None, limit or (
                f"{self.n_samples} samples are too few for a validation set: early stopping monitors the training loss "
                "instead."
            )
        self._encoding = encoding
        self.n_samples -= n_validation
        return validation, limit

    def n_batches(self, batch_size: int) -> int:
        return sum(math.ceil(n_samples / batch_size) for n_samples in self.window_sizes)

    @property
    @abstractmethod
    def window_sizes(self) -> list[int]:
        """About how many samples of each window are learned from; for windows in the order of the shards."""

    def _learned_from(self, n_samples: list[int]) -> list[int]:
        """Return about how many of these samples are learned from: not those held out, and none of weight 0."""
        share = self.n_samples / sum(self._encoding.n_samples)
        return [max(round(share * n), 1) for n in n_samples]

    @abstractmethod
    def _held_out(self, encoding: Encoding) -> Iterator[Samples]:
        """Yield the samples of each shard that this encoding holds out."""


class ChunkShards(SurveyedShards):
    """The chunks of the user, each of which is a shard.

    Parameters
    ----------
    source : ChunkSource
    survey : Survey
    target : Target
        How y is encoded.
    some : Dataset
        Samples drawn at random.
    budget : float
        The memory in bytes for the windows.
    """

    def __init__(self, source: ChunkSource, survey: Survey, target: Target, some: Dataset, budget: float):
        super().__init__(survey, target, some)
        self.can_shuffle = source.can_shuffle
        self._source = source
        self._survey, self._budget = survey, budget
        self._capacity = window_capacity(survey, budget)

    def hold_out(self, fraction: float, seed: int, budget: float) -> tuple[Samples | None, str | None]:
        validation, message = super().hold_out(fraction, seed, budget)
        if validation is not None:  # which stays in memory beside the windows
            share = validation.data.n_samples / (validation.data.n_samples + self.n_samples)
            self._capacity = window_capacity(self._survey, self._budget - share * self._sizes.sum())
        return validation, message

    @property
    def n_windows(self) -> int:
        """Number of windows in an epoch."""
        return len(self._groups(np.arange(self.n_shards)))

    def map(self, function: Callable[..., Any], *args: Any, each: Sequence[Any] | None = None) -> Iterator[Any]:
        for number, samples in read_ahead(self._encoded(range(self.n_shards))):
            own = () if each is None else (each[number],)
            if samples.data.n_samples:
                yield function(samples.data, *args, *own)
            del samples

    @property
    def window_sizes(self) -> list[int]:
        groups = self._groups(np.arange(self.n_shards))
        return self._learned_from([sum(self._encoding.n_samples[number] for number in group) for group in groups])

    def windows(self, order: np.ndarray, n_done: int) -> Iterator[Dataset]:
        return read_ahead(self._windows(order, n_done))

    def _windows(self, order: np.ndarray, n_done: int) -> Iterator[Dataset]:
        groups = self._groups(order)
        if self.can_shuffle:
            groups, order = groups[n_done:], np.concatenate([order[:0], *groups[n_done:]])
            n_done = 0
        chunks = self._encoded(order)
        n_largest = max((sum(self._encoding.n_samples[number] for number in group) for group in groups), default=0)
        memories = WindowMemory(), WindowMemory()  # of the window that is learned from, and of the next
        for position, group in enumerate(groups):
            parts = (next(chunks)[1].data for _ in group)
            window = concatenate(parts, n_largest, memories[position % 2])
            if position >= n_done:
                yield window

    def _groups(self, order: np.ndarray) -> list[np.ndarray]:
        """Return the shards of each window: about equally many bytes in each, and as few windows as possible."""
        sizes = self._sizes[order]
        n_together = max(math.floor(self._capacity / sizes.mean() * (1 + ROUNDING)), 1)
        return split_order(order, sizes, math.ceil(len(order) / n_together))

    def _encoded(self, order: Sequence[int] | np.ndarray) -> Iterator[tuple[int, Samples]]:
        """Yield the number of each shard and its samples, in this order."""
        for number, chunk in self._read(order):
            with naming("chunk", number):
                samples = self._encoding.training_samples(chunk, number)
            yield number, samples

    def _read(self, order: Sequence[int] | np.ndarray) -> Iterator[tuple[int, Chunk]]:
        """Yield the number of each chunk and the chunk, in this order; raise ValueError unless they are as before."""
        n_read = 0
        for number, chunk in self._source.read(order):
            if number >= self.n_shards:
                raise ValueError(f"chunks had {self.n_shards} chunks before training, and now more.")
            self._encoding.check(chunk, number, f"Chunk {number}")
            n_read += 1
            yield number, chunk
        if n_read < len(order):
            raise ValueError(f"chunks had {self.n_shards} chunks before training, and now {n_read}.")

    def _held_out(self, encoding: Encoding) -> Iterator[Samples]:
        for number, chunk in read_ahead(self._read(range(self.n_shards))):
            yield encoding.held_out_samples(chunk, number)
            del chunk


def _described(shape: tuple[int, ...], y_shape: tuple[int, ...], is_sparse: bool) -> str:
    return f"{'sparse' if is_sparse else 'dense'} X of shape {shape} and y of shape {(shape[0], *y_shape)}"


def in_dtype(X: Matrix, dtype: np.dtype) -> Matrix:
    """Return X in the dtype of the samples, or raise ValueError if it has numbers that are too large for that."""
    if X.dtype == dtype:
        return X
    converted = X.astype(dtype)
    assert_all_finite(converted, input_name="X")
    return converted


def weights_of(chunk: Chunk) -> np.ndarray:
    """Return the weights of a chunk, which are 1 if it has none."""
    return np.ones(chunk.n_samples) if chunk.sample_weight is None else chunk.sample_weight


def window_capacity(survey: Survey, budget: float) -> float:
    """Return the size of a window in bytes, so that training takes no more memory than the budget.

    While one window is learned from, the next is filled from one chunk after another. A chunk may take its size twice,
    as read and as validated. Sparse chunks are joined at the end, which takes the size of the window again.
    """
    n_windows = 3 if survey.is_sparse else 2
    return max((budget - 2 * max(survey.n_bytes)) / n_windows, survey.sizes.max())


def _join(parts: list[Samples]) -> Samples:
    data = concatenate([part.data for part in parts], sum(part.data.n_samples for part in parts))
    y = np.concatenate([cast(np.ndarray, part.y) for part in parts])
    has_weights = parts[0].score_weight is not None
    weight = np.concatenate([cast(np.ndarray, part.score_weight) for part in parts]) if has_weights else None
    return Samples(data, y, weight)
