"""What the checks of custom hyperparameter objects have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._hyperparameters import Hyperparameters

#: Step of the central differences, relative to the larger of 1 and the point. The error of a central difference is
#: smallest near the cube root of the machine epsilon, 6e-6 in float64 (Press et al., Numerical Recipes, section 5.7).
STEP = 1e-6
#: Largest difference that is accepted between the derivatives in float32 and in float64, relative and absolute.
FLOAT32_TOLERANCE = 1e-2
#: Largest difference, relative to the largest number, between results for a sample alone and among others. It is far
#: above rounding errors in float32, and far below the effect of another sample.
INDEPENDENCE_TOLERANCE = 1e-4


def is_custom(component: Hyperparameters) -> bool:
    """Return whether the class of a loss or activation is not from this package."""
    return type(component).__module__.partition(".")[0] != __name__.partition(".")[0]


def check_kind(component: object, kind: type, parameter: str) -> None:
    """Raise TypeError unless an argument is an object of a class, and not the class itself or a name."""
    if not isinstance(component, kind):
        raise TypeError(f"{parameter} must be an object of a subclass of {kind.__name__}, got {component!r}.")


def missing_method(component: Hyperparameters, base: type, method: str) -> NotImplementedError:
    """Return the error for a method that a custom class has to define."""
    return NotImplementedError(
        f"{component!r}: the method {method} is missing; define it as the documentation of {base.__name__} says."
    )


def call(
    component: Hyperparameters, method: str, arguments: dict[str, np.ndarray], writes: tuple[str, ...] = ()
) -> Any:
    """Call a method as training does, and return what it returns.

    Parameters
    ----------
    component : Hyperparameters
    method : str
    arguments : dict
        The arguments by the name that the base class gives them.
    writes : tuple of str
        Names of the arguments that the method may change.

    Raises
    ------
    ValueError
        If the method changes another argument.
    Exception
        What the method raises, with a note that names the object and the method.
    """
    before = {name: array.copy() for name, array in arguments.items() if name not in writes}
    try:
        returned = getattr(component, method)(*arguments.values())
    except Exception as error:
        name, array = next(iter(arguments.items()))
        error.add_note(f"{component!r}: {method} raised this error for {name} of shape {array.shape}.")
        raise
    for name, array in before.items():
        if not np.array_equal(arguments[name], array, equal_nan=True):
            raise ValueError(
                f"{component!r}: {method} must not change {name}; write to {' or '.join((*writes, 'a copy'))}."
            )
    return returned


def check_array(component: Hyperparameters, method: str, array: object, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a method has returned an array of this shape, of numbers that convert to float."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{component!r}: {method} must return an ndarray, got {type(array).__name__}.")
    if array.shape != shape:
        raise ValueError(f"{component!r}: {method} must return an array of shape {shape}, got shape {array.shape}.")
    if not has_real_numbers(array):
        raise ValueError(f"{component!r}: {method} must return an array of real numbers, got dtype {array.dtype}.")


def has_real_numbers(array: np.ndarray) -> bool:
    """Return whether the dtype of an array is that of real numbers, which complex numbers and objects are not."""
    return np.can_cast(array.dtype, np.float32, "same_kind")


def check_finite(component: Hyperparameters, method: str, array: np.ndarray, **arguments: np.ndarray) -> None:
    """Raise ValueError that names the arguments of the first sample for which a method gives NaN or infinity."""
    is_finite = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    for sample in np.flatnonzero(~is_finite)[:1]:
        words = " and ".join(f"{name}={values[sample]}" for name, values in arguments.items())
        raise ValueError(f"{component!r}: {method} gives NaN or infinity for {words}; every number must be finite.")


def written(write: Callable[[float], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what a method writes to an array, and where it has not written anything.

    `write` calls the method with an array full of a number, and returns the array. NaN shows where nothing is written;
    if it is there with another number, too, the method has written it.
    """
    array = write(np.nan)
    is_nan = np.isnan(array)
    return array, is_nan & ~np.isnan(write(0.0)) if is_nan.any() else is_nan


def check_samples_are_independent(
    component: Hyperparameters, method: str, evaluate: Callable[[slice], np.ndarray], n_samples: int
) -> None:
    """Raise ValueError if the result for a sample depends on the other samples.

    `evaluate` returns the result for some samples. Where repeated calls differ, the method draws random numbers, and
    nothing can be said.
    """
    together, again = evaluate(slice(None)), evaluate(slice(None))
    atol = INDEPENDENCE_TOLERANCE * np.abs(together).max(initial=0.0)
    if not np.allclose(together, again, rtol=0, atol=atol):
        return
    for sample in range(n_samples):
        alone = evaluate(slice(sample, sample + 1))
        if not np.allclose(alone, together[sample : sample + 1], rtol=0, atol=atol):
            raise ValueError(
                f"{component!r}: {method} gives another result for sample {sample} alone than among {n_samples} "
                "samples; compute the result of each sample from that sample only, and of every sample."
            )


def steps_around(points: np.ndarray) -> np.ndarray:
    """Return the steps of central differences at these points."""
    return STEP * np.maximum(1.0, np.abs(points))


def wrong_derivatives(actual: np.ndarray, expected: np.ndarray, rtol: float) -> np.ndarray:
    """Return the indices of the derivatives that are not close to the expected ones, in a flat array."""
    return np.flatnonzero(~(np.abs(actual - expected) <= rtol * np.maximum(1.0, np.abs(expected))))


def check_float32(component: Hyperparameters, single: np.ndarray, double: np.ndarray) -> None:
    """Raise ValueError if the derivatives in float32 are not close to those in float64."""
    atol = FLOAT32_TOLERANCE * max(1.0, np.abs(double).max())
    if not np.allclose(single, double, rtol=FLOAT32_TOLERANCE, atol=atol):
        raise ValueError(f"{component!r}: the derivative in float32 differs from the derivative in float64.")
