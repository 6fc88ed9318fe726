"""Initializers: the random weights that a layer starts from. Intercepts start at zero.

All are one rule (He et al. 2015; Keras calls it variance scaling): draw with variance ``gain / fan``, where `fan` is
the number of inputs of the layer, or the mean of inputs and outputs, so that signals keep their size on the way
through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._hyperparameters import Hyperparameters, check_number

__all__ = ["INITIALIZERS", "Initializer", "VarianceScaling"]


class Initializer(Hyperparameters):
    """A rule that draws the weights of one layer."""

    def draw(self, rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """Draw the weights of a layer.

        Parameters
        ----------
        rng : numpy.random.Generator
        fan_in, fan_out : int
            Number of inputs and of units of the layer.

        Returns
        -------
        W : ndarray of shape (fan_in, fan_out), float64
        """
        raise NotImplementedError


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Weights with mean 0 and variance ``gain / fan``.

    Parameters
    ----------
    gain : float, default=1.0
        Above 0. 2 makes up for the half of the signal that a relu drops (He et al. 2015).
    fan : {"in", "average"}, default="average"
        "in" is the number of inputs (LeCun 1998), "average" the mean of inputs and outputs (Glorot and Bengio 2010).
    distribution : {"uniform", "normal"}, default="uniform"

    Examples
    --------
    >>> import numpy as np
    >>> VarianceScaling(gain=2.0, fan="in").draw(np.random.default_rng(0), fan_in=3, fan_out=2).shape
    (3, 2)
    """

    gain: float = 1.0
    fan: str = "average"
    distribution: str = "uniform"

    def __post_init__(self):
        check_number(self, "gain", low=0)
        for name, known in (("fan", ("in", "average")), ("distribution", ("uniform", "normal"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} of VarianceScaling must be one of {known}, got {getattr(self, name)!r}.")

    def draw(self, rng, fan_in, fan_out):
        fan = fan_in if self.fan == "in" else (fan_in + fan_out) / 2
        variance = self.gain / fan
        if self.distribution == "normal":
            return rng.normal(0.0, np.sqrt(variance), (fan_in, fan_out))
        bound = np.sqrt(3.0 * variance)  # a uniform draw from [-bound, bound] has variance bound^2 / 3
        return rng.uniform(-bound, bound, (fan_in, fan_out))


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": VarianceScaling(1.0, "average", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "average", "normal"),
    "he_uniform": VarianceScaling(2.0, "in", "uniform"),
    "he_normal": VarianceScaling(2.0, "in", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "in", "normal"),
}
