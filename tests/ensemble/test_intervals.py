"""Prediction intervals of a cross-fitted ensemble."""

import math
import pickle

import numpy as np
import pytest

from skbackprop.ensemble._intervals import _residuals, _shared_error, fit_intervals, predict_intervals

N_MEMBERS = 5


def cv_plus(y, member_predictions, codes, new_predictions, confidence_level):
    """Return the bounds of CV+ by its definition, for one output: all residuals around all predictions."""
    residuals = np.abs(member_predictions[codes, np.arange(len(y))] - y)
    rank = math.ceil(confidence_level * (len(y) + 1) - 1e-9)
    upper = np.sort(new_predictions[codes] + residuals[:, np.newaxis], axis=0)[rank - 1]
    lower = np.sort(new_predictions[codes] - residuals[:, np.newaxis], axis=0)[::-1][rank - 1]
    return lower, upper


def least_squares(rng, n_samples, n_features, noise, n_new=4000):
    """Return targets, predictions and codes of linear regressions on five folds, and new targets and predictions."""
    X = rng.normal(size=(n_samples + n_new, n_features))
    y = X.sum(axis=1) + noise(X) * rng.normal(size=len(X))
    codes = rng.permutation(n_samples) % N_MEMBERS
    members = [np.linalg.lstsq(X[:n_samples][codes != k], y[:n_samples][codes != k])[0] for k in range(N_MEMBERS)]
    predictions = np.array([X @ coef for coef in members])
    return y[:n_samples], predictions[:, :n_samples], codes, y[n_samples:], predictions[:, n_samples:]


def coverage_and_width(lower, upper, y):
    return np.mean((lower <= y) & (y <= upper)), np.mean(upper - lower)


def fit_one(y, member_predictions, codes, sample_weight=None):
    return fit_intervals(y[:, np.newaxis], member_predictions[:, :, np.newaxis], codes, sample_weight)


def predict_one(intervals, new_predictions, confidence_level=0.9):
    lower, upper = predict_intervals(intervals, new_predictions[:, :, np.newaxis], confidence_level)
    return lower[:, 0], upper[:, 0]


@pytest.fixture
def example(rng):
    """Targets, predictions, codes and new predictions of noisy members."""
    y = rng.normal(size=300)
    new = rng.normal(size=200)
    codes = np.arange(300) % N_MEMBERS
    distances = 0.3 * rng.normal(size=(N_MEMBERS, 500))
    error = 0.5 * rng.normal(size=300)
    return y, y + error + distances[:, :300], codes, new + distances[:, 300:]


