"""Inputs and outputs of an estimator in the graph: what skl2onnx calls the operator, which has the estimator."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._graph import FLOAT32, FLOAT64, INT64, Graph, Tensor, concatenate

#: The types of skl2onnx for floats, and for integers that int64 has all values of.
NUMERIC_TYPES = [
    f"{name}TensorType"
    for name in ("Float", "Double", "Boolean", "Int64", "Int32", "Int16", "Int8", "UInt32", "UInt16", "UInt8")
]
#: The oldest version of the operators of ONNX that the graphs use.
MIN_OPSET = 11


def dtype_of(variable: Any) -> np.dtype:
    """Return the dtype of an input: float32, float64, or int64 for everything else."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    known: dict[type, np.dtype] = {DoubleTensorType: FLOAT64, FloatTensorType: FLOAT32}
    return known.get(type(variable.type), INT64)


def check_is_numeric(variable: Any) -> None:
    """Raise TypeError if a network cannot take an input, such as strings, or numbers that int64 has not."""
    name = type(variable.type).__name__
    if name not in NUMERIC_TYPES:
        raise TypeError(
            f"The input {variable.raw_name!r} of the graph is a {name}, but networks need numbers in ONNX: float32, "
            "float64, booleans, or integers other than uint64. Convert or encode the column."
        )


def output_dtype(operator: Any) -> np.dtype:
    """Return float64 if an input is float64, otherwise float32, as skl2onnx does."""
    return FLOAT64 if any(dtype_of(variable) == FLOAT64 for variable in operator.inputs) else FLOAT32


def probability_dtype(operator: Any) -> np.dtype:
    """Return the dtype of the probabilities: that of the outputs, but the operator `ZipMap` takes float32 only."""
    is_zipped = any(consumer.type == "SklearnZipMap" for consumer in operator.outputs[1].operators_inputs_)
    return FLOAT32 if is_zipped else output_dtype(operator)


def samples(graph: Graph, operator: Any) -> Tensor:
    """Return the inputs of an operator side by side: one matrix, or several columns of a data frame."""
    if graph.container.target_opset < MIN_OPSET:
        raise NotImplementedError(
            f"target_opset={graph.container.target_opset} is too old for {type(operator.raw_operator).__name__}; "
            f"set it to {MIN_OPSET} or later."
        )
    for variable in operator.inputs:
        check_is_numeric(variable)
    columns = [Tensor(graph, variable.full_name, dtype_of(variable)) for variable in operator.inputs]
    columns = [column if column.dtype.kind == "f" else column.cast(INT64) for column in columns]
    dtypes = {column.dtype for column in columns}
    return concatenate(columns if len(dtypes) == 1 else [column.astype(FLOAT64) for column in columns])


def tensor_type(dtype: np.dtype, shape: list[int | None]) -> Any:
    """Return the type of skl2onnx for a dtype; strings are anything else than float32, float64 and int64."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

    types = {FLOAT32: FloatTensorType, FLOAT64: DoubleTensorType, INT64: Int64TensorType}
    return types.get(dtype, StringTensorType)(shape)


def set_type(operator: Any, position: int, dtype: np.dtype, n_columns: int | None) -> None:
    """Set the type of an output, which is a vector without `n_columns`; the number of samples may vary."""
    n_samples = operator.inputs[0].get_first_dimension()
    shape = [n_samples] if n_columns is None else [n_samples, n_columns]
    operator.outputs[position].set_type(tensor_type(dtype, shape))


def classes_of(scope: Any, estimator: Any) -> np.ndarray:
    """Return the labels that the graph predicts, as integers or strings; their positions with the option `nocl`.

    Raises
    ------
    NotImplementedError
        If they are other objects.
    """
    classes = np.asarray(estimator.classes_)
    if scope.get_options(estimator, {"nocl": False})["nocl"]:
        return np.arange(len(classes))
    if classes.dtype.kind == "U" or all(isinstance(label, str) for label in classes.tolist()):
        return classes.astype(str)
    if classes.dtype.kind in "biuf" and np.array_equal(classes, classes.astype(INT64)):
        return classes.astype(INT64)
    raise NotImplementedError(
        f"classes_={classes.tolist()} cannot be labels in ONNX, which has integers and strings; set the option "
        "nocl=True for the positions of the classes, or fit with other labels."
    )


def name_labels(graph: Graph, operator: Any, codes: Tensor, is_multilabel: bool) -> None:
    """Make the labels the first output."""
    classes = classes_of(graph.scope, operator.raw_operator)
    labels = codes if is_multilabel else graph.constant(classes).apply("Gather", codes)
    graph.name_result(labels, operator.outputs[0])
