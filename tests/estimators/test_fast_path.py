"""`partial_fit` on samples like those of the last call skips validation; the results are those of validated calls.

Lists always take the path with validation, so the same samples as lists say what the result has to be.
"""

import copy
import pickle
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from skbackprop import BackpropRegressor
from skbackprop.optimizers import Adam
from skbackprop.schedules import InverseScaling
from tests.shared import BOTH, EACH_SOLVER, ENGINES, announce, data, theta


def is_validated(call, *arguments, **keywords):
    """Return whether a call runs scikit-learn's validation of arrays."""
    validated = []

    def look(frame, event, argument):
        if event == "call" and frame.f_code.co_name == "check_array":
            validated.append(frame)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        call(*arguments, **keywords)
    finally:
        sys.setprofile(before)
    return bool(validated)


@BOTH
def test_calls_like_the_one_before_skip_validation(estimator):
    X, y = data(estimator)
    network = estimator(6, random_state=0)
    assert is_validated(network.partial_fit, X[:5], y[:5], **announce(estimator))
    assert not is_validated(network.partial_fit, X[5:10], y[5:10])
    assert not is_validated(network.partial_fit, X[10:15], y[10:15])
    assert not is_validated(network.predict, X)
    assert is_validated(network.partial_fit, X[15:20].tolist(), y[15:20])


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("size", [1, 5])
def test_stream_learns_the_same_with_and_without_the_fast_path(estimator, solver, size, engine):
    X, y = data(estimator)
    fast, validated = (estimator(6, solver=solver, batch_size=2, engine=engine, random_state=0) for _ in range(2))
    for start in range(0, 40, size):
        chunk = slice(start, start + size)
        fast.partial_fit(X[chunk], y[chunk], **announce(estimator))
        validated.partial_fit(X[chunk].tolist(), y[chunk].tolist(), **announce(estimator))
    np.testing.assert_array_equal(theta(fast), theta(validated))
    assert fast.loss_curve_ == validated.loss_curve_
    np.testing.assert_array_equal(fast.predict(X), validated.predict(X.tolist()))


def set_params(**params):
    def change(network, X, y):
        return network.set_params(**params), X, y, {}

    return change


def set_nested_hyperparameter(network, X, y):
    network.optimizer.set_params(beta_1=0.1)
    return network, X, y, {}


def pickle_and_load(network, X, y):
    return pickle.loads(pickle.dumps(network)), X, y, {}


def fit_in_between(network, X, y):
    return network.set_params(max_iter=20, tol=None).fit(X, y), X, y, {}


#: What may change between two calls. Each function returns the arguments of the second call.
CHANGES = {
    "parameter": set_params(learning_rate=0.1),
    "hyperparameter object": set_params(optimizer=Adam(0.5)),
    "nested hyperparameter": set_nested_hyperparameter,
    "array as a parameter": set_params(hidden_layer_sizes=np.array([6])),
    "sample weights": lambda network, X, y: (network, X, y, {"sample_weight": np.linspace(0.5, 1.5, len(y))}),
    "number of samples": lambda network, X, y: (network, X[:3], y[:3], {}),
    "dtype": lambda network, X, y: (network, X.astype(np.float32), y, {}),
    "memory layout": lambda network, X, y: (network, np.asfortranarray(X), y, {}),
    "fit in between": fit_in_between,
    "stored estimator": pickle_and_load,
    "nothing": lambda network, X, y: (network, X, y, {}),
}


@BOTH
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_takes_effect(estimator, change):
    X, y = data(estimator)
    network = estimator(6, optimizer=Adam(), random_state=0).partial_fit(X, y, **announce(estimator))
    network.partial_fit(X, y)
    network, X, y, keywords = CHANGES[change](network, X, y)
    validated = copy.deepcopy(network)
    for _ in range(2):
        network.partial_fit(X, y, **keywords)
        validated.partial_fit(X.tolist(), y.tolist(), **keywords)
    atol = 1e-6 if change == "dtype" else 0.0
    np.testing.assert_allclose(theta(network), theta(validated), rtol=0, atol=atol)


@BOTH
def test_list_parameter_changed_in_place_is_noticed(estimator):
    X, y = data(estimator)
    sizes = [6]
    network = estimator(sizes, random_state=0).partial_fit(X, y, **announce(estimator)).partial_fit(X, y)
    sizes.append(3)
    with pytest.raises(ValueError, match="hidden_layer_sizes changed from"):
        network.partial_fit(X, y)


@BOTH
@EACH_SOLVER
def test_dense_samples_may_follow_sparse_samples(estimator, solver):
    X, y = data(estimator)
    fast, validated = (
        estimator(6, solver=solver, engine="numpy", random_state=0).partial_fit(csr_array(X), y, **announce(estimator))
        for _ in range(2)
    )
    fast.partial_fit(X, y).partial_fit(csr_array(X), y)
    validated.partial_fit(X.tolist(), y).partial_fit(csr_array(X), y)
    np.testing.assert_array_equal(theta(fast), theta(validated))


@BOTH
def test_invalid_samples_raise_the_usual_errors(estimator):
    X, y = data(estimator)
    network = estimator(6, random_state=0).partial_fit(X[:1], y[:1], **announce(estimator)).partial_fit(X[1:2], y[1:2])
    before = theta(network).copy()
    for x, message in ((np.array([[1.0, np.nan, 0, 0]]), "contains NaN"), (np.array([[1, 2, np.inf, 0]]), "infinity")):
        with pytest.raises(ValueError, match=message):
            network.partial_fit(x, y[:1])
        with pytest.raises(ValueError, match=message):
            network.predict(x)
    with pytest.raises(ValueError, match="2 features"):
        network.partial_fit(X[:1, :2].copy(), y[:1])
    with pytest.raises(ValueError, match="0 sample"):
        network.partial_fit(X[:0], y[:0])
    with pytest.raises(ValueError, match=r"inconsistent|Found input"):
        network.partial_fit(X[:1], y[:2])
    if announce(estimator):
        with pytest.raises(ValueError, match="classes must be a list of labels, got 3"):
            network.partial_fit(X[:1], y[:1], classes=3)
    with pytest.raises(ValueError, match=r"unseen|NaN"):
        network.partial_fit(X[:1], y[:1] + (7 if y.dtype.kind == "i" else np.nan))
    np.testing.assert_array_equal(theta(network), before)


def test_target_too_large_for_float32_raises_the_usual_error():
    X, y = data(BackpropRegressor)
    X = X.astype(np.float32)
    network = BackpropRegressor(6, random_state=0).partial_fit(X, y).partial_fit(X, y)
    with pytest.raises(ValueError, match="y contains infinity or a value too large for dtype"):
        network.partial_fit(X, 1e60 * y)


@BOTH
def test_fast_path_accepts_parameters_in_every_form(estimator):
    X, y = data(estimator)
    network = estimator([6], optimizer=Adam(), learning_rate=InverseScaling(), random_state=np.random.RandomState(0))
    network.partial_fit(X, y, **announce(estimator))
    assert not is_validated(network.partial_fit, X, y)
    network.set_params(max_iter=200.0)
    with pytest.raises(ValueError, match="max_iter"):
        network.partial_fit(X, y)
