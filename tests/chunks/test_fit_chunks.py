"""`fit_chunks`: what it promises about its results, its input, and the memory it takes."""

import pickle
import re
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.objective import Objective
from skbackprop._core.shards import WindowMemory
from skbackprop._estimators import labels
from skbackprop._training.trainer import FitTrainer
from skbackprop.exceptions import DataWarning
from tests.chunks.cases import FEW, SMALL, WindowCounter, cut, friedman, three_classes
from tests.shared import ENGINES, TRAINS_BRIEFLY, theta

pytestmark = TRAINS_BRIEFLY

SETTINGS = [
    {},
    {"solver": "sgd", "max_iter": 2},
    {"solver": "batch"},
    {"solver": "batch", "optimizer": "lbfgs"},
    {"early_stopping": True},
    {"alpha": "auto"},
    {"loss": "huber"},
    {"dropout": 0.1},
    {"standardize": False},
    {"shuffle": False},
    {"learning_rate": "plateau", "optimizer": "adamw"},
]


def same(first, second):
    return np.array_equal(theta(first), theta(second)) and first.loss_curve_ == second.loss_curve_


class TestOneWindow:
    """Chunks that fit in one window give the result of `fit`, to the last bit."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_one_chunk_that_holds_everything_equals_fit(self, settings, dtype):
        X, y = friedman(300, dtype)
        network = BackpropRegressor(8, **FEW | settings)
        by_chunk = clone(network).fit_chunks([(X, y)], memory_budget=1e-6)
        whole = network.fit(X, y)
        assert same(by_chunk, whole)
        assert by_chunk.predict(X).dtype == whole.predict(X).dtype
        assert by_chunk.alpha_search_ == whole.alpha_search_
        assert by_chunk.validation_loss_curve_ == whole.validation_loss_curve_

    @pytest.mark.parametrize("budget", [1e-6, SMALL])
    @pytest.mark.parametrize("kind", [str, object])
    @pytest.mark.parametrize("settings", [{"early_stopping": True}, {"shuffle": "samples"}], ids=str)
    def test_one_chunk_of_long_strings_equals_fit(self, settings, kind, budget):
        """They take more memory than the samples that are made of them."""
        X, y = three_classes(300)
        y = np.char.add("a long name of the class ", y).astype(kind)
        network = BackpropClassifier(8, **FEW | settings)
        for chunks in ([(X, y)], lambda: iter([(X, y)])):
            assert same(clone(network).fit_chunks(chunks, memory_budget=budget), clone(network).fit(X, y))

    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_many_chunks_that_fit_equal_fit(self, settings):
        X, y = friedman(300)
        network = BackpropRegressor(8, **FEW | settings)
        assert same(clone(network).fit_chunks(cut(X, y)), network.fit(X, y))

    @pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 2.0}])
    def test_classifier(self, class_weight):
        X, y = three_classes(300)
        network = BackpropClassifier(8, class_weight=class_weight, **FEW)
        by_chunks = clone(network).fit_chunks(cut(X, y))
        assert same(by_chunks, network.fit(X, y))
        assert by_chunks.classes_.tolist() == ["a", "b", "c"]

    def test_weights_and_sparse_samples(self):
        X, y = friedman(300)
        weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
        X = sparse.csr_matrix(np.where(X > 0.7, X, 0))
        chunks = [(X[s : s + 50], y[s : s + 50], weight[s : s + 50]) for s in range(0, 300, 50)]
        network = BackpropRegressor(8, **FEW)
        assert same(clone(network).fit_chunks(chunks), network.fit(X, y, weight))

    def test_data_frames_keep_their_names(self):
        X, y = friedman(300)
        frame = pd.DataFrame(X, columns=list("abcdef"))
        chunks = [(frame[s : s + 50], pd.Series(y[s : s + 50])) for s in range(0, 300, 50)]
        network = BackpropRegressor(8, **FEW).fit_chunks(chunks)
        assert network.feature_names_in_.tolist() == list("abcdef")
        assert same(network, BackpropRegressor(8, **FEW).fit(frame, y))

    def test_validation_set_of_the_user(self):
        X, y = friedman(300)
        network = BackpropRegressor(8, **FEW)
        by_chunks = clone(network).fit_chunks(cut(X[:200], y[:200]), X_val=X[200:], y_val=y[200:])
        assert (
            by_chunks.validation_scores_
            == network.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:]).validation_scores_
        )


class TestManyWindows:
    """Chunks that are read anew in every epoch."""

    @pytest.mark.parametrize("settings", SETTINGS, ids=str)
    def test_as_good_as_fit(self, settings):
        X, y = friedman(2000)
        settings = FEW | {"max_iter": 30} | settings
        network = BackpropRegressor((16,), **settings)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "validation_fraction", DataWarning)
            by_chunks = clone(network).fit_chunks(cut(X[:1500], y[:1500]), memory_budget=0.1)
        network.fit(X[:1500], y[:1500])
        score = by_chunks.score(X[1500:], y[1500:])
        assert score == pytest.approx(network.score(X[1500:], y[1500:]), abs=0.03)
        assert by_chunks.n_iter_ == network.n_iter_

    @pytest.mark.parametrize(
        "settings", [{}, {"optimizer": "lbfgs"}, {"optimizer": "momentum", "clip_norm": 0.1}], ids=str
    )
    def test_gradients_of_all_samples_are_sums_over_chunks(self, settings):
        X, y = friedman(1000)
        network = BackpropRegressor(8, solver="batch", **FEW | {"max_iter": 50, "standardize": "standard"} | settings)
        by_chunks = clone(network).fit_chunks(cut(X, y), memory_budget=SMALL)
        assert by_chunks.n_iter_ == network.fit(X, y).n_iter_
        np.testing.assert_allclose(theta(by_chunks), theta(network), rtol=1e-6, atol=1e-9)

    def test_moments_are_those_of_all_samples(self):
        X, y = friedman(1000)
        weight = np.random.default_rng(0).random(len(y))
        network = BackpropRegressor(8, standardize="standard", **FEW)
        by_chunks = clone(network).fit_chunks(cut(X, y, weight), memory_budget=SMALL)
        network.fit(X, y, weight)
        for name in ("mean", "variance", "weight", "target_extreme"):
            values = (getattr(fitted._state.standardizer.moments, name) for fitted in (by_chunks, network))
            np.testing.assert_allclose(*values, rtol=1e-12)
        assert by_chunks._state.constant_loss == pytest.approx(network._state.constant_loss, rel=1e-12)
        assert by_chunks._state.mean_weight == pytest.approx(network._state.mean_weight, rel=1e-12)

    @pytest.mark.parametrize("size", [1, 7, 50, 200])
    def test_results_do_not_depend_on_how_the_samples_are_cut(self, size):
        X, y = friedman(1500)
        network = BackpropRegressor((16,), **FEW | {"max_iter": 20})
        by_chunks = clone(network).fit_chunks(cut(X[:1000], y[:1000], size=size), memory_budget=0.06)
        score = clone(network).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:])
        assert by_chunks.score(X[1000:], y[1000:]) == pytest.approx(score, abs=0.02)

    def test_sorted_chunks_are_mixed_by_windows(self):
        X, y = friedman(6000)
        order = np.argsort(y[:5000])
        chunks = cut(X[order], y[order], size=25)
        network = BackpropRegressor((16,), **FEW | {"max_iter": 30})
        score = clone(network).fit_chunks(chunks, memory_budget=0.1).score(X[5000:], y[5000:])
        assert score == pytest.approx(network.fit(X[order], y[order]).score(X[5000:], y[5000:]), abs=0.01)

    def test_windows_of_a_sorted_file_that_are_too_small_are_a_warning(self):
        X, y = friedman(1500)
        order = np.argsort(y)
        with pytest.warns(DataWarning, match=r"look sorted: 9.% of the variance of y lies .*Raise memory_budget"):
            BackpropRegressor(8, **FEW).fit_chunks(cut(X[order], y[order], size=100), memory_budget=SMALL)

    @pytest.mark.parametrize("size", [1, 2, 10])
    def test_small_chunks_in_a_random_order_do_not_look_sorted(self, size):
        X, y = friedman(500)
        chunks = cut(X, y, size=size)
        BackpropRegressor(8, **FEW | {"max_iter": 1}).fit_chunks(lambda: iter(chunks), memory_budget=0.01)

    @pytest.mark.parametrize("size", [35, 70])
    def test_schedules_end_with_the_last_epoch(self, size):
        """The last batch of each window may be small, so there are more updates than in `fit`."""
        X, y = friedman()
        network = BackpropRegressor(8, **FEW).fit_chunks(cut(X, y, size=size), memory_budget=0.02)
        assert network.t_ == pytest.approx(network._state.n_planned, rel=0.05)

    def test_sorted_by_class(self):
        X, y = three_classes()
        order = np.argsort(y)
        with pytest.warns(DataWarning, match="look sorted"):
            network = BackpropClassifier(8, **FEW).fit_chunks(cut(X[order], y[order], size=100), memory_budget=SMALL)
        assert network.classes_.tolist() == ["a", "b", "c"]

    @ENGINES
    def test_windows_take_turns_in_the_same_memory(self, engine, monkeypatch):
        """The window that is learned from is not overwritten while the next one is read."""
        X, y = friedman()
        weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
        settings = FEW | {"engine": engine}
        shared = BackpropRegressor(8, **settings).fit_chunks(cut(X, y, weight), memory_budget=SMALL)
        fill, windows = WindowMemory.fill, []

        def fill_new(self, parts, n_samples):
            windows.append(fill(WindowMemory(), parts, n_samples))
            return windows[-1]

        monkeypatch.setattr(WindowMemory, "fill", fill_new)
        assert same(BackpropRegressor(8, **settings).fit_chunks(cut(X, y, weight), memory_budget=SMALL), shared)
        assert len(windows) >= 3 * shared.n_iter_

    @pytest.mark.parametrize("memory_budget", [100.0, 0.03])
    def test_a_number_that_is_too_large_for_a_network_in_float32(self, memory_budget):
        X = np.random.default_rng(0).normal(size=(600, 3)).astype(np.float32)
        network = BackpropRegressor(4, warm_start=True, **FEW).fit(X, X[:, 0])
        before = network.predict(X)
        large = X.astype(np.float64)
        large[250, 1] = 1e300
        with pytest.raises(ValueError, match=r"Chunk 2: Input X contains infinity or a value too large .*float32"):
            network.fit_chunks(cut(large, X[:, 0], size=100), memory_budget=memory_budget)
        np.testing.assert_array_equal(network.predict(X), before)

    @pytest.mark.parametrize("dtype", ["U5", object])
    def test_sorted_by_a_rare_class(self, dtype):
        """Windows have a third of the chunks each, but the rare class is in two chunks only."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(24_000, 4))
        y = np.where(X[:, 0] > 2.0, "rare", "other").astype(dtype)
        network = BackpropClassifier(4, max_iter=1, tol=None, alpha=0.0, random_state=0)
        order = np.argsort(y)
        weight = np.full(len(y), 1e-3)  # the unit of weights does not matter
        with pytest.warns(DataWarning, match=r"look sorted: the share of class 'rare' in a window deviates by \d+%"):
            network.fit_chunks(cut(X[order], y[order], weight, size=400), memory_budget=0.6)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            network.fit_chunks(cut(X, y, weight, size=400), memory_budget=0.6)

    @pytest.mark.parametrize("n_outputs", [1, 2])
    def test_sorted_probabilities_of_a_regressor_belong_to_no_class(self, n_outputs):
        X = np.random.default_rng(0).normal(size=(8000, 5))
        y = np.zeros((8000, n_outputs))
        y[-600:, 0] = 1.0
        network = BackpropRegressor(4, output_activation="logistic", **FEW | {"max_iter": 1})
        with pytest.warns(DataWarning, match="look sorted: 100% of the variance of y"):
            network.fit_chunks(cut(X, y, size=200), memory_budget=0.2)

    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize("n_narrow", [1, 3])
    def test_targets_in_float32_and_float64_are_learned_exactly(self, n_narrow, shuffle):
        X, y = friedman()
        y = 1e8 + np.round(4 * y) / 4
        dtypes = [np.float32 if number < n_narrow else np.float64 for number in range(30)]
        y[: 50 * n_narrow] = y[: 50 * n_narrow].astype(np.float32)
        network = BackpropRegressor(8, shuffle=shuffle, **FEW)
        chunks = [(X, y.astype(dtype)) for (X, y), dtype in zip(cut(X, y), dtypes, strict=True)]
        mixed = clone(network).fit_chunks(chunks, memory_budget=SMALL)
        assert same(mixed, network.fit_chunks(cut(X, y), memory_budget=SMALL))

    @ENGINES
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_weights_of_zero_in_some_of_the_chunks_that_are_a_window_each(self, shuffle, engine):
        X, y = friedman(500)
        weight = np.ones(500)
        weight[255:265] = 0.0
        network = BackpropRegressor(8, shuffle=shuffle, batch_size=16, learning_rate=0.01, engine=engine, **FEW)
        network.fit_chunks(cut(X, y, weight), memory_budget=1e-3)
        without = cut(X, y)
        without[5] = tuple(np.concatenate([array[250:255], array[265:300]]) for array in (X, y))
        expected = clone(network).fit_chunks(without, memory_budget=1e-3)
        np.testing.assert_allclose(theta(network), theta(expected), rtol=1e-6)

    @pytest.mark.parametrize(
        ("kind", "settings", "n_reads"),
        [
            (BackpropRegressor, {}, 2),
            (BackpropRegressor, {"loss": "huber"}, 3),
            (BackpropRegressor, {"early_stopping": True}, 3),
            (BackpropClassifier, {}, 2),
        ],
        ids=str,
    )
    def test_chunks_are_read_as_often_as_documented(self, kind, settings, n_reads):
        X, y = friedman(3000) if kind is BackpropRegressor else three_classes(3000)
        chunks = cut(X, y)
        network = kind(8, **FEW | settings)
        n_read = 0

        class Counting:
            def __len__(self):
                return len(chunks)

            def __getitem__(self, number):
                nonlocal n_read
                n_read += 1
                return chunks[number]

        network.fit_chunks(Counting(), memory_budget=0.1)
        assert n_read == (n_reads + network.n_iter_) * len(chunks)

    @pytest.mark.parametrize("standardize", [True, False])
    @pytest.mark.parametrize("n_outputs", [1, 3])
    def test_the_loss_of_the_mean_is_that_of_the_samples(self, n_outputs, standardize, monkeypatch):
        X, y = friedman()
        y = np.column_stack([y, 50 * y**2, 3 - y])[:, :n_outputs]
        weight = np.random.default_rng(0).random(len(y))
        losses = []
        for _ in range(2):
            network = BackpropRegressor(8, standardize=standardize, **FEW)
            network.fit_chunks(cut(X, y, weight), memory_budget=SMALL)
            losses.append(network._state.constant_loss)
            monkeypatch.setattr(Objective, "loss_of_mean", lambda self, variance: None)
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)

    @ENGINES
    @pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
    def test_samples_that_are_not_learned_from_are_no_part_of_the_schedule(self, settings, engine):
        X, y = friedman(6000)
        weight = np.random.default_rng(0).integers(0, 5, 6000) // 4  # 0 for four of five samples
        network = BackpropRegressor(8, batch_size=20, engine=engine, **FEW | settings)
        network.fit_chunks(cut(X, y, weight), memory_budget=0.2)
        assert network.t_ == pytest.approx(network._state.n_planned, rel=0.05)

    @pytest.mark.parametrize("size", [50, 70, 90])
    def test_no_window_takes_more_than_its_share_of_the_memory(self, size, monkeypatch):
        """If few chunks fit in a window, none has one more than that."""
        X, y = friedman(1800)
        fill, sizes = WindowMemory.fill, []

        def fill_and_measure(self, parts, n_samples):
            window = fill(self, parts, n_samples)
            sizes.append(window.X.nbytes + window.y.nbytes)
            return window

        monkeypatch.setattr(WindowMemory, "fill", fill_and_measure)
        budget = 3e4
        BackpropRegressor(8, **FEW).fit_chunks(cut(X, y, size=size), memory_budget=budget / 1e6)
        assert max(sizes, default=0) <= (budget - 2 * 7 * 8 * size) / 2

    def test_no_two_threads_read_at_a_time(self):
        """Not even after a divergence, which leaves an epoch early."""
        X, y = friedman()

        class OneReader(list):
            n_active = most = 0

            def __getitem__(self, number):
                self.n_active += 1
                self.most = max(self.most, self.n_active)
                time.sleep(1e-3)
                self.n_active -= 1
                return super().__getitem__(number)

        chunks = OneReader(cut(X, y))
        with pytest.warns(UserWarning, match="Training diverged"):
            BackpropRegressor(8, learning_rate=30.0, optimizer="gd", **FEW).fit_chunks(chunks, memory_budget=SMALL)
        assert chunks.most == 1

    @pytest.mark.parametrize("settings", [{"class_weight": "balanced"}, {"class_weight": {True: 300.0}}, {}], ids=str)
    def test_a_rare_class_of_large_weight_does_not_look_sorted(self, settings):
        """It differs by chance between windows, by its number of samples, whatever their weights are."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(24_000, 4))
        y = rng.random(24_000) < 0.002
        weight = np.ones(24_000) if settings else np.where(y, 500.0, 1.0)
        network = BackpropClassifier(4, max_iter=1, tol=None, alpha=0.0, random_state=0, **settings)
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            network.fit_chunks(cut(X, y, weight, size=400), memory_budget=0.6)

    def test_iterators_are_read_in_their_order(self):
        X, y = friedman()
        chunks = cut(X, y)
        by_iterator = BackpropRegressor(8, shuffle=False, **FEW).fit_chunks(lambda: iter(chunks), memory_budget=SMALL)
        assert same(by_iterator, BackpropRegressor(8, shuffle=False, **FEW).fit_chunks(chunks, memory_budget=SMALL))
        shuffled = BackpropRegressor(8, **FEW).fit_chunks(lambda: (chunk for chunk in chunks), memory_budget=SMALL)
        assert shuffled.score(X, y) > 0.5

    @pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 2.0}])
    def test_classifier(self, class_weight):
        X, y = three_classes(2000)
        settings = FEW | {"max_iter": 20}
        network = BackpropClassifier(16, class_weight=class_weight, **settings)
        by_chunks = clone(network).fit_chunks(cut(X[:1500], y[:1500]), memory_budget=0.1)
        network.fit(X[:1500], y[:1500])
        assert by_chunks.score(X[1500:], y[1500:]) == pytest.approx(network.score(X[1500:], y[1500:]), abs=0.04)
        assert by_chunks._state.constant_loss == pytest.approx(network._state.constant_loss)

    def test_a_class_that_occurs_in_one_chunk_only(self):
        X, y = three_classes()
        y[:] = "a"
        y[120:130] = "z"
        network = BackpropClassifier(8, **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)
        assert network.classes_.tolist() == ["a", "z"]

    def test_several_labels_and_several_targets(self):
        X, y = friedman()
        several = np.column_stack([y > 12, y > 16, X[:, 0] > 0.5]).astype(int)
        classifier = BackpropClassifier(8, class_weight="balanced", **FEW).fit_chunks(
            cut(X, several), memory_budget=SMALL
        )
        assert classifier.predict(X).shape == several.shape
        regressor = BackpropRegressor(8, **FEW).fit_chunks(cut(X, np.column_stack([y, -y])), memory_budget=SMALL)
        assert regressor.predict(X).shape == (len(X), 2)

    def test_classes_of_the_user(self):
        X, y = three_classes()
        network = BackpropClassifier(8, **FEW).fit_chunks(cut(X, y), classes=["a", "b", "c", "d"], memory_budget=SMALL)
        assert network.predict_proba(X).shape == (len(X), 4)
        with pytest.raises(ValueError, match=r"Chunk 0: y contains previously unseen labels \['c'\]"):
            BackpropClassifier(8, **FEW).fit_chunks(cut(X, y), classes=["a", "b"])

    def test_warm_start_continues(self):
        X, y = friedman()
        network = BackpropRegressor(8, warm_start=True, **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)
        assert network.fit_chunks(cut(X, y), memory_budget=SMALL).n_iter_ == 10
        assert network.partial_fit(X[:100], y[:100]).n_iter_ == 11

    def test_warm_start_keeps_the_dtype_and_the_classes(self):
        X, y = friedman(dtype=np.float32)
        network = BackpropRegressor(8, warm_start=True, **FEW).fit(X, y)
        assert theta(network.fit_chunks(cut(X.astype(float), y), memory_budget=SMALL)).dtype == np.float32
        X, y = three_classes()
        network = BackpropClassifier(8, warm_start=True, **FEW).fit(X, y)
        is_known = y != "c"
        assert len(network.fit_chunks(cut(X[is_known], y[is_known]), memory_budget=SMALL).classes_) == 3
        y[270] = "d"
        with pytest.raises(ValueError, match=r"Chunk 5: y contains previously unseen labels \['d'\]"):
            network.fit_chunks(cut(X, y), memory_budget=SMALL)
        with pytest.raises(ValueError, match="Chunk 0: X has 5 features, and the network has 6 inputs"):
            network.fit_chunks(cut(X[:, 1:], y), memory_budget=SMALL)

    @pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
    def test_narrow_dtypes_become_that_of_the_network_window_by_window(self, dtype):
        X, y = friedman()
        X = np.round(255 * X).astype(dtype)
        network = BackpropRegressor(8, **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)
        assert network.score(X, y) > 0.8
        assert theta(network).dtype == (np.float32 if dtype == np.float32 else np.float64)

    def test_labels_in_a_column(self):
        X, y = three_classes()
        network = BackpropClassifier(8, **FEW)
        by_column = clone(network).fit_chunks(cut(X, y[:, np.newaxis]), memory_budget=SMALL)
        assert same(by_column, network.fit_chunks(cut(X, y), memory_budget=SMALL))

    def test_identifiers_are_no_labels(self, monkeypatch):
        X, _ = friedman()
        monkeypatch.setattr(labels, "MAX_PROBABILITIES", 1000)
        with pytest.raises(ValueError, match="y has 1500 classes in 1500 samples"):
            BackpropClassifier(8, **FEW).fit_chunks(cut(X, np.arange(1500)), memory_budget=SMALL)

    def test_divergence_goes_back_and_recovers(self):
        X, y = friedman()
        network = BackpropRegressor(8, learning_rate=30.0, optimizer="gd", **FEW)
        with pytest.warns(UserWarning, match="Training diverged in epoch 1"):
            network.fit_chunks(cut(X, y), memory_budget=SMALL)
        assert np.isfinite(network.predict(X)).all()

    def test_copies_and_pickles(self):
        X, y = friedman()
        network = BackpropRegressor(8, **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(network)).predict(X), network.predict(X))

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_validation_scores(self, early_stopping):
        X, y = friedman()
        network = BackpropRegressor(8, early_stopping=early_stopping, scoring="r2", **FEW)
        if early_stopping:
            network.fit_chunks(cut(X, y), memory_budget=0.2)
        else:
            network.set_params(early_stopping="auto").fit_chunks(cut(X, y), X_val=X, y_val=y, memory_budget=SMALL)
            assert network.validation_scores_[network.best_iter_ - 1] == pytest.approx(r2_score(y, network.predict(X)))
        assert len(network.validation_scores_) == 5

    def test_held_out_samples_are_not_learned_from(self, monkeypatch):
        X, y = friedman()
        X[:, 0] = np.arange(len(y))
        seen = set()
        make_updates = FitTrainer._make_updates

        def collect(self, data):
            seen.update(np.delete(data.X[:, 0], [] if data.excluded is None else data.excluded).tolist())
            return make_updates(self, data)

        monkeypatch.setattr(FitTrainer, "_make_updates", collect)
        held_out = []

        def score(network, X, y):
            held_out.append(X[:, 0].copy())
            return 1.0

        network = BackpropRegressor(8, early_stopping=True, scoring=score, **FEW)
        network.fit_chunks(cut(X, y), memory_budget=0.2)
        assert 0.06 * len(y) < len(held_out[0]) < 0.14 * len(y)
        assert seen.isdisjoint(held_out[0].tolist())
        assert len(seen) + len(held_out[0]) == len(y)

    def test_dropout_masks_differ_from_chunk_to_chunk(self):
        """With the gradient of all samples, the masks are those of the positions of the samples."""
        X, y = friedman(1000)
        network = BackpropRegressor(8, solver="batch", dropout=0.5, **FEW | {"standardize": "standard"})
        by_chunks = clone(network).fit_chunks(cut(X, y), memory_budget=SMALL)
        np.testing.assert_allclose(theta(by_chunks), theta(network.fit(X, y)), rtol=1e-6, atol=1e-9)

    def test_the_rate_of_all_samples_is_lowered_after_divergence(self):
        X, y = friedman(1000)
        settings = FEW | {"standardize": "standard", "max_iter": 30, "learning_rate": 8.0, "optimizer": "gd"}
        network = BackpropRegressor(8, solver="batch", **settings)
        with pytest.warns(ConvergenceWarning, match="Training diverged"):
            by_chunks = clone(network).fit_chunks(cut(X, y), memory_budget=SMALL)
        with pytest.warns(ConvergenceWarning, match="Training diverged"):
            network.fit(X, y)
        assert by_chunks.learning_rate_ == network.learning_rate_
        np.testing.assert_allclose(by_chunks.loss_curve_, network.loss_curve_, rtol=1e-6)

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_batches_that_do_not_fit_in_a_window_are_a_warning(self, early_stopping):
        X, y = friedman()
        network = BackpropRegressor(8, batch_size=1400, early_stopping=early_stopping, **FEW)
        pattern = r"batch_size=1400 has no effect .* windows of about (\d+) samples.*: raise memory_budget, or set"
        with pytest.warns(UserWarning, match=pattern) as caught:
            network.fit_chunks(cut(X, y, size=10), memory_budget=0.1)
        (message,) = [str(warning.message) for warning in caught if "batch_size" in str(warning.message)]
        n_samples = int(re.search(pattern, message)[1])
        assert network.t_ == pytest.approx(5 * 1500 * (1 - 0.1 * early_stopping) / n_samples, rel=0.1)
        network.set_params(batch_size=n_samples).fit_chunks(cut(X, y, size=10), memory_budget=0.1)

    @pytest.mark.parametrize(
        ("settings", "budget"),
        [({"batch_size": 1500}, 500), ({}, 0.005), ({"batch_size": 50}, SMALL), ({"batch_size": 100}, 0.1)],
        ids=str,
    )
    def test_other_batches_are_no_warning(self, settings, budget):
        X, y = friedman()
        BackpropRegressor(8, **FEW | settings).fit_chunks(cut(X, y, size=10), memory_budget=budget)

    def test_a_large_validation_set_is_limited(self):
        X, y = friedman()
        with pytest.warns(DataWarning, match="validation_fraction=0.5 of the samples would take too much memory"):
            BackpropRegressor(8, early_stopping=True, validation_fraction=0.5, **FEW).fit_chunks(
                cut(X, y), memory_budget=SMALL
            )


class Reader:
    """Chunks that fail, or change, when they are read for the nth time."""

    def __init__(self, chunks, number, n_good, bad):
        self.chunks = chunks
        self.number = number
        self.n_good = n_good
        self.bad = bad
        self.n_read = 0

    def __len__(self):
        return len(self.chunks)

    def __getitem__(self, number):
        if number == self.number:
            self.n_read += 1
            if self.n_read > self.n_good:
                return self.bad(*self.chunks[number])
        return self.chunks[number]


def unreadable(X, y):
    raise OSError("disk on fire")


BAD = {
    "a chunk with NaN": (lambda X, y: (np.where(X > 0.9, np.nan, X), y), ValueError, "Chunk 3: Input X contains NaN"),
    "a target with NaN": (lambda X, y: (X, y * np.nan), ValueError, "Chunk 3: Input y contains NaN"),
    "another number of columns": (lambda X, y: (X[:, 1:], y), ValueError, "Chunk 3"),
    "more targets": (lambda X, y: (X, np.column_stack([y, y])), ValueError, "Chunk 3"),
    "an empty chunk": (lambda X, y: (X[:0], y[:0]), ValueError, "Chunk 3: it has no samples; leave it out"),
    "different lengths": (
        lambda X, y: (X, y[1:]),
        ValueError,
        "Chunk 3: Found input variables with inconsistent numbers",
    ),
    "no tuple": (lambda X, y: X, TypeError, r"Chunk 3: a chunk must be \(X, y\) or .*got ndarray"),
    "a reader that raises": (unreadable, RuntimeError, r"Chunk 3 cannot be read \(OSError: disk on fire\)"),
    "sparse among dense": (lambda X, y: (sparse.csr_matrix(X), y), ValueError, "Chunk 3"),
    "text in y": (lambda X, y: (X, y.astype(str)), ValueError, "Chunk 3"),
    "strings": (lambda X, y: (np.char.add(X.astype(str), "x"), y), ValueError, "Chunk 3: .*string"),
}


class TestBadInput:
    @pytest.mark.parametrize("n_good", [0, 1, 4], ids=["first pass", "second pass", "an epoch"])
    @pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
    @pytest.mark.parametrize("is_fitted", [False, True])
    def test_errors_name_the_chunk_and_leave_the_estimator_as_it_was(self, bad, n_good, is_fitted):
        X, y = friedman()
        change, error, message = bad
        network = BackpropRegressor(8, **FEW)
        if is_fitted:
            network.fit(X, y)
        before = pickle.dumps(network)
        with pytest.raises(error, match=message):
            network.fit_chunks(Reader(cut(X, y), 3, n_good, change), memory_budget=SMALL)
        assert pickle.dumps(network) == before

    @pytest.mark.parametrize("as_chunks", [lambda X, y: [(X, y)], cut], ids=["one chunk", "many chunks"])
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("values", [(np.inf, -np.inf), (np.nan, np.inf), (np.inf, np.inf)], ids=str)
    @pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
    def test_invalid_numbers_are_an_error_without_a_warning(self, name, values, dtype, as_chunks):
        X, y = (array.astype(dtype) for array in friedman(200))
        weight = np.ones(200, dtype)
        array = {"X": X[:, 2], "y": y, "sample_weight": weight}[name]
        array[[60, 65]] = values
        chunks = [(*chunk, weight[50 * number :][: len(chunk[1])]) for number, chunk in enumerate(as_chunks(X, y))]
        number = 0 if len(chunks) == 1 else 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(ValueError, match=rf"Chunk {number}: Input {name} contains (NaN|infinity)"):
                BackpropRegressor(8, **FEW).fit_chunks(chunks, memory_budget=SMALL)
        assert not caught

    def test_chunks_of_fewer_samples_than_before(self):
        X, y = friedman()
        reader = Reader(cut(X, y), 3, 3, lambda X, y: (X[1:], y[1:]))
        with pytest.raises(
            ValueError, match=r"Chunk 3 had dense X of shape \(50, 6\) .* and now dense X of shape \(49, 6\)"
        ):
            BackpropRegressor(8, **FEW).fit_chunks(reader, memory_budget=SMALL)

    @pytest.mark.parametrize("n_read", [[30, 29], [30, 31], [30, 30, 29], [30, 30, 30, 29]], ids=str)
    def test_iterators_of_another_number_of_chunks(self, n_read):
        X, y = friedman(1600)
        chunks = cut(X, y)
        lengths = iter(n_read)
        with pytest.raises(ValueError, match="30 chunks before training, and now"):
            BackpropRegressor(8, **FEW).fit_chunks(lambda: iter(chunks[: next(lengths)]), memory_budget=SMALL)

    def test_an_iterator_that_yields_none(self):
        X, y = friedman()
        with pytest.raises(TypeError, match=r"Chunk 1: a chunk must be \(X, y\) .* got NoneType"):
            BackpropRegressor(8, **FEW).fit_chunks(lambda: iter([(X, y), None, (X, y)]))

    @pytest.mark.parametrize("budget", [SMALL, 500])
    def test_a_target_that_the_loss_does_not_take(self, budget):
        X, y = friedman()
        y[170] = -1
        with pytest.raises(ValueError, match="Chunk 3: "):
            BackpropRegressor(8, loss="poisson", **FEW).fit_chunks(cut(X, y), memory_budget=budget)

    def test_iterators_that_are_exhausted(self):
        X, y = friedman()
        only = iter(cut(X, y))
        with pytest.raises(ValueError, match="iterator without chunks: it must return a new iterator"):
            BackpropRegressor(8, **FEW).fit_chunks(lambda: only, memory_budget=SMALL)

    @pytest.mark.parametrize(
        ("chunks", "message"),
        [
            ((chunk for chunk in [(np.ones((2, 2)), np.ones(2))]), "can be read only once"),
            (iter([]), "can be read only once"),
            (np.ones((3, 2)), "got ndarray"),
            ("file.csv", "got str"),
            (None, "got NoneType"),
            ({0: 1}, "got dict"),
        ],
    )
    def test_what_cannot_be_read_again_is_refused(self, chunks, message):
        with pytest.raises(TypeError, match=message):
            BackpropRegressor(8, **FEW).fit_chunks(chunks)

    def test_an_array_of_chunks_is_a_sequence(self):
        X, y = friedman(300)
        chunks = np.empty(6, object)
        chunks[:] = cut(X, y)
        network = BackpropRegressor(8, **FEW)
        assert same(clone(network).fit_chunks(chunks), network.fit(X, y))
        with pytest.raises(TypeError, match=r"Chunk 0: a chunk must be \(X, y\) .*got float"):
            network.fit_chunks(y.astype(object))
        with pytest.raises(TypeError, match="got ndarray"):
            network.fit_chunks(X.astype(object))

    def test_no_chunks(self):
        with pytest.raises(ValueError, match="chunks is empty"):
            BackpropRegressor(8, **FEW).fit_chunks([])

    def test_samples_instead_of_chunks(self):
        X, y = friedman()
        with pytest.raises(TypeError, match=r"Chunk 0: a chunk must be \(X, y\)"):
            BackpropRegressor(8, **FEW).fit_chunks((X, y))

    @pytest.mark.parametrize("budget", [0, -1, "big", True, float("nan")])
    def test_memory_budget(self, budget):
        with pytest.raises((TypeError, ValueError), match="memory_budget"):
            BackpropRegressor(8, **FEW).fit_chunks([], memory_budget=budget)

    @pytest.mark.parametrize("kind", [np.array, sparse.csr_array])
    def test_arrays_that_are_filled_again_are_refused(self, kind):
        X, y = friedman()

        class Refilled:
            X, y = kind(np.ones((50, 6))), np.empty(50)

            def __len__(self):
                return 30

            def __getitem__(self, number):
                samples = slice(50 * number, 50 * number + 50)
                (self.X if kind is np.array else self.X.data.reshape(50, 6))[:] = X[samples]
                self.y[:] = y[samples]
                return self.X, self.y

        with pytest.raises(ValueError, match=r"Chunk 0: its samples have changed .*: return new arrays for each chunk"):
            BackpropRegressor(8, **FEW).fit_chunks(Refilled())

    def test_shuffle_samples_needs_one_window(self):
        X, y = friedman()
        network = BackpropRegressor(8, shuffle="samples", **FEW)
        assert same(clone(network).fit_chunks(cut(X, y)), clone(network).fit(X, y))
        with pytest.raises(ValueError, match="shuffle='samples' needs all samples in memory"):
            network.fit_chunks(cut(X, y), memory_budget=SMALL)

    def test_the_compiled_engine_does_not_sum_over_chunks(self):
        pytest.importorskip("numba")
        X, y = friedman()
        with pytest.raises(ValueError, match="engine='numba' cannot train this: the gradient is a sum over chunks"):
            BackpropRegressor(8, solver="batch", engine="numba", **FEW).fit_chunks(cut(X, y), memory_budget=SMALL)

    def test_weights_of_zero_in_all_chunks(self):
        X, y = friedman(200)
        with pytest.raises(ValueError, match="sample_weight is zero for every sample"):
            BackpropRegressor(8, **FEW).fit_chunks(cut(X, y, np.zeros(200)), memory_budget=1e-3)

    def test_weights_of_zero_in_one_chunk(self):
        X, y = friedman()
        weight = np.ones(len(y))
        weight[100:150] = 0
        y[100:150] = 1e6
        network = BackpropRegressor(8, **FEW).fit_chunks(cut(X, y, weight), memory_budget=SMALL)
        assert np.abs(network.predict(X)).max() < 100

    @pytest.mark.parametrize("X", [None, 5, np.array(5.0), object(), iter([])], ids=lambda X: type(X).__name__)
    def test_samples_without_a_length(self, X):
        chunks = [friedman(50), (X, np.zeros(50))]
        message = rf"Chunk 1: a chunk must be \(X, y\) .* with the samples .* as X, got {type(X).__name__} as X"
        with pytest.raises(TypeError, match=message):
            BackpropRegressor(8, **FEW).fit_chunks(chunks)

    @pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix, list, pd.DataFrame])
    def test_an_empty_chunk_of_any_kind(self, kind):
        X, y = friedman(50)
        with pytest.raises(ValueError, match="Chunk 1: it has no samples; leave it out"):
            BackpropRegressor(8, **FEW).fit_chunks([(X, y), (kind(X[:0]), y[:0])])

    @pytest.mark.parametrize("n_good", [0, 1, 4])
    @pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration, IndexError, RuntimeError])
    def test_errors_that_mean_something_else_to_iterators(self, error, n_good):
        X, y = friedman()

        def fail(X, y):
            raise error("no more")

        with pytest.raises(RuntimeError, match=rf"Chunk 3 cannot be read \({error.__name__}: no more\)") as raised:
            BackpropRegressor(8, **FEW).fit_chunks(Reader(cut(X, y), 3, n_good, fail), memory_budget=SMALL)
        assert isinstance(raised.value.__cause__, error)

    def test_no_iterator(self):
        with pytest.raises(TypeError, match=r"chunks\(\) must return an iterator over chunks, got NoneType"):
            BackpropRegressor(8, **FEW).fit_chunks(lambda: None)

    def test_several_labels_that_are_not_0_and_1(self):
        X, y = friedman()
        several = np.column_stack([y > 12, y > 16]).astype(int)
        several[170, 0] = 2
        with pytest.raises(ValueError, match="Chunk 3: A multilabel y must contain only 0 and 1"):
            BackpropClassifier(8, **FEW).fit_chunks(cut(X, several), memory_budget=SMALL)

    @pytest.mark.parametrize("budget", [SMALL, 500])
    @pytest.mark.parametrize("number", [0, 3, 29])
    @pytest.mark.parametrize("pair", [(0, 2), (1, 2), (-1, 1), (2, 2), ("0", "1"), (0, 1, 2)], ids=str)
    def test_two_values_in_a_chunk_that_are_not_0_and_1(self, pair, number, budget):
        X, y = friedman()
        chunks = cut(X, np.column_stack([y > 12, y > 16]).astype(int))
        several = chunks[number][1]
        chunks[number] = (chunks[number][0], np.resize(pair, several.shape))
        with pytest.raises(ValueError, match=f"Chunk {number}: A multilabel y must contain only 0 and 1"):
            BackpropClassifier(8, **FEW).fit_chunks(chunks, memory_budget=budget)

    def test_a_label_that_comes_later(self):
        X, y = three_classes()
        reader = Reader(cut(X, y), 3, 4, lambda X, y: (X, np.where(np.arange(len(y)) == 1, "d", y)))
        with pytest.raises(ValueError, match=r"Chunk 3: y contains previously unseen labels \['d'\]"):
            BackpropClassifier(8, **FEW).fit_chunks(reader, memory_budget=SMALL)

    def test_labels_of_different_kinds(self):
        X, y = three_classes(300)
        chunks = [*cut(X, y), (X[:50], np.arange(50) % 2)]
        with pytest.raises(ValueError, match="Chunk 6: its y has numbers, and before y had text"):
            BackpropClassifier(8, **FEW).fit_chunks(chunks)


@pytest.mark.skipif(not hasattr(BackpropRegressor, "_init_callback_context"), reason="needs scikit-learn 1.9")
class TestCallbacks:
    def test_windows_of_an_epoch(self):
        X, y = friedman()
        counter = WindowCounter()
        network = BackpropRegressor(8, **FEW).set_callbacks(counter).fit_chunks(cut(X, y), memory_budget=SMALL)
        assert counter.n_windows % network.n_iter_ == 0
        assert counter.n_windows >= 5 * network.n_iter_

    def test_callbacks_of_scikit_learn(self, capsys):
        """Hooks get samples that were drawn at random as X and y."""
        from sklearn.callback import ProgressBar, ScoringMonitor

        X, y = friedman()
        monitor = ScoringMonitor(scoring="r2")
        network = BackpropRegressor(8, **FEW).set_callbacks(ProgressBar(), monitor)
        network.fit_chunks(cut(X, y), memory_budget=SMALL)
        assert "BackpropRegressor - fit" in capsys.readouterr().out

    def test_an_interrupt_keeps_the_last_complete_epoch(self):
        X, y = friedman()
        counter = WindowCounter()
        BackpropRegressor(8, **FEW).set_callbacks(counter).fit_chunks(cut(X, y), memory_budget=SMALL)
        stopped = BackpropRegressor(8, **FEW).set_callbacks(WindowCounter(stop_at=counter.n_windows // 5 * 2 + 1))
        with pytest.raises(KeyboardInterrupt):
            stopped.fit_chunks(cut(X, y), memory_budget=SMALL)
        assert stopped.n_iter_ == 2

    def test_an_error_leaves_the_estimator_unfitted(self):
        X, y = friedman()
        network = BackpropRegressor(8, **FEW).set_callbacks(WindowCounter(stop_at=9, error=ZeroDivisionError))
        with pytest.raises(ZeroDivisionError):
            network.fit_chunks(cut(X, y), memory_budget=SMALL)
        assert not hasattr(network, "n_features_in_")


MEMORY_SCRIPT = """
import sys, threading, time
import numpy as np
from skbackprop import BackpropRegressor

class Chunks:
    def __len__(self):
        return 200
    def __getitem__(self, number):
        rng = np.random.default_rng(number)
        X = rng.standard_normal((5000, 50), dtype=np.float32)
        return X, X[:, 0] * X[:, 1]

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1e3

X, y = Chunks()[0]
BackpropRegressor(8, max_iter=1, tol=None, engine="numpy").fit(X, y)
before, peak = resident(), 0.0
def measure():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.002)
threading.Thread(target=measure, daemon=True).start()
BackpropRegressor(8, max_iter=1, tol=None, engine="numpy", batch_size=1000).fit_chunks(Chunks(), memory_budget=40)
print(peak - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_within_the_budget_plus_a_constant():
    """The chunks are of 200 MB, and the constant is for the buffers, and a few thousand samples."""
    taken = float(subprocess.check_output([sys.executable, "-c", MEMORY_SCRIPT], text=True))
    assert taken < 40 + 40
