"""How ``standardize=True`` scales the target, depending on the range of the predictions that a link can give.

Each class computes an offset and a scale from the running moments of the target. `fold_scaling` includes them in the
weights of the output layer, which then predicts in the units of the target.
"""

from __future__ import annotations

import numpy as np

#: Stands for the logarithm of 0 in the intercept of an exponential output: it is finite, and its exponential is 0.
LOG_OF_ZERO = -1000.0


class TargetScaling:
    """Leaves the target unchanged: for targets whose values already have a fixed meaning, such as class labels.

    Attributes
    ----------
    name : str or None
        The name that a custom loss sets as its `target_scaling`.
    scales : bool
        Whether the target is changed at all.
    """

    name: str | None = None
    scales = False

    def offset_and_scale(self, mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is subtracted from the target and what it is then divided by.

        Parameters
        ----------
        mean, spread : ndarray of shape (n_outputs,)
            Mean and standard deviation of the target; the spread of a constant column is at least 1.
        """
        return np.zeros_like(mean), np.ones_like(spread)

    def fold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        """Change the output layer in place so that it predicts in the units of the target.

        Where `scale` is 0, the target is constant, and `offset` is its value.
        """

    def unfold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        """Undo `fold_scaling` in place."""


class StandardScaling(TargetScaling):
    """Subtracts the mean and divides by the standard deviation: for predictions that can be any number."""

    name = "spread"
    scales = True

    def offset_and_scale(self, mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return mean, spread

    def fold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        W *= scale
        b *= scale
        b += offset

    def unfold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        b -= offset
        b /= scale
        W /= scale


class MeanScaling(TargetScaling):
    """Divides by the mean: for positive predictions, where a factor of the prediction is a shift of the raw output."""

    name = "mean"
    scales = True

    def offset_and_scale(self, mean: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(mean), np.where(mean > 0, mean, 1.0)

    def fold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        is_constant = scale == 0
        W[:, is_constant] = 0.0
        b[is_constant] = 0.0
        factor = np.where(is_constant, offset, scale)
        b += np.where(factor > 0, np.log(np.maximum(factor, np.finfo(np.float64).tiny)), LOG_OF_ZERO)

    def unfold_scaling(self, W: np.ndarray, b: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        b -= np.log(scale)


#: Every scaling by its name, for the `target_scaling` of a custom loss.
TARGET_SCALINGS: dict[str | None, TargetScaling] = {
    scaling.name: scaling for scaling in (TargetScaling(), StandardScaling(), MeanScaling())
}
