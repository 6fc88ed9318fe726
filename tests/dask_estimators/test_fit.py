"""Training on dask collections: the numbers of a single machine, for each kind of collection."""

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import ENGINES, TRAINS_BRIEFLY, theta

pytest.importorskip("distributed")

from scipy import sparse
from sklearn.model_selection import GridSearchCV

from skbackprop.callbacks import Callback
from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor
from skbackprop.exceptions import DataWarning
from skbackprop.optimizers import OPTIMIZERS
from tests.dask_estimators.cases import (
    FEW,
    LOCAL,
    N_PARTITIONS,
    N_SAMPLES,
    NAMES,
    arrays,
    chunks,
    frames,
    labels,
    numbers,
    of_unknown_size,
    same_bits,
)

pytestmark = [TRAINS_BRIEFLY, pytest.mark.usefixtures("client")]

#: A budget of memory with which each chunk is a window.
ONE_CHUNK = 1e-6
#: The same, but with memory for a validation set.
ENOUGH_TO_HOLD_OUT = 0.008
LONG = FEW | {"max_iter": 50, "solver": "batch"}
FULL_BATCH = pytest.mark.parametrize(
    "settings",
    [{"optimizer": "lbfgs"}, {"optimizer": "adam"}, {"optimizer": "nesterov", "clip_norm": 0.1}, {"dropout": 0.2}],
    ids=str,
)


class EpochTimes(Callback):
    """Measures the seconds between the ends of epochs."""

    def __init__(self):
        self.seconds = []
        self.last = None

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            now = time.perf_counter()
            if self.last is not None:
                self.seconds.append(now - self.last)
            self.last = now


def timed(function):
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


class TestFullBatch:
    @FULL_BATCH
    def test_a_fit_equals_that_on_one_machine(self, settings):
        X, y = numbers()
        network = DaskBackpropRegressor(**LONG, **settings).fit(*arrays(X, y))
        local = BackpropRegressor(**LONG, **settings).fit(X, y)
        assert_allclose(theta(network), theta(local), rtol=1e-9, atol=1e-9 * np.abs(theta(local)).max())
        assert_allclose(network.loss_curve_, local.loss_curve_, rtol=1e-9)

    @FULL_BATCH
    def test_a_fit_has_the_same_bits_with_one_worker(self, one_worker, settings):
        X, y = arrays(*numbers())
        settings = settings | LONG | {"max_iter": 8}
        network = DaskBackpropRegressor(**settings).fit(X, y)
        assert same_bits(network, DaskBackpropRegressor(**settings, client=one_worker).fit(X, y))

    def test_a_fit_of_classes_equals_that_on_one_machine(self):
        X, y = labels()
        network = DaskBackpropClassifier(**LONG).fit(*arrays(X, y))
        local = BackpropClassifier(**LONG).fit(X, y)
        assert network.classes_.tolist() == local.classes_.tolist()
        assert_allclose(theta(network), theta(local), rtol=1e-9, atol=1e-9 * np.abs(theta(local)).max())

    def test_a_search_of_scikit_learn_takes_dask_arrays_and_no_others(self):
        X, y = numbers()
        settings = LONG | {"max_iter": 5}
        search = GridSearchCV(DaskBackpropRegressor(**settings), {"alpha": [0.01, 10.0]}, cv=2, error_score="raise")
        with pytest.raises(TypeError, match=r"X must be a dask array or data frame, got ndarray: .* BackpropRegressor"):
            search.fit(X, y)
        search.fit(*arrays(X, y))
        local = GridSearchCV(BackpropRegressor(**settings), {"alpha": [0.01, 10.0]}, cv=2).fit(X, y)
        assert_allclose(search.cv_results_["mean_test_score"], local.cv_results_["mean_test_score"], rtol=1e-9)
        assert isinstance(search.best_estimator_, DaskBackpropRegressor)

    @pytest.mark.parametrize("optimizer", OPTIMIZERS)
    def test_every_optimizer_makes_the_updates_of_one_machine(self, one_worker, optimizer):
        X, y = labels()
        settings = FEW | {"solver": "batch", "optimizer": optimizer, "max_iter": 12}
        network = DaskBackpropClassifier(**settings).fit(*arrays(X, y))
        local = BackpropClassifier(**settings).fit(X, y)
        assert_allclose(theta(network), theta(local), rtol=1e-9, atol=1e-9 * np.abs(theta(local)).max())
        assert_allclose(network.loss_curve_, local.loss_curve_, rtol=1e-9)
        assert same_bits(network, DaskBackpropClassifier(**settings, client=one_worker).fit(*arrays(X, y)))

    def test_an_update_takes_little_more_than_empty_tasks(self, client):
        pytest.importorskip("sklearn.callback")
        empty = [timed(lambda: client.gather(client.map(abs, range(4), pure=False))) for _ in range(50)]
        epochs = EpochTimes()
        settings = FEW | {"solver": "batch", "optimizer": "gd", "learning_rate": 1e-3, "max_iter": 50}
        DaskBackpropRegressor(**settings).set_callbacks(epochs).fit(*arrays(*numbers()))
        assert len(epochs.seconds) == 49
        assert min(epochs.seconds) < min(empty) + 0.02  # the smallest do not depend on what else the machine does

    def test_weights_that_are_large_to_send(self):
        X, y = arrays(*numbers())
        options = FEW | {"hidden_layer_sizes": (300, 250), "solver": "batch", "learning_rate": 1e-4, "alpha": 0.01}
        network = DaskBackpropRegressor(**options).fit(X, y)
        local = BackpropRegressor(**options).fit(*numbers())
        assert_allclose(theta(network), theta(local), rtol=1e-9, atol=1e-9)


