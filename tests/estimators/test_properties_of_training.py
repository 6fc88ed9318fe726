"""Properties of training, for networks, rows and weights of every kind: what may not change what is learned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skbackprop._core.objective import Workspace
from tests.shared import theta
from tests.strategies import examples, problems

pytestmark = pytest.mark.filterwarnings("ignore:The network has learned next to nothing")


def layers(network):
    return network._config.objective.network.unpack(theta(network))


def permuted(rng, coefs, intercepts):
    """The same network with its hidden units in another order."""
    coefs, intercepts = [W.copy() for W in coefs], [b.copy() for b in intercepts]
    for level in range(len(coefs) - 1):
        order = rng.permutation(len(intercepts[level]))
        coefs[level], intercepts[level] = coefs[level][:, order], intercepts[level][order]
        coefs[level + 1] = coefs[level + 1][order]
    return coefs, intercepts


def assert_close(found, expected, rtol=1e-9):
    """Compare vectors to rounding, which is relative to their largest entry."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * (1 + np.abs(expected).max()))


def assert_same_training(found, expected, rtol=1e-9):
    assert_close(theta(found), theta(expected), rtol)
    assert_close(found.loss_curve_, np.array(expected.loss_curve_), rtol)
    assert (found.t_, found.n_iter_) == (expected.t_, expected.n_iter_)


@examples(150)
@given(problems(solvers=["batch"], sparse_X=True))
def test_gradient_equals_finite_differences(problem):
    network = problem.step(problem.network(learning_rate=1e-300))
    objective, state = network._config.objective, network._state
    y, weight = network._learn_target(problem.y, np.dtype(float), True, None).encode(problem.y)[0], problem.weight
    y = state.target_of(y)
    n_rows = problem.X.shape[0]
    weight_sum = n_rows if weight is None else weight.sum()

    def value_and_gradient(vector):
        work = Workspace(objective.network, vector, n_rows, state.standardizer, objective.dropout)
        work.alpha, work.key = state.alpha, 17
        total = objective.loss_and_gradient(problem.X, y, weight, weight_sum / n_rows, work)
        return total / weight_sum + objective.penalty(vector, state.alpha), work.gradient

    start = state.theta + 0.1 * np.random.default_rng(1).normal(size=state.theta.size)
    gradient = value_and_gradient(start)[1].copy()
    differences = np.array(
        [
            (value_and_gradient(start + step)[0] - value_and_gradient(start - step)[0]) / 2e-6
            for step in 1e-6 * np.eye(start.size)
        ]
    )
    assert_close(gradient, differences, 1e-6)


@examples(100)
@given(problems(solvers=["batch"], dropout=False, sparse_X=True), st.integers(0, 2**32 - 1))
def test_integer_weight_equals_repeated_sample(problem, seed):
    n_rows = problem.X.shape[0]
    weight = np.random.default_rng(seed).integers(0, 4, n_rows)
    weight[:3] = np.maximum(weight[:3], 1)  # so that all classes stay
    rows = np.repeat(np.arange(n_rows), weight)
    weighted = problem.fitted(problem.X, problem.y, weight)
    assert_same_training(problem.fitted(problem.X[rows], problem.y[rows]), weighted)


