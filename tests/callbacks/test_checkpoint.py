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

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint, EarlyStopping, LossRecorder
from tests.callbacks.helpers import CallRecorder, Interrupter, fit_and_interrupt
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

from sklearn.callback import ProgressBar


def score_of_the_epoch(best):
    """Return a scorer that is highest in epoch `best`."""
    return lambda network, X, y: -abs(network.n_iter_ - best)


def fit_until_killed(estimator, params, path, *, callbacks="", n_updates=100):
    """Fit with a checkpoint in another process, which is killed in the middle of an epoch.

    `callbacks` is the code of the callbacks to set before the checkpoint.
    """
    code = f"""
        import os, signal
        from skbackprop.callbacks import Checkpoint, EarlyStopping
        from skbackprop.optimizers import Adam
        from skbackprop import {estimator.__name__}
        from tests.shared import TRAINS_BRIEFLY, data
        step, calls = Adam.step, []

        def step_or_kill(self, *arguments):
            calls.append(1)
            if len(calls) == {n_updates}:
                os.kill(os.getpid(), signal.SIGKILL)
            step(self, *arguments)

        Adam.step = step_or_kill
        X, y = data({estimator.__name__})
        network = {estimator.__name__}(**{params!r}, engine="numpy")
        network.set_callbacks({callbacks}Checkpoint({str(path)!r})).fit(X, y)
    """
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr


def assert_fitted_identically(network, expected):
    """Fail unless the weights, the curves and the counts of two estimators are bit-identical."""
    np.testing.assert_array_equal(theta(network), theta(expected))
    for name in ("n_iter_", "t_", "loss_curve_", "validation_scores_", "best_iter_", "alpha_"):
        assert json.dumps(getattr(network, name)) == json.dumps(getattr(expected, name)), name


