"""Data and helpers for the tests of both estimators."""

from importlib.util import find_spec

import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

FEW = {"max_iter": 4, "tol": None, "random_state": 0}
SOLVERS = ["batch", "sgd", "minibatch"]
BOTH = pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
EACH_SOLVER = pytest.mark.parametrize("solver", SOLVERS)


def data(estimator):
    """Scaled real data; the target has three values as a class and as a number."""
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return X, (y if estimator is BackpropClassifier else y - 1.0)


def theta(network):
    return network._state.theta


def announce(estimator):
    return {"classes": [0, 1, 2]} if estimator is BackpropClassifier else {}


def _installed(name):
    return pytest.param(name, marks=pytest.mark.skipif(not find_spec("numba"), reason="numba is not installed"))


ENGINES = pytest.mark.parametrize("engine", ["numpy", _installed("numba")])
