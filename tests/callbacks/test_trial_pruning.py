"""`TrialPruning`: studies of Optuna that end fits early, and what is left of a network whose trial was pruned."""

import copy
import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint, EarlyStopping, TrialPruning
from tests.callbacks.helpers import fit_and_interrupt, state_of
from tests.shared import BOTH, FEW, announce, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)
optuna = pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def silent():
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(verbosity)


def new_study(pruner=None, direction="maximize"):
    """Return a study in memory, which prunes nothing by default."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    return optuna.create_study(direction=direction, sampler=sampler, pruner=pruner or optuna.pruners.NopPruner())


def pruned_below(score, n_warmup_steps=0):
    """Return a trial that is pruned when a score falls below a value."""
    pruner = optuna.pruners.ThresholdPruner(lower=score, n_warmup_steps=n_warmup_steps)
    return new_study(pruner).ask()


def reports(trial):
    """Return what was reported in a trial, by step."""
    return trial.study.trials[trial.number].intermediate_values


def minus_loss(network, X, y):
    """Return a score that tells networks apart from the first epoch on."""
    if isinstance(network, BackpropClassifier):
        return -log_loss(y, network.predict_proba(X))
    return -mean_squared_error(y, network.predict(X))


@BOTH
def test_study_prunes_bad_trials_and_finds_the_best(estimator):
    X, y = data(estimator)
    X_val, y_val = X[::3], y[::3]
    rates = [0.01, 0.02, 1e-6, 0.03, 1e-7]
    params = FEW | {"max_iter": 12, "alpha": 0.001}

    def objective(trial):
        rate = trial.suggest_categorical("learning_rate", rates)
        network = estimator(5, learning_rate=rate, **params)
        network.set_callbacks(TrialPruning(trial, X_val, y_val, scoring=minus_loss))
        return minus_loss(network.fit(X[1::3], y[1::3]), X_val, y_val)

    study = new_study(optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=3))
    for rate in rates:
        study.enqueue_trial({"learning_rate": rate})
    study.optimize(objective, n_trials=len(rates))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "PRUNED"]
    assert [len(trial.intermediate_values) for trial in study.trials] == [12, 12, 4, 12, 4]
    best = estimator(5, learning_rate=study.best_params["learning_rate"], **params).fit(X[1::3], y[1::3])
    assert study.best_value == minus_loss(best, X_val, y_val) == max(trial.value for trial in study.trials)


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_reported_is_the_score_that_the_network_would_have_if_the_fit_ended_there(estimator, early_stopping):
    X, y = data(estimator)
    trial, stopping = new_study().ask(), EarlyStopping(X[::3], y[::3], patience=99)
    network = estimator(5, early_stopping=early_stopping, learning_rate=0.1, **(FEW | {"max_iter": 9}))
    network.set_callbacks(TrialPruning(trial, X[::3], y[::3]), stopping).fit(X, y)
    assert reports(trial) == dict(enumerate(stopping.scores_))
    assert len(stopping.scores_) == 9


@BOTH
@pytest.mark.parametrize("scoring", ["loss", None])
def test_without_a_validation_set_it_reports_the_score_of_the_fit(estimator, scoring):
    X, y = data(estimator)
    for arrays in ({}, {"X_val": X[::3], "y_val": y[::3]}):
        trial = new_study().ask()
        network = estimator(5, early_stopping=True, scoring=scoring, **FEW).set_callbacks(TrialPruning(trial))
        network.fit(X, y, **arrays)
        assert reports(trial) == dict(enumerate(network.validation_scores_))


@BOTH
@pytest.mark.parametrize("is_fitted", [False, True])
def test_pruned_fit_leaves_the_estimator_as_it_was(estimator, is_fitted):
    X, y = data(estimator)
    network = estimator(5, warm_start=is_fitted, **FEW)
    if is_fitted:
        network.fit(X, y)
    before = state_of(network)
    trial = pruned_below(np.inf, n_warmup_steps=network.n_iter_ + 1 if is_fitted else 1)
    network.set_callbacks(TrialPruning(trial, X, y))
    with pytest.raises(optuna.TrialPruned, match=f"after epoch {6 if is_fitted else 2}"):
        network.fit(X, y)
    np.testing.assert_equal(state_of(network), before)
    assert len(reports(trial)) == 2
    assert not hasattr(network, "_callback_fit_ctx")


def test_warm_start_and_partial_fit_continue_the_steps():
    X, y = data(BackpropRegressor)
    trial = new_study().ask()
    network = BackpropRegressor(5, warm_start=True, **FEW).set_callbacks(TrialPruning(trial, X, y))
    network.fit(X, y).fit(X, y).partial_fit(X, y).partial_fit(X, y)
    assert list(reports(trial)) == list(range(10))
    assert reports(trial)[9] == network.score(X, y)


def test_pruned_call_of_partial_fit_is_undone():
    X, y = data(BackpropClassifier)
    trial = pruned_below(2.0, n_warmup_steps=2)
    network = BackpropClassifier(5, **FEW).set_callbacks(TrialPruning(trial, X, y))
    for _ in range(2):
        network.partial_fit(X, y, **announce(BackpropClassifier))
    before = theta(network).copy()
    with pytest.raises(optuna.TrialPruned, match="after epoch 3"):
        network.partial_fit(X, y)
    np.testing.assert_array_equal(theta(network), before)


@pytest.mark.filterwarnings("ignore:partial_fit rejected")
def test_call_whose_samples_are_all_rejected_is_not_reported():
    X, y = data(BackpropRegressor)
    trial = new_study().ask()
    network = BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(trial, X, y))
    for inputs in (X, 1e9 * X[:5], X):
        network.partial_fit(inputs, y[: len(inputs)])
    assert network.n_rejected_ == 5
    assert list(reports(trial)) == [0, 1]


def test_resumed_fit_continues_the_steps_in_another_trial(tmp_path):
    X, y = data(BackpropRegressor)
    first, second = new_study().ask(), new_study().ask()
    checkpoint = Checkpoint(tmp_path / "file")
    fit_and_interrupt(BackpropRegressor(5, **FEW), 2, [TrialPruning(first, X, y), checkpoint], X, y)
    checkpoint.resume(X, y, callbacks=(TrialPruning(second, X, y),))
    assert list(reports(first)) == [0, 1]
    assert list(reports(second)) == [2, 3]


def test_trial_is_for_one_fit():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(new_study().ask(), X, y))
    before = state_of(network.fit(X, y))
    with pytest.raises(ValueError, match="a trial is for one fit"):
        network.fit(X, y)
    np.testing.assert_equal(state_of(network), before)
    with pytest.raises(ValueError, match="already reported epoch 1 of another fit"):
        cross_val_score(network, X, y, cv=2, error_score="raise")


def test_study_that_minimizes_is_refused():
    trial = new_study(direction="minimize").ask()
    with pytest.raises(ValueError, match="direction='maximize'"):
        TrialPruning(trial, [[0.0]], [0.0])


def test_trial_with_given_parameters_is_never_pruned():
    X, y = data(BackpropRegressor)
    trial = optuna.trial.FixedTrial({})
    network = BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(trial, X, y)).fit(X, y)
    assert network.n_iter_ == 4


@pytest.mark.parametrize("arrays", [{"X_val": [[0.0]]}, {"y_val": [0.0]}])
def test_half_a_validation_set_is_refused(arrays):
    with pytest.raises(ValueError, match="X_val and y_val belong together"):
        TrialPruning(new_study().ask(), **arrays)


def test_scorer_without_a_validation_set_is_refused():
    with pytest.raises(ValueError, match="scoring='r2' is for X_val"):
        TrialPruning(new_study().ask(), scoring="r2")


def test_unknown_scorer_is_an_error_before_the_first_epoch():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(new_study().ask(), X, y, scoring="no_such_score"))
    with pytest.raises(ValueError, match="no_such_score"):
        network.fit(X, y)


@pytest.mark.parametrize(
    ("method", "remedy"),
    [("fit", r"to it, or early_stopping=True to the estimator\."), ("partial_fit", r"to it\.$")],
)
def test_missing_validation_set_is_an_error_that_says_where_to_pass_it(method, remedy):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, early_stopping=True, **FEW).fit(X, y)  # whose scores are of no use afterwards
    network.set_params(early_stopping="auto").set_callbacks(TrialPruning(new_study().ask()))
    with pytest.raises(ValueError, match=f"no validation set: pass X_val and y_val {remedy}"):
        getattr(network, method)(X, y)


def test_pipeline_is_refused_before_its_fit():
    X, y = data(BackpropRegressor)
    pipeline = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW))
    pipeline.set_callbacks(TrialPruning(new_study().ask(), X, y))
    with pytest.raises(TypeError, match=r"got Pipeline; pass its last step"):
        pipeline.fit(X, y)


def test_step_of_a_pipeline_is_pruned():
    X, y = data(BackpropRegressor)
    pipeline = make_pipeline(StandardScaler(), BackpropRegressor(5, **FEW))
    pipeline[-1].set_callbacks(TrialPruning(pruned_below(2.0), X, y))
    with pytest.raises(optuna.TrialPruned):
        clone(pipeline).fit(X, y)


def by_skops(network):
    skops_io = pytest.importorskip("skops.io")
    stored = skops_io.dumps(network)
    trusted = skops_io.get_untrusted_types(data=stored)
    assert all(name.startswith("skbackprop.") for name in trusted)
    return skops_io.loads(stored, trusted=trusted)


def by_pickle(network):
    return pickle.loads(pickle.dumps(network))


@pytest.mark.parametrize("copied", [copy.deepcopy, by_pickle, by_skops])
def test_copies_have_no_trial_and_say_so(copied):
    X, y = data(BackpropRegressor)
    trial = new_study().ask()
    network = BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(trial, X, y)).fit(X, y)
    loaded = copied(network)
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    with pytest.warns(UserWarning, match="TrialPruning has no trial and reports nothing"):
        loaded.fit(X, y)
    assert len(reports(trial)) == 4
    np.testing.assert_array_equal(theta(loaded), theta(network))
    loaded.set_callbacks().fit(X, y)


def test_clones_share_the_callback():
    X, y = data(BackpropRegressor)
    trial = new_study().ask()
    clone(BackpropRegressor(5, **FEW).set_callbacks(TrialPruning(trial, X, y))).fit(X, y)
    assert len(reports(trial)) == 4
