"""Standardization inside the network: running moments of X and of the target, and weights in the units of the data.

A network learns best from numbers around 0 with a spread of 1. `Standardizer` keeps the mean and variance of the
columns of X and of the target in one vector, X first. Samples are standardized chunk by chunk on their way into the
network, so X is never copied as a whole.

Shapes: vectors have n_features + n_outputs entries; the target has none where the loss needs it unscaled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._typing import Matrix
from ..losses._target_scaling import TargetScaling
from .dataset import Dataset
from .moments import Moments, column_moments
from .network import Layer
from .target_transform import TargetTransform

#: A column whose spread is below this multiple of its mean is considered constant: the spread is due to rounding.
ROUNDINGS = 10 * np.finfo(np.float64).eps
#: With single samples, offset and scale are updated whenever the number of samples has grown by this factor.
REFRESH_RATIO = 1.01


class Standardizer:
    """Running moments of the columns, and the transformation that they define.

    Parameters
    ----------
    n_features : int
    n_outputs : int
    target_scaling : TargetScaling
        How the link of the loss scales the target.
    centers : bool
        Whether the mean is subtracted from X; sparse X is only scaled, because it would be dense otherwise.
    dtype : dtype
        Of the network.

    Attributes
    ----------
    n_samples : int
        Number of samples in the moments; the same samples again are not counted again.
    moments : Moments
        Weight, mean and variance of all columns.
    offset, scale, factor : ndarray of shape (n_features + n_outputs,)
        What is subtracted, what it is then divided by, and the reciprocal of that, in float64.
    target_transform : TargetTransform
        The same for the target, and how it is undone.
    has_new_samples : bool
        Whether the last samples differed from those before them.
    """

    def __init__(self, n_features: int, n_outputs: int, target_scaling: TargetScaling, centers: bool, dtype: np.dtype):
        self.target_scaling = target_scaling
        self.centers = centers
        size = n_features + (n_outputs if target_scaling.scales else 0)
        self.inputs = slice(n_features)
        self.target = slice(n_features, size)
        self.n_samples = 0
        self.moments = Moments(0.0, np.zeros(size), np.zeros(size))
        self.dtype = np.dtype(dtype)
        self.offset, self.scale, self.factor = np.zeros((3, size))
        self.target_transform = TargetTransform(*np.zeros((4, size - n_features)))
        self._refreshed_at = 0
        self.has_new_samples = False
        self._split()

    def propose(self, data: Dataset) -> tuple[Moments, np.ndarray]:
        """Return the moments with some more samples, and how far these are from the present mean of each column."""
        if data.X.shape[0] == 1 and data.sample_weight is None and isinstance(data.X, np.ndarray):
            distance = np.empty_like(self.moments.mean)
            distance[self.inputs] = data.X[0]
            if self.target_scaling.scales:
                distance[self.target] = data.y[0]
            distance -= self.moments.mean
            return self.moments.add_sample(distance), distance
        new = column_moments(data.X, data.sample_weight, data.excluded)
        if self.target_scaling.scales:
            target = column_moments(data.y, data.sample_weight, data.excluded)
            mean = np.concatenate([new.mean, target.mean])
            new = Moments(new.weight, mean, np.concatenate([new.variance, target.variance]))
        distance = np.sqrt((new.mean - self.moments.mean) ** 2 + new.variance)
        return self.moments.merge(new), distance

    def accept(self, moments: Moments, n_samples: int) -> None:
        """Adopt the proposed moments; samples that leave all moments unchanged are not counted again."""
        same = (
            self.n_samples > 0
            and n_samples > 1
            and np.array_equal(moments.mean, self.moments.mean)
            and np.array_equal(moments.variance, self.moments.variance)
        )
        self.moments = moments
        self.has_new_samples = self.n_samples > 0 and not same
        if not same:
            self.n_samples += n_samples
        if n_samples > 1 or self.n_samples >= REFRESH_RATIO * self._refreshed_at:
            self._refresh()

    def update(self, data: Dataset) -> None:
        """Update the moments with some more samples."""
        moments, _ = self.propose(data)
        self.accept(moments, data.n_samples)

    def snapshot(self) -> dict[str, Any]:
        """Return what `restore` needs; it is cheap, because no array is ever written to."""
        return vars(self).copy()

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Restore a snapshot."""
        vars(self).update(snapshot)

    def state_dict(self) -> dict[str, Any]:
        """Return the moments as numbers and arrays, to be stored."""
        stored = {
            "n_samples": self.n_samples,
            "refreshed_at": self._refreshed_at,
            "has_new_samples": self.has_new_samples,
            "centers": self.centers,
            "weight": self.moments.weight,
            "mean": self.moments.mean,
            "variance": self.moments.variance,
        }
        if self._refreshed_at != self.n_samples or not self.n_samples:
            stored |= {"offset": self.offset, "scale": self.scale}
            _, _, stored["prediction_offset"], stored["prediction_scale"] = self.target_transform
        return stored

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the caller has checked shapes and dtypes."""
        self.n_samples = stored["n_samples"]
        self.has_new_samples = stored["has_new_samples"]
        self.centers = stored["centers"]
        self.moments = Moments(stored["weight"], stored["mean"], stored["variance"])
        if "scale" in stored:
            self.offset, self.scale = stored["offset"].astype(np.float64), stored["scale"].astype(np.float64)
            self.factor = 1.0 / self.scale if self.n_samples else self.scale.copy()
            target = self.offset[self.target], self.scale[self.target]
            self.target_transform = TargetTransform(
                *target,
                stored.get("prediction_offset", target[0]),  # files of the first versions have the same numbers twice
                stored.get("prediction_scale", target[1]),
            )
            self._split()
        else:
            self._refresh()
        self._refreshed_at = stored["refreshed_at"]

    def _refresh(self) -> None:
        """Compute offset and scale from the present moments."""
        mean = self.moments.mean
        offset = mean.copy()
        scale = np.sqrt(self.moments.variance)
        scale[scale <= ROUNDINGS * np.abs(mean) + 4 * np.finfo(self.dtype).tiny] = 1.0
        if not self.centers:
            offset[self.inputs] = 0
        self.offset, self.scale = offset, scale
        self._refresh_target()
        self.factor = 1.0 / scale
        self._refreshed_at = self.n_samples
        self._split()

    def _refresh_target(self) -> None:
        """Compute the transformation of the target from the present moments."""
        mean, variance = self.moments.mean[self.target], self.moments.variance[self.target]
        self.target_transform = TargetTransform.from_moments(self.target_scaling, mean, variance, ROUNDINGS)
        self.offset[self.target], self.scale[self.target] = self.target_transform[:2]

    def _split(self) -> None:
        """Take the parts for X, which every sample needs, in the dtype of the network."""
        self._input_parts = self.offset[self.inputs].astype(self.dtype), self.factor[self.inputs].astype(self.dtype)

    @property
    def input_offset(self) -> np.ndarray:
        """What is subtracted from each feature."""
        return self._input_parts[0]

    @property
    def input_factor(self) -> np.ndarray:
        """What each feature is then multiplied by."""
        return self._input_parts[1]

    @property
    def target_scale(self) -> np.ndarray:
        """What the target is divided by; empty if the target is not scaled."""
        return self.target_transform.scale

    @property
    def prediction_scale(self) -> np.ndarray:
        """What a prediction is multiplied by: `target_scale`, or 0 where the target is constant."""
        return self.target_transform.prediction_scale

    def transform(self, X: Matrix, out: np.ndarray | None = None) -> Matrix:
        """Return samples standardized, in the dtype of the network; dense ones are written to `out` if it is given."""
        offset, factor = self._input_parts
        if not isinstance(X, np.ndarray):
            if not self.centers:
                return type(X)((X.data * factor[X.indices], X.indices, X.indptr), shape=X.shape)
            X = X.toarray()
        out = np.subtract(X, offset, out=out, dtype=offset.dtype)
        out *= factor
        return out

    def transform_target(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the loss sees it."""
        if not self.target_scaling.scales:
            return y
        return self.target_transform.transform(y, self.dtype)

    def inverse_transform_target(self, prediction: np.ndarray) -> np.ndarray:
        """Return a prediction in the units of the target, in float64."""
        if not self.target_scaling.scales:
            return prediction
        return self.target_transform.inverse_transform(prediction)

    def fold_scaling(self, layers: list[Layer]) -> list[Layer]:
        """Return layers in float64 that take X and predict in the units of the target, without standardization."""
        copies = [Layer(np.array(W, np.float64), np.array(b, np.float64)) for W, b in layers]
        first, last = copies[0], copies[-1]
        first.W[...] *= self.factor[self.inputs, np.newaxis]
        first.b[...] -= self.offset[self.inputs] @ first.W
        _, _, offset, scale = self.target_transform
        self.target_scaling.fold_scaling(last.W, last.b, offset, scale)
        return copies

    def unfold_scaling(self, layers: list[Layer]) -> None:
        """Undo `fold_scaling` in place; a constant target is then learned in its own units."""
        first, last = layers[0], layers[-1]
        W, b = last.W.astype(np.float64), last.b.astype(np.float64)
        self.target_scaling.unfold_scaling(W, b, self.target_transform.offset, self.target_transform.scale)
        last.W[...] = W
        last.b[...] = b
        first.b[...] += self.offset[self.inputs] @ first.W
        first.W[...] = first.W * self.scale[self.inputs, np.newaxis]
