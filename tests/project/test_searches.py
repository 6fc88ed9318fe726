"""Searches, streams and predictions on a cluster: joblib's dask backend, and the wrappers of dask-ml."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import BOTH, ENGINES, FEW, announce, data, theta

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

#: Samples in each chunk.
SIZE = 50
NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module", autouse=True)
def client():
    """A client of two workers, which dask and joblib use as the default."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    options["dashboard_address"] = ":0"  # any free port; None is port 8787, and a warning if another cluster has it
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture
def wrappers():
    return pytest.importorskip("dask_ml.wrappers")


def shuffled(estimator):
    """Return the data in an order in which each chunk has all classes."""
    X, y = data(estimator)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def in_chunks(*arrays):
    """Return arrays as dask arrays with chunks of some samples."""
    return [da.from_array(array, chunks=(SIZE, *array.shape[1:])) for array in arrays]


def in_partitions(*frames):
    """Return data frames or series as those of dask, with as many samples in each partition."""
    return [dd.from_pandas(frame, npartitions=len(frame) // SIZE, sort=False) for frame in frames]


def learn_chunk_by_chunk(network, X, y, n_epochs=1):
    """Call `partial_fit` with one chunk after another."""
    for _ in range(n_epochs):
        for start in range(0, len(X), SIZE):
            chunk = slice(start, start + SIZE)
            network.partial_fit(X[chunk], y[chunk], **announce(type(network)))
    return network


@BOTH
@ENGINES
def test_grid_search_on_a_cluster_finds_what_a_local_one_finds(estimator, engine):
    X, y = shuffled(estimator)
    model = make_pipeline(StandardScaler(), estimator(5, engine=engine, **FEW))
    search = GridSearchCV(model, {f"{estimator.__name__.lower()}__alpha": [0.0, 0.1, 10.0]}, cv=2)
    local = clone(search).fit(X, y)
    with joblib.parallel_config("dask"):
        search.fit(X, y)
    assert search.best_params_ == local.best_params_
    assert search.best_score_ == pytest.approx(local.best_score_, rel=1e-12)
    for name in local.cv_results_:
        if name.endswith("_test_score"):
            np.testing.assert_allclose(search.cv_results_[name], local.cv_results_[name], rtol=1e-12)
    np.testing.assert_allclose(theta(search.best_estimator_[-1]), theta(local.best_estimator_[-1]), rtol=1e-12)


class TestIncremental:
    @BOTH
    @ENGINES
    def test_two_epochs_are_those_of_partial_fit(self, wrappers, estimator, engine):
        X, y = shuffled(estimator)
        network = estimator(5, random_state=0, engine=engine)
        incremental = wrappers.Incremental(network, shuffle_blocks=False)
        incremental.fit(*in_chunks(X, y), **announce(estimator)).partial_fit(*in_chunks(X, y))
        expected = learn_chunk_by_chunk(clone(network), X, y, n_epochs=2)
        np.testing.assert_array_equal(theta(incremental.estimator_), theta(expected))
        assert incremental.estimator_.n_iter_ == 6
        assert not hasattr(network, "n_iter_")

    @BOTH
    def test_data_frames_keep_their_names(self, wrappers, estimator):
        X, y = shuffled(estimator)
        frames = in_partitions(pd.DataFrame(X, columns=NAMES), pd.Series(y))
        network = estimator(5, random_state=0)
        incremental = wrappers.Incremental(network, shuffle_blocks=False).fit(*frames, **announce(estimator))
        assert list(incremental.feature_names_in_) == NAMES
        expected = learn_chunk_by_chunk(clone(network), X, y)
        np.testing.assert_array_equal(theta(incremental.estimator_), theta(expected))

    def test_chunks_need_not_have_every_class(self, wrappers):
        X, y = data(BackpropClassifier)  # sorted by class
        incremental = wrappers.Incremental(BackpropClassifier(5, random_state=0))
        incremental.fit(*in_chunks(X, y), classes=[0, 1, 2])
        assert list(incremental.classes_) == [0, 1, 2]
        assert incremental.predict_proba(in_chunks(X)[0]).compute().shape == (150, 3)

    def test_class_that_was_not_announced_is_an_error(self, wrappers):
        X, y = data(BackpropClassifier)
        with pytest.raises(ValueError, match=r"unseen labels \[2\]; the classes are \[0, 1\]"):
            wrappers.Incremental(BackpropClassifier(5)).fit(*in_chunks(X, y), classes=[0, 1])


class TestParallelPostFit:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        ("estimator", "method"),
        [(BackpropRegressor, "predict"), (BackpropClassifier, "predict"), (BackpropClassifier, "predict_proba")],
    )
    def test_lazy_predictions_are_those_of_the_network(self, wrappers, estimator, method, dtype):
        X, y = data(estimator)
        X, y = X.astype(dtype), y.astype(dtype)
        network = estimator(5, **FEW).fit(X, y)
        expected = getattr(network, method)(X)
        lazy = getattr(wrappers.ParallelPostFit(network), method)(in_chunks(X)[0])
        assert isinstance(lazy, da.Array)
        assert lazy.shape == expected.shape
        assert lazy.chunks[0] == (SIZE, SIZE, SIZE)
        computed = lazy.compute()
        assert lazy.dtype == lazy._meta.dtype == computed.dtype == expected.dtype
        np.testing.assert_allclose(computed, expected, rtol=1e-5 if dtype is np.float32 else 1e-12)

    def test_labels_are_strings(self, wrappers):
        X, y = data(BackpropClassifier)
        labels = np.array(["setosa", "versicolor", "virginica"])[y]
        network = BackpropClassifier(5, **FEW).fit(X, labels)
        lazy = wrappers.ParallelPostFit(network).predict(in_chunks(X)[0])
        assert lazy.dtype == labels.dtype
        np.testing.assert_array_equal(lazy.compute(), network.predict(X))

    @pytest.mark.parametrize("method", ["predict", "predict_proba"])
    def test_data_frames_give_arrays(self, wrappers, method):
        X, y = data(BackpropClassifier)
        frame = pd.DataFrame(X, columns=NAMES)
        network = BackpropClassifier(5, **FEW).fit(frame, y)
        lazy = getattr(wrappers.ParallelPostFit(network), method)(in_partitions(frame)[0])
        expected = getattr(network, method)(frame)
        assert lazy.dtype == expected.dtype
        np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12)

    @pytest.mark.parametrize(
        ("estimator", "scoring"), [(BackpropRegressor, "neg_mean_squared_error"), (BackpropClassifier, "accuracy")]
    )
    def test_score_is_that_of_the_network(self, wrappers, estimator, scoring):
        X, y = data(estimator)
        network = estimator(5, **FEW).fit(X, y)
        expected = get_scorer(scoring)(network, X, y)
        score = wrappers.ParallelPostFit(network, scoring=scoring).score(*in_chunks(X, y))
        assert score == pytest.approx(expected, rel=1e-12)

    def test_several_outputs_are_predicted_by_map_blocks(self):
        X, y = data(BackpropRegressor)  # ParallelPostFit takes the prediction of an array to have one dimension
        network = BackpropRegressor(5, **FEW).fit(X, np.column_stack([y, y**2]))
        lazy = in_chunks(X)[0].map_blocks(network.predict, chunks=(SIZE, 2), meta=np.empty((0, 2)))
        np.testing.assert_allclose(lazy.compute(), network.predict(X), rtol=1e-12)
