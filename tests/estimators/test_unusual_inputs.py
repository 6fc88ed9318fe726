"""Unusual types of X and y: each trains like the equal float64 array, or raises an error that says what is wrong."""

import time
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier
from skbackprop._estimators.labels import MAX_PROBABILITIES, known_classes
from tests.shared import BOTH, EACH_SOLVER, FEW, TRAINS_BRIEFLY, announce, data, output, peak_memory, theta

NAMES = list("abcd")


def integer_data(estimator):
    """Return X of small integers, which every dtype represents exactly."""
    X, y = data(estimator)
    return np.round(3 * X) + 20, y


def assert_trains_equally(estimator, X, y, other_X, other_y):
    """Assert that the other data give the same weights and predictions, by `fit` and by `partial_fit`."""
    expected = estimator(6, **FEW).fit(X, y)
    network = estimator(6, **FEW).fit(other_X, other_y)
    np.testing.assert_array_equal(theta(network), theta(expected))
    np.testing.assert_array_equal(network.predict(other_X), expected.predict(X))
    stream = estimator(6, **FEW).partial_fit(other_X, other_y, **announce(estimator)).partial_fit(other_X, other_y)
    expected = estimator(6, **FEW).partial_fit(X, y, **announce(estimator)).partial_fit(X, y)
    np.testing.assert_array_equal(theta(stream), theta(expected))


INTEGERS = [f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)]


@BOTH
@pytest.mark.parametrize("dtype", [*INTEGERS, ">i4", "<u2", "f2", "g", ">f4", ">f8", "O"])
def test_numeric_dtypes_of_X(estimator, dtype):
    X, y = integer_data(estimator)
    assert_trains_equally(estimator, X, y, X.astype(dtype), y)


@BOTH
@pytest.mark.parametrize("dtype", [bool, object, "i1"])
def test_booleans_in_X_are_ones_and_zeros(estimator, dtype):
    X, y = data(estimator)
    booleans = X > 0
    assert_trains_equally(estimator, booleans.astype(float), y, booleans.astype(dtype), y)


@BOTH
@pytest.mark.parametrize("mode", ["r", "c"])
@pytest.mark.parametrize("dtype", ["f8", "i2"])
def test_memory_mapped_files(estimator, mode, dtype, tmp_path):
    X, y = integer_data(estimator)
    np.save(tmp_path / "X.npy", X.astype(dtype))
    np.save(tmp_path / "y.npy", y)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode=mode) for name in "Xy"]
    assert_trains_equally(estimator, X, y, *mapped)
    np.testing.assert_array_equal(np.load(tmp_path / "X.npy"), X)


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize(
    "layout", ["Fortran order", "every other sample", "negative strides", "broadcast", "read-only"]
)
@EACH_SOLVER
def test_memory_layout_matters_neither_in_training_nor_in_prediction(estimator, solver, layout):
    X, y = data(estimator)
    network = estimator(6, solver=solver, **FEW).fit(X, y)
    frozen = X.copy()
    frozen.flags.writeable = False
    other = {
        "Fortran order": np.asfortranarray(X),
        "every other sample": X[::2],
        "negative strides": X[::-3, ::-1],
        "broadcast": np.broadcast_to(X[0], (5, 4)),
        "read-only": frozen,
    }[layout]
    np.testing.assert_allclose(output(network, other), output(network, np.array(other)), rtol=1e-12)
    copied = deepcopy(network).partial_fit(np.array(other, order="C"), y[: len(other)])
    np.testing.assert_allclose(theta(network.partial_fit(other, y[: len(other)])), theta(copied), rtol=1e-10)


FRAMES = {
    "nullable integers": lambda X: pd.DataFrame(X, columns=NAMES).astype("Int64"),
    "nullable floats": lambda X: pd.DataFrame(X, columns=NAMES).astype("Float64"),
    "numeric categories": lambda X: pd.DataFrame(X, columns=NAMES).astype("category"),
    "columns of different dtypes": lambda X: pd.DataFrame(X, columns=NAMES).astype({"b": "category", "c": "Int8"}),
    "arrow floats": lambda X: pd.DataFrame(X, columns=NAMES).astype(pd.ArrowDtype(pa.float64())),
    "arrow integers": lambda X: pd.DataFrame(X, columns=NAMES).astype(pd.ArrowDtype(pa.int32())),
    "arrow table": lambda X: pa.table(dict(zip(NAMES, X.T, strict=True))),
    "polars integers": lambda X: pl.DataFrame(X, schema=NAMES).cast(pl.Int16),
    "integer column names": lambda X: pd.DataFrame(X),
}


@BOTH
@pytest.mark.parametrize("kind", FRAMES)
def test_data_frames_of_every_kind(estimator, kind):
    X, y = integer_data(estimator)
    assert_trains_equally(estimator, X, y, FRAMES[kind](X), y)


