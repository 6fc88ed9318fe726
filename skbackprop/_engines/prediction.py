"""The raw output for predictions: from the compiled forward pass where it pays off, else from numpy."""

from __future__ import annotations

import warnings

import numpy as np

from .._core.network import Network
from .._training.state import TrainingState
from .._typing import Matrix
from .formulas import ACTIVATION_ENTRIES
from .numba_engine import load_forward, run_forward

#: The compiled forward pass pays off from this number of products of a sample and a weight, for which numpy takes about
#: 100 milliseconds: it saves half of them, and the first prediction of a process imports numba, which takes 700.
MIN_PRODUCTS = 10**9


def raw_output(network: Network, state: TrainingState, X: Matrix, engine: str) -> np.ndarray:
    """Return the raw output for validated X, of shape (n_samples, n_outputs).

    Like the choice of an engine for training, the choice here depends on the network, on the shape of X and on what is
    installed, but not on earlier calls.

    Parameters
    ----------
    network : Network
    state : TrainingState
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    engine : str
        The engine that the network was trained with; only predictions of "numba" are compiled.
    """
    if (
        engine == "numba"
        and isinstance(X, np.ndarray)
        and _is_worth_it(network, X)
        and _is_supported(network, state, X)
    ):
        forward = load_forward(state.theta.dtype)
        if forward is not None:
            try:
                return run_forward(forward, network, state.theta, X, state.standardizer)
            except Exception as error:
                warnings.warn(
                    f"Predicting with numpy, because the compiled forward pass failed ({type(error).__name__}: "
                    f"{error}). Fit with engine='numpy' to avoid this warning.",
                    RuntimeWarning,
                    stacklevel=2,
                )
    return network.raw_output(state.theta, X, state.transform)


def _is_worth_it(network: Network, X: np.ndarray) -> bool:
    return X.shape[0] * network.n_weights >= MIN_PRODUCTS


def _is_supported(network: Network, state: TrainingState, X: np.ndarray) -> bool:
    is_supported = all(type(activation) in ACTIVATION_ENTRIES for activation in network.activations)
    return is_supported and X.dtype == state.theta.dtype and X.flags.c_contiguous
