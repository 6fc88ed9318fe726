"""Workers that are killed or added during a fit change no number; a lost client resumes from a checkpoint."""

import os

import pytest

from tests.shared import TRAINS_BRIEFLY, theta

pytest.importorskip("distributed")
pytest.importorskip("sklearn.callback")

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Callback, Checkpoint
from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor
from tests.dask_estimators.cases import FEW, arrays, chunks, labels, numbers, same_bits

pytestmark = TRAINS_BRIEFLY

SETTINGS = pytest.mark.parametrize(
    "settings",
    [{"solver": "batch", "optimizer": "lbfgs"}, {"solver": "batch"}, {}, {"strategy": "average"}],
    ids=["lbfgs", "batch", "sequential", "average"],
)


class AtEpoch(Callback):
    """Calls a function once, before an epoch ends."""

    def __init__(self, n_iter, function):
        self.n_iter = n_iter
        self.function = function

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and estimator.n_iter_ == self.n_iter and self.function is not None:
            function, self.function = self.function, None
            function()


def interrupt():
    raise KeyboardInterrupt


def kill_a_worker(client):
    """Kill the process of a worker, which is then started again without its partitions."""
    pids = client.run(os.getpid)
    os.kill(pids[min(pids)], 9)


@SETTINGS
def test_a_killed_worker_changes_no_bit(client, other_workers, settings):
    X, y = arrays(*numbers())
    network = DaskBackpropRegressor(**FEW, **settings, client=other_workers)
    network.set_callbacks(AtEpoch(2, lambda: kill_a_worker(other_workers))).fit(X, y)
    assert same_bits(network, DaskBackpropRegressor(**FEW, **settings).fit(X, y))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_another_worker_changes_no_bit(client, other_workers, optimizer):
    X, y = arrays(*numbers())

    def add_a_worker():
        n_workers = len(other_workers.scheduler_info()["workers"])
        other_workers.cluster.scale(n_workers + 1)
        other_workers.wait_for_workers(n_workers + 1, timeout=30)

    settings = FEW | {"solver": "batch", "optimizer": optimizer}
    network = DaskBackpropRegressor(**settings, client=other_workers)
    network.set_callbacks(AtEpoch(2, add_a_worker)).fit(X, y)
    assert same_bits(network, DaskBackpropRegressor(**settings).fit(X, y))


@pytest.mark.parametrize("settings", [{"solver": "batch"}, {}, {"strategy": "average"}], ids=str)
def test_a_fit_that_is_resumed_equals_one_that_was_not_interrupted(client, tmp_path, settings):
    X, y = arrays(*numbers())
    network = DaskBackpropRegressor(**FEW, **settings).fit(X, y)
    checkpoint = Checkpoint(tmp_path / "network.joblib")
    with pytest.raises(KeyboardInterrupt):
        DaskBackpropRegressor(**FEW, **settings).set_callbacks(checkpoint, AtEpoch(2, interrupt)).fit(X, y)
    resumed = checkpoint.resume(X, y)
    assert isinstance(resumed, DaskBackpropRegressor)
    assert same_bits(resumed, network)
    assert checkpoint.resume(X, y).n_iter_ == 4


def test_a_fit_that_is_resumed_within_an_epoch(client, tmp_path):
    class AtWindow(Callback):
        n_windows = 0

        def on_window_end(self, estimator):
            self.n_windows += 1
            if self.n_windows == 7:
                raise KeyboardInterrupt

    X, y = arrays(*labels())
    network = DaskBackpropClassifier(**FEW).fit(X, y)
    checkpoint = Checkpoint(tmp_path / "network.joblib", seconds=0)
    with pytest.raises(KeyboardInterrupt):
        DaskBackpropClassifier(**FEW).set_callbacks(checkpoint, AtWindow()).fit(X, y)
    assert same_bits(checkpoint.resume(X, y), network)


def test_a_fit_that_is_resumed_with_early_stopping(client, tmp_path):
    X, y = numbers()
    validation = {"X_val": X[:50], "y_val": y[:50]}
    collections = arrays(X, y)
    network = DaskBackpropRegressor(**FEW).fit(*collections, **validation)
    checkpoint = Checkpoint(tmp_path / "network.joblib")
    interrupted = DaskBackpropRegressor(**FEW).set_callbacks(checkpoint, AtEpoch(2, interrupt))
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(*collections, **validation)
    resumed = checkpoint.resume(*collections, **validation)
    assert resumed.validation_scores_ == network.validation_scores_
    assert same_bits(resumed, network)


def test_a_fit_is_resumed_with_the_same_data(client, tmp_path):
    X, y = numbers()
    checkpoint = Checkpoint(tmp_path / "network.joblib")
    with pytest.raises(KeyboardInterrupt):
        DaskBackpropRegressor(**FEW).set_callbacks(checkpoint, AtEpoch(2, interrupt)).fit(*arrays(X, y))
    with pytest.raises(ValueError, match=r"Partition 3: it had dense X of shape \(100, 5\)"):
        checkpoint.resume(*arrays(X[:390], y[:390]))
    with pytest.raises(ValueError, match="there were 4 partitions when the fit began, and now there are 2"):
        checkpoint.resume(*(data.rechunk({0: 200}) for data in arrays(X, y)))


@pytest.mark.parametrize("other", [lambda X, y: (X, y), arrays], ids=["arrays", "collections"])
def test_chunks_go_on_with_chunks(other, tmp_path):
    X, y = numbers()
    checkpoint = Checkpoint(tmp_path / "network.joblib")
    network = BackpropRegressor(**FEW).set_callbacks(checkpoint, AtEpoch(2, interrupt))
    with pytest.raises(KeyboardInterrupt):
        network.fit_chunks(chunks(X, y), memory_budget=1e-6)
    with pytest.raises(ValueError, match="is from fit_chunks: call resume_chunks"):
        checkpoint.resume(*other(X, y))


@pytest.mark.parametrize("settings", [{"solver": "batch"}, {}, {"strategy": "average"}], ids=str)
def test_collections_go_on_with_collections(client, tmp_path, settings):
    X, y = numbers()
    checkpoint = Checkpoint(tmp_path / "network.joblib")
    with pytest.raises(KeyboardInterrupt):
        DaskBackpropRegressor(**FEW, **settings).set_callbacks(checkpoint, AtEpoch(2, interrupt)).fit(*arrays(X, y))
    with pytest.raises(ValueError, match="is from a fit to dask collections: call resume with these"):
        checkpoint.resume_chunks(chunks(X, y))
    with pytest.raises(TypeError, match="X must be a dask array or data frame, got ndarray"):
        checkpoint.resume(X, y)
    assert checkpoint.resume(*arrays(X, y)).n_iter_ == 4
    assert checkpoint.resume_chunks(chunks(X, y)).n_iter_ == 4  # nothing is left to do


def test_an_interrupt_keeps_the_last_epoch(client):
    X, y = arrays(*numbers())
    network = DaskBackpropRegressor(**FEW).set_callbacks(AtEpoch(3, interrupt))
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y)
    assert network.n_iter_ == 3
    two = DaskBackpropRegressor(**FEW | {"max_iter": 4}).fit(X, y)
    assert network.loss_curve_ == two.loss_curve_[:3]
    assert (theta(network) != theta(two)).any()
