"""What a hidden layer makes of the inputs, as a transformer for Pipelines."""

from __future__ import annotations

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from .._estimators.fitted import FittedNetwork
from .._typing import MatrixLike
from ._trace import check_network, check_type


class HiddenFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, MetaEstimatorMixin, BaseEstimator):
    """Outputs of a hidden layer as features for another estimator.

    Fitting fits a clone of the network; an estimator that is fitted already and is to stay so goes in as a
    ``FrozenEstimator``, which `hidden_features` does by itself.

    Parameters
    ----------
    estimator : BackpropRegressor, BackpropClassifier, or a FrozenEstimator of one
        The network.
    layer : int, default=-1
        Which hidden layer, counted as in a list: 0 is the first, -1 the last.

    Attributes
    ----------
    estimator_ : as `estimator`
        The fitted network.
    n_features_in_ : int
        Number of inputs of the network.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if it was fitted on names.

    See Also
    --------
    hidden_features : The same, ready for use if the network is fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import HiddenFeatures
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier(5, max_iter=20, tol=None, random_state=0)
    >>> model = make_pipeline(HiddenFeatures(network), KNeighborsClassifier()).fit(X, y)
    >>> model[:-1].transform(X).shape
    (150, 5)
    """

    _parameter_constraints: dict = {"layer": [Integral]}  # noqa: RUF012, scikit-learn's name and type

    def __init__(self, estimator, *, layer: int = -1):
        self.estimator = estimator
        self.layer = layer

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike, y: ArrayLike | None = None, **fit_params) -> Self:
        """Fit a clone of the network; a frozen one stays as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What the network learns to predict.
        **fit_params : dict
            For the network's `fit`: `sample_weight`, `X_val`, `y_val`, `sample_weight_val`.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError
            If the estimator is none of this package.
        ValueError
            If there is no such hidden layer.
        """
        check_type(_thawed(self.estimator))
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        estimator = clone(self.estimator).fit(X, y, **fit_params)
        n_hidden = len(_hidden_sizes(estimator))
        if not -n_hidden <= self.layer < n_hidden:
            raise ValueError(
                f"layer={self.layer} is not among the {n_hidden} hidden layers of the network; "
                f"{f'it must be from {-n_hidden} to {n_hidden - 1}' if n_hidden else 'see hidden_layer_sizes'}."
            )
        self.estimator_ = estimator
        return self

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the outputs of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)

        Returns
        -------
        features : ndarray of shape (n_samples, units)
            Dense, of the dtype that the network was trained in.
        """
        check_is_fitted(self)
        return hidden_outputs(_thawed(self.estimator_), X, self.layer)

    @property
    def n_features_in_(self) -> int:
        """Number of inputs of the network."""
        return _fitted_attribute(self, "n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the inputs."""
        return _fitted_attribute(self, "feature_names_in_")

    @property
    def _n_features_out(self) -> int:
        return _hidden_sizes(self.estimator_)[self.layer]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what `fit` passes on to the network's `fit`.

        Returns
        -------
        routing : MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags, of_network = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags, tags.target_tags = of_network.input_tags, of_network.target_tags
        return tags


def hidden_features(estimator, layer: int = -1) -> HiddenFeatures:
    """Return the transformer that gives the outputs of a hidden layer.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier
        A fitted one stays as it is, and the transformer is ready; of one that is not, the transformer's `fit` fits a
        clone.
    layer : int, default=-1
        Which hidden layer, counted as in a list: 0 is the first, -1 the last.

    Returns
    -------
    transformer : HiddenFeatures

    Raises
    ------
    TypeError
        If the estimator is none of this package.
    ValueError
        If it is fitted and has no such hidden layer.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.inspection import hidden_features
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier((8, 2), max_iter=20, tol=None, random_state=0).fit(X, y)
    >>> hidden_features(network).transform(X).shape
    (150, 2)
    """
    estimator = _thawed(estimator)
    check_type(estimator)
    if not estimator.__sklearn_is_fitted__():
        return HiddenFeatures(estimator, layer=layer)
    return HiddenFeatures(FrozenEstimator(estimator), layer=layer).fit(None)


def hidden_outputs(network: FittedNetwork, X, layer: int) -> np.ndarray:
    """Return the outputs of one hidden layer, of shape (n_samples, units)."""
    X = network._checked_inputs(X)
    outputs = np.empty((X.shape[0], _hidden_sizes(network)[layer]), network._state.theta.dtype)
    for rows, _, trace in network._chunks(X):
        outputs[rows] = trace[:-1][layer].a
    return outputs


def _thawed(estimator):
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def _hidden_sizes(estimator):
    network, _ = check_network(_thawed(estimator))
    return network.sizes[1:-1]


def _fitted_attribute(transformer, name):
    if not hasattr(transformer, "estimator_"):
        raise AttributeError(f"{type(transformer).__name__} has no {name} before it is fitted.")
    return getattr(transformer.estimator_, name)