class TestSequential:
    @ENGINES
    @pytest.mark.parametrize("settings", [{}, {"dropout": 0.2}, {"solver": "sgd"}, {"shuffle": False}], ids=str)
    def test_a_fit_has_the_bits_of_chunks(self, engine, settings):
        X, y = numbers()
        network = DaskBackpropRegressor(**FEW, **settings, engine=engine).fit(*arrays(X, y))
        local = BackpropRegressor(**FEW, **settings, engine=engine).fit_chunks(chunks(X, y), memory_budget=ONE_CHUNK)
        assert same_bits(network, local)
        assert (network.t_, network.n_iter_, network.engine_) == (local.t_, local.n_iter_, engine)
        assert (network.alpha_, network.learning_rate_) == (local.alpha_, local.learning_rate_)

    def test_classes_with_weights(self):
        X, y = labels()
        weight = np.arange(len(y), dtype=float) % 3
        options = FEW | {"class_weight": "balanced"}
        network = DaskBackpropClassifier(**options).fit(*arrays(X, y, weight))
        local = BackpropClassifier(**options).fit_chunks(chunks(X, y, weight), memory_budget=ONE_CHUNK)
        assert same_bits(network, local)

    def test_a_partition_of_weight_0(self):
        X, y = numbers()
        weight = np.repeat([1.0, 0.0, 2.0, 1.0], 100)
        network = DaskBackpropRegressor(**FEW).fit(*arrays(X, y, weight))
        local = BackpropRegressor(**FEW).fit_chunks(chunks(X, y, weight), memory_budget=ONE_CHUNK)
        assert same_bits(network, local)

    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    def test_a_class_of_weight_0(self, class_weight):
        X, y = labels()
        is_rare = np.arange(len(y)) % 50 == 0
        y = np.where(is_rare, "z", y)
        weight = np.where(is_rare, 0.0, 1.0)
        options = FEW | {"class_weight": class_weight}
        network = DaskBackpropClassifier(**options).fit(*arrays(X, y, weight))
        local = BackpropClassifier(**options).fit_chunks(chunks(X, y, weight), memory_budget=ONE_CHUNK)
        assert network.classes_[-1] == "z"
        assert same_bits(network, local)

    def test_a_warm_start_continues(self):
        X, y = numbers()
        network = DaskBackpropRegressor(**FEW, warm_start=True).fit(*arrays(X, y)).fit(*arrays(X, y))
        local = BackpropRegressor(**FEW, warm_start=True)
        for _ in range(2):
            local.fit_chunks(chunks(X, y), memory_budget=ONE_CHUNK)
        assert network.n_iter_ == 8
        assert same_bits(network, local)

    def test_early_stopping_with_a_validation_set_in_memory(self):
        X, y = numbers()
        validation = {"X_val": X[:50], "y_val": y[:50], "sample_weight_val": np.ones(50)}
        network = DaskBackpropRegressor(**FEW, scoring="r2").fit(*arrays(X, y), **validation)
        local = BackpropRegressor(**FEW, scoring="r2")
        local.fit_chunks(chunks(X, y), **validation, memory_budget=ONE_CHUNK)
        assert same_bits(network, local)
        assert network.validation_scores_ == local.validation_scores_

    @pytest.mark.parametrize("solver", ["batch", "minibatch"])
    def test_early_stopping_with_samples_of_all_partitions(self, solver):
        X, y = numbers()
        network = DaskBackpropRegressor(**FEW, solver=solver, early_stopping=True).fit(*arrays(X, y))
        local = BackpropRegressor(**FEW, solver=solver, early_stopping=True)
        local.fit_chunks(chunks(X, y), memory_budget=ENOUGH_TO_HOLD_OUT)
        assert same_bits(network, local)
        assert network.validation_scores_ == local.validation_scores_

    def test_partitions_that_are_sorted(self):
        X, y = numbers()
        order = np.argsort(y)
        with pytest.warns(DataWarning, match=r"The partitions look sorted: \d+% of the variance of y"):
            DaskBackpropRegressor(**FEW).fit(*arrays(X[order], y[order]))

    @pytest.mark.parametrize("strategy", ["sequential", "average"])
    def test_batches_that_do_not_fit_in_a_partition_are_a_warning(self, strategy):
        network = DaskBackpropRegressor(**FEW, strategy=strategy, batch_size=150)
        pattern = "batch_size=150 has no effect with partitions of about 100 samples.*rechunk or repartition"
        with pytest.warns(UserWarning, match=pattern):
            network.fit(*arrays(*numbers()))
        assert network.t_ == FEW["max_iter"] * (N_PARTITIONS if strategy == "sequential" else 1)

    @pytest.mark.parametrize("strategy", ["sequential", "average"])
    def test_samples_that_are_not_learned_from_are_no_part_of_the_schedule(self, strategy):
        weight = np.arange(N_SAMPLES) % 4 // 3.0  # 0 for three of four samples
        network = DaskBackpropRegressor(**FEW, strategy=strategy, batch_size=5)
        network.fit(*arrays(*numbers()), sample_weight=arrays(weight)[0])
        assert network.t_ == network._state.n_planned

    def test_all_samples_cannot_be_shuffled_together(self):
        with pytest.raises(ValueError, match="shuffle='samples' needs all samples in memory at once"):
            DaskBackpropRegressor(**FEW, shuffle="samples").fit(*arrays(*numbers()))

    def test_an_engine_that_fails_on_a_worker_is_replaced(self, client, monkeypatch):
        pytest.importorskip("numba")
        monkeypatch.setattr("skbackprop.dask._trainer.learn", _fails_with_numba)
        monkeypatch.setattr("skbackprop._engines.selection.numpy_seconds", lambda config, data: 1.0)
        with pytest.warns(RuntimeWarning, match=r"Training goes on with engine='numpy', because .*no kernel here"):
            network = DaskBackpropRegressor(**FEW).fit(*arrays(*numbers()))
        assert same_bits(network, DaskBackpropRegressor(**FEW, engine="numpy").fit(*arrays(*numbers())))


