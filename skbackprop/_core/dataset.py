"""`Dataset`: inputs, targets and sample weights, which are passed on together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import Matrix


class Dataset(NamedTuple):
    """Inputs, targets and sample weights, validated and encoded.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Inputs, of the network's dtype.
    y : ndarray of shape (n_samples, n_outputs)
        Targets as the loss sees them, of the network's dtype.
    sample_weight : ndarray of shape (n_samples,), float64, or None
        Sample weights; None means a weight of 1 for every sample.
    """

    X: Matrix
    y: np.ndarray
    sample_weight: np.ndarray | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.X.shape[0]

    @property
    def total_weight(self) -> float:
        """Sum of the sample weights."""
        if self.sample_weight is None:
            return float(self.X.shape[0])
        return float(self.sample_weight.sum(dtype=np.float64))

    def take(self, samples: np.ndarray | slice) -> Dataset:
        """Return some of the samples: a view for a slice, a copy for indices."""
        weight = None if self.sample_weight is None else self.sample_weight[samples]
        return Dataset(self.X[samples], self.y[samples], weight)

    def with_target(self, y: np.ndarray) -> Dataset:
        """Return the same samples with another target."""
        return Dataset(self.X, y, self.sample_weight)
