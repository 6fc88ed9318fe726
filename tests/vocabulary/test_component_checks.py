"""What custom losses and activations may do: each method is checked alike, before training and by the public checks."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import special

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS, Activation, FunctionActivation, check_activation
from skbackprop.initializers import Initializer
from skbackprop.losses import Huber, Loss, MultinomialLogLoss, SquaredError, check_loss
from skbackprop.optimizers import Optimizer
from skbackprop.schedules import Schedule
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data
from tests.vocabulary.test_check_activation import Sine
from tests.vocabulary.test_check_activation import variant as activation_with

pytestmark = TRAINS_BRIEFLY

Y, RAW = np.array([[0.0], [1.0], [2.0]]), np.array([[0.3], [0.8], [-0.4]])


class CustomError(Exception):
    """An error of a user's own class."""


@dataclass(frozen=True)
class Squared(Loss):
    """A correct custom loss."""

    def inverse_link(self, raw):
        return raw

    def value_and_gradient(self, y, raw, gradient):
        np.multiply(raw - y, 2, out=gradient)
        return ((raw - y) ** 2).sum(axis=1)


def loss_with(**methods):
    return type("Variant", (Squared,), methods)()


def raises(*arguments):
    raise CustomError("no such file")


def refused_loss(loss, message, error=ValueError):
    """Check that a loss is refused by the check and before training, with the same message."""
    network = BackpropRegressor(4, loss=loss, **FEW)
    X, y = data(BackpropRegressor)
    for call in (lambda: check_loss(loss, Y, RAW), lambda: network.fit(X, y), lambda: network.partial_fit(X, y)):
        with pytest.raises(error, match=message):
            call()
    assert not hasattr(network, "coefs_")


def refused_activation(activation, message, error=ValueError):
    network = BackpropRegressor(4, activation=activation, **FEW)
    X, y = data(BackpropRegressor)
    for call in (lambda: check_activation(activation), lambda: network.fit(X, y), lambda: network.partial_fit(X, y)):
        with pytest.raises(error, match=message):
            call()
    assert not hasattr(network, "coefs_")


def value_and(change):
    """Return a `value_and_gradient` that returns something else."""

    def value_and_gradient(self, y, raw, gradient):
        return change(Squared.value_and_gradient(self, y, raw, gradient))

    return value_and_gradient


#: What a method may return in place of an array of numbers, made from the array, and what the error says.
WRONG_RESULTS = {
    "None": (lambda array: None, "must return an ndarray, got NoneType"),
    "a list": (lambda array: array.tolist(), "must return an ndarray, got list"),
    "a tuple": (lambda array: (array, array), "must return an ndarray, got tuple"),
    "a number": (lambda array: 1.0, "must return an ndarray, got float"),
    "a numpy number": (lambda array: np.float64(1.0), "must return an ndarray, got float64"),
    "no dimension": (lambda array: np.array(1.0), r"must return an array of shape \(.*\), got shape \(\)"),
    "another shape": (lambda array: array[..., None], "must return an array of shape"),
    "fewer samples": (lambda array: array[1:], "must return an array of shape"),
    "complex numbers": (lambda array: array + 1j, "must return an array of real numbers, got dtype complex128"),
    "complex of no imaginary part": (lambda array: array.astype(complex), "must return .*, got dtype complex128"),
    "objects": (lambda array: array.astype(object), "must return an array of real numbers, got dtype object"),
    "text": (lambda array: array.astype(str), "must return an array of real numbers, got dtype <U"),
}
NOT_FINITE = {"NaN": np.nan, "infinity": np.inf, "minus infinity": -np.inf}


