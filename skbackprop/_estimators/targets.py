"""Target encoders: from y to the target of the network, for numbers and for labels."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from .._component_checks import is_custom
from .._core.dataset import OneHot
from .._typing import Matrix
from ..losses import Loss
from ..losses._check import checked_target
from .conversion import convert_labels, convert_multilabel, convert_numbers
from .invalid_values import has_text_or_times, naming_values
from .labels import are_known_classes, class_codes, label_columns, smooth_labels

#: The dtypes of a target that is not rounded to the dtype of the network; others become the first.
PRECISE = (np.dtype(np.float64), np.dtype(np.float32))


class TargetEncoder(ABC):
    """Encodes y as the target of the network, before any scaling.

    Attributes
    ----------
    loss : Loss
    network_dtype : dtype
    one_hot : OneHot or None
        How the columns that the loss sees are made of class codes, if y is encoded as these.
    """

    loss: Loss
    network_dtype: np.dtype
    one_hot: OneHot | None = None

    @abstractmethod
    def encode(self, y, name: str = "y") -> np.ndarray:
        """Validate y and return the target of shape (n_samples, n_outputs), or (n_samples, 1) with `one_hot`.

        Errors call y by this name.
        """

    @abstractmethod
    def encode_sample(self, y) -> np.ndarray:
        """Return the target of a single sample, of shape (1, n_outputs)."""

    def class_codes(self, encoded: np.ndarray) -> np.ndarray | None:
        """Return the class code of each encoded target, or None if there is not one class for each sample."""
        return None

    @abstractmethod
    def encode_if_valid(self, y, n_samples: int, classes) -> np.ndarray | None:
        """Return the target if y needs no validation, else None."""


class NumberEncoder(TargetEncoder):
    """Encodes numbers.

    Parameters
    ----------
    loss : Loss
    network_dtype : dtype
    is_scaled : bool
        Whether the target is going to be scaled. It then keeps its precision until it has been centered, because the
        offset of a target may be large; otherwise it has the dtype of the network.
    """

    def __init__(self, loss: Loss, network_dtype: np.dtype, is_scaled: bool):
        self.loss = loss
        self.network_dtype = network_dtype
        self._dtypes = PRECISE if is_scaled else (network_dtype,)

    def encode(self, y, name="y"):
        return self._encoded(numeric_target(y, self._dtypes, name))

    def encode_sample(self, y):
        return self._encoded(numeric_target(np.reshape(y, -1), self._dtypes).T)

    def encode_if_valid(self, y, n_samples, classes):
        y = convert_numbers(y, n_samples, self._dtypes)
        return None if y is None else self._encoded(y)

    def _encoded(self, y):
        if is_custom(self.loss):
            return checked_target(self.loss, y)
        self.loss.check_target(y)
        return self.loss.repeat_target(y)


class LabelEncoder(TargetEncoder):
    """Encodes labels: as class codes, or as one column per label, or as a single column for two classes.

    Parameters
    ----------
    loss : Loss
    network_dtype : dtype
    classes : ndarray of shape (n_classes,)
    is_multilabel : bool
    label_smoothing : float
    """

    def __init__(
        self,
        loss: Loss,
        network_dtype: np.dtype,
        classes: np.ndarray,
        is_multilabel: bool,
        label_smoothing: float,
    ):
        self.loss = loss
        self.network_dtype = network_dtype
        self.classes = classes
        self.is_multilabel = is_multilabel
        self.label_smoothing = label_smoothing
        self._is_one_column = len(classes) == 2 and not is_multilabel and loss.one_output_for_two_classes
        n_values = len(classes) if loss.link.sums_to_one else 2
        off, on = smooth_labels(np.array([0, 1], network_dtype), label_smoothing, n_values)
        self._n_values = n_values
        self._columns = OneHot(len(classes), off, on)
        if not (is_multilabel or self._is_one_column or loss.link.target_scaling.scales):
            self.one_hot = self._columns  # a target that is scaled is needed as a whole

    def validate(self, y, name="y"):
        """Return y as an array of labels, or of zeros and ones with several labels per sample."""
        if self.is_multilabel:
            return check_array(dense(y), dtype=None, input_name=name)
        return y if type(y) is np.ndarray and y.ndim == 1 else column_or_1d(y)  # which is slow for a few labels

    def encode(self, y, name="y"):
        return self._encoded(self.validate(y, name), name)

    def class_codes(self, encoded):
        if self.is_multilabel:
            return None
        if self._is_one_column:
            return encoded[:, 0] > 0.5
        return encoded[:, 0] if self.one_hot is not None else encoded.argmax(axis=1)

    def encode_sample(self, y):
        y = np.reshape(y, (1, -1) if self.is_multilabel else -1)
        if self.is_multilabel:
            label_columns(y, None)
        encoded = self._encoded(y)
        return encoded if self.one_hot is None else self.one_hot.columns(encoded)

    def encode_if_valid(self, y, n_samples, classes):
        if not are_known_classes(classes, self.classes):
            return None
        n_labels = len(self.classes)
        y = convert_multilabel(y, n_samples, n_labels) if self.is_multilabel else convert_labels(y, n_samples)
        try:
            return None if y is None else self._encoded(y)
        except ValueError:  # unseen labels
            return None

    def _encoded(self, y, name="y"):
        """Return validated y as class codes or columns."""
        if not self.is_multilabel:
            y = class_codes(y, self.classes, self.network_dtype, name)
            if not self._is_one_column:
                return y if self.one_hot is not None else self._columns.columns(y)
        return smooth_labels(y.astype(self.network_dtype, copy=False), self.label_smoothing, self._n_values)


def numeric_target(y, dtypes: tuple[np.dtype, ...], name: str = "y") -> np.ndarray:
    """Return a numeric target of shape (n_samples, n_targets), in one of these dtypes, by default the first."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    with naming_values(**{name: y}):
        if has_text_or_times(y):
            raise ValueError(
                f"{name} has strings or dates; BackpropRegressor needs numbers. Use BackpropClassifier for class "
                "labels."
            )
        y = check_array(y, dtype=PRECISE, ensure_2d=False, input_name=name)
    if y.dtype not in dtypes:
        with np.errstate(over="ignore"):
            y, precise = y.astype(dtypes[0]), y
        if not np.isfinite(y).all():
            raise ValueError(
                f"{name}={precise[~np.isfinite(y)][0]:g} is too large for {dtypes[0]}, the dtype of X and of the "
                "network: pass X as float64, or scale y, as standardize=True does for a loss of numbers."
            )
    return y.reshape(len(y), -1)


def dense(y: Matrix) -> np.ndarray:
    """Return a sparse y as an array, and any other y unchanged."""
    return y if isinstance(y, np.ndarray) else y.toarray()
