"""Fitted networks of every kind to look into: losses, outputs, depths, standardised or not."""

from functools import cache

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.losses import Huber, Quantiles, Tweedie

FEW = {"max_iter": 3, "tol": None, "random_state": 0, "engine": "numpy"}
X = np.random.default_rng(0).normal([5, -300, 0.01], [2, 100, 0.003], size=(60, 3))
NUMBERS = np.abs(100 + 30 * X[:, 0] + 0.2 * X[:, 1])
LABELS = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [4, 6])]
SEVERAL = (X[:, :2] > X[:, :2].mean(axis=0)).astype(int)

CASES = {
    "squared": (BackpropRegressor((4, 3), activation="tanh"), NUMBERS),
    "two targets": (BackpropRegressor(4, activation=["gelu"], dropout=0.3), np.column_stack([NUMBERS, 1e-3 * X[:, 1]])),
    "no hidden layer": (BackpropRegressor(()), NUMBERS),
    "huber": (BackpropRegressor(4, loss=Huber(0.5), activation="silu"), NUMBERS),
    "quantiles": (BackpropRegressor(4, loss=Quantiles((0.1, 0.4, 0.8)), activation="tanh"), NUMBERS),
    "poisson": (BackpropRegressor(4, loss="poisson", activation="softplus"), NUMBERS),
    "tweedie": (BackpropRegressor(4, loss=Tweedie(1.3), activation="tanh"), NUMBERS),
    "logistic": (BackpropRegressor(4, output_activation="logistic", activation="tanh"), NUMBERS / 1000),
    "softmax": (BackpropClassifier((4, 3), activation="tanh", label_smoothing=0.1), LABELS),
    "two classes": (BackpropClassifier(4, activation="logistic"), LABELS == "b"),
    "several labels": (BackpropClassifier(4, activation="tanh"), SEVERAL),
    "squared error of classes": (BackpropClassifier(4, loss="squared_error", activation="tanh"), LABELS),
}
EACH = pytest.mark.parametrize("case", CASES)
STANDARDIZE = pytest.mark.parametrize("standardize", [True, False])


@cache
def fitted(case, standardize=True):
    """An estimator and its data, in units of their own or, if it does not standardise, around 0."""
    estimator, y = CASES[case]
    inputs = X if standardize else (X - X.mean(axis=0)) / X.std(axis=0)
    y = y if standardize or y.dtype.kind != "f" else y / 100
    return clone(estimator).set_params(standardize=standardize, **FEW).fit(inputs, y), inputs, y


def differences(function, array):
    """Central differences by each entry of an array, which is changed and put back."""
    result = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept, step = array[index], 1e-6 * max(1.0, abs(array[index]))
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        result[index] = (above - function()) / (2 * step)
        array[index] = kept
    return result
