"""Errors that name the argument of `to_onnx` and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.multiclass import OneVsRestClassifier

from ._inner_estimators import holders_of_options
from ._operators import MIN_OPSET

#: The classifiers whose converters ignore or refuse the option `nocl`.
WITHOUT_POSITIONS = (BaggingClassifier, OneVsRestClassifier, StackingClassifier, VotingClassifier)


def check_arguments(estimator: Any, target_opset: Any) -> None:
    """Raise TypeError if an argument is of the wrong kind."""
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"estimator must be a fitted estimator, such as BackpropRegressor().fit(X, y), got {estimator!r}."
        )
    if target_opset is not None and (not isinstance(target_opset, Integral) or isinstance(target_opset, bool)):
        raise TypeError(f"target_opset must be an integer of at least {MIN_OPSET}, or None, got {target_opset!r}.")


def check_options(estimator: Any, options: dict[str, Any]) -> None:
    """Raise an error for options that skl2onnx accepts and does not convert.

    Raises
    ------
    NotImplementedError
        If an estimator of scikit-learn has no positions in place of labels.
    ValueError
        If options exclude each other.
    """
    if not options.get("nocl", False):
        return
    if options.get("zipmap") == "columns":
        raise ValueError('nocl=True cannot be combined with zipmap="columns", which names classes; use zipmap=False.')
    for holder in holders_of_options(estimator):
        if isinstance(holder, WITHOUT_POSITIONS):
            raise NotImplementedError(
                f"nocl=True of {type(holder).__name__} cannot be converted to ONNX; leave nocl out for labels, or fit "
                "to positions, as in LabelEncoder().fit_transform(y)."
            )


def check_outputs(estimator: Any, prediction: Any) -> None:
    """Raise NotImplementedError if skl2onnx would put several outputs below each other."""
    n_outputs = prediction.shape[1] if np.ndim(prediction) == 2 else 1
    for holder in holders_of_options(estimator):
        if isinstance(holder, BaggingRegressor) and n_outputs > 1:
            raise NotImplementedError(
                f"BaggingRegressor with {n_outputs} outputs cannot be converted to ONNX; use MultiOutputRegressor("
                "BaggingRegressor(...)), or a BackpropEnsembleRegressor."
            )


@contextmanager
def errors_with_remedy(estimator: Any, X: Any) -> Iterator[None]:
    """Replace errors of skl2onnx about the inputs of the graph, and add to others where to look.

    Raises
    ------
    NotImplementedError
        If skl2onnx converts an estimator for one input only.
    TypeError
        If skl2onnx does not convert an estimator for the dtype.
    ValueError
        If columns are selected by name, and X has no names in ONNX.
    """
    from skl2onnx.common.utils import InvalidInputLengthException, InvalidInputTypeException

    name = type(estimator).__name__
    note = f"{name} was not converted; the guide to deployment lists what skl2onnx converts."
    try:
        yield
    except InvalidInputLengthException as error:
        if not hasattr(X, "columns"):
            raise
        raise NotImplementedError(
            f"X is a data frame with {len(X.columns)} columns, each of which is an input in ONNX, but a part of {name} "
            "can be converted for one input only; pass X.to_numpy(), if the columns have one dtype, or begin with a "
            f"ColumnTransformer, as in make_pipeline(ColumnTransformer(...), {name}(...)). skl2onnx says: {error}"
        ) from error
    except InvalidInputTypeException as error:
        raise TypeError(
            f"A part of {name} cannot be converted for the dtype of X; pass X.astype(np.float32) or "
            f"X.astype(np.float64). skl2onnx says: {error}"
        ) from error
    except RuntimeError as error:
        is_polars = hasattr(X, "columns") and not hasattr(X, "iloc")
        if isinstance(error, NotImplementedError):
            raise
        if not (is_polars and "Unable to find column name" in str(error)):
            error.add_note(note)
            raise
        raise ValueError(
            f"X is a data frame of polars, which is one input without names of columns in ONNX, but {name} selects "
            "columns by name; pass X.to_pandas()."
        ) from error
    except (AttributeError, LookupError) as error:
        error.add_note(note)
        raise
