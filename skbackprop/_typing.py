"""Types that several packages use in their signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

#: Data that the estimators accept as X: anything that becomes an array, or a sparse matrix or array.
MatrixLike: TypeAlias = ArrayLike | sparse.spmatrix | sparse.sparray

#: Sparse X after validation.
CSR: TypeAlias = sparse.csr_array | sparse.csr_matrix

#: X after validation: dense, or sparse in CSR format. ``isinstance(X, np.ndarray)`` narrows the type.
Matrix: TypeAlias = np.ndarray | CSR

Method = TypeVar("Method", bound=Callable[..., Any])


def keep_signature(decorator: Callable[[Any], Any]) -> Callable[[Method], Method]:
    """Return the decorator, for type checkers as one that does not change the type of a method.

    scikit-learn has no type hints: a method under `_fit_context`, `available_if` or `with_callbacks` would lose its
    parameters and its return type, and ``BackpropRegressor().fit(X, y)`` would be of type ``Any``.

    Parameters
    ----------
    decorator : callable
        A decorator without type hints that keeps the signature of what it decorates.

    Returns
    -------
    decorator : callable
        The same object.
    """
    return decorator
