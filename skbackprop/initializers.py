"""Initializers: the distribution of the initial weights of a layer. Initial intercepts are zero.

All named initializers are special cases of what Keras calls variance scaling: weights have the variance ``gain / fan``,
where `fan` is the number of inputs of the layer, or the mean of its numbers of inputs and outputs. The
variance of the signals then stays about the same from layer to layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._component_checks import check_array, check_finite, is_custom, missing_method
from ._hyperparameters import Hyperparameters, check_number, shortened
from ._public import publish

__all__ = ["INITIALIZERS", "Initializer", "VarianceScaling"]


class Initializer(Hyperparameters):
    """Base class of all initializers.

    A custom initializer is a frozen dataclass that inherits from `Initializer` and implements `draw`.

    See Also
    --------
    VarianceScaling : The class of all named initializers.

    Examples
    --------
    Weights that are mostly zero:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.initializers import Initializer
    >>> @dataclass(frozen=True)
    ... class Sparse(Initializer):
    ...     density: float = 0.1
    ...     def draw(self, rng, fan_in, fan_out):
    ...         is_used = rng.random((fan_in, fan_out)) < self.density
    ...         return np.where(is_used, rng.normal(size=(fan_in, fan_out)), 0.0)
    >>> Sparse().draw(np.random.default_rng(0), fan_in=3, fan_out=2).shape
    (3, 2)
    >>> network = BackpropRegressor(init=Sparse(density=0.2))
    """

    def draw(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """Draw the weights of a layer.

        Parameters
        ----------
        rng : numpy.random.Generator
            The source of random numbers.
        fan_in : int
            Number of inputs of the layer, at least 1.
        fan_out : int
            Number of units of the layer, at least 1.

        Returns
        -------
        W : ndarray of shape (fan_in, fan_out)
            The weights in float64.

        See Also
        --------
        Initializer : How to write a custom initializer.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.initializers import INITIALIZERS
        >>> INITIALIZERS["he_normal"].draw(np.random.default_rng(0), fan_in=3, fan_out=2).shape
        (3, 2)
        """
        raise missing_method(self, Initializer, "draw(rng, fan_in, fan_out)")


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random weights with mean 0 and variance ``gain / fan``.

    Parameters
    ----------
    gain : float, default=1.0
        The variance of the weights times `fan`. Above 0. A gain of 2 compensates for the half of the signal that a relu
        sets to zero (He et al.).
    fan : {"in", "average"}, default="average"
        "in" is the number of inputs of the layer (LeCun et al.), "average" the mean of its numbers of inputs and
        outputs (Glorot and Bengio).
    distribution : {"uniform", "normal"}, default="uniform"
        The distribution of the weights.

    See Also
    --------
    Initializer : The base class, for custom initializers.

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller (1998). Efficient BackProp. Neural Networks: Tricks of the Trade.

    X. Glorot and Y. Bengio (2010). Understanding the difficulty of training deep feedforward neural networks. AISTATS.

    K. He, X. Zhang, S. Ren and J. Sun (2015). Delving deep into rectifiers: surpassing human-level performance on
    ImageNet classification. ICCV.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop.initializers import VarianceScaling
    >>> W = VarianceScaling(gain=2.0, fan="in").draw(np.random.default_rng(0), fan_in=200, fan_out=100)
    >>> W.shape
    (200, 100)
    >>> round(float(200 * W.var()), 1)
    2.0
    """

    gain: float = 1.0
    fan: str = "average"
    distribution: str = "uniform"

    def __post_init__(self) -> None:
        check_number(self, "gain", low=0)
        for name, choices in (("fan", ("in", "average")), ("distribution", ("uniform", "normal"))):
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"{name} of VarianceScaling must be one of {choices}, got {shortened(value)}.")

    def draw(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        fan = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        variance = self.gain / fan
        if self.distribution == "normal":
            return rng.normal(0.0, np.sqrt(variance), (fan_in, fan_out))
        bound = np.sqrt(3.0 * variance)  # the uniform distribution on [-bound, bound] has variance bound**2 / 3
        return rng.uniform(-bound, bound, (fan_in, fan_out))


def drawn_weights(initializer: Initializer, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Return the weights of a layer, or raise ValueError if a custom initializer does not return finite weights."""
    W = initializer.draw(rng, fan_in, fan_out)
    if is_custom(initializer):
        W = np.asarray(W)
        check_array(initializer, "draw", W, (fan_in, fan_out))
        check_finite(initializer, "draw", W, input=np.arange(fan_in))
    return W


#: The initializers that have a name.
INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": VarianceScaling(1.0, "average", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "average", "normal"),
    "he_uniform": VarianceScaling(2.0, "in", "uniform"),
    "he_normal": VarianceScaling(2.0, "in", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "in", "normal"),
}

__dir__ = publish(globals())
