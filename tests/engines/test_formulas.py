"""The forms for the kernel give the numbers of the array forms beside them; here they run as plain Python."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from skbackprop._engines import formulas
from skbackprop._engines.formulas import ACTIVATION_ENTRIES, LOSS_ENTRIES, OPTIMIZER_ENTRIES, collect, settings_of
from skbackprop.activations import ACTIVATIONS, ELU, Activation, LeakyReLU
from skbackprop.losses import LOSSES, Huber, Quantile, Quantiles, Tweedie
from skbackprop.optimizers import LBFGS, OPTIMIZERS, Adam, AdamW, Momentum, Nesterov, RMSprop

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def settings_for(component, entry, form, dtype):
    """Return what the kernel passes to this form after its leading arguments."""
    settings = settings_of(component, entry)
    return [settings[k].astype(dtype) for k in entry.formulas[form].positions]


def numbers_for(*arguments):
    return [values[0] for values in settings_for(*arguments)]


def assert_close(got, expected, dtype):
    assert {np.asarray(value).dtype for value in got} == {np.dtype(dtype)}
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(np.array(got), expected, rtol=tolerance, atol=tolerance)


@DTYPES
@pytest.mark.parametrize("activation", [*ACTIVATIONS.values(), LeakyReLU(0.3), ELU(1.7)], ids=repr)
def test_scalar_forms_of_an_activation(activation, dtype):
    entry = ACTIVATION_ENTRIES[type(activation)]
    z = np.concatenate([np.linspace(-6, 6, 48), [-0.0, 0.0]]).astype(dtype)
    a = np.empty_like(z)
    activation.function(z[np.newaxis], a[np.newaxis])
    derivative = z.copy()
    activation.derivative(derivative[np.newaxis], a.copy()[np.newaxis])
    value_settings = numbers_for(activation, entry, "scalar_value", dtype)
    assert_close([activation.scalar_value(number, *value_settings) for number in z], a, dtype)
    settings = numbers_for(activation, entry, "scalar_derivative", dtype)
    pairs = zip(z, a, strict=True)
    assert_close([activation.scalar_derivative(*pair, *settings) for pair in pairs], derivative, dtype)


@DTYPES
@pytest.mark.parametrize(
    "loss",
    [*LOSSES.values(), Huber(0.3), Quantile(0.2), Quantiles((0.2, 0.3, 0.9)), Tweedie(1.0), Tweedie(2.0), Tweedie(2.7)],
    ids=repr,
)
def test_scalar_or_loop_form_of_a_loss(loss, dtype, rng):
    n_samples, n_outputs = 7, 3
    entry = LOSS_ENTRIES[type(loss)]
    y = rng.dirichlet(np.ones(n_outputs), n_samples).astype(dtype)
    raw = rng.normal(size=(n_samples, n_outputs)).astype(dtype)
    if type(loss) is Quantiles:
        y = y[:, :1].repeat(n_outputs, axis=1)
    else:
        raw[0] = y[0]  # where some of the derivatives jump
    gradient = np.empty_like(raw)
    values = loss.value_and_gradient(y, raw.copy(), gradient)
    if loss.loop_value_and_gradient is None:
        settings = numbers_for(loss, entry, "scalar_value_and_gradient", dtype)
        pairs = zip(y.flat, raw.flat, strict=True)
        results = [loss.scalar_value_and_gradient(*pair, *settings) for pair in pairs]
        got_values = np.array([value for value, _ in results]).reshape(y.shape).sum(axis=1)
        assert_close([slope for _, slope in results], gradient.ravel(), dtype)
        np.testing.assert_allclose(got_values, values, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    else:
        settings = settings_for(loss, entry, "loop_value_and_gradient", dtype)
        factor = rng.uniform(size=n_samples).astype(dtype)
        got = np.empty_like(raw).ravel()
        arguments = y.ravel(), raw.ravel().copy(), got, factor.repeat(n_outputs), raw.size, n_outputs
        total = loss.loop_value_and_gradient(*arguments, *settings)
        assert_close(got, (factor[:, np.newaxis] * gradient).ravel(), dtype)
        np.testing.assert_allclose(total, np.dot(factor, values), rtol=TOLERANCE[dtype])


@DTYPES
@pytest.mark.parametrize(
    "optimizer",
    [
        *(optimizer for name, optimizer in OPTIMIZERS.items() if name != "lbfgs"),
        *(Momentum(0.5), Nesterov(0.5), RMSprop(0.5, 0.1), Adam(0.5, 0.7, 0.1)),
    ],
    ids=repr,
)
def test_loop_form_of_an_optimizer(optimizer, dtype, rng):
    settings = numbers_for(optimizer, OPTIMIZER_ENTRIES[type(optimizer)], "loop_step", np.float64)
    theta = rng.normal(size=5).astype(dtype)
    state = np.zeros((optimizer.n_state_arrays, 5), dtype)
    loop_theta, loop_state = theta.copy(), state.copy()
    for t in range(1, 6):
        gradient = rng.normal(size=5).astype(dtype)
        optimizer.loop_step(loop_theta, gradient.copy(), loop_state, t, 0.01, *settings)
        optimizer.step(theta, gradient, state, t, 0.01, np.empty_like(theta))
    assert_close(loop_theta, theta, dtype)
    np.testing.assert_allclose(loop_state, state, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_every_entry_of_the_registries_is_supported_but_lbfgs():
    registries = (ACTIVATIONS, ACTIVATION_ENTRIES), (LOSSES, LOSS_ENTRIES), (OPTIMIZERS, OPTIMIZER_ENTRIES)
    for registry, entries in registries:
        assert {type(component) for component in registry.values()} - {LBFGS} == set(entries)


def test_a_class_with_the_formulas_of_another_has_its_code():
    assert OPTIMIZER_ENTRIES[AdamW].code == OPTIMIZER_ENTRIES[Adam].code
    assert len({entry.code for entry in ACTIVATION_ENTRIES.values()}) == len(ACTIVATIONS)


class TestCollect:
    FORM: ClassVar = {"scalar_value": 1, "scalar_derivative": 2}

    def test_settings_go_by_name_whatever_their_number_and_order(self):
        @dataclass(frozen=True)
        class Many(Activation):
            a: float = 1.0
            b: float = 2.0
            c: float = 3.0
            d: float = 4.0

            @staticmethod
            def scalar_value(z, d, a):
                return z

            @staticmethod
            def scalar_derivative(z, a_of_z, c, d, b):
                return z

        many = Many(a=10.0)
        entry = collect([many], self.FORM)[Many]
        assert numbers_for(many, entry, "scalar_value", np.float64) == [4.0, 10.0]
        assert numbers_for(many, entry, "scalar_derivative", np.float64) == [3.0, 4.0, 2.0]

    def test_a_parameter_that_is_no_attribute_is_refused(self):
        class Misspelled(Activation):
            scalar_value = staticmethod(lambda z, slop: z)
            scalar_derivative = staticmethod(lambda z, a: a)

        with pytest.raises(TypeError, match=r"Misspelled.* has the parameter 'slop'"):
            collect([Misspelled()], self.FORM)

    def test_half_a_form_is_none(self):
        class Half(Activation):
            scalar_value = staticmethod(lambda z: z)

        assert collect([Half()], self.FORM) == {}


def test_settings_of_different_lengths_are_filled_up():
    matrix = formulas.settings_matrix([np.array([1.0]), np.array([2.0, 3.0])], np.float32)
    np.testing.assert_array_equal(matrix, np.array([[1, 0], [2, 3]], np.float32))
    assert formulas.settings_matrix([], np.float64).shape == (1, 1)
