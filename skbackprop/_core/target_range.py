"""The range of the target whose moments are the offset and the scale for a robust loss.

A gross error in y hardly moves the minimum of such a loss, so it must not move the units that the loss is computed in
either. The mean and variance are those of the target with values beyond the range moved to its bounds (winsorized).
Where nothing is beyond, as for most clean targets, they are the usual ones. Only the moments are of such values: the
loss sees the target itself.
"""

from __future__ import annotations

import numpy as np

from .dataset import Dataset
from .linear_range import NORMAL_IQR, LinearRange, range_around, representative_samples

#: The median distance from the median of a normal distribution.
NORMAL_MEDIAN_DISTANCE = 0.6744897501960817


class TargetRange(LinearRange):
    """Where the range of each column of the target begins and ends; infinite where the scale is unknown."""

    def compressed(self, values: np.ndarray) -> np.ndarray:
        """Return values with those beyond the range moved to its bounds."""
        return np.minimum(np.maximum(values, self.lower), self.upper)

    def widened(self, other: LinearRange) -> TargetRange:
        return TargetRange(*super().widened(other))


def range_of_target(data: Dataset, roundings: float) -> TargetRange:
    """Return the range around the median of each column, with a width from the interquartile range.

    Where half of the values or more are equal, the width is from the median distance of the others.

    Parameters
    ----------
    data : Dataset
    roundings : float
        A scale below this multiple of the center is due to rounding.
    """
    values = data.y[representative_samples(data)].astype(np.float64)
    if not len(values):
        return TargetRange(*range_around(*np.zeros((2, data.y.shape[1]))))
    low, center, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    scale = (high - low) / NORMAL_IQR
    negligible = roundings * np.abs(center)
    for column in np.flatnonzero(scale <= negligible):
        distance = np.abs(values[:, column] - center[column])
        distance = distance[distance > negligible[column]]
        scale[column] = np.median(distance) / NORMAL_MEDIAN_DISTANCE if len(distance) else 0.0
    return TargetRange(*range_around(center, scale))