class TestResultsOfLosses:
    @pytest.mark.parametrize("wrong", WRONG_RESULTS)
    def test_value_and_gradient(self, wrong):
        change, message = WRONG_RESULTS[wrong]
        refused_loss(loss_with(value_and_gradient=value_and(change)), r"Variant\(\): value_and_gradient " + message)

    @pytest.mark.parametrize("wrong", WRONG_RESULTS)
    @pytest.mark.parametrize("method", ["inverse_link", "log_inverse_link"])
    def test_links(self, method, wrong):
        change, message = WRONG_RESULTS[wrong]
        refused_loss(loss_with(**{method: lambda self, raw: change(raw)}), rf"Variant\(\): {method} {message}")

    @pytest.mark.parametrize("wrong", [wrong for wrong in WRONG_RESULTS if wrong != "None"])
    def test_output_derivative_which_may_be_none(self, wrong):
        change, message = WRONG_RESULTS[wrong]
        loss = loss_with(output_derivative=lambda self, y, prediction: change(prediction - y))
        refused_loss(loss, rf"Variant\(\): output_derivative {message}")

    @pytest.mark.parametrize("wrong", WRONG_RESULTS)
    def test_constant(self, wrong):
        change, message = WRONG_RESULTS[wrong]
        refused_loss(loss_with(constant=lambda self, mean: change(mean)), rf"Variant\(\): constant {message}")

    @pytest.mark.parametrize("value", NOT_FINITE.values(), ids=NOT_FINITE)
    @pytest.mark.parametrize("everywhere", [False, True])
    def test_numbers_that_are_not_finite(self, value, everywhere):
        def spoil(array):
            array = array.copy()
            array[slice(None) if everywhere else -1] = value
            return array

        def spoil_gradient(self, y, raw, gradient):
            values = Squared.value_and_gradient(self, y, raw, gradient)
            gradient[...] = spoil(gradient)
            return values

        refused_loss(
            loss_with(inverse_link=lambda self, raw: spoil(raw)), "inverse_link gives NaN or infinity for raw="
        )
        refused_loss(loss_with(log_inverse_link=lambda self, raw: spoil(raw)), "log_inverse_link gives NaN or infinity")
        message = "value_and_gradient gives NaN or infinity for y=.* and raw="
        refused_loss(loss_with(value_and_gradient=value_and(spoil)), message)
        refused_loss(loss_with(value_and_gradient=spoil_gradient), message)

    def test_the_sample_that_is_not_finite_is_named(self):
        def inverse_link(self, raw):
            return np.where(raw == 0.8, np.nan, raw)

        with pytest.raises(ValueError, match=re.escape("inverse_link gives NaN or infinity for raw=[0.8]")):
            check_loss(loss_with(inverse_link=inverse_link), Y, RAW)

    def test_a_gradient_that_is_written_in_part(self):
        def value_and_gradient(self, y, raw, gradient):
            gradient[0] = 2 * (raw - y)[0]
            return ((raw - y) ** 2).sum(axis=1)

        refused_loss(loss_with(value_and_gradient=value_and_gradient), "into every entry of gradient, as in")

    def test_a_gradient_that_is_added_to(self):
        def value_and_gradient(self, y, raw, gradient):
            gradient += 2 * (raw - y)
            return ((raw - y) ** 2).sum(axis=1)

        refused_loss(loss_with(value_and_gradient=value_and_gradient), "has not written the derivative into gradient")

    @pytest.mark.parametrize("wrong", WRONG_RESULTS)
    def test_repeat_target(self, wrong):
        change, message = WRONG_RESULTS[wrong]
        refused_loss(loss_with(repeat_target=lambda self, y: change(y)), rf"Variant\(\): repeat_target {message}")

    def test_a_target_that_is_repeated(self):
        X, y = data(BackpropRegressor)
        loss = loss_with(repeat_target=lambda self, y: np.tile(y, (1, 3)))
        assert BackpropRegressor(4, loss=loss, **FEW).fit(X, y).predict(X).shape == (len(y), 3)
        check_loss(loss, Y, np.tile(RAW, (1, 3)))

    def test_in_units_of(self):
        refused_loss(loss_with(in_units_of=lambda self, scale: None), "in_units_of must return a Loss, got NoneType")

    def test_a_constant_may_be_infinite(self):
        check_loss(loss_with(constant=lambda self, mean: np.log(mean - mean)), Y, RAW)


