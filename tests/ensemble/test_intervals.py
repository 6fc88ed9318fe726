"""Prediction intervals from out-of-fold residuals."""

import math
import pickle

import numpy as np
import pytest

from skbackprop.ensemble._intervals import _ratio_of_errors, fit_intervals, predict_intervals

N_MEMBERS = 5


def cv_plus(y, members, codes, new_members, confidence_level):
    """Return the bounds of CV+ by its definition, for one output: all residuals around all predictions."""
    residuals = np.abs(members[codes, np.arange(len(y))] - y)
    rank = math.ceil(confidence_level * (len(y) + 1) - 1e-9) - 1
    upper = np.partition(new_members[codes] + residuals[:, np.newaxis], rank, axis=0)[rank]
    lower = -np.partition(-new_members[codes] + residuals[:, np.newaxis], rank, axis=0)[rank]
    return lower, upper


def least_squares(rng, n_samples, n_features, noise, n_new=500):
    """Return targets, predictions and codes of linear regressions on five folds, and new targets and predictions."""
    X = rng.normal(size=(n_samples + n_new, n_features))
    y = X.sum(axis=1) + noise(X) * rng.normal(size=len(X))
    codes = rng.permutation(n_samples) % N_MEMBERS
    members = np.empty((N_MEMBERS, len(X)))
    for k in range(N_MEMBERS):
        X_train, y_train = X[:n_samples][codes != k], y[:n_samples][codes != k]
        members[k] = X @ np.linalg.solve(X_train.T @ X_train, X_train.T @ y_train)
    return y[:n_samples], members[:, :n_samples], codes, y[n_samples:], members[:, n_samples:]


def coverage_and_width(lower, upper, y):
    return np.mean((lower <= y) & (y <= upper)), np.mean(upper - lower)


def fit_one(y, out_of_fold, mean, sample_weight=None):
    return fit_intervals(y[:, np.newaxis], out_of_fold[:, np.newaxis], mean[:, np.newaxis], sample_weight)


def predict_one(intervals, prediction, confidence_level=0.9):
    lower, upper = predict_intervals(intervals, prediction[:, np.newaxis], confidence_level)
    return lower[:, 0], upper[:, 0]


def of_members(members, codes):
    """Return the out-of-fold prediction of each sample and the mean of all members."""
    return members[codes, np.arange(len(codes))], members.mean(axis=0)


@pytest.fixture
def example(rng):
    """Targets, out-of-fold predictions, predictions of all members, and those of new samples."""
    y, out_of_fold, mean = rng.normal(size=(3, 300)) * [[1], [0.6], [0.5]]
    return y, y + out_of_fold, y + mean, rng.normal(size=200)


