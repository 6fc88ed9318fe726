"""The last samples of a stream that comes in small calls, until there are enough of them to compare with others."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from .._core.dataset import Dataset

#: Number of samples of a block. A call with as many is a block of its own.
BLOCK_SAMPLES = 50


class RecentSamples:
    """Dense samples of calls that have fewer than `BLOCK_SAMPLES` each.

    Attributes
    ----------
    n_samples : int
        Number of samples collected. Only these count in the arrays, so a smaller number undoes what was added.
    """

    def __init__(self) -> None:
        self.n_samples = 0
        self._X, self._y, self._weight = np.empty((0, 0)), np.empty((0, 0)), np.empty(0)

    def add(self, data: Dataset) -> None:
        """Add copies of fewer than `BLOCK_SAMPLES` samples."""
        if not len(self._X):
            self._allocate(data.X.shape[1], data.y.shape[1])
        X = cast(np.ndarray, data.X)
        included = slice(None) if data.excluded is None else data.indices()
        new = slice(self.n_samples, self.n_samples + data.n_samples)
        self._X[new] = X[included]
        self._y[new] = data.y[included]
        self._weight[new] = 1.0 if data.sample_weight is None else data.sample_weight[included]
        self.n_samples = new.stop

    def _allocate(self, n_features: int, n_targets: int) -> None:
        capacity = 2 * BLOCK_SAMPLES
        self._X, self._y = np.empty((capacity, n_features)), np.empty((capacity, n_targets))
        self._weight = np.empty(capacity)

    def dataset(self) -> Dataset:
        """Return copies of the samples."""
        n = self.n_samples
        return Dataset(self._X[:n].copy(), self._y[:n].copy(), self._weight[:n].copy())

    def state_dict(self) -> dict[str, Any]:
        """Return the samples as arrays, to be stored."""
        samples = self.dataset()
        return {"X": samples.X, "y": samples.y, "weight": samples.sample_weight}

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the caller has checked shapes and dtypes."""
        self._X = self._X[:0]
        self.n_samples = 0
        if len(stored["X"]):
            self.add(Dataset(stored["X"], stored["y"], stored["weight"]))
