"""Predictions of dask collections: lazy, partition by partition, and equal to those of the local network."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.shared import TRAINS_BRIEFLY

pytest.importorskip("distributed")

import dask.array as da
import dask.dataframe as dd
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline

from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor
from tests.dask_estimators.cases import FEW, NAMES, arrays, frames, labels, numbers, of_unknown_size

pytestmark = TRAINS_BRIEFLY

METHODS = pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])


@pytest.fixture(scope="module")
def classifier(two_workers):
    return DaskBackpropClassifier(**FEW, client=two_workers).fit(*frames(*labels()))


@pytest.fixture(scope="module")
def regressor(two_workers):
    return DaskBackpropRegressor(**FEW, client=two_workers).fit(*arrays(*numbers()))


@METHODS
def test_predictions_of_an_array_are_a_lazy_array_in_its_partitions(two_workers, method):
    X, y = labels()
    network = DaskBackpropClassifier(**FEW, client=two_workers).fit(*arrays(X, y))
    prediction = getattr(network, method)(*arrays(X))
    local = getattr(network.to_local(), method)(X)
    assert isinstance(prediction, da.Array)
    assert prediction.chunks == ((100,) * 4, (3,))[: local.ndim]
    assert prediction.dtype == local.dtype
    assert prediction.compute(scheduler="synchronous").dtype == local.dtype
    if method == "predict":
        assert prediction.compute(scheduler="synchronous").tolist() == local.tolist()
    else:
        assert_allclose(prediction.compute(scheduler="synchronous"), local, rtol=1e-12, atol=1e-14)


@METHODS
def test_predictions_of_a_frame_are_a_lazy_series_or_frame_with_its_index(classifier, method):
    X, _ = frames(*labels())
    prediction = getattr(classifier, method)(X)
    computed = prediction.compute(scheduler="synchronous")
    local = getattr(classifier.to_local(), method)(X.compute())
    if method == "predict":
        assert isinstance(prediction, dd.Series)
        assert computed.tolist() == local.tolist()
    else:
        assert isinstance(prediction, dd.DataFrame)
        assert prediction.columns.tolist() == classifier.classes_.tolist()
        assert_allclose(computed, local, rtol=1e-12, atol=1e-14)
    assert computed.index.equals(X.compute().index)
    pd.testing.assert_index_equal(computed.index, X.compute().index)
    assert prediction._meta.ndim == computed.ndim


def dtypes(prediction):
    """Return the dtypes of the values, and that of the names of a frame."""
    return prediction.dtype if prediction.ndim == 1 else (prediction.dtypes.tolist(), prediction.columns.dtype)


LABELS = {
    "text": lambda y: np.where(y > 0, "high", "low"),
    "text objects": lambda y: np.where(y > 0, "high", "low").astype(object),
    "int64": lambda y: np.digitize(y, [-0.5, 0.5]),
    "int8": lambda y: np.digitize(y, [-0.5, 0.5]).astype(np.int8),
    "bool": lambda y: y > 0,
}


@pytest.mark.parametrize("labels_of", LABELS.values(), ids=LABELS)
def test_the_dtypes_of_lazy_classes_are_those_of_computed_ones(two_workers, labels_of):
    X, y = numbers()
    X, y = frames(X, labels_of(y))
    network = DaskBackpropClassifier(**FEW | {"max_iter": 1}, client=two_workers).fit(X, y)
    for samples, method in product((X, X[X["a"] > 100]), ("predict", "predict_proba", "decision_function")):
        lazy = getattr(network, method)(samples)
        assert dtypes(lazy._meta) == dtypes(lazy.compute(scheduler="synchronous"))


@pytest.mark.parametrize("fitted_to", [np.float32, np.float64])
@pytest.mark.parametrize("predicted", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_the_dtypes_of_lazy_numbers_are_those_of_computed_ones(two_workers, fitted_to, predicted, n_targets):
    X, y = frames(*numbers())
    y = y.astype(fitted_to) if n_targets == 1 else X[["a", "b"]].astype(fitted_to)
    network = DaskBackpropRegressor(**FEW | {"max_iter": 1}, client=two_workers).fit(X.astype(fitted_to), y)
    X = (10 * X).astype(predicted)
    for samples in (X, X[X["a"] > 100]):
        lazy = network.predict(samples)
        assert dtypes(lazy._meta) == dtypes(lazy.compute(scheduler="synchronous"))


@pytest.mark.parametrize("fitted_to", [np.float32, np.float64])
@pytest.mark.parametrize("predicted", [np.float32, np.float64, np.int64])
def test_the_dtypes_of_lazy_arrays_are_those_of_computed_ones(two_workers, fitted_to, predicted):
    X, y = arrays(*numbers())
    options = FEW | {"max_iter": 1}
    network = DaskBackpropRegressor(**options, client=two_workers).fit(X.astype(fitted_to), y.astype(fitted_to))
    lazy = network.predict((10 * X).astype(predicted))
    assert lazy.dtype == lazy.compute(scheduler="synchronous").dtype


def test_partitions_of_unknown_size(regressor):
    X, y = numbers()
    prediction = regressor.predict(of_unknown_size(X, y)[0])
    assert np.isnan(prediction.shape[0])
    assert_allclose(prediction.compute(scheduler="synchronous"), regressor.predict(X))


def test_partitions_of_columns(regressor):
    X, _ = numbers()
    prediction = regressor.predict(da.from_array(X, chunks=(100, 2)))
    assert_allclose(prediction.compute(scheduler="synchronous"), regressor.predict(X))


@METHODS
def test_empty_partitions(classifier, method):
    X, _ = frames(*labels())
    some, none = (X.map_partitions(lambda part, n=n: part[part.index < n]) for n in (150, 0))
    prediction = getattr(classifier, method)(some).compute(scheduler="synchronous")
    assert len(prediction) == 150
    few = getattr(classifier, method)(none.to_dask_array()).compute(scheduler="synchronous")
    assert few.shape == (0, 3)[: few.ndim]


def test_data_in_memory_are_predicted_at_once(classifier, regressor):
    X, _ = labels()
    assert isinstance(regressor.predict(X), np.ndarray)
    table = pd.DataFrame(X, columns=NAMES)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        prediction = getattr(classifier, method)(table)
        assert isinstance(prediction, np.ndarray)
        assert (prediction == getattr(classifier.to_local(), method)(table)).all()


def test_other_names_of_features(classifier):
    X, _ = frames(*labels())
    renamed = classifier.predict(X.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="feature names should match"):
        renamed.compute(scheduler="synchronous")


def test_scores_of_collections_equal_those_of_data_in_memory(classifier, regressor):
    X, y = numbers()
    weight = np.arange(400.0)
    expected = r2_score(y, regressor.predict(X), sample_weight=weight)
    assert regressor.score(*arrays(X, y, weight)) == pytest.approx(expected)
    assert regressor.score(X, y, weight) == pytest.approx(expected)
    X, y = frames(*labels())
    expected = accuracy_score(y.compute(), classifier.predict(X.compute()))
    assert classifier.score(X, y) == classifier.score(X.compute(), y.compute()) == expected


def test_nothing_is_predicted_before_fit():
    with pytest.raises(NotFittedError):
        DaskBackpropRegressor().predict(*arrays(numbers()[0]))


@pytest.mark.parametrize("collections", [arrays, frames])
def test_samples_of_one_dimension(regressor, collections):
    with pytest.raises(ValueError, match="X must have 2 dimensions, got 1"):
        regressor.predict(collections(*numbers())[1])


@pytest.mark.parametrize("collections", [arrays, frames])
def test_a_pipeline_with_a_scaler_of_dask_ml(client, collections):
    scaler = pytest.importorskip("dask_ml.preprocessing").StandardScaler()
    X, y = numbers()
    pipeline = make_pipeline(scaler, DaskBackpropRegressor(**FEW, solver="batch")).fit(*collections(1000 * X, y))
    prediction = pipeline.predict(collections(1000 * X, y)[0])
    assert isinstance(prediction, da.Array if collections is arrays else dd.Series)
    scaled = 1000 * X / np.std(1000 * X, axis=0) - np.mean(X, axis=0) / np.std(X, axis=0)
    local = pipeline[-1].to_local()
    local.__dict__.pop("feature_names_in_", None)
    assert_allclose(prediction.compute(), local.predict(scaled), rtol=1e-6)
    assert pipeline.score(*collections(1000 * X, y)) == pytest.approx(r2_score(y, local.predict(scaled)))
