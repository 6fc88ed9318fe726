import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import mean_poisson_deviance, mean_squared_error

from skbackprop._core.network import Network
from skbackprop._core.objective import Objective, Workspace
from skbackprop._core.standardizer import Standardizer
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES, SquaredError

NETWORK = Network((3, 4, 2), (ACTIVATIONS["tanh"],))
SQUARED = LOSSES["squared_error", "identity"]


@pytest.fixture
def data(rng):
    return rng.normal(size=NETWORK.n_parameters), rng.normal(size=(50, 3)), rng.normal(size=(50, 2))


def evaluate(theta, X, y, weight=None, mean_weight=None, alpha=0.0, chunk=None, l1_ratio=0.0, dropout=(), position=0):
    objective = Objective(NETWORK, SQUARED, l1_ratio, dropout)
    work = Workspace(NETWORK, theta, chunk or X.shape[0], dropout=dropout)
    work.key, work.alpha = 3, alpha
    if mean_weight is None:
        mean_weight = 1.0 if weight is None else weight.mean()
    total = objective.loss_and_gradient(X, y, weight, mean_weight, work, position)
    return total, work.gradient.copy()


def test_the_loss_is_the_sum_over_rows_and_the_gradient_the_mean(data):
    theta, X, y = data
    parts = [evaluate(theta, X[i : i + 1], y[i : i + 1]) for i in range(50)]
    total, gradient = evaluate(theta, X, y)
    assert total == pytest.approx(sum(part[0] for part in parts), rel=1e-13)
    np.testing.assert_allclose(gradient, np.mean([part[1] for part in parts], axis=0), rtol=1e-10, atol=1e-14)
    assert total == pytest.approx(np.sum((NETWORK.raw_output(theta, X) - y) ** 2), rel=1e-13)


@pytest.mark.parametrize("chunk", [1, 7, 25, 49])
@pytest.mark.parametrize("weighted", [False, True])
def test_chunks_add_up_to_the_whole(data, rng, chunk, weighted):
    theta, X, y = data
    weight = rng.uniform(size=50) if weighted else None
    whole = evaluate(theta, X, y, weight, alpha=0.3)
    chunked = evaluate(theta, X, y, weight, alpha=0.3, chunk=chunk)
    assert chunked[0] == pytest.approx(whole[0], rel=1e-13)
    np.testing.assert_allclose(chunked[1], whole[1], rtol=1e-11, atol=1e-14)


def test_an_integer_weight_is_a_repeated_row(data, rng):
    theta, X, y = data
    weight = rng.integers(0, 4, 50)
    repeated = evaluate(theta, np.repeat(X, weight, axis=0), np.repeat(y, weight, axis=0), alpha=0.3)
    weighted = evaluate(theta, X, y, weight.astype(float), alpha=0.3)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-11, atol=1e-14)


def test_scaling_all_weights_changes_nothing_but_the_sum(data, rng):
    theta, X, y = data
    weight = rng.uniform(size=50)
    once, thousandfold = evaluate(theta, X, y, weight), evaluate(theta, X, y, 1000 * weight)
    np.testing.assert_allclose(thousandfold[1], once[1], rtol=1e-12)
    assert thousandfold[0] == pytest.approx(1000 * once[0])


@pytest.mark.parametrize("mean_weight", [0.5, 1.0, 4.0])
def test_rows_without_weights_weigh_one_each_beside_a_mean_weight(data, mean_weight):
    theta, X, y = data
    total, gradient = evaluate(theta, X[:1], y[:1], mean_weight=mean_weight)
    weighted = evaluate(theta, X[:1], y[:1], np.ones(1), mean_weight)
    assert total == pytest.approx(weighted[0], rel=1e-13)
    np.testing.assert_allclose(gradient, weighted[1], rtol=1e-13)
    np.testing.assert_allclose(mean_weight * gradient, evaluate(theta, X[:1], y[:1])[1], rtol=1e-13)


