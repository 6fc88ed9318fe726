"""`Checkpoint` and `fit_chunks`: files from the middle of an epoch, and fits that were killed and are finished."""

import os
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint, EarlyStopping, _checkpoint
from skbackprop.exceptions import DataWarning
from tests.chunks.cases import FEW, SMALL, WindowCounter, cut, friedman, three_classes
from tests.shared import TRAINS_BRIEFLY, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

pytestmark = [
    TRAINS_BRIEFLY,
    pytest.mark.filterwarnings("ignore:validation_fraction:skbackprop.exceptions.DataWarning"),
]


class ReadCounter:
    """Chunks that count how often each is read."""

    def __init__(self, chunks):
        self.chunks = chunks
        self.n_read = np.zeros(len(chunks), int)

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, number):
        self.n_read[number] += 1
        return self.chunks[number]


def fit_and_stop(network, path, chunks, stop_at, *callbacks, **arguments):
    """Fit with a checkpoint in each window, and interrupt the fit at the end of one."""
    network.set_callbacks(*callbacks, Checkpoint(path, seconds=0), WindowCounter(stop_at=stop_at))
    with pytest.raises(KeyboardInterrupt):
        network.fit_chunks(chunks, memory_budget=SMALL, **arguments)


SETTINGS = [
    {},
    {"early_stopping": True},
    {"dropout": 0.2},
    {"learning_rate": "one_cycle"},
    {"learning_rate": "plateau", "optimizer": "momentum"},
    {"alpha": "auto", "early_stopping": "auto"},
    {"shuffle": False},
    {"engine": "numba"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("stop_at", [1, 8, 24])
def test_a_resumed_fit_equals_an_uninterrupted_one(settings, stop_at, tmp_path):
    if settings.get("engine") == "numba":
        pytest.importorskip("numba")
    X, y = friedman()
    chunks = cut(X, y)
    whole = BackpropRegressor(8, **FEW | settings).fit_chunks(chunks, memory_budget=SMALL)
    path = tmp_path / "network.joblib"
    fit_and_stop(BackpropRegressor(8, **FEW | settings), path, chunks, stop_at)
    resumed = Checkpoint(path).resume_chunks(chunks)
    np.testing.assert_array_equal(theta(resumed), theta(whole))
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_loss_curve_ == whole.validation_loss_curve_
    assert resumed.t_ == whole.t_


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_classifier_with_weights(class_weight, tmp_path):
    X, y = three_classes()
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    chunks = cut(X, y, weight)
    whole = BackpropClassifier(8, class_weight=class_weight, **FEW).fit_chunks(chunks, memory_budget=SMALL)
    fit_and_stop(BackpropClassifier(8, class_weight=class_weight, **FEW), tmp_path / "network.joblib", chunks, 7)
    resumed = Checkpoint(tmp_path / "network.joblib").resume_chunks(chunks)
    np.testing.assert_array_equal(theta(resumed), theta(whole))
    assert resumed.classes_.tolist() == ["a", "b", "c"]


def test_the_losses_of_fractional_weights_are_those_of_an_uninterrupted_fit(tmp_path):
    X, y = friedman()
    for seed in (6, 15, 18):  # their sum is not exactly their mean times their number
        chunks = cut(X, y, np.random.default_rng(seed).random(len(y)))
        whole = BackpropRegressor(8, **FEW).fit_chunks(chunks, memory_budget=SMALL)
        fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / f"{seed}.joblib", chunks, 7)
        assert Checkpoint(tmp_path / f"{seed}.joblib").resume_chunks(chunks).loss_curve_ == whole.loss_curve_


def test_a_resumed_fit_reads_only_what_is_left(tmp_path):
    X, y = friedman()
    chunks = cut(X, y)
    counter = WindowCounter()
    BackpropRegressor(8, **FEW).set_callbacks(counter).fit_chunks(chunks, memory_budget=SMALL)
    per_epoch = counter.n_windows // 5
    fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / "network.joblib", chunks, 4 * per_epoch)
    reader = ReadCounter(chunks)
    Checkpoint(tmp_path / "network.joblib").resume_chunks(reader)
    assert reader.n_read.tolist() == [1] * len(chunks)


def test_validation_set_and_states_of_other_callbacks(tmp_path):
    X, y = friedman()
    chunks = cut(X[:1200], y[:1200])
    held_out = {"X_val": X[1200:], "y_val": y[1200:]}
    stopping = EarlyStopping(X[1200:], y[1200:])
    whole = BackpropRegressor(8, **FEW).set_callbacks(stopping).fit_chunks(chunks, memory_budget=SMALL, **held_out)
    path = tmp_path / "network.joblib"
    fit_and_stop(BackpropRegressor(8, **FEW), path, chunks, 11, EarlyStopping(X[1200:], y[1200:]), **held_out)
    resumed_stopping = EarlyStopping(X[1200:], y[1200:])
    resumed = Checkpoint(path).resume_chunks(chunks, **held_out, callbacks=(resumed_stopping,))
    np.testing.assert_array_equal(theta(resumed), theta(whole))
    assert resumed_stopping.scores_ == stopping.scores_


def test_the_file_predicts(tmp_path):
    X, y = friedman()
    fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / "network.joblib", cut(X, y), 3)
    assert joblib.load(tmp_path / "network.joblib").predict(X).shape == y.shape


