"""`Checkpoint` stores and restores the states of the callbacks that were set before it."""

from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Callback, Checkpoint, EarlyStopping, LossRecorder
from tests.callbacks.helpers import CallRecorder, fit_and_interrupt
from tests.callbacks.test_checkpoint import score_of_the_epoch
from tests.shared import FEW, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

X, y = data(BackpropRegressor)
NETWORK = BackpropRegressor(5, **(FEW | {"max_iter": 9}))


class EpochCounter(Callback):
    """Counts epochs over interruptions, and ends the fit when there are `limit` of them."""

    def __init__(self, limit=None):
        self.limit = limit
        self.count = 0

    def on_fit_task_end(self, estimator, context):
        self.count += context.task_name == "epoch"
        return context.task_name == "epoch" and self.count == self.limit

    def state_dict(self, estimator):
        return {"count": self.count}

    def load_state_dict(self, estimator, state):
        self.count = state["count"]
        return self.count == self.limit


class IndependentCounter:
    """The same, without the base class."""

    __init__ = EpochCounter.__init__
    setup = teardown = on_fit_task_begin = lambda self, estimator, context: None
    on_fit_task_end = EpochCounter.on_fit_task_end
    state_dict = EpochCounter.state_dict
    load_state_dict = EpochCounter.load_state_dict


COUNTERS = pytest.mark.parametrize("counter", [EpochCounter, IndependentCounter])


@COUNTERS
def test_custom_callback_continues_with_its_state(counter, tmp_path):
    checkpoint, restored = Checkpoint(tmp_path / "file"), counter()
    fit_and_interrupt(NETWORK, 6, [counter(), checkpoint], X, y)
    assert checkpoint.resume(X, y, callbacks=(restored,)).n_iter_ == 9
    assert restored.count == 9


@COUNTERS
def test_true_from_load_state_dict_ends_the_resumed_fit_before_its_next_epoch(counter, tmp_path):
    checkpoint, restored = Checkpoint(tmp_path / "file"), counter(limit=6)
    uninterrupted = clone(NETWORK).set_callbacks(counter(limit=6)).fit(X, y)
    fit_and_interrupt(NETWORK, 6, [counter(limit=6), checkpoint], X, y)
    recorder = CallRecorder()
    resumed = checkpoint.resume(X, y, callbacks=(restored, recorder))
    assert resumed.n_iter_ == uninterrupted.n_iter_ == 6
    assert restored.count == 6
    assert [call[:2] for call in recorder.calls] == [
        ("setup", "fit"), ("begin", "fit"), ("end", "fit"), ("teardown", "fit")
    ]  # fmt: skip
    np.testing.assert_array_equal(theta(resumed), theta(uninterrupted))
    assert checkpoint.resume(X, y).n_iter_ == 6  # from a file that is now of the end of the fit


@COUNTERS
def test_custom_callback_with_a_lower_limit_ends_the_resumed_fit_at_once(counter, tmp_path):
    checkpoint = Checkpoint(tmp_path / "file")
    fit_and_interrupt(NETWORK, 6, [counter(), checkpoint], X, y)
    assert checkpoint.resume(X, y, callbacks=(counter(limit=6),)).n_iter_ == 6


def test_callbacks_without_a_state_begin_anew(tmp_path):
    checkpoint, recorder, losses = Checkpoint(tmp_path / "file"), CallRecorder(), LossRecorder()
    fit_and_interrupt(NETWORK, 6, [CallRecorder(), LossRecorder(), checkpoint], X, y)
    resumed = checkpoint.resume(X, y, callbacks=(recorder, losses))
    np.testing.assert_array_equal(theta(resumed), theta(clone(NETWORK).fit(X, y)))
    assert [call[2] for call in recorder.calls if call[:2] == ("end", "epoch")] == [0, 1, 2]
    assert [record["epoch"] for record in losses.records_] == [7, 8, 9]


def test_each_callback_of_a_class_receives_its_own_state_in_order(tmp_path):
    checkpoint = Checkpoint(tmp_path / "file")
    before = EpochCounter(), IndependentCounter(), EpochCounter()
    before[2].count = 100
    fit_and_interrupt(NETWORK, 6, [*before, checkpoint], X, y)
    after = EpochCounter(), CallRecorder(), EpochCounter(), EpochCounter()
    checkpoint.resume(X, y, callbacks=after)
    assert (after[0].count, after[2].count) == (9, 109)
    assert after[3].count == 3  # there was no state left for it


def test_stored_states_are_those_of_the_epoch_in_the_file(tmp_path):
    checkpoint, restored = Checkpoint(tmp_path / "file", every=4), EpochCounter()
    fit_and_interrupt(NETWORK, 6, [EpochCounter(), checkpoint], X, y)
    assert joblib.load(checkpoint.path).n_iter_ == 4
    checkpoint.resume(X, y, callbacks=(restored,))
    assert restored.count == 9


@pytest.mark.parametrize("n_epochs", [1, 3, 5, 7, 8])  # patience runs out after 8 epochs
def test_early_stopping_continues_with_its_scores(n_epochs, tmp_path):
    checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **(FEW | {"max_iter": 30}))
    expected, first, second = (EarlyStopping(X, y, scoring=score_of_the_epoch(4), patience=4) for _ in range(3))
    uninterrupted = clone(network).set_callbacks(expected).fit(X, y)
    fit_and_interrupt(network, n_epochs, [first, checkpoint], X, y)
    resumed = checkpoint.resume(X, y, callbacks=(second,))
    np.testing.assert_array_equal(theta(resumed), theta(uninterrupted))
    assert second.scores_ == expected.scores_
    assert second.best_iter_ == resumed.best_iter_ == uninterrupted.best_iter_ == 4
    assert resumed.n_iter_ == uninterrupted.n_iter_ == 8
    assert "_progress" not in vars(resumed)
    np.testing.assert_array_equal(theta(joblib.load(checkpoint.path)), theta(uninterrupted))


def test_fit_that_is_resumed_twice_continues_with_the_state_of_the_second_interruption(tmp_path):
    checkpoint, counters = Checkpoint(tmp_path / "file"), [EpochCounter(), EpochCounter(), EpochCounter()]
    fit_and_interrupt(NETWORK, 2, [counters[0], checkpoint], X, y)
    with pytest.raises(ChildProcessError):
        checkpoint.resume(X, y, callbacks=(counters[1], InterruptBefore(checkpoint, 5)))
    assert joblib.load(checkpoint.path).n_iter_ == 4
    resumed = checkpoint.resume(X, y, callbacks=(counters[2],))
    np.testing.assert_array_equal(theta(resumed), theta(clone(NETWORK).fit(X, y)))
    assert counters[2].count == 9


class InterruptBefore(Callback):
    """Raises before a checkpoint writes an epoch."""

    def __init__(self, checkpoint, epoch):
        self.checkpoint = checkpoint
        self.epoch = epoch

    def on_fit_task_end(self, estimator, context):
        if estimator.n_iter_ == self.epoch:
            raise ChildProcessError


def test_callbacks_set_after_the_checkpoint_begin_anew(tmp_path):
    checkpoint = Checkpoint(tmp_path / "file")
    first, second = (EarlyStopping(X, y, patience=9) for _ in range(2))
    fit_and_interrupt(NETWORK, 3, [checkpoint, first], X, y)
    checkpoint.resume(X, y, callbacks=(second,))
    assert len(second.scores_) == 6
