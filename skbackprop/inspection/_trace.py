"""The forward and backward pass of one sample through a fitted network, as numbers to look at.

The network is the one that `coefs_` and `intercepts_` show: X and y are in the user's units.
Shapes: vectors of a layer are (n_units,), W is (units of the layer before, n_units).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._core.network import Layer
from .._estimators.fitted_model import fitted_model
from .._typing import MatrixLike
from ..losses import Loss

if TYPE_CHECKING:
    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class BackwardPass(NamedTuple):
    """What the backward pass of one sample computes, in float64; E is the loss, without penalty and weights.

    Lists have one entry for each layer, the output layer last.

    Attributes
    ----------
    target : ndarray of shape (n_outputs,)
        What the outputs are compared with: labels are one-hot encoded.
    loss : float
        E, in the units of y.
    dE_dout, delta : list of ndarray
        Derivatives of E with respect to `out` and to `net`.
    dout_dnet : list of ndarray
        Derivative of `out` with respect to `net`. A vector where each unit depends on its own pre-activation only; a
        matrix for softmax and sorted outputs, with dout[i] / dnet[j] at [i, j]. ``delta = dE_dout * dout_dnet``, or
        ``dE_dout @ dout_dnet``.
    dE_dW, dE_db : list of ndarray
        The gradient.
    dE_dinput : ndarray of shape (n_features,)
        The derivative of E with respect to the inputs.
    """

    target: np.ndarray
    loss: float
    dE_dout: list[np.ndarray]
    dout_dnet: list[np.ndarray]
    delta: list[np.ndarray]
    dE_dW: list[np.ndarray]
    dE_db: list[np.ndarray]
    dE_dinput: np.ndarray


class SampleTrace(NamedTuple):
    """What the forward pass of one sample computes, and the backward pass if there is a target; in float64.

    Lists have one entry for each layer, the output layer last.

    Attributes
    ----------
    input : ndarray of shape (n_features,)
        The sample; extreme values are compressed, as ``standardize="robust"`` does before the first layer.
    W, b : list of ndarray
        Weights and intercepts.
    net, out : list of ndarray
        Pre-activation and output of each layer; the last `out` is after the output activation.
    backward : BackwardPass or None
        The backward pass; None without a target.
    """

    input: np.ndarray
    W: list[np.ndarray]
    b: list[np.ndarray]
    net: list[np.ndarray]
    out: list[np.ndarray]
    backward: BackwardPass | None = None


@np.errstate(all="ignore")  # overflow shows as inf or NaN in the result
def trace_sample(
    estimator: BackpropRegressor | BackpropClassifier, x: MatrixLike, y: ArrayLike | None = None
) -> SampleTrace:
    """Return the forward pass and, if the target is given, the backward pass of one sample.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        A fitted estimator; dropout is off.
    x : {array-like, sparse matrix, sparse array} of shape (n_features,) or (1, n_features)
        The sample.
    y : number, label, or array-like of shape (n_outputs,), default=None
        Its target, as `fit` takes it.

    Returns
    -------
    trace : SampleTrace
        Without a backward pass if there is no target.

    Raises
    ------
    TypeError
        If `estimator` is not a BackpropRegressor or BackpropClassifier.
    NotFittedError
        If it is not fitted.
    ValueError
        If x is not one sample, or y is not its target.
    """
    model = fitted_model(estimator)
    network, link = model.network, model.loss.link
    theta = _flat(model.layers())
    layers, cache = network.unpack(theta), network.allocate_cache(1, theta.dtype)
    sample = model.validate_sample(x, theta.dtype)
    X = model.compressed(sample)
    raw = network.forward(layers, X, cache)
    net = [layer.z[0].copy() for layer in cache]
    out = [*(layer.a[0].copy() for layer in cache[:-1]), link.inverse(raw.copy())[0]]
    trace = SampleTrace(X[0], [layer.W for layer in layers], [layer.b for layer in layers], net, out)
    if y is None:
        return trace

    target, loss = model.encode_sample(y), model.loss_in_target_units()
    value = loss.value_and_gradient(target, raw, cache[-1].delta)  # overwrites raw
    gradient = network.unpack(np.empty_like(theta))
    network.backward(layers, X, cache, np.ones(1), gradient)
    delta = [layer.delta[0] for layer in cache]
    link_slope = link.jacobian(net[-1])
    dE_dout = [layer.W @ after for layer, after in zip(layers[1:], delta[1:], strict=True)]
    backward = BackwardPass(
        target=target[0],
        loss=float(value[0]),
        dE_dout=[*dE_dout, _output_derivative(loss, target[0], out[-1], delta[-1], link_slope)],
        dout_dnet=[*(layer.z[0] for layer in cache[:-1]), link_slope],  # backward leaves f'(z) in z
        delta=delta,
        dE_dW=[layer.W for layer in gradient],
        dE_db=[layer.b for layer in gradient],
        dE_dinput=network.input_gradient(layers, cache)[0] * model.compression_slopes(sample)[0],
    )
    return trace._replace(backward=backward)


def _flat(layers: list[Layer]) -> np.ndarray:
    """Return layers as one vector in float64, in the order of `Network.unpack`."""
    weights = [layer.W.ravel() for layer in layers]
    intercepts = [layer.b for layer in layers]
    return np.concatenate([*weights, *intercepts]).astype(np.float64)


def _output_derivative(
    loss: Loss, target: np.ndarray, out: np.ndarray, delta: np.ndarray, link_slope: np.ndarray
) -> np.ndarray:
    """Return dE/dout of the output layer; if the loss has no formula for it, solve for it given delta."""
    exact = loss.output_derivative(target, out)
    if exact is not None:
        return exact
    if link_slope.ndim == 1:
        return delta / link_slope
    return np.linalg.lstsq(link_slope.T, delta, rcond=None)[0]  # the shortest vector that gives this delta