def test_within_an_epoch_only_after_some_seconds(tmp_path):
    X, y = friedman()
    path = tmp_path / "network.joblib"
    network = BackpropRegressor(8, **FEW).set_callbacks(Checkpoint(path, every=100), WindowCounter(stop_at=12))
    with pytest.raises(KeyboardInterrupt):
        network.fit_chunks(cut(X, y), memory_budget=SMALL)
    assert not path.exists()


def test_the_seconds_count_from_the_last_time(tmp_path, monkeypatch):
    X, y = friedman()
    now = 0.0

    def tick():
        nonlocal now
        now += 1.0
        return now

    written = []
    monkeypatch.setattr(_checkpoint.time, "monotonic", tick)
    monkeypatch.setattr(_checkpoint, "write", lambda path, value: written.append(now))
    network = BackpropRegressor(8, **FEW | {"max_iter": 1}).set_callbacks(Checkpoint(tmp_path / "file", seconds=5))
    network.fit_chunks(cut(X, y, size=10), memory_budget=0.0105)
    assert len(written) > 3
    assert np.diff(written[:-1]).min() >= 5


@pytest.mark.parametrize("seconds", [-1, "often"])
def test_seconds(seconds, tmp_path):
    with pytest.raises((TypeError, ValueError), match="seconds"):
        Checkpoint(tmp_path / "network.joblib", seconds=seconds)


def test_resume_needs_chunks(tmp_path):
    X, y = friedman()
    fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / "network.joblib", cut(X, y), 3)
    with pytest.raises(ValueError, match="is from fit_chunks: call resume_chunks"):
        Checkpoint(tmp_path / "network.joblib").resume(X, y)


def test_other_chunks_are_an_error(tmp_path):
    X, y = friedman()
    fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / "network.joblib", cut(X, y), 3)
    with pytest.raises(ValueError, match="before training, and now"):
        Checkpoint(tmp_path / "network.joblib").resume_chunks(cut(X, y, size=25))


@pytest.mark.parametrize("which", ["X", "y", "weight", "order"])
def test_other_samples_are_an_error(which, tmp_path):
    X, y = friedman()
    weight = np.ones(len(y))
    fit_and_stop(BackpropRegressor(8, **FEW), tmp_path / "network.joblib", cut(X, y, weight), 3)
    if which == "order":
        X, y = X[::-1], y[::-1]
    else:
        array = {"X": X, "y": y, "weight": weight}[which]
        array *= 1.0001
    with pytest.raises(ValueError, match=r"Chunk \d+ has other samples than before training"):
        Checkpoint(tmp_path / "network.joblib").resume_chunks(cut(X, y, weight))


def test_a_diverging_epoch_is_not_written(tmp_path):
    """The file is then that of an epoch that was valid, and training can be resumed from it."""
    X, y = friedman()
    y[1400:] *= 1e4
    path = tmp_path / "network.joblib"
    network = BackpropRegressor(8, learning_rate=3.0, optimizer="gd", standardize=False, shuffle=False, **FEW)
    network.set_callbacks(Checkpoint(path, seconds=0))
    with pytest.warns(ConvergenceWarning), pytest.warns(DataWarning, match="look sorted"):
        network.fit_chunks(cut(X, y), memory_budget=SMALL)
    assert np.isfinite(theta(joblib.load(path))).all()


def test_chunks_that_fit_in_one_window(tmp_path):
    X, y = friedman(300)
    whole = BackpropRegressor(8, **FEW).fit(X, y)

    class Stop(WindowCounter):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and estimator.n_iter_ == 3:
                raise KeyboardInterrupt

    network = BackpropRegressor(8, **FEW).set_callbacks(Checkpoint(tmp_path / "network.joblib"), Stop())
    with pytest.raises(KeyboardInterrupt):
        network.fit_chunks(cut(X, y))
    resumed = Checkpoint(tmp_path / "network.joblib").resume_chunks(cut(X, y))
    np.testing.assert_array_equal(theta(resumed), theta(whole))


def test_a_damaged_position_is_an_error(tmp_path):
    X, y = friedman()
    path = tmp_path / "network.joblib"
    fit_and_stop(BackpropRegressor(8, **FEW), path, cut(X, y), 3)
    network = joblib.load(path)
    stored = network.__getstate__()
    stored["progress"]["chunks"]["position"]["order"][:] = 0
    with pytest.raises(ValueError, match="must have each of the 30 chunks once"):
        network.__setstate__(stored)


def test_a_fit_that_was_killed_within_an_epoch(tmp_path):
    X, y = friedman()
    path = tmp_path / "network.joblib"
    code = f"""
        import os, signal
        from skbackprop import BackpropRegressor
        from skbackprop.callbacks import Checkpoint
        from tests.chunks.cases import FEW, SMALL, WindowCounter, cut, friedman

        class Kill(WindowCounter):
            def on_window_end(self, estimator):
                self.n_windows += 1
                if self.n_windows == 13:
                    os.kill(os.getpid(), signal.SIGKILL)

        network = BackpropRegressor(8, **FEW).set_callbacks(Checkpoint({str(path)!r}, seconds=0), Kill())
        network.fit_chunks(cut(*friedman()), memory_budget=SMALL)
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL
    resumed = Checkpoint(path).resume_chunks(cut(X, y))
    whole = BackpropRegressor(8, **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)
    np.testing.assert_array_equal(theta(resumed), theta(whole))