def _fails_with_numba(data, engine, config, state, seconds):
    from skbackprop.dask import _trainer

    if engine.name == "numba":
        raise RuntimeError("no kernel here")
    return _trainer.learn(data, engine, config, state, seconds)


class TestAverage:
    def test_one_epoch_is_the_mean_of_epochs_from_the_same_weights(self):
        X, y = numbers()
        weight = np.repeat([1.0, 2.0, 3.0, 2.0], 100)
        options = FEW | {"max_iter": 1, "shuffle": False, "standardize": False, "learning_rate": 0.01, "batch_size": 20}
        network = DaskBackpropRegressor(**options, strategy="average").fit(*arrays(X, y, weight))
        start = BackpropRegressor(**options | {"learning_rate": 1e-300}).fit(X, y)
        mean = np.zeros_like(theta(network))
        for number, (part, target) in enumerate(chunks(X, y)):
            # gradients are relative to the mean weight of all samples, 2
            options["learning_rate"] = 0.01
            local = BackpropRegressor(**options, init=(start.coefs_, start.intercepts_)).fit(part, target)
            mean += [1, 2, 3, 2][number] / 8 * theta(local)
        assert_allclose(theta(network), mean, atol=1e-6)
        assert (network.t_, network.n_iter_) == (5, 1)

    def test_it_learns_and_has_the_same_bits_with_one_worker(self, one_worker):
        X, y = arrays(*numbers())
        options = FEW | {"max_iter": 20, "strategy": "average"}
        network = DaskBackpropRegressor(**options).fit(X, y)
        assert network.loss_curve_[-1] < 0.7 * network.loss_curve_[0]
        assert network.t_ == 20 * 5
        assert same_bits(network, DaskBackpropRegressor(**options, client=one_worker).fit(X, y))

    def test_it_has_no_effect_on_full_batches(self):
        with pytest.warns(UserWarning, match="strategy='average' has no effect with solver='batch'"):
            DaskBackpropRegressor(**FEW, solver="batch", strategy="average").fit(*arrays(*numbers()))


