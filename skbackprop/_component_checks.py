"""What the checks of custom losses and of custom activations have in common."""

from __future__ import annotations

import numpy as np

from ._hyperparameters import Hyperparameters

#: Step of the central differences, relative to the larger of 1 and the point. The error of a central difference is
#: smallest near the cube root of the machine epsilon, 6e-6 in float64 (Press et al., Numerical Recipes, section 5.7).
STEP = 1e-6
#: Largest difference that is accepted between the derivatives in float32 and in float64, relative and absolute.
FLOAT32_TOLERANCE = 1e-2


def is_custom(component: Hyperparameters) -> bool:
    """Return whether the class of a loss or activation is not from this package."""
    return type(component).__module__.partition(".")[0] != __name__.partition(".")[0]


def check_is_array(component: Hyperparameters, name: str, array: object, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a method has returned an array of this shape."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{component!r}: {name} must return an ndarray, got {type(array).__name__}.")
    if array.shape != shape:
        raise ValueError(f"{component!r}: {name} must return an array of shape {shape}, got shape {array.shape}.")


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
