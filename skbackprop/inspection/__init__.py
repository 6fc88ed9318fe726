"""Looking into a fitted network: every factor of a gradient, how predictions follow the inputs, what layers give.

All of it is in the units of X and y as the user gave them. Only `backprop_table` needs pandas.
"""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_scalar

from .._typing import MatrixLike
from ._hidden_features import HiddenFeatures, hidden_features
from ._trace import check_network, trace_sample

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HiddenFeatures", "backprop_table", "hidden_features", "input_gradients", "layer_outputs"]


@np.errstate(all="ignore")  # what overflows is there to be seen
def layer_outputs(estimator, X: MatrixLike) -> list[np.ndarray]:
    """Return the output of every layer.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Inputs.

    Returns
    -------
    outputs : list of ndarray of shape (n_samples, units)
        The hidden layers in order, and the output layer after the output activation: what a regressor predicts, or
        the probabilities of a classifier. For two classes that is one column, the probability of the second; and for
        squared error of several classes `predict_proba` divides a row by its sum.

    Raises
    ------
    TypeError, NotFittedError
        If the estimator is none of this package, or not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import layer_outputs
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier((8, 4), max_iter=20, tol=None, random_state=0).fit(X, y)
    >>> [outputs.shape for outputs in layer_outputs(network, X)]
    [(150, 8), (150, 4), (150, 3)]
    """
    network, _ = check_network(estimator)
    X = estimator._checked_inputs(X)
    outputs = [np.empty((X.shape[0], size), estimator._state.theta.dtype) for size in network.sizes[1:]]
    for rows, raw, trace in estimator._chunks(X):
        for output, layer in zip(outputs[:-1], trace[:-1], strict=True):
            output[rows] = layer.a
        outputs[-1][rows] = estimator._outputs(raw)
    return outputs


@np.errstate(all="ignore")
def input_gradients(estimator, X: MatrixLike) -> np.ndarray:
    """Return the derivative of each prediction by each input: how much it changes with a small step of that input.

    Exact, by backpropagation from each output down to the inputs, a chunk of rows at a time.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Where to take the derivative.

    Returns
    -------
    gradients : ndarray of shape (n_samples, n_outputs, n_features)
        Dense, also of sparse X, and of the dtype that the network was trained in. Of a regressor, the derivative of
        what `predict` gives, in units of the target per unit of the input; of a classifier, that of the probabilities
        that `predict_proba` gives, in its order, which for two classes has both.

    Raises
    ------
    TypeError, NotFittedError
        If the estimator is none of this package, or not fitted.

    Examples
    --------
    Of a network without hidden layers it is the weights.

    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import input_gradients
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> linear = BackpropRegressor((), max_iter=50, tol=None, random_state=0).fit(X, X @ [3, -1])
    >>> input_gradients(linear, X[:1]).round(1)
    array([[[ 3., -1.]]])
    """
    network, _ = check_network(estimator)
    X, theta, standardizer = estimator._checked_inputs(X), estimator._state.theta, estimator._state.standardizer
    n_outputs = len(estimator.classes_) if is_classifier(estimator) else estimator.n_outputs_
    gradients = np.empty((X.shape[0], n_outputs, X.shape[1]), theta.dtype)
    for rows, raw, trace in estimator._chunks(X):
        slopes = _slopes(network, trace)
        for output, delta in enumerate(estimator._output_gradients(raw)):
            gradients[rows, output] = _by_inputs(delta, network.unpack(theta), slopes)
    if standardizer is not None:
        gradients *= standardizer.factor[standardizer.inputs]
    return gradients


def _slopes(network, trace):
    """Turn the net inputs of the hidden layers into f'(z) and return them."""
    for activation, layer in zip(network.activations, trace, strict=False):
        activation.derivative(layer.z, layer.a)
    return [layer.z for layer in trace[:-1]]


def _by_inputs(delta, layers, slopes):
    """Take a derivative by the raw outputs, of shape (n_rows, n_outputs), down to the inputs."""
    for layer, slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        delta = delta @ layer.W.T
        delta *= slope
    return delta @ layers[0].W.T


