"""Data and helpers for the tests with a cluster."""

import numpy as np
import pytest

pytest.importorskip("distributed")

import dask.array as da
import dask.dataframe as dd
import pandas as pd

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor
from tests.shared import theta

#: Parameters of a short and reproducible fit.
FEW = {"hidden_layer_sizes": 8, "max_iter": 4, "tol": None, "random_state": 0}
N_SAMPLES, N_PARTITIONS = 400, 4
SIZE = N_SAMPLES // N_PARTITIONS
NAMES = list("abcde")
#: The estimators for data in memory.
LOCAL = {DaskBackpropClassifier: BackpropClassifier, DaskBackpropRegressor: BackpropRegressor}


def numbers():
    """Return X and a target of numbers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, len(NAMES)))
    return X, X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + 0.1 * rng.standard_normal(N_SAMPLES)


def labels():
    """Return X and a target of three classes."""
    X, y = numbers()
    return X, np.array(["high", "low", "middle"])[np.digitize(y, [-0.5, 0.5])]


def arrays(*data):
    """Return dask arrays in four partitions."""
    return tuple(da.from_array(array, chunks=(SIZE, -1)[: array.ndim]) for array in data)


def frames(X, y):
    """Return a dask data frame and a series in four partitions."""
    table = pd.DataFrame(X, columns=NAMES).assign(y=y)
    collection = dd.from_pandas(table, npartitions=N_PARTITIONS)
    return collection[NAMES], collection["y"]


def of_unknown_size(X, y):
    """Return dask arrays whose numbers of samples are not known."""
    X, y = frames(X, y)
    return X.to_dask_array(), y.to_dask_array()


def chunks(*data):
    """Return the partitions as chunks in memory."""
    return [tuple(array[start : start + SIZE] for array in data) for start in range(0, N_SAMPLES, SIZE)]


def same_bits(first, second):
    """Return whether the weights and the loss curves of two networks are the same to the last bit."""
    return bool((theta(first) == theta(second)).all()) and first.loss_curve_ == second.loss_curve_