@BOTH
@pytest.mark.parametrize("dtype", ["boolean", bool, pd.ArrowDtype(pa.bool_())], ids=str)
def test_data_frames_of_booleans(estimator, dtype):
    X, y = data(estimator)
    assert_trains_equally(estimator, (X > 0).astype(float), y, pd.DataFrame(X > 0, columns=NAMES).astype(dtype), y)


TARGETS = {
    "nullable integers": lambda y: pd.Series(y).astype("Int64"),
    "nullable floats": lambda y: pd.Series(y).astype("Float64"),
    "numeric categories": lambda y: pd.Series(y).astype("category"),
    "arrow": lambda y: pd.Series(y).astype(pd.ArrowDtype(pa.int64())),
    "arrow array": pa.array,
    "arrow chunks": lambda y: pa.chunked_array([y[:70], y[70:]]),
    "polars": pl.Series,
    "float16": lambda y: y.astype(np.float16),
    "longdouble": lambda y: y.astype(np.longdouble),
    "big-endian": lambda y: y.astype(">f8"),
    "strided": lambda y: np.column_stack([y, y])[:, 0],
    "negative strides": lambda y: y[::-1].copy()[::-1],
    "list": lambda y: y.tolist(),
}


@BOTH
@pytest.mark.parametrize("kind", TARGETS)
def test_targets_of_every_kind(estimator, kind):
    X, y = integer_data(estimator)
    assert_trains_equally(estimator, X, y, X, TARGETS[kind](y))


INVALID_X = {
    "scalar": (np.array(3.0), ValueError, "Expected 2D array, got scalar"),
    "None": (None, ValueError, "Expected 2D array, got scalar"),
    "one dimension": (np.ones(150), ValueError, "Expected 2D array, got 1D"),
    "three dimensions": (np.ones((150, 4, 1)), ValueError, "Found array with dim 3"),
    "empty list": ([], ValueError, "Expected 2D array, got 1D"),
    "empty sample": ([[]], ValueError, "0 feature"),
    "no samples": (np.ones((0, 4)), ValueError, "0 sample"),
    "sparse without samples": (sparse.csr_array((0, 4)), ValueError, "0 sample"),
    "samples of different lengths": ([[1.0, 2.0], [3.0]], ValueError, "inhomogeneous"),
    "series": (pd.Series(np.ones(150)), ValueError, "Expected a 2-dimensional container"),
    "complex numbers": (np.ones((150, 4), complex), ValueError, "Complex data not supported"),
    "strings": (np.full((150, 4), "word"), ValueError, "could not convert string to float: .*word"),
    "string categories": (
        pd.DataFrame(np.full((150, 4), "word"), columns=NAMES).astype("category"),
        ValueError,
        "could not convert string to float: 'word'",
    ),
    "missing values": (
        pd.DataFrame(np.ones((150, 4)), columns=NAMES).astype("Int64").mask(np.eye(150, 4) > 0),
        ValueError,
        "Input X contains NaN",
    ),
    "polars nulls": (pl.DataFrame({name: [None] + [1.0] * 149 for name in NAMES}), ValueError, "Input X contains NaN"),
    "dict": ({"a": [1.0]}, TypeError, "not 'dict'"),
}


@pytest.mark.filterwarnings("ignore:X has feature names, but Backprop")
@BOTH
@pytest.mark.parametrize("kind", INVALID_X)
def test_invalid_X_raises_a_clear_error(estimator, kind):
    _, y = data(estimator)
    network = estimator(6, **FEW).fit(*data(estimator))
    before = theta(network).copy()
    X, error, message = INVALID_X[kind]
    for call in (estimator().fit, network.fit, network.partial_fit, lambda X, _: network.predict(X)):
        with pytest.raises(error, match=message):
            call(X, y)
    np.testing.assert_array_equal(theta(network), before)


INVALID_Y = {
    "scalar": (np.array(3.0), TypeError, "got scalar|Singleton array"),
    "None": (None, ValueError, "requires y to be passed"),
    "three dimensions": (np.ones((150, 2, 1)), ValueError, "dim 3"),
    "empty": ([], ValueError, "0 sample"),
    "no outputs": (np.ones((150, 0)), ValueError, "0 feature"),
    "complex numbers": (np.ones(150, complex), ValueError, "Complex data not supported"),
    "missing values": (pd.Series([None] + [1] * 149, dtype="Int64"), ValueError, "Input y contains NaN"),
    "sparse": (sparse.csr_array(np.ones((150, 1))), TypeError, "Sparse data was passed for y"),
}