@examples(60)
@given(problems(alphas=(0.0,), optimizers=["gd"], dropout=False), st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_integer_weight_equals_repeated_sample_on_average_over_batches(problem, batch_size):
    """With a rate near 0, an epoch is the sum of the first updates that each batch would make."""
    rng = np.random.default_rng(batch_size)
    rows = np.arange(12) % problem.X.shape[0]
    X, y, weight = problem.X[rows], problem.y[rows], rng.multinomial(24, np.full(12, 1 / 12)).astype(float)
    rate = 1e-8
    given_rate = {"learning_rate": rate, "max_iter": 1, "batch_size": batch_size, "standardize": False}
    first = problem.fitted(X, y, weight, **(given_rate | {"learning_rate": 1e-300}))

    def mean_update(repeats, weight, n_batches, **changes):
        network = problem.fitted(X[repeats], y[repeats], weight, **(given_rate | changes))
        return (theta(network) - theta(first)) / (rate * n_batches)

    every, repeated = np.arange(12), np.repeat(np.arange(12), weight.astype(int))
    size = {"batch": None, "sgd": 1, "minibatch": batch_size}[problem.params["solver"]]
    expected = mean_update(every, weight, 1, solver="batch")
    assert_close(mean_update(every, weight, 12 // (size or 12)), expected, 1e-5)
    assert_close(mean_update(repeated, None, 24 // (size or 24)), expected, 1e-5)


@examples(100)
@given(problems(sparse_X=True))
def test_feature_order_does_not_matter(problem):
    start = problem.fitted(learning_rate=1e-300, optimizer="gd", max_iter=1)
    coefs, intercepts = start.coefs_, start.intercepts_
    order = np.random.default_rng(2).permutation(problem.X.shape[1])
    plain = problem.fitted(init=(coefs, intercepts))
    moved = problem.fitted(
        problem.X[:, order], problem.y, problem.weight, init=([coefs[0][order], *coefs[1:]], intercepts)
    )
    assert_close(layers(moved)[0].W, layers(plain)[0].W[order])
    assert_close(moved.loss_curve_, np.array(plain.loss_curve_))
    assert_close(moved._raw_output(problem.X[:, order]), plain._raw_output(problem.X))


@examples(100)
@given(problems(dropout=False))
def test_hidden_unit_order_does_not_matter(problem):
    start = problem.fitted(learning_rate=1e-300, optimizer="gd", max_iter=1)
    given_weights = start.coefs_, start.intercepts_
    plain = problem.fitted(init=given_weights)
    moved = problem.fitted(init=permuted(np.random.default_rng(3), *given_weights))
    expected = permuted(np.random.default_rng(3), plain.coefs_, plain.intercepts_)
    for found, wanted in zip((*moved.coefs_, *moved.intercepts_), (*expected[0], *expected[1]), strict=True):
        assert_close(found, wanted)
    assert_close(moved.loss_curve_, np.array(plain.loss_curve_))


@examples(100)
@given(problems(alphas=(0.0, 0.1, "auto"), weighted=[True], sparse_X=True), st.floats(1e-3, 1e3))
def test_common_factor_of_sample_weights_does_not_matter(problem, factor):
    scaled = problem.fitted(problem.X, problem.y, factor * problem.weight)
    assert_same_training(scaled, problem.fitted())


@examples(40)
@given(problems(alphas=(0.0, 0.1, "auto")), st.floats(1e-3, 1e3))
def test_equal_sample_weights_are_no_weights(problem, factor):
    weighted = problem.fitted(problem.X, problem.y, np.full(problem.X.shape[0], factor))
    assert_same_training(weighted, problem.fitted(problem.X, problem.y))


@examples(100)
@given(problems(alphas=(0.0, 0.1, "auto")))
def test_both_engines_agree(problem):
    pytest.importorskip("numba")
    problem.X[-1] = 0  # derivatives at 0 are cases of their own
    assert_same_training(problem.fitted(engine="numba"), problem.fitted())


@examples(100)
@given(problems(alphas=(0.0, 0.1, "auto"), sparse_X=True))
def test_float32_agrees_with_float64_to_its_precision(problem):
    narrow = problem.fitted(problem.X.astype(np.float32), problem.y, problem.weight)
    assert theta(narrow).dtype == np.float32
    assert_same_training(narrow, problem.fitted(), 2e-6)


@examples(100)
@given(problems(alphas=(0.0, 0.1, "auto")), st.booleans())
def test_sparse_and_dense_data_train_the_same(problem, csc):
    """Rows come with their opposites: scaling without centring is all of standardising where the means are 0."""
    half = np.where(np.abs(problem.X) < 0.5, 0, problem.X)
    half[:, 0] = problem.X[:, 0]  # a row of zeros would put hidden units on their kink
    rows = np.tile(np.arange(len(half)), 2)
    X, weight = np.concatenate([half, -half]), None if problem.weight is None else problem.weight[rows]
    thin = problem.fitted((sparse.csc_array if csc else sparse.csr_array)(X), problem.y[rows], weight)
    assert_same_training(thin, problem.fitted(X, problem.y[rows], weight))


@examples(100)
@given(problems(solvers=["batch"], alphas=(0.0, 0.1, "auto"), sparse_X=True), st.integers(1, 7))
def test_training_does_not_depend_on_chunks(problem, chunk):
    whole = problem.fitted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skbackprop._core.network.MIN_CHUNK_ROWS", chunk)
        patch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
        assert_same_training(problem.fitted(), whole)
