"""Properties of training, for networks and samples of every kind: what must not change what is learned."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from tests.shared import NO_UPDATE_RATE, output, theta
from tests.strategies import MAY_WARN, examples, problems

pytestmark = MAY_WARN


def permuted(rng, coefs, intercepts):
    """Return the same network with its hidden units in another order."""
    coefs, intercepts = [W.copy() for W in coefs], [b.copy() for b in intercepts]
    for level in range(len(coefs) - 1):
        order = rng.permutation(len(intercepts[level]))
        coefs[level], intercepts[level] = coefs[level][:, order], intercepts[level][order]
        coefs[level + 1] = coefs[level + 1][order]
    return coefs, intercepts


def assert_close(found, expected, rtol=1e-9):
    """Compare vectors up to rounding, relative to their largest entry."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * (1 + np.abs(expected).max()))


def assert_same_training(found, expected, rtol=1e-9):
    assert_close(theta(found), theta(expected), rtol)
    assert_close(found.loss_curve_, np.array(expected.loss_curve_), rtol)
    assert (found.t_, found.n_iter_) == (expected.t_, expected.n_iter_)


@examples(60)
@given(problems(solvers=["batch"], optimizers=["gd"], sparse_X=True))
def test_gradient_equals_finite_differences(problem):
    """The update of gradient descent is the gradient of the reported loss, along a random direction in each array."""
    rate, step, rng = 1e-3, 1e-6, np.random.default_rng(1)
    start = problem.step(problem.network(learning_rate=NO_UPDATE_RATE)).set_params(learning_rate=rate)
    theta(start)[...] += 0.1 * rng.normal(size=theta(start).size)
    gradient = (theta(start) - theta(problem.step(copy.deepcopy(start)))) / rate

    def loss_at(offset):
        moved = copy.deepcopy(start)
        theta(moved)[...] += offset
        return problem.step(moved).loss_curve_[-1]

    sizes = [array.size for array in (*start.coefs_, *start.intercepts_)]  # as they are ordered in theta
    for entries in np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]):
        direction = np.zeros_like(gradient)
        direction[entries] = rng.normal(size=entries.size)
        difference = (loss_at(step * direction) - loss_at(-step * direction)) / (2 * step)
        assert abs(direction @ gradient - difference) <= 1e-6 * (1 + np.abs(gradient).max())


@examples(60)
@given(problems(solvers=["batch"], dropout=False, sparse_X=True), st.integers(0, 2**32 - 1))
def test_integer_weight_equals_repeated_sample(problem, seed):
    n_samples = problem.X.shape[0]
    weight = np.random.default_rng(seed).integers(0, 4, n_samples)
    weight[:3] = np.maximum(weight[:3], 1)  # the first three samples have all classes
    repeated = np.repeat(np.arange(n_samples), weight)
    weighted = problem.fitted(problem.X, problem.y, weight)
    assert_same_training(problem.fitted(problem.X[repeated], problem.y[repeated]), weighted)


