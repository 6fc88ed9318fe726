"""Online bagging: how often each member of an ensemble learns from each sample of a stream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

#: Cumulative distribution of the Poisson distribution with mean 1; larger numbers are rarer than 1e-12.
POISSON = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(15)])
#: Number of samples whose counts are drawn together: a generator takes longer to make than to use.
BLOCK_SAMPLES = 128


def poisson_counts(seed: int, start: int, n_samples: int, n_members: int) -> np.ndarray:
    """Return how often each member learns from each sample, drawn from the Poisson distribution with mean 1.

    A sample occurs in a bootstrap sample of a large data set that often (Oza and Russell 2001, "Online bagging and
    boosting", AISTATS). The numbers depend on the position of a sample in the stream, not on how the stream is cut
    into calls.

    Parameters
    ----------
    seed : int
    start : int
        Number of samples before these.
    n_samples, n_members : int

    Returns
    -------
    counts : ndarray of int of shape (n_samples, n_members)
    """
    first, offset = divmod(start, BLOCK_SAMPLES)
    n_blocks = -(-(offset + n_samples) // BLOCK_SAMPLES)
    blocks = [_block(seed, block, n_members) for block in range(first, first + n_blocks)]
    counts = blocks[0] if n_blocks == 1 else np.concatenate(blocks)
    return counts[offset : offset + n_samples]


@lru_cache(maxsize=8)
def _block(seed: int, block: int, n_members: int) -> np.ndarray:
    uniform = np.random.default_rng([seed, block]).random((BLOCK_SAMPLES, n_members))
    return np.searchsorted(POISSON, uniform, side="right")


def bootstrap_samples(counts: np.ndarray) -> Iterator[slice | np.ndarray]:
    """Yield the samples of each update of a member, which learns from each as often as it is counted.

    Equal samples of a single one are updates of their own, all of the same shape, which is faster.
    """
    if len(counts) == 1:
        yield from (slice(None) for _ in range(counts[0]))
    elif counts.any():
        yield np.repeat(np.arange(len(counts)), counts)
