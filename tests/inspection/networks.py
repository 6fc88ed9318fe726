"""Fitted networks of every kind to inspect: losses, numbers of outputs and layers, standardized or not."""

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
    "quantiles": (
        BackpropRegressor(4, loss=Quantiles((0.1, 0.4, 0.8)), activation="tanh", init="glorot_uniform"),
        NUMBERS,
    ),
    "poisson": (BackpropRegressor(4, loss="poisson", activation="softplus"), NUMBERS),
    "tweedie": (BackpropRegressor(4, loss=Tweedie(1.3), activation="tanh"), NUMBERS),
    "logistic": (BackpropRegressor(4, output_activation="logistic", activation="tanh"), NUMBERS / 1000),
    "softmax": (BackpropClassifier((4, 3), activation="tanh", label_smoothing=0.1), LABELS),
    "two classes": (BackpropClassifier(4, activation="logistic"), LABELS == "b"),
    "several labels": (BackpropClassifier(4, activation="tanh"), SEVERAL),
    "squared error of classes": (BackpropClassifier(4, loss="squared_error", activation="tanh"), LABELS),
}
#: The cases in which every output depends on all pre-activations.
DEPENDENT_OUTPUTS = ("softmax", "quantiles")
EACH = pytest.mark.parametrize("case", CASES)
STANDARDIZE = pytest.mark.parametrize("standardize", [True, False])


@cache
def fitted(case, standardize=True):
    """Return an estimator and its data, which are around 0 if the estimator does not standardize them."""
    estimator, y = CASES[case]
    inputs = X if standardize else (X - X.mean(axis=0)) / X.std(axis=0)
    y = y if standardize or y.dtype.kind != "f" else y / 100
    return clone(estimator).set_params(standardize=standardize, **FEW).fit(inputs, y), inputs, y


def predict(estimator, inputs):
    """Return the predictions or the probabilities, of shape (n_samples, n_predictions)."""
    if isinstance(estimator, BackpropClassifier):
        return estimator.predict_proba(inputs)
    return estimator.predict(inputs).reshape(inputs.shape[0], -1)


def finite_differences(function, array):
    """Return central differences with respect to each entry of an array, which is changed and restored."""
    result = np.empty_like(array)
    for index in np.ndindex(array.shape):
        value = array[index]
        step = 1e-6 * max(1.0, abs(value))
        array[index] = value + step
        above = function()
        array[index] = value - step
        result[index] = (above - function()) / (2 * step)
        array[index] = value
    return result