@pytest.mark.parametrize("n_samples", [9, 31, 99])
@pytest.mark.parametrize("confidence_level", [0.5, 0.8, 0.9])
def test_members_that_agree_have_the_intervals_of_cv_plus(rng, n_samples, confidence_level):
    y, codes = rng.normal(size=n_samples), rng.integers(N_MEMBERS, size=n_samples)
    predictions = np.tile(rng.normal(size=n_samples), (N_MEMBERS, 1))
    new = np.tile(rng.normal(size=20), (N_MEMBERS, 1))
    found = predict_one(fit_one(y, predictions, codes), new, confidence_level)
    np.testing.assert_allclose(found, cv_plus(y, predictions, codes, new, confidence_level), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("confidence_level", [0.5, 0.8, 0.9, 0.95])
def test_coverage_is_near_the_level_although_the_members_differ(confidence_level):
    figures = []
    for seed in range(20):
        y, seen, codes, new_y, new = least_squares(np.random.default_rng(seed), 400, 150, lambda X: 1.0)
        found = predict_one(fit_one(y, seen, codes), new, confidence_level)
        plus = cv_plus(y, seen, codes, new, confidence_level)
        figures.append([coverage_and_width(*found, new_y), coverage_and_width(*plus, new_y)])
    (coverage, width), (plus_coverage, plus_width) = np.mean(figures, axis=0)
    assert -0.01 < coverage - confidence_level < plus_coverage - confidence_level
    assert coverage - confidence_level < 0.05
    assert width < plus_width


def test_intervals_are_wide_where_targets_are_noisy():
    figures = []
    for seed in range(10):
        data = least_squares(np.random.default_rng(seed), 1000, 3, lambda X: np.exp(X.sum(axis=1) / 2))
        y, seen, codes, new_y, new = data
        lower, upper = predict_one(fit_one(y, seen, codes), new)
        is_large = new.mean(axis=0) > 1
        figures.append([np.mean(((lower <= new_y) & (new_y <= upper))[part]) for part in (is_large, ~is_large)])
        assert np.mean((upper - lower)[is_large]) > 2 * np.mean((upper - lower)[~is_large])
    np.testing.assert_allclose(np.mean(figures, axis=0), 0.9, atol=0.04)


def test_error_that_new_members_share_is_found_from_those_that_trained_on_the_samples(rng):
    n_samples, n_members = 100_000, 4
    codes = np.arange(n_samples) % n_members
    is_own = np.arange(n_members)[:, np.newaxis] == codes
    # on samples that they trained on, members make half the error
    size = np.where(is_own, 1.0, 0.5)
    errors = size * (3 * rng.normal(size=n_samples) + 2 * rng.normal(size=(n_members, n_samples)))
    found = _shared_error(_residuals(np.zeros(n_samples), errors, codes), n_members, np.ones(n_samples))
    np.testing.assert_allclose(found, (13, 9), rtol=0.02)


def test_interval_does_not_depend_on_the_other_new_samples(example):
    y, predictions, codes, new = example
    intervals = fit_one(y, predictions, codes)
    lower, upper = predict_one(intervals, new)
    alone = np.array([predict_one(intervals, new[:, i : i + 1]) for i in range(10)])[:, :, 0]
    np.testing.assert_array_equal(alone, np.stack([lower, upper], axis=1)[:10])


def test_each_output_has_its_own_intervals(example):
    y, predictions, codes, new = example
    scaled = [np.stack([array, 7 * array + 3], axis=-1) for array in (y, predictions, new)]
    lower, upper = predict_intervals(fit_intervals(*scaled[:2], codes), scaled[2], 0.8)
    expected = np.array(predict_one(fit_one(y, predictions, codes), new, 0.8))
    np.testing.assert_allclose((lower[:, 0], upper[:, 0]), expected)
    np.testing.assert_allclose((lower[:, 1], upper[:, 1]), 7 * expected + 3)


def test_higher_levels_have_wider_intervals(example):
    y, predictions, codes, new = example
    intervals = fit_one(y, predictions, codes)
    widths = [np.subtract(*predict_one(intervals, new, level)[::-1]) for level in (0.5, 0.9, 0.95, 0.99)]
    assert (np.diff(widths, axis=0) > 0).all()


def test_samples_without_weight_or_member_are_absent(example):
    y, predictions, codes, new = example
    expected = predict_one(fit_one(y[:250], predictions[:, :250], codes[:250]), new)
    weight = np.where(np.arange(300) < 250, 3.0, 0.0)
    np.testing.assert_allclose(predict_one(fit_one(y, predictions, codes, weight), new), expected)
    codes = np.where(np.arange(300) < 250, codes, -1)
    np.testing.assert_allclose(predict_one(fit_one(y, predictions, codes), new), expected)


def test_weights_say_how_frequent_samples_are(rng):
    # half of the samples are ten times as noisy, and a tenth of the weighted ones
    is_noisy = np.arange(4000) % 2 == 1
    y = rng.normal(size=4000) * np.where(is_noisy, 10, 1)
    predictions, codes = np.zeros((N_MEMBERS, 4000)), rng.integers(N_MEMBERS, size=4000)
    lower, upper = predict_one(fit_one(y, predictions, codes, np.where(is_noisy, 1.0, 9.0)), predictions[:, :1])
    is_covered = (lower <= y) & (y <= upper)
    assert 0.1 * is_covered[is_noisy].mean() + 0.9 * is_covered[~is_noisy].mean() == pytest.approx(0.9, abs=0.005)


def test_intervals_are_infinite_with_too_few_samples():
    y, codes, new = np.arange(8.0), np.arange(8) % N_MEMBERS, np.zeros((N_MEMBERS, 3))
    intervals = fit_one(y, np.zeros((N_MEMBERS, 8)), codes)
    with pytest.warns(UserWarning, match="level 0.9 are infinite: they need at least 9 training samples"):
        lower, upper = predict_one(intervals, new)
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()
    assert np.isfinite(predict_one(intervals, new, 0.8)).all()


def test_unequal_weights_count_as_fewer_samples():
    y, codes, new = np.arange(20.0), np.arange(20) % N_MEMBERS, np.zeros((N_MEMBERS, 3))
    weight = np.where(y < 4, 100.0, 0.1)
    with pytest.warns(UserWarning, match="are infinite"):
        lower, _ = predict_one(fit_one(y, np.zeros((N_MEMBERS, 20)), codes, weight), new)
    assert (lower == -np.inf).all()


@pytest.mark.parametrize("codes", [np.full(20, -1), np.zeros(0, int)])
def test_intervals_are_infinite_without_out_of_fold_predictions(codes):
    n_samples = len(codes)
    intervals = fit_one(np.zeros(n_samples), np.zeros((N_MEMBERS, n_samples)), codes)
    with pytest.warns(UserWarning, match="are infinite"):
        assert np.isinf(predict_one(intervals, np.zeros((N_MEMBERS, 2)))).all()


def test_equal_residuals_and_predictions():
    y, codes = np.resize([-1.0, 1.0], 500), np.arange(500) % N_MEMBERS
    found = predict_one(fit_one(y, np.zeros((N_MEMBERS, 500)), codes), np.zeros((N_MEMBERS, 2)))
    np.testing.assert_allclose(found, [[-1, -1], [1, 1]], rtol=1e-6)


def test_members_without_error_have_intervals_without_width():
    y, codes = np.arange(200.0), np.arange(200) % N_MEMBERS
    predictions = np.tile(y, (N_MEMBERS, 1))
    np.testing.assert_allclose(predict_one(fit_one(y, predictions, codes), predictions), [y, y], atol=1e-12)


def test_members_that_interpolate_have_the_residuals_of_single_members(rng):
    y, codes = rng.normal(size=99), np.arange(99) % N_MEMBERS
    predictions = np.tile(y, (N_MEMBERS, 1))
    predictions[codes, np.arange(99)] = 0
    lower, upper = predict_one(fit_one(y, predictions, codes), np.zeros((N_MEMBERS, 1)))
    np.testing.assert_allclose([-lower[0], upper[0]], np.sort(np.abs(y))[89], rtol=1e-6)


@pytest.mark.parametrize("n_members", [2, 3])
def test_few_members(rng, n_members):
    y, codes = rng.normal(size=2000), np.arange(2000) % n_members
    predictions = y + rng.normal(size=2000) + 0.1 * rng.normal(size=(n_members, 2000))
    half_width = np.diff(predict_one(fit_one(y, predictions, codes), predictions), axis=0) / 2
    assert half_width.mean() == pytest.approx(1.64, rel=0.1)


def test_single_precision(example):
    y, predictions, codes, new = example
    expected = predict_one(fit_one(y, predictions, codes), new)
    found = predict_one(
        fit_one(*(array.astype(np.float32) for array in (y, predictions)), codes), new.astype(np.float32)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_state_consists_of_arrays(example):
    y, predictions, codes, new = example
    intervals = fit_one(y, predictions, codes)
    assert {type(array) for array in intervals.values()} == {np.ndarray}
    np.testing.assert_array_equal(predict_one(pickle.loads(pickle.dumps(intervals)), new), predict_one(intervals, new))
