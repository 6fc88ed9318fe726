"""How much the shares of the classes differ between windows, which they do if a file is sorted by class."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Dataset
from .shards import square_of_classes, weight_of_classes
from .windows import block, block_layout

#: The number of samples of a class in a window from which on its share should not differ between windows.
ENOUGH_OF_A_CLASS = 100


class ClassShares:
    """How much the shares of the classes differ between windows whose order `draw_order` draws.

    Parameters
    ----------
    n_windows : int
    """

    def __init__(self, n_windows: int):
        self._n_windows = n_windows
        self._neighbors: list[np.ndarray] = []
        self._mean: Any = 0.0
        self._variance: Any = 0.0

    def add(self, class_weight: np.ndarray) -> None:
        """Add the sums of the weights of each class in the next part of the file."""
        self._neighbors.append(class_weight)
        if len(self._neighbors) == self._n_windows:
            self._close_stratum()

    def deviation(self, sample_weight: float | np.ndarray) -> np.ndarray:
        """Return the standard deviation of the weight of each class in a window, relative to its mean.

        What is due to chance is left out, as if counts had Poisson distributions. It is 0 for classes of which a window
        has less than `ENOUGH_OF_A_CLASS` samples, because their shares differ by chance anyway.

        Parameters
        ----------
        sample_weight : float or ndarray of shape (n_classes,)
            The weight of a sample of each class. If weights differ, it is `sample_weight_of_classes`, which gives the
            variance that is due to chance.
        """
        if self._neighbors:
            self._close_stratum()
        deviation = np.zeros_like(self._mean)
        excess = np.sqrt(np.maximum(self._variance - sample_weight * self._mean, 0.0))
        np.divide(excess, self._mean, out=deviation, where=self._mean >= ENOUGH_OF_A_CLASS * sample_weight)
        return deviation

    def _close_stratum(self) -> None:
        """Add the mean and the variance of what each window gets of these neighbors, of which there is one, or none."""
        weights = np.array(self._neighbors)
        mean = weights.sum(axis=0) / self._n_windows
        self._variance += np.square(weights).sum(axis=0) / self._n_windows - mean**2
        self._mean += mean
        self._neighbors.clear()


def class_deviation_of_blocks(data: Dataset, batch_size: int) -> np.ndarray:
    """Return the deviation of the class shares in the windows of `block_windows`; see `ClassShares`."""
    block_size, _, n_windows = block_layout(data, batch_size)
    shares = ClassShares(n_windows)
    for start in range(0, data.X.shape[0], block_size):
        shares.add(weight_of_classes(block(data, start, block_size)))
    return shares.deviation(sample_weight_of_classes(square_of_classes(data), weight_of_classes(data)))


def sample_weight_of_classes(square: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weight of a sample of each class, given the sums of the squares of all weights and of the weights."""
    return np.divide(square, weight, out=np.ones_like(weight), where=weight > 0)