class TestCollections:
    @pytest.mark.parametrize("collections", [frames, of_unknown_size], ids=["frames", "unknown sizes"])
    def test_the_kind_of_collection_does_not_matter(self, collections):
        expected = DaskBackpropRegressor(**FEW).fit(*arrays(*numbers()))
        network = DaskBackpropRegressor(**FEW).fit(*collections(*numbers()))
        assert same_bits(network, expected)

    def test_the_names_of_features_are_kept(self):
        network = DaskBackpropClassifier(**FEW).fit(*frames(*labels()))
        assert network.feature_names_in_.tolist() == NAMES
        assert network.to_local().feature_names_in_.tolist() == NAMES

    def test_an_array_and_a_series(self):
        (X, _), (_, y) = arrays(*numbers()), frames(*numbers())
        assert same_bits(DaskBackpropRegressor(**FEW).fit(X, y), DaskBackpropRegressor(**FEW).fit(*arrays(*numbers())))

    def test_partitions_of_columns_and_other_partitions_of_y_are_joined(self):
        X, y = arrays(*numbers())
        network = DaskBackpropRegressor(**FEW).fit(X.rechunk((100, 2)), y.rechunk(150))
        assert same_bits(network, DaskBackpropRegressor(**FEW).fit(X, y))

    def test_sparse_partitions(self):
        X, y = numbers()
        network = DaskBackpropRegressor(**FEW).fit(arrays(X)[0].map_blocks(sparse.csr_matrix), arrays(y)[0])
        parts = [(sparse.csr_matrix(part), target) for part, target in chunks(X, y)]
        assert same_bits(network, BackpropRegressor(**FEW).fit_chunks(parts, memory_budget=ONE_CHUNK))

    def test_float32(self):
        X, y = (array.astype(np.float32) for array in numbers())
        network = DaskBackpropRegressor(**FEW).fit(*arrays(X, y))
        assert theta(network).dtype == np.float32
        assert network.predict(*arrays(X)).dtype == np.float32

    def test_several_targets_and_labels(self):
        X, y = numbers()
        network = DaskBackpropRegressor(**FEW).fit(*arrays(X, np.column_stack([y, -y])))
        assert network.predict(arrays(X)[0]).shape == (400, 2)
        network = DaskBackpropClassifier(**FEW).fit(*arrays(X, np.column_stack([y > 0, y < 1]).astype(int)))
        assert network.predict(arrays(X)[0]).compute().shape == (400, 2)

    def test_a_class_in_one_partition_only(self):
        X, y = labels()
        y = np.where(np.arange(len(y)) == 350, "rare", y)
        network = DaskBackpropClassifier(**FEW).fit(*arrays(X, y))
        assert network.classes_.tolist() == ["high", "low", "middle", "rare"]

    @pytest.mark.parametrize("kind", LOCAL)
    def test_one_partition(self, kind):
        X, y = numbers() if kind is DaskBackpropRegressor else labels()
        network = kind(**FEW).fit(arrays(X)[0].rechunk((400, -1)), arrays(y)[0].rechunk(400))
        assert same_bits(network, LOCAL[kind](**FEW).fit_chunks([(X, y)], memory_budget=ONE_CHUNK))
