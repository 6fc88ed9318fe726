"""An activation that is made of a function and its derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._component_checks import has_real_numbers
from .._hyperparameters import shortened
from ._base import Activation

__all__ = ["FunctionActivation"]


@dataclass(frozen=True)
class FunctionActivation(Activation):
    """An activation that is made of two plain functions, f and its derivative.

    It is the short form of a subclass of `Activation`, and trains with the numpy engine. The functions allocate an
    array in each step; a subclass that writes to the arrays it is given is faster.

    Parameters
    ----------
    func : callable
        ``func(z)`` returns f(z), an array of the shape of z. It must not change z.
    derivative_func : callable
        ``derivative_func(z)`` returns f'(z), an array of the shape of z.

    See Also
    --------
    Activation : The base class of a custom activation.
    check_activation : Compares the derivative with finite differences.

    Notes
    -----
    An estimator with such an activation can be pickled if both functions can: functions of a module can, lambdas and
    functions in functions cannot.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.activations import FunctionActivation
    >>> X, y = load_diabetes(return_X_y=True)
    >>> sine = FunctionActivation(np.sin, np.cos)
    >>> network = BackpropRegressor(activation=sine, random_state=0).fit(X, y)
    >>> network.score(X, y) > 0.5
    True
    """

    func: Callable[[np.ndarray], np.ndarray]
    derivative_func: Callable[[np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        for name in ("func", "derivative_func"):
            value: Any = getattr(self, name)
            if not callable(value):
                raise TypeError(f"{name} of FunctionActivation must be a function of z, got {shortened(value)}.")

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        out[...] = self._checked("func", self.func(z), z)

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        z[...] = self._checked("derivative_func", self.derivative_func(z), z)

    def _checked(self, name: str, values: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the values, and raise ValueError if there is not one for each entry of z."""
        if np.shape(values) != z.shape:
            found = "None" if values is None else f"shape {np.shape(values)}"
            raise ValueError(f"{name} of {self!r} must return an array of the shape of z, {z.shape}, got {found}.")
        array = np.asarray(values)
        if not has_real_numbers(array):
            raise ValueError(f"{name} of {self!r} must return an array of real numbers, got dtype {array.dtype}.")
        return array
