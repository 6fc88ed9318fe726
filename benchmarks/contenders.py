"""What the benchmarks of the defaults share: scikit-learn's MLP scaled by hand, timed fits, and counted warnings."""

import ast
import re
import time
import warnings
from collections import Counter

import numpy as np
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

WARNED = Counter()  # data sets and warnings of our fits, with numbers replaced by N


def scaled_mlp(regression, seed, **settings):
    """Return scikit-learn's MLP with standardized inputs and, in a regression, a standardized target."""
    if not regression:
        return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, **settings))
    scaled = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed, **settings))
    return TransformedTargetRegressor(scaled, transformer=StandardScaler())


def fit(estimator, X, y, name):
    """Fit the estimator and return the seconds; count the warnings of our fits."""
    ours = isinstance(estimator, (BackpropRegressor, BackpropClassifier))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always" if ours else "ignore")
        start = time.perf_counter()
        estimator.fit(X, y)
        seconds = time.perf_counter() - start
    WARNED.update(f"{name}: {re.sub(r'[0-9][0-9.e+-]*', 'N', str(warning.message))[:75]}" for warning in caught)
    return seconds


def warm_up():
    """Load everything that is loaded at first use, including the compiled kernel."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    for ours, y in ((BackpropRegressor, X[:, 0]), (BackpropClassifier, (X[:, 0] > 0).astype(int))):
        fit(ours(engine="numba"), X, y, "")
        fit(ours(max_iter=3), sparse.csr_matrix(X), y, "")
        fit(scaled_mlp(ours is BackpropRegressor, 0), X, y, "")
    WARNED.clear()


def print_warnings():
    """Print how often our fits warned of what."""
    print("\nWarnings of our fits:", "" if WARNED else "none")
    for text, count in WARNED.items():
        print(f"{count:>5} {text}")


def changed(text):
    """Return a parameter's name and value, a Python literal, from NAME=VALUE."""
    name, value = text.split("=", 1)
    return name, ast.literal_eval(value)
