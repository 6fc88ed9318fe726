"""`ChunkShards`: the chunks of the user as shards, which are read and encoded in every epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np

from .._core.dataset import INDEX, Dataset
from .._core.shards import Shards, concatenate
from .._core.windows import read_ahead
from .chunk_source import Chunk, ChunkSource
from .samples import Samples, Target, make_samples
from .survey import Survey

#: The share of the memory budget that a validation set may take that is drawn from the chunks.
VALIDATION_SHARE = 0.25
#: Draws the samples to validate with; another number than those that draw for the survey.
HOLD_OUT = 1


class ChunkShards(Shards):
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
        self.some = some
        self.n_shards = len(survey.n_samples)
        self.n_samples = sum(survey.n_samples)
        self.n_entries = survey.n_entries / self.n_samples
        self.starts = survey.starts
        self.can_shuffle = source.can_shuffle
        self._source = source
        self._survey = survey
        self._target = target
        self._sizes = survey.sizes
        self._capacity = window_capacity(survey, budget)
        self._held_out_share = 0.0
        self._seed = 0

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

    def windows(self, order: np.ndarray, n_done: int) -> Iterator[Dataset]:
        return read_ahead(self._windows(order, n_done))

    def _windows(self, order: np.ndarray, n_done: int) -> Iterator[Dataset]:
        groups = self._groups(order)
        if self.can_shuffle:
            groups, order = groups[n_done:], np.concatenate([order[:0], *groups[n_done:]])
            n_done = 0
        chunks = self._encoded(order)
        for position, group in enumerate(groups):
            parts = (next(chunks)[1].data for _ in group)
            window = concatenate(parts, sum(self._survey.n_samples[number] for number in group))
            if position >= n_done:
                yield window

    def _groups(self, order: np.ndarray) -> list[np.ndarray]:
        """Return the shards of each window: about equally many bytes in each, and as few windows as possible."""
        sizes = self._sizes[order]
        n_windows = math.ceil(sizes.sum() / self._capacity)
        middle = np.cumsum(sizes) - sizes / 2
        window = np.floor(middle * (n_windows / sizes.sum())).astype(int)
        return [group for group in np.split(order, np.flatnonzero(np.diff(window)) + 1) if len(group)]

    def _encoded(self, order: Sequence[int] | np.ndarray) -> Iterator[tuple[int, Samples]]:
        """Yield the number of each shard and its samples, in this order."""
        n_read = 0
        for number, chunk in self._source.read(order):
            self._check(number, chunk)
            X = chunk.X if chunk.X.dtype == self._survey.dtype else chunk.X.astype(self._survey.dtype)
            samples = make_samples(
                X, chunk.y, weights_of(chunk) if self._survey.has_weights else None, self._target, is_part=True
            )
            held_out = self._held_out(number, self._held_out_share)
            if len(held_out):
                samples, _ = samples.hold_out(held_out)
            n_read += 1
            yield number, samples
        if n_read < len(order):
            raise ValueError(f"chunks had {self.n_shards} chunks before training, and now {n_read}.")

    def _check(self, number: int, chunk: Chunk) -> None:
        """Raise ValueError if a chunk is not as it was in the survey."""
        survey = self._survey
        if number >= self.n_shards:
            raise ValueError(f"chunks had {self.n_shards} chunks before training, and now more.")
        expected = (survey.n_samples[number], survey.n_features), survey.y_shape, survey.is_sparse
        found = chunk.X.shape, chunk.y.shape[1:], not isinstance(chunk.X, np.ndarray)
        if found != expected:
            raise ValueError(
                f"Chunk {number} had {_described(*expected)} before training, and now {_described(*found)}: chunks "
                "must be the same each time they are read."
            )

    def _held_out(self, number: int, share: float) -> np.ndarray:
        """Return the sorted indices of the samples of a shard that are in the validation set."""
        n_samples = self._survey.n_samples[number]
        rng = np.random.default_rng([self._seed, number, HOLD_OUT])
        exact = share * n_samples
        n = math.floor(exact) + int(rng.random() < exact % 1)  # so that chunks of a few samples are held out from
        return np.sort(rng.choice(n_samples, n, replace=False)).astype(INDEX)

    def hold_out(self, fraction: float, seed: int, budget: float) -> tuple[Samples | None, str | None]:
        """Hold out a share of the samples of each shard from now on; return them or None, and a message or None."""
        share = min(fraction, VALIDATION_SHARE * budget / self._sizes.sum())
        self._seed = seed
        parts = []
        for number, samples in read_ahead(self._encoded(range(self.n_shards))):
            parts.append(_take(samples, self._held_out(number, share)))
            del samples
        validation = _join(parts)
        n_validation = validation.data.n_samples
        if not 0 < n_validation < self.n_samples:
            n = self.n_samples
            return None, (
                f"{n} samples are too few for a validation set: early stopping monitors the training loss instead."
            )
        self._held_out_share = share
        self.n_samples -= n_validation
        if share == fraction:
            return validation, None
        return validation, (
            f"validation_fraction={fraction:g} of the samples would take too much memory: {share:.2g} of them are held "
            "out instead. Raise memory_budget to hold out more, or pass X_val and y_val."
        )


def _described(shape: tuple[int, ...], y_shape: tuple[int, ...], is_sparse: bool) -> str:
    return f"{'sparse' if is_sparse else 'dense'} X of shape {shape} and y of shape {(shape[0], *y_shape)}"


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


def _take(samples: Samples, indices: np.ndarray) -> Samples:
    weight = None if samples.score_weight is None else samples.score_weight[indices]
    return Samples(samples.data.take(indices), cast(np.ndarray, samples.y)[indices], weight)


def _join(parts: list[Samples]) -> Samples:
    data = concatenate([part.data for part in parts], sum(part.data.n_samples for part in parts))
    y = np.concatenate([cast(np.ndarray, part.y) for part in parts])
    has_weights = parts[0].score_weight is not None
    weight = np.concatenate([cast(np.ndarray, part.score_weight) for part in parts]) if has_weights else None
    return Samples(data, y, weight)
