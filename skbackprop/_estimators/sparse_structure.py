"""The structure of sparse matrices, checked before compiled loops read it.

scipy checks a matrix when it is constructed, but not again when its arrays are changed: an index out of range then
reads or writes memory elsewhere, which may crash the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Number
from typing import Any

import numpy as np

from .._hyperparameters import shortened
from .._typing import CSR

#: Kinds of dtypes of the stored numbers: booleans, integers, floating-point and complex numbers.
NUMBERS = "biufc"


def checked_sparse(X: Any, name: str) -> Any:
    """Return a sparse matrix that can be converted safely.

    Parameters
    ----------
    X : sparse matrix or array
        In any format.
    name : str
        Name of the argument, for error messages.

    Returns
    -------
    X : sparse matrix or array
        The same one; one in CSR format if it consists of lists or dictionaries; one with indices of 32 or 64 bits if
        they have fewer, which scipy before 1.13 does not index.

    Raises
    ------
    ValueError
        If it does not have two dimensions, an index is out of range, or the arrays do not fit together.
    """
    if X.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got a sparse array of shape {X.shape}.")
    if not all(isinstance(size, Integral) and int(size) >= 0 for size in X.shape):
        raise _damaged(f"{name}.shape={shortened(X.shape)} must be two integers of at least 0")
    if X.format in ("csr", "csc", "bsr"):
        _check_compressed(X, name)
        if X.indices.dtype != X.indptr.dtype:
            X = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
    elif X.format == "coo":
        _check_coordinates(X, name)
    elif X.format == "dia":
        _check_diagonals(X, name)
    else:
        X = _as_csr(X, name)
        _check_compressed(X, name)
    return X


def without_duplicates(X: CSR) -> CSR:
    """Return a CSR matrix with sorted indices and with one entry for each position.

    To scipy, several entries of one position are their sum, but entries are standardized one by one. A matrix that has
    none, and no unused entries at its end, is returned unchanged; otherwise, the result is a copy.
    """
    indices, n_entries = X.indices, len(X.indices)
    begins_sample = np.zeros(n_entries + 1, bool)
    begins_sample[X.indptr] = True
    increases = indices[1:] > indices[:-1]
    if X.indptr[-1] == n_entries and (begins_sample[1:-1] | increases).all():
        return X
    copied = type(X)((X.data, indices, X.indptr), shape=X.shape, copy=True)
    copied.sum_duplicates()
    return copied


def _check_compressed(X: Any, name: str) -> None:
    """Check a CSR, CSC or BSR matrix."""
    is_blocked = X.format == "bsr"
    _check_array(X, "indptr", "i", name)
    _check_array(X, "indices", "i", name)
    _check_array(X, "data", NUMBERS, name, 3 if is_blocked else 1)
    n_entries, indptr = len(X.indices), X.indptr
    block = X.data.shape[1:] if is_blocked else (1, 1)
    if 0 in block or X.shape[0] % block[0] or X.shape[1] % block[1]:
        raise _damaged(f"{name} of shape {X.shape} has blocks of shape {block}")
    n_rows, n_columns = X.shape[0] // block[0], X.shape[1] // block[1]
    n_major, n_minor = (n_columns, n_rows) if X.format == "csc" else (n_rows, n_columns)
    if len(X.data) != n_entries:
        raise _damaged(f"{name}.data has {len(X.data)} entries, and {name}.indices has {n_entries}")
    if len(indptr) != n_major + 1:
        raise _damaged(f"{name}.indptr has {len(indptr)} entries; for the shape {X.shape} it needs {n_major + 1}")
    if indptr[0] != 0 or indptr[-1] > n_entries:
        raise _damaged(f"{name}.indptr goes from {indptr[0]} to {indptr[-1]}; {name} has the entries 0 to {n_entries}")
    if (indptr[1:] < indptr[:-1]).any():
        raise _damaged(f"{name}.indptr decreases")
    _check_range(X, "indices", n_minor, name)


def _check_coordinates(X: Any, name: str) -> None:
    """Check a COO matrix."""
    _check_array(X, "data", NUMBERS, name)
    if hasattr(X, "coords") and not (isinstance(X.coords, (tuple, list, np.ndarray)) and len(X.coords) == 2):
        raise _damaged(f"{name}.coords must be two arrays, with the rows and the columns of the entries")
    for attribute, size in zip(("row", "col"), X.shape, strict=True):
        _check_array(X, attribute, "i", name)
        n_indices = len(getattr(X, attribute))
        if n_indices != len(X.data):
            raise _damaged(f"{name}.data has {len(X.data)} entries, and {name}.{attribute} has {n_indices}")
        _check_range(X, attribute, size, name)


def _check_diagonals(X: Any, name: str) -> None:
    """Check a DIA matrix; diagonals outside of the matrix are harmless."""
    _check_array(X, "offsets", "i", name)
    _check_array(X, "data", NUMBERS, name, 2)
    if len(X.data) != len(X.offsets):
        raise _damaged(f"{name}.data has {len(X.data)} diagonals, and {name}.offsets has {len(X.offsets)}")


def _as_csr(X: Any, name: str) -> Any:
    """Return a matrix of lists or dictionaries (LIL, DOK) in CSR format."""
    if X.format == "lil":
        _check_lists(X, name)
    else:
        _check_dictionary(X, name)
    try:
        return X.tocsr()
    except Exception as error:  # entries may be anything
        raise _damaged(f"{name} cannot be converted ({type(error).__name__}: {error})") from error


def _check_lists(X: Any, name: str) -> None:
    """Check a LIL matrix."""
    for attribute in ("rows", "data"):
        lists = getattr(X, attribute)
        are_lists = (
            isinstance(lists, np.ndarray) and lists.ndim == 1 and all(type(entries) is list for entries in lists)
        )
        if not are_lists:
            raise _damaged(f"{name}.{attribute} must be an array of lists")
    lengths = [[len(entries) for entries in lists] for lists in (X.rows, X.data)]
    if lengths[0] != lengths[1] or len(X.rows) != X.shape[0]:
        raise _damaged(f"{name}.rows and {name}.data do not have the same lengths")
    for sample, (columns, numbers) in enumerate(zip(X.rows, X.data, strict=True)):
        for column in columns:
            if not _is_index(column, X.shape[1]):
                raise _damaged(
                    f"{name}.rows has {shortened(column)} in sample {sample}, which is no column between 0 and "
                    f"{X.shape[1] - 1}"
                )
        if len(set(columns)) < len(columns):
            raise _damaged(f"{name}.rows has a column more than once in sample {sample}")
        _check_are_numbers(numbers, name)


def _check_dictionary(X: Any, name: str) -> None:
    """Check a DOK matrix."""
    entries = getattr(X, "_dict", X)  # before scipy 1.12, it is a dictionary itself
    for key, _ in entries.items():  # an iteration over the matrix itself would yield samples
        is_pair = isinstance(key, tuple) and len(key) == 2
        if not (is_pair and all(map(_is_index, key, X.shape))):
            raise _damaged(f"{name} has the key {shortened(key)}, which is no pair of a row and a column of {X.shape}")
    _check_are_numbers(entries.values(), name)


def _is_index(index: Any, size: int) -> bool:
    """Return whether this is an integer between 0 and `size`, which is excluded."""
    return isinstance(index, Integral) and not isinstance(index, bool) and 0 <= int(index) < size


def _check_are_numbers(values: Iterable[Any], name: str) -> None:
    """Raise ValueError unless the stored values are numbers or booleans."""
    for value in values:
        if not isinstance(value, (Number, np.bool_)):
            raise _damaged(f"{name} has the entry {shortened(value)}, which is no number")


def _check_array(X: Any, attribute: str, kinds: str, name: str, ndim: int = 1) -> None:
    """Raise ValueError unless an attribute is an array with a dtype of one of these kinds."""
    array = getattr(X, attribute)
    if isinstance(array, np.ndarray) and array.ndim == ndim and array.dtype.kind in kinds:
        return
    wanted = "signed integers" if kinds == "i" else "numbers"
    found = f"{np.ndim(array)} dimensions and dtype {getattr(array, 'dtype', None)}"
    raise _damaged(f"{name}.{attribute} must be an array of {ndim} dimensions and {wanted}; it has {found}")


def _check_range(X: Any, attribute: str, size: int, name: str) -> None:
    """Raise ValueError if an index is negative, or not smaller than `size`."""
    indices = getattr(X, attribute)
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))  # a negative index is a large one: one comparison
    if len(indices) and unsigned.max() >= size:
        wrong = indices[unsigned >= size][0]
        raise _damaged(f"{name}.{attribute} has the index {wrong}, which is not between 0 and {size - 1}")


def _damaged(message: str) -> ValueError:
    return ValueError(f"{message}: the sparse matrix is damaged, or its arrays were changed after it was constructed.")
