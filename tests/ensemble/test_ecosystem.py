"""The ensembles in pipelines and searches, in files, with callbacks, data frames and metadata routing."""

import pickle
from collections import Counter

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_friedman1
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Callback
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

REGRESSOR = BackpropEnsembleRegressor(BackpropRegressor(8, max_iter=10, alpha=1e-3), 2, random_state=0, candidates=None)
CLASSIFIER = BackpropEnsembleClassifier(
    BackpropClassifier(8, max_iter=10, alpha=1e-3), 2, random_state=0, candidates=None
)


class PropagatedCounter(Callback):
    """Counts the fits of an estimator and of those that it fits."""

    max_propagation_depth = None

    def __init__(self):
        self.n_fits = Counter()

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "fit":
            self.n_fits[type(estimator).__name__, "fit"] += 1


def data_of(ensemble):
    return make_friedman1(150, random_state=0) if ensemble is REGRESSOR else load_iris(return_X_y=True)


@pytest.fixture(params=[REGRESSOR, CLASSIFIER], ids=["regressor", "classifier"])
def case(request):
    return request.param, *data_of(request.param)


def test_pipeline_and_search_over_nested_parameters(case):
    ensemble, X, y = case
    pipeline = make_pipeline(StandardScaler(), ensemble)
    prefix = type(ensemble).__name__.lower()
    grid = {f"{prefix}__estimator__hidden_layer_sizes": [4, (8, 8)], f"{prefix}__n_estimators": [2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert [W.shape for W in search.best_estimator_[-1][0].coefs_]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(cross_val_score(ensemble, X, y, cv=2)) == 2


def test_clone_and_parameters(case):
    ensemble = case[0]
    copy = clone(ensemble).set_params(estimator__max_iter=3)
    assert copy.estimator.max_iter == 3
    assert ensemble.estimator.max_iter == 10
    assert copy.get_params()["estimator__hidden_layer_sizes"] == 8


@pytest.mark.parametrize("candidates", [None, "auto"])
def test_a_stored_ensemble_predicts_the_same_and_can_go_on(case, candidates, tmp_path):
    ensemble, X, y = case
    fitted = clone(ensemble).set_params(candidates=candidates).fit(X, y)
    joblib.dump(fitted, tmp_path / "ensemble.joblib")
    for loaded in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "ensemble.joblib", mmap_mode="r")):
        np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
        if ensemble is REGRESSOR:
            np.testing.assert_array_equal(loaded.predict_interval(X), fitted.predict_interval(X))
        loaded.partial_fit(X[:20], y[:20])


