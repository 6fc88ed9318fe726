"""Custom activations: what `check_activation` and the beginning of a fit find, and activations of two functions."""

import pickle
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS, Activation, FunctionActivation, Tanh, check_activation
from skbackprop.losses import Loss
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, announce, data, theta

pytestmark = TRAINS_BRIEFLY


class Sine(Activation):
    """A correct custom activation."""

    def function(self, z, out):
        np.sin(z, out=out)

    def derivative(self, z, a):
        np.cos(z, out=z)


def variant(**methods):
    """Return a copy of `Sine` with other methods."""
    return type("Variant", (Sine,), methods)()


def rebinds_out(self, z, out):
    out = np.sin(z)  # noqa: F841


def rebinds_z(self, z, a):
    z = np.cos(z)


def changes_z(self, z, out):
    np.sin(z, out=z)
    out[...] = z


#: A mistake in the interface, and what the error says.
MISTAKES = {
    "returns f(z)": ({"function": lambda self, z, out: np.sin(z)}, r"function must write f\(z\) into out.*returning"),
    "rebinds out": ({"function": rebinds_out}, r"function must write f\(z\) into out, as in out\[\.\.\.\]"),
    "changes z": ({"function": changes_z}, "function must not change z"),
    "is NaN": ({"function": lambda self, z, out: np.sqrt(z, out=out)}, r"function gives nan for z=-2\.3"),
    "is infinite": (
        {"function": lambda self, z, out: np.multiply(z, np.inf, out=out)},
        r"function gives -inf for z=-2\.3",
    ),
    "returns the derivative": (
        {"derivative": lambda self, z, a: np.cos(z)},
        r"derivative must write f'\(z\) into z.*returning",
    ),
    "rebinds z": ({"derivative": rebinds_z}, r"derivative must write f'\(z\) into z, as in z\[\.\.\.\]"),
    "derivative is NaN": ({"derivative": lambda self, z, a: np.sqrt(z, out=z)}, r"derivative gives nan for z=-2\.3"),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@BOTH
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_found_before_training(estimator, mistake):
    methods, message = MISTAKES[mistake]
    X, y = data(estimator)
    wrong = variant(**methods)
    for network in (estimator(4, activation=wrong, **FEW), estimator((4, 4), activation=["relu", wrong], **FEW)):
        with pytest.raises(ValueError, match=message):
            network.fit(X, y)
        with pytest.raises(ValueError, match=message):
            network.partial_fit(X, y, **announce(estimator))
        assert not hasattr(network, "coefs_")
    with pytest.raises(ValueError, match=message):
        check_activation(wrong)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_built_in_activations_pass(name):
    check_activation(ACTIVATIONS[name])


def test_a_correct_activation_passes_and_trains():
    check_activation(Sine())
    check_activation(Sine(), z=[0.0, 1e3])
    X, y = data(BackpropRegressor)
    BackpropRegressor(4, activation=Sine(), **FEW).fit(X, y)


def test_a_derivative_that_equals_z_passes():
    half_square = FunctionActivation(lambda z: 0.5 * z * z, lambda z: z)
    check_activation(half_square)
    X, y = data(BackpropRegressor)
    BackpropRegressor(4, activation=half_square, **FEW).fit(X, y)


def test_a_wrong_derivative_is_named_by_the_check_only():
    surrogate = FunctionActivation(np.sign, lambda z: np.exp(-z * z))
    with pytest.raises(ValueError, match=r"the derivative for z=-2\.3 is 0\.00504\d*, but finite differences give 0"):
        check_activation(surrogate)
    X, y = data(BackpropRegressor)
    BackpropRegressor(4, activation=surrogate, **FEW).fit(X, y)


def test_the_accepted_error_is_relative():
    nearly = variant(derivative=lambda self, z, a: np.multiply(np.cos(z), 1.001, out=z))
    check_activation(nearly, rtol=1e-2)
    with pytest.raises(ValueError, match="but finite differences give"):
        check_activation(nearly)


def test_a_derivative_that_is_wrong_in_float32_is_found():
    def derivative(self, z, a):
        np.cos(z, out=z)
        z += 0.1 * (z.dtype == np.float32)

    with pytest.raises(ValueError, match="in float32 differs from the derivative in float64"):
        check_activation(variant(derivative=derivative))


@dataclass(frozen=True)
class Squared(Loss):
    """A correct custom loss."""

    def inverse_link(self, raw):
        return raw

    def value_and_gradient(self, y, raw, gradient):
        np.multiply(raw - y, 2, out=gradient)
        return ((raw - y) ** 2).sum(axis=1)


def changes_y(self, y, raw, gradient):
    y -= raw
    np.multiply(y, -2, out=gradient)
    return (y**2).sum(axis=1)


def rebinds_gradient(self, y, raw, gradient):
    gradient = 2 * (raw - y)
    return (gradient**2).sum(axis=1)


LOSS_MISTAKES = {
    "returns both": (
        {"value_and_gradient": lambda self, y, raw, g: (((raw - y) ** 2).sum(axis=1), raw - y)},
        r"has not written the derivative into gradient, as in gradient\[\.\.\.\]",
    ),
    "rebinds gradient": ({"value_and_gradient": rebinds_gradient}, "has not written the derivative into gradient"),
    "returns nothing": (
        {"value_and_gradient": lambda self, y, raw, g: g.fill(1.0)},
        "value_and_gradient must return an ndarray, got NoneType",
    ),
    "returns a sum": (
        {"value_and_gradient": lambda self, y, raw, g: g.fill(1.0) or ((raw - y) ** 2).sum()},
        "value_and_gradient must return an ndarray, got float",
    ),
    "returns a loss for each output": (
        {"value_and_gradient": lambda self, y, raw, g: np.multiply(raw - y, 2, out=g)},
        r"value_and_gradient must return an array of shape \(4,\), got shape \(4, 1\)",
    ),
    "is NaN": (
        {"value_and_gradient": lambda self, y, raw, g: g.fill(1.0) or np.full(len(y), np.nan)},
        "value_and_gradient gives NaN or infinity for y=",
    ),
    "changes y": ({"value_and_gradient": changes_y}, "must not change y"),
    "predicts another shape": (
        {"inverse_link": lambda self, raw: raw[:, 0]},
        r"inverse_link must return an array of shape \(4, 1\)",
    ),
}


@pytest.mark.parametrize("mistake", LOSS_MISTAKES)
def test_mistakes_in_a_loss_are_found_before_training(mistake):
    methods, message = LOSS_MISTAKES[mistake]
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(4, loss=type("Variant", (Squared,), methods)(), **FEW)
    for call in (network.fit, network.partial_fit):
        with pytest.raises(ValueError, match=message):
            call(X, y)
    assert not hasattr(network, "coefs_")


@pytest.mark.parametrize("scaling", ["spread", "mean", None])
def test_a_correct_loss_trains_with_targets_of_any_size(scaling):
    X, y = data(BackpropRegressor)
    loss = type("Scaled", (Squared,), {"target_scaling": scaling})()
    size = 1.0 if scaling is None else 1e100
    BackpropRegressor(4, loss=loss, **FEW).fit(X, size * (1 + np.abs(y)))


def test_a_custom_loss_of_classes_is_checked_with_their_columns():
    class Brier(Squared):
        output_activation = "softmax"

        def inverse_link(self, raw):
            return special.softmax(raw, axis=1)

        def value_and_gradient(self, y, raw, gradient):
            assert y.shape == raw.shape
            p = special.softmax(raw, axis=1)
            error = 2 * (p - y)
            gradient[...] = p * (error - (error * p).sum(axis=1, keepdims=True))
            return ((p - y) ** 2).sum(axis=1)

    X, y = data(BackpropClassifier)
    BackpropClassifier(4, loss=Brier(), **FEW).fit(X, y)


class TestFunctionActivation:
    @BOTH
    def test_trains_like_the_class(self, estimator):
        X, y = data(estimator)
        expected = estimator(4, activation=Sine(), **FEW).fit(X, y)
        found = estimator(4, activation=FunctionActivation(np.sin, np.cos), **FEW).fit(X, y)
        np.testing.assert_array_equal(theta(found), theta(expected))
        np.testing.assert_array_equal(found.predict(X), expected.predict(X))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_keeps_the_dtype(self, dtype):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(4, activation=FunctionActivation(np.sin, np.cos), **FEW).fit(X.astype(dtype), y)
        assert theta(network).dtype == dtype

    def test_is_compared_by_value_cloned_and_pickled(self):
        one, other = FunctionActivation(np.sin, np.cos), FunctionActivation(np.sin, np.cos)
        assert one == other
        assert one != FunctionActivation(np.tanh, np.cos)
        assert clone(BackpropRegressor(activation=one)).activation == one
        assert pickle.loads(pickle.dumps(one)) == deepcopy(one) == one
        assert repr(one) == "FunctionActivation(func=<ufunc 'sin'>, derivative_func=<ufunc 'cos'>)"

    def test_stored_estimator_predicts_and_continues(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(4, activation=FunctionActivation(np.sin, np.cos), **FEW).fit(X, y)
        loaded = pickle.loads(pickle.dumps(network))
        np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
        np.testing.assert_array_equal(theta(loaded.partial_fit(X, y)), theta(network.partial_fit(X, y)))

    def test_is_searched_by_its_parameters(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(4, activation=FunctionActivation(np.sin, np.cos), **FEW)
        search = GridSearchCV(network, {"activation__func": [np.sin, np.arctan]}, cv=2).fit(X, y)
        assert search.best_params_["activation__func"] in (np.sin, np.arctan)
        assert network.activation.func is np.sin

    def test_needs_the_numpy_engine(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(4, activation=FunctionActivation(np.sin, np.cos), engine="numba", **FEW)
        with pytest.raises((ValueError, ImportError), match="engine='numba'"):
            network.fit(X, y)

    def test_needs_functions(self):
        with pytest.raises(TypeError, match="derivative_func of FunctionActivation must be a function of z, got 3"):
            FunctionActivation(np.sin, 3)

    @pytest.mark.parametrize(
        ("functions", "message"),
        [
            ((np.sum, np.cos), r"func of .* must return an array of the shape of z, \(6, 4\), got shape \(\)"),
            ((np.sin, lambda z: None), r"derivative_func of .* got None"),
            ((lambda z: np.sin(z, out=z), np.cos), "function must not change z"),
            ((np.sin, lambda z: np.cos(z)[:1]), r"got shape \(1, 4\)"),
            ((lambda z: z / 0.0, np.cos), "function gives -inf"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:divide by zero")
    def test_mistakes_are_found_before_training(self, functions, message):
        X, y = data(BackpropRegressor)
        with pytest.raises(ValueError, match=message):
            BackpropRegressor(4, activation=FunctionActivation(*functions), **FEW).fit(X, y)

    def test_is_not_the_tanh_that_is_compiled(self):
        assert FunctionActivation(np.tanh, lambda z: 1 - np.tanh(z) ** 2) != Tanh()
