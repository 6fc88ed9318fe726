"""Links and target scalings: inverses, derivatives, logarithms, Jacobians, and the links of custom losses."""

import numpy as np
import pytest
from scipy import special

from skbackprop._core.network import Layer
from skbackprop.losses import LOSSES, Loss
from skbackprop.losses._links import LINKS, CustomLink, ElementwiseLink
from skbackprop.losses._target_scaling import TARGET_SCALINGS

EACH_LINK = pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
INVERSES = {
    "identity": lambda raw: raw,
    "logistic": lambda raw: 1 / (1 + np.exp(-raw)),
    "exponential": np.exp,
    "softmax": lambda raw: np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True),
    "sorted": lambda raw: np.sort(raw, axis=1),
}


@pytest.fixture
def raw(rng):
    return rng.normal(size=(6, 3))


def finite_differences(function, raw, output, step=1e-6):
    """Return the derivative of one output with respect to all raw outputs."""
    derivative = np.empty_like(raw)
    for column in range(raw.shape[1]):
        shift = step * (np.arange(raw.shape[1]) == column)
        derivative[:, column] = (function(raw + shift) - function(raw - shift))[:, output] / (2 * step)
    return derivative


class TestLink:
    @EACH_LINK
    def test_inverse_is_the_output_activation_of_its_name(self, link, raw):
        np.testing.assert_allclose(link.inverse(raw), INVERSES[link.name](raw), rtol=1e-14)

    @EACH_LINK
    @pytest.mark.parametrize("output", [0, 2])
    def test_derivative_equals_finite_differences(self, link, raw, output):
        derivative = link.inverse_derivative(raw, output)
        assert derivative.shape == raw.shape
        np.testing.assert_allclose(derivative, finite_differences(link.inverse, raw, output), rtol=1e-7, atol=1e-9)

    @EACH_LINK
    def test_derivative_does_not_change_the_raw_output(self, link, raw):
        before = raw.copy()
        link.inverse_derivative(raw, 1)
        np.testing.assert_array_equal(raw, before)

    @EACH_LINK
    def test_derivative_has_the_dtype_of_the_raw_output(self, link, raw):
        assert link.inverse_derivative(raw.astype(np.float32), 0).dtype == np.float32

    @EACH_LINK
    def test_log_inverse_is_the_logarithm(self, link, raw):
        raw = np.abs(raw) + 0.1  # so that all predictions are positive
        np.testing.assert_allclose(link.log_inverse(raw), np.log(link.inverse(raw)), rtol=1e-12, atol=1e-15)

    @EACH_LINK
    def test_jacobian_has_the_derivatives_of_all_outputs(self, link, raw):
        jacobian = link.jacobian(raw[0])
        matrix = np.array([finite_differences(link.inverse, raw[:1], output)[0] for output in range(3)])
        expected = matrix.diagonal() if isinstance(link, ElementwiseLink) else matrix
        np.testing.assert_allclose(jacobian, expected, rtol=1e-7, atol=1e-9)

    @EACH_LINK
    def test_properties_hold_for_its_predictions(self, link, raw):
        prediction = link.inverse(10 * raw)
        assert link.is_probability == (prediction.min() >= 0 and prediction.max() <= 1)
        assert link.sums_to_one == np.allclose(prediction.sum(axis=1), 1)

    @pytest.mark.parametrize("name", [name for name, link in LINKS.items() if link.is_probability])
    def test_log_probability_is_finite_where_the_probability_underflows(self, name):
        raw = np.array([[-1e4, 0.0], [-1e300, 1e300]])
        logarithm = LINKS[name].log_inverse(raw)
        assert np.isfinite(logarithm).all()
        assert logarithm.min() < -1e3

    def test_slope_of_the_logistic_function_is_exact_far_from_zero(self):
        slope = LINKS["logistic"].slope(np.array([-700.0, 700.0]))
        np.testing.assert_allclose(slope, np.exp(-700.0), rtol=1e-12)

    def test_derivative_of_softmax_with_respect_to_all_raw_outputs_sums_to_zero(self):
        raw = np.array([[30.0, -20.0, 0.0]])
        np.testing.assert_array_equal(LINKS["softmax"].inverse_derivative(raw, 0).sum(axis=1), 0)

    def test_derivative_of_equal_sorted_outputs_is_that_of_one_of_them(self):
        derivative = [LINKS["sorted"].inverse_derivative(np.ones((1, 3)), output)[0] for output in range(3)]
        np.testing.assert_array_equal(derivative, np.eye(3))

    @pytest.mark.parametrize("loss", LOSSES.values(), ids=[" ".join(key) for key in LOSSES])
    def test_loss_has_the_properties_of_its_link(self, loss):
        assert type(loss.link) is type(LINKS[loss.output_activation])
        assert loss.target_scaling == loss.link.target_scaling.name


class Custom(Loss):
    """A custom loss with an output activation that the package knows."""

    output_activation = "logistic"

    def inverse_link(self, raw):
        return special.expit(raw)


class Softplus(Loss):
    """A custom loss with an output activation that the package does not know."""

    output_activation = "softplus"
    target_scaling = "mean"

    def inverse_link(self, raw):
        return np.logaddexp(0, raw)


