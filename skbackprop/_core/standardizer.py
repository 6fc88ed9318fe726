"""Standardization inside the network: running moments of X and of the target, and weights in the units of the data.

A network learns best from numbers around 0 with a spread of 1. `Standardizer` keeps the mean and variance of the
columns of X and of the target in one vector, X first. Samples are standardized chunk by chunk on their way into the
network, so X is never copied as a whole.

A few extreme values would determine the mean and variance of a column, so those of X are compressed first, see
`compression.py`. The range within which a column is left as it is comes from quantiles of the first samples, see
`linear_range.py`, and only becomes wider.

Shapes: vectors have n_features + n_outputs entries; the target has none where the loss needs it unscaled.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from .._typing import Matrix
from ..losses._target_scaling import TargetScaling
from .compression import compress
from .dataset import Dataset
from .linear_range import MIN_SAMPLES, LinearRange, range_around, range_of_samples
from .moments import Moments, column_moments
from .network import Layer
from .target_range import TargetRange, range_of_target
from .target_transform import TargetTransform

#: A column whose spread is below this multiple of its mean is considered constant: the spread is due to rounding.
ROUNDINGS = 10 * np.finfo(np.float64).eps
#: With single samples, offset and scale are updated whenever the number of samples has grown by this factor.
REFRESH_RATIO = 1.01
#: The range is checked again whenever the number of samples has grown by this factor.
RANGE_CHECK_RATIO = 1.1
#: Among the samples of a stream, a value has to be this number of standard deviations from the mean after compression
#: to be considered an outlier. In columns of several orders of magnitude, large numbers are no outliers.
MAX_COMPRESSED_ZSCORE = 6.0
#: Samples more than this number of standard deviations from the mean are considered damaged. A few samples of a stream
#: that are accepted in spite of this widen the range, because the data have changed.
MAX_ABS_ZSCORE = 300.0


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
    is_robust : bool
        Whether extreme values of X are compressed.
    has_robust_target : bool
        Whether the moments of the target leave out how far extreme values are; see `target_range.py`.

    Attributes
    ----------
    n_samples : int
        Number of samples in the moments; the same samples are counted each time.
    moments : Moments
        Weight, mean and variance of all columns.
    offset, scale, factor : ndarray of shape (n_features + n_outputs,)
        What is subtracted, what it is then divided by, and the reciprocal of that, in float64.
    target_transform : TargetTransform
        The same for the target, and how it is undone.
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        target_scaling: TargetScaling,
        centers: bool,
        dtype: np.dtype,
        is_robust: bool = True,
        has_robust_target: bool = False,
    ):
        self.target_scaling = target_scaling
        self.centers = centers
        self.is_robust = is_robust
        self.has_robust_target = has_robust_target and target_scaling.scales
        size = n_features + (n_outputs if target_scaling.scales else 0)
        self.inputs = slice(n_features)
        self.target = slice(n_features, size)
        self.n_samples = 0
        self.moments = Moments(0.0, np.zeros(size), np.zeros(size))
        self.dtype = np.dtype(dtype)
        self.offset, self.scale, self.factor = np.zeros((3, size))
        self.target_transform = TargetTransform(*np.zeros((4, size - n_features)))
        self._refreshed_at = 0
        self._split()

    def propose(self, data: Dataset) -> tuple[Moments, np.ndarray | None]:
        """Return the moments with some more samples, and how far a single one is from the mean of each column."""
        needs_range = self.is_robust and self.n_samples + data.n_samples >= self._range_due
        present = self._with_target_range(data) if self.has_robust_target else self.moments
        if data.X.shape[0] == 1 and data.sample_weight is None and isinstance(data.X, np.ndarray):
            moments, distance = self._propose_sample(present, data.X[0], data.y)
        else:
            moments, distance = self._propose_samples(present, data, needs_range), None
        if needs_range and data.n_samples < MIN_SAMPLES and self.centers:
            moments = moments._replace(linear_range=self._range_from(moments))
        if self.target_scaling.scales and not self.has_robust_target:
            if distance is None or not self.n_samples:  # the first sample is its own mean
                largest = self._largest_distance(moments, data)
            else:
                largest = np.abs(distance[self.target])
            moments = self._with_target_extreme(moments, largest)
        return moments, distance

    def _largest_distance(self, moments: Moments, data: Dataset) -> np.ndarray:
        """Return how far targets are from their mean at most."""
        y = data.y if data.excluded is None else np.delete(data.y, data.excluded, axis=0)
        distance: np.ndarray = np.abs(y - moments.mean[self.target]).max(axis=0)
        return distance

    def _with_target_extreme(self, moments: Moments, distance: np.ndarray) -> Moments:
        """Return the moments with the largest distance of a target from its mean so far, or this one."""
        extreme = moments.target_extreme
        if extreme is None:
            return moments._replace(target_extreme=distance)
        if (distance <= extreme).all():
            return moments
        return moments._replace(target_extreme=np.maximum(distance, extreme))

    def _propose_sample(self, present: Moments, x: np.ndarray, y: np.ndarray) -> tuple[Moments, np.ndarray]:
        """Do what `propose` does for a single sample, in a fraction of the time."""
        distance = np.empty_like(present.mean)
        distance[self.inputs] = x
        if self.target_scaling.scales:
            distance[self.target] = y[0] if present.target_range is None else present.target_range.compressed(y[0])
        distance -= present.mean
        if present.linear_range is None or (self.centers and self._is_surely_inside(distance * self.factor)):
            return present.add_sample(distance), distance
        compressed = distance.copy()
        compressed[self.inputs] = present.linear_range.compressed(x) - present.mean[self.inputs]
        is_large = np.abs(compressed) * self.factor > MAX_COMPRESSED_ZSCORE
        is_large[self.target] = True
        distance = np.where(is_large, distance, compressed)
        is_far = np.abs(distance) * self.factor > MAX_ABS_ZSCORE
        if not is_far.any():
            return present.add_sample(compressed), distance
        moments = present.add_sample(np.where(is_far, distance, compressed))
        return moments._replace(linear_range=present.linear_range.including(x, x, is_far[self.inputs])), distance

    def _propose_samples(self, present: Moments, data: Dataset, needs_range: bool) -> Moments:
        linear_range = present.linear_range
        if needs_range and data.n_samples >= MIN_SAMPLES:
            linear_range = self._range_with(data)
        new = self._moments_of(data, linear_range, present)
        if linear_range is not None and data.n_samples < MIN_SAMPLES and self.n_samples:
            linear_range = self._including_accepted(data, new, linear_range)
        return present.merge(new)._replace(linear_range=linear_range)

    def _range_with(self, data: Dataset) -> LinearRange:
        """Return the range widened so that it fits some more samples, too."""
        found, present = range_of_samples(data, ROUNDINGS, self.centers), self.moments.linear_range
        return found if present is None else present.widened_gradually(found)

    def ranges_with(self, some: Dataset) -> Moments:
        """Return the present moments with ranges that fit the samples that some of them represent, too."""
        moments = self._with_target_range(some) if self.has_robust_target else self.moments
        return moments._replace(linear_range=self._range_with(some)) if self.is_robust else moments

    def merge(self, new: Moments, lowest: np.ndarray, highest: np.ndarray) -> Moments:
        """Return the moments with those of more samples, which were computed with the present ranges.

        `lowest` and `highest` are the bounds of their target.
        """
        moments = self.moments.merge(new)
        if self.target_scaling.scales and not self.has_robust_target:
            mean = moments.mean[self.target]
            moments = self._with_target_extreme(moments, np.maximum(np.abs(lowest - mean), np.abs(highest - mean)))
        return moments

    def _including_accepted(self, data: Dataset, new: Moments, linear_range: LinearRange) -> LinearRange:
        """Return the range widened to columns that are far away in most of a few samples, whose moments then change."""
        mean, factor = self.moments.mean[self.inputs], self.factor[self.inputs]
        compressed_mean, compressed_variance = new.mean[self.inputs], new.variance[self.inputs]
        is_far = np.sqrt((compressed_mean - mean) ** 2 + compressed_variance) * factor > MAX_COMPRESSED_ZSCORE
        if not is_far.any():
            return linear_range
        raw = column_moments(data.X, data.sample_weight, data.excluded)
        is_far &= np.sqrt((raw.mean - mean) ** 2 + raw.variance) * factor > MAX_ABS_ZSCORE
        if not is_far.any():
            return linear_range
        new.mean[self.inputs][is_far] = raw.mean[is_far]
        new.variance[self.inputs][is_far] = raw.variance[is_far]
        spread = np.sqrt(raw.variance)
        return linear_range.including(raw.mean - spread, raw.mean + spread, is_far)

    def _moments_of(self, data: Dataset, linear_range: LinearRange | None, present: Moments) -> Moments:
        """Return the moments of X and the target."""
        new = column_moments(data.X, data.sample_weight, data.excluded, linear_range)
        if not self.target_scaling.scales:
            return new
        target = column_moments(data.y, data.sample_weight, data.excluded, present.target_range)
        mean, variance = np.concatenate([new.mean, target.mean]), np.concatenate([new.variance, target.variance])
        return Moments(new.weight, mean, variance, linear_range, *present[4:])

    def _with_target_range(self, data: Dataset) -> Moments:
        """Return the present moments with the range of the target that fits some more samples, too.

        Chunks of few samples are collected until there are enough for a range. As long as these are all samples, their
        range changes with each of them, and their moments with it. Later, the range only becomes wider.
        """
        present = self.moments
        recent, target_range = present.recent_targets, present.target_range
        all_so_far = recent if recent is not None and len(recent) == self.n_samples else None
        is_first = self.n_samples == 0 or all_so_far is not None
        found, collected = None, None
        if data.n_samples >= MIN_SAMPLES:
            found = range_of_target(data, ROUNDINGS)
        else:
            last = _targets_and_weights(data)
            collected = last if recent is None else np.concatenate([recent, last])
            is_enough = len(collected) >= MIN_SAMPLES
            if is_first or is_enough:
                found = range_of_target(Dataset(collected, collected[:, :-1], collected[:, -1]), ROUNDINGS)
            if is_enough:
                collected = None
        if found is not None:
            target_range = found if is_first or target_range is None else target_range.widened(found)
        if all_so_far is not None:
            target = column_moments(all_so_far[:, :-1], all_so_far[:, -1], None, target_range)
            present = self._with_target_moments(present, target)
        return present._replace(target_range=target_range, recent_targets=collected)

    def _with_target_moments(self, moments: Moments, target: Moments) -> Moments:
        mean, variance = moments.mean.copy(), moments.variance.copy()
        mean[self.target], variance[self.target] = target.mean, target.variance
        return moments._replace(mean=mean, variance=variance)

    def _range_from(self, moments: Moments) -> LinearRange:
        """Return the range around the means, for samples that come in small numbers; the present one where it fits."""
        mean, scale = moments.mean[self.inputs], np.sqrt(moments.variance[self.inputs])
        scale[scale <= ROUNDINGS * np.abs(mean)] = 0
        if moments.linear_range is None:
            return range_around(mean, scale)
        return moments.linear_range.moved_to(mean, scale)

    def accept(self, moments: Moments, n_samples: int) -> None:
        """Adopt the proposed moments of all samples so far, the last `n_samples` of which are new."""
        self.moments = moments
        self.n_samples += n_samples
        if n_samples > 1 or self.n_samples >= REFRESH_RATIO * self._refreshed_at:
            self._refresh()

    def update(self, data: Dataset) -> None:
        """Update the moments with some more samples."""
        moments, _ = self.propose(data)
        self.accept(moments, data.n_samples)

    def moments_of(self, data: Dataset, linear_range: LinearRange | None) -> Moments:
        """Return the moments of some samples alone, with values of X beyond a range compressed."""
        return self._moments_of(data, linear_range, self.moments)

    def columns_of(self, data: Dataset, columns: np.ndarray, linear_range: LinearRange | None) -> np.ndarray:
        """Return some columns of X, with values beyond a range compressed, and the target; `columns` is a mask."""
        inputs, target = columns[self.inputs], columns[self.target]
        X = cast(np.ndarray, data.X)[:, np.flatnonzero(inputs)].astype(np.float64)
        if linear_range is not None:
            X = linear_range.of(inputs).compressed(X)
        return np.column_stack([X, data.y[:, target]]) if target.any() else X

    def restart(self, data: Dataset, columns: np.ndarray) -> None:
        """Replace the range and the moments of some columns by those of some samples; `columns` is a mask.

        The other columns keep theirs, with the weight of these samples.
        """
        present, linear_range, target_range = self.moments, self.moments.linear_range, self.moments.target_range
        if self.is_robust:
            found = range_of_samples(data, ROUNDINGS, self.centers)
            linear_range = found if linear_range is None else linear_range.replaced(found, columns[self.inputs])
        if self.has_robust_target:
            found_range = range_of_target(data, ROUNDINGS)
            if target_range is not None:
                found_range = TargetRange(*target_range.replaced(found_range, columns[self.target]))
            target_range = found_range
        ranges = present._replace(linear_range=linear_range, target_range=target_range, recent_targets=None)
        if columns[self.target].any():
            ranges = ranges._replace(target_extreme=None)
        new = self._moments_of(data, linear_range, ranges)
        mean = np.where(columns, new.mean, present.mean)
        variance = np.where(columns, new.variance, present.variance)
        moments = ranges._replace(weight=new.weight, mean=mean, variance=variance)
        if present.target_extreme is not None:
            moments = self._with_target_extreme(moments, self._largest_distance(moments, data))
        self.moments = moments
        self.n_samples = data.n_samples
        self._refresh()

    def forget(self, n_samples: int) -> None:
        """Let the moments count as those of no more than this number of samples, so that they follow later ones."""
        if self.n_samples > n_samples:
            self.moments = self.moments._replace(weight=self.moments.weight * (n_samples / self.n_samples))
            self.n_samples = n_samples
            self._refresh()

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
            "centers": self.centers,
            "weight": self.moments.weight,
            "mean": self.moments.mean,
            "variance": self.moments.variance,
            "is_robust": self.is_robust,
            "has_robust_target": self.has_robust_target,
        }
        if self.moments.target_range is not None:
            stored["target_lower"], stored["target_upper"] = self.moments.target_range
        if self.moments.recent_targets is not None:
            stored["recent_targets"] = self.moments.recent_targets
        if self.moments.target_extreme is not None:
            stored["target_extreme"] = self.moments.target_extreme
        if self.moments.linear_range is not None:
            stored["lower"], stored["upper"] = self.moments.linear_range
        if self._refreshed_at != self.n_samples or not self.n_samples:
            stored |= {"offset": self.offset, "scale": self.scale}
            _, _, stored["prediction_offset"], stored["prediction_scale"] = self.target_transform
        return stored

    def load_state_dict(self, stored: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the caller has checked shapes and dtypes."""
        self.n_samples = stored["n_samples"]
        self.centers = stored["centers"]
        self.is_robust = stored.get("is_robust", False)  # the first versions compressed nothing
        linear_range = LinearRange(stored["lower"], stored["upper"]) if "lower" in stored else None
        self.has_robust_target = stored.get("has_robust_target", False)
        target_range = TargetRange(stored["target_lower"], stored["target_upper"]) if "target_lower" in stored else None
        moments = stored["weight"], stored["mean"], stored["variance"]
        self.moments = Moments(
            *moments, linear_range, target_range, stored.get("recent_targets"), stored.get("target_extreme")
        )
        if "scale" in stored:
            self.offset, self.scale = stored["offset"].astype(np.float64), stored["scale"].astype(np.float64)
            self.factor = 1.0 / self.scale if self.n_samples else self.scale.copy()
            target = self.offset[self.target], self.scale[self.target]
            self.target_transform = TargetTransform(
                *target,
                stored.get("prediction_offset", target[0]),  # files of the first versions have the same numbers twice
                stored.get("prediction_scale", target[1]),
            )
            self._refreshed_at = stored["refreshed_at"]
            self._split()
        else:
            self._refresh()

    def _refresh(self) -> None:
        """Compute offset and scale from the present moments."""
        mean = self.moments.mean
        offset = mean.copy()
        scale = np.sqrt(self.moments.variance)
        scale[scale <= ROUNDINGS * np.abs(mean) + 4 * np.finfo(self.dtype).tiny] = 1.0
        if not self.centers:
            offset[self.inputs] = 0
            if self.moments.linear_range is not None:
                scale[self.inputs] = self._scale_of_sparse_columns(self.moments.linear_range.scale)
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

    def _scale_of_sparse_columns(self, size: np.ndarray) -> np.ndarray:
        """Return what the columns of CSR data are divided by, given the typical size of their entries.

        Divided by their root mean square, which includes the zeros, rare entries would be huge; divided by the size of
        the entries, frequent ones would dominate. The geometric mean of the two is in between. With a common factor,
        the mean square of all entries is 1, as if each column were divided by its root mean square.
        """
        square = self.moments.mean[self.inputs] ** 2 + self.moments.variance[self.inputs]
        has_entries = np.sqrt(square) > 4 * np.finfo(self.dtype).tiny
        root = np.sqrt(np.where(has_entries, square, 1))
        scale = np.sqrt(root * np.where(np.isfinite(size), size, root))
        share = (square / scale**2)[has_entries]
        return np.where(has_entries, scale * np.sqrt(share.mean()), 1) if len(share) else np.ones_like(scale)

    def _split(self) -> None:
        """Take the parts for X, which every sample needs, in the dtype of the network."""
        self._range_due = _next_check(self._refreshed_at)
        offset, factor = self.offset[self.inputs], self.factor[self.inputs]
        lower, upper = np.full((2, len(offset)), [[-np.inf], [np.inf]])
        if self.moments.linear_range is not None:
            lower, upper = ((bound - offset) * factor for bound in self.moments.linear_range)
        self._input_parts = tuple(part.astype(self.dtype) for part in (offset, factor, lower, upper))
        self._inside = float(np.min(np.minimum(upper, -lower), initial=np.inf)) - 1e-3

    def _is_surely_inside(self, standardized: np.ndarray) -> bool:
        """Return whether no number of one sample is beyond its range; faster than comparisons."""
        return self._inside > 0 and np.dot(standardized, standardized) < self._inside**2

    @property
    def input_offset(self) -> np.ndarray:
        """What is subtracted from each feature."""
        return self._input_parts[0]

    @property
    def input_factor(self) -> np.ndarray:
        """What each feature is then multiplied by."""
        return self._input_parts[1]

    @property
    def input_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Beyond which standardized features are compressed."""
        _, _, lower, upper = self._input_parts
        return lower, upper

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
        offset, factor, lower, upper = self._input_parts
        if not isinstance(X, np.ndarray):
            if not self.centers:
                data = X.data * factor[X.indices]
                if self.moments.linear_range is not None:
                    compress(data, lower[X.indices], upper[X.indices])
                return type(X)((data, X.indices, X.indptr), shape=X.shape)
            X = X.toarray()
        out = np.subtract(X, offset, out=out, dtype=offset.dtype)
        out *= factor
        if self.moments.linear_range is not None and not (len(out) == 1 and self._is_surely_inside(out[0])):
            compress(out, lower, upper)
        return out

    def compressed(self, X: np.ndarray) -> np.ndarray:
        """Return samples in the units of the data with extreme values compressed, which `fold_scaling` assumes."""
        return X if self.moments.linear_range is None else self.moments.linear_range.compressed(X)

    def compression_slopes(self, X: np.ndarray) -> np.ndarray:
        """Return the derivative of the compressed samples with respect to dense samples."""
        linear_range = self.moments.linear_range
        return np.ones_like(X) if linear_range is None else linear_range.slopes(X)

    def input_slopes(self, X: Matrix) -> np.ndarray:
        """Return the derivative of the standardized samples with respect to the samples."""
        dense = X if isinstance(X, np.ndarray) else X.toarray()
        return (self.compression_slopes(dense) * self.input_factor).astype(self.input_factor.dtype)

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
        """Return layers in float64 that predict in the units of the target, without standardization.

        They take `compressed` samples, which are equal to X except for extreme values.
        """
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

    def keep_function_of_inputs(self, layer: Layer, before: Standardizer) -> None:
        """Change the first layer in place so that it computes from X what it did with an earlier standardizer."""
        W = layer.W.astype(np.float64)
        layer.b[...] += ((self.offset - before.offset) * before.factor)[self.inputs] @ W
        layer.W[...] = W * (before.factor * self.scale)[self.inputs, np.newaxis]

    def keep_function_to_target(self, layer: Layer, before: Standardizer) -> None:
        """Change the last layer in place so that it predicts what it predicted with an earlier standardizer."""
        W, b = layer.W.astype(np.float64), layer.b.astype(np.float64)
        old, new = before.target_transform, self.target_transform
        self.target_scaling.fold_scaling(W, b, old.offset, old.scale)
        self.target_scaling.unfold_scaling(W, b, new.offset, new.scale)
        layer.W[...] = W
        layer.b[...] = b


def _targets_and_weights(data: Dataset) -> np.ndarray:
    """Return a copy of the target of each sample that is not left out, and its weight in the last column."""
    weight = np.ones(len(data.y)) if data.sample_weight is None else data.sample_weight
    both = np.column_stack([data.y, weight]).astype(np.float64)
    return both if data.excluded is None else np.delete(both, data.excluded, axis=0)


def _next_check(n_samples: int) -> float:
    """Return the number of samples, above `n_samples`, at which ranges are checked again."""
    if n_samples < MIN_SAMPLES:
        return MIN_SAMPLES
    n_checks = 1 + math.floor(math.log(n_samples / MIN_SAMPLES) / math.log(RANGE_CHECK_RATIO))
    return MIN_SAMPLES * RANGE_CHECK_RATIO**n_checks