def backprop_table(estimator, x, y, *, learning_rate: float | None = None) -> pd.DataFrame:
    """Return how the chain rule makes the gradient of each weight and intercept, for one sample.

    Read a row from left to right: a change of the weight changes the net input of the unit it leads to (`dnet/dw`),
    that changes the unit's output (`dout/dnet`), and that the error (`dE/dout`); the product is the `gradient`. A
    hidden unit acts on the error by way of every output: there is a column for each of these paths, which comprises all
    ways through the layers between, and they add up to `dE/dout`.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        Fitted. The weights are those of `coefs_` and `intercepts_`, for data as given; dropout is off.
    x : {array-like, sparse matrix, sparse array} of shape (n_features,) or (1, n_features)
        The sample.
    y : target or label of x
        A number, a label, or a row of them, as `fit` takes it.
    learning_rate : float, default=None
        For the last two columns; above 0. None is the `learning_rate_` of the last update.

    Returns
    -------
    table : DataFrame of shape (n_weights + n_intercepts, n_columns), float64
        The index has the levels "layer", the place in `coefs_`; "from", a feature's name, a hidden unit as "h0_1" (the
        second of the first hidden layer), or "intercept"; and "to", a hidden unit, or an output: "o0", or its class.
        The columns, for a weight w into a unit:

        - "w": the weight itself.
        - "net", "out": net input and output of the unit.
        - "dnet_o0/dw" for each output: derivative of the output's net input by w.
        - "dE/dout via o0" for each output: ``dE/dnet_o0 * dnet_o0/dout``; an output itself has one path only.
        - "dE/dout": their sum. E is the loss in the units of y, without the penalty.
        - "dout/dnet", "dE/dnet": derivative of the activation, and the product up to here.
        - "dnet/dw": the output of the unit, or the input, that w comes from.
        - "gradient": ``dE/dw``, the product.
        - "update", "new w": what plain gradient descent adds to w, ``-learning_rate * gradient``, and what w becomes.

        Where outputs depend on all net inputs together (softmax, several quantiles), the row of an output has no single
        "dout/dnet": it, "dE/dout" and the paths are NaN there, and "dE/dnet" is what the loss says.

    Raises
    ------
    ImportError
        If pandas is not there.
    TypeError, NotFittedError
        If the estimator is none of this package, or not fitted.
    ValueError
        If x is not one sample, y no target of it, or the learning rate not above 0.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import backprop_table
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier(2, activation="logistic", random_state=0).fit(X[:100], y[:100])
    >>> table = backprop_table(network, X[0], y[0])
    >>> chain = table["dE/dout"] * table["dout/dnet"] * table["dnet/dw"]
    >>> bool(abs(chain - table["gradient"]).max() < 1e-12)
    True
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "backprop_table returns a pandas DataFrame: pip install pandas, or skbackprop[inspection]."
        ) from error
    check_network(estimator)
    if y is None:
        raise ValueError("y=None has no error to go back from; pass the target of x.")
    if learning_rate is None:
        learning_rate = estimator.learning_rate_
    check_scalar(learning_rate, "learning_rate", Real, min_val=0, include_boundaries="neither")
    trace, names = trace_sample(estimator, x, y), _unit_names(estimator)
    layers = [pd.DataFrame(columns) for columns in _columns(trace, names[-1])]
    index = [
        (layer, before, unit)
        for layer, units in enumerate(names[1:])
        for before in [*names[layer], "intercept"]
        for unit in units
    ]
    table = pd.concat(layers, ignore_index=True)
    table.index = pd.MultiIndex.from_tuples(index, names=["layer", "from", "to"])
    table["update"] = -learning_rate * table["gradient"]
    table["new w"] = table["w"] + table["update"]
    return table


def _unit_names(estimator) -> list[list[str]]:
    """Return the names of the features, of the units of each hidden layer, and of the outputs."""
    coefs = estimator.coefs_
    features = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(estimator.n_features_in_)])
    hidden = [[f"h{layer}_{unit}" for unit in range(W.shape[1])] for layer, W in enumerate(coefs[:-1])]
    if not is_classifier(estimator):
        outputs = [f"o{output}" for output in range(estimator.n_outputs_)]
    else:
        outputs = [str(label) for label in estimator.classes_[-estimator.n_outputs_ :]]
    return [list(features), *hidden, outputs]


def _columns(trace, outputs):
    """Yield the columns for each layer, flat over (from, to) with the intercepts as the last `from`."""
    before = [np.append(out, 1.0) for out in [trace.input, *trace.out[:-1]]]
    to_outputs = _paths(trace)
    for level, paths in enumerate(to_outputs):
        dout_dnet, dE_dout, is_output = trace.dout_dnet[level], trace.dE_dout[level], level == len(trace.W) - 1
        if dout_dnet.ndim == 2:
            dout_dnet, dE_dout = np.full((2, len(trace.b[level])), np.nan)
        weights = np.vstack([trace.W[level], trace.b[level]])

        def flat(array, shape=weights.shape):
            return np.broadcast_to(array, shape).ravel()

        dnet_dw = before[level][:, np.newaxis]
        columns = {"w": flat(weights), "net": flat(trace.net[level]), "out": flat(trace.out[level])}
        for output, name in enumerate(outputs):
            slope = paths[:, output] if is_output else paths[:, output] * dout_dnet
            columns[f"dnet_{name}/dw"] = flat(slope * dnet_dw)
        for output, name in enumerate(outputs):
            path = dE_dout[output] if is_output else trace.delta[-1][output]
            columns[f"dE/dout via {name}"] = flat(path * paths[:, output] + 0.0)  # no minus zero
        columns |= {"dE/dout": flat(dE_dout), "dout/dnet": flat(dout_dnet), "dE/dnet": flat(trace.delta[level])}
        yield columns | {"dnet/dw": flat(dnet_dw), "gradient": flat(trace.delta[level] * dnet_dw)}


def _paths(trace):
    """Return the derivative of the outputs' net inputs by each hidden layer's outputs, (units, n_outputs).

    For the output layer, which has no way to go, it is the identity.
    """
    paths = [np.eye(len(trace.b[-1]))]
    for level in reversed(range(1, len(trace.W))):
        slope = paths[0] if level == len(trace.W) - 1 else trace.dout_dnet[level][:, np.newaxis] * paths[0]
        paths.insert(0, trace.W[level] @ slope)
    return paths
