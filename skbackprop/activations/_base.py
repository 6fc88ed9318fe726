"""The base class of all activations: what a custom activation has to define."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._component_checks import missing_method
from .._hyperparameters import Hyperparameters
from .._scalar_math import Number


class Activation(Hyperparameters):
    """Base class of all activations: a function of the pre-activation and its derivative.

    Both are computed for each sample separately. They may have a parameter for each unit, an array of shape (n_units,).

    Attributes
    ----------
    initializer : str
        Name of the initializer that ``init="auto"`` uses for a layer with this activation.
    works_in_place : bool
        Whether `function` may write to `z` itself, which predictions then do. It is False for a subclass that defines
        `function` and does not set it.
    compiled_in_place : bool
        Whether the compiled engine replaces z by f(z) in the loop that adds the intercepts. This pays off for functions
        of a single operation, and `scalar_derivative` must not depend on z then.
    scalar_value, scalar_derivative : static function or None
        ``scalar_value(z, ...)`` returns f(z) and ``scalar_derivative(z, a, ...)`` returns f'(z) given ``a = f(z)``, for
        one number. The compiled engine inlines them into its loops. If they are None, it does not support the
        activation. Further parameters are passed by name: each is an attribute of the activation, such as
        `negative_slope`. All numbers have the network's dtype. A literal such as 0.5 would turn float32 into float64;
        write ``number(0.5)`` with ``number = type(z)``. `skbackprop._scalar_math` has the elementary functions.

    See Also
    --------
    check_activation : Check a custom activation.
    FunctionActivation : A custom activation of two plain functions.
    skbackprop.losses.Loss : Base class of all losses, which own the output activation.
    skbackprop.optimizers.Optimizer : Base class of all optimizers.

    Examples
    --------
    A custom activation without scalar functions, for the numpy engine:

    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.activations import Activation
    >>> class Sine(Activation):
    ...     def function(self, z, out):
    ...         np.sin(z, out=out)
    ...     def derivative(self, z, a):
    ...         np.cos(z, out=z)
    >>> network = BackpropRegressor(activation=Sine())
    """

    initializer: ClassVar[str] = "glorot_uniform"
    works_in_place: ClassVar[bool] = False
    compiled_in_place: ClassVar[bool] = False
    scalar_value: ClassVar[Callable[..., Number] | None] = None
    scalar_derivative: ClassVar[Callable[..., Number] | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for owner in cls.__mro__:  # `function` may come from another base than `works_in_place`
            if "works_in_place" in vars(owner):
                return
            if "function" in vars(owner):
                cls.works_in_place = False
                return

    def function(self, z: np.ndarray, out: np.ndarray) -> None:
        """Write f(z) into `out`, and leave `z` unchanged.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_units)
            Pre-activation.
        out : ndarray of shape (n_samples, n_units)
            Where f(z) is written.

        See Also
        --------
        derivative : The derivative of the function.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.activations import ReLU
        >>> z = np.array([[-1.0, 2.0]])
        >>> a = np.empty_like(z)
        >>> ReLU().function(z, out=a)
        >>> a
        array([[0., 2.]])
        """
        raise missing_method(self, Activation, "function(z, out)")

    def derivative(self, z: np.ndarray, a: np.ndarray) -> None:
        """Turn `z` into f'(z) in place, given ``a = f(z)``.

        Backpropagation needs neither array afterwards, so `a` may be overwritten too.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_units)
            Pre-activation, which becomes the derivative.
        a : ndarray of shape (n_samples, n_units)
            Output of the layer, f(z).

        See Also
        --------
        function : The function itself.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.activations import ReLU
        >>> z = np.array([[-1.0, 2.0]])
        >>> ReLU().derivative(z, a=np.array([[0.0, 2.0]]))
        >>> z
        array([[0., 1.]])
        """
        raise missing_method(self, Activation, "derivative(z, a)")
