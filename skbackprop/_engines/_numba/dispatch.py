"""Select the formulas of activations, losses and optimizers in the kernel by integer codes.

The kernel is compiled once for all formulas: a different formula is a different code, not a different type. Each
formula gets a loop, and branches select the loop for a code. numba inlines loops and branches into one function before
it compiles anything, so they are as fast as if/elif statements written by hand.

All arrays are flat, and their indices are unsigned. A signed index could be negative and count from the end; the check
for this would keep the compiler from vectorizing the loops. For the same reason, settings are read once, before the
loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from ..._core.dropout import scalar_bits
from ..formulas import ACTIVATION_ENTRIES, LOSS_ENTRIES, OPTIMIZER_ENTRIES
from .math import INLINE, OPTIONS, REPLACED

unsigned = np.uint64
#: Options of functions that numba copies into the calling function before it compiles anything.
SPLICED: dict[str, Any] = {"inline": "always"}


def compiled(function: Callable[..., Any]):
    """Return the compiled form of a formula, and let numba compile the functions of its module that it calls."""
    _register_helpers(function)
    return njit(**INLINE)(function)


def _register_helpers(function):
    for name in function.__code__.co_names:
        helper = function.__globals__.get(name)
        if isinstance(helper, FunctionType) and helper not in REPLACED:
            REPLACED.add(helper)
            _register_helpers(helper)
            overload(helper, jit_options=INLINE, strict=False)(lambda *arguments, helper=helper: helper)


@cache
def numbers_at(positions):
    """Return a function that reads the settings at these positions, of one column, as a tuple of numbers."""
    if not positions:

        @njit(**INLINE)
        def read(settings, column):
            return ()

        return read
    others, last = numbers_at(positions[:-1]), positions[-1]

    @njit(**INLINE)
    def read(settings, column):
        return (*others(settings, column), settings[last, column])

    return read


@cache
def arrays_at(positions):
    """Return a function that reads the settings at these positions as a tuple of arrays."""
    if not positions:

        @njit(**INLINE)
        def read(settings):
            return ()

        return read
    others, last = arrays_at(positions[:-1]), positions[-1]

    @njit(**INLINE)
    def read(settings):
        return (*others(settings), settings[last])

    return read


def value_loop(formula):
    """Return a loop that writes f(z) into a, from start to stop."""
    value, read = compiled(formula.function), numbers_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, level, z, a, start, stop = arguments
        numbers = read(settings, level)
        for i in range(start, stop):
            a[i] = value(z[i], *numbers)

    return loop


def layer_loop(formula):
    """Return a loop that replaces z by f(z + b), from `start` on, for n samples of a layer; b begins at `intercept`."""
    value, read = compiled(formula.function), numbers_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, level, theta, intercept, z, start, n, n_units = arguments
        numbers = read(settings, level)
        for sample in range(n):
            first = start + sample * n_units
            for unit in range(n_units):
                z[first + unit] = value(z[first + unit] + theta[intercept + unit], *numbers)

    return loop


def derivative_loop(formula):
    """Return a loop that multiplies delta by f'(z), given a = f(z), from start to stop."""
    derivative, read = compiled(formula.function), numbers_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, level, z, a, delta, start, stop = arguments
        numbers = read(settings, level)
        for i in range(start, stop):
            delta[i] *= derivative(z[i], a[i], *numbers)

    return loop


def scalar_loss_loop(formula):
    """Return a loop over the outputs of a loss that is a sum over them; see `loss_and_delta`."""
    value_and_gradient, read = compiled(formula.function), numbers_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, y, first, factor, _n_outputs, raw, delta, start, stop = arguments
        numbers = read(settings, 0)
        total = 0.0
        for i in range(stop - start):
            value, slope = value_and_gradient(y[first + i], raw[start + i], *numbers)
            total += factor[i] * value
            delta[start + i] = factor[i] * slope
        return total

    return loop


def coupled_loss_loop(formula):
    """Return the loop of a loss that couples the outputs of a sample; see `loss_and_delta`."""
    value_and_gradient, read = compiled(formula.function), arrays_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, y, first, factor, n_outputs, raw, delta, start, stop = arguments
        arrays = read(settings)
        n = stop - start
        return value_and_gradient(
            y[first : first + n], raw[start:stop], delta[start:stop], factor, n, n_outputs, *arrays
        )

    return loop


