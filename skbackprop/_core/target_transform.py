"""`TargetTransform`: the target as the loss sees it, and predictions in the units of the target.

Both are computed in float64, whatever the dtype of the network: in float32, ``1e8 + sin(x)`` would lose the sine, and
1e39 would be infinite. Only what is left after centering and scaling has the dtype of the network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..losses._target_scaling import TargetScaling

#: Number of samples whose target is transformed at a time, so that the numbers in between take no memory.
CHUNK_SAMPLES = 2**16
#: The largest scaled target: a gross error in y, which a robust loss tolerates, must not hide the losses of the others
#: in the digits of its own.
LARGEST = 1e6
TINY = np.finfo(np.float64).tiny


class TargetTransform(NamedTuple):
    """What is subtracted from each column of the target and what it is then divided by, and how that is undone.

    A constant column is predicted as its constant, whatever the network says: the scale of its prediction is 0.

    Attributes
    ----------
    offset, scale : ndarray of shape (n_outputs,)
        Of the target.
    prediction_offset, prediction_scale : ndarray of shape (n_outputs,)
        What a prediction is multiplied by, and what is then added.
    """

    offset: np.ndarray
    scale: np.ndarray
    prediction_offset: np.ndarray
    prediction_scale: np.ndarray

    @classmethod
    def from_moments(
        cls, scaling: TargetScaling, mean: np.ndarray, variance: np.ndarray, roundings: float
    ) -> TargetTransform:
        """Return the transformation for a target with these moments.

        Parameters
        ----------
        scaling : TargetScaling
        mean, variance : ndarray of shape (n_outputs,)
        roundings : float
            A column whose spread is below this multiple of its mean is constant.
        """
        size, spread = np.abs(mean), np.sqrt(variance)
        is_constant = spread <= roundings * size + 4 * TINY
        spread = np.where(is_constant, np.maximum(size, 1.0), spread)  # so that rounding errors stay small
        offset, scale = scaling.offset_and_scale(mean, spread)
        return cls(offset, scale, np.where(is_constant, mean, offset), np.where(is_constant, 0.0, scale))

    def transform(self, y: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Return the target as the loss sees it, in this dtype."""
        factor = 1.0 / self.scale
        if len(y) <= CHUNK_SAMPLES:
            return self._scaled(y, factor).astype(dtype, copy=False)
        scaled = np.empty(y.shape, dtype)
        for start in range(0, len(y), CHUNK_SAMPLES):
            chunk = slice(start, start + CHUNK_SAMPLES)
            scaled[chunk] = self._scaled(y[chunk], factor)
        return scaled

    def _scaled(self, y: np.ndarray, factor: np.ndarray) -> np.ndarray:
        part = y - self.offset
        part *= factor
        return np.minimum(np.maximum(part, -LARGEST, out=part), LARGEST, out=part)

    def inverse_transform(self, prediction: np.ndarray) -> np.ndarray:
        """Return a prediction in the units of the target, in float64."""
        prediction = prediction * self.scale
        prediction += self.prediction_offset
        is_constant = self.prediction_scale == 0
        if is_constant.any():
            prediction[:, is_constant] = self.prediction_offset[is_constant]  # also where the network overflows
        return prediction