@examples(60)
@given(problems(alphas=(0.0,), optimizers=["gd"], dropout=False), st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_integer_weight_equals_repeated_sample_on_average_over_batches(problem, batch_size):
    """With a learning rate near 0, an epoch is the sum of the first updates that each batch would make."""
    rng = np.random.default_rng(batch_size)
    chosen = np.arange(12) % problem.X.shape[0]
    X, y, weight = problem.X[chosen], problem.y[chosen], 1.0 + rng.multinomial(12, np.full(12, 1 / 12))
    rate = 1e-8
    params = {"learning_rate": rate, "max_iter": 1, "standardize": False}
    if problem.params["solver"] == "minibatch":
        params |= {"batch_size": batch_size, "shuffle": problem.params["shuffle"] or batch_size == 12}
    initial = problem.fitted(X, y, weight, **(params | {"learning_rate": NO_UPDATE_RATE}))

    def mean_update(indices, weight, n_batches, **changes):
        network = problem.fitted(X[indices], y[indices], weight, **(params | changes))
        return (theta(network) - theta(initial)) / (rate * n_batches)

    every, repeated = np.arange(12), np.repeat(np.arange(12), weight.astype(int))
    size = {"batch": None, "sgd": 1, "minibatch": batch_size}[problem.params["solver"]]
    expected = mean_update(every, weight, 1, solver="batch", batch_size="auto", shuffle=True)
    assert_close(mean_update(every, weight, 12 // (size or 12)), expected, 1e-5)
    assert_close(mean_update(repeated, None, 24 // (size or 24)), expected, 1e-5)


@examples(60)
@given(problems(sparse_X=True))
def test_feature_order_does_not_matter(problem):
    start = problem.fitted(learning_rate=NO_UPDATE_RATE, optimizer="gd", max_iter=1)
    coefs, intercepts = start.coefs_, start.intercepts_
    order = np.random.default_rng(2).permutation(problem.X.shape[1])
    plain = problem.fitted(init=(coefs, intercepts))
    moved = problem.fitted(
        problem.X[:, order], problem.y, problem.weight, init=([coefs[0][order], *coefs[1:]], intercepts)
    )
    assert_close(moved.coefs_[0], plain.coefs_[0][order])
    assert_close(moved.loss_curve_, np.array(plain.loss_curve_))
    assert_close(output(moved, problem.X[:, order]), output(plain, problem.X))


@examples(60)
@given(problems(dropout=False))
def test_hidden_unit_order_does_not_matter(problem):
    start = problem.fitted(learning_rate=NO_UPDATE_RATE, optimizer="gd", max_iter=1)
    initial_weights = start.coefs_, start.intercepts_
    plain = problem.fitted(init=initial_weights)
    moved = problem.fitted(init=permuted(np.random.default_rng(3), *initial_weights))
    expected = permuted(np.random.default_rng(3), plain.coefs_, plain.intercepts_)
    for found, wanted in zip((*moved.coefs_, *moved.intercepts_), (*expected[0], *expected[1]), strict=True):
        assert_close(found, wanted)
    assert_close(moved.loss_curve_, np.array(plain.loss_curve_))


@examples(60)
@given(problems(alphas=(0.0, 0.1, "auto"), weighted=[True], sparse_X=True), st.floats(1e-3, 1e3))
def test_common_factor_of_sample_weights_does_not_matter(problem, factor):
    scaled = problem.fitted(problem.X, problem.y, factor * problem.weight)
    assert_same_training(scaled, problem.fitted())


@examples(40)
@given(problems(alphas=(0.0, 0.1, "auto")), st.floats(1e-3, 1e3))
def test_equal_sample_weights_are_no_weights(problem, factor):
    weighted = problem.fitted(problem.X, problem.y, np.full(problem.X.shape[0], factor))
    assert_same_training(weighted, problem.fitted(problem.X, problem.y))


@examples(60)
@given(problems(alphas=(0.0, 0.1, "auto")))
def test_both_engines_agree(problem):
    pytest.importorskip("numba")
    problem.X[-1] = 0  # a sample of zeros puts hidden units on their kink
    assert_same_training(problem.fitted(engine="numba"), problem.fitted())


@examples(60)
@given(problems(alphas=(0.0, 0.1, "auto"), sparse_X=True))
def test_float32_agrees_with_float64_to_its_precision(problem):
    narrow = problem.fitted(problem.X.astype(np.float32), problem.y, problem.weight)
    assert theta(narrow).dtype == np.float32
    assert_same_training(narrow, problem.fitted(), 2e-6)


@examples(60)
@given(problems(alphas=(0.0, 0.1, "auto")), st.booleans())
def test_sparse_and_dense_data_train_the_same(problem, csc):
    """Each sample has its negative: where the means are 0, scaling without centering is the whole standardization."""
    standard = {"standardize": problem.params["standardize"] and "standard"}  # "robust" scales sparse X in its own way
    half = np.where(np.abs(problem.X) < 0.5, 0, problem.X)
    half[:, 0] = problem.X[:, 0]  # a sample of zeros would put hidden units on their kink
    twice = np.tile(np.arange(len(half)), 2)
    X, weight = np.concatenate([half, -half]), None if problem.weight is None else problem.weight[twice]
    sparse_fit = problem.fitted(
        (sparse.csc_array if csc else sparse.csr_array)(X), problem.y[twice], weight, **standard
    )
    assert_same_training(sparse_fit, problem.fitted(X, problem.y[twice], weight, **standard))


@examples(60)
@given(problems(solvers=["batch"], alphas=(0.0, 0.1, "auto"), sparse_X=True), st.integers(1, 7))
def test_training_does_not_depend_on_chunks(problem, chunk):
    whole = problem.fitted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skbackprop._core.network.MIN_CHUNK_SIZE", chunk)
        patch.setattr("skbackprop._core.network.CHUNK_BYTES", 0)
        assert_same_training(problem.fitted(), whole)