def step_loop(formula):
    """Return the loop of an optimizer."""
    loop_step, read = compiled(formula.function), numbers_at(formula.positions)

    @njit(**SPLICED)
    def loop(arguments):
        _, settings, theta, gradient, optimizer_state, t, learning_rate = arguments
        numbers = read(settings, 0)
        loop_step(theta, gradient, optimizer_state, t, learning_rate, *numbers)

    return loop


def loops(entries, makers):
    """Return the pairs (code, loop) of all entries.

    `makers` has a function that makes the loop, by the name of a formula; each entry has one of these formulas.
    """
    formulas = {}
    for entry in entries.values():
        for name in makers.keys() & entry.formulas.keys():
            formulas[entry.code] = makers[name](entry.formulas[name])
    return list(formulas.items())


def dispatcher(loops):
    """Return a function of the code and the arguments of a loop, which runs the loop with that code.

    It is a binary search, because numba takes far longer to inline a chain of branches.
    """
    if len(loops) == 1:
        return loops[0][1]
    middle = len(loops) // 2
    lower, upper, bound = dispatcher(loops[:middle]), dispatcher(loops[middle:]), loops[middle][0]

    @njit(**SPLICED)
    def choose(arguments):
        if arguments[0] < bound:
            return lower(arguments)
        return upper(arguments)

    return choose


_activate = dispatcher(loops(ACTIVATION_ENTRIES, {"scalar_value": value_loop}))
_activate_layer = dispatcher(loops(ACTIVATION_ENTRIES, {"scalar_value": layer_loop}))
_multiply_by_derivative = dispatcher(loops(ACTIVATION_ENTRIES, {"scalar_derivative": derivative_loop}))
_loss_and_delta = dispatcher(
    loops(LOSS_ENTRIES, {"scalar_value_and_gradient": scalar_loss_loop, "loop_value_and_gradient": coupled_loss_loop})
)
_step = dispatcher(loops(OPTIMIZER_ENTRIES, {"loop_step": step_loop}))


@njit(**OPTIONS)
def activate(code, settings, level, z, a, start, stop):
    """Write f(z) into a, both from start to stop; column `level` of `settings` has the settings of f."""
    _activate((code, settings, level, z, a, start, stop))


@njit(**OPTIONS)
def activate_layer(code, settings, level, theta, intercept, z, start, n, n_units):
    """Replace z by f(z + b) for n samples of a layer, from `start` on; b begins at `intercept` in theta.

    Column `level` of `settings` has the settings of f.
    """
    _activate_layer((code, settings, level, theta, intercept, z, start, n, n_units))


@njit(**OPTIONS)
def multiply_by_derivative(code, settings, level, z, a, delta, start, stop):
    """Multiply delta by f'(z), given a = f(z), all from start to stop."""
    _multiply_by_derivative((code, settings, level, z, a, delta, start, stop))


@njit(**OPTIONS)
def loss_and_delta(code, settings, y, first, factor, n_outputs, raw, delta, start, stop):
    """Return the sum of factor * loss and write its derivative with respect to raw into delta, from start to stop.

    y begins at `first`, and `factor` has a number for each output. Row k of `settings` has setting k of the loss.
    """
    return _loss_and_delta((code, settings, y, first, factor, n_outputs, raw, delta, start, stop))


@njit(**OPTIONS)
def step(code, settings, theta, gradient, optimizer_state, t, learning_rate):
    """Update theta and optimizer_state; row k of `settings` has setting k of the optimizer."""
    _step((code, settings, theta, gradient, optimizer_state, t, learning_rate))


_scalar_bits = compiled(scalar_bits)


@njit(**OPTIONS)
def drop(threshold, keep, key, counter, sample_step, n_units, mask, a, start, stop):
    """Draw the mask of a hidden layer and multiply a by it, both from start to stop; see `_core/dropout.py`.

    `counter` is the number of the first unit of the first sample; that of the next sample is `sample_step` higher.
    """
    zero, kept = a.dtype.type(0), a.dtype.type(1 / keep)
    for sample in range((stop - start) // n_units):
        for unit in range(n_units):
            i = start + sample * n_units + unit
            mask[i] = kept if _scalar_bits(key, counter + sample * sample_step + unit) >= threshold else zero
            a[i] *= mask[i]
