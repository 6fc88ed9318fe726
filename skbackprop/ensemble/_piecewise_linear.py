"""`PiecewiseLinearEncoder`: functions of single columns that a network cannot easily bend its inputs into."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._estimators.parameter_checks import ParameterChecks
from .._estimators.validation import validate_data
from .._sklearn_compat import Interval, check_feature_names_in, fit_context
from .._typing import keep_signature


class PiecewiseLinearEncoder(TransformerMixin, ParameterChecks):
    """Add to each column how far its values have come through each of its bins.

    The feature of a bin is 0 below the bin, 1 above it, and rises linearly within it, so that a linear function of
    these features is a piecewise linear function of the column. It helps a network with functions that have bends or
    jumps, or change fast where samples are dense (Gorishniy, Rubachev and Babenko 2022, "On embeddings for numerical
    features in tabular deep learning").

    A column with few distinct values has a bin between any two of them. Otherwise, half of the edges are quantiles of
    its values, the others quantiles of its distinct values, which are not lost in a column that mostly is 0. A column
    with up to two distinct values gets no bins.

    Parameters
    ----------
    n_bins : int, default=16
        Maximum number of bins of a column, at least 2.

    Attributes
    ----------
    bin_edges_ : list of ndarray
        The edges of the bins of each column, in increasing order; empty without bins.
    n_features_in_ : int
        Number of columns seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X had names that are all strings.

    See Also
    --------
    sklearn.preprocessing.KBinsDiscretizer : The bin of each value, as an integer or one-hot.
    sklearn.preprocessing.SplineTransformer : Splines of each column.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.ensemble import PiecewiseLinearEncoder
    >>> X = np.array([[0.0], [1.0], [2.0], [4.0]])
    >>> PiecewiseLinearEncoder().fit(X).transform([[0.5], [3.0]])
    array([[0.5, 0.5, 0. , 0. ],
           [3. , 1. , 1. , 0.5]])
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012, scikit-learn's name and type
        "n_bins": [Interval(Integral, 2, None, closed="left")]
    }

    def __init__(self, n_bins: int = 16) -> None:
        self.n_bins = n_bins

    @keep_signature(fit_context(prefer_skip_nested_validation=True))
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Find the edges of the bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.
        y : None
            Not used.

        Returns
        -------
        self : object
            The fitted transformer.

        See Also
        --------
        transform : Return the columns and the features of their bins.

        Examples
        --------
        >>> from skbackprop.ensemble import PiecewiseLinearEncoder
        >>> PiecewiseLinearEncoder(n_bins=4).fit([[1, 0], [2, 0], [5, 1]]).bin_edges_
        [array([1., 2., 5.]), array([], dtype=float64)]
        """
        X = np.asarray(validate_data(self, X, dtype=(np.float64, np.float32)))
        self.bin_edges_ = [_bin_edges(column, self.n_bins) for column in X.T]
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the columns and the features of their bins.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features + n_all_bins)
            The columns, then the features of the bins of each column. float32 remains float32.

        See Also
        --------
        fit : Find the edges of the bins.

        Examples
        --------
        >>> from skbackprop.ensemble import PiecewiseLinearEncoder
        >>> PiecewiseLinearEncoder().fit([[1], [2], [5]]).transform([[0], [3.5], [6]])
        array([[0. , 0. , 0. ],
               [3.5, 1. , 0.5],
               [6. , 1. , 1. ]])
        """
        check_is_fitted(self)
        X = np.asarray(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))
        features = np.empty((X.shape[0], self._n_features_out), X.dtype)
        features[:, : X.shape[1]] = X
        for column, edges, bins in zip(X.T, self.bin_edges_, self._bins(), strict=True):
            features[:, bins] = _shares_of_bins(column, edges)
        return features

    def input_gradients(self, X: ArrayLike, gradients: ArrayLike) -> np.ndarray:
        """Return derivatives with respect to the columns, given those with respect to the features.

        It is the chain rule: a feature of a bin rises by 1 over the width of the bin within it, and is constant
        elsewhere. At an edge, it is the derivative of the bin that begins there.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        gradients : array-like of shape (n_samples, ..., n_features + n_all_bins)
            Derivatives of any quantities, such as the predictions of a network, with respect to the features that
            `transform` returns for X.

        Returns
        -------
        gradients : ndarray of shape (n_samples, ..., n_features)
            Derivatives of the same quantities with respect to X. float32 remains float32.

        Raises
        ------
        ValueError
            If the gradients are not those of these samples and features.

        See Also
        --------
        transform : Return the columns and the features of their bins.
        skbackprop.inspection.input_gradients : The derivatives of predictions with respect to the inputs.

        Examples
        --------
        The sum of the features rises by 1 with the column, and by 1 over the width of the bin that it is in.

        >>> import numpy as np
        >>> from skbackprop.ensemble import PiecewiseLinearEncoder
        >>> encoder = PiecewiseLinearEncoder().fit([[1], [2], [4]])
        >>> encoder.input_gradients([[0], [1.5], [3]], np.ones((3, 3)))
        array([[1. ],
               [2. ],
               [1.5]])
        """
        check_is_fitted(self)
        X = np.asarray(validate_data(self, X, dtype=(np.float64, np.float32), reset=False))
        gradients = np.asarray(gradients)
        if (gradients.shape[0], gradients.shape[-1]) != (X.shape[0], self._n_features_out):
            raise ValueError(
                f"gradients of shape {gradients.shape} do not begin with {X.shape[0]} samples and end with "
                f"{self._n_features_out} features."
            )
        result = gradients[..., : X.shape[1]].astype(np.result_type(gradients, np.float32))
        for i, (edges, bins) in enumerate(zip(self.bin_edges_, self._bins(), strict=True)):
            result[..., i] += np.einsum("i...k,ik->i...", gradients[..., bins], _slopes_of_bins(X[:, i], edges))
        return result

    def _bins(self) -> Iterator[slice]:
        """Yield where the features of the bins of each column are."""
        start = self.n_features_in_
        for edges in self.bin_edges_:
            stop = start + max(len(edges) - 1, 0)
            yield slice(start, stop)
            start = stop

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the features: those of the columns, and "x0_bin0" for the first bin of column "x0".

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            Names of the columns; None means `feature_names_in_`, or "x0", "x1", ... without names.

        Returns
        -------
        names : ndarray of str of shape (n_features_out,)
            In the order of the features.

        See Also
        --------
        transform : Return the features.

        Examples
        --------
        >>> from skbackprop.ensemble import PiecewiseLinearEncoder
        >>> PiecewiseLinearEncoder().fit([[1, 0], [2, 0], [5, 1]]).get_feature_names_out(["size", "flag"])
        array(['size', 'flag', 'size_bin0', 'size_bin1'], dtype=object)
        """
        check_is_fitted(self)
        columns = check_feature_names_in(self, input_features)
        pairs = zip(columns, self.bin_edges_, strict=True)
        bins = [f"{column}_bin{i}" for column, edges in pairs for i in range(max(len(edges) - 1, 0))]
        return np.array([*columns, *bins], dtype=object)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_ + sum(max(len(edges) - 1, 0) for edges in self.bin_edges_)


def _bin_edges(column: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the edges of the bins of a column, none if it has up to two distinct values."""
    column = column.astype(np.float64)
    distinct = np.unique(column)
    if len(distinct) <= 2:
        return distinct[:0]
    if len(distinct) <= n_bins + 1:
        return distinct
    # of the values as well as of the distinct ones, which a column that mostly is 0 needs
    few, more = np.linspace(0, 1, n_bins // 2 + 1), np.linspace(0, 1, n_bins - n_bins // 2 + 1)
    return np.unique(np.concatenate([np.quantile(column, few), np.quantile(distinct, more)]))


def _shares_of_bins(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return how far each value has come through each bin, between 0 and 1."""
    starts, widths = edges[:-1], np.diff(edges)
    return np.clip((column[:, np.newaxis] - starts) / widths, 0.0, 1.0)


def _slopes_of_bins(column: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the derivative of the share of each bin with respect to the value."""
    values = column[:, np.newaxis]
    is_inside = (edges[:-1] <= values) & (values < edges[1:])
    return is_inside / np.diff(edges)
