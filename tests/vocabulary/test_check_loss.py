"""A loss of one's own, and what `check_loss` lets pass and what it refuses, to the tolerance that it names."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skbackprop import BackpropRegressor
from skbackprop.losses import Loss, SquaredError, check_loss

Y, RAW = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.array([[0.3, 0.8], [2.2, 3.1], [4.1, 5.4]])


@dataclass(frozen=True)
class Asymmetric(Loss):
    """A user's own: an error above costs `factor` times one below."""

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


class TestOfOnesOwn:
    def test_is_checked_and_trains(self, rng):
        check_loss(Asymmetric(), rng.uniform(size=(6, 2)), rng.normal(size=(6, 2)))
        X, y = load_diabetes(return_X_y=True)
        network = BackpropRegressor(20, loss=Asymmetric(9.0), random_state=0).fit(X, y / 100)
        assert (network.predict(X) < y / 100).mean() > 0.6
        with pytest.raises(ValueError, match="no negative numbers here"):
            network.fit(X, -y)

    def test_takes_part_in_a_search(self):
        network = BackpropRegressor(5, loss=Asymmetric())
        assert network.set_params(loss__factor=2.0).loss.factor == 2.0

    @pytest.mark.parametrize(
        ("method", "message"),
        [
            (
                lambda self, y, raw, g: np.multiply(raw - y, 2.1, out=g).sum(axis=1) * 0 + ((raw - y) ** 2).sum(1),
                "finite",
            ),
            (lambda self, y, raw, g: np.multiply(raw - y, 2, out=g), "values has shape"),
            (lambda self, y, raw, g: ((raw - y) ** 2).sum(axis=1), "NaN or infinity"),
        ],
    )
    def test_mistakes_are_found(self, method, message, rng):
        wrong = type("Wrong", (Asymmetric,), {"value_and_gradient": method})()
        with pytest.raises(ValueError, match=message):
            check_loss(wrong, rng.uniform(size=(4, 2)), rng.normal(size=(4, 2)))

    def test_other_mistakes_are_found(self, rng):
        y, raw = rng.uniform(size=(4, 2)), rng.normal(size=(4, 2))
        with pytest.raises(ValueError, match="must be the same"):
            check_loss(Asymmetric(), y, raw[:, :1])
        with pytest.raises(ValueError, match="no negative numbers here"):
            check_loss(Asymmetric(), -y, raw)
        flat = type("Flat", (Asymmetric,), {"inverse_link": lambda self, raw: raw[:, 0]})()
        with pytest.raises(ValueError, match="inverse_link has shape"):
            check_loss(flat, y, raw)


@dataclass(frozen=True)
class Wrong(SquaredError):
    """Squared error with something added to one entry of its derivative, in one dtype only if one is named."""

    added: float
    row: int = 0
    output: int = 0
    dtype: type | None = None

    def value_and_gradient(self, y, raw, gradient):
        values = super().value_and_gradient(y, raw, gradient)
        if self.dtype in (None, raw.dtype):
            gradient[self.row, self.output] += self.added
        return values


@dataclass(frozen=True)
class Strict(SquaredError):
    """Squared error that wants arrays of rows, y and raw of one floating dtype."""

    def value_and_gradient(self, y, raw, gradient):
        assert y.ndim == raw.ndim == 2
        assert y.dtype == raw.dtype
        assert y.dtype in (np.float32, np.float64)
        return super().value_and_gradient(y, raw, gradient)


@pytest.mark.parametrize(("y", "raw"), [([[1, 2]], [[3, -4]]), ([1, 2], [3, -4]), (Y.astype(np.float32), RAW)])
def test_anything_like_an_array_is_tried_in_both_dtypes(y, raw):
    check_loss(Strict(), y, raw)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_the_size_of_the_numbers_does_not_matter(size):
    check_loss(SquaredError(), size * Y, size * RAW)


def test_the_entry_that_is_wrong_is_named():
    with pytest.raises(ValueError, match=r"by output 1 in row 2 is 1\.8, by finite differences it is 0\.8"):
        check_loss(Wrong(1.0, row=2, output=1), Y, RAW)


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_the_error_that_passes_is_relative_to_the_larger_of_one_and_the_derivative(size):
    y, raw = np.zeros((1, 1)), np.full((1, 1), 0.3 if size == 1.0 else size / 2)
    check_loss(Wrong(0.9e-3 * size), y, raw, rtol=1e-3)
    with pytest.raises(ValueError, match="by finite differences"):
        check_loss(Wrong(1.1e-3 * size), y, raw, rtol=1e-3)
    check_loss(Wrong(0.9e-5 * size), y, raw)
    with pytest.raises(ValueError, match="by finite differences"):
        check_loss(Wrong(1.1e-5 * size), y, raw)


@pytest.mark.parametrize(
    ("raw", "output", "passes", "fails"),
    [
        ([[0.0, 0.2]], 0, 0.009, 0.011),  # a hundredth of one
        ([[0.0, 50.0]], 0, 0.9, 1.1),  # of the largest derivative
        ([[0.0, 50.0]], 1, 1.9, 2.1),  # and of the derivative itself
    ],
)
def test_float32_may_be_a_hundredth_off(raw, output, passes, fails):
    y = np.zeros((1, 2))
    check_loss(Wrong(passes, output=output, dtype=np.dtype(np.float32)), y, raw)
    with pytest.raises(ValueError, match="something else in float32 than in float64"):
        check_loss(Wrong(fails, output=output, dtype=np.dtype(np.float32)), y, raw)


def test_values_that_are_no_array_are_refused():
    number = type("Number", (SquaredError,), {"value_and_gradient": lambda self, y, raw, gradient: 1.0})()
    with pytest.raises(ValueError, match="returns float, it must be an ndarray"):
        check_loss(number, Y, RAW)


def test_the_constant_of_a_loss_of_ones_own_is_zero():
    np.testing.assert_array_equal(Loss().constant(np.array([3.0, 4.0])), [0.0, 0.0], strict=True)
