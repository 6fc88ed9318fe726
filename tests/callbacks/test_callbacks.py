"""scikit-learn's callbacks: whom they tell of what, and this package's own."""

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
from skbackprop.callbacks import EarlyStopping, LossRecorder
from tests.shared import BOTH, FEW, announce, data, theta
from tests.training.test_failures import snapshot

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

from sklearn.callback import ProgressBar, ScoringMonitor


class Diary:
    """Writes down what it is told."""

    def __init__(self, stop_after=None):
        self.entries, self.stop_after = [], stop_after

    def setup(self, estimator, context):
        self.entries.append(("setup", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        self.entries.append(("teardown", context.task_name, context.max_subtasks))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.told("begin", estimator, context, X, y, metadata, fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.told("end", estimator, context, X, y, metadata, fitted_estimator)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after

    def told(self, when, estimator, context, X, y, metadata, fitted):
        self.entries.append((when, context.task_name, context.task_id))
        self.given = X, y, metadata
        self.fitted = fitted


@BOTH
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_an_epoch_is_a_task_and_begins_before_the_next_is_told_of(estimator, optimizer):
    X, y = data(estimator)
    solver = "batch" if optimizer == "lbfgs" else "minibatch"
    diary, weight = Diary(), np.ones(len(y))
    params = {"optimizer": optimizer, "solver": solver, **(FEW | {"max_iter": 2})}
    estimator(5, **params).set_callbacks(diary).fit(X, y, sample_weight=weight)
    assert diary.entries == [
        ("setup", "fit", 2),
        ("begin", "fit", 0),
        ("begin", "epoch", 0),
        ("end", "epoch", 0),
        ("begin", "epoch", 1),
        ("end", "epoch", 1),
        ("end", "fit", 0),
        ("teardown", "fit", 2),
    ]
    assert diary.given[0] is X
    assert diary.given[1] is y
    assert diary.given[2]["sample_weight"] is weight


@BOTH
def test_partial_fit_is_one_leaf(estimator):
    X, y = data(estimator)
    diary = Diary()
    network = estimator(5, **FEW).set_callbacks(diary)
    for _ in range(2):
        network.partial_fit(X, y, **announce(estimator))
    events = [("setup", "partial_fit", 0), ("begin", "partial_fit", 0), ("end", "partial_fit", 0)]
    assert diary.entries == 2 * [*events, ("teardown", "partial_fit", 0)]
    assert diary.fitted.predict(X).shape == y.shape


@BOTH
def test_callbacks_change_nothing_that_is_learned(estimator):
    X, y = data(estimator)
    silent, told = estimator(5, **FEW).fit(X, y), estimator(5, **FEW).set_callbacks(Diary()).fit(X, y)
    np.testing.assert_array_equal(theta(silent), theta(told))
    assert vars(told).keys() - vars(silent).keys() == {"_skl_callbacks"}


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_fitted_estimator_is_what_fit_would_leave_if_it_stopped_there(estimator, early_stopping):
    X, y = data(estimator)
    diary = Diary(stop_after=3)
    params = {"early_stopping": early_stopping, "learning_rate": 0.3, **(FEW | {"max_iter": 9})}
    params["scoring"] = lambda network, X, y: -abs(network.n_iter_ - 2)  # the last epoch is not the best
    network = estimator(5, **params).set_callbacks(diary)
    frozen = []
    diary.told = lambda when, estimator, context, X, y, metadata, fitted: frozen.append((context.task_name, fitted))
    network.fit(X, y)
    assert network.n_iter_ == 3
    assert network.best_iter_ == (2 if early_stopping else 3)
    last_epoch = [fitted for name, fitted in frozen if name == "epoch"][-1]
    np.testing.assert_array_equal(last_epoch.predict(X), network.predict(X))
    np.testing.assert_array_equal(theta(last_epoch), theta(network))
    before = theta(last_epoch).copy()
    network.partial_fit(X, y)
    np.testing.assert_array_equal(theta(last_epoch), before)


def test_raw_rows_reach_the_hooks_and_no_name_is_missed():
    X, y = data(BackpropRegressor)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    monitor = ScoringMonitor(scoring="r2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = BackpropRegressor(5, **FEW).set_callbacks(monitor).fit(frame, y)
    scores = monitor.get_logs().data
    assert len(scores) == 5  # of each epoch, and at the end
    assert scores[-1]["r2"] == pytest.approx(network.score(frame, y))


@pytest.mark.parametrize("task", ["fit", "epoch", "partial_fit"])
@pytest.mark.parametrize("hook", ["begin", "end"])
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_callback_that_raises_leaves_the_estimator_as_it_was_and_the_rest_torn_down(task, hook, warm_start):
    X, y = data(BackpropRegressor)
    diary, network = Diary(), BackpropRegressor(5, warm_start=warm_start, **FEW).fit(X, y)
    before = snapshot(network)
    diary.told = lambda *arguments: 1 / (arguments[0] != hook or arguments[2].task_name != task)
    with pytest.raises(ZeroDivisionError):
        getattr(network.set_callbacks(diary), "partial_fit" if task == "partial_fit" else "fit")(X, y)
    assert diary.entries[-1][0] == "teardown"
    np.testing.assert_equal(snapshot(network), before)
    assert not hasattr(network, "_callback_fit_ctx")


def test_only_callbacks_can_be_set():
    with pytest.raises(TypeError, match="protocol"):
        BackpropRegressor().set_callbacks(print)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_over_a_pipeline_tells_of_every_epoch(n_jobs):
    X, y = data(BackpropRegressor)
    monitor = ScoringMonitor(scoring="r2")
    model = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW).set_callbacks(monitor))
    GridSearchCV(model, {"backpropregressor__alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs).fit(X, y)
    log = pd.DataFrame(monitor.get_logs().data)
    epochs = log[log.task_name == "epoch"]
    assert len(epochs) == (2 * 2 + 1) * 4
    assert epochs["r2"].notna().all()


@pytest.mark.skipif(not find_spec("rich"), reason="rich is not installed")
def test_a_progress_bar_goes_on_the_outermost(capsys):
    X, y = data(BackpropRegressor)
    pipeline = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW))
    pipeline.set_callbacks(ProgressBar()).fit(X, y)
    assert "BackpropRegressor - fit" in capsys.readouterr().out


@BOTH
def test_a_pass_that_is_made_again_is_told_of_once(estimator):
    X, y = data(estimator)
    diary = Diary()
    network = estimator(5, optimizer="gd", learning_rate=1e4, **(FEW | {"max_iter": 9})).set_callbacks(diary)
    with pytest.warns(ConvergenceWarning, match="exploded"):
        network.fit(X, y)
    assert [entry[2] for entry in diary.entries if entry[:2] == ("end", "epoch")] == list(range(9))


class TestEarlyStopping:
    def test_it_stops_after_its_patience_with_the_best_weights(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X[::2], y[::2], scoring=lambda network, X, y: -abs(network.n_iter_ - 4), patience=3)
        network = BackpropRegressor(5, **(FEW | {"max_iter": 50})).set_callbacks(stopping).fit(X[1::2], y[1::2])
        assert stopping.scores_ == [-3, -2, -1, 0, -1, -2, -3]
        assert stopping.best_iter_ == network.best_iter_ == 4
        assert network.n_iter_ == 7
        steps = BackpropRegressor(5, **(FEW | {"max_iter": 50}))
        for _ in range(4):
            steps.partial_fit(X[1::2], y[1::2])
        np.testing.assert_array_equal(theta(network), theta(steps))

    def test_no_number_is_not_the_best(self):
        X, y = data(BackpropRegressor)
        scores = iter([np.nan, 0.1, 0.3, 0.2])
        stopping = EarlyStopping(X, y, scoring=lambda network, X, y: next(scores))
        network = BackpropRegressor(5, **FEW).set_callbacks(stopping).fit(X, y)
        assert stopping.best_iter_ == network.best_iter_ == 3

    def test_partial_fit_leaves_the_scores_of_the_last_fit(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X, y)
        BackpropRegressor(5, **FEW).set_callbacks(stopping).fit(X, y).partial_fit(X, y)
        assert len(stopping.scores_) == 4

    def test_a_scorer_that_is_not_known_is_named(self):
        X, y = data(BackpropRegressor)
        with pytest.raises(ValueError, match="no_such_score"):
            BackpropRegressor(5, **FEW).set_callbacks(EarlyStopping(X, y, scoring="no_such_score")).fit(X, y)

    def test_the_default_score_in_a_pipeline_and_its_clones(self):
        X, y = data(BackpropRegressor)
        stopping = EarlyStopping(X[::2], y[::2], patience=2)
        model = make_pipeline(StandardScaler(), BackpropRegressor(5, learning_rate=0.1, **(FEW | {"max_iter": 200})))
        model[-1].set_callbacks(stopping)
        fitted = clone(model).fit(X[1::2], y[1::2])
        assert fitted[-1].n_iter_ == len(stopping.scores_) < 200
        assert fitted[-1].score(X[::2], y[::2]) == max(stopping.scores_)

    def test_patience_has_a_range(self):
        with pytest.raises(ValueError, match="patience == 0"):
            EarlyStopping(None, None, patience=0)


@BOTH
def test_a_recorder_keeps_the_curves_of_all_fits(estimator):
    X, y = data(estimator)
    recorder = LossRecorder()
    network = estimator(5, early_stopping=True, **FEW).set_callbacks(recorder)
    curves = [network.fit(X, y).loss_curve_, network.set_params(random_state=1).fit(X, y).loss_curve_]
    held_out = network.validation_loss_curve_
    records = pd.DataFrame(recorder.records_)
    assert records.groupby("fit")["loss"].apply(list).tolist() == curves
    assert records[records.fit == 1]["validation_loss"].tolist() == held_out
    assert (records.groupby("fit")["seconds"].diff().dropna() > 0).all()
    network.partial_fit(X, y)
    assert recorder.records_[-1]["epoch"] == network.n_iter_ == 5


@BOTH
def test_copies_keep_the_callbacks(estimator):
    X, y = data(estimator)
    network = estimator(5, **FEW).set_callbacks(LossRecorder()).fit(X, y)
    assert clone(network)._skl_callbacks == network._skl_callbacks
    network.set_callbacks()
    assert "_skl_callbacks" not in vars(network)
