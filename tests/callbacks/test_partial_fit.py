"""Callbacks in `partial_fit`: those that work there, and warnings about those that cannot."""

import copy
import pickle
import warnings
from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Callback, Checkpoint, EarlyStopping, LossRecorder
from tests.shared import BOTH, FEW, announce, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

from sklearn.callback import ProgressBar, ScoringMonitor


class BestOfMany(Callback):
    """A custom callback for `fit`."""

    partial_fit_alternative = "compare the networks yourself"


class OwnBar(ProgressBar):
    """A subclass of a callback of scikit-learn."""


def make_early_stopping(tmp_path):
    return EarlyStopping(*data(BackpropRegressor))


def make_checkpoint(tmp_path):
    return Checkpoint(tmp_path / "file")


def messages(network, **arguments):
    """Return the warnings of a call with a few samples."""
    X, y = data(type(network))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network.partial_fit(X, y, **arguments)
    assert all(warning.category is UserWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


@BOTH
@pytest.mark.parametrize(
    ("make", "name", "alternative"),
    [
        (make_early_stopping, "EarlyStopping", "score the samples of each call before learning from them"),
        (make_checkpoint, "Checkpoint", "load the file with joblib.load and go on calling partial_fit"),
        (lambda tmp_path: BestOfMany(), "BestOfMany", "compare the networks yourself."),
        (
            lambda tmp_path: ScoringMonitor(scoring={"zero": lambda network, X, y: 0.0}),
            "ScoringMonitor",
            "prequential evaluation",
        ),
    ],
)
def test_callback_that_cannot_work_says_so_once_and_names_another_way(tmp_path, estimator, make, name, alternative):
    network = estimator(5, **FEW).set_callbacks(make(tmp_path), LossRecorder())
    (message,) = messages(network, **announce(estimator))
    assert message.startswith(f"{name} cannot do its work in partial_fit")
    assert alternative in message
    assert messages(network) == []


@pytest.mark.skipif(not find_spec("rich"), reason="which ProgressBar needs")
@pytest.mark.parametrize("bar", [ProgressBar, OwnBar])
def test_progress_bars_of_scikit_learn_and_their_subclasses_are_known(bar, capsys):
    (message,) = messages(BackpropRegressor(5, **FEW).set_callbacks(bar()))
    assert message.startswith(f"{bar.__name__} cannot do its work in partial_fit")
    assert "rich.progress.track" in message


def test_callbacks_that_work_give_no_warning():
    assert messages(BackpropRegressor(5, **FEW).set_callbacks(LossRecorder(), Callback())) == []


def test_each_stream_and_each_set_of_callbacks_warns_once():
    network = BackpropRegressor(5, **FEW)
    assert messages(network) == []
    callback = BestOfMany()
    network.set_callbacks(callback)
    assert len(messages(network)) == 1
    assert messages(network) == []
    network.set_callbacks(callback, BestOfMany())
    assert len(messages(network)) == 2
    assert messages(network) == []
    assert len(messages(clone(network))) == 2
    network.set_callbacks()
    assert messages(network) == []


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_copies_warn_anew_and_store_nothing_about_it(copied):
    network = BackpropRegressor(5, **FEW).set_callbacks(BestOfMany())
    assert len(messages(network)) == 1
    assert "_announced_callbacks" not in network.__getstate__()["attributes"]
    assert len(messages(copied(network))) == 1


def test_first_call_that_fails_does_not_count():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, **FEW).fit(X, y).set_callbacks(BestOfMany())
    with pytest.raises(ValueError, match="NaN"):
        network.partial_fit(X * np.nan, y)
    assert len(messages(network)) == 1


def test_fit_does_not_warn():
    X, y = data(BackpropRegressor)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BackpropRegressor(5, **FEW).set_callbacks(BestOfMany(), EarlyStopping(X, y)).fit(X, y)
    assert caught == []


def test_loss_recorder_has_no_validation_loss_of_a_call():
    X, y = data(BackpropRegressor)
    recorder = LossRecorder()
    network = BackpropRegressor(5, early_stopping=True, **FEW).set_callbacks(recorder).fit(X, y)
    network.set_params(early_stopping="auto").partial_fit(X, y)
    validation_losses = [record["validation_loss"] for record in recorder.records_]
    assert np.isfinite(validation_losses[:-1]).all()
    assert np.isnan(validation_losses[-1])


@pytest.mark.filterwarnings("ignore:Checkpoint cannot do its work")
def test_checkpoint_writes_after_every_few_calls(tmp_path):
    X, y = data(BackpropRegressor)
    checkpoint = Checkpoint(tmp_path / "file", every=3)
    network, written = BackpropRegressor(5, **FEW).set_callbacks(checkpoint), []
    for _ in range(7):
        network.partial_fit(X, y)
        written.append(joblib.load(checkpoint.path).n_iter_ if checkpoint.path.exists() else 0)
    assert written == [0, 0, 3, 3, 3, 6, 6]
    continued = joblib.load(checkpoint.path).partial_fit(X, y)
    np.testing.assert_array_equal(theta(continued), theta(network))


@pytest.mark.filterwarnings("ignore:partial_fit rejected")
def test_loss_recorder_records_calls_that_learn():
    X, y = data(BackpropRegressor)
    recorder = LossRecorder()
    network = BackpropRegressor(5, **FEW).set_callbacks(recorder)
    for inputs in (X, 1e9 * X[:5], X):
        network.partial_fit(inputs, y[: len(inputs)])
    assert network.n_rejected_ == 5
    assert [record["epoch"] for record in recorder.records_] == [1, 2]
    assert [record["loss"] for record in recorder.records_] == network.loss_curve_
