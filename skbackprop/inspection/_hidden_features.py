"""`HiddenFeatures`: the output of a hidden layer as a transformer for Pipelines."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import (
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

from .._estimators.fitted_model import check_type, fitted_model
from .._estimators.parameter_checks import ParameterChecks
from .._typing import MatrixLike, keep_signature
from ._layers import check_hidden_layer, hidden_features

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class HiddenFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, MetaEstimatorMixin, ParameterChecks):
    """Outputs of a hidden layer as features for another estimator.

    Fitting fits a clone of the network. To use a network that is already fitted, pass it as a ``FrozenEstimator``.

    Parameters
    ----------
    estimator : BackpropRegressor, BackpropClassifier, or a FrozenEstimator of one
        The network.
    layer : int, default=-1
        Index of the hidden layer, as in a list: 0 is the first, -1 the last.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.
    n_features_in_ : int
        Number of inputs of the network.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if the network was fitted on names.

    See Also
    --------
    skbackprop.inspection.hidden_features : The output of a hidden layer of a fitted network as an array.

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

    _parameter_constraints: dict[str, list[Any]] = {"layer": [Integral]}  # noqa: RUF012, scikit-learn's name and type

    def __init__(self, estimator: BackpropRegressor | BackpropClassifier | FrozenEstimator, *, layer: int = -1) -> None:
        self.estimator = estimator
        self.layer = layer

    @keep_signature(_fit_context(prefer_skip_nested_validation=False))
    def fit(self, X: MatrixLike, y: ArrayLike | None = None, **fit_params: Any) -> Self:
        """Fit a clone of the network, unless it is frozen.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            What the network learns to predict; a frozen network needs none.
        **fit_params : dict
            Passed to the `fit` of the network: `sample_weight`, `X_val`, `y_val`, `sample_weight_val`.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        TypeError
            If `estimator` is not a BackpropRegressor or BackpropClassifier.
        ValueError
            If the network has no such hidden layer.

        See Also
        --------
        transform : Return the outputs of the hidden layer.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.inspection import HiddenFeatures
        >>> X, y = load_iris(return_X_y=True)
        >>> network = BackpropClassifier((8, 2), max_iter=20, tol=None, random_state=0)
        >>> HiddenFeatures(network).fit(X, y).get_feature_names_out()
        array(['hiddenfeatures0', 'hiddenfeatures1'], dtype=object)
        """
        check_type(_thawed(self.estimator))
        if get_config()["enable_metadata_routing"]:
            fit_params = process_routing(self, "fit", **fit_params).estimator.fit
        estimator = clone(self.estimator).fit(X, y, **fit_params)
        check_hidden_layer(self.layer, len(_hidden_sizes(estimator)))
        self.estimator_ = estimator
        return self

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Return the outputs of the hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        features : ndarray of shape (n_samples, n_units)
            Dense, of the dtype that the network was trained in.

        See Also
        --------
        fit : Fit a clone of the network.

        Examples
        --------
        A fitted network is not fitted again if it is passed as a ``FrozenEstimator``.

        >>> from sklearn.datasets import load_iris
        >>> from sklearn.frozen import FrozenEstimator
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.inspection import HiddenFeatures
        >>> X, y = load_iris(return_X_y=True)
        >>> network = BackpropClassifier((8, 2), max_iter=20, tol=None, random_state=0).fit(X, y)
        >>> HiddenFeatures(FrozenEstimator(network), layer=0).fit(X).transform(X).shape
        (150, 8)
        """
        check_is_fitted(self)
        return hidden_features(_thawed(self.estimator_), X, self.layer)

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
        """Return the metadata routing: `fit` passes metadata to the `fit` of the network.

        Returns
        -------
        routing : MetadataRouter
            The routing.

        See Also
        --------
        fit : Fit a clone of the network.

        Examples
        --------
        >>> from sklearn import config_context
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.inspection import HiddenFeatures
        >>> with config_context(enable_metadata_routing=True):
        ...     network = BackpropClassifier().set_fit_request(sample_weight=True)
        ...     HiddenFeatures(network).get_metadata_routing().consumes("fit", ["sample_weight"])
        {'sample_weight'}
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=type(self).__name__).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        of_network = get_tags(self.estimator)
        tags.input_tags = of_network.input_tags
        tags.target_tags = of_network.target_tags
        return tags


def _thawed(estimator: Any) -> Any:
    """Return the network itself, also if it is frozen."""
    return estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator


def _hidden_sizes(estimator: Any) -> tuple[int, ...]:
    return fitted_model(_thawed(estimator)).network.sizes[1:-1]


def _fitted_attribute(transformer: HiddenFeatures, name: str) -> Any:
    if not hasattr(transformer, "estimator_"):
        raise AttributeError(f"{type(transformer).__name__} has no {name} before it is fitted.")
    return getattr(transformer.estimator_, name)