@pytest.mark.parametrize("n_samples", [9, 31, 99])
@pytest.mark.parametrize("confidence_level", [0.5, 0.8, 0.9])
def test_members_that_agree_have_the_intervals_of_cv_plus(rng, n_samples, confidence_level):
    y, codes = rng.normal(size=n_samples), rng.integers(N_MEMBERS, size=n_samples)
    members, new = np.tile(rng.normal(size=n_samples), (N_MEMBERS, 1)), np.tile(rng.normal(size=20), (N_MEMBERS, 1))
    found = predict_one(fit_one(y, *of_members(members, codes)), new[0], confidence_level)
    np.testing.assert_allclose(found, cv_plus(y, members, codes, new, confidence_level), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("confidence_level", [0.5, 0.9])
def test_coverage_is_nearer_to_the_level_than_that_of_cv_plus_where_members_differ(confidence_level):
    figures = []
    for seed in range(10):
        y, members, codes, new_y, new = least_squares(np.random.default_rng(seed), 300, 110, lambda X: 1.0)
        found = predict_one(fit_one(y, *of_members(members, codes)), new.mean(axis=0), confidence_level)
        plus = cv_plus(y, members, codes, new, confidence_level)
        figures.append([coverage_and_width(*found, new_y), coverage_and_width(*plus, new_y)])
    (coverage, width), (plus_coverage, plus_width) = np.mean(figures, axis=0)
    assert -0.01 < coverage - confidence_level < plus_coverage - confidence_level
    assert coverage - confidence_level < 0.05
    assert width < plus_width


def test_intervals_are_wide_where_targets_are_noisy():
    figures = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y, members, codes, new_y, new = least_squares(rng, 1000, 3, lambda X: np.exp(X.sum(axis=1) / 2))
        prediction = new.mean(axis=0)
        lower, upper = predict_one(fit_one(y, *of_members(members, codes)), prediction)
        is_large = prediction > 1
        figures.append([np.mean(((lower <= new_y) & (new_y <= upper))[part]) for part in (is_large, ~is_large)])
        assert np.mean((upper - lower)[is_large]) > 2 * np.mean((upper - lower)[~is_large])
    np.testing.assert_allclose(np.mean(figures, axis=0), 0.9, atol=0.04)


@pytest.mark.parametrize("n_held_out", [1, 2])
def test_ratio_of_errors_is_exact_if_members_err_as_on_new_samples(rng, n_held_out):
    members = 3 * rng.normal(size=100_000) + 2 * rng.normal(size=(4, 100_000))
    found = _ratio_of_errors(members[:n_held_out].mean(axis=0), members.mean(axis=0), np.ones(100_000))
    assert found == pytest.approx(math.sqrt((9 + 4 / 4) / (9 + 4 / n_held_out)), rel=0.01)


def test_ratio_of_errors_is_nearer_to_1_the_better_members_fit_their_samples(rng):
    members = 3 * rng.normal(size=10_000) + 2 * rng.normal(size=(4, 10_000))
    ratios = []
    for fitted in (1.0, 0.5, 0.2, 0.0):
        members[1:] *= fitted
        ratios.append(_ratio_of_errors(members[0], members.mean(axis=0), np.ones(10_000)))
    assert ratios == sorted(ratios)
    assert ratios[-1] == pytest.approx(1)


def test_each_output_has_its_own_intervals(example):
    y, out_of_fold, mean, new = example
    arrays = [np.stack([array, 7 * array + 3], axis=-1) for array in example]
    lower, upper = predict_intervals(fit_intervals(*arrays[:3]), arrays[3], 0.8)
    expected = np.array(predict_one(fit_one(y, out_of_fold, mean), new, 0.8))
    np.testing.assert_allclose((lower[:, 0], upper[:, 0]), expected)
    np.testing.assert_allclose((lower[:, 1], upper[:, 1]), 7 * expected + 3)


def test_higher_levels_have_wider_intervals(example):
    intervals = fit_one(*example[:3])
    widths = [np.subtract(*predict_one(intervals, example[3], level)[::-1]) for level in (0.5, 0.9, 0.95, 0.99)]
    assert (np.diff(widths, axis=0) > 0).all()


def test_samples_without_weight_or_out_of_fold_prediction_are_absent(example):
    y, out_of_fold, mean, new = example
    expected = predict_one(fit_one(y[:250], out_of_fold[:250], mean[:250]), new)
    is_used = np.arange(300) < 250
    np.testing.assert_allclose(predict_one(fit_one(y, out_of_fold, mean, np.where(is_used, 3.0, 0.0)), new), expected)
    found = predict_one(fit_one(y, np.where(is_used, out_of_fold, np.nan), mean), new)
    np.testing.assert_allclose(found, expected)


def test_weights_say_how_frequent_samples_are(rng):
    # half of the samples are ten times as noisy, and a tenth of the weighted ones
    is_noisy = np.arange(4000) % 2 == 1
    y, zeros = rng.normal(size=4000) * np.where(is_noisy, 10, 1), np.zeros(4000)
    lower, upper = predict_one(fit_one(y, zeros, zeros, np.where(is_noisy, 1.0, 9.0)), zeros[:1])
    is_covered = (lower <= y) & (y <= upper)
    assert 0.1 * is_covered[is_noisy].mean() + 0.9 * is_covered[~is_noisy].mean() == pytest.approx(0.9, abs=0.005)


def test_intervals_are_infinite_with_too_few_samples():
    intervals = fit_one(np.arange(8.0), np.zeros(8), np.zeros(8))
    with pytest.warns(UserWarning, match="level 0.9 are infinite: they need at least 9 training samples"):
        lower, upper = predict_one(intervals, np.zeros(3))
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()
    assert np.isfinite(predict_one(intervals, np.zeros(3), 0.8)).all()


def test_unequal_weights_count_as_fewer_samples():
    y = np.arange(20.0)
    with pytest.warns(UserWarning, match="are infinite"):
        lower, _ = predict_one(fit_one(y, np.zeros(20), np.zeros(20), np.where(y < 4, 100.0, 0.1)), np.zeros(3))
    assert (lower == -np.inf).all()


@pytest.mark.parametrize("n_samples", [0, 20])
def test_intervals_are_infinite_without_out_of_fold_predictions(n_samples):
    intervals = fit_one(np.zeros(n_samples), np.full(n_samples, np.nan), np.zeros(n_samples))
    with pytest.warns(UserWarning, match="are infinite"):
        assert np.isinf(predict_one(intervals, np.zeros(2))).all()


def test_equal_residuals_and_predictions():
    found = predict_one(fit_one(np.resize([-1.0, 1.0], 500), np.zeros(500), np.zeros(500)), np.zeros(2))
    np.testing.assert_allclose(found, [[-1, -1], [1, 1]], rtol=1e-6)


def test_members_without_error_have_intervals_without_width():
    y = np.arange(200.0)
    np.testing.assert_array_equal(predict_one(fit_one(y, y, y), y), [y, y])


def test_members_that_interpolate_have_the_residuals_of_single_members(rng):
    y = rng.normal(size=99)
    lower, upper = predict_one(fit_one(y, np.zeros(99), 0.8 * y), np.zeros(1))  # four members of five
    np.testing.assert_allclose([-lower[0], upper[0]], np.sort(np.abs(y))[89], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-10, 1e150])
def test_units_of_the_target_do_not_matter(example, scale):
    expected = predict_one(fit_one(*example[:3]), example[3])
    scaled = [scale * array for array in example]
    np.testing.assert_allclose(predict_one(fit_one(*scaled[:3]), scaled[3]), np.multiply(expected, scale), rtol=1e-6)


def test_single_precision(example):
    expected = predict_one(fit_one(*example[:3]), example[3])
    single = [array.astype(np.float32) for array in example]
    np.testing.assert_allclose(predict_one(fit_one(*single[:3]), single[3]), expected, rtol=1e-3, atol=1e-3)


def test_state_consists_of_arrays(example):
    intervals, new = fit_one(*example[:3]), example[3]
    assert {type(array) for array in intervals.values()} == {np.ndarray}
    np.testing.assert_array_equal(predict_one(pickle.loads(pickle.dumps(intervals)), new), predict_one(intervals, new))
