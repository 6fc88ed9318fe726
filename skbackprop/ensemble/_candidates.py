"""The candidates of ``candidates="auto"``: the network as it is, another activation, and other inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._estimators.base import BaseBackprop
from .._typing import Matrix
from ..callbacks import EarlyStopping
from ._piecewise_linear import PiecewiseLinearEncoder

#: Number of bins of each column, and the smallest number that is worth its time.
N_BINS, MIN_BINS = 16, 4
#: The largest number of features after encoding. With more entries per sample than this, the penalty is not searched
#: for, and training slows down.
MAX_ENCODED = 800
#: The largest number of entries of all encoded samples, 256 MB of float64, which each member needs while it is trained.
MAX_ENTRIES = 2**25
#: Number of samples to count distinct values with.
N_COUNTED = 2000


def automatic_candidates(network: BaseBackprop, X: Matrix) -> dict[str, Any]:
    """Return the unfitted candidates by name, of which the first is the network itself.

    Parameters
    ----------
    network : BackpropRegressor or BackpropClassifier
        What the user has set remains set, except for what makes a candidate different.
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Which candidates there are depends on the number of columns and of their distinct values.

    Returns
    -------
    candidates : dict of str to estimator
        "plain" is the network. "tanh" has another activation, unless the user has set one. "piecewise_linear" has a
        `PiecewiseLinearEncoder` before the network, if X is dense, has columns with more than two distinct values, and
        the encoded columns remain affordable; but not if the network can only take the columns as they are.
    """
    candidates = {"plain": clone(network)}
    if isinstance(network.activation, str) and network.activation == "relu" and np.size(network.hidden_layer_sizes):
        candidates["tanh"] = clone(network).set_params(activation="tanh")
    n_bins = 0 if _needs_these_columns(network) else _affordable_bins(X)
    if n_bins >= MIN_BINS:
        steps = [("encoder", PiecewiseLinearEncoder(n_bins)), ("network", clone(network))]
        candidates["piecewise_linear"] = Pipeline(steps)
    return candidates


def _needs_these_columns(network: Any) -> bool:
    """Return whether the network has initial weights, or samples to validate with, that fit no other columns."""
    callbacks = vars(network).get("_skl_callbacks", [])
    has_weights = isinstance(network.init, (list, tuple))
    return has_weights or any(isinstance(callback, EarlyStopping) for callback in callbacks)


def _affordable_bins(X: Matrix) -> int:
    """Return the number of bins of each column, 0 if no column can have bins."""
    n_samples, n_columns = X.shape
    if sparse.issparse(X) or n_columns > MAX_ENCODED // MIN_BINS:
        return 0
    counted = X[:: -(-n_samples // N_COUNTED)]
    n_encoded = sum(len(np.unique(column)) > 2 for column in counted.T)
    n_features = min(MAX_ENCODED, MAX_ENTRIES // n_samples)
    return min(N_BINS, (n_features - n_columns) // n_encoded) if n_encoded else 0
