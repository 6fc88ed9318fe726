"""The fast path of `partial_fit` and of predictions: arrays that need no validation skip it.

scikit-learn's validation handles every kind of array, which takes ten times as long as learning from one sample. The
fast path accepts only arrays that this validation would return unchanged; all others are validated as usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from operator import is_

import numpy as np

from .._core.dataset import Dataset
from .._hyperparameters import Hyperparameters
from .._training.trainer import StreamTrainer
from .targets import TargetEncoder

#: Types whose values cannot be changed in place.
IMMUTABLE = (str, int, float, type(None), np.generic)


def can_skip_validation(array, dtype: np.dtype, n_features: int) -> bool:
    """Return whether `array` is a finite, C-contiguous ndarray of this dtype, with samples of so many features."""
    return (
        type(array) is np.ndarray
        and array.dtype == dtype
        and array.ndim == 2
        and array.shape[1] == n_features
        and array.shape[0] > 0
        and array.flags.c_contiguous
        and _is_finite(array)
    )


def _is_finite(array) -> bool:
    """Return whether no entry is infinite or NaN; False too where the squares overflow, of which numpy may warn."""
    flat = array.ravel()
    return isfinite(np.dot(flat, flat))


class ParamsSnapshot:
    """The values of parameters at one time, to compare with later ones.

    Attributes
    ----------
    is_comparable : bool
        Whether changes of all values in place can be detected.
    """

    def __init__(self, values: Iterable):
        self._values = tuple(values)
        self._contents = {
            position: _content(value) for position, value in enumerate(self._values) if not _is_immutable(value)
        }
        self.is_comparable = None not in self._contents.values()

    def matches(self, values: Iterable) -> bool:
        """Return whether these are the same objects with the same contents."""
        if not all(map(is_, self._values, values)):
            return False
        return not self._contents or all(
            _content(self._values[position]) == content for position, content in self._contents.items()
        )


def _is_immutable(value) -> bool:
    return isinstance(value, IMMUTABLE) or (type(value) is tuple and all(map(_is_immutable, value)))


def _content(value):
    """Return the contents of a list or a hyperparameter object, or None if they cannot be compared."""
    if isinstance(value, (list, tuple)):
        entries = value
    elif isinstance(value, Hyperparameters):
        entries = tuple(value.get_params().values())
    else:
        return None
    return tuple(entries) if all(isinstance(entry, IMMUTABLE) for entry in entries) else None


class FastPath:
    """What a later call of `partial_fit` with samples of the same shape and dtype can reuse.

    Parameters
    ----------
    trainer : StreamTrainer
        With the buffers for samples of this shape.
    params : ParamsSnapshot
        The parameters that the trainer was made with.
    encoder : TargetEncoder
    data : Dataset
        The samples; only their shapes are stored.
    """

    def __init__(self, trainer: StreamTrainer, params: ParamsSnapshot, encoder: TargetEncoder, data: Dataset):
        self.trainer = trainer
        self._params = params
        self._encoder = encoder
        self._X_shape = data.X.shape
        self._y_shape = data.y.shape

    @classmethod
    def after(cls, estimator, trainer: StreamTrainer, encoder: TargetEncoder, data: Dataset) -> FastPath | None:
        """Return the fast path for samples like these, or None if there is none."""
        params = ParamsSnapshot(_current_params(estimator))
        if not params.is_comparable or data.sample_weight is not None or not isinstance(data.X, np.ndarray):
            return None
        return cls(trainer, params, encoder, data)

    def dataset(self, estimator, X, y, sample_weight, classes) -> Dataset | None:
        """Return the samples encoded, or None if they or the parameters need validation."""
        attributes = vars(estimator)
        if (
            sample_weight is not None
            or self.trainer.state is not estimator._state
            or "feature_names_in_" in attributes
            or "_skl_callbacks" in attributes
            or not self._params.matches(_current_params(estimator))
            or getattr(X, "shape", None) != self._X_shape
            or not can_skip_validation(X, estimator._state.theta.dtype, self._X_shape[1])
        ):
            return None
        y = self._encoder.encode_if_valid(y, len(X), classes)
        return Dataset(X, y, None, self._encoder.one_hot) if y is not None and y.shape == self._y_shape else None


def _current_params(estimator):
    return map(vars(estimator).__getitem__, estimator._mutable_params)
