"""Custom losses, and what `check_loss` accepts and refuses, to the tolerance that it documents."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skbackprop import BackpropRegressor
from skbackprop.losses import Loss, SquaredError, check_loss

Y, RAW = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.array([[0.3, 0.8], [2.2, 3.1], [4.1, 5.4]])


@dataclass(frozen=True)
class Asymmetric(Loss):
    """A custom loss: an error above costs `factor` times one below."""

    factor: float = 3.0

    def inverse_link(self, raw):
        return raw

    def value_and_gradient(self, y, raw, gradient):
        residual = raw - y
        weight = np.where(residual > 0, self.factor, 1.0).astype(raw.dtype)
        gradient[...] = 2 * weight * residual
        return (weight * residual**2).sum(axis=1)

    def check_target(self, y):
        if (y < 0).any():
            raise ValueError("no negative numbers here")


class TestCustomLoss:
    def test_passes_the_check_and_trains(self, rng):
        check_loss(Asymmetric(), rng.uniform(size=(6, 2)), rng.normal(size=(6, 2)))
        X, y = load_diabetes(return_X_y=True)
        network = BackpropRegressor(20, loss=Asymmetric(9.0), random_state=0).fit(X, y / 100)
        assert (network.predict(X) < y / 100).mean() > 0.6
        with pytest.raises(ValueError, match="no negative numbers here"):
            network.fit(X, -y)

    def test_has_nested_parameters(self):
        network = BackpropRegressor(5, loss=Asymmetric())
        assert network.set_params(loss__factor=2.0).loss.factor == 2.0

    @pytest.mark.parametrize(
        ("method", "message"),
        [
            (
                lambda self, y, raw, g: np.multiply(raw - y, 2.1, out=g).sum(axis=1) * 0 + ((raw - y) ** 2).sum(1),
                "but finite differences give",
            ),
            (
                lambda self, y, raw, g: np.multiply(raw - y, 2, out=g),
                "value_and_gradient must return an array of shape",
            ),
            (lambda self, y, raw, g: ((raw - y) ** 2).sum(axis=1), "has not written the derivative into"),
        ],
    )
    def test_mistakes_are_found(self, method, message, rng):
        wrong = type("Wrong", (Asymmetric,), {"value_and_gradient": method})()
        with pytest.raises(ValueError, match=message):
            check_loss(wrong, rng.uniform(size=(4, 2)), rng.normal(size=(4, 2)))

    def test_other_mistakes_are_found(self, rng):
        y, raw = rng.uniform(size=(4, 2)), rng.normal(size=(4, 2))
        with pytest.raises(ValueError, match="shapes must be equal"):
            check_loss(Asymmetric(), y, raw[:, :1])
        with pytest.raises(ValueError, match="no negative numbers here"):
            check_loss(Asymmetric(), -y, raw)
        flat = type("Flat", (Asymmetric,), {"inverse_link": lambda self, raw: raw[:, 0]})()
        with pytest.raises(ValueError, match="inverse_link must return an array of shape"):
            check_loss(flat, y, raw)


@dataclass(frozen=True)
class Wrong(SquaredError):
    """Squared error with a number added to one entry of its derivative, in all dtypes or only in the given one."""

    added: float
    sample: int = 0
    output: int = 0
    dtype: type | None = None

    def value_and_gradient(self, y, raw, gradient):
        values = super().value_and_gradient(y, raw, gradient)
        if self.dtype in (None, raw.dtype):
            gradient[self.sample, self.output] += self.added
        return values


@dataclass(frozen=True)
class Strict(SquaredError):
    """Squared error that accepts two-dimensional arrays of one floating dtype only."""

    def value_and_gradient(self, y, raw, gradient):
        assert y.ndim == raw.ndim == 2
        assert y.dtype == raw.dtype
        assert y.dtype in (np.float32, np.float64)
        return super().value_and_gradient(y, raw, gradient)


@pytest.mark.parametrize(("y", "raw"), [([[1, 2]], [[3, -4]]), ([1, 2], [3, -4]), (Y.astype(np.float32), RAW)])
def test_any_array_like_is_checked_in_both_dtypes(y, raw):
    check_loss(Strict(), y, raw)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_scale_of_the_numbers_does_not_matter(size):
    check_loss(SquaredError(), size * Y, size * RAW)


def test_the_wrong_entry_is_named():
    with pytest.raises(ValueError, match=r"output 1 of sample 2 is 1\.8, but finite differences give 0\.8"):
        check_loss(Wrong(1.0, sample=2, output=1), Y, RAW)


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_the_accepted_error_is_relative_to_the_larger_of_one_and_the_derivative(size):
    y, raw = np.zeros((1, 1)), np.full((1, 1), 0.3 if size == 1.0 else size / 2)
    check_loss(Wrong(0.9e-3 * size), y, raw, rtol=1e-3)
    with pytest.raises(ValueError, match="but finite differences give"):
        check_loss(Wrong(1.1e-3 * size), y, raw, rtol=1e-3)
    check_loss(Wrong(0.9e-5 * size), y, raw)
    with pytest.raises(ValueError, match="but finite differences give"):
        check_loss(Wrong(1.1e-5 * size), y, raw)


@pytest.mark.parametrize(
    ("raw", "output", "passes", "fails"),
    [
        ([[0.0, 0.2]], 0, 0.009, 0.011),  # a hundredth of one
        ([[0.0, 50.0]], 0, 0.9, 1.1),  # of the largest derivative
        ([[0.0, 50.0]], 1, 1.9, 2.1),  # and of the derivative itself
    ],
)
def test_the_derivative_in_float32_may_differ_by_a_hundredth(raw, output, passes, fails):
    y = np.zeros((1, 2))
    check_loss(Wrong(passes, output=output, dtype=np.dtype(np.float32)), y, raw)
    with pytest.raises(ValueError, match="in float32 differs from the derivative in float64"):
        check_loss(Wrong(fails, output=output, dtype=np.dtype(np.float32)), y, raw)


def test_values_that_are_not_an_array_are_refused():
    number = type(
        "Number", (SquaredError,), {"value_and_gradient": lambda self, y, raw, gradient: gradient.fill(1.0) or 1.0}
    )()
    with pytest.raises(ValueError, match="must return an ndarray, got float"):
        check_loss(number, Y, RAW)


def test_the_constant_of_a_custom_loss_is_zero():
    np.testing.assert_array_equal(Loss().constant(np.array([3.0, 4.0])), [0.0, 0.0], strict=True)