@pytest.mark.parametrize("candidates", [None, "auto"])
def test_skops(case, candidates, tmp_path):
    skops = pytest.importorskip("skops.io")
    ensemble, X, y = case
    fitted = clone(ensemble).set_params(candidates=candidates).fit(X, y)
    path = tmp_path / "ensemble.skops"
    skops.dump(fitted, path)
    trusted = skops.get_untrusted_types(file=path)
    assert all(name.startswith(("skbackprop.", "sklearn.")) and "._" not in name for name in trusted), trusted
    loaded = skops.load(path, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_names_of_a_data_frame_are_checked(case):
    ensemble, X, y = case
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    fitted = clone(ensemble).fit(frame, pd.Series(y))
    assert fitted.feature_names_in_.tolist() == frame.columns.tolist()
    np.testing.assert_allclose(fitted.predict(frame), clone(ensemble).fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame.rename(columns={"c0": "other"}))
    stream = clone(ensemble)
    classes = {} if ensemble is REGRESSOR else {"classes": np.unique(y)}
    stream.partial_fit(frame.iloc[:50], y[:50], **classes).partial_fit(frame.iloc[50:51], y[50:51])
    with pytest.raises(ValueError, match="feature names"):
        stream.partial_fit(frame.rename(columns={"c0": "other"}), y)


def test_sample_weight_is_routed(case):
    ensemble, X, y = case
    weight = np.linspace(0.5, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, clone(ensemble).set_fit_request(sample_weight=True))
        routed.fit(X, y, sample_weight=weight)
    direct = clone(ensemble).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    np.testing.assert_allclose(routed[-1].predict(routed[0].transform(X)), direct.predict(routed[0].transform(X)))


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_of_the_network_are_called_for_each_member(case, n_jobs):
    pytest.importorskip("sklearn.callback")
    from skbackprop.callbacks import LossRecorder

    ensemble, X, y = case
    ensemble = clone(ensemble).set_params(n_jobs=n_jobs)
    recorder = LossRecorder()
    ensemble.estimator.set_callbacks(recorder)
    ensemble.fit(X, y)
    records = pd.DataFrame(recorder.records_)
    assert sorted(records["fit"].unique()) == [0, 1]
    lengths = sorted(records.groupby("fit")["epoch"].max())
    assert lengths == sorted(len(member.loss_curve_) for member in ensemble)


def test_callbacks_of_the_ensemble_see_its_members(case):
    callback = pytest.importorskip("sklearn.callback")
    ensemble, X, y = case
    monitor = callback.ScoringMonitor(scoring="r2" if ensemble is REGRESSOR else "accuracy")
    fitted = clone(ensemble).set_callbacks(monitor).fit(X, y)
    assert len(fitted) == 2
    assert monitor.get_logs()


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_are_propagated_to_the_members(case, n_jobs):
    pytest.importorskip("sklearn.callback")
    ensemble, X, y = case
    counter = PropagatedCounter()
    clone(ensemble).set_params(n_jobs=n_jobs).set_callbacks(counter).fit(X, y)
    network = type(ensemble.estimator).__name__
    assert counter.n_fits == {(type(ensemble).__name__, "fit"): 1, (network, "fit"): 2}


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_transformers_may_return_data_frames(case, output):
    pytest.importorskip(output)
    ensemble, X, y = case
    ensemble = clone(ensemble).set_params(candidates="auto")
    expected = clone(ensemble).fit(X, y).predict(X)
    with sklearn.config_context(transform_output=output):
        np.testing.assert_array_equal(ensemble.fit(X, y).predict(X), expected)


def test_a_checkpoint_cannot_be_shared(case, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skbackprop.callbacks import Checkpoint

    ensemble, X, y = case
    ensemble = clone(ensemble)
    ensemble.estimator.set_callbacks(Checkpoint(tmp_path / "network.joblib"))
    with pytest.raises(ValueError, match="Checkpoint stores a single network"):
        ensemble.fit(X, y)


def test_callbacks_of_networks_cannot_be_set_on_the_ensemble(case, tmp_path):
    pytest.importorskip("sklearn.callback")
    from skbackprop.callbacks import Checkpoint, EarlyStopping, LossRecorder

    ensemble, X, y = case
    for callback in (LossRecorder(), EarlyStopping(X, y), Checkpoint(tmp_path / "network.joblib")):
        with pytest.raises(ValueError, match="is a callback of networks: set it on `estimator`"):
            clone(ensemble).set_callbacks(callback).fit(X, y)


def test_transformers_do_not_change_X(case):
    ensemble, X, y = case
    before = X.copy()
    pipeline = make_pipeline(StandardScaler(copy=False), ensemble.estimator)
    clone(ensemble).set_params(estimator=pipeline).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_the_members_share_X():
    import tracemalloc

    X = np.random.default_rng(0).normal(size=(20_000, 100))
    ensemble = BackpropEnsembleRegressor(
        BackpropRegressor(4, max_iter=1, alpha=1e-3, tol=None), 3, random_state=0, candidates=None
    )
    ensemble.fit(X[:500], X[:500, 0])  # what is loaded at the first use
    tracemalloc.start()
    ensemble.fit(X, X[:, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * X.nbytes
