"""Standardising inside the network: running mean and variance of X and the target, and folding them into weights.

A network learns best from numbers around 0 with a spread of 1. `Standardizer` keeps the mean and variance of the
columns of X and of the target, which are one vector here, X first; rows are standardised chunk by chunk on their way
into the network, so X is never copied as a whole.

Shapes: vectors have n_features + n_targets entries; n_targets is 0 where the loss wants the target as it is.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from .network import Layer

#: Numbers whose moments are taken at a time.
CHUNK_SIZE = 2**16
#: A spread below this many roundings of the mean is none: the column is constant.
ROUNDINGS = 10 * np.finfo(np.float64).eps
#: Row by row, what standardises follows the moments whenever the rows have become more by this factor.
REFRESH_RATIO = 1.01
#: Rows that lie further away than this many standard deviations, after so many rows, are taken for damaged.
MAX_ABS_ZSCORE, MIN_SAMPLES = 300.0, 50
#: But not when they keep coming: from this many calls in a row on they are taken for real.
MAX_CONSECUTIVE_REJECTIONS = 10


class Standardizer:
    """Running moments of the columns, by weight, and what standardises a row.

    `n_rows` counts the rows seen; rows that leave the moments as they were to the last bit are the same rows again.

    Parameters
    ----------
    n_features : int
    target_scaling : {"spread", "mean", None}
        See `Loss`.
    n_targets : int
    centers : bool
        Whether the mean is subtracted from X; not so for sparse X, which would be sparse no longer.
    dtype : dtype
        Of the network.
    """

    def __init__(self, n_features: int, target_scaling: str | None, n_targets: int, centers: bool, dtype: np.dtype):
        self.target_scaling, self.centers = target_scaling, centers
        size = n_features + (n_targets if target_scaling else 0)
        self.inputs, self.target = slice(n_features), slice(n_features, size)
        self.n_rows, self.weight = 0, 0.0
        self.mean, self.variance = np.zeros((2, size))
        self.offset, self.scale, self.factor = np.zeros((3, size), dtype)
        self._refreshed_at = self._n_refused = 0
        self.sees_new_rows = False
        self._split()

    def see(self, X, y: np.ndarray, sample_weight: np.ndarray | None, *, guarded: bool = False) -> bool:
        """Take rows into the moments, and return whether they were taken; the same rows again do not move a bit.

        Refused are rows whose moments overflow and, if `guarded`, those that lie impossibly far from all rows seen
        so far: one damaged row would otherwise set the scale for ever.
        """
        if len(y) == 1 and sample_weight is None and not sparse.issparse(X):
            moments, distance = self._with_row(X[0], y[0])
        else:
            new = self._moments(X, y, sample_weight)
            moments = merged((self.weight, self.mean, self.variance), new)
            distance = np.sqrt((new[1] - self.mean) ** 2 + new[2])
        if guarded and self.n_rows >= MIN_SAMPLES:
            refused = self._is_outlying(distance)
            self._n_refused = self._n_refused + 1 if refused else 0
            refused = refused and (
                self._n_refused < MAX_CONSECUTIVE_REJECTIONS or not math.isfinite(np.add.reduce(moments[2]))
            )
        else:
            refused = not math.isfinite(np.add.reduce(moments[2]))
        if refused:
            return False
        same = self.n_rows > 0 and len(y) > 1  # zeros are not those of the beginning, which has seen nothing
        same = same and np.array_equal(moments[1], self.mean) and np.array_equal(moments[2], self.variance)
        self.weight, self.mean, self.variance = moments
        self.sees_new_rows = self.n_rows > 0 and not same
        self.n_rows += 0 if same else len(y)
        if len(y) > 1 or self.n_rows >= REFRESH_RATIO * self._refreshed_at:
            self._refresh()
        return True

    def _moments(self, X, y, sample_weight):
        parts = [column_moments(X, sample_weight)]
        if self.target_scaling:
            parts.append(column_moments(y, sample_weight))
        return parts[0][0], *(np.concatenate([part[i] for part in parts]) for i in (1, 2))

    def _with_row(self, x, target):
        """Return the moments with one more row, and how far that is from the mean; Welford 1962."""
        distance = np.empty_like(self.mean)
        distance[self.inputs] = x
        if self.target_scaling:
            distance[self.target] = target
        distance -= self.mean
        weight = self.weight + 1.0
        step = distance * (1.0 / weight)
        variance = distance * step
        variance += self.variance
        variance *= 1.0 - 1.0 / weight
        step += self.mean
        return (weight, step, variance), distance

    def _is_outlying(self, distance):
        distance = distance * self.factor
        if np.dot(distance, distance) <= MAX_ABS_ZSCORE**2:
            return False
        varies = self.variance > 0  # what never varied has no measure
        return not np.isfinite(distance).all() or bool((np.abs(distance[varies]) > MAX_ABS_ZSCORE).any())

    def copy_moments(self) -> dict:
        """Return what `set_moments` takes to come back here; arrays are never written to, so this is cheap."""
        return vars(self).copy()

    def set_moments(self, moments: dict) -> None:
        """Go back to the moments of `copy_moments`."""
        vars(self).update(moments | {"_n_refused": self._n_refused})

    def _refresh(self):
        """Make offset and scale of the moments as they are now."""
        dtype = self.offset.dtype
        scale, offset = np.sqrt(self.variance), self.mean.copy()
        scale[scale <= ROUNDINGS * np.abs(self.mean) + 4 * np.finfo(dtype).tiny] = 1.0
        if not self.centers:
            offset[self.inputs] = 0
        if self.target_scaling == "mean":
            offset[self.target] = 0
            scale[self.target] = np.where(self.mean[self.target] > 0, self.mean[self.target], 1.0)
        self.offset, self.scale, self.factor = (array.astype(dtype) for array in (offset, scale, 1.0 / scale))
        self._refreshed_at = self.n_rows
        self._split()

    def _split(self):
        """Cut the vectors into the parts for X and for the target, which every row asks for."""
        self._input_parts = self.offset[self.inputs], self.factor[self.inputs]
        self._target_parts = self.offset[self.target], self.factor[self.target]

    def __getstate__(self):
        """Leave out what can be made again."""
        made = {"factor", "_input_parts", "_target_parts"}
        if self._refreshed_at == self.n_rows > 0:
            made |= {"offset", "scale"}
        stored = {name: value for name, value in vars(self).items() if name not in made}
        return stored | {"dtype": self.offset.dtype.str}

    def __setstate__(self, state):
        dtype = state.pop("dtype")
        vars(self).update(state)
        if "scale" in state:
            self.factor = (1.0 / self.scale.astype(np.float64)).astype(dtype) if self.n_rows else self.scale.copy()
            self._split()
        else:
            self.offset = np.empty(0, dtype)
            self._refresh()

    def inputs_of(self, X, out: np.ndarray | None = None):
        """Return some rows of X standardised, dense ones in `out` if there is one."""
        offset, factor = self._input_parts
        if sparse.issparse(X):
            if not self.centers:
                return type(X)((X.data * factor[X.indices], X.indices, X.indptr), shape=X.shape)
            X = X.toarray()
        out = np.subtract(X, offset, out=out)
        out *= factor
        return out

    def target_of(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the loss sees it."""
        if not self.target_scaling:
            return y
        offset, factor = self._target_parts
        scaled = y - offset
        scaled *= factor
        return scaled

    def prediction_of(self, out: np.ndarray) -> np.ndarray:
        """Return a prediction on the scale of the target as the user gave it."""
        if not self.target_scaling:
            return out
        prediction = out * self.scale[self.target]
        prediction += self.offset[self.target]
        return prediction

    def fold_scaling(self, layers: list[Layer]) -> list[Layer]:
        """Return layers in float64 that do on X as the user gave it what `layers` do on standardised rows.

        With an exponential output the scale of the target is a shift of the last net input.
        """
        offset, factor, scale = (vector.astype(np.float64) for vector in (self.offset, self.factor, self.scale))
        W, b = ([np.array(arrays, np.float64) for arrays in parts] for parts in zip(*layers, strict=True))
        W[0] *= factor[self.inputs, np.newaxis]
        b[0] -= offset[self.inputs] @ W[0]
        if self.target_scaling == "spread":
            W[-1] *= scale[self.target]
            b[-1] *= scale[self.target]
            b[-1] += offset[self.target]
        elif self.target_scaling == "mean":
            b[-1] += np.log(scale[self.target])
        return [Layer(*layer) for layer in zip(W, b, strict=True)]

    def unfold_scaling(self, layers: list[Layer]) -> None:
        """Undo `fold` in place."""
        offset, scale = self.offset.astype(np.float64), self.scale.astype(np.float64)
        first, last = layers[0], layers[-1]
        if self.target_scaling == "spread":
            last.b[...] = (last.b - offset[self.target]) / scale[self.target]
            last.W[...] = last.W / scale[self.target]
        elif self.target_scaling == "mean":
            last.b[...] -= np.log(scale[self.target])
        first.b[...] += offset[self.inputs] @ first.W
        first.W[...] = first.W * scale[self.inputs, np.newaxis]


