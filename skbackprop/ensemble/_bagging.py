"""Online bagging: how often each member of an ensemble learns from each sample of a stream."""

from __future__ import annotations

import math

import numpy as np

#: Cumulative distribution of the Poisson distribution with mean 1; larger numbers are rarer than 1e-12.
POISSON = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(15)])
#: Random numbers that Philox makes at a time.
BLOCK = 4


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
    n_blocks = -(-n_members // BLOCK)
    generator = np.random.Generator(np.random.Philox(key=seed, counter=start * n_blocks))
    uniform = generator.random((n_samples, n_blocks * BLOCK))[:, :n_members]
    return np.searchsorted(POISSON, uniform, side="right")