class TestArguments:
    """Arrays that a method must not change."""

    @pytest.mark.parametrize("method", ["inverse_link", "log_inverse_link"])
    def test_raw(self, method):
        message = rf"{method} must not change raw; write to a copy\."
        refused_loss(loss_with(**{method: lambda self, raw: np.exp(raw, out=raw)}), message)

    def test_mean_and_targets(self):
        refused_loss(loss_with(constant=lambda self, mean: np.add(mean, 1, out=mean)), "constant must not change mean")
        changes_y = loss_with(output_derivative=lambda self, y, prediction: np.subtract(y, 1, out=y))
        refused_loss(changes_y, "output_derivative must not change y")

    @pytest.mark.parametrize("method", ["check_target", "repeat_target"])
    def test_targets_of_the_user(self, method):
        loss = loss_with(**{method: lambda self, y: np.add(y, 1, out=y)})
        refused_loss(loss, f"{method} must not change y; write to a copy")
        X, y = data(BackpropRegressor)
        y = np.column_stack([y, -y])
        before = y.copy()
        with pytest.raises(ValueError, match="must not change y"):
            BackpropRegressor(4, loss=loss, **FEW).fit(X, y)
        np.testing.assert_array_equal(y, before)

    def test_raw_may_be_overwritten_by_value_and_gradient(self):
        def value_and_gradient(self, y, raw, gradient):
            raw -= y
            np.multiply(raw, 2, out=gradient)
            return (raw**2).sum(axis=1)

        check_loss(loss_with(value_and_gradient=value_and_gradient), Y, RAW)

    def test_both_arrays_may_be_overwritten_by_derivative(self):
        def derivative(self, z, a):
            np.cos(z, out=a)
            z[...] = a
            a.fill(np.nan)

        check_activation(activation_with(derivative=derivative))

    def test_the_names_of_the_arguments_do_not_matter(self):
        def function(self, x, result):
            np.sin(x, out=result)

        check_activation(activation_with(function=function))
        check_loss(loss_with(inverse_link=lambda self, eta: eta), Y, RAW)


class TestErrorsInMethods:
    """An error that a method raises gets a note that names the object and the method."""

    @pytest.mark.parametrize(
        "method",
        ["inverse_link", "log_inverse_link", "value_and_gradient", "constant", "in_units_of", "output_derivative"],
    )
    def test_losses(self, method):
        message = rf"no such file\nVariant\(\): {method} raised this error for .* of shape \(.*\)\.$"
        refused_loss(loss_with(**{method: raises}), message, CustomError)

    @pytest.mark.parametrize("method", ["function", "derivative"])
    def test_activations(self, method):
        message = rf"no such file\nVariant\(\): {method} raised this error for z of shape \(\d, \d\)\.$"
        refused_activation(activation_with(**{method: raises}), message, CustomError)

    @pytest.mark.parametrize("functions", [(raises, np.cos), (np.sin, raises)])
    def test_functions(self, functions):
        message = r"no such file\nFunctionActivation\(.* raised this error for z"
        refused_activation(FunctionActivation(*functions), message, CustomError)

    def test_a_wrong_signature(self):
        incomplete = activation_with(function=lambda self, z: np.sin(z))
        refused_activation(incomplete, "function raised this error for z of", TypeError)
        refused_loss(loss_with(inverse_link=lambda self: None), "inverse_link raised this error for raw of", TypeError)

    def test_the_error_of_check_target_is_that_of_the_user(self):
        def check_target(self, y):
            raise CustomError("no such file")

        with pytest.raises(CustomError):
            check_loss(loss_with(check_target=check_target), Y, RAW)

    def test_an_interrupt_is_not_changed(self):
        def interrupt(self, z, out):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            check_activation(activation_with(function=interrupt))


