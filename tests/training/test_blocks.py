"""Large data are read in blocks of neighboring samples, whose order is drawn, as are the samples of several blocks."""

import time
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core import windows
from skbackprop._core.class_shares import ClassShares
from skbackprop._core.dataset import INDEX, Dataset
from skbackprop._core.shards import weight_of_classes
from skbackprop._core.windows import block_windows, draw_order, read_ahead, split_order
from skbackprop._estimators import configuration
from skbackprop.exceptions import DataWarning
from tests.shared import TRAINS_BRIEFLY, theta

FEW = {"max_iter": 5, "tol": None, "random_state": 0, "alpha": 1e-4}


@pytest.fixture
def small_blocks(monkeypatch):
    """Make blocks and windows small enough for data of a few kilobytes."""
    monkeypatch.setattr(windows, "BLOCK_BYTES", 2**10)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 2**13)


def numbered(n_samples, n_features=4, n_excluded=0):
    """Return samples whose first feature is their number, some of which are excluded."""
    X = np.zeros((n_samples, n_features))
    X[:, 0] = np.arange(n_samples)
    excluded = None
    if n_excluded:
        excluded = np.sort(np.random.default_rng(0).choice(n_samples, n_excluded, replace=False)).astype(INDEX)
    return Dataset(X, X[:, :1].copy(), X[:, 0] + 1.0, None, excluded)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("n_excluded", [0, 100, 900])
def test_each_sample_once(small_blocks, make, n_excluded):
    data = numbered(1000, n_excluded=n_excluded)
    parts = list(block_windows(data._replace(X=make(data.X)), 8, np.random.default_rng(0)))
    numbers = [(part.X if isinstance(part.X, np.ndarray) else part.X.toarray())[:, 0] for part in parts]
    assert len(parts) >= 2
    expected = np.delete(np.arange(1000), [] if data.excluded is None else data.excluded)
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), expected)
    for part, number in zip(parts, numbers, strict=True):
        np.testing.assert_array_equal(part.y[:, 0], number)
        np.testing.assert_array_equal(part.sample_weight, number + 1)


def test_windows_have_blocks_from_everywhere(small_blocks):
    parts = list(block_windows(numbered(10_000), 8, np.random.default_rng(0)))
    means = [part.X[:, 0].mean() for part in parts]
    assert np.std(means) < 0.5 * 10_000 / np.sqrt(12)  # 8 blocks: 0.35 standard deviations of a sample


@pytest.mark.parametrize(("n_parts", "n_windows"), [(100, 4), (103, 4), (960, 15), (10, 3), (7, 7), (5, 2), (250, 100)])
def test_each_window_has_parts_from_everywhere(n_parts, n_windows):
    """A window of 10 parts has one of each tenth of the file."""
    for seed in range(20):
        order = draw_order(n_parts, n_windows, np.random.default_rng(seed))
        np.testing.assert_array_equal(np.sort(order), np.arange(n_parts))
        windows = split_order(order, np.ones(n_parts), n_windows)
        assert len(windows) == n_windows
        for window in windows:
            strata = window // n_windows
            np.testing.assert_array_equal(np.sort(strata), np.arange(len(window)))


def test_each_part_is_equally_likely_in_each_window():
    orders = [draw_order(9, 3, np.random.default_rng(seed)) for seed in range(3000)]
    first = np.bincount(np.concatenate([order[:3] for order in orders]), minlength=9)
    assert first.min() > 900
    assert first.max() < 1100


def test_the_parts_that_are_left_over_are_drawn_too():
    orders = [draw_order(11, 3, np.random.default_rng(seed)) for seed in range(1000)]
    last_of_first = [split_order(order, np.ones(11), 3)[0][-1] for order in orders]
    assert set(last_of_first) == {9, 10}
    assert 400 < last_of_first.count(9) < 600


