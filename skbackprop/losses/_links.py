"""Links: how the raw output of a network becomes a prediction.

A loss owns its link. The link has the inverse (the output activation), its logarithm where that is more exact, its
derivative, and the scaling of the target that fits it. Only inspection needs the derivative: training uses that of
the loss with respect to the raw output.

Shapes: `raw` is (n_samples, n_outputs), and so is the derivative of one output with respect to all raw outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ._target_scaling import TARGET_SCALINGS, MeanScaling, StandardScaling, TargetScaling

if TYPE_CHECKING:
    from ._base import Loss

#: Relative step of the central differences that approximate the derivative of an unknown link.
STEP = np.finfo(np.float64).eps ** (1 / 3)


class Link:
    """The inverse of a link function: prediction = inverse(raw output).

    Attributes
    ----------
    name : str
        Name of the output activation.
    is_probability : bool
        Whether every output is between 0 and 1.
    sums_to_one : bool
        Whether the outputs of a sample are a distribution.
    target_range : tuple of float
        The least and the greatest target that losses with this link allow. Those of a custom loss are unknown.
    target_scaling : TargetScaling
        How ``standardize=True`` scales the target.
    """

    name: str
    is_probability = False
    sums_to_one = False
    target_range = (-np.inf, np.inf)
    target_scaling: TargetScaling = TargetScaling()

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        """Return the predictions, in the scaled units of the target."""
        raise NotImplementedError

    def log_inverse(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of the predictions."""
        prediction = self.inverse(raw)
        return np.log(np.maximum(prediction, np.finfo(prediction.dtype).tiny))

    def inverse_derivative(self, raw: np.ndarray, output: int) -> np.ndarray:
        """Return the derivative of ``inverse(raw)[:, output]`` with respect to all raw outputs."""
        raise NotImplementedError

    def jacobian(self, raw: np.ndarray) -> np.ndarray:
        """Return d prediction[i] / d raw[j] at [i, j] for one sample, `raw` of shape (n_outputs,).

        Where each output depends on its own raw output only, return the diagonal.
        """
        sample = np.atleast_2d(raw)
        matrix = np.array([self.inverse_derivative(sample, output)[0] for output in range(len(raw))])
        diagonal = matrix.diagonal()
        return diagonal.copy() if np.array_equal(matrix, np.diag(diagonal)) else matrix


class ElementwiseLink(Link):
    """A link that acts on each output separately."""

    def slope(self, raw: np.ndarray) -> np.ndarray:
        """Return the derivative of each prediction with respect to its own raw output."""
        raise NotImplementedError

    def inverse_derivative(self, raw: np.ndarray, output: int) -> np.ndarray:
        derivative = np.zeros_like(raw)
        derivative[:, output] = self.slope(raw[:, output])
        return derivative

    def jacobian(self, raw: np.ndarray) -> np.ndarray:
        return self.slope(raw)


class IdentityLink(ElementwiseLink):
    """prediction = raw."""

    name = "identity"
    target_scaling = StandardScaling()

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return raw

    def slope(self, raw: np.ndarray) -> np.ndarray:
        return np.ones_like(raw)


class LogitLink(ElementwiseLink):
    """prediction = f(raw), f the logistic function."""

    name = "logistic"
    is_probability = True
    target_range = (0.0, 1.0)

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return special.expit(raw)

    def log_inverse(self, raw: np.ndarray) -> np.ndarray:
        return special.log_expit(raw)  # finite wherever raw is

    def slope(self, raw: np.ndarray) -> np.ndarray:
        return special.expit(raw) * special.expit(-raw)  # f'(z) = f(z) f(-z), exact also far from 0


class LogLink(ElementwiseLink):
    """prediction = exp(raw)."""

    name = "exponential"
    target_range = (0.0, np.inf)
    target_scaling = MeanScaling()

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return np.exp(raw)

    def slope(self, raw: np.ndarray) -> np.ndarray:
        return np.exp(raw)


class MultinomialLogit(Link):
    """prediction = softmax(raw)."""

    name = "softmax"
    is_probability = True
    sums_to_one = True
    target_range = (0.0, 1.0)

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return special.softmax(raw, axis=1)

    def log_inverse(self, raw: np.ndarray) -> np.ndarray:
        return special.log_softmax(raw, axis=1)  # finite wherever raw is

    def inverse_derivative(self, raw: np.ndarray, output: int) -> np.ndarray:
        """Return p_output (1 - p_output) for the output itself and -p_output p_other for every other one."""
        p = special.softmax(raw, axis=1)
        derivative = -p[:, [output]] * p
        derivative[:, output] = 0.0
        derivative[:, output] = -derivative.sum(axis=1)  # raising all raw outputs alike changes nothing
        return derivative


class SortedLink(Link):
    """prediction = the raw outputs of a sample in increasing order."""

    name = "sorted"
    target_scaling = StandardScaling()

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return np.sort(raw, axis=1)

    def inverse_derivative(self, raw: np.ndarray, output: int) -> np.ndarray:
        derivative = np.zeros_like(raw)
        source = np.argsort(raw, axis=1, kind="stable")[:, output]
        derivative[np.arange(len(raw)), source] = 1.0
        return derivative


#: The links by the name of their output activation.
LINKS: dict[str, Link] = {
    link.name: link for link in (IdentityLink(), LogitLink(), LogLink(), MultinomialLogit(), SortedLink())
}


class CustomLink(Link):
    """The link of a custom loss, which defines `inverse_link` and names its output activation.

    If the name is known, the derivative and the properties are those of the known link; otherwise the derivative is
    approximated by central differences.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, loss: Loss):
        self._loss = loss
        self._known = LINKS.get(loss.output_activation)
        self.name = loss.output_activation
        if loss.target_scaling not in TARGET_SCALINGS:
            raise ValueError(
                f"target_scaling of {type(loss).__name__} must be one of {list(TARGET_SCALINGS)}, "
                f"got {loss.target_scaling!r}."
            )
        self.target_scaling = TARGET_SCALINGS[loss.target_scaling]
        if self._known is not None:
            self.is_probability = self._known.is_probability
            self.sums_to_one = self._known.sums_to_one

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return self._loss.inverse_link(raw)

    def log_inverse(self, raw: np.ndarray) -> np.ndarray:
        return self._loss.log_inverse_link(raw)

    def inverse_derivative(self, raw: np.ndarray, output: int) -> np.ndarray:
        if self._known is not None:
            return self._known.inverse_derivative(raw, output)
        derivative = np.empty_like(raw)
        for column in range(raw.shape[1]):
            below, above = raw.copy(), raw.copy()
            step = STEP * np.maximum(1.0, np.abs(raw[:, column]))
            below[:, column] -= step
            above[:, column] += step
            width = above[:, column] - below[:, column]
            rise = self.inverse(above)[:, output] - self.inverse(below)[:, output]
            derivative[:, column] = rise / width
        return derivative

    def jacobian(self, raw: np.ndarray) -> np.ndarray:
        return super().jacobian(raw) if self._known is None else self._known.jacobian(raw)