class TestMissingMethods:
    @pytest.mark.parametrize(
        ("defined", "missing"), [("derivative", r"function\(z, out\)"), ("function", r"derivative\(z, a\)")]
    )
    def test_activations(self, defined, missing):
        incomplete = type("Incomplete", (Activation,), {defined: getattr(Sine, defined)})()
        X, y = data(BackpropRegressor)
        message = rf"Incomplete\(\): the method {missing} is missing; define it as the documentation of Activation"
        with pytest.raises(NotImplementedError, match=message):
            check_activation(incomplete)
        with pytest.raises(NotImplementedError, match=message):
            BackpropRegressor(4, activation=incomplete, **FEW).fit(X, y)

    @pytest.mark.parametrize(
        ("defined", "missing"),
        [("inverse_link", r"value_and_gradient\(y, raw, gradient\)"), ("value_and_gradient", r"inverse_link\(raw\)")],
    )
    def test_losses(self, defined, missing):
        incomplete = type("Incomplete", (Loss,), {defined: getattr(Squared, defined)})()
        X, y = data(BackpropRegressor)
        message = rf"Incomplete\(\): the method {missing} is missing; define it as the documentation of Loss"
        with pytest.raises(NotImplementedError, match=message):
            check_loss(incomplete, Y, RAW)
        with pytest.raises(NotImplementedError, match=message):
            BackpropRegressor(4, loss=incomplete, **FEW).fit(X, y)

    @pytest.mark.parametrize(
        ("parameter", "base", "missing"),
        [
            ("optimizer", Optimizer, "step(theta, gradient, optimizer_state, t, learning_rate, scratch)"),
            ("learning_rate", Schedule, "rates(t, n_updates)"),
            ("init", Initializer, "draw(rng, fan_in, fan_out)"),
        ],
    )
    def test_other_objects(self, parameter, base, missing):
        incomplete = type("Incomplete", (base,), {})()
        message = f"Incomplete(): the method {missing} is missing; define it as the documentation of {base.__name__}"
        with pytest.raises(NotImplementedError, match=re.escape(message)):
            BackpropRegressor(4, engine="numpy", **{**FEW, parameter: incomplete}).fit(*data(BackpropRegressor))

    def test_the_base_classes_themselves(self):
        X, y = data(BackpropRegressor)
        with pytest.raises(NotImplementedError, match=r"Activation\(\): the method function\(z, out\) is missing"):
            BackpropRegressor(4, activation=Activation(), **FEW).fit(X, y)
        with pytest.raises(NotImplementedError, match=r"Loss\(\): the method .* is missing"):
            BackpropRegressor(4, loss=Loss(), **FEW).fit(X, y)

    def test_an_error_of_this_kind_in_a_method_is_not_taken_for_a_missing_method(self):
        def function(self, z, out):
            raise NotImplementedError

        refused_activation(activation_with(function=function), "function raised this error for z", NotImplementedError)


@dataclass(frozen=True)
class PReLU(Activation):
    """max(0, z) + slope * min(0, z) with a slope for each unit."""

    slope: np.ndarray = field(default_factory=lambda: np.linspace(0.1, 0.5, 4))

    def function(self, z, out):
        np.multiply(z, self.slope, out=out, where=z < 0)
        np.copyto(out, z, where=z >= 0)

    def derivative(self, z, a):
        z[...] = np.where(z < 0, self.slope, 1.0)


class TestParametersOfUnits:
    """An activation is checked with the width of the layer that it belongs to."""

    @BOTH
    @pytest.mark.parametrize("n_units", [1, 2, 3, 4, 7, 20])
    def test_one_for_each_unit(self, estimator, n_units):
        X, y = data(estimator)
        network = estimator(n_units, activation=PReLU(np.linspace(0.1, 0.5, n_units)), **FEW).fit(X, y)
        assert network.n_iter_ > 0

    def test_layers_of_different_widths(self):
        X, y = data(BackpropRegressor)
        activations = ["tanh", PReLU(np.full(3, 0.2)), PReLU(np.full(5, 0.2))]
        BackpropRegressor((4, 3, 5), activation=activations, **FEW).fit(X, y)
        with pytest.raises(ValueError, match=r"PReLU\(.*\): function raised this error for z of shape \(6, 3\)"):
            BackpropRegressor((4, 3, 3), activation=activations, **FEW).fit(X, y)

    def test_another_width_names_the_activation_and_the_width(self):
        X, y = data(BackpropRegressor)
        for shape, n_units in (((4,), 5), ((1, 4), 5), ((4, 1), 4)):
            with pytest.raises(ValueError, match=rf"PReLU\((.|\n)*function raised .* z of shape \(6, {n_units}\)"):
                BackpropRegressor(n_units, activation=PReLU(np.ones(shape)), **FEW).fit(X, y)

    def test_the_check_takes_as_many_columns(self):
        check_activation(PReLU(), z=np.linspace(-2.1, 2.3, 20).reshape(5, 4))
        with pytest.raises(ValueError, match=r"function raised this error for z of shape \(2, 3\)"):
            check_activation(PReLU())

    def test_every_unit_is_checked(self):
        X, y = data(BackpropRegressor)
        slopes = np.append(np.full(8, 0.2), np.inf)
        with pytest.raises(ValueError, match="function gives -inf"):
            BackpropRegressor(9, activation=PReLU(slopes), **FEW).fit(X, y)


def first_everywhere(self, z, out):
    out[...] = np.sin(z[0])


