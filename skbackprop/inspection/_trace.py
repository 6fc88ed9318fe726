"""One sample's way through a fitted network, forward and back, as numbers to look at.

The network is the one that `coefs_` and `intercepts_` show: X and y are as the user gave them, and so are their units.
Shapes: vectors of a layer are (units,), W is (units of the layer before, units).
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core.network import Network
from .._estimators.fast_path import numeric_target
from .._estimators.fitted import FittedNetwork
from .._estimators.labels import label_columns
from ..losses import Huber, LogisticSquaredError, MultinomialLogLoss, SquaredError
from ..losses._base import Loss
from ..losses._links import ELEMENTWISE, link_gradient

#: What to pass instead of an estimator that has another inside, by the attribute that tells it.
REMEDIES = {
    "steps": "; pass its last step, pipeline[-1], and what that is given, pipeline[:-1].transform(X)",
    "best_estimator_": "; pass its best_estimator_",
}


class SampleTrace(NamedTuple):
    """What one sample leaves behind, all in float64: lists have an entry for each layer, the output layer last.

    Attributes
    ----------
    input : ndarray of shape (n_features,)
    W, b : list of ndarray
        Weights and intercepts.
    net, out : list of ndarray
        Net input and output of each layer; the last `out` is after the output activation.
    target : ndarray of shape (n_outputs,) or None
        As the outputs are compared with it: labels as one_hot. None, like all that follows, without y.
    loss : float or None
        E, in the units of y, without the penalty and without sample and class weights.
    dE_dout, delta : list of ndarray or None
        Derivatives of E by `out` and by `net`.
    dout_dnet : list of ndarray or None
        Derivative of `out` by `net`. A vector where a unit depends on its own net input only; a matrix for softmax and
        sorted outputs, with dout[i] / dnet[j] at [i, j]. ``delta = dE_dout * dout_dnet``, or ``dE_dout @ dout_dnet``.
    dE_dW, dE_db : list of ndarray or None
        The gradient.
    dE_dinput : ndarray of shape (n_features,) or None
    """

    input: np.ndarray
    W: list[np.ndarray]
    b: list[np.ndarray]
    net: list[np.ndarray]
    out: list[np.ndarray]
    target: np.ndarray | None = None
    loss: float | None = None
    dE_dout: list[np.ndarray] | None = None
    dout_dnet: list[np.ndarray] | None = None
    delta: list[np.ndarray] | None = None
    dE_dW: list[np.ndarray] | None = None
    dE_db: list[np.ndarray] | None = None
    dE_dinput: np.ndarray | None = None


@np.errstate(all="ignore")  # what overflows is there to be seen
def trace_sample(estimator: FittedNetwork, x, y=None) -> SampleTrace:
    """Return forward values and, if the target is given, backward derivatives of one sample.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted. Dropout is off.
    x : {array-like, sparse matrix, sparse array} of shape (n_features,) or (1, n_features)
    y : target or label of x, default=None
        As `fit` takes it: a number, a label, or a row of them.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is none of this package.
    ValueError
        If x is not one sample, or y is no target of it.
    """
    network, loss = check_network(estimator)
    layers = estimator._layers()
    X = _one_row(estimator, x)
    theta = np.concatenate([array.ravel() for part in zip(*layers, strict=True) for array in part]).astype(np.float64)
    layers, trace = network.unpack(theta), network.trace(1, theta.dtype)
    raw = network.forward(layers, X, trace)
    out = [*(layer.a[0].copy() for layer in trace[:-1]), loss.inverse_link(raw.copy())[0]]
    net = [layer.z[0].copy() for layer in trace]
    forward = {"input": X[0], "W": [layer.W for layer in layers], "b": [layer.b for layer in layers]}
    forward |= {"net": net, "out": out}
    if y is None:
        return SampleTrace(**forward)

    target, loss = _encoded(estimator, loss, y), _in_units_of_the_target(estimator, loss)
    error = loss.value_and_gradient(target, raw, trace[-1].delta)  # uses up raw
    gradient = network.unpack(np.empty_like(theta))
    network.backward(layers, X, trace, np.ones(1), gradient)
    delta = [layer.delta[0] for layer in trace]
    link = _link_derivative(loss, net[-1])
    dE_dout = [layer.W @ after for layer, after in zip(layers[1:], delta[1:], strict=True)]
    return SampleTrace(
        **forward,
        target=target[0],
        loss=float(error[0]),
        dE_dout=[*dE_dout, _by_output(loss, target[0], out[-1], delta[-1], link)],
        dout_dnet=[*(layer.z[0] for layer in trace[:-1]), link],  # backward leaves f'(z) in z
        delta=delta,
        dE_dW=[layer.W for layer in gradient],
        dE_db=[layer.b for layer in gradient],
        dE_dinput=network.input_gradient(layers, trace)[0],
    )


def check_network(estimator) -> tuple[Network, Loss]:
    """Return the network and the loss of a fitted estimator, or raise TypeError or NotFittedError."""
    check_type(estimator)
    check_is_fitted(estimator)
    return estimator._config.objective.network, estimator._config.objective.loss


def check_type(estimator) -> None:
    """Raise TypeError if the estimator is none of this package, with the remedy if it has one inside."""
    if not isinstance(estimator, FittedNetwork):
        remedy = next((words for name, words in REMEDIES.items() if hasattr(estimator, name)), "")
        raise TypeError(
            f"estimator must be a BackpropRegressor or BackpropClassifier, got {type(estimator).__name__}{remedy}."
        )


def _one_row(estimator, x):
    ndim = getattr(x, "ndim", np.ndim(x))
    if ndim == 1 and hasattr(x, "to_frame") and hasattr(x, "index"):
        X = x.to_frame().T  # a row of a pandas data frame keeps its names
    else:
        X = np.reshape(x, (1, -1)) if ndim < 2 else x
    X = validate_data(estimator, X, accept_sparse="csr", dtype=np.float64, reset=False)
    if X.shape[0] != 1:
        raise ValueError(f"x has {X.shape[0]} rows; it must be one sample: pass one of them.")
    return X if isinstance(X, np.ndarray) else X.toarray()


def _encoded(estimator, loss, y):
    """Return the target as the network sees it, of shape (1, n_outputs)."""
    if is_classifier(estimator):
        y = np.reshape(y, (1, -1) if estimator._is_multilabel else -1)
        if estimator._is_multilabel:
            label_columns(y, estimator.classes_)
        target = estimator._columns(y, estimator.classes_, loss, estimator._is_multilabel, np.dtype(np.float64))
    else:
        y = numeric_target(np.reshape(y, -1), np.float64).T
        loss.check_target(y)
        target = loss.tile_target(y)
    if target.shape != (1, estimator.n_outputs_):
        raise ValueError(f"y={y!r} is not the target of one sample with {estimator.n_outputs_} outputs.")
    return target


def _in_units_of_the_target(estimator, loss):
    """Return the loss for y as it was given; Huber's delta is in standard deviations of a standardised target."""
    standardizer = estimator._state.standardizer
    if standardizer is None or not isinstance(loss, Huber):
        return loss
    scaled = copy(loss)
    object.__setattr__(scaled, "delta", loss.delta * standardizer.scale[standardizer.target])  # one for each output
    return scaled


def _link_derivative(loss: Loss, net):
    raw = np.atleast_2d(net)
    matrix = np.array([link_gradient(loss, raw, output)[0] for output in range(len(net))])
    diagonal = matrix.diagonal()
    is_elementwise = loss.output_activation in ELEMENTWISE or np.array_equal(matrix, np.diag(diagonal))
    return diagonal.copy() if is_elementwise else matrix


def _by_output(loss, target, out, delta, dout_dnet):
    """Return dE/dout of the output layer; losses give delta only, as it is the more exact."""
    if type(loss) in (SquaredError, LogisticSquaredError):
        return -2.0 * (target - out)
    if type(loss) is MultinomialLogLoss:
        return -target / out
    if dout_dnet.ndim == 1:
        return delta / dout_dnet
    return np.linalg.lstsq(dout_dnet.T, delta, rcond=None)[0]  # the shortest that gives this delta
