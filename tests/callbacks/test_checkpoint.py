"""`Checkpoint`: what it writes and when, and fits that were killed and are finished from its file."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Checkpoint, EarlyStopping
from tests.shared import BOTH, FEW, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

from sklearn.callback import ProgressBar

from tests.callbacks.test_callbacks import Diary


class Killer:
    """Ends a fit after some epochs as a kill would: what is in the file is all that is left."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.n_epochs:
            raise ChildProcessError


def killed(network, n_epochs, callbacks, X, y):
    """Fit with these callbacks, and be killed."""
    with pytest.raises(ChildProcessError):
        clone(network).set_callbacks(*callbacks, Killer(n_epochs)).fit(X, y)


@pytest.mark.parametrize("n_epochs", [1, 4], ids=["after the first", "after the last"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_between_two_epochs_or_after_the_last_the_weights_are_those_of_a_whole_fit(n_epochs, dropout, tmp_path):
    X, y = data(BackpropRegressor)
    checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, dropout=dropout, **FEW)
    killed(network, n_epochs, [checkpoint], X, y)
    np.testing.assert_array_equal(theta(checkpoint.resume(X, y)), theta(network.fit(X, y)))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_had_lost_its_patience_makes_no_more_passes(early_stopping, tmp_path):
    X, y = data(BackpropRegressor)
    params = {"early_stopping": early_stopping, "learning_rate": 0.01, "tol": 0.1, "n_iter_no_change": 2}
    network = BackpropRegressor(5, random_state=0, **params)
    whole, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
    assert whole.n_iter_ < network.max_iter
    killed(network, whole.n_iter_, [checkpoint], X, y)
    resumed = checkpoint.resume(X, y)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(theta(resumed), theta(whole))


@pytest.mark.filterwarnings("ignore:Training ended after max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("tol", [0.0, 0.5], ids=["at max_iter", "out of patience"])
def test_lbfgs_makes_no_more_iterations_either(tol, tmp_path):
    X, y = data(BackpropRegressor)
    params = {"optimizer": "lbfgs", "solver": "batch", "max_iter": 9, "tol": tol, "n_iter_no_change": 2}
    network = BackpropRegressor(5, random_state=0, **params)
    whole, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
    assert (whole.n_iter_ == 9) == (tol == 0)
    killed(network, whole.n_iter_, [checkpoint], X, y)
    resumed = checkpoint.resume(X, y)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(theta(resumed), theta(whole))


class TestCheckpoint:
    @BOTH
    @pytest.mark.parametrize("early_stopping", [False, True])
    @pytest.mark.filterwarnings("ignore:Training ended after max_iter:sklearn.exceptions.ConvergenceWarning")
    def test_a_fit_killed_in_the_middle_of_an_epoch_is_finished_to_the_last_bit(
        self, estimator, early_stopping, tmp_path
    ):
        params = {"hidden_layer_sizes": 5, "max_iter": 12, "random_state": 3, "early_stopping": early_stopping}
        code = f"""
            import os, signal
            from skbackprop.callbacks import Checkpoint
            from skbackprop.optimizers import Adam
            from skbackprop import {estimator.__name__}
            from tests.shared import data
            step, calls = Adam.step, []

            def killing(self, *arguments):
                calls.append(1)
                if len(calls) == 100:
                    os.kill(os.getpid(), signal.SIGKILL)
                step(self, *arguments)

            Adam.step = killing
            X, y = data({estimator.__name__})
            network = {estimator.__name__}(**{params!r}, engine="numpy")
            network.set_callbacks(Checkpoint({str(tmp_path / "file")!r})).fit(X, y)
        """
        process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
        assert process.returncode == -signal.SIGKILL, process.stderr
        X, y = data(estimator)
        checkpoint = Checkpoint(tmp_path / "file")
        assert os.listdir(tmp_path) == ["file"]
        reached = joblib.load(checkpoint.path).n_iter_
        assert 1 < reached < 12
        resumed, whole = checkpoint.resume(X, y), estimator(**params, engine="numpy").fit(X, y)
        np.testing.assert_array_equal(theta(resumed), theta(whole))
        for name in ("n_iter_", "t_", "loss_curve_", "validation_scores_", "best_iter_", "alpha_"):
            assert json.dumps(getattr(resumed, name)) == json.dumps(getattr(whole, name))
        np.testing.assert_array_equal(theta(joblib.load(checkpoint.path)), theta(whole))

    def test_what_is_finished_stays(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        network = BackpropRegressor(5, **FEW).set_callbacks(checkpoint).fit(X, y)
        again = checkpoint.resume(X, y)
        assert again.n_iter_ == 4
        np.testing.assert_array_equal(theta(again), theta(network))

    def test_it_writes_every_so_many_epochs(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, written = Checkpoint(tmp_path / "file", every=3), []
        checkpoint._write = lambda estimator: written.append(estimator.n_iter_)
        BackpropRegressor(5, **(FEW | {"max_iter": 8})).set_callbacks(checkpoint).fit(X, y)
        assert written == [3, 6, 8]

    def test_a_write_that_fails_leaves_the_file_of_before(self, tmp_path, monkeypatch):
        X, y = data(BackpropRegressor)
        checkpoint, dump, written = Checkpoint(tmp_path / "file"), joblib.dump, []

        def full(value, file):
            if len(written) == 2:
                file.write(b"half")
                raise OSError("disk full")
            written.append(value.n_iter_)
            dump(value, file)

        monkeypatch.setattr(joblib, "dump", full)
        with pytest.raises(OSError, match="disk full"):
            BackpropRegressor(5, **FEW).set_callbacks(checkpoint).fit(X, y)
        assert os.listdir(tmp_path) == ["file"]
        assert joblib.load(checkpoint.path).n_iter_ == 2

    @pytest.mark.parametrize("warm_start", [False, True])
    def test_a_new_fit_removes_the_file_of_an_earlier_one_and_a_warm_start_does_not(self, warm_start, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file", every=3)
        network = BackpropRegressor(5, warm_start=warm_start, **FEW).set_callbacks(checkpoint).fit(X, y)
        with pytest.raises(ChildProcessError):
            network.set_callbacks(checkpoint, Killer(1)).fit(X, y)
        assert checkpoint.path.exists() == warm_start

    def test_a_callback_that_fails_when_the_fit_has_ended_leaves_the_file_of_the_last_epoch(self, tmp_path):
        class Failing(Killer):
            def on_fit_task_end(self, estimator, context):
                if context.task_name == "fit":
                    raise OSError("full")

        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        with pytest.raises(OSError, match="full"):
            network.set_callbacks(checkpoint, Failing(None)).fit(X, y)
        assert not hasattr(network, "n_iter_")
        assert joblib.load(checkpoint.path).n_iter_ == 4
        np.testing.assert_array_equal(theta(checkpoint.resume(X, y)), theta(clone(network).set_callbacks().fit(X, y)))

    @pytest.mark.parametrize("early_stopping", ["auto", True])
    def test_it_is_finished_with_as_many_rows_as_it_was_begun_with(self, early_stopping, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        killed(BackpropRegressor(5, early_stopping=early_stopping, **FEW), 2, [checkpoint], X, y)
        with pytest.raises(ValueError, match=r"rows that it was given: 1(50|35) to train on and (0|15) held out"):
            checkpoint.resume(X[:-1], y[:-1])
        with pytest.raises(ValueError, match="can be finished with the rows that it was given"):
            checkpoint.resume(X, y, X_val=X[:5], y_val=y[:5])
        assert checkpoint.resume(X, y).n_iter_ == 4

    @pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
    def test_the_weights_that_early_stopping_puts_back_are_in_the_file(self, first, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        stopping = EarlyStopping(X, y, scoring=lambda network, X, y: -abs(network.n_iter_ - 2), patience=2)
        callbacks = [checkpoint, stopping] if first else [stopping, checkpoint]
        network = BackpropRegressor(5, **FEW).set_callbacks(*callbacks).fit(X, y)
        assert joblib.load(checkpoint.path).best_iter_ == network.best_iter_ == 2
        np.testing.assert_array_equal(theta(checkpoint.resume(X, y)), theta(network))

    def test_it_goes_beside_a_progress_bar(self, tmp_path, capsys):
        pytest.importorskip("rich")
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        BackpropRegressor(5, **FEW).set_callbacks(ProgressBar(), checkpoint).fit(X, y)
        assert joblib.load(checkpoint.path).n_iter_ == 4

    def test_a_missing_folder_is_named_before_an_epoch_is_made(self, tmp_path):
        X, y = data(BackpropRegressor)
        diary, checkpoint = Diary(), Checkpoint(tmp_path / "no_folder" / "file")
        with pytest.raises(FileNotFoundError, match=r"no_folder .*: make it"):
            BackpropRegressor(5, **FEW).set_callbacks(diary, checkpoint).fit(X, y)
        assert [entry[0] for entry in diary.entries] == ["setup", "teardown"]

    def test_every_has_a_range_and_nothing_to_resume_is_said(self, tmp_path):
        with pytest.raises(ValueError, match="every == 0"):
            Checkpoint("file", every=0)
        with pytest.raises(FileNotFoundError):
            Checkpoint(tmp_path / "file").resume(*data(BackpropRegressor))

    @pytest.mark.parametrize("n_epochs", [1, 3, 5, 7, 8])  # the last is when it says stop
    def test_early_stopping_goes_on_with_the_scores_it_had(self, n_epochs, tmp_path):
        def score(network, X, y):
            return -abs(network.n_iter_ - 4)

        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **(FEW | {"max_iter": 30}))
        whole, first, second = (EarlyStopping(X, y, scoring=score, patience=4) for _ in range(3))
        expected = clone(network).set_callbacks(whole).fit(X, y)
        killed(network, n_epochs, [first, checkpoint], X, y)
        resumed = checkpoint.resume(X, y, callbacks=(second,))
        np.testing.assert_array_equal(theta(resumed), theta(expected))
        assert second.scores_ == whole.scores_
        assert second.best_iter_ == resumed.best_iter_ == expected.best_iter_ == 4
        assert resumed.n_iter_ == expected.n_iter_ == 8
        assert not hasattr(resumed, "_unfinished")
        np.testing.assert_array_equal(theta(joblib.load(checkpoint.path)), theta(expected))

    def test_a_copy_made_on_the_way_can_be_fitted_anew(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        first, second = (EarlyStopping(X, y, patience=9) for _ in range(2))
        killed(network, 2, [first, checkpoint], X, y)
        copy = joblib.load(checkpoint.path).set_callbacks(second).fit(X, y)
        expected = network.set_callbacks(first).fit(X, y)
        np.testing.assert_array_equal(theta(copy), theta(expected))
        assert second.scores_ == first.scores_

    def test_a_copy_made_on_the_way_learns_online(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        killed(network, 2, [EarlyStopping(X, y), checkpoint], X, y)
        copy = joblib.load(checkpoint.path).set_callbacks(EarlyStopping(X, y)).partial_fit(X, y)
        np.testing.assert_array_equal(theta(copy), theta(joblib.load(checkpoint.path).partial_fit(X, y)))

    def test_early_stopping_set_after_it_begins_anew(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **(FEW | {"max_iter": 9}))
        first, second = (EarlyStopping(X, y, patience=9) for _ in range(2))
        killed(network, 3, [checkpoint, first], X, y)
        checkpoint.resume(X, y, callbacks=(second,))
        assert len(second.scores_) == 6
