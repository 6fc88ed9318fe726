"""Columns that are difficult to standardize."""

import numpy as np


def difficult_columns(rng, n_samples):
    """Return columns that are constant, far from zero, tiny and huge."""
    return rng.normal(size=(n_samples, 4)) * [0, 1, 1e-6, 1e6] + np.array([3.3, 1e9, 5, 0])
