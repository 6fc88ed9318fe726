"""Samples of weight 0 are as if absent, and samples are counted by calls, not by comparing them."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, TRAINS_BRIEFLY, announce, data, theta

pytestmark = TRAINS_BRIEFLY

N_ABSENT = 450


def with_absent(X, y, seed=0):
    """Return X, y and weights with many useless samples of weight 0 between the real ones."""
    rng = np.random.default_rng(seed)
    place = np.sort(rng.choice(len(y) + N_ABSENT, len(y), replace=False))
    more_X, more_y = rng.normal(50, 30, size=(len(y) + N_ABSENT, X.shape[1])), rng.choice(y, len(y) + N_ABSENT)
    more_X[place], more_y[place] = X, y
    weight = np.zeros(len(more_y))
    weight[place] = 1
    return more_X, more_y, weight


def assert_same_fit(expected, found, rtol=1e-9):
    np.testing.assert_allclose(theta(found), theta(expected), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=rtol)
    np.testing.assert_allclose(found._state.validation_scores, expected._state.validation_scores, rtol=rtol)
    assert (found.t_, found.n_iter_, found.best_iter_) == (expected.t_, expected.n_iter_, expected.best_iter_)
    assert found.alpha_ == pytest.approx(expected.alpha_, rel=1e-9)
    assert found.learning_rate_ == pytest.approx(expected.learning_rate_, rel=1e-9)


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_is_that_without_them(estimator, solver, engine, weighted):
    X, y = data(estimator)
    more_X, more_y, more_weight = with_absent(X, y)
    weight = None
    if weighted:
        weight = np.linspace(0.5, 2, len(y))
        more_weight[more_weight > 0] = weight
    network, same = (estimator(6, solver=solver, engine=engine, **FEW) for _ in range(2))
    assert_same_fit(network.fit(X, y, weight), same.fit(more_X, more_y, more_weight))


@BOTH
@pytest.mark.parametrize(
    "params",
    [
        {"early_stopping": True, "max_iter": 12},
        {"early_stopping": True, "scoring": None, "max_iter": 12},
        {"dropout": 0.3},
        {"shuffle": False},
        {"solver": "batch", "dropout": 0.3},
        {"standardize": False},
        {"optimizer": "lbfgs", "solver": "batch", "max_iter": 6},
        {"init": ([np.ones((4, 6)) / 9, np.ones((6, 1)) / 9], [np.zeros(6), np.zeros(1)])},
    ],
    ids=lambda params: "-".join(params),
)
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_every_part_of_a_fit_is_that_without_them(estimator, params, make):
    X, y = data(estimator)
    if estimator is BackpropClassifier:
        X, y = X[:100], y[:100]  # two classes have one output, for which `init` is
    X = np.where(np.abs(X) < 0.3, 0, X)
    more_X, more_y, weight = with_absent(X, y)
    network, same = (estimator(6, **(FEW | params)) for _ in range(2))
    assert_same_fit(network.fit(make(X), y), same.fit(make(more_X), more_y, weight), rtol=1e-7)


@BOTH
@pytest.mark.parametrize("scoring", ["loss", None])
def test_given_validation_set_is_that_without_them(estimator, scoring):
    X, y = data(estimator)
    more_X, more_y, weight = with_absent(X[1::2], y[1::2])
    network, same = (estimator(6, scoring=scoring, **FEW) for _ in range(2))
    network.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    same.fit(X[::2], y[::2], X_val=more_X, y_val=more_y, sample_weight_val=weight)
    assert_same_fit(network, same)


def test_scorer_of_a_validation_set_gets_no_sample_of_weight_zero():
    X, y = data(BackpropRegressor)
    shapes = set()

    def score(network, X, y, sample_weight):
        shapes.add((X.shape, y.shape, sample_weight.shape))
        return 1.0

    weight = np.arange(150) % 3 == 0
    BackpropRegressor(5, scoring=score, **FEW).fit(X, y, X_val=X, y_val=y, sample_weight_val=weight)
    assert shapes == {((50, 4), (50,), (50,))}


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_balanced_class_weights_are_those_without_them(is_multilabel):
    X, y = data(BackpropClassifier)
    X, y = X[:120], y[:120]
    more_X, more_y, weight = with_absent(X, y)
    if is_multilabel:
        y, more_y = (np.column_stack([labels > 0, labels > 1]).astype(int) for labels in (y, more_y))
    network, same = (BackpropClassifier(6, class_weight="balanced", **FEW) for _ in range(2))
    assert_same_fit(network.fit(X, y), same.fit(more_X, more_y, weight))


def test_class_of_weight_zero_is_as_if_absent_and_stays_a_class():
    X, y = data(BackpropClassifier)
    network = BackpropClassifier(6, **FEW).fit(X, y, sample_weight=(y < 2).astype(float))
    by_class = BackpropClassifier(6, class_weight={2: 0}, **FEW).fit(X, y)
    assert_same_fit(network, by_class)
    assert by_class.classes_.tolist() == [0, 1, 2]
    assert by_class._state.n_samples == 100


@BOTH
@ENGINES
@EACH_SOLVER
def test_stream_is_that_without_them(estimator, engine, solver):
    X, y = data(estimator)
    weight = np.arange(150) % 4 > 0
    weight[40:60] = True  # some calls have no sample of weight 0, and take the fast path
    network, same = (estimator(6, solver=solver, engine=engine, random_state=0) for _ in range(2))
    for start in range(0, 150, 5):
        chunk, kept = slice(start, start + 5), start + np.flatnonzero(weight[start : start + 5])
        network.partial_fit(X[kept], y[kept], sample_weight=np.ones(len(kept)), **announce(estimator))
        same.partial_fit(X[chunk], y[chunk], sample_weight=weight[chunk].astype(float), **announce(estimator))
    assert_same_fit(network, same)


def test_mean_number_of_entries_does_not_count_them(rng):
    y = data(BackpropRegressor)[1]
    narrow = sparse.csr_array((rng.uniform(size=(150, 3000)) < 0.01).astype(float))
    full = sparse.vstack([narrow, sparse.csr_array(np.ones((20, 3000)))]).tocsr()
    network = BackpropRegressor(4, **FEW).fit(narrow, y)
    same = BackpropRegressor(4, **FEW).fit(full, np.append(y, np.zeros(20)), np.repeat([1.0, 0.0], [150, 20]))
    assert_same_fit(network, same)


@BOTH
@pytest.mark.parametrize("change", ["order", "rounding", "layout"])
def test_same_samples_in_another_form_are_counted_alike(estimator, change):
    X, y = data(estimator)
    order = np.random.default_rng(0).permutation(150) if change == "order" else np.arange(150)
    again = X[order] * (1 + 2.0**-52) if change == "rounding" else X[order]
    again = np.asfortranarray(again) if change == "layout" else again
    first, second = (estimator(6, solver="batch", random_state=0) for _ in range(2))
    for _ in range(3):
        first.partial_fit(X, y, **announce(estimator))
    for samples, labels in ((X, y), (again, y[order]), (X, y)):
        second.partial_fit(samples, labels, **announce(estimator))
    np.testing.assert_allclose(theta(second), theta(first), rtol=1e-9, atol=1e-11)
    assert second.alpha_ == pytest.approx(first.alpha_, rel=1e-9)
    assert first._state.n_samples == second._state.n_samples == 450


@BOTH
def test_warm_fit_counts_its_own_samples(estimator):
    X, y = data(estimator)
    network = estimator(6, warm_start=True, **FEW)
    for samples in (slice(None), slice(0, None, 2), slice(None)):
        network.fit(X[samples], y[samples])
        assert network._state.n_samples == len(y[samples])
    network.partial_fit(X[:10], y[:10])
    assert network._state.n_samples == 160
