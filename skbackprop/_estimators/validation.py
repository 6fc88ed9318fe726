"""Validation of X and y: scikit-learn's, and what it leaves to others.

These are the structure of sparse matrices, dates, and labels of mixed types; errors name the column and the value.
"""

from __future__ import annotations

from typing import Any

import sklearn.utils.validation
from scipy import sparse
from sklearn.base import is_classifier

from .invalid_values import has_entries, naming_values, refuse_dates
from .labels import check_labels
from .sparse_structure import checked_sparse, without_duplicates


def validate_data(estimator: Any, X: Any, *target: Any, suffix: str = "", **options: Any) -> Any:
    """Validate X, and y if it is given, as `sklearn.utils.validation.validate_data` does.

    Parameters
    ----------
    estimator : estimator
    X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
    *target : array-like or sparse matrix
        y, unless only X is validated.
    suffix : str, default=""
        What follows "X" and "y" in the names of the arguments, for error messages.
    **options : dict
        As in scikit-learn.

    Returns
    -------
    X : ndarray or CSR matrix
        Sparse X has sorted indices and one entry for each position.
    y : ndarray or sparse matrix
        Only if it was given.

    Raises
    ------
    TypeError, ValueError
        If X or y is invalid. The message names the column and the first invalid value.
    """
    named = {
        name: checked_sparse(values, name) if sparse.issparse(values) else values
        for name, values in zip((f"X{suffix}", f"y{suffix}"), (X, *target), strict=False)
    }
    X, *given = named.values()
    refuse_dates(X, f"X{suffix}")
    if target and is_classifier(estimator) and has_entries(*target):
        check_labels(named.pop(f"y{suffix}"), f"y{suffix}")  # labels may be strings
    with naming_values(**named):
        validated = sklearn.utils.validation.validate_data(estimator, X, *given, **options)
    if not sparse.issparse(X):
        return validated
    return (without_duplicates(validated[0]), validated[1]) if target else without_duplicates(validated)
