"""scikit-learn's callback protocol (which hooks are called, when, and with what), early stopping and loss records."""

import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Callback, EarlyStopping, LossRecorder
from tests.callbacks.helpers import CallRecorder, state_of
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, announce, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

from sklearn.callback import ProgressBar, ScoringMonitor


@BOTH
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_each_epoch_is_a_task_that_ends_before_the_next_begins(estimator, optimizer):
    X, y = data(estimator)
    solver = "batch" if optimizer == "lbfgs" else "minibatch"
    recorder, weight = CallRecorder(), np.ones(len(y))
    params = {"optimizer": optimizer, "solver": solver, **(FEW | {"max_iter": 2})}
    estimator(5, **params).set_callbacks(recorder).fit(X, y, sample_weight=weight)
    assert recorder.calls == [
        ("setup", "fit", 2),
        ("begin", "fit", 0),
        ("begin", "epoch", 0),
        ("end", "epoch", 0),
        ("begin", "epoch", 1),
        ("end", "epoch", 1),
        ("end", "fit", 0),
        ("teardown", "fit", 2),
    ]
    assert recorder.arguments[0] is X
    assert recorder.arguments[1] is y
    assert recorder.arguments[2]["sample_weight"] is weight


@BOTH
def test_partial_fit_is_a_single_task(estimator):
    X, y = data(estimator)
    recorder = CallRecorder()
    network = estimator(5, **FEW).set_callbacks(recorder)
    for _ in range(2):
        network.partial_fit(X, y, **announce(estimator))
    hooks = [("setup", "partial_fit", 0), ("begin", "partial_fit", 0), ("end", "partial_fit", 0)]
    assert recorder.calls == 2 * [*hooks, ("teardown", "partial_fit", 0)]
    assert recorder.fitted_estimator.predict(X).shape == y.shape


@BOTH
def test_callbacks_do_not_change_the_fitted_model(estimator):
    X, y = data(estimator)
    without = estimator(5, **FEW).fit(X, y)
    with_callback = estimator(5, **FEW).set_callbacks(CallRecorder()).fit(X, y)
    np.testing.assert_array_equal(theta(without), theta(with_callback))
    assert vars(with_callback).keys() - vars(without).keys() == {"_skl_callbacks"}


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_estimator_is_what_fit_would_return_if_it_stopped_there(estimator, early_stopping):
    X, y = data(estimator)
    recorder = CallRecorder(stop_after=3)
    params = {"early_stopping": early_stopping, "learning_rate": 0.3, **(FEW | {"max_iter": 9})}
    if early_stopping:
        params["scoring"] = lambda network, X, y: -abs(network.n_iter_ - 2)  # the last epoch is not the best
    network = estimator(5, **params).set_callbacks(recorder)
    copies = []

    def record(hook, context, X, y, metadata, fitted_estimator):
        copies.append((context.task_name, fitted_estimator))

    recorder.record = record
    network.fit(X, y)
    assert network.n_iter_ == 3
    assert network.best_iter_ == (2 if early_stopping else 3)
    last_epoch = [fitted for name, fitted in copies if name == "epoch"][-1]
    np.testing.assert_array_equal(last_epoch.predict(X), network.predict(X))
    np.testing.assert_array_equal(theta(last_epoch), theta(network))
    before = theta(last_epoch).copy()
    network.partial_fit(X, y)
    np.testing.assert_array_equal(theta(last_epoch), before)


