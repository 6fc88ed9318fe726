"""The base of all losses: what a loss of one's own has to say.

The raw output of a network is the net input of its last layer, before any output activation. A loss owns the inverse
of its link, the output activation, so that pairs that belong together stay exact and stable: log loss is computed
from the raw output, never by the logarithm of a rounded probability.

Shapes: `y` and `raw` are (n_rows, n_outputs), both of the network's dtype. Losses are pointwise: the mean over rows,
the sample weights and the penalty enter in `_objective.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from .._hyperparameters import Hyperparameters


class Loss(Hyperparameters):
    """A loss of the raw output, with its inverse link.

    A loss of one's own is a subclass with three methods, `inverse_link`, `value_and_gradient` and `check_target`; the
    last may be left out. `check_loss` compares it with finite differences.

    Attributes
    ----------
    output_activation : str
        Name of the inverse link: "identity", "logistic", "softmax", "exponential" or one of your own.
    target_scaling : {"spread", "mean", None}
        What ``standardize=True`` does to the target before the loss sees it: subtract its mean and divide by its
        standard deviation (for an inverse link that is the identity), divide by its mean (for the exponential), or
        nothing, which is what a loss of one's own gets unless it says otherwise.
    is_nll : bool
        Whether the loss is minus a log-likelihood, and so knows how noisy the target is; others learn it from the
        loss that remains. ``alpha="auto"`` wants to know.
    scalar_value_and_gradient : static function or None
        ``scalar_value_and_gradient(y, raw, ...)`` returns the loss of one output and its derivative with respect to
        `raw`, both as numbers: the form for a loss that is a sum over outputs. The compiled engine inlines it into its
        loops. Further parameters are passed by name: each is an attribute of the loss, such as `delta`. All numbers
        have the network's dtype, see `Activation.scalar_value`.
    loop_value_and_gradient : static function or None
        ``loop_value_and_gradient(y, raw, gradient, factor, n, n_outputs, ...)`` is the form for a loss that couples the
        outputs of a sample. All arrays are flat, with `n` entries, `n_outputs` for each sample. It writes `factor`
        times the derivative to `gradient` and returns the sum of `factor` times the loss; `factor` is the same for all
        outputs of a sample, and `raw` may be overwritten. Further parameters are passed by name, as arrays of one
        dimension. `n` and `n_outputs` are unsigned, so that loops run on several numbers at once: a literal such as 1
        would turn them into floats; write ``type(n)(1)``. The compiled engine does not support a loss with neither
        form.
    """

    output_activation: ClassVar[str] = "identity"
    target_scaling: ClassVar[str | None] = None
    is_nll: ClassVar[bool] = False
    scalar_value_and_gradient: ClassVar[Callable | None] = None
    loop_value_and_gradient: ClassVar[Callable | None] = None

    def inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction on the scale of the target.

        Parameters
        ----------
        raw : ndarray of shape (n_rows, n_outputs)

        Returns
        -------
        prediction : ndarray of shape (n_rows, n_outputs)
        """
        raise NotImplementedError

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of `inverse_link`; a classifier's losses have more exact ones."""
        prediction = self.inverse_link(raw)
        return np.log(np.maximum(prediction, np.finfo(prediction.dtype).tiny))

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the loss of each row and write its derivative by the raw output into `gradient`.

        Parameters
        ----------
        y : ndarray of shape (n_rows, n_outputs)
        raw : ndarray of shape (n_rows, n_outputs)
            May be overwritten.
        gradient : ndarray of shape (n_rows, n_outputs)

        Returns
        -------
        values : ndarray of shape (n_rows,)
        """
        raise NotImplementedError

    def check_target(self, y: np.ndarray) -> None:
        """Raise ValueError if the loss is not defined for a value in `y`; here every number will do.

        Parameters
        ----------
        y : ndarray of shape (n_rows, n_outputs)
            The target as the user gave it.
        """

    def constant(self, mean: np.ndarray) -> np.ndarray:
        """Return the raw output that predicts the mean of the target everywhere; here 0.

        What a network has learned is measured against it.

        Parameters
        ----------
        mean : ndarray of shape (n_outputs,)
            Of the target as the loss sees it.
        """
        return np.zeros_like(mean)

    def tile_target(self, y: np.ndarray) -> np.ndarray:
        """Return the target with a column for each output of the network; here it has them."""
        return y


def row_products(a, b):
    """Return the inner product of each row of `a` with the same row of `b`."""
    return (a * b)[:, 0] if a.shape[1] == 1 else np.einsum("ij,ij->i", a, b)


def check_range(loss: Loss, y: np.ndarray, allowed: np.ndarray, words: str) -> None:
    """Raise ValueError, naming the loss and the first value that is not allowed."""
    if not allowed.all():
        raise ValueError(f"y must be {words} for loss={loss!r}; got {y[~allowed][0]:g}.")
