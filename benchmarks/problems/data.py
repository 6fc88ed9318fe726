"""Training and test data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse


class Data(NamedTuple):
    """Training and test data; `clean_X` and `clean_y` are the training data without outliers, where there are some."""

    X: np.ndarray | sparse.csr_matrix
    y: np.ndarray
    X_test: np.ndarray | sparse.csr_matrix
    y_test: np.ndarray
    clean_X: np.ndarray | None = None
    clean_y: np.ndarray | None = None
