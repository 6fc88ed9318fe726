"""Chunks for the tests, and networks that learn from them in a few windows."""

import numpy as np
from sklearn.datasets import make_classification, make_friedman1

from skbackprop.callbacks import Callback

#: A budget in megabytes in which the chunks of `cut` do not fit all at once.
SMALL = 0.03
FEW = {"max_iter": 5, "tol": None, "random_state": 0, "alpha": 1e-4}


def friedman(n_samples=1500, dtype=np.float64):
    X, y = make_friedman1(n_samples, n_features=6, noise=0.3, random_state=0)
    return X.astype(dtype), y.astype(dtype)


def three_classes(n_samples=1500):
    X, y = make_classification(n_samples, 6, n_informative=5, n_redundant=0, n_classes=3, random_state=0)
    return X, np.array(["a", "b", "c"])[y]


def cut(*arrays, size=50):
    """Return the arrays in chunks of this number of samples."""
    return [tuple(array[start : start + size] for array in arrays) for start in range(0, len(arrays[1]), size)]


class WindowCounter(Callback):
    """Counts the windows, and raises an exception at the end of one of them."""

    def __init__(self, stop_at=None, error=KeyboardInterrupt):
        self.stop_at = stop_at
        self.error = error
        self.n_windows = 0

    def on_window_end(self, estimator):
        self.n_windows += 1
        if self.n_windows == self.stop_at:
            raise self.error