class TestClassShares:
    """The deviation is that of the weights of the classes in windows whose order is drawn."""

    @pytest.mark.parametrize("n_windows", [4, 7])
    @pytest.mark.parametrize("is_sorted", [True, False])
    def test_it_is_that_of_drawn_windows(self, is_sorted, n_windows):
        rng = np.random.default_rng(0)
        y = rng.choice(3, 12_000, p=[0.7, 0.2, 0.1])
        counts = np.array([np.bincount(part, minlength=3) for part in np.split(np.sort(y) if is_sorted else y, 60)])
        shares = ClassShares(n_windows)
        for each in counts:
            shares.add(each.astype(float))
        orders = [draw_order(60, n_windows, rng) for _ in range(2000)]
        windows = [
            np.stack([counts[window].sum(axis=0) for window in split_order(order, np.ones(60), n_windows)])
            for order in orders
        ]
        mean = np.bincount(y) / n_windows
        variance = np.mean([np.square(weights - mean).mean(axis=0) for weights in windows], axis=0)
        expected = np.sqrt(np.maximum(variance - mean, 0.0)) / mean
        np.testing.assert_allclose(shares.deviation(1.0), expected, rtol=0.05, atol=0.03)
        assert (expected.max() > 0.1) == is_sorted

    def test_weights_in_other_units_change_nothing(self):
        counts = np.random.default_rng(0).integers(0, 300, (23, 4)).astype(float)
        deviations = []
        for unit in (1.0, 1e-9):
            shares = ClassShares(5)
            for each in counts:
                shares.add(unit * each)
            deviations.append(shares.deviation(unit))
        np.testing.assert_allclose(*deviations)

    def test_a_class_of_few_samples_is_left_out(self):
        shares = ClassShares(2)
        for each in ([1000.0, 0.0], [900.0, 100.0]):
            shares.add(np.array(each))
        assert shares.deviation(1.0)[1] == 0.0
        assert shares.deviation(0.5)[1] > 0.9


class TestSortedByClass:
    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    @pytest.mark.parametrize(
        ("labels", "dtype"), [(["rare", "other"], str), (["rare", "other"], object), ([3, 1, 2], int)]
    )
    @pytest.mark.parametrize("early_stopping", ["auto", True])
    def test_a_rare_class_in_few_blocks_is_a_warning(self, monkeypatch, labels, early_stopping, dtype):
        monkeypatch.setattr(windows, "BLOCK_BYTES", 2**13)
        monkeypatch.setattr(windows, "WINDOW_BYTES", 2**17)
        X = np.random.default_rng(0).normal(size=(20_000, 4))
        y = np.array(labels, dtype)[np.digitize(X[:, 0], [-1.9, 0.5][: len(labels) - 1])]
        order = np.argsort(X[:, 0])
        network = BackpropClassifier(4, max_iter=2, tol=None, early_stopping=early_stopping, random_state=0)
        network.set_params(shuffle="blocks")
        with pytest.warns(
            DataWarning, match=rf"sorted: the share of class {labels[0]!r} in a window .* in few of the bl"
        ):
            network.fit(X[order], y[order])
        with warnings.catch_warnings():
            warnings.simplefilter("error", DataWarning)
            network.fit(X, y)
            network.set_params(shuffle="samples").fit(X[order], y[order])

    @TRAINS_BRIEFLY
    def test_numbers_belong_to_no_class(self, monkeypatch):
        monkeypatch.setattr(windows, "BLOCK_BYTES", 2**13)
        monkeypatch.setattr(windows, "WINDOW_BYTES", 2**17)
        X = np.random.default_rng(0).normal(size=(20_000, 4))
        y = np.zeros(20_000)
        y[-1000:] = 1.0
        network = BackpropRegressor(4, output_activation="logistic", shuffle="blocks", **FEW | {"max_iter": 1})
        assert network.fit(X, y).n_iter_ == 1

    def test_weights_of_zero_do_not_count(self):
        data = numbered(3000, n_excluded=100)
        y = (data.y < 300).astype(float)
        weight = np.where(np.arange(3000) % 2, 1.0, 0.0)
        expected = weight_of_classes(Dataset(data.X[1::2], y[1::2], None))
        np.testing.assert_allclose(weight_of_classes(Dataset(data.X, y, weight)), expected)
        kept = np.delete(np.arange(3000), data.excluded)
        expected = [np.sum(y[kept] == label) for label in (0, 1)]
        np.testing.assert_allclose(weight_of_classes(data._replace(y=y, sample_weight=None)), expected)


@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_windows_end_with_whole_batches(small_blocks, batch_size):
    sizes = [part.n_samples for part in block_windows(numbered(2000), batch_size, np.random.default_rng(0))]
    assert sum(size % batch_size > 0 for size in sizes) <= 1


def test_windows_of_wide_data_have_many_blocks(small_blocks):
    """A block is smaller than a batch, if a batch would fill the window."""
    parts = list(block_windows(numbered(100, n_features=100), 50, np.random.default_rng(0)))
    assert all(part.n_samples == 10 for part in parts)
    assert np.mean([np.ptp(part.X[:, 0]) for part in parts]) > 60


