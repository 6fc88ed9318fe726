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
    if not isinstance(X, da.Array):
        return X.map_partitions(predict_frame, model, method, meta=predict_frame(X._meta, local, method))
    empty = _predict_one(local, method)[:0]
    X = whole_samples(X)
    shape: dict[str, Any] = {"drop_axis": 1} if empty.ndim == 1 else {"chunks": (X.chunks[0], (empty.shape[1],))}
    return X.map_blocks(predict_array, model, method, dtype=empty.dtype, meta=empty, **shape)


def predict_array(X: Any, local: Any, method: str) -> np.ndarray:
    """Return the predictions for one partition of an array."""
    prediction: np.ndarray = getattr(local, method)(X) if X.shape[0] else _predict_one(local, method)[:0]
    return prediction


def predict_frame(X: pd.DataFrame, local: Any, method: str) -> pd.Series | pd.DataFrame:
    """Return the predictions for one partition of a data frame."""
    if len(X):
        return _framed(local, getattr(local, method)(X), X.index)
    # pandas chooses a dtype for text by its values
    return _framed(local, _predict_one(local, method), pd.RangeIndex(1))[:0].set_axis(X.index)


def _predict_one(local: Any, method: str) -> np.ndarray:
    """Return the prediction for one sample, which has the dtype and the number of columns of all."""
    unnamed = local._view_without_feature_names()
    prediction: np.ndarray = getattr(unnamed, method)(np.zeros((1, local.n_features_in_)))
    return prediction


def _framed(local: Any, prediction: np.ndarray, index: pd.Index) -> pd.Series | pd.DataFrame:
    """Return predictions with the index of the samples."""
    if prediction.ndim == 1:
        return pd.Series(prediction, index)
    classes = getattr(local, "classes_", None)
    return pd.DataFrame(prediction, index, None if classes is None else classes)
