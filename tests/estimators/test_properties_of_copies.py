"""Properties of copies of networks of every kind: equal predictions, and training that continues identically."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from hypothesis import given
from sklearn.base import clone

from tests.shared import BOTH, announce, data, output, theta
from tests.strategies import MAY_WARN, STEPPING, examples, problems

pytestmark = [
    *MAY_WARN,
    pytest.mark.filterwarnings("ignore:L-BFGS:sklearn.exceptions.ConvergenceWarning"),  # absolute error has kinks
]

KINDS = {
    "optimizers": [*STEPPING, "lbfgs"],
    "alphas": (0.0, 0.1, "auto"),
    "dtypes": ("float32", "float64"),
    "sparse_X": True,
}


def by_compressed_joblib(network, path):
    file = io.BytesIO()
    joblib.dump(network, file, compress=3)
    return joblib.load(io.BytesIO(file.getvalue()))


def by_memory_map(network, path):
    joblib.dump(network, path)
    copied = joblib.load(path, mmap_mode="r")
    assert not theta(copied).flags.writeable
    return copied


COPIES = {
    "pickle": lambda network, path: pickle.loads(pickle.dumps(network)),
    "compressed joblib": by_compressed_joblib,
    "memory map": by_memory_map,
    "deepcopy": lambda network, path: copy.deepcopy(network),
}


def assert_same(found, expected, X):
    np.testing.assert_array_equal(theta(found), theta(expected))
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))
    np.testing.assert_array_equal(output(found, X), output(expected, X))
    assert found.loss_curve_ == expected.loss_curve_
    for name in ("t_", "n_iter_", "best_iter_", "learning_rate_", "alpha_"):
        np.testing.assert_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("how", COPIES)
@examples(30)
@given(problems(**KINDS))
def test_copy_predicts_the_same_and_continues_identically(how, tmp_path_factory, problem):
    network = problem.fitted()
    copied = COPIES[how](network, tmp_path_factory.mktemp("copy") / "network.joblib")
    assert copied.get_params().keys() == network.get_params().keys()
    assert_same(copied, network, problem.X)
    before = theta(network).copy()
    problem.step(network)
    np.testing.assert_array_equal(theta(copied), before)  # a copy shares no memory
    for _ in range(2):
        problem.step(copied)
        assert_same(copied, network, problem.X)
        problem.step(network)
    for other in (network, copied):
        other.set_params(warm_start=True)
    problem.step(copied)
    for other in (network, copied):
        other.fit(problem.X, problem.y, problem.weight)
    assert_same(copied, network, problem.X)


@examples(40)
@given(problems(**KINDS))
def test_clone_is_unfitted_and_learns_the_same(problem):
    network = problem.fitted()
    cloned = clone(network)
    assert not hasattr(cloned, "n_iter_")
    assert_same(cloned.fit(problem.X, problem.y, problem.weight), network, problem.X)


@BOTH
@pytest.mark.parametrize("how", COPIES)
def test_copy_made_during_a_stream_continues_identically(how, tmp_path, estimator):
    """Standardization follows the running moments in steps, and a copy must not make an additional step."""
    X, y = data(estimator)
    network = estimator(5, engine="numpy", random_state=0).partial_fit(X[:140], y[:140], **announce(estimator))
    network.partial_fit(X[140:141], y[140:141])
    copied = COPIES[how](network, tmp_path / "network.joblib")
    assert_same(copied, network, X)
    for i in range(141, 150):
        for other in (network, copied):
            other.partial_fit(X[i : i + 1], y[i : i + 1])
    assert_same(copied, network, X)