def test_hooks_receive_data_frames_unchanged_and_score_on_them_without_a_warning():
    X, y = data(BackpropRegressor)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    monitor = ScoringMonitor(scoring="r2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = BackpropRegressor(5, **FEW).set_callbacks(monitor).fit(frame, y)
    scores = monitor.get_logs().data
    assert len(scores) == 5  # after each epoch, and at the end
    assert scores[-1]["r2"] == pytest.approx(network.score(frame, y))


@pytest.mark.parametrize("task", ["fit", "epoch", "partial_fit"])
@pytest.mark.parametrize("hook", ["begin", "end"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_callback_that_raises_leaves_the_estimator_unchanged_and_is_torn_down(task, hook, warm_start):
    X, y = data(BackpropRegressor)
    recorder, network = CallRecorder(), BackpropRegressor(5, warm_start=warm_start, **FEW).fit(X, y)
    before = state_of(network)

    def record(called, context, *arguments):
        if called == hook and context.task_name == task:
            raise ZeroDivisionError

    recorder.record = record
    with pytest.raises(ZeroDivisionError):
        getattr(network.set_callbacks(recorder), "partial_fit" if task == "partial_fit" else "fit")(X, y)
    assert recorder.calls[-1][0] == "teardown"
    np.testing.assert_equal(state_of(network), before)
    assert not hasattr(network, "_callback_fit_ctx")


def test_objects_without_the_hooks_are_refused():
    with pytest.raises(TypeError, match="protocol"):
        BackpropRegressor().set_callbacks(print)


def test_base_class_is_a_callback_that_does_nothing():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).set_callbacks(Callback()).fit(X, y).partial_fit(X, y)
    assert network.n_iter_ == 5
    assert Callback().state_dict(network) == {}
    assert not Callback().load_state_dict(network, {})


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_search_over_a_pipeline_reports_every_epoch(n_jobs):
    X, y = data(BackpropRegressor)
    monitor = ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW).set_callbacks(monitor))
    GridSearchCV(model, {"backpropregressor__alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs).fit(X, y)
    log = pd.DataFrame(monitor.get_logs().data)
    epochs = log[log.task_name == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 4
    assert epochs["r2"].notna().all()


@pytest.mark.skipif(not find_spec("rich"), reason="rich is not installed")
def test_progress_bar_of_a_pipeline_shows_the_network(capsys):
    X, y = data(BackpropRegressor)
    pipeline = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW))
    pipeline.set_callbacks(ProgressBar()).fit(X, y)
    assert "BackpropRegressor - fit" in capsys.readouterr().out


@BOTH
@TRAINS_BRIEFLY
def test_epoch_that_is_repeated_after_divergence_is_reported_once(estimator):
    X, y = data(estimator)
    recorder = CallRecorder()
    network = estimator(5, optimizer="gd", learning_rate=1e4, **(FEW | {"max_iter": 9})).set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        network.fit(X, y)
    assert [call[2] for call in recorder.calls if call[:2] == ("end", "epoch")] == list(range(9))


class TestEarlyStopping:
    def test_stops_when_patience_runs_out_and_restores_the_best_weights(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X[::2], y[::2], scoring=lambda network, X, y: -abs(network.n_iter_ - 4), patience=3)
        params = FEW | {"alpha": 0.01, "learning_rate": 0.001, "max_iter": 50, "tol": None}
        network = BackpropRegressor(5, **params).set_callbacks(stopping).fit(X[1::2], y[1::2])
        assert stopping.scores_ == [-3, -2, -1, 0, -1, -2, -3]
        assert stopping.best_iter_ == network.best_iter_ == 4
        assert network.n_iter_ == 7
        expected = BackpropRegressor(5, **params)
        for _ in range(4):
            expected.partial_fit(X[1::2], y[1::2])
        np.testing.assert_array_equal(theta(network), theta(expected))

    def test_nan_is_never_the_best_score_and_does_not_count_against_patience(self):
        X, y = data(BackpropRegressor)
        scores = iter([np.nan, 0.1, np.nan, 0.3, np.nan, 0.2, np.nan, 0.1, 0.9])
        stopping = EarlyStopping(X, y, scoring=lambda network, X, y: next(scores), patience=2)
        network = BackpropRegressor(5, **(FEW | {"max_iter": 9})).set_callbacks(stopping)
        with pytest.warns(ConvergenceWarning, match="4 of 8 scores of the validation set were not finite numbers"):
            network.fit(X, y)
        assert stopping.best_iter_ == network.best_iter_ == 4
        assert network.n_iter_ == 8

    def test_warns_if_no_score_is_a_number(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X, y, scoring=lambda network, X, y: np.nan, patience=2)
        network = BackpropRegressor(5, **FEW).set_callbacks(stopping)
        with pytest.warns(ConvergenceWarning, match="No score of the validation set was a finite number"):
            network.fit(X, y)
        assert (stopping.best_iter_, network.n_iter_) == (0, 4)

    def test_partial_fit_leaves_the_scores_of_the_last_fit(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X, y)
        network = BackpropRegressor(5, **FEW).set_callbacks(stopping).fit(X, y)
        with pytest.warns(UserWarning, match="EarlyStopping cannot do its work in partial_fit"):
            network.partial_fit(X, y)
        assert len(stopping.scores_) == 4

    def test_unknown_scorer_is_named(self):
        X, y = data(BackpropRegressor)
        with pytest.raises(ValueError, match="no_such_score"):
            BackpropRegressor(5, **FEW).set_callbacks(EarlyStopping(X, y, scoring="no_such_score")).fit(X, y)

    def test_default_score_in_a_clone_of_a_pipeline(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X[::2], y[::2], patience=2)
        model = make_pipeline(StandardScaler(), BackpropRegressor(5, learning_rate=0.1, **(FEW | {"max_iter": 200})))
        model[-1].set_callbacks(stopping)
        fitted = clone(model).fit(X[1::2], y[1::2])
        assert fitted[-1].n_iter_ == len(stopping.scores_) < 200
        assert fitted[-1].score(X[::2], y[::2]) == max(stopping.scores_)

    def test_patience_below_one_is_refused(self):
        with pytest.raises(ValueError, match="patience == 0"):
            EarlyStopping(None, None, patience=0)


@BOTH
def test_loss_recorder_keeps_the_curves_of_all_fits(estimator):
    X, y = data(estimator)
    recorder = LossRecorder()
    network = estimator(5, early_stopping=True, **FEW).set_callbacks(recorder)
    curves = [network.fit(X, y).loss_curve_, network.set_params(random_state=1).fit(X, y).loss_curve_]
    records = pd.DataFrame(recorder.records_)
    assert records.groupby("fit")["loss"].apply(list).tolist() == curves
    assert records[records.fit == 1]["validation_loss"].tolist() == network.validation_loss_curve_
    assert (records.groupby("fit")["seconds"].diff().dropna() > 0).all()
    network.partial_fit(X, y)
    assert recorder.records_[-1]["epoch"] == network.n_iter_ == 5


@BOTH
def test_clones_keep_the_callbacks(estimator):
    X, y = data(estimator)
    network = estimator(5, **FEW).set_callbacks(LossRecorder()).fit(X, y)
    assert clone(network)._skl_callbacks == network._skl_callbacks
    network.set_callbacks()
    assert "_skl_callbacks" not in vars(network)