def first_only(self, z, out):
    out[0] = np.sin(z[0])


def all_but_last(self, z, out):
    np.sin(z[:-1], out=out[:-1])


def mean_over_samples(self, z, out):
    np.sin(z - z.mean(axis=0), out=out)


class TestSamples:
    """The result of a sample depends on that sample, and on no other."""

    @pytest.mark.parametrize(
        "function", [first_everywhere, mean_over_samples, lambda self, z, out: np.copyto(out, z[::-1])]
    )
    def test_functions_of_other_samples(self, function):
        refused_activation(activation_with(function=function), "function gives another result for sample . alone")

    @pytest.mark.parametrize("function", [first_only, all_but_last])
    def test_functions_that_write_some_samples(self, function):
        refused_activation(activation_with(function=function), r"must write f\(z\) into every entry of out, as in")

    @pytest.mark.parametrize(
        "derivative",
        [
            lambda self, z, a: np.copyto(z, np.cos(z[0])),
            lambda self, z, a: np.cos(z[0], out=z[0]),
            lambda self, z, a: np.copyto(z, np.cos(z - z.mean(axis=0))),
        ],
    )
    def test_derivatives(self, derivative):
        message = "derivative gives another result for sample . alone|finite differences give"
        refused_activation(activation_with(derivative=derivative), message)

    @pytest.mark.parametrize("n_units", [1, 2, 6, 12])
    def test_any_width(self, n_units):
        X, y = data(BackpropRegressor)
        with pytest.raises(ValueError, match=r"function gives another result for sample . alone"):
            BackpropRegressor(n_units, activation=activation_with(function=first_everywhere), **FEW).fit(X, y)

    def test_functions_of_one_array(self):
        broadcast = FunctionActivation(lambda z: np.broadcast_to(np.sin(z[0]), z.shape), np.cos)
        refused_activation(broadcast, r"FunctionActivation\(.*function gives another result for sample . alone")

    @pytest.mark.parametrize("output_activation", ["softmax", "custom"])
    def test_links(self, output_activation):
        axis = loss_with(
            output_activation=output_activation, inverse_link=lambda self, raw: special.softmax(raw, axis=0)
        )
        X, y = data(BackpropRegressor)
        with pytest.raises(ValueError, match="inverse_link gives another result for sample 0 alone than among 4"):
            BackpropRegressor(4, loss=axis, **FEW).fit(X, y)
        with pytest.raises(ValueError, match="inverse_link gives another result for sample 0 alone than among 3"):
            check_loss(axis, Y, RAW)

    def test_a_random_activation_is_allowed(self):
        rng = np.random.default_rng(0)

        def function(self, z, out):
            np.multiply(z, np.where(z < 0, rng.uniform(0.1, 0.3, z.shape), 1.0), out=out)

        def derivative(self, z, a):
            np.divide(a, z, out=z)

        X, y = data(BackpropRegressor)
        BackpropRegressor(4, activation=activation_with(function=function, derivative=derivative), **FEW).fit(X, y)

    def test_a_constant_activation_is_allowed(self):
        X, y = data(BackpropRegressor)
        BackpropRegressor(4, activation=FunctionActivation(np.ones_like, np.zeros_like), **FEW).fit(X, y)

    @pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
    def test_the_scale_of_the_numbers_does_not_matter(self, scale):
        X, y = data(BackpropRegressor)
        broadcast = FunctionActivation(lambda z: scale * np.broadcast_to(np.sin(z[0]), z.shape), np.cos)
        with pytest.raises(ValueError, match="another result for sample"):
            BackpropRegressor(4, activation=broadcast, **FEW).fit(X, y)


