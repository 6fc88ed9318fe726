"""Logits, their probabilities, and their temperature."""

import warnings

import numpy as np
import pytest
from scipy.special import expit, softmax

from skbackprop.ensemble._temperature import fit_temperature, log_probabilities_of, logits_of, probabilities_of


def classes(rng, n_samples, n_classes, temperature):
    """Return labels, and logits that are those of the labels times the temperature."""
    logits = rng.normal(scale=2, size=(n_samples, n_classes))
    cumulative = softmax(logits, axis=1).cumsum(axis=1)
    y = (rng.uniform(size=(n_samples, 1)) > cumulative[:, :-1]).sum(axis=1)
    return y, logits * temperature


def labels(rng, n_samples, temperature):
    logits = rng.normal(scale=2, size=(n_samples, 3))
    return (rng.uniform(size=logits.shape) < expit(logits)).astype(int), logits * temperature


@pytest.mark.parametrize("temperature", [0.5, 1.5, 3.0])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_temperature_of_classes_is_found(rng, n_classes, temperature):
    y, logits = classes(rng, 50_000, n_classes, temperature)
    assert fit_temperature(y, logits) == pytest.approx(temperature, rel=0.06)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_of_labels_is_found(rng, temperature):
    y, logits = labels(rng, 50_000, temperature)
    assert fit_temperature(y, logits) == pytest.approx(temperature, rel=0.06)


def test_a_label_is_like_two_classes(rng):
    y, logits = classes(rng, 2000, 2, 2.0)
    found = fit_temperature(y[:, np.newaxis], logits[:, 1:] - logits[:, :1])
    assert found == pytest.approx(fit_temperature(y, logits), rel=1e-3)


def test_temperature_is_1_without_evidence():
    found = [fit_temperature(*classes(np.random.default_rng(seed), 200, 3, 1.0)) for seed in range(50)]
    assert np.mean(np.array(found) == 1) > 0.85
    assert fit_temperature(*classes(np.random.default_rng(0), 20, 3, 1.1)) == 1


@pytest.mark.parametrize("n_samples", [500, 50_000])
def test_temperature_is_between_1_and_the_best_one(rng, n_samples):
    y, logits = classes(rng, n_samples, 3, 2.0)
    distance = 2 - fit_temperature(y, logits)
    assert 0 < distance < 20 / np.sqrt(n_samples)


def test_samples_without_weight_are_absent(rng):
    y, logits = classes(rng, 3000, 4, 2.0)
    expected = fit_temperature(y[:2000], logits[:2000])
    weight = np.where(np.arange(3000) < 2000, 5.0, 0.0)
    logits[2000:] = np.nan
    assert fit_temperature(y, logits, weight) == pytest.approx(expected, rel=1e-6)
    assert fit_temperature(y, logits, np.zeros(3000)) == 1


def test_weights_choose_between_temperatures(rng):
    parts = [classes(rng, 20_000, 3, temperature) for temperature in (0.5, 2.0)]
    y, logits = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    is_second = np.arange(40_000) >= 20_000
    assert fit_temperature(y, logits, np.where(is_second, 1.0, 1e-3)) == pytest.approx(2, rel=0.1)
    assert fit_temperature(y, logits, np.where(is_second, 1e-3, 1.0)) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("is_multilabel", [False, True])
def test_extreme_probabilities_have_finite_logits(dtype, is_multilabel):
    probabilities = np.array([[0, 1], [1, 0], [0.5, 0.5], [1e-30, 1], [0.2, 0.8]], dtype)
    y = np.array([[0, 1], [1, 1], [0, 0], [1, 1], [1, 0]]) if is_multilabel else np.array([1, 0, 0, 1, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = logits_of(probabilities, is_multilabel=is_multilabel)
        assert logits.dtype == np.float64
        assert np.isfinite(logits).all()
        assert np.isfinite(fit_temperature(y, logits))
        found = probabilities_of(logits, is_multilabel=is_multilabel)
    np.testing.assert_allclose(found, probabilities, atol=2e-7)


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_logarithms_are_those_of_the_probabilities(rng, is_multilabel):
    logits = rng.normal(size=(50, 4))
    probability = probabilities_of(logits, is_multilabel=is_multilabel)
    np.testing.assert_allclose(probability, expit(logits) if is_multilabel else softmax(logits, axis=1))
    np.testing.assert_allclose(np.exp(log_probabilities_of(logits, is_multilabel=is_multilabel)), probability)


def test_a_member_that_excludes_a_class_does_not_decide_alone():
    members = np.array([[0.0, 1.0], *[[1 - 1e-6, 1e-6]] * 4])
    mean = logits_of(members, is_multilabel=False).mean(axis=0, keepdims=True)
    assert probabilities_of(mean, is_multilabel=False)[0, 0] > 0.99