class Mixture(Loss):
    """A custom loss whose outputs depend on several raw outputs."""

    output_activation = "cumulative"

    def inverse_link(self, raw):
        return np.cumsum(np.exp(raw), axis=1)


class TestCustomLink:
    def test_known_output_activation_brings_its_derivative_and_properties(self, raw):
        link, known = Custom().link, LINKS["logistic"]
        assert isinstance(link, CustomLink)
        assert (link.name, link.is_probability, link.sums_to_one) == ("logistic", True, False)
        np.testing.assert_array_equal(link.inverse(raw), known.inverse(raw))
        np.testing.assert_array_equal(link.inverse_derivative(raw, 1), known.inverse_derivative(raw, 1))
        np.testing.assert_array_equal(link.jacobian(raw[0]), known.jacobian(raw[0]))

    @pytest.mark.parametrize("loss", [Softplus(), Mixture()])
    @pytest.mark.parametrize("scale", [1.0, 1e-6, 5.0])
    def test_unknown_output_activation_is_differentiated_numerically(self, loss, scale, raw):
        for output in range(3):
            derivative = loss.link.inverse_derivative(scale * raw, output)
            expected = finite_differences(loss.inverse_link, scale * raw, output)
            np.testing.assert_allclose(derivative, expected, rtol=1e-6, atol=1e-8)
        assert not loss.link.is_probability
        assert not loss.link.sums_to_one

    def test_jacobian_of_an_unknown_elementwise_link_is_its_diagonal(self, raw):
        np.testing.assert_allclose(Softplus().link.jacobian(raw[0]), special.expit(raw[0]), rtol=1e-8)

    def test_jacobian_of_outputs_that_depend_on_several_raw_outputs_is_a_matrix(self, raw):
        expected = np.tril(np.tile(np.exp(raw[0]), (3, 1)))
        np.testing.assert_allclose(Mixture().link.jacobian(raw[0]), expected, rtol=1e-8, atol=1e-12)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_log_inverse_is_that_of_the_loss_and_finite(self, dtype):
        raw = np.array([[-1e4, 0.0, 3.0]], dtype)
        logarithm = Softplus().link.log_inverse(raw)
        assert np.isfinite(logarithm).all()
        np.testing.assert_allclose(logarithm[:, 1:], np.log(np.logaddexp(0, raw[:, 1:])), rtol=1e-6)

    def test_target_is_scaled_as_the_loss_asks_for(self):
        assert Custom().link.target_scaling is TARGET_SCALINGS[None]
        assert Softplus().link.target_scaling is TARGET_SCALINGS["mean"]


class TestTargetScaling:
    MEAN, SPREAD = np.array([4.0, -2.0]), np.array([0.5, 3.0])

    @pytest.mark.parametrize(
        ("name", "offset", "scale"),
        [
            (None, [0.0, 0.0], [1.0, 1.0]),
            ("spread", [4.0, -2.0], [0.5, 3.0]),
            ("mean", [0.0, 0.0], [4.0, 1.0]),  # a mean that is not positive is no scale
        ],
    )
    def test_offset_and_scale(self, name, offset, scale):
        found = TARGET_SCALINGS[name].offset_and_scale(self.MEAN, self.SPREAD)
        np.testing.assert_array_equal(found, [offset, scale])
        assert TARGET_SCALINGS[name].scales == (name is not None)

    @EACH_LINK
    def test_output_layer_after_fold_scaling_predicts_in_units_of_the_target(self, link, rng):
        layer, X = Layer(rng.normal(size=(3, 2)), rng.normal(size=2)), rng.normal(size=(5, 3))
        offset, scale = link.target_scaling.offset_and_scale(np.array([3.0, 3.0]), np.array([0.5, 0.5]))
        before = link.inverse(X @ layer.W + layer.b)
        link.target_scaling.fold_scaling(layer.W, layer.b, offset, scale)
        np.testing.assert_allclose(link.inverse(X @ layer.W + layer.b), before * scale + offset, rtol=1e-12)

    @pytest.mark.parametrize("name", TARGET_SCALINGS)
    def test_unfold_scaling_undoes_fold_scaling(self, name, rng):
        scaling, W, b = TARGET_SCALINGS[name], rng.normal(size=(3, 2)), rng.normal(size=2)
        before = W.copy(), b.copy()
        offset, scale = scaling.offset_and_scale(self.MEAN, self.SPREAD)
        scaling.fold_scaling(W, b, offset, scale)
        assert scaling.scales == (not np.array_equal(b, before[1]))
        scaling.unfold_scaling(W, b, offset, scale)
        np.testing.assert_allclose(W, before[0], rtol=1e-14)
        np.testing.assert_allclose(b, before[1], rtol=1e-12)


def test_unknown_target_scaling_of_a_custom_loss_is_rejected_with_the_known_ones():
    class Rescaled(Loss):
        target_scaling = "range"

    with pytest.raises(ValueError, match=r"target_scaling of Rescaled must be one of .*'spread'.*, got 'range'"):
        Rescaled().link  # noqa: B018