class TestWhatIsAllowed:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("returned", [np.float32, np.float64])
    def test_floats_of_another_precision(self, dtype, returned):
        X, y = data(BackpropRegressor)
        loss = loss_with(
            value_and_gradient=value_and(lambda values: values.astype(returned)),
            inverse_link=lambda self, raw: raw.astype(returned),
        )
        network = BackpropRegressor(4, loss=loss, **FEW).fit(X.astype(dtype), y)
        assert np.isfinite(network.predict(X.astype(dtype))).all()
        functions = FunctionActivation(lambda z: np.sin(z).astype(returned), lambda z: np.cos(z).astype(returned))
        BackpropRegressor(4, activation=functions, **FEW).fit(X.astype(dtype), y)

    def test_booleans_as_a_derivative(self):
        check_activation(FunctionActivation(lambda z: np.maximum(z, 0), lambda z: z > 0))

    @pytest.mark.filterwarnings("ignore:overflow encountered")
    def test_an_overflow_far_from_zero(self):
        """Numbers are checked where training begins, and where the caller of the check asks for it."""
        sinh = FunctionActivation(np.sinh, np.cosh)
        check_activation(sinh)
        X, y = data(BackpropRegressor)
        BackpropRegressor(4, activation=sinh, **FEW).fit(X, y)
        with pytest.raises(ValueError, match=r"function gives inf for z=1e\+300"):
            check_activation(sinh, z=[0.0, 1e300])

    def test_subclasses_of_losses_of_the_package(self):
        X, y = data(BackpropRegressor)
        BackpropRegressor(4, loss=type("Mine", (Huber,), {})(), **FEW).fit(X, y)
        X, y = data(BackpropClassifier)
        for order in (slice(None), np.argsort(y, kind="stable")):  # the first samples have one class
            BackpropClassifier(4, loss=type("Mine", (MultinomialLogLoss,), {})(), **FEW).fit(X[order], y[order])

    @pytest.mark.parametrize("n_samples", [1, 2, 3])
    def test_few_samples(self, n_samples):
        X, y = data(BackpropRegressor)
        BackpropRegressor(4, loss=Squared(), activation=Sine(), **FEW).fit(X[:n_samples], y[:n_samples])

    def test_several_outputs(self):
        X, y = data(BackpropRegressor)
        y = np.column_stack([y, -y, y])
        loss = loss_with(output_derivative=lambda self, y, prediction: 2 * (prediction - y))
        BackpropRegressor(4, loss=loss, **FEW).fit(X, y)
        check_loss(SquaredError(), y, y + 0.1)

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_activations_of_the_package_in_a_layer_of_any_width(self, name):
        check_activation(ACTIVATIONS[name], z=np.linspace(-3.05, 3.1, 55).reshape(5, 11))


class TestInPlace:
    """Predictions let a function that works in place write to z itself."""

    def test_a_function_that_does_not_work_in_place(self):
        def function(self, z, out):
            np.exp(z, out=out)
            out -= z

        def derivative(self, z, a):
            np.exp(z, out=z)
            z -= 1

        methods = {"function": function, "derivative": derivative}
        check_activation(activation_with(**methods))
        refused_activation(activation_with(**methods, works_in_place=True), "works_in_place is True, but function")

    def test_a_function_that_does(self):
        check_activation(activation_with(works_in_place=True))

    def test_a_random_function_that_does(self):
        rng = np.random.default_rng(0)

        def function(self, z, out):
            np.add(z, rng.normal(size=z.shape), out=out)

        X, y = data(BackpropRegressor)
        noisy = activation_with(function=function, derivative=lambda self, z, a: z.fill(1.0), works_in_place=True)
        BackpropRegressor(4, activation=noisy, **FEW).fit(X, y)


@pytest.mark.parametrize("wrong", [Sine, Squared, "tanh", None, np.sin])
def test_the_checks_need_an_object(wrong):
    with pytest.raises(TypeError, match="activation must be an object of a subclass of Activation, got"):
        check_activation(wrong)
    with pytest.raises(TypeError, match="loss must be an object of a subclass of Loss, got"):
        check_loss(wrong, Y, RAW)


class TestFunctions:
    @pytest.mark.parametrize(
        ("function", "message"),
        [
            (lambda z: np.sin(z) + 0j, "must return an array of real numbers, got dtype complex128"),
            (lambda z: np.sin(z).astype(object), "must return an array of real numbers, got dtype object"),
            (lambda z: np.sin(z).astype(str), "must return an array of real numbers, got dtype <U"),
            (lambda z: "text", r"must return an array of the shape of z, .*, got shape \(\)"),
            (lambda z: None, "must return an array of the shape of z, .*, got None"),
        ],
    )
    def test_what_they_return(self, function, message):
        refused_activation(FunctionActivation(function, np.cos), r"^func of FunctionActivation\(.*" + message)
        refused_activation(FunctionActivation(np.sin, function), r"derivative_func of FunctionActivation\(.*" + message)
