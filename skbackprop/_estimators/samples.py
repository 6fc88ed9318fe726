"""Validated samples: the data set that the network is trained on, and what scorers need in addition."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse

from .._core.dataset import INDEX, Dataset, IndexedMatrix
from .._typing import Matrix
from .parameters import check_weights
from .targets import TargetEncoder
from .validation import validate_data

#: The dtypes besides those of networks that X keeps.
NARROW: tuple[DTypeLike, ...] = (
    np.bool_,
    np.int8,
    np.uint8,
    np.int16,
    np.uint16,
    np.int32,
    np.uint32,
    np.int64,
    np.uint64,
    np.float16,
)


class Samples(NamedTuple):
    """Validated samples, to train on or to validate with.

    Attributes
    ----------
    data : Dataset
        What the network sees; its weights include those of the classes.
    y : ndarray or IndexedMatrix
        The target as the user passed it, for scorers; of a validation set that was split off, it is not copied before
        a scorer needs it.
    score_weight : ndarray or None
        The user's weights alone, for scorers.
    """

    data: Dataset
    y: np.ndarray | IndexedMatrix
    score_weight: np.ndarray | None

    def hold_out(self, indices: np.ndarray) -> tuple[Samples, Samples]:
        """Return the samples to train on, and those at the sorted indices, to validate with; neither copies X."""
        X, encoded, weight, _, excluded, _ = self.data
        weight = None if weight is None else weight[indices]
        held_out = cast(Matrix, IndexedMatrix(X, indices))
        validation = self.data._replace(X=held_out, y=encoded[indices], sample_weight=weight, excluded=None)
        score_weight = None if self.score_weight is None else self.score_weight[indices]
        excluded = indices if excluded is None else np.union1d(excluded, indices)
        training = self._replace(data=self.data._replace(excluded=excluded))
        return training, Samples(validation, IndexedMatrix(cast(Matrix, self.y), indices), score_weight)


class Target(NamedTuple):
    """How y is encoded, and what validating it has determined.

    Attributes
    ----------
    encoder : TargetEncoder
    class_weight : callable or None
        Returns the class weight of each sample.
    attributes : dict
        Fitted attributes to set once all input is validated.
    """

    encoder: TargetEncoder
    class_weight: Callable | None
    attributes: dict


def make_samples(
    X, y, sample_weight: np.ndarray | None, target: Target, *, is_part: bool = False, suffix: str = ""
) -> Samples:
    """Encode the target and combine the weights of validated X, y and weights; exclude samples of weight 0.

    A sample of weight 0 is as if absent: it has no place in a batch, and is counted nowhere. Only a part of the
    training samples may have no others. Errors add the suffix to the names of the arguments.
    """
    encoded = target.encoder.encode(y, f"y{suffix}")
    class_weight = None if target.class_weight is None else target.class_weight(y)
    weight = combine_weights(sample_weight, class_weight)
    if weight is not None and not (is_part or weight.any()):
        raise ValueError(
            "Every sample has a weight of 0 by its class: nothing to learn. Give a class of y a weight above 0 in "
            "class_weight."
        )
    encoder = target.encoder
    data = Dataset(X, encoded, weight, encoder.one_hot, _weightless(weight), encoder.network_dtype)
    return Samples(data, y, sample_weight)


def _weightless(weight: np.ndarray | None) -> np.ndarray | None:
    """Return the indices of the samples of weight 0, or None if there are none."""
    return None if weight is None or weight.all() else np.flatnonzero(weight == 0).astype(INDEX)


def accepted_dtypes(X, *dtypes: DTypeLike) -> list[DTypeLike]:
    """Return the dtypes that X keeps when it is validated; any other becomes the first, which the network has.

    Integers, booleans and numbers of half precision become the network's dtype chunk by chunk, because a copy of X in
    it would take up to eight times the memory of X. Sparse matrices, most of which have other operations for these
    dtypes or none, are converted.
    """
    return [*dtypes] if sparse.issparse(X) else [*dtypes, *NARROW]


def validate_validation_set(estimator, X_val, y_val, sample_weight_val, samples: Samples, target: Target) -> Samples:
    """Validate the user's validation set.

    Raises
    ------
    ValueError
        If it is incomplete or does not fit the training samples.
    """
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val belong together: pass both, or neither.")
    if not estimator.early_stopping:
        raise ValueError("X_val and y_val are for early stopping; set early_stopping to 'auto' or True.")
    dtypes = accepted_dtypes(X_val, samples.data.dtype)
    options = {"accept_sparse": "csr", "dtype": dtypes, "multi_output": True}
    X_val, y_val = validate_data(estimator, X_val, y_val, suffix="_val", reset=False, **options)
    weight = check_weights(sample_weight_val, X_val, "sample_weight_val")
    validation = make_samples(X_val, y_val, weight, target, suffix="_val")
    n_outputs, n_outputs_val = samples.data.n_outputs, validation.data.n_outputs
    if n_outputs_val != n_outputs:
        raise ValueError(f"y_val has {n_outputs_val} outputs, y has {n_outputs}.")
    return validation


def combine_weights(weight: np.ndarray | None, class_weight: np.ndarray | None) -> np.ndarray | None:
    """Return the product of sample weights and class weights; None means weights of 1."""
    if class_weight is None:
        return weight
    return class_weight if weight is None else weight * class_weight
