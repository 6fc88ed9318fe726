"""Mean of logits, and its temperature."""

import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax

from skbackprop.ensemble._temperature import apply_temperature, average_logits, fit_temperature


def classes(rng, n_samples, n_classes, temperature):
    """Return labels and probabilities whose logits are those of the labels times the temperature."""
    logits = rng.normal(scale=2, size=(n_samples, n_classes))
    cumulative = softmax(logits, axis=1).cumsum(axis=1)
    y = (rng.uniform(size=(n_samples, 1)) > cumulative[:, :-1]).sum(axis=1)
    return y, softmax(logits * temperature, axis=1)


def labels(rng, n_samples, temperature):
    logits = rng.normal(scale=2, size=(n_samples, 3))
    return (rng.uniform(size=logits.shape) < expit(logits)).astype(int), expit(logits * temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.5, 3.0])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_temperature_of_classes_is_found(rng, n_classes, temperature):
    y, probabilities = classes(rng, 50_000, n_classes, temperature)
    assert fit_temperature(y, probabilities) == pytest.approx(temperature, rel=0.06)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_of_labels_is_found(rng, temperature):
    y, probabilities = labels(rng, 50_000, temperature)
    assert fit_temperature(y, probabilities) == pytest.approx(temperature, rel=0.06)


def test_a_label_is_like_two_classes(rng):
    y, probabilities = classes(rng, 2000, 2, 2.0)
    found = fit_temperature(y[:, np.newaxis], probabilities[:, 1:])
    assert found == pytest.approx(fit_temperature(y, probabilities), rel=1e-3)


def test_temperature_is_1_without_evidence():
    found = [fit_temperature(*classes(np.random.default_rng(seed), 200, 3, 1.0)) for seed in range(50)]
    assert np.mean(np.array(found) == 1) > 0.85
    assert fit_temperature(*classes(np.random.default_rng(0), 20, 3, 1.1)) == 1


@pytest.mark.parametrize("n_samples", [500, 50_000])
def test_temperature_is_between_1_and_the_best_one(rng, n_samples):
    y, probabilities = classes(rng, n_samples, 3, 2.0)
    distance = 2 - fit_temperature(y, probabilities)
    assert 0 < distance < 20 / np.sqrt(n_samples)


def test_samples_without_weight_are_absent(rng):
    y, probabilities = classes(rng, 3000, 4, 2.0)
    expected = fit_temperature(y[:2000], probabilities[:2000])
    weight = np.where(np.arange(3000) < 2000, 5.0, 0.0)
    probabilities[2000:] = np.nan
    assert fit_temperature(y, probabilities, weight) == pytest.approx(expected, rel=1e-6)
    assert fit_temperature(y, probabilities, np.zeros(3000)) == 1


def test_weights_choose_between_temperatures(rng):
    parts = [classes(rng, 20_000, 3, temperature) for temperature in (0.5, 2.0)]
    y, probabilities = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    is_second = np.arange(40_000) >= 20_000
    assert fit_temperature(y, probabilities, np.where(is_second, 1.0, 1e-3)) == pytest.approx(2, rel=0.1)
    assert fit_temperature(y, probabilities, np.where(is_second, 1e-3, 1.0)) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [0.1, 2.0])
def test_extreme_probabilities(dtype, temperature):
    probabilities = np.array([[0, 1], [1, 0], [0.5, 0.5], [1e-30, 1], [0.2, 0.8]], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for multilabel in (False, True):
            found = apply_temperature(probabilities, temperature, multilabel=multilabel)
            assert found.dtype == dtype
            assert ((found >= 0) & (found <= 1)).all()
            np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
            np.testing.assert_array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))
        assert np.isfinite(fit_temperature(np.array([1, 0, 0, 1, 0]), probabilities))
        assert np.isfinite(fit_temperature(np.array([0, 1, 0, 1, 0]), probabilities))
        assert np.isfinite(fit_temperature(np.array([[0, 1], [1, 1], [0, 0], [1, 1], [1, 0]]), probabilities))


def test_temperature_divides_the_logits(rng):
    logits = rng.normal(size=(50, 4))
    np.testing.assert_allclose(apply_temperature(softmax(logits, axis=1), 2.5), softmax(logits / 2.5, axis=1))
    np.testing.assert_allclose(apply_temperature(expit(logits), 2.5, multilabel=True), expit(logits / 2.5))
    probabilities = softmax(logits, axis=1)
    assert apply_temperature(probabilities, 1.0) is probabilities


def test_mean_of_logits(rng):
    logits = rng.normal(size=(3, 50, 4))
    weight = np.array([1.0, 2.0, 0.0])
    mean, weighted = logits.mean(axis=0), (logits[0] + 2 * logits[1]) / 3
    probabilities = softmax(logits, axis=-1)
    np.testing.assert_allclose(average_logits(probabilities), softmax(mean, axis=-1))
    np.testing.assert_allclose(average_logits(probabilities, weight), softmax(weighted, axis=-1))
    np.testing.assert_allclose(average_logits(expit(logits), multilabel=True), expit(mean))
    assert average_logits(probabilities.astype(np.float32)).dtype == np.float32


def test_a_member_that_excludes_a_class_does_not_decide_alone():
    members = np.array([[[0.0, 1.0]], *[[[1 - 1e-6, 1e-6]]] * 4])
    assert average_logits(members)[0, 0] > 0.99


def test_mean_of_logits_of_noisy_members_is_more_confident_than_that_of_probabilities(rng):
    logits = rng.normal(scale=3, size=(5000, 5))
    members = softmax(logits + rng.normal(scale=1.5, size=(5, 5000, 5)), axis=-1)
    assert average_logits(members).max(axis=-1).mean() > members.mean(axis=0).max(axis=-1).mean() + 0.01