def column_moments(array, sample_weight):
    """Return sum of weights, mean and variance of the columns, in float64 whatever the array is."""
    if sparse.issparse(array):
        return _sparse_moments(array, sample_weight)
    total = (0.0, np.zeros(array.shape[1]), np.zeros(array.shape[1]))
    first = 0 if sample_weight is None else int(np.argmax(sample_weight > 0))
    shift = array[first].astype(np.float64)  # near the mean, so that constant columns come out exactly
    n_rows = max(CHUNK_SIZE // array.shape[1], 1)
    for start in range(0, len(array), n_rows):
        rows = slice(start, start + n_rows)
        part = np.subtract(array[rows], shift, order="C")  # so that the same rows are, to the last bit, in any layout
        weight = np.ones(len(part)) if sample_weight is None else sample_weight[rows]
        weight_sum = weight.sum()
        if weight_sum > 0:
            mean = weight @ part / weight_sum
            part -= mean
            part *= part
            total = merged(total, (weight_sum, mean, weight @ part / weight_sum))
    return total[0], total[1] + shift, total[2]


def _sparse_moments(X, sample_weight):
    weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    weight_sum, n_columns = weight.sum(), X.shape[1]
    by_entry = np.repeat(weight, np.diff(X.indptr))
    mean = np.bincount(X.indices, by_entry * X.data, n_columns) / weight_sum
    squares = np.bincount(X.indices, by_entry * (X.data - mean[X.indices]) ** 2, n_columns)
    zeros = np.maximum(weight_sum - np.bincount(X.indices, by_entry, n_columns), 0)
    return weight_sum, mean, (squares + zeros * mean**2) / weight_sum


def merged(a, b):
    """Return weight, mean and variance of two sets of rows taken together.

    Chan, Golub and LeVeque 1983: no difference of large numbers, and merging a set with itself changes nothing.
    """
    if a[0] == 0:
        return b
    weight = a[0] + b[0]
    share = b[0] / weight
    distance = b[1] - a[1]
    mean = distance * share
    mean += a[1]
    distance *= distance
    distance *= share * (1 - share)
    variance = (b[2] - a[2]) * share
    variance += a[2]
    variance += distance
    return weight, mean, variance
