"""The objective: sums and means over samples, the penalty, chunks, dropout, and the buffers."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import mean_poisson_deviance, mean_squared_error

from skbackprop._core.dataset import INDEX, Dataset, OneHot
from skbackprop._core.network import Network
from skbackprop._core.objective import MAX_OUTPUT_ENTRIES, Objective, ObjectiveBuffers, Penalty
from skbackprop._core.standardizer import Standardizer
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES, SquaredError
from skbackprop.losses._target_scaling import StandardScaling, TargetScaling
from tests.shared import peak_memory

NETWORK = Network((3, 4, 2), (ACTIVATIONS["tanh"],))
SQUARED = LOSSES["squared_error", "identity"]


@pytest.fixture
def theta(rng):
    return rng.normal(size=NETWORK.n_parameters)


@pytest.fixture
def data(rng):
    return Dataset(rng.normal(size=(50, 3)), rng.normal(size=(50, 2)))


@pytest.fixture
def weighted_data(data, rng):
    return data._replace(sample_weight=rng.uniform(size=50))


def evaluate(theta, data, mean_weight=None, alpha=0.0, chunk_size=None, l1_ratio=0.0, dropout=(), position=0):
    """Return the sum of the losses and the gradient, as if the samples were the whole training set by default."""
    objective = Objective(NETWORK, SQUARED, l1_ratio, dropout)
    buffers = ObjectiveBuffers(objective, theta, chunk_size or data.n_samples)
    if mean_weight is None:
        mean_weight = data.total_weight / data.n_samples
    penalty = objective.penalty(alpha)
    loss_sum = objective.loss_and_gradient(data, mean_weight, penalty, buffers, dropout_key=3, position=position)
    return loss_sum, buffers.gradient.copy()


def batches(data, size):
    return [data.take(slice(start, start + size)) for start in range(0, data.n_samples, size)]


def test_loss_is_the_sum_over_samples_and_gradient_the_mean(theta, data):
    losses, gradients = zip(*[evaluate(theta, sample) for sample in batches(data, 1)], strict=True)
    loss_sum, gradient = evaluate(theta, data)
    assert loss_sum == pytest.approx(sum(losses), rel=1e-13)
    np.testing.assert_allclose(gradient, np.mean(gradients, axis=0), rtol=1e-10, atol=1e-14)
    assert loss_sum == pytest.approx(np.sum((NETWORK.raw_output(theta, data.X) - data.y) ** 2), rel=1e-13)


@pytest.mark.parametrize("chunk_size", [1, 7, 25, 49])
@pytest.mark.parametrize("kind", ["data", "weighted_data"])
def test_loss_and_gradient_do_not_depend_on_chunks(theta, kind, chunk_size, request):
    data = request.getfixturevalue(kind)
    whole = evaluate(theta, data, alpha=0.3)
    in_chunks = evaluate(theta, data, alpha=0.3, chunk_size=chunk_size)
    assert in_chunks[0] == pytest.approx(whole[0], rel=1e-13)
    np.testing.assert_allclose(in_chunks[1], whole[1], rtol=1e-11, atol=1e-14)


def test_integer_weight_equals_a_repeated_sample(theta, data, rng):
    weight = rng.integers(0, 4, 50)
    repeated = evaluate(theta, data.take(np.repeat(np.arange(50), weight)), alpha=0.3)
    weighted = evaluate(theta, data._replace(sample_weight=weight.astype(float)), alpha=0.3)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-11, atol=1e-14)


def test_common_factor_of_the_weights_changes_only_the_sum(theta, weighted_data):
    once = evaluate(theta, weighted_data)
    thousandfold = evaluate(theta, weighted_data._replace(sample_weight=1000 * weighted_data.sample_weight))
    np.testing.assert_allclose(thousandfold[1], once[1], rtol=1e-12)
    assert thousandfold[0] == pytest.approx(1000 * once[0])


@pytest.mark.parametrize("mean_weight", [0.5, 1.0, 4.0])
def test_samples_without_weights_have_a_weight_of_one_relative_to_the_mean_weight(theta, data, mean_weight):
    sample = data.take(slice(1))
    loss, gradient = evaluate(theta, sample, mean_weight)
    weighted = evaluate(theta, sample._replace(sample_weight=np.ones(1)), mean_weight)
    assert loss == pytest.approx(weighted[0], rel=1e-13)
    np.testing.assert_allclose(gradient, weighted[1], rtol=1e-13)
    np.testing.assert_allclose(mean_weight * gradient, evaluate(theta, sample)[1], rtol=1e-13)


@pytest.mark.parametrize("size", [1, 10])
def test_mean_of_the_gradients_of_weighted_batches_is_the_gradient(theta, weighted_data, size):
    mean_weight = weighted_data.sample_weight.mean()
    gradients = [evaluate(theta, batch, mean_weight, alpha=0.3)[1] for batch in batches(weighted_data, size)]
    whole = evaluate(theta, weighted_data, alpha=0.3)[1]
    np.testing.assert_allclose(np.mean(gradients, axis=0), whole, rtol=1e-10, atol=1e-14)


class TestPenalty:
    @pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
    def test_applies_to_weights_and_not_to_intercepts(self, theta, data, l1_ratio):
        W = theta[: NETWORK.n_weights]
        W[2] = 0.0
        difference = evaluate(theta, data, alpha=0.6, l1_ratio=l1_ratio)[1] - evaluate(theta, data)[1]
        expected = 0.6 * ((1 - l1_ratio) * W + l1_ratio * np.sign(W))
        np.testing.assert_allclose(difference[: W.size], expected, rtol=1e-9)
        np.testing.assert_array_equal(difference[W.size :], 0)
        value = 0.6 * ((1 - l1_ratio) / 2 * np.sum(W**2) + l1_ratio * np.sum(np.abs(W)))
        objective = Objective(NETWORK, SQUARED, l1_ratio)
        assert objective.penalty_value(theta, 0.6) == pytest.approx(value, rel=1e-12)
        assert objective.penalty_value(theta, 0.0) == 0

    @pytest.mark.parametrize("penalty", [Penalty(0.0, 0.0), Penalty(0.3, 0.0), Penalty(0.0, 0.7), Penalty(0.3, 0.7)])
    def test_gradient_is_added_and_equals_finite_differences(self, penalty, rng):
        weights = rng.normal(size=6)
        gradient = np.ones(6)
        penalty.add_gradient(weights, gradient, np.empty(6))
        steps = 1e-6 * np.eye(6)
        differences = [(penalty.value(weights + step) - penalty.value(weights - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(gradient - 1, differences, atol=1e-8)

    def test_strength_is_divided_by_the_l1_ratio(self):
        assert Objective(NETWORK, SQUARED, 0.25).penalty(2.0) == Penalty(l1=0.5, l2=1.5)


def test_dropout_mask_depends_on_the_position_and_not_on_batches_and_chunks(theta, data):
    whole = evaluate(theta, data, dropout=(0.5,))
    in_chunks = evaluate(theta, data, dropout=(0.5,), chunk_size=7)
    parts = [evaluate(theta, batch, dropout=(0.5,), position=10 * i) for i, batch in enumerate(batches(data, 10))]
    in_batches = sum(loss for loss, _ in parts), np.mean([gradient for _, gradient in parts], axis=0)
    for loss, gradient in (in_chunks, in_batches):
        assert loss == pytest.approx(whole[0], rel=1e-12)
        np.testing.assert_allclose(gradient, whole[1], rtol=1e-10, atol=1e-12)
    moved = evaluate(theta, data, dropout=(0.5,), position=1)
    assert moved[0] != pytest.approx(whole[0], rel=1e-3)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", 7)
    monkeypatch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("kind", ["data", "weighted_data"])
@pytest.mark.parametrize("n_samples", [1, 7, 8, 50])
def test_mean_loss_has_no_dropout_and_does_not_depend_on_chunks(theta, kind, n_samples, request):
    data = request.getfixturevalue(kind).take(slice(n_samples))
    errors = np.sum((NETWORK.raw_output(theta, 2 * data.X) - data.y) ** 2, axis=1)
    objective = Objective(NETWORK, SQUARED, dropout=(0.9,))
    mean = objective.mean_loss(theta, data, transform=lambda X: 2 * X)
    assert mean == pytest.approx(np.average(errors, weights=data.sample_weight), rel=1e-12)


def poisson_deviance(y, out, sample_weight):
    return np.mean([mean_poisson_deviance(y[:, j], out[:, j], sample_weight=sample_weight) for j in range(y.shape[1])])


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "metric"),
    [("squared_error identity", mean_squared_error), ("poisson exponential", poisson_deviance)],
)
def test_constant_loss_is_that_of_the_weighted_mean_of_the_target(rng, weighted, dtype, loss, metric):
    y = rng.gamma(2, size=(50, 2)).astype(dtype)
    weight = rng.uniform(size=50) if weighted else None
    out = np.tile(np.average(y, axis=0, weights=weight), (50, 1))
    expected = 2 * metric(y, out, sample_weight=weight)  # scikit-learn takes the mean over the outputs
    data = Dataset(np.zeros((50, 3), dtype), y, weight)
    found = Objective(NETWORK, LOSSES[tuple(loss.split())]).constant_loss(data)
    assert found == pytest.approx(expected, rel=1e-12 if dtype == np.float64 else 1e-5)


def test_constant_prediction_has_the_dtype_of_the_target():
    class Strict(SquaredError):
        def value_and_gradient(self, y, raw, gradient):
            assert y.dtype == raw.dtype == gradient.dtype == np.float32
            return super().value_and_gradient(y, raw, gradient)

    data = Dataset(np.zeros((2, 3), np.float32), np.array([[1.0, 2.0], [3.0, 6.0]], np.float32), np.ones(2))
    assert Objective(NETWORK, Strict()).constant_loss(data) == 5.0


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, np.asfortranarray])
@pytest.mark.parametrize("chunk_size", [7, 50])
def test_sparse_and_fortran_ordered_X_give_the_same_gradient(theta, data, make, chunk_size):
    data.X[np.abs(data.X) < 0.5] = 0
    expected = evaluate(theta, data)
    loss_sum, gradient = evaluate(theta, data._replace(X=make(data.X)), chunk_size=chunk_size)
    np.testing.assert_allclose(loss_sum, expected[0], rtol=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-10, atol=1e-14)


def test_float32_agrees_with_float64(theta, data):
    expected = evaluate(theta, data)
    loss_sum, gradient = evaluate(
        theta.astype(np.float32), Dataset(data.X.astype(np.float32), data.y.astype(np.float32))
    )
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-4, atol=1e-5)
    assert loss_sum == pytest.approx(expected[0], rel=1e-5)


def test_buffers_are_allocated_once(theta, data):
    objective = Objective(NETWORK, SQUARED)
    buffers = ObjectiveBuffers(objective, theta, 20)
    before = {name: id(value) for name, value in vars(buffers).items()}
    views = [buffers.views(n_samples) for n_samples in (20, 10)]
    objective.loss_and_gradient(data, 1.0, objective.penalty(0.0), buffers)
    assert {name: id(value) for name, value in vars(buffers).items()} == before
    assert all(buffers.views(n_samples) is view for n_samples, view in zip((20, 10), views, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardized_samples_have_the_dtype_of_the_network_and_share_one_buffer(theta, data, dtype):
    data = Dataset(data.X.astype(dtype), data.y.astype(dtype))
    standardizer = Standardizer(3, 2, StandardScaling(), True, np.dtype(dtype))
    standardizer.update(data)
    buffers = ObjectiveBuffers(Objective(NETWORK, SQUARED), theta.astype(dtype), 50, standardizer)
    whole = buffers.standardized(data.X)
    np.testing.assert_allclose(whole, (data.X - data.X.mean(axis=0)) / data.X.std(axis=0), rtol=1e-4, atol=1e-5)
    part = buffers.standardized(data.X[:20])
    assert whole.dtype == part.dtype == dtype
    assert part.base is whole.base is not None


@pytest.mark.parametrize(
    ("density", "max_bytes", "is_dense"), [(0.3, 2**25, True), (0.01, 2**25, False), (0.3, 9, False)]
)
def test_nearly_dense_samples_are_multiplied_as_a_dense_matrix_if_it_is_small(
    density, max_bytes, is_dense, monkeypatch
):
    monkeypatch.setattr("skbackprop._core.objective.MAX_DENSE_BYTES", max_bytes)
    X = sparse.random(30, 500, density=density, format="csr", random_state=0)
    buffers = ObjectiveBuffers(Objective(Network((500, 1), ()), SQUARED), np.zeros(501), 30)
    inputs = buffers.standardized(X)
    assert sparse.issparse(inputs) != is_dense
    np.testing.assert_array_equal(inputs if is_dense else inputs.toarray(), X.toarray())


def test_sparse_samples_are_standardized_without_a_dense_array():
    n_columns = 200_000
    X = sparse.random(30, n_columns, density=1e-4, format="csr", random_state=0)
    data = Dataset(X, np.zeros((30, 1)))
    standardizer = Standardizer(n_columns, 1, StandardScaling(), False, np.dtype(float))
    standardizer.update(data)
    objective = Objective(Network((n_columns, 1), ()), SQUARED)
    buffers = ObjectiveBuffers(objective, np.zeros(n_columns + 1), 30, standardizer)
    tracemalloc.start()
    assert sparse.issparse(buffers.standardized(X))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n_columns * 8  # a dense array of one sample


@pytest.fixture
def coded(rng):
    """Class codes, with one class that no sample has, and samples that are excluded."""
    codes = rng.integers(0, 4, (50, 1)).astype(float)
    weight = rng.uniform(size=50)
    return Dataset(rng.normal(size=(50, 3)), codes, weight, OneHot(5, 0.02, 0.92), np.array([0, 7, 8], INDEX))


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("key", [("log_loss", "softmax"), ("log_loss", "logistic"), ("squared_error", "logistic")])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_of_class_codes_are_those_of_their_columns(coded, key, weighted):
    coded = coded if weighted else coded._replace(sample_weight=None)
    rest = np.setdiff1d(range(50), coded.excluded)
    columns = coded._replace(y=coded.target(), one_hot=None, excluded=None).take(rest)
    network = Network((3, 4, 5), (ACTIVATIONS["tanh"],))
    objective, theta = Objective(network, LOSSES[key]), np.random.default_rng(0).normal(size=network.n_parameters)
    assert objective.constant_loss(coded) == pytest.approx(objective.constant_loss(columns), rel=1e-12)
    assert objective.mean_loss(theta, coded) == pytest.approx(objective.mean_loss(theta, columns), rel=1e-12)


def test_losses_of_many_classes_take_little_memory():
    n = 3000
    data = Dataset(
        np.zeros((n, 1), np.float32), np.arange(n, dtype=np.float32)[:, np.newaxis], None, OneHot(n, 0.0, 1.0)
    )
    network = Network((1, n), ())
    objective, theta = Objective(network, LOSSES["log_loss", "softmax"]), np.zeros(network.n_parameters, np.float32)
    for call in (objective.constant_loss, lambda data: objective.mean_loss(theta, data)):
        call(data.take(slice(10)))
        assert peak_memory(lambda call=call: call(data)) < 6 * MAX_OUTPUT_ENTRIES * 4  # the columns take 36 MB
        assert call(data) == pytest.approx(np.log(n), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
@pytest.mark.parametrize("standardize", [False, True])
def test_narrow_samples_are_converted_into_one_buffer(theta, dtype, standardize):
    X = np.arange(60).reshape(20, 3).astype(dtype)
    standardizer = None
    if standardize:
        standardizer = Standardizer(3, 2, TargetScaling(), True, np.dtype(np.float32))
        standardizer.update(Dataset(X, np.zeros((20, 2), np.float32)))
    buffers = ObjectiveBuffers(Objective(NETWORK, SQUARED), theta.astype(np.float32), 20, standardizer)
    found, part = buffers.standardized(X), buffers.standardized(X[:5])
    assert found.dtype == np.float32
    assert found.base is part.base is not None
    mean, spread = (X.astype(float).mean(axis=0), X.astype(float).std(axis=0)) if standardize else (0, 1)
    np.testing.assert_allclose(buffers.standardized(X), (X - mean) / spread, rtol=1e-6)
