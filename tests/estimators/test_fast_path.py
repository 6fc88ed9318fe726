"""Predictions, and `partial_fit` on samples like those of the last call, skip scikit-learn's validation.

Results, errors and warnings are those of validated calls, which `fully_validated` forces.
"""

import copy
import pickle
import sys
import warnings
from contextlib import contextmanager
from decimal import Decimal
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.utils import check_array

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators import fitted_model
from skbackprop._estimators.conversion import MAX_ENTRIES, convert_samples
from skbackprop._estimators.fast_path import FastPath
from skbackprop.optimizers import Adam
from skbackprop.schedules import InverseScaling
from tests.shared import BOTH, EACH_SOLVER, ENGINES, announce, data, theta, with_solver
from tests.strategies import examples


@contextmanager
def fully_validated():
    """Turn the fast path off."""
    with (
        patch.object(FastPath, "dataset", lambda *arguments: None),
        patch.object(fitted_model, "convert_samples", lambda *arguments: None),
    ):
        yield


def effect_of(call, *arguments, **keywords):
    """Return the result of a call, or the type and message of its error; and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call(*arguments, **keywords)
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
    return result, [(warning.category, str(warning.message)) for warning in caught]


def assert_same_effect(call, *arguments, **keywords):
    """Assert that a function of its arguments alone returns, raises and warns the same with and without validation."""
    result, given_warnings = effect_of(call, *arguments, **keywords)
    with fully_validated():
        expected, expected_warnings = effect_of(call, *arguments, **keywords)
    assert type(result) is type(expected), f"{result!r} instead of {expected!r}"
    assert given_warnings == expected_warnings
    if isinstance(expected, np.ndarray):
        assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
        if expected.dtype.kind == "f":  # BLAS adds up in another order where the memory layout differs
            rtol = 1e-5 if expected.dtype == np.float32 else 1e-12
            np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol)
        else:
            np.testing.assert_array_equal(result, expected)
    else:
        assert result == expected


def assert_learns_the_same(make, X, y, **keywords):
    """Assert that `partial_fit` learns the same with and without validation; `make` returns a network in a stream."""

    def learn():
        network = make()
        network.partial_fit(X, y, **keywords)
        return theta(network)

    assert_same_effect(learn)


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
    assert is_validated(network.partial_fit, X[15:18], y[15:18])
    assert is_validated(network.predict, csr_array(X))


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("size", [1, 5])
def test_stream_learns_the_same_with_and_without_the_fast_path(estimator, solver, size, engine):
    X, y = data(estimator)

    def stream(X, y):
        network = estimator(6, **with_solver(solver, 2), engine=engine, random_state=0)
        for start in range(0, 40, size):
            network.partial_fit(X[start : start + size], y[start : start + size], **announce(estimator))
        return network

    fast, lists = stream(X, y), stream(X.tolist(), y.tolist())
    with fully_validated():
        validated = stream(X, y)
    for network in (fast, lists):
        np.testing.assert_array_equal(theta(network), theta(validated))
        assert network.loss_curve_ == validated.loss_curve_
    np.testing.assert_array_equal(fast.predict(X), fast.predict(X.tolist()))


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
        with fully_validated():
            validated.partial_fit(X, y, **keywords)
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
    with fully_validated():
        validated.partial_fit(X, y).partial_fit(csr_array(X), y)
    np.testing.assert_array_equal(theta(fast), theta(validated))


@BOTH
@ENGINES
@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, bool])
def test_samples_may_follow_samples_of_a_narrower_dtype(estimator, engine, dtype):
    """What was allocated for integers must not truncate later samples to integers."""
    X, y = data(estimator)

    def stream(first):
        network = estimator(6, batch_size=2, engine=engine, random_state=0)
        return network.partial_fit(first, y[:8], **announce(estimator)).partial_fit(X[8:16], y[8:16])

    narrow = (3 * X[:8]).astype(dtype)
    np.testing.assert_allclose(theta(stream(narrow)), theta(stream(narrow.astype(X.dtype))), rtol=0, atol=1e-6)


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


def test_target_that_float32_cannot_represent_is_learned():
    X, y = data(BackpropRegressor)
    X = X.astype(np.float32)
    fast, slow = (BackpropRegressor(6, random_state=0).partial_fit(X, 1e60 * y) for _ in range(2))
    slow._fast_path = None
    assert not is_validated(fast.partial_fit, X, 1e60 * y)
    slow.partial_fit(X, 1e60 * y)
    np.testing.assert_array_equal(fast.predict(X), slow.predict(X))
    assert np.abs(fast.predict(X)).max() > 1e59


@BOTH
def test_fast_path_accepts_parameters_in_every_form(estimator):
    X, y = data(estimator)
    network = estimator([6], optimizer=Adam(), learning_rate=InverseScaling(), random_state=np.random.RandomState(0))
    network.partial_fit(X, y, **announce(estimator))
    assert not is_validated(network.partial_fit, X, y)
    network.set_params(max_iter=200.0)
    with pytest.raises(ValueError, match="max_iter"):
        network.partial_fit(X, y)


NAMES = list("abcd")
NETWORKS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SIZES = pytest.mark.parametrize("size", [1, 3])
MATRIX = pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")

#: Kinds of samples that need no validation.
FAST = {
    "float64": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "long double": lambda X: X.astype(np.longdouble),
    "big-endian": lambda X: X.astype(">f8"),
    "int64": lambda X: np.rint(3 * X).astype(np.int64),
    "large integers": lambda X: np.rint(3 * X).astype(np.int64) + 2**60 + 1,
    "uint8": lambda X: np.abs(np.rint(3 * X)).astype(np.uint8),
    "bool": lambda X: X > 0,
    "Fortran order": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "sample of a Fortran-ordered array": lambda X: np.asfortranarray(np.vstack([X, X]))[: len(X)],
    "reversed": lambda X: np.ascontiguousarray(X[:, ::-1])[:, ::-1],
    "broadcast": lambda X: np.broadcast_to(X[0], X.shape),
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "nested list": lambda X: X.tolist(),
    "nested tuple": lambda X: tuple(map(tuple, X.tolist())),
    "list of arrays": list,
    "list of lists of numpy scalars": lambda X: [list(x) for x in X.astype(np.float32)],
    "list of integers": lambda X: np.rint(3 * X).astype(int).tolist(),
    "list of large integers": lambda X: [[2**53 + 1, 2**60 + 2**36 + 1, 3, 4]] * len(X),
    "list of numbers and booleans": lambda X: [[1, 2.5, True, np.int8(3)]] * len(X),
}
#: Kinds of samples that are validated.
VALIDATED = {
    "not a number": lambda X: np.where(np.arange(4) == 2, np.nan, X),
    "not a number in a list": lambda X: np.where(np.arange(4) == 2, np.nan, X).tolist(),
    "infinite": lambda X: np.where(np.arange(4) == 2, -np.inf, X).astype(np.float16),
    "too large for float32": lambda X: np.where(np.arange(4) == 2, 1e60, X),
    "too large for float32, in a list": lambda X: np.where(np.arange(4) == 2, 1e60, X).tolist(),
    "square overflows": lambda X: 1e170 * X,
    "one dimension": lambda X: X[0],
    "list of numbers": lambda X: X[0].tolist(),
    "three dimensions": lambda X: X[np.newaxis],
    "number": lambda X: 1.0,
    "array of a number": lambda X: np.array(1.0),
    "None": lambda X: None,
    "fewer features": lambda X: X[:, :3],
    "more features, in a list": lambda X: np.hstack([X, X]).tolist(),
    "no samples": lambda X: X[:0],
    "empty list": lambda X: [],
    "empty sample": lambda X: [[]],
    "ragged": lambda X: [[1.0, 2.0, 3.0, 4.0], [1.0]],
    "None in a list": lambda X: [[1.0, None, 3.0, 4.0]] * len(X),
    "missing value of pandas": lambda X: [[1.0, pd.NA, 3.0, 4.0]] * len(X),
    "objects": lambda X: X.astype(object),
    "decimals": lambda X: [[Decimal("1.5")] * 4] * len(X),
    "words": lambda X: [["a", "b", "c", "d"]] * len(X),
    "numbers as strings": lambda X: X.astype(str),
    "complex": lambda X: X.astype(complex),
    "complex in a list": lambda X: [[1.0, 2j, 3.0, 4.0]] * len(X),
    "numpy complex in a list": lambda X: X.astype(complex).tolist(),
    "dates": lambda X: X.astype("M8[s]"),
    "sparse": csr_array,
    "matrix": np.matrix,
    "masked": lambda X: np.ma.masked_array(X, X > 0),
    "list subclass": lambda X: type("Rows", (list,), {})(X.tolist()),
    "data frame without names": pd.DataFrame,
    "data frame with names": lambda X: pd.DataFrame(X, columns=NAMES),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "series": lambda X: pd.Series(X[0]),
}
#: Data frames that need no validation if the network knows their names.
FAST_FRAMES = {
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES),
    "pandas, mixed dtypes": lambda X: pd.DataFrame(X, columns=NAMES).astype({"b": np.float32, "c": np.int8}),
    "pandas, integers": lambda X: pd.DataFrame(np.rint(X).astype(int), columns=NAMES),
    "pandas, booleans": lambda X: pd.DataFrame(X > 0, columns=NAMES),
    "sample of a larger frame": lambda X: pd.DataFrame(np.vstack([X, X]), columns=NAMES).iloc[len(X) :],
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "polars, mixed dtypes": lambda X: pl.DataFrame(X, schema=NAMES).cast({"b": pl.Float32, "c": pl.Int16}),
}
VALIDATED_FRAMES = {
    "order of the columns": lambda X: pd.DataFrame(X, columns=NAMES)[NAMES[::-1]],
    "polars, order of the columns": lambda X: pl.DataFrame(X, schema=NAMES)[NAMES[::-1]],
    "other names": lambda X: pd.DataFrame(X, columns=list("wxyz")),
    "no names": pd.DataFrame,
    "one column too many": lambda X: pd.DataFrame(np.hstack([X, X[:, :1]]), columns=[*NAMES, "e"]),
    "not a number": lambda X: pd.DataFrame(np.where(np.arange(4) == 2, np.nan, X), columns=NAMES),
    "polars null": lambda X: pl.DataFrame(
        {name: [None] * len(X) for name in NAMES}, schema=dict.fromkeys(NAMES, pl.Int8)
    ),
    "nullable dtype": lambda X: pd.DataFrame(X, columns=NAMES).astype("Float64"),
    "missing value": lambda X: pd.DataFrame(X, columns=NAMES).astype("Float64").mask(np.ones((len(X), 4), bool)),
    "categories": lambda X: pd.DataFrame(X, columns=NAMES).astype({"a": "category"}),
    "sparse": lambda X: pd.DataFrame(X, columns=NAMES).astype(pd.SparseDtype(float, 0.0)),
    "one sparse column": lambda X: pd.DataFrame(X, columns=NAMES).astype({"a": pd.SparseDtype(float, 0.0)}),
    "booleans among numbers": lambda X: pd.DataFrame(X, columns=NAMES).assign(a=True),
    "objects": lambda X: pd.DataFrame(X, columns=NAMES).astype(object),
    "words": lambda X: pd.DataFrame(X, columns=NAMES).assign(a="word"),
    "no samples": lambda X: pd.DataFrame(X[:0], columns=NAMES),
    "array": lambda X: X,
    "list": lambda X: X.tolist(),
    "frame subclass": lambda X: type("Frame", (pd.DataFrame,), {})(X, columns=NAMES),
}


class Case:
    """A network in a stream, whose last call had samples like those that a test passes.

    Parameters
    ----------
    y : ndarray
        Targets of the stream.
    size : int
        Number of samples of each call.
    """

    def __init__(self, estimator, y, size, *, dtype=np.float64, named=False, weighted=False, **params):
        self.X = data(BackpropRegressor)[0].astype(dtype)
        self.y = y
        self.size = size
        self.estimator = estimator
        self.params = {"hidden_layer_sizes": 5, "random_state": 0} | params
        self.named = named
        self.more = {"sample_weight": np.linspace(1, 2, size)} if weighted else {}
        self.announced = estimator is BackpropClassifier and y.ndim == 1

    def network(self):
        network = self.estimator(**self.params)
        X = pd.DataFrame(self.X, columns=NAMES) if self.named else self.X
        more = self.more | ({"classes": np.unique(self.y)} if self.announced else {})
        for start in (0, 75):
            chunk = slice(start, start + self.size)
            network.partial_fit(X[chunk], self.y[chunk], **more)
        return network

    @property
    def samples(self):
        """The samples in float64, and their targets."""
        chunk = slice(148 - self.size, 148)
        return data(BackpropRegressor)[0][chunk], self.y[chunk]


def targets():
    """Return targets by kind, each with its estimator."""
    X, labels = data(BackpropClassifier)
    return {
        "numbers": (BackpropRegressor, labels - 1.0),
        "several numbers": (BackpropRegressor, X[:, :2]),
        "two classes": (BackpropClassifier, (labels > 1).astype(int)),
        "three classes": (BackpropClassifier, labels),
        "words": (BackpropClassifier, np.array(["no", "perhaps", "yes"])[labels]),
        "several labels": (BackpropClassifier, (X[:, :3] > 0).astype(int)),
    }


TARGETS = targets()
EACH_TARGET = pytest.mark.parametrize("target", TARGETS)


def methods(network):
    """Return the methods that predict."""
    names = ["predict"]
    if isinstance(network, BackpropClassifier):
        names += ["predict_proba", "predict_log_proba", "decision_function"]
    return [getattr(network, name) for name in names]


@EACH_TARGET
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", FAST)
def test_arrays_and_lists_need_no_validation(target, dtype, size, kind):
    case = Case(*TARGETS[target], size, dtype=dtype)
    network = case.network()
    X, y = case.samples
    X = FAST[kind](X)
    for method in methods(network):
        assert_same_effect(method, X)
        assert not is_validated(method, X)
    assert_learns_the_same(case.network, X, y)
    assert not is_validated(network.partial_fit, X, y)


@BOTH
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", VALIDATED)
@MATRIX
def test_other_samples_are_validated(estimator, dtype, size, kind):
    case = Case(estimator, data(estimator)[1], size, dtype=dtype)
    network = case.network()
    X, y = case.samples
    X = VALIDATED[kind](X)
    assert_same_effect(network.predict, X)
    assert_learns_the_same(case.network, X, y)


@EACH_TARGET
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", FAST_FRAMES)
def test_data_frames_with_the_known_columns_need_no_validation(target, dtype, size, kind):
    case = Case(*TARGETS[target], size, dtype=dtype, named=True)
    network = case.network()
    X, y = case.samples
    X = FAST_FRAMES[kind](X)
    for method in methods(network):
        assert_same_effect(method, X)
        assert not is_validated(method, X)
    assert_learns_the_same(case.network, X, y)
    assert not is_validated(network.partial_fit, X, y)


@BOTH
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", VALIDATED_FRAMES)
def test_other_data_frames_are_validated(estimator, dtype, size, kind):
    case = Case(estimator, data(estimator)[1], size, dtype=dtype, named=True)
    network = case.network()
    X, y = case.samples
    X = VALIDATED_FRAMES[kind](X)
    assert_same_effect(network.predict, X)
    assert_learns_the_same(case.network, X, y)


@BOTH
def test_samples_without_the_names_of_the_fit_give_a_warning(estimator):
    named = Case(estimator, data(estimator)[1], 1, named=True)
    X, y = named.samples
    for call in (named.network().predict, lambda X: named.network().partial_fit(X, y)):
        for unnamed in (X, X.tolist()):
            with pytest.warns(UserWarning, match="X does not have valid feature names"):
                call(unnamed)
    network = Case(estimator, data(estimator)[1], 1).network()
    with pytest.warns(UserWarning, match="X has feature names, but"):
        network.predict(pd.DataFrame(X, columns=NAMES))


FAST_NUMBERS = {
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple(y.tolist()),
    "list of numpy scalars": list,
    "float32": lambda y: y.astype(np.float32),
    "float16": lambda y: y.astype(np.float16),
    "big-endian": lambda y: y.astype(">f8"),
    "integers": lambda y: np.rint(3 * y).astype(int),
    "list of integers": lambda y: np.rint(3 * y).astype(int).tolist(),
    "bool": lambda y: y > 0,
    "strided": lambda y: np.repeat(y, 2, axis=0)[::2],
}
VALIDATED_NUMBERS = {
    "column": lambda y: y.reshape(len(y), -1)[:, :1],
    "list of a column": lambda y: y.reshape(len(y), -1)[:, :1].tolist(),
    "not a number": lambda y: np.full_like(y, np.nan),
    "not a number in a list": lambda y: np.full_like(y, np.nan).tolist(),
    "too large for float32": lambda y: 1e60 + y,
    "None": lambda y: None,
    "None in a list": lambda y: [None] * len(y),
    "number": lambda y: 1.0,
    "too many": lambda y: [*y.tolist(), *y.tolist()],
    "ragged": lambda y: [[1.0], 2.0],
    "empty": lambda y: [],
    "three dimensions": lambda y: y.reshape(len(y), -1, 1),
    "words": lambda y: ["a"] * len(y),
    "numbers as strings": lambda y: ["1"] * len(y),
    "complex": lambda y: y.astype(complex),
    "objects": lambda y: y.astype(object),
    "sparse": lambda y: csr_array(y.reshape(len(y), -1)),
    "masked": lambda y: np.ma.masked_array(y, y > 0),
    "matrix": np.matrix,
    "nullable series": lambda y: pd.Series(y.ravel()[: len(y)]).astype("Float64"),
}


@pytest.mark.parametrize("target", ["numbers", "several numbers"])
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", FAST_NUMBERS)
def test_numeric_targets_need_no_validation(target, dtype, size, kind):
    case = Case(*TARGETS[target], size, dtype=dtype)
    X, y = case.samples
    y = FAST_NUMBERS[kind](y)
    assert_learns_the_same(case.network, X, y)
    assert not is_validated(case.network().partial_fit, X, y)


@pytest.mark.parametrize("target", ["numbers", "several numbers"])
@NETWORKS
@SIZES
@pytest.mark.parametrize("kind", VALIDATED_NUMBERS)
@MATRIX
def test_other_numeric_targets_are_validated(target, dtype, size, kind):
    case = Case(*TARGETS[target], size, dtype=dtype)
    X, y = case.samples
    assert_learns_the_same(case.network, X, VALIDATED_NUMBERS[kind](y))


@pytest.mark.parametrize(
    "params",
    [{"loss": "poisson"}, {"loss": "quantiles"}, {"loss": "log_loss"}, {"standardize": False}, {"solver": "batch"}],
    ids=str,
)
@SIZES
@pytest.mark.parametrize("sign", [1, -1])
def test_targets_that_the_loss_rejects(params, size, sign):
    case = Case(BackpropRegressor, np.linspace(0.1, 0.9, 150), size, **params)
    X, y = case.samples
    assert_learns_the_same(case.network, X, (sign * y).tolist())


FAST_LABELS = {
    "list": lambda y: y.tolist(),
    "tuple": lambda y: tuple(y.tolist()),
    "list of numpy scalars": list,
    "objects": lambda y: y.astype(object) if y.dtype.kind == "U" else y.astype(np.int8),
    "other width": lambda y: y.astype("U20") if y.dtype.kind == "U" else y.astype(np.uint16),
    "floats": lambda y: y if y.dtype.kind == "U" else y.astype(np.float32),
    "series": lambda y: pd.Series(y, dtype=object if y.dtype.kind == "U" else y.dtype),
}
VALIDATED_LABELS = {
    "unseen": lambda y: ["unseen"] * len(y) if y.dtype.kind == "U" else y + 7,
    "numbers": lambda y: [0.5] * len(y),
    "not a number": lambda y: [np.nan] * len(y),
    "None": lambda y: [None] * len(y),
    "column": lambda y: y[:, np.newaxis],
    "objects of numbers": lambda y: np.ones(len(y), object),
    "bytes": lambda y: [b"a"] * len(y),
    "strings of numbers": lambda y: [str(label) for label in y],
    "one label": lambda y: y[0],
    "too many": lambda y: [*y, *y],
    "several labels per sample": lambda y: np.tile([0, 1, 0], (len(y), 1)),
    "nullable series": lambda y: pd.Series(y).astype("string" if y.dtype.kind == "U" else "Int8"),
}


@pytest.mark.parametrize("target", ["two classes", "three classes", "words"])
@SIZES
@pytest.mark.parametrize("kind", FAST_LABELS)
def test_labels_need_no_validation(target, size, kind):
    case = Case(*TARGETS[target], size)
    X, y = case.samples
    y = FAST_LABELS[kind](y)
    assert_learns_the_same(case.network, X, y)
    assert not is_validated(case.network().partial_fit, X, y)


@pytest.mark.parametrize("target", ["two classes", "three classes", "words"])
@SIZES
@pytest.mark.parametrize("kind", VALIDATED_LABELS)
def test_other_labels_are_validated(target, size, kind):
    case = Case(*TARGETS[target], size)
    X, y = case.samples
    assert_learns_the_same(case.network, X, VALIDATED_LABELS[kind](y))


@pytest.mark.parametrize("kind", ["list", "bool", "float", "too few columns", "other numbers", "classes", "ragged"])
@SIZES
def test_several_labels_per_sample(kind, size):
    case = Case(*TARGETS["several labels"], size)
    X, y = case.samples
    labels = {
        "list": y.tolist(),
        "bool": y > 0,
        "float": y.astype(float),
        "too few columns": y[:, :2],
        "other numbers": 2 * y,
        "classes": y[:, 0],
        "ragged": [[0, 1, 0], [1]],
    }[kind]
    assert_learns_the_same(case.network, X, labels)
    if kind in ("list", "bool", "float"):
        assert not is_validated(case.network().partial_fit, X, labels)
        assert not is_validated(case.network().partial_fit, X, labels, classes=[0, 1, 2])
    assert_learns_the_same(case.network, X, labels, classes=[0, 1])


@pytest.mark.parametrize(
    ("classes", "is_fast"),
    [
        ([0, 1, 2], True),
        ((0, 1, 2), True),
        (range(3), True),
        ([2, 0, 1, 1], True),
        ([0, 1.0, np.int8(2)], True),
        (np.arange(3), True),
        (np.arange(3.0), True),
        ([], True),
        (None, True),
        (np.array([2, 1, 0]), False),
        ([0, 1], False),
        ([0, 1, 3], False),
        ([0, 1, 2, 3], False),
        (["0", "1", "2"], False),
        ([0, 1, "2"], False),
        ([[0, 1, 2]], False),
        ([[0], [1], [2]], False),
        ({0, 1, 2}, False),
        (3, False),
        ("012", False),
        (np.nan, False),
    ],
    ids=str,
)
def test_classes_given_again(classes, is_fast):
    case = Case(*TARGETS["three classes"], 1)
    X, y = case.samples
    assert_learns_the_same(case.network, X, y, classes=classes)
    call = case.network().partial_fit
    assert is_validated(lambda: effect_of(call, X, y, classes=classes)) is not is_fast


WEIGHTS = {
    "array": (lambda weight: weight, True),
    "list": (lambda weight: weight.tolist(), True),
    "tuple": (lambda weight: tuple(weight), True),
    "float32": (lambda weight: weight.astype(np.float32), True),
    "integers": (lambda weight: np.arange(1, len(weight) + 1), True),
    "booleans": (lambda weight: [True] * len(weight), True),
    "strided": (lambda weight: np.repeat(weight, 2)[::2], True),
    "series": (lambda weight: pd.Series(weight), True),
    "zero and more": (lambda weight: np.append(weight[1:], 0), None),
    "zeros": (lambda weight: np.zeros_like(weight), False),
    "negative": (lambda weight: -weight, False),
    "one negative": (lambda weight: np.append(weight[1:], -0.5), False),
    "not a number": (lambda weight: [np.nan] * len(weight), False),
    "infinite": (lambda weight: [np.inf] * len(weight), False),
    "too large": (lambda weight: 1e120 * weight, False),
    "too small": (lambda weight: 1e-120 * weight, False),
    "number": (lambda weight: 2.0, False),
    "array of a number": (lambda weight: np.array(2.0), False),
    "two dimensions": (lambda weight: weight[:, np.newaxis], False),
    "too many": (lambda weight: np.append(weight, weight), False),
    "words": (lambda weight: ["a"] * len(weight), False),
    "numbers as strings": (lambda weight: ["1"] * len(weight), False),
    "None": (lambda weight: [None] * len(weight), False),
    "complex": (lambda weight: weight.astype(complex), False),
    "no weights": (lambda weight: None, False),
}


@pytest.mark.parametrize("target", ["numbers", "three classes", "several labels"])
@SIZES
@pytest.mark.parametrize("kind", WEIGHTS)
def test_sample_weights(target, size, kind):
    case = Case(*TARGETS[target], size, weighted=True)
    X, y = case.samples
    make, is_fast = WEIGHTS[kind]
    weight = make(np.linspace(1, 2, size))
    assert_learns_the_same(case.network, X, y, sample_weight=weight)
    if is_fast is not None:
        call = case.network().partial_fit
        assert is_validated(lambda: effect_of(call, X, y, sample_weight=weight)) is not is_fast


@BOTH
@ENGINES
def test_stream_whose_samples_have_weights_now_and_then(estimator, engine):
    X, y = data(estimator)

    def stream():
        network = estimator(6, engine=engine, batch_size=2, random_state=0)
        for start in range(0, 100, 5):
            weight = None if start % 3 == 0 else np.linspace(0, 1, 5)
            network.partial_fit(X[start : start + 5], y[start : start + 5], sample_weight=weight, **announce(estimator))
        return theta(network)

    assert_same_effect(stream)


@pytest.mark.parametrize("target", ["two classes", "three classes", "words", "several labels"])
@pytest.mark.parametrize("weighted", [False, True])
@SIZES
def test_class_weights_need_no_validation(target, weighted, size):
    estimator, y = TARGETS[target]
    class_weight = dict.fromkeys(np.unique(y).tolist(), 1.0) | {y[-1].tolist() if y.ndim == 1 else 1: 3.0}
    if y.ndim > 1:
        class_weight = [class_weight] * y.shape[1]
    case = Case(estimator, y, size, weighted=weighted, class_weight=class_weight)
    X, y = case.samples
    more = case.more
    assert_learns_the_same(case.network, X, y, **more)
    assert is_validated(case.network().partial_fit, X, y, **more) is (y.ndim > 1)


def test_class_weight_changed_in_place_is_noticed():
    weights = {0: 1.0, 1: 1.0, 2: 1.0}
    case = Case(*TARGETS["three classes"], 1, class_weight=weights)
    X, y = case.samples
    network = case.network()
    weights[int(y[0])] = 0.0
    with pytest.raises(ValueError, match="weight of 0 by its class"):
        network.partial_fit(X, y)


def test_numbers_that_are_no_labels_are_validated():
    X = data(BackpropClassifier)[0][:1]

    def learn(label):
        network = BackpropClassifier(5, random_state=0)
        network.partial_fit(X, [2.0], classes=[0.5, 2.0]).partial_fit(X, [label])
        return theta(network)

    assert_same_effect(learn, 2.0)
    assert_same_effect(learn, 0.5)


@NETWORKS
@pytest.mark.parametrize("kind", FAST)
def test_samples_are_rounded_as_by_scikit_learn(dtype, kind):
    X = FAST[kind](data(BackpropRegressor)[0][:3])
    converted = convert_samples(X, np.dtype(dtype), 4)
    expected = check_array(X, dtype=dtype)
    assert converted.flags.c_contiguous
    assert converted.dtype == expected.dtype
    np.testing.assert_array_equal(converted, expected)


@pytest.mark.parametrize("kind", ["too large for float32", "too large for float32, in a list"])
def test_samples_that_overflow_give_the_usual_warning(kind):
    case = Case(BackpropRegressor, data(BackpropRegressor)[1], 1, dtype=np.float32)
    assert_same_effect(case.network()._fitted_model().validate, VALIDATED[kind](case.samples[0]))


@BOTH
def test_long_input_is_converted_by_scikit_learn(estimator):
    X, y = data(estimator)
    network = estimator(6, random_state=0).partial_fit(X, y, **announce(estimator))
    X = np.tile(X, (MAX_ENTRIES // X.size + 1, 1))
    assert not is_validated(network.predict, X)
    for other in (X.tolist(), X.astype(np.float32), np.asfortranarray(X)):
        assert is_validated(network.predict, other)


NUMBERS = st.one_of(st.floats(), st.floats(width=16), st.integers(-3, 3), st.integers(), st.booleans())
ODD = st.sampled_from(
    [None, "1", "a", 1j, np.float32(2), np.int64(1), np.uint8(3), np.nan, [1.0], (), np.array([1.0]), Decimal(1)]
)
ENTRIES = st.one_of(NUMBERS, NUMBERS, NUMBERS, ODD)


@given(rows=st.lists(st.lists(ENTRIES, min_size=3, max_size=5), max_size=2), dtype=st.sampled_from([np.float32, float]))
@examples(100)
def test_lists_of_anything(rows, dtype):
    case = Case(BackpropRegressor, data(BackpropRegressor)[1], 1, dtype=dtype)
    assert_same_effect(case.network().predict, rows)
    assert_learns_the_same(case.network, rows, [1.0])


LABELS = st.sampled_from(
    [0, 1, 2, 3, True, 1.0, 0.5, "a", "1", None, np.nan, np.int8(1), np.str_("a"), np.float32(2), b"a"]
)
CLASSES = st.one_of(st.just([0, 1, 2]), st.permutations([0, 1, 2]), st.lists(LABELS, max_size=4))


@given(
    labels=st.lists(LABELS, min_size=1, max_size=3), classes=CLASSES, target=st.sampled_from(["three classes", "words"])
)
@examples(100)
def test_lists_of_any_labels(labels, classes, target):
    case = Case(*TARGETS[target], 2)
    assert_learns_the_same(case.network, case.samples[0], labels, classes=classes)


@given(y=st.lists(ENTRIES, max_size=3), weight=st.lists(ENTRIES, max_size=3))
@examples(100)
def test_targets_and_weights_of_anything(y, weight):
    case = Case(BackpropRegressor, data(BackpropRegressor)[1], 2, weighted=True)
    X, valid = case.samples
    assert_learns_the_same(case.network, X, y, sample_weight=[1.0, 2.0])
    assert_learns_the_same(case.network, X, valid, sample_weight=weight)