def test_data_of_one_window_are_not_copied():
    data = numbered(1000)
    (window,) = block_windows(data, 8, np.random.default_rng(0))
    assert window is data


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
def test_sorted_data_are_learned_as_well(small_blocks, monkeypatch, estimator, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    X, y = make_friedman1(6000, noise=0.3, random_state=0)
    if estimator is BackpropClassifier:
        y = y > 14
    order = np.argsort(y[:5000], kind="stable")
    monkeypatch.setattr(windows, "WINDOW_BYTES", 2**16)
    network = estimator((16,), engine=engine, batch_size=16, **FEW | {"max_iter": 20})
    scores = [
        clone(network).set_params(shuffle=shuffle).fit(X[order], y[order]).score(X[5000:], y[5000:])
        for shuffle in ("samples", "blocks", False)
    ]
    assert scores[1] == pytest.approx(scores[0], abs=0.02)
    assert scores[2] < scores[0] - 0.01


def test_the_size_of_X_decides_not_where_it_is(monkeypatch, small_blocks, tmp_path):
    X, y = make_friedman1(500, random_state=0)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    network = BackpropRegressor(8, **FEW)
    whole, by_blocks = clone(network).fit(X, y), clone(network).set_params(shuffle="blocks").fit(X, y)
    assert not np.array_equal(theta(whole), theta(by_blocks))
    np.testing.assert_array_equal(theta(clone(network).fit(mapped, y)), theta(whole))
    monkeypatch.setattr(configuration, "LARGE", X.nbytes - 1)
    for large in (X, mapped):
        np.testing.assert_array_equal(theta(clone(network).fit(large, y)), theta(by_blocks))
    forced = clone(network).set_params(shuffle="samples").fit(X, y)
    np.testing.assert_array_equal(theta(forced), theta(whole))


def test_streams_are_read_as_they_come(monkeypatch):
    X, y = make_friedman1(500, random_state=0)
    network = BackpropRegressor(8, learning_rate=0.01, **FEW)
    expected = clone(network).partial_fit(X, y)
    monkeypatch.setattr(configuration, "LARGE", 0)
    np.testing.assert_array_equal(theta(clone(network).partial_fit(X, y)), theta(expected))


@TRAINS_BRIEFLY
def test_a_failing_engine_loses_no_window(small_blocks, monkeypatch):
    """The numpy engine takes over from the weights before the window in which the compiled one failed."""
    pytest.importorskip("numba")
    from skbackprop._engines import numba_engine, selection

    X, y = make_friedman1(2000, random_state=0)
    settings = FEW | {"max_iter": 1, "shuffle": "blocks"}
    expected = BackpropRegressor(8, engine="numpy", **settings).fit(X, y)
    monkeypatch.setattr(numba_engine, "LOAD_SECONDS", 0.0)
    run_epoch = numba_engine.NumbaEngine.run_epoch
    n_calls = 0

    def fails_later(self, plan, data, state, buffers):
        nonlocal n_calls
        n_calls += 1
        done = run_epoch(self, plan, data, state, buffers)
        if n_calls == 5:
            raise RuntimeError("no kernel")
        return done

    monkeypatch.setattr(numba_engine.NumbaEngine, "run_epoch", fails_later)
    monkeypatch.setattr(selection.PREFERRED, "is_worth_it", lambda data, seconds: True)
    with pytest.warns(RuntimeWarning, match="no kernel"):
        network = BackpropRegressor(8, **settings).fit(X, y)
    assert n_calls == 5
    np.testing.assert_allclose(theta(network), theta(expected), rtol=1e-6, atol=1e-8)


def test_shuffle_is_validated():
    X, y = make_friedman1(50, random_state=0)
    with pytest.raises(ValueError, match="The 'shuffle' parameter"):
        BackpropRegressor(8, shuffle="rows", **FEW).fit(X, y)


class TestReadAhead:
    def test_one_item_ahead_and_no_more(self):
        produced = []

        def items():
            for number in range(5):
                produced.append(number)
                yield number

        for number in read_ahead(items()):
            assert len(produced) <= number + 2
        assert produced == [0, 1, 2, 3, 4]

    def test_errors_of_the_reader_come_through(self):
        def items():
            yield 1
            raise OSError("disk")

        reader = read_ahead(items())
        assert next(reader) == 1
        with pytest.raises(OSError, match="disk"):
            next(reader)

    def test_a_reader_that_is_left_early_has_ended_when_the_next_one_begins(self):
        """Two threads at a time would read wrong data from a source with one position, such as an open file."""
        n_active, most = 0, 0

        def items():
            nonlocal n_active, most
            for number in range(5):
                n_active += 1
                most = max(most, n_active)
                time.sleep(0.02)
                n_active -= 1
                yield number

        for _ in range(3):
            for number in read_ahead(items()):
                assert number == 0
                break
        assert most == 1

    def test_a_reader_that_is_left_early_ends(self):
        reader = read_ahead(iter(range(100)))
        next(reader)
        reader.close()
        with pytest.raises(StopIteration):
            next(reader)
