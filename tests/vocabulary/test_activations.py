import numpy as np
import pytest
from scipy import special, stats

from skbackprop import BackpropRegressor
from skbackprop.activations import ACTIVATIONS, ELU, SELU, LeakyReLU, ReLU
from skbackprop.initializers import INITIALIZERS

Z = np.linspace(-6, 6, 42).reshape(6, 7)
DEFINITIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(z) - 1)),
    "gelu": lambda z: z * stats.norm.cdf(z),
    "silu": lambda z: z * special.expit(z),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}
SETTINGS = {"leaky_relu 0.3": LeakyReLU(0.3), "elu 0.4": ELU(0.4), "elu 1.7": ELU(1.7)}


def evaluate(activation, z):
    """f(z) and f'(z), leaving z as it is."""
    out = np.full_like(z, np.nan)
    activation.function(z, out)
    value = out.copy()
    derivative = z.copy()
    activation.derivative(derivative, out)
    return value, derivative


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_function_is_its_definition(name):
    z = Z.copy()
    np.testing.assert_allclose(evaluate(ACTIVATIONS[name], z)[0], DEFINITIONS[name](Z), rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(z, Z)


def test_settings_are_in_the_function():
    z = np.array([[-2.0, 3.0]])
    np.testing.assert_allclose(evaluate(LeakyReLU(0.3), z)[0], [[-0.6, 3.0]])
    np.testing.assert_allclose(evaluate(ELU(0.4), z)[0], [[0.4 * np.expm1(-2), 3.0]])


@pytest.mark.parametrize("activation", [*ACTIVATIONS.values(), *SETTINGS.values()], ids=[*ACTIVATIONS, *SETTINGS])
def test_derivative_equals_central_differences(activation):
    step = 1e-6
    differences = (evaluate(activation, Z + step)[0] - evaluate(activation, Z - step)[0]) / (2 * step)
    np.testing.assert_allclose(evaluate(activation, Z)[1], differences, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("activation", "slope"),
    [(ReLU(), 0), (LeakyReLU(0.3), 0.3), (ELU(0.4), 0.4), (SELU(), 1.0507009873554805 * 1.6732632423543772)],
    ids=repr,
)
def test_the_derivative_at_a_kink_is_that_from_the_left(activation, slope):
    np.testing.assert_allclose(evaluate(activation, np.array([[-0.0, 0.0]]))[1], slope, rtol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_values_stay_finite_and_keep_their_dtype(name, dtype):
    z = np.array([[-1e30, -800, -90, -0.0, 0.0, 90, 800, 1e30]], dtype)
    with np.errstate(all="ignore"):
        value, derivative = evaluate(ACTIVATIONS[name], z)
    assert value.dtype == derivative.dtype == dtype
    assert np.isfinite(value).all()
    assert np.isfinite(derivative).all()
    limits = (derivative[0, 0], derivative[0, -1])
    np.testing.assert_allclose(limits, FAR_DERIVATIVES.get(name, (0, 1)), rtol=1e-6)


FAR_DERIVATIVES = {
    "identity": (1, 1),
    "logistic": (0, 0),
    "tanh": (0, 0),
    "leaky_relu": (0.01, 1),
    "selu": (0, 1.0507009873554805),
}


def test_float32_agrees_with_float64():
    for name, activation in ACTIVATIONS.items():
        double, single = evaluate(activation, Z), evaluate(activation, Z.astype(np.float32))
        np.testing.assert_allclose(single[0], double[0], rtol=2e-5, atol=2e-6, err_msg=name)
        np.testing.assert_allclose(single[1], double[1], rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_initializer_is_lecun_for_relu_and_its_variants_and_glorot_otherwise(name):
    others = dict.fromkeys(("identity", "logistic", "tanh"), "glorot_uniform") | {"selu": "lecun_normal"}
    assert ACTIVATIONS[name].initializer == others.get(name, "lecun_uniform")
    assert ACTIVATIONS[name].initializer in INITIALIZERS


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=repr)
def test_activations_that_work_in_place_do(activation, rng):
    z = rng.normal(size=(5, 4))
    expected = np.empty_like(z)
    activation.function(z.copy(), expected)
    if activation.works_in_place:
        activation.function(z, z)
        np.testing.assert_array_equal(z, expected)


def test_a_subclass_with_another_function_is_not_assumed_to_work_in_place(rng):
    class Shifted(ReLU):
        def function(self, z, out):
            np.maximum(z, 0.0, out=out)
            out += z

    assert ReLU().works_in_place
    assert not Shifted().works_in_place
    X = rng.normal(size=(50, 3))
    network = BackpropRegressor(
        (8,), activation=Shifted(), max_iter=30, tol=None, standardize=False, random_state=0
    ).fit(X, X[:, 0])
    z = X @ network.coefs_[0] + network.intercepts_[0]
    expected = (np.maximum(z, 0) + z) @ network.coefs_[1] + network.intercepts_[1]
    np.testing.assert_allclose(network.predict(X), expected[:, 0])


def test_a_function_from_a_mixin_is_not_assumed_to_work_in_place_either():
    class Sum:
        def function(self, z, out):
            np.maximum(z, 0.0, out=out)
            out += z

    class First(Sum, ReLU):
        pass

    class Last(ReLU, Sum):
        pass

    class OfMixin(First):
        pass

    assert [kind.works_in_place for kind in (First, Last, OfMixin)] == [False, True, False]


@pytest.mark.parametrize("activation", [f for f in ACTIVATIONS.values() if f.compiled_in_place], ids=repr)
def test_derivatives_of_activations_in_place_do_not_depend_on_z(activation):
    for z in (-1.5, 0.3, 2.0):
        a = activation.scalar_value(np.float64(z))
        assert activation.scalar_derivative(np.float64(np.nan), a) == activation.scalar_derivative(np.float64(z), a)
