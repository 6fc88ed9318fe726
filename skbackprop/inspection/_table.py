"""`backprop_table`: every factor of a gradient, for one sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._estimators.fitted_model import FittedModel, fitted_model
from .._estimators.parameters import check_positive
from .._typing import MatrixLike
from ._trace import BackwardPass, SampleTrace, trace_sample

if TYPE_CHECKING:
    import pandas as pd

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


def backprop_table(
    estimator: BackpropRegressor | BackpropClassifier,
    x: MatrixLike,
    y: ArrayLike,
    *,
    learning_rate: float | None = None,
) -> pd.DataFrame:
    """Return the factors of the chain rule for the gradient of each weight and intercept, for one sample.

    Read the factors of a row of the table from right to left: a change of the weight changes the pre-activation of the
    unit that it leads to (`dnet/dw`), which changes the output of the unit (`dout/dnet`), which changes the error
    (`dE/dout`); the product is the `gradient`. A hidden unit affects the error through every output: there is one
    column for each of these paths, and they add up to `dE/dout`. The columns are named as in the lecture, where "net"
    is the pre-activation.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        A fitted estimator. The weights are those of `coefs_` and `intercepts_`, in the units of the data, and without
        dropout.
    x : {array-like, sparse matrix, sparse array} of shape (n_features,) or (1, n_features)
        The sample.
    y : number, label, or array-like of shape (n_outputs,)
        The target of the sample, as `fit` takes it.
    learning_rate : float, default=None
        Learning rate for the last two columns, above 0; None means `learning_rate_`, that of the last update.

    Returns
    -------
    table : DataFrame of shape (n_weights + n_intercepts, n_columns), float64
        The index has the levels "layer", the index in `coefs_`; "from", the name of a feature, a hidden unit such as
        "h0_1" (the second unit of the first hidden layer), or "intercept"; and "to", a hidden unit or an output.
        The columns, for a weight w into a unit:

        - "w": the weight itself.
        - "net", "out": pre-activation and output of the unit.
        - "dnet_o0/dw" for each output: derivative of the pre-activation of the output with respect to w.
        - "dE/dout via o0" for each output: ``dE/dnet_o0 * dnet_o0/dout``; an output unit has a single path.
        - "dE/dout": their sum. E is the loss in the units of y, without the penalty.
        - "dout/dnet", "dE/dnet": derivative of the activation, and the product up to here.
        - "dnet/dw": the output of the unit, or the input, that w comes from.
        - "gradient": ``dE/dw``, the product.
        - "update", "new w": what plain gradient descent adds to w, ``-learning_rate * gradient``, and what w becomes.

        Where every output depends on all pre-activations (softmax, several quantiles), an output unit has no single
        "dout/dnet": it, "dE/dout" and the paths are NaN there, and "dE/dnet" comes from the loss directly.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `estimator` is not a BackpropRegressor or BackpropClassifier.
    NotFittedError
        If it is not fitted.
    ValueError
        If x is not one sample, y is not its target, or the learning rate is not above 0.

    See Also
    --------
    skbackprop.plotting.NetworkDisplay : Draw the same numbers into the network.
    skbackprop.inspection.input_gradients : Derivatives with respect to the inputs.

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
    model = fitted_model(estimator)
    if learning_rate is None:
        learning_rate = estimator.learning_rate_
    check_positive(learning_rate, "learning_rate")
    trace = trace_sample(estimator, x, y)
    if trace.backward is None:
        raise ValueError("y=None has no error to propagate back; pass the target of x.")
    names = _unit_names(model)
    layers = [pd.DataFrame(columns) for columns in _columns(trace, trace.backward, names[-1])]
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


def _unit_names(model: FittedModel) -> list[list[str]]:
    """Return the names of the features, of the units of each hidden layer, and of the outputs."""
    hidden = [[f"h{layer}_{unit}" for unit in range(size)] for layer, size in enumerate(model.network.sizes[1:-1])]
    return [model.feature_names, *hidden, model.output_names]


def _columns(trace: SampleTrace, backward: BackwardPass, outputs: list[str]) -> Iterator[dict[str, np.ndarray]]:
    """Yield the columns for each layer, flattened over (from, to), the intercepts last."""
    before = [np.append(out, 1.0) for out in [trace.input, *trace.out[:-1]]]
    to_outputs = _paths(trace.W, backward.dout_dnet)
    for level, paths in enumerate(to_outputs):
        dout_dnet, dE_dout = backward.dout_dnet[level], backward.dE_dout[level]
        is_output = level == len(trace.W) - 1
        if dout_dnet.ndim == 2:
            dout_dnet, dE_dout = np.full((2, len(trace.b[level])), np.nan)
        weights = np.vstack([trace.W[level], trace.b[level]])

        def flat(array: np.ndarray, shape: tuple[int, ...] = weights.shape) -> np.ndarray:
            return np.broadcast_to(array, shape).ravel()

        dnet_dw = before[level][:, np.newaxis]
        columns = {"w": flat(weights), "net": flat(trace.net[level]), "out": flat(trace.out[level])}
        for output, name in enumerate(outputs):
            slope = paths[:, output] if is_output else paths[:, output] * dout_dnet
            columns[f"dnet_{name}/dw"] = flat(slope * dnet_dw)
        for output, name in enumerate(outputs):
            path = dE_dout[output] if is_output else backward.delta[-1][output]
            columns[f"dE/dout via {name}"] = flat(path * paths[:, output] + 0.0)  # no minus zero
        columns |= {"dE/dout": flat(dE_dout), "dout/dnet": flat(dout_dnet), "dE/dnet": flat(backward.delta[level])}
        yield columns | {"dnet/dw": flat(dnet_dw), "gradient": flat(backward.delta[level] * dnet_dw)}


def _paths(W: list[np.ndarray], dout_dnet: list[np.ndarray]) -> list[np.ndarray]:
    """Return the derivative of the raw outputs with respect to the outputs of each layer, (n_units, n_outputs).

    For the output layer it is the identity.
    """
    last = len(W) - 1
    paths = [np.eye(W[last].shape[1])]
    for level in reversed(range(1, len(W))):
        slope = paths[0] if level == last else dout_dnet[level][:, np.newaxis] * paths[0]
        paths.insert(0, W[level] @ slope)
    return paths
