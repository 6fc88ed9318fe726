"""The fast path of `partial_fit`: samples like those of the last call need no validation by scikit-learn.

This validation handles every kind of array, which takes ten times as long as learning from one sample. The fast path
accepts only what `conversion` converts, as this validation would; everything else is validated as usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np

from .._core.dataset import Dataset
from .._hyperparameters import Hyperparameters
from .._training.trainer import StreamTrainer
from .conversion import as_array, convert_samples, convert_weights
from .samples import Target

#: Types whose values cannot be changed in place.
IMMUTABLE = (str, int, float, type(None), np.generic)


class ParamsSnapshot:
    """The values of parameters at one time, to compare with later ones.

    Attributes
    ----------
    is_comparable : bool
        Whether changes of all values in place can be detected.
    """

    def __init__(self, values: Iterable):
        self.values = tuple(values)
        self._contents = {
            position: _content(value) for position, value in enumerate(self.values) if not _is_immutable(value)
        }
        self.is_comparable = None not in self._contents.values()

    def equals(self, other: ParamsSnapshot) -> bool:
        """Return whether the parameters of another estimator are equal numbers and names, or the same objects."""
        return all(map(_are_equal, self.values, other.values))

    def matches(self, values: Iterable) -> bool:
        """Return whether these are the same objects with the same contents."""
        if not all(map(is_, self.values, values)):
            return False
        return not self._contents or all(
            _content(self.values[position]) == content for position, content in self._contents.items()
        )


def _are_equal(one: Any, other: Any) -> bool:
    return one is other or (_is_immutable(one) and _is_immutable(other) and one == other)


def _is_immutable(value) -> bool:
    return isinstance(value, IMMUTABLE) or (type(value) is tuple and all(map(_is_immutable, value)))


def _content(value):
    """Return the contents of a list, a dict or a hyperparameter object, or None if they cannot be compared."""
    if isinstance(value, (list, tuple)):
        entries = value
    elif type(value) is dict:
        entries = (*value, *value.values())
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
    target : Target
        How y is encoded.
    data : Dataset
        The samples; only their shapes are stored, and whether they have weights, for which there are buffers.
    """

    def __init__(self, trainer: StreamTrainer, params: ParamsSnapshot, target: Target, data: Dataset):
        self.trainer = trainer
        self._params = params
        self._encoder = target.encoder
        self._class_weight = target.class_weight
        self._X_shape = data.X.shape
        self._y_shape = data.y.shape
        self._is_weighted = data.sample_weight is not None

    @classmethod
    def after(cls, estimator, trainer: StreamTrainer, target: Target, data: Dataset) -> FastPath | None:
        """Return the fast path for samples like these, or None if there is none."""
        params = ParamsSnapshot(_current_params(estimator))
        if not params.is_comparable or not isinstance(data.X, np.ndarray) or data.excluded is not None:
            return None
        return cls(trainer, params, target, data)

    def serves(self, estimator) -> bool:
        """Return whether the parameters and the state are those that this was made with."""
        return (
            self.trainer.state is estimator._state
            and "_skl_callbacks" not in vars(estimator)
            and self._params.matches(_current_params(estimator))
        )

    def encodes_like(self, other: FastPath) -> bool:
        """Return whether samples that another fast path has encoded serve here, too."""
        return (
            self._params.equals(other._params)
            and self._X_shape == other._X_shape
            and self._is_weighted == other._is_weighted
            and self.trainer.state.theta.dtype == other.trainer.state.theta.dtype
        )

    def dataset(self, estimator, X, y, sample_weight, classes) -> Dataset | None:
        """Return the samples encoded, or None if they or the parameters need validation."""
        if getattr(X, "shape", self._X_shape) != self._X_shape or not self.serves(estimator):
            return None
        n_samples, n_features = self._X_shape
        names = vars(estimator).get("feature_names_in_")
        X = convert_samples(X, self.trainer.state.theta.dtype, n_features, names)
        if X is None or len(X) != n_samples:
            return None
        encoded = self._encoder.encode_if_valid(y, n_samples, classes)
        if encoded is None or encoded.shape != self._y_shape:
            return None
        if not self._is_weighted:
            return Dataset(X, encoded, None, self._encoder.one_hot) if sample_weight is None else None
        weight = self._combined_weights(y, sample_weight)
        return None if weight is None else Dataset(X, encoded, weight, self._encoder.one_hot)

    def _combined_weights(self, y, sample_weight) -> np.ndarray | None:
        """Return the product of the sample weights and the class weights, or None if they need validation.

        They need it if a weight is 0: the buffers are for another number of samples.
        """
        weight = None
        if sample_weight is not None:
            weight = convert_weights(sample_weight, self._X_shape[0])
            if weight is None:
                return None
        if self._class_weight is not None:
            class_weight = self._class_weight(as_array(y))
            weight = class_weight if weight is None else weight * class_weight
        return weight if weight is None or weight.all() else None


def _current_params(estimator):
    return map(vars(estimator).__getitem__, estimator._mutable_params)
