"""Predictions for dask collections: lazily, partition by partition."""

from __future__ import annotations

from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd

from ._partitions import check_dimensions, whole_samples


def predict_lazily(local: Any, method: str, X: Any) -> Any:
    """Return the predictions for a dask array as an array, and for a data frame as a series or a data frame.

    Parameters
    ----------
    local : BackpropRegressor or BackpropClassifier
        The fitted network.
    method : str
        Name of the method that predicts.
    X : dask array or data frame
    """
    check_dimensions(X, "X", 2)
    model = dask.delayed(local, traverse=False)
    empty = _predict_none(local, method)
    if not isinstance(X, da.Array):
        meta = _framed(local, empty, X._meta_nonempty.index[:0])
        return X.map_partitions(predict_frame, model, method, meta=meta)
    X = whole_samples(X)
    shape: dict[str, Any] = {"drop_axis": 1} if empty.ndim == 1 else {"chunks": (X.chunks[0], (empty.shape[1],))}
    return X.map_blocks(predict_array, model, method, dtype=empty.dtype, meta=empty, **shape)


def predict_array(X: Any, local: Any, method: str) -> np.ndarray:
    """Return the predictions for one partition of an array."""
    return getattr(local, method)(X) if X.shape[0] else _predict_none(local, method)


def predict_frame(X: pd.DataFrame, local: Any, method: str) -> pd.Series | pd.DataFrame:
    """Return the predictions for one partition of a data frame."""
    return _framed(local, predict_array(X, local, method), X.index)


def _predict_none(local: Any, method: str) -> np.ndarray:
    """Return the predictions for no samples, which have the dtype and the number of columns of all."""
    unnamed = local._view_without_feature_names()
    return getattr(unnamed, method)(np.zeros((1, local.n_features_in_)))[:0]


def _framed(local: Any, prediction: np.ndarray, index: pd.Index) -> pd.Series | pd.DataFrame:
    """Return predictions with the index of the samples."""
    if prediction.ndim == 1:
        return pd.Series(prediction, index)
    classes = getattr(local, "classes_", None)
    return pd.DataFrame(prediction, index, None if classes is None else classes)
