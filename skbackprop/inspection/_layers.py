"""`layer_outputs`, `hidden_features` and `input_gradients`: outputs of layers, and derivatives of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils import gen_batches

from .._core.network import Layer, LayerCache, Network
from .._estimators.fitted_members import DifferentiableMember, Pool, fitted_members
from .._estimators.fitted_model import ClassifierModel, FittedModel, fitted_model
from .._hyperparameters import shortened
from .._typing import Matrix, MatrixLike

if TYPE_CHECKING:
    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor
    from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

#: Number of samples that transformers transform at a time.
CHUNK_SAMPLES = 4096


def layer_outputs(estimator: BackpropRegressor | BackpropClassifier, X: MatrixLike) -> list[np.ndarray]:
    """Return the output of every layer.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        A fitted estimator.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Samples.

    Returns
    -------
    outputs : list of ndarray of shape (n_samples, n_units)
        The hidden layers in order, and the output layer after the output activation: what a regressor predicts, or the
        probabilities of a classifier. For two classes that is one column, the probability of the second class; for the
        squared error of several classes, `predict_proba` also divides by the sum over the classes.

    Raises
    ------
    TypeError
        If `estimator` is not a BackpropRegressor or BackpropClassifier.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    skbackprop.inspection.hidden_features : The output of one hidden layer.
    skbackprop.inspection.input_gradients : The derivatives of predictions with respect to the inputs.

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
    model = fitted_model(estimator)
    with np.errstate(all="ignore"):  # overflow shows as inf or NaN in the result
        return model.layer_outputs(model.validate(X))


def hidden_features(estimator: BackpropRegressor | BackpropClassifier, X: MatrixLike, layer: int = -1) -> np.ndarray:
    """Return the output of one hidden layer.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        A fitted estimator.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Samples.
    layer : int, default=-1
        Index of the hidden layer, as in a list: 0 is the first, -1 the last.

    Returns
    -------
    features : ndarray of shape (n_samples, n_units)
        Dense, of the dtype that the network was trained in.

    Raises
    ------
    TypeError
        If `estimator` is not a BackpropRegressor or BackpropClassifier.
    NotFittedError
        If it is not fitted.
    ValueError
        If it has no such hidden layer.

    See Also
    --------
    skbackprop.inspection.HiddenFeatures : The same as a transformer for Pipelines.
    skbackprop.inspection.layer_outputs : The outputs of all layers.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import hidden_features
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier((8, 2), max_iter=20, tol=None, random_state=0).fit(X, y)
    >>> hidden_features(network, X).shape
    (150, 2)
    """
    model = fitted_model(estimator)
    sizes = model.network.sizes[1:-1]
    check_hidden_layer(layer, len(sizes))
    with np.errstate(all="ignore"):  # overflow shows as inf or NaN in the result
        samples = model.validate(X)
        features = np.empty((samples.shape[0], sizes[layer]), model.theta.dtype)
        for chunk, _, cache in model.iterate_chunks(samples):
            features[chunk] = cache[:-1][layer].a
    return features


def check_hidden_layer(layer: int, n_hidden: int) -> None:
    """Raise ValueError unless `layer` is the index of a hidden layer."""
    if not -n_hidden <= layer < n_hidden:
        remedy = f"it must be from {-n_hidden} to {n_hidden - 1}" if n_hidden else "see hidden_layer_sizes"
        hidden = f"the {n_hidden} hidden layers of the network"
        raise ValueError(f"layer={shortened(layer)} is not among {hidden}; {remedy}.")