@BOTH
@pytest.mark.parametrize("kind", INVALID_Y)
def test_invalid_y_raises_a_clear_error(estimator, kind):
    X, _ = data(estimator)
    network = estimator(6, **FEW).fit(*data(estimator))
    before = theta(network).copy()
    y, error, message = INVALID_Y[kind]
    for call in (estimator().fit, network.fit, network.partial_fit):
        with pytest.raises(error, match=message):
            call(X, y)
    np.testing.assert_array_equal(theta(network), before)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize("dtype", [int, float, str])
def test_unique_label_for_every_sample_raises_before_allocating(dtype):
    y = np.arange(30_000).astype(dtype)
    X = np.ones((len(y), 2))
    network = BackpropClassifier()

    def fit():
        with pytest.raises(ValueError, match=r"y has 30000 classes in 30000 samples.* 9e\+08 probabilities"):
            network.fit(X, y)

    assert peak_memory(fit) < 1e8  # one-hot targets would need 7 GB
    assert not hasattr(network, "coefs_")


def test_many_classes_are_rejected_only_if_each_has_few_samples():
    n_samples = int(np.sqrt(MAX_PROBABILITIES))
    labels = np.arange(n_samples)
    assert len(known_classes(labels, None, None)) == n_samples
    with pytest.raises(ValueError, match=r"too few samples per class to learn from"):
        known_classes(np.arange(n_samples + 1), None, None)
    with pytest.raises(ValueError, match=r"too few samples per class to learn from"):
        known_classes(np.repeat(labels, 9), None, None)
    assert len(known_classes(np.repeat(labels, 10), None, None)) == n_samples
    # partial_fit takes all classes that later calls may contain
    assert len(known_classes(labels[:1], None, np.arange(10 * n_samples))) == 10 * n_samples


@pytest.mark.filterwarnings("ignore:The number of unique classes", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_unique_labels_of_few_samples_are_learned():
    X, _ = data(BackpropClassifier)
    network = BackpropClassifier(30, alpha=0, learning_rate=0.05, max_iter=100, random_state=0).fit(
        X[::10], np.arange(15)
    )
    assert network.score(X[::10], np.arange(15)) > 0.8


@TRAINS_BRIEFLY
@pytest.mark.filterwarnings("ignore:The number of unique classes")
@BOTH
@EACH_SOLVER
@pytest.mark.parametrize("shape", ["one sample", "one feature", "one of each", "constant features", "constant y"])
def test_single_samples_single_features_and_constant_data(estimator, solver, shape):
    X, y = data(estimator)
    X, y = {
        "one sample": lambda: (X[:1], y[:1]),
        "one feature": lambda: (X[:, :1], y),
        "one of each": lambda: (X[:1, :1], y[:1]),
        "constant features": lambda: (np.full_like(X, 7), y),
        "constant y": lambda: (X, np.full_like(y, 2)),
    }[shape]()
    params = {"solver": solver, "max_iter": 100 if solver == "batch" else 10, "tol": None, "random_state": 0}
    network = estimator(6, **params).fit(X, y).partial_fit(X, y)
    assert np.isfinite(theta(network)).all()
    prediction = network.predict(np.vstack([X, X + 1]))
    assert np.isfinite(prediction).all()
    if estimator is BackpropClassifier:
        assert set(prediction) <= set(y)
    if shape in ("one sample", "constant y", "one of each"):
        np.testing.assert_allclose(network.predict(X), y, atol=0.5)


SPARSE = [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix, sparse.coo_array, sparse.lil_array, sparse.dok_array]
SPARSE.append(pd.DataFrame.sparse.from_spmatrix)


@BOTH
@pytest.mark.parametrize("make", SPARSE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_every_sparse_format(estimator, make, index):
    X, y = integer_data(estimator)
    X[X < 20] = 0
    other = make(sparse.csr_array(X))
    for name in {"indices", "indptr"} & vars(other).keys():
        setattr(other, name, getattr(other, name).astype(index))
    if isinstance(other, (sparse.coo_matrix, sparse.coo_array)):
        other.row, other.col = other.row.astype(index), other.col.astype(index)
    assert_trains_equally(estimator, sparse.csr_array(X), y, other, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@BOTH
@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
def test_many_sparse_features_need_little_memory_and_time(estimator, format, rng):
    columns = rng.integers(0, 100_000, (2000, 10))
    X = sparse.csr_array(
        (rng.normal(size=columns.size), columns.ravel(), np.arange(0, columns.size + 1, 10)), (2000, 100_000)
    )
    X, y = X.asformat(format), np.arange(2000) % 2
    n_weights = 4 * 100_000
    network = estimator(4, batch_size=500, max_iter=1, tol=None)
    network.fit(X, y)  # the first call imports and caches
    start = time.perf_counter()
    # a few vectors as long as theta; a dense X would need 1.6 GB
    assert peak_memory(lambda: network.fit(X, y).predict(X)) < 25 * n_weights * 8
    assert time.perf_counter() - start < 20
    assert network.coefs_[0].shape == (100_000, 4)