class TestResume:
    @BOTH
    @pytest.mark.parametrize("early_stopping", [False, True])
    @pytest.mark.filterwarnings("ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning")
    def test_fit_killed_in_the_middle_of_an_epoch_ends_bit_identically(self, estimator, early_stopping, tmp_path):
        params = {"hidden_layer_sizes": 5, "max_iter": 12, "random_state": 3, "early_stopping": early_stopping}
        params["alpha"] = 0.001  # so that no update is one of a search
        checkpoint = Checkpoint(tmp_path / "file")
        fit_until_killed(estimator, params, checkpoint.path)
        assert os.listdir(tmp_path) == ["file"]
        assert 1 < joblib.load(checkpoint.path).n_iter_ < 12
        X, y = data(estimator)
        resumed, uninterrupted = checkpoint.resume(X, y), estimator(**params, engine="numpy").fit(X, y)
        assert_fitted_identically(resumed, uninterrupted)
        np.testing.assert_array_equal(theta(joblib.load(checkpoint.path)), theta(uninterrupted))

    @pytest.mark.parametrize(
        ("estimator", "n_updates"),
        [(BackpropClassifier, 55), (BackpropRegressor, 435)],
        ids=["before the best epoch", "after the best epoch"],
    )
    def test_fit_with_early_stopping_before_the_checkpoint_ends_bit_identically(self, estimator, n_updates, tmp_path):
        X, y = data(estimator)
        params = {"hidden_layer_sizes": 5, "max_iter": 60, "tol": None, "random_state": 3, "learning_rate": 0.01}
        params["alpha"] = 0.001  # so that no update is one of a search
        checkpoint = Checkpoint(tmp_path / "file")
        stopping = "EarlyStopping(X[::3], y[::3], patience=6), "
        fit_until_killed(estimator, params, checkpoint.path, callbacks=stopping, n_updates=n_updates)
        restored, expected = (EarlyStopping(X[::3], y[::3], patience=6) for _ in range(2))
        uninterrupted = estimator(**params, engine="numpy").set_callbacks(expected).fit(X, y)
        reached = joblib.load(checkpoint.path).n_iter_
        assert (reached > expected.best_iter_) == (n_updates == 435)
        assert reached < uninterrupted.n_iter_ < 60
        resumed = checkpoint.resume(X, y, callbacks=(restored,))
        assert_fitted_identically(resumed, uninterrupted)
        assert restored.scores_ == expected.scores_
        assert restored.best_iter_ == expected.best_iter_

    @pytest.mark.parametrize("n_epochs", [1, 4], ids=["after the first", "after the last"])
    @pytest.mark.parametrize("dropout", [0.0, 0.3])
    def test_fit_interrupted_between_epochs_ends_bit_identically(self, n_epochs, dropout, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, dropout=dropout, **FEW)
        fit_and_interrupt(network, n_epochs, [checkpoint], X, y)
        assert_fitted_identically(checkpoint.resume(X, y), network.fit(X, y))

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_no_epoch_is_made_after_patience_had_run_out(self, early_stopping, tmp_path):
        X, y = data(BackpropRegressor)
        params = {"early_stopping": early_stopping, "learning_rate": 0.01, "tol": 0.1, "n_iter_no_change": 2}
        network = BackpropRegressor(5, random_state=0, **params)
        uninterrupted, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
        assert uninterrupted.n_iter_ < 150
        fit_and_interrupt(network, uninterrupted.n_iter_, [checkpoint], X, y)
        assert_fitted_identically(checkpoint.resume(X, y), uninterrupted)

    @pytest.mark.filterwarnings("ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.parametrize("tol", [0.0, 0.5], ids=["at max_iter", "without patience"])
    def test_lbfgs_makes_no_iteration_after_the_last(self, tol, tmp_path):
        X, y = data(BackpropRegressor)
        params = {"optimizer": "lbfgs", "solver": "batch", "max_iter": 9, "tol": tol, "n_iter_no_change": 2}
        network = BackpropRegressor(5, random_state=0, **params)
        uninterrupted, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
        assert (uninterrupted.n_iter_ == 9) == (tol == 0)
        fit_and_interrupt(network, uninterrupted.n_iter_, [checkpoint], X, y)
        assert_fitted_identically(checkpoint.resume(X, y), uninterrupted)

    def test_finished_fit_stays_as_it_is(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        network = BackpropRegressor(5, **FEW).set_callbacks(checkpoint).fit(X, y)
        assert_fitted_identically(checkpoint.resume(X, y), network)

    @pytest.mark.parametrize("early_stopping", ["auto", True])
    @pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
    def test_finished_fit_of_other_samples_is_refused(self, estimator, early_stopping, tmp_path):
        X, y = data(estimator)
        weight = np.ones(len(X))
        weight[3] = 0.0
        checkpoint = Checkpoint(tmp_path / "file")
        network = estimator(5, early_stopping=early_stopping, **FEW).set_callbacks(checkpoint).fit(X, y, weight)
        assert_fitted_identically(checkpoint.resume(X.tolist(), y.tolist(), weight), network)
        for other in ((X + 1, y, weight), (X, y[::-1].copy(), weight), (X, y), (X, y, 2 * weight + 1), (X[1:], y[1:])):
            with pytest.raises(ValueError, match="samples it began with: X, y or sample_weight differ"):
                checkpoint.resume(*other)

    def test_a_fit_without_callbacks_forgets_the_samples_of_the_last(self, tmp_path):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, **FEW).set_callbacks(Checkpoint(tmp_path / "file")).fit(X, y)
        network.set_callbacks().fit(X + 1, y)
        assert network._finish_fit(X + 1, y, None, (None, None, None)) is network

    @pytest.mark.parametrize("early_stopping", ["auto", True])
    def test_another_number_of_samples_is_refused(self, early_stopping, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        fit_and_interrupt(BackpropRegressor(5, early_stopping=early_stopping, **FEW), 2, [checkpoint], X, y)
        given = r"samples it began with: 1(50|35) to train on and (0|15) to validate with"
        with pytest.raises(ValueError, match=given):
            checkpoint.resume(X[:-1], y[:-1])
        with pytest.raises(ValueError, match=given):
            checkpoint.resume(X, y, X_val=X[:5], y_val=y[:5])
        assert checkpoint.resume(X, y).n_iter_ == 4

    def test_missing_file_is_an_error(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Checkpoint(tmp_path / "file").resume(*data(BackpropRegressor))

    def test_loaded_file_can_be_fitted_anew(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        first, second = (EarlyStopping(X, y, patience=9) for _ in range(2))
        fit_and_interrupt(network, 2, [first, checkpoint], X, y)
        copy = joblib.load(checkpoint.path).set_callbacks(second).fit(X, y)
        assert_fitted_identically(copy, network.set_callbacks(first).fit(X, y))
        assert second.scores_ == first.scores_

    def test_loaded_file_can_learn_online(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        fit_and_interrupt(network, 2, [EarlyStopping(X, y), checkpoint], X, y)
        copy = joblib.load(checkpoint.path).set_callbacks(LossRecorder()).partial_fit(X, y)
        assert_fitted_identically(copy, joblib.load(checkpoint.path).partial_fit(X, y))


class TestFile:
    def test_it_is_written_at_intervals_and_at_the_end(self, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint, written = Checkpoint(tmp_path / "file", every=3), []
        checkpoint._write = lambda estimator: written.append(estimator.n_iter_)
        BackpropRegressor(5, **(FEW | {"max_iter": 8})).set_callbacks(checkpoint).fit(X, y)
        assert written == [3, 6, 8]

    def test_failed_write_leaves_the_previous_file(self, tmp_path, monkeypatch):
        X, y = data(BackpropRegressor)
        checkpoint, dump, written = Checkpoint(tmp_path / "file"), joblib.dump, []

        def dump_until_full(value, file):
            if len(written) == 2:
                file.write(b"half")
                raise OSError("disk full")
            written.append(value.n_iter_)
            dump(value, file)

        monkeypatch.setattr(joblib, "dump", dump_until_full)
        with pytest.raises(OSError, match="disk full"):
            BackpropRegressor(5, **FEW).set_callbacks(checkpoint).fit(X, y)
        assert os.listdir(tmp_path) == ["file"]
        assert joblib.load(checkpoint.path).n_iter_ == 2

    @pytest.mark.parametrize("warm_start", [False, True])
    def test_the_file_of_an_earlier_fit_stays_until_the_first_epoch_is_written(self, warm_start, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file", every=3)
        network = BackpropRegressor(5, warm_start=warm_start, **FEW).set_callbacks(checkpoint).fit(X, y)
        before = checkpoint.path.read_bytes()
        with pytest.raises(ChildProcessError):
            network.set_callbacks(checkpoint, Interrupter(1)).fit(X, y)
        assert checkpoint.path.read_bytes() == before

    def test_callback_that_fails_after_the_fit_leaves_the_file_of_the_last_epoch(self, tmp_path):
        class FailsAtTheEnd(Interrupter):
            def on_fit_task_end(self, estimator, context):
                if context.task_name == "fit":
                    raise OSError("full")

        X, y = data(BackpropRegressor)
        checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, **FEW)
        with pytest.raises(OSError, match="full"):
            network.set_callbacks(checkpoint, FailsAtTheEnd(None)).fit(X, y)
        assert not hasattr(network, "n_iter_")
        assert joblib.load(checkpoint.path).n_iter_ == 4
        np.testing.assert_array_equal(theta(checkpoint.resume(X, y)), theta(clone(network).set_callbacks().fit(X, y)))

    @pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
    def test_it_has_the_weights_that_early_stopping_restores(self, first, tmp_path):
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        stopping = EarlyStopping(X, y, scoring=score_of_the_epoch(2), patience=2)
        callbacks = [checkpoint, stopping] if first else [stopping, checkpoint]
        network = BackpropRegressor(5, **FEW).set_callbacks(*callbacks).fit(X, y)
        assert joblib.load(checkpoint.path).best_iter_ == network.best_iter_ == 2
        assert_fitted_identically(checkpoint.resume(X, y), network)

    def test_it_is_written_beside_a_progress_bar(self, tmp_path, capsys):
        pytest.importorskip("rich")
        X, y = data(BackpropRegressor)
        checkpoint = Checkpoint(tmp_path / "file")
        BackpropRegressor(5, **FEW).set_callbacks(ProgressBar(), checkpoint).fit(X, y)
        assert joblib.load(checkpoint.path).n_iter_ == 4

    def test_missing_folder_is_an_error_before_the_first_epoch(self, tmp_path):
        X, y = data(BackpropRegressor)
        recorder, checkpoint = CallRecorder(), Checkpoint(tmp_path / "no_folder" / "file")
        with pytest.raises(FileNotFoundError, match=r"no_folder of the checkpoint .* does not exist"):
            BackpropRegressor(5, **FEW).set_callbacks(recorder, checkpoint).fit(X, y)
        assert [call[0] for call in recorder.calls] == ["setup", "teardown"]

    def test_interval_below_one_is_refused(self):
        with pytest.raises(ValueError, match="every == 0"):
            Checkpoint("file", every=0)


@TRAINS_BRIEFLY
def test_estimator_with_a_checkpoint_is_stored_without_types_of_other_packages(tmp_path):
    skops_io = pytest.importorskip("skops.io")
    network = BackpropRegressor(3, max_iter=2, tol=None).set_callbacks(Checkpoint(tmp_path / "network.joblib"))
    stored = skops_io.dumps(network.fit([[0.0], [1.0]], [0.0, 1.0]))
    trusted = skops_io.get_untrusted_types(data=stored)
    assert all(name.startswith("skbackprop.") for name in trusted)
    (checkpoint,) = skops_io.loads(stored, trusted=trusted)._skl_callbacks
    assert checkpoint.path == tmp_path / "network.joblib"