def input_gradients(
    estimator: BackpropRegressor | BackpropClassifier | BackpropEnsembleRegressor | BackpropEnsembleClassifier,
    X: MatrixLike,
) -> np.ndarray:
    """Return the derivative of each prediction with respect to each input.

    It is exact, by backpropagation from each output to the inputs, chunk by chunk. For an ensemble, it combines the
    derivatives of the members as the ensemble combines their predictions.

    Parameters
    ----------
    estimator : BackpropRegressor, BackpropClassifier, or an ensemble of them
        A fitted estimator. The members of an ensemble may be Pipelines if their transformers have a method
        `input_gradients` for the chain rule, as `PiecewiseLinearEncoder` has.
    X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        Samples at which the derivative is evaluated.

    Returns
    -------
    gradients : ndarray of shape (n_samples, n_outputs, n_features)
        Dense, also for sparse X, and of the dtype of the predictions. For a regressor, the derivatives of `predict`, in
        units of the target per unit of the input; for a classifier, those of `predict_proba`, column by column. Both
        hold for ensembles, too.

    Raises
    ------
    TypeError
        If `estimator` is neither a BackpropRegressor or BackpropClassifier nor an ensemble of them, or if a member of
        an ensemble has another transformer before its network.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    skbackprop.inspection.backprop_table : The chain rule for one sample, with respect to the weights.
    skbackprop.ensemble.PiecewiseLinearEncoder.input_gradients : The chain rule of this transformer.

    Examples
    --------
    The derivatives of a network without hidden layers are its weights.

    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import input_gradients
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> linear = BackpropRegressor((), max_iter=50, tol=None, random_state=0).fit(X, X @ [3, -1])
    >>> input_gradients(linear, X[:1]).round(1)
    array([[[ 3., -1.]]])

    Those of an ensemble of regressors are the mean over its members.

    >>> from skbackprop.ensemble import BackpropEnsembleRegressor
    >>> ensemble = BackpropEnsembleRegressor(linear, n_estimators=2, candidates=None, random_state=0)
    >>> ensemble = ensemble.fit(X, X @ [3, -1])
    >>> of_members = [input_gradients(member, X) for member in ensemble.estimators_]
    >>> bool(np.allclose(input_gradients(ensemble, X), np.mean(of_members, axis=0)))
    True
    """
    members = fitted_members(estimator)
    differentiable = members.differentiable()
    model = differentiable[0].model
    with np.errstate(all="ignore"):  # overflow shows as inf or NaN in the result
        samples = members.validate(X)
        shape = (samples.shape[0], model.n_predictions, samples.shape[1])
        gradients = np.zeros(shape, model.prediction_dtype)
        for member, weight in zip(differentiable, members.weights.tolist(), strict=True):
            for batch in gen_batches(shape[0], CHUNK_SAMPLES):
                _add_gradients(gradients[batch], member, samples[batch], weight, members.pool)
        if members.pool is not None:
            members.pool.chain(estimator.predict_proba(X), gradients)
    return gradients


def _add_gradients(
    gradients: np.ndarray, member: DifferentiableMember, samples: Matrix, weight: float, pool: Pool | None
) -> None:
    """Add the derivatives of what one member contributes to the mean, with respect to validated samples."""
    model, inputs = member.model, member.forward(samples)
    layers = model.network.unpack(model.theta)
    for chunk, raw, cache in model.iterate_chunks(inputs[-1]):
        pool_slopes = _pool_slopes(pool, model, raw)
        slopes = _activation_slopes(model.network, cache)
        chunks = [of_all[chunk] for of_all in inputs]
        slopes_of_inputs = model.input_slopes(chunks[-1])
        for output, derivative in enumerate(model.prediction_derivatives(raw)):
            if pool_slopes is not None:
                derivative = derivative * pool_slopes[:, [output]]
            gradient = _propagate_to_inputs(derivative, layers, slopes)
            if slopes_of_inputs is not None:
                gradient *= slopes_of_inputs
            gradients[chunk, output] += weight * member.chain(chunks, gradient)


def _pool_slopes(pool: Pool | None, model: FittedModel, raw: np.ndarray) -> np.ndarray | None:
    """Return the derivative of what an ensemble of classifiers averages with respect to a network's probabilities."""
    if pool is None or not isinstance(model, ClassifierModel):
        return None
    return pool.slopes(model.probabilities(raw)).astype(raw.dtype, copy=False)


def _activation_slopes(network: Network, cache: list[LayerCache]) -> list[np.ndarray]:
    """Replace the pre-activations of the hidden layers by f'(z) and return them."""
    for activation, layer in zip(network.activations, cache, strict=False):
        activation.derivative(layer.z, layer.a)
    return [layer.z for layer in cache[:-1]]


def _propagate_to_inputs(delta: np.ndarray, layers: list[Layer], slopes: list[np.ndarray]) -> np.ndarray:
    """Return the derivative with respect to the inputs, given that with respect to the raw outputs."""
    for layer, slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        delta = delta @ layer.W.T
        delta *= slope
    return delta @ layers[0].W.T
