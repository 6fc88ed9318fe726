"""Threads: predictions at the same time do not disturb each other."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_many_threads_may_predict_at_once(estimator, make):
    X, y = data(estimator)
    network = estimator((20, 10), **FEW).fit(sparse.csr_array(X) if make is sparse.csr_array else X, y)
    parts = [make(X[start : start + 50]) for start in range(100)]
    expected = [network.predict(part) for part in parts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for _ in range(3):
                np.testing.assert_array_equal(list(threads.map(network.predict, parts)), expected)
    finally:
        sys.setswitchinterval(interval)