def test_batches_are_right_on_average_with_weights(data, rng):
    """The mean of the batches' gradients is the gradient, also of batches of one row."""
    theta, X, y = data
    weight = rng.uniform(size=50)
    whole = evaluate(theta, X, y, weight, alpha=0.3)[1]
    for size in (1, 10):
        batches = [slice(start, start + size) for start in range(0, 50, size)]
        gradients = [evaluate(theta, X[b], y[b], weight[b], weight.mean(), alpha=0.3)[1] for b in batches]
        np.testing.assert_allclose(np.mean(gradients, axis=0), whole, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_the_penalty_is_on_weights_and_not_on_intercepts(data, l1_ratio):
    theta, X, y = data
    W = theta[: NETWORK.n_weights]
    W[2] = 0.0
    difference = evaluate(theta, X, y, alpha=0.6, l1_ratio=l1_ratio)[1] - evaluate(theta, X, y)[1]
    expected = 0.6 * ((1 - l1_ratio) * W + l1_ratio * np.sign(W))
    np.testing.assert_allclose(difference[: W.size], expected, rtol=1e-9)
    np.testing.assert_array_equal(difference[W.size :], 0)
    penalty = 0.6 * ((1 - l1_ratio) / 2 * np.sum(W**2) + l1_ratio * np.sum(np.abs(W)))
    assert Objective(NETWORK, SQUARED, l1_ratio).penalty(theta, 0.6) == pytest.approx(penalty, rel=1e-12)
    assert Objective(NETWORK, SQUARED, l1_ratio).penalty(theta, 0.0) == 0


def test_the_mask_of_a_row_depends_on_its_place_and_not_on_batches_and_chunks(data):
    theta, X, y = data
    whole = evaluate(theta, X, y, dropout=(0.5,))
    chunked = evaluate(theta, X, y, dropout=(0.5,), chunk=7)
    parts = [evaluate(theta, X[i : i + 10], y[i : i + 10], dropout=(0.5,), position=i) for i in range(0, 50, 10)]
    for total, gradient in (chunked, (sum(part[0] for part in parts), np.mean([part[1] for part in parts], axis=0))):
        assert total == pytest.approx(whole[0], rel=1e-12)
        np.testing.assert_allclose(gradient, whole[1], rtol=1e-10, atol=1e-12)
    moved = evaluate(theta, X, y, dropout=(0.5,), position=1)
    assert moved[0] != pytest.approx(whole[0], rel=1e-3)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_ROWS", 7)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_loss_is_that_of_any_number_of_rows(data, rng, weighted):
    theta, X, y = data
    weight = rng.uniform(size=50) if weighted else None
    for n_rows in (1, 7, 8, 50):
        rows = slice(n_rows)
        part = None if weight is None else weight[rows]
        errors = np.sum((NETWORK.raw_output(theta, 2 * X[rows]) - y[rows]) ** 2, axis=1)
        mean = Objective(NETWORK, SQUARED, dropout=(0.9,)).mean_loss(
            theta, X[rows], y[rows], part, lambda rows: 2 * rows
        )
        assert mean == pytest.approx(np.average(errors, weights=part), rel=1e-12)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_constant_loss_is_that_of_the_weighted_mean(rng, weighted, dtype):
    y = rng.gamma(2, size=(50, 2)).astype(dtype)
    weight = rng.uniform(size=50) if weighted else None
    out = np.tile(np.average(y, axis=0, weights=weight), (50, 1))
    for name, metric in (("squared_error identity", mean_squared_error), ("poisson exponential", poisson_deviance)):
        expected = 2 * metric(y, out, sample_weight=weight)  # scikit-learn takes the mean over the outputs
        loss = Objective(NETWORK, LOSSES[tuple(name.split())]).constant_loss(y, weight)
        assert loss == pytest.approx(expected, rel=1e-12 if dtype == np.float64 else 1e-5)


def test_a_loss_gets_the_constant_in_the_dtype_of_the_target():
    class Strict(SquaredError):
        def value_and_gradient(self, y, raw, gradient):
            assert y.dtype == raw.dtype == gradient.dtype == np.float32
            return super().value_and_gradient(y, raw, gradient)

    y = np.array([[1.0, 2.0], [3.0, 6.0]], np.float32)
    assert Objective(NETWORK, Strict()).constant_loss(y, np.array([1.0, 1.0])) == 5.0


def poisson_deviance(y, out, sample_weight):
    return np.mean([mean_poisson_deviance(y[:, j], out[:, j], sample_weight=sample_weight) for j in range(y.shape[1])])


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, np.asfortranarray])
@pytest.mark.parametrize("chunk", [7, 50])
def test_other_kinds_of_X_are_the_same(data, make, chunk):
    theta, X, y = data
    X[np.abs(X) < 0.5] = 0
    total, gradient = evaluate(theta, make(X), y, chunk=chunk)
    np.testing.assert_allclose(total, evaluate(theta, X, y)[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, evaluate(theta, X, y)[1], rtol=1e-10, atol=1e-14)


def test_float32_agrees_with_float64(data):
    total, gradient = evaluate(*(array.astype(np.float32) for array in data))
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, evaluate(*data)[1], rtol=1e-4, atol=1e-5)
    assert total == pytest.approx(evaluate(*data)[0], rel=1e-5)


def test_the_workspace_is_written_to_and_not_made_again(data):
    theta, X, y = data
    objective, work = Objective(NETWORK, SQUARED), Workspace(NETWORK, theta, 20)
    before = {name: id(value) for name, value in vars(work).items()}
    rooms = [work.room(n) for n in (20, 10)]
    objective.loss_and_gradient(X, y, None, 1.0, work)
    assert {name: id(value) for name, value in vars(work).items()} == before
    assert all(work.room(n) is room for n, room in zip((20, 10), rooms, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardised_rows_have_the_dtype_of_the_network_and_one_array(data, dtype):
    X, y = data[1].astype(dtype), data[2].astype(dtype)
    standardizer = Standardizer(3, "spread", 2, True, np.dtype(dtype))
    standardizer.see(X, y, None)
    work = Workspace(NETWORK, data[0].astype(dtype), 50, standardizer)
    whole = work.inputs_of(X)
    np.testing.assert_allclose(whole, (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-4, atol=1e-5)
    part = work.inputs_of(X[:20])
    assert whole.dtype == part.dtype == dtype
    assert part.base is whole.base is not None


def test_sparse_rows_are_standardised_without_a_dense_array():
    n_columns = 200_000
    X, y = sparse.random(30, n_columns, density=1e-4, format="csr", random_state=0), np.zeros((30, 1))
    network, standardizer = Network((n_columns, 1), ()), Standardizer(n_columns, "spread", 1, False, np.dtype(float))
    standardizer.see(X, y, None)
    work = Workspace(network, np.zeros(n_columns + 1), 30, standardizer)
    tracemalloc.start()
    assert sparse.issparse(work.inputs_of(X))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n_columns * 8  # a dense array of one row
