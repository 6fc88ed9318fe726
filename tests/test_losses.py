import numpy as np
import pytest
from scipy import special
from sklearn.metrics import log_loss, mean_squared_error

from skbackprop.losses import LOSSES, BinaryLogLoss, LogisticSquaredError, MultinomialLogLoss, SquaredError

IDS = [" ".join(key) for key in LOSSES]


def evaluate(loss, y, raw):
    """Values and gradient, leaving raw as it is."""
    gradient = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw.copy(), gradient), gradient


def targets(loss, rng, n_rows, n_outputs):
    y = rng.uniform(size=(n_rows, n_outputs))
    return y / y.sum(axis=1, keepdims=True) if loss.output_activation == "softmax" else y


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
def test_gradient_equals_central_differences_row_by_row(loss, rng):
    raw, step = rng.normal(size=(5, 3)), 1e-6
    y = targets(loss, rng, 5, 3)
    gradient = evaluate(loss, y, raw)[1]
    for output in range(3):
        shift = step * np.eye(3)[output]
        differences = (evaluate(loss, y, raw + shift)[0] - evaluate(loss, y, raw - shift)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, output], differences, rtol=1e-7, atol=1e-9)


def test_squared_error_is_the_sum_over_outputs_without_one_half(rng):
    y, raw = rng.normal(size=(2, 6, 4))
    assert evaluate(SquaredError(), y, raw)[0].mean() == pytest.approx(4 * mean_squared_error(y, raw))
    logistic = evaluate(LogisticSquaredError(), y, raw)[0].mean()
    assert logistic == pytest.approx(4 * mean_squared_error(y, special.expit(raw)))


def test_log_losses_are_scikit_learns(rng):
    raw, labels = rng.normal(size=(8, 3)), np.array([0, 1, 2, 0, 1, 2, 1, 1])
    multinomial = evaluate(MultinomialLogLoss(), np.eye(3)[labels], raw)[0]
    assert multinomial.mean() == pytest.approx(log_loss(labels, special.softmax(raw, axis=1)))
    binary = evaluate(BinaryLogLoss(), (labels == 1.0)[:, None].astype(float), raw[:, :1])[0]
    assert binary.mean() == pytest.approx(log_loss(labels == 1, special.expit(raw[:, 0])))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [50.0, 800.0, 1e30])
def test_log_losses_are_exact_far_out(dtype, far):
    raw = np.array([[far], [-far], [far], [-far]], dtype)
    y = np.array([[1], [0], [0], [1]], dtype)
    values, gradient = evaluate(BinaryLogLoss(), y, raw)
    np.testing.assert_allclose(values, [np.exp(-far), np.exp(-far), far, far], rtol=1e-5, atol=0)
    np.testing.assert_allclose(gradient[:, 0], [0, 0, 1, -1], atol=1e-7)

    raw = np.array([[far, 0, -far]] * 3, dtype)
    values, gradient = evaluate(MultinomialLogLoss(), np.eye(3, dtype=dtype), raw)
    np.testing.assert_allclose(values, [0, far, 2 * far], rtol=1e-6)
    np.testing.assert_allclose(gradient, np.eye(3)[[0, 0, 0]] - np.eye(3), atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(loss, dtype, rng):
    raw = rng.normal(size=(4, 3)).astype(dtype)
    values, gradient = evaluate(loss, targets(loss, rng, 4, 3).astype(dtype), raw)
    assert values.dtype == gradient.dtype == loss.inverse_link(raw).dtype == dtype


@pytest.mark.parametrize("loss", [LogisticSquaredError(), BinaryLogLoss(), MultinomialLogLoss()], ids=repr)
def test_log_inverse_link_is_finite_where_the_link_underflows(loss):
    raw = np.array([[-2000.0, 2000.0, 0.3]])
    np.testing.assert_allclose(loss.log_inverse_link(raw / 1000), np.log(loss.inverse_link(raw / 1000)), rtol=1e-12)
    assert np.isfinite(loss.log_inverse_link(raw)).all()


def test_registry_keys_name_the_output_activation():
    for (_, output_activation), loss in LOSSES.items():
        assert loss.output_activation == output_activation
