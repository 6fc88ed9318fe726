"""Targets of any offset and unit, also with X in float32, and constant targets."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop.inspection import backprop_table, input_gradients, layer_outputs
from tests.shared import EACH_SOLVER, TRAINS_BRIEFLY, theta

LOCATIONS = ["squared_error", "huber", "absolute_error", "quantile", "quantiles"]
AMOUNTS = ["poisson", "gamma", "tweedie"]
EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])
#: Units and offsets that float32 cannot represent.
EXTREMES = {
    "large offset": lambda z: 1e8 + z,
    "huge": lambda z: 1e39 * z,
    "tiny": lambda z: 1e-46 * z,
    "huge offset": lambda z: 1e39 + 1e36 * z,
}
EACH_EXTREME = pytest.mark.parametrize("extreme", EXTREMES)
X = np.random.default_rng(0).uniform(-2, 2, size=(200, 2))
Z = np.sin(X[:, 0]) + 0.3 * X[:, 1]


def network(**params):
    return BackpropRegressor(20, **{"max_iter": 60, "tol": None, "random_state": 0, "engine": "numpy"} | params)


def assert_as_good_in_float32(y, call, **params):
    """Compare R^2 in float32 with that in float64, where `call` fits the network."""
    scores = [call(network(**params), X.astype(dtype), y).score(X, y) for dtype in (np.float64, np.float32)]
    assert min(scores) > 0.9
    assert scores[1] == pytest.approx(scores[0], abs=2e-3)


CALLS = {
    "fit": lambda network, X, y: network.fit(X, y),
    "weighted": lambda network, X, y: network.fit(X, y, sample_weight=1 + X[:, 0] ** 2),
    "stream": lambda network, X, y: [network.partial_fit(X, y) for _ in range(60)][-1],
    "chunks": lambda network, X, y: [
        network.partial_fit(X[i : i + 50], y[i : i + 50]) for _ in range(30) for i in range(0, 200, 50)
    ][-1],
    "single samples": lambda network, X, y: [
        network.set_params(learning_rate=0.003).partial_fit(X[i : i + 1], y[i : i + 1])
        for _ in range(4)
        for i in range(200)
    ][-1],
    "split": lambda network, X, y: network.set_params(early_stopping=True).fit(X, y),
    "scored split": lambda network, X, y: network.set_params(early_stopping=True, scoring="r2").fit(X, y),
    "validation set": lambda network, X, y: network.fit(X, y, X_val=X[::5], y_val=y[::5]),
    "lbfgs": lambda network, X, y: network.set_params(solver="batch", optimizer="lbfgs").fit(X, y),
    "warm start": lambda network, X, y: (
        network.set_params(max_iter=30, warm_start=True, learning_rate=0.01).fit(X, y).fit(X, y)
    ),
    "sparse": lambda network, X, y: network.fit(sparse.csr_array(X), y),
    "series": lambda network, X, y: network.fit(pd.DataFrame(X), pd.Series(y)),
}


@EACH_EXTREME
@pytest.mark.parametrize("call", CALLS)
def test_float32_learns_targets_that_it_cannot_represent(extreme, call):
    assert_as_good_in_float32(EXTREMES[extreme](Z), CALLS[call])


@EACH_EXTREME
@pytest.mark.parametrize("loss", LOCATIONS[:3])
def test_float32_learns_extreme_targets_with_every_loss_of_location(extreme, loss):
    assert_as_good_in_float32(EXTREMES[extreme](Z), CALLS["fit"], loss=loss)


@EACH_EXTREME
def test_float32_learns_quantiles_of_extreme_targets(extreme):
    y = EXTREMES[extreme](Z)
    scores = [network(loss="quantiles").fit(X.astype(dtype), y).score(X, y) for dtype in (np.float64, np.float32)]
    assert min(scores) > 0.7
    assert scores[1] == pytest.approx(scores[0], abs=1e-2)


@pytest.mark.parametrize("unit", [1.0, 1e39, 1e-46])
@pytest.mark.parametrize("loss", AMOUNTS)
def test_float32_learns_amounts_in_any_unit(loss, unit):
    assert_as_good_in_float32(unit * np.exp(Z), CALLS["fit"], loss=loss)


def test_float32_learns_extreme_targets_side_by_side():
    Y = np.column_stack([EXTREMES[extreme](Z) for extreme in EXTREMES])
    prediction = network().fit(X.astype(np.float32), Y).predict(X)
    errors = ((prediction - Y) / Y.std(axis=0)).std(axis=0)
    assert errors.max() < 0.2


@TRAINS_BRIEFLY
@pytest.mark.parametrize("y", [Z, 1 + np.arange(200), Z.astype(np.float16), (1e8 + Z).tolist()])
def test_predictions_are_float64_unless_X_and_y_were_float32(y):
    for dtype in (np.float32, np.float64):
        assert network(max_iter=2).fit(X.astype(dtype), y).predict(X.astype(dtype)).dtype == np.float64


@pytest.mark.parametrize("standardize", [False, True])
def test_predictions_are_float32_if_X_and_y_were_float32(standardize):
    narrow, y = X.astype(np.float32), Z.astype(np.float32)
    first = network(max_iter=2, standardize=standardize).partial_fit(narrow, y)
    for each in (first, first.partial_fit(X, Z), network(max_iter=2, standardize=standardize).fit(narrow, y)):
        assert each.predict(X).dtype == each.predict(narrow[:1]).dtype == np.float32
        assert {array.dtype for array in each.coefs_ + each.intercepts_} == {np.dtype(np.float32)}
    assert network(max_iter=2, standardize=standardize).fit(X, y).predict(X).dtype == np.float64


def test_refitted_network_predicts_in_the_dtype_of_the_last_fit():
    estimator = network(max_iter=2)
    for y in (Z, Z.astype(np.float32)):
        assert estimator.fit(X.astype(np.float32), y).predict(X).dtype == y.dtype
    assert estimator.set_params(warm_start=True).fit(X, Z).predict(X).dtype == np.float32


@pytest.mark.parametrize("make", [np.asarray, list])
def test_target_too_large_for_an_unstandardized_float32_network_raises(make):
    y = make(1e39 * np.abs(Z))
    with pytest.raises(ValueError, match=r"y=.*e\+3\d is too large for float32.*pass X as float64, or scale y"):
        network(standardize=False).fit(X.astype(np.float32), y)
    stream = network(standardize=False, learning_rate=0.001).partial_fit(X.astype(np.float32), Z)
    before = theta(stream).copy()
    with pytest.raises(ValueError, match="too large for float32"):
        stream.partial_fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(theta(stream), before)


@EACH_DTYPE
def test_target_whose_square_overflows_raises(dtype):
    with pytest.raises(ValueError, match="The spread of a column of X or of y overflows"):
        network().fit(X.astype(dtype), 1e300 * Z)


@pytest.mark.parametrize("constant", [1e-6, 1e12, 0.0, -3.3, 1 / 3])
@pytest.mark.parametrize("loss", LOCATIONS)
@EACH_DTYPE
def test_constant_target_is_predicted_exactly_and_without_a_warning(loss, constant, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (np.full(200, constant), np.full(200, constant, np.float32)):
            fitted = network(loss=loss).fit(X.astype(dtype), y)
            prediction = fitted.predict(10 * X)
            np.testing.assert_array_equal(prediction, y[0])
            assert not fitted.coefs_[-1].any()
            np.testing.assert_array_equal(fitted.intercepts_[-1], y[0])


@pytest.mark.parametrize("constant", [1e-6, 1e12, 0.0, 1 / 3])
@pytest.mark.parametrize("loss", AMOUNTS)
@EACH_DTYPE
def test_constant_amount_is_predicted_exactly_and_without_a_warning(loss, constant, dtype):
    if loss == "gamma" and not constant:
        return  # amounts are positive
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = network(loss=loss).fit(X.astype(dtype), np.full(200, constant))
    np.testing.assert_array_equal(fitted.predict(10 * X), constant)
    np.testing.assert_allclose(np.exp(fitted.intercepts_[-1]), constant, rtol=1e-13)
    assert not fitted.coefs_[-1].any()


@EACH_SOLVER
@EACH_DTYPE
def test_constant_columns_beside_others(solver, dtype):
    Y = np.column_stack([Z, np.full(200, 1e-6), 5 * Z, np.full(200, 1e12)])
    narrow = X.astype(dtype)
    fitted = network(solver=solver, max_iter=10).fit(narrow, Y, sample_weight=1 + X[:, 0] ** 2)
    prediction = fitted.predict(narrow)
    np.testing.assert_array_equal(prediction[:, [1, 3]], Y[:, [1, 3]])
    assert (prediction[:, [0, 2]].std(axis=0) > 0).all()
    np.testing.assert_array_equal(input_gradients(fitted, narrow)[:, [1, 3]], 0)
    np.testing.assert_array_equal(layer_outputs(fitted, narrow)[-1], prediction)
    table = backprop_table(fitted, narrow[0], Y[0])
    assert np.isfinite(table.to_numpy()).all()


@TRAINS_BRIEFLY
def test_stream_goes_on_when_a_constant_target_begins_to_vary():
    stream = network(learning_rate=0.01)
    for _ in range(3):
        stream.partial_fit(X, np.full(200, 2.0))
    np.testing.assert_array_equal(stream.predict(X), 2.0)
    for _ in range(200):
        stream.partial_fit(X, Z)
    assert stream.score(X, Z) > 0.9


@TRAINS_BRIEFLY
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_given_weights_and_a_constant_target(loss):
    y = np.full(200, 3.0)
    weights = network(loss=loss, max_iter=2).fit(X, y + np.exp(Z))
    twin = network(loss=loss, init=(weights.coefs_, weights.intercepts_), max_iter=2).fit(X, y)
    assert np.isfinite(theta(twin)).all()
    np.testing.assert_array_equal(twin.predict(X), y)


def test_input_gradients_are_in_units_that_float32_cannot_represent():
    y = 1e39 * Z
    narrow, wide = (network().fit(X.astype(dtype), y) for dtype in (np.float32, np.float64))
    found, expected = input_gradients(narrow, X.astype(np.float32)), input_gradients(wide, X)
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_constant_target_needs_no_more_epochs():
    X = np.random.default_rng(0).normal(size=(20, 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network = BackpropRegressor(max_iter=20, random_state=0).fit(X, np.full(20, 3.0))
    assert not caught
    assert (network.predict(X) == 3.0).all()
