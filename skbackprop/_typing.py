"""Types that several packages name in their signatures."""

from __future__ import annotations

from typing import TypeAlias

from numpy.typing import ArrayLike
from scipy import sparse

#: What the estimators take as X: anything that becomes an array, or a sparse matrix or array.
MatrixLike: TypeAlias = ArrayLike | sparse.spmatrix | sparse.sparray
