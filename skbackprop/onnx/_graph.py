"""`Tensor`: arithmetic that adds operators to an ONNX graph, so that formulas read as they do with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

INT64 = np.dtype(np.int64)
FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)


class Graph:
    """The graph that a converter adds operators to.

    Parameters
    ----------
    scope : skl2onnx.common._topology.Scope
        Gives unique names.
    container : skl2onnx.common._container.ModelComponentContainer
        Collects operators and constants.
    """

    def __init__(self, scope: Any, container: Any):
        self.scope = scope
        self.container = container

    def add(self, op_type: str, inputs: list[str], n_outputs: int = 1, **attributes: Any) -> list[str]:
        """Add an operator and return the names of its outputs."""
        outputs = [self.scope.get_unique_variable_name(op_type.lower()) for _ in range(n_outputs)]
        name = self.scope.get_unique_operator_name(op_type)
        self.container.add_node(op_type, inputs, outputs, name=name, **attributes)
        return outputs

    def name_result(self, tensor: Tensor, variable: Any) -> None:
        """Make a tensor the value of a variable, such as an output."""
        name = self.scope.get_unique_operator_name("Identity")
        self.container.add_node("Identity", [tensor.name], [variable.full_name], name=name)

    def constant(self, value: np.ndarray) -> Tensor:
        """Add an array of numbers or strings."""
        from onnx import TensorProto
        from onnx.numpy_helper import from_array

        name = self.scope.get_unique_variable_name("constant")
        if value.dtype.kind in "OU":
            encoded = [str(text).encode() for text in value.ravel()]
            self.container.add_initializer(name, TensorProto.STRING, value.shape, encoded)
        else:
            proto = from_array(np.ascontiguousarray(value).reshape(value.shape))
            self.container.add_initializer(name, proto.data_type, value.shape, proto)
        return Tensor(self, name, value.dtype)


class Tensor:
    """A result in the graph.

    Operations with numbers and arrays convert these to the dtype of the tensor.

    Parameters
    ----------
    graph : Graph
    name : str
        Of the result, which is unique in the graph.
    dtype : dtype
    """

    def __init__(self, graph: Graph, name: str, dtype: DTypeLike):
        self.graph = graph
        self.name = name
        self.dtype = np.dtype(dtype)

    def apply(self, op_type: str, *others: Tensor | ArrayLike, **attributes: Any) -> Tensor:
        """Return the result of an operator, whose first input is this tensor."""
        tensors = [self, *(self._tensor(other) for other in others)]
        (name,) = self.graph.add(op_type, [tensor.name for tensor in tensors], **attributes)
        return Tensor(self.graph, name, self.dtype)

    def _tensor(self, other: Tensor | ArrayLike) -> Tensor:
        return other if isinstance(other, Tensor) else self.graph.constant(np.asarray(other, self.dtype))

    def __add__(self, other: Tensor | ArrayLike) -> Tensor:
        return self.apply("Add", other)

    def __sub__(self, other: Tensor | ArrayLike) -> Tensor:
        return self.apply("Sub", other)

    def __mul__(self, other: Tensor | ArrayLike) -> Tensor:
        return self.apply("Mul", other)

    def __truediv__(self, other: Tensor | ArrayLike) -> Tensor:
        return self.apply("Div", other)

    def __neg__(self) -> Tensor:
        return self.apply("Neg")

    def maximum(self, other: Tensor | ArrayLike) -> Tensor:
        """Return the larger of two numbers."""
        return self.apply("Max", other)

    def minimum(self, other: Tensor | ArrayLike) -> Tensor:
        """Return the smaller of two numbers."""
        return self.apply("Min", other)

    def exp(self) -> Tensor:
        """Return the exponential."""
        return self.apply("Exp")

    def log(self) -> Tensor:
        """Return the natural logarithm."""
        return self.apply("Log")

    def abs(self) -> Tensor:
        """Return the absolute value."""
        return self.apply("Abs")

    def sign(self) -> Tensor:
        """Return -1, 0 or 1."""
        return self.apply("Sign")

    def astype(self, dtype: np.dtype) -> Tensor:
        """Return the tensor with this dtype."""
        return self if dtype == self.dtype else self.cast(dtype)

    def cast(self, dtype: np.dtype) -> Tensor:
        """Return the tensor with this dtype, whatever integers or booleans it consists of."""
        from onnx.helper import np_dtype_to_tensor_dtype

        (name,) = self.graph.add("Cast", [self.name], to=np_dtype_to_tensor_dtype(dtype))
        return Tensor(self.graph, name, dtype)

    def affine(self, W: np.ndarray, b: np.ndarray) -> Tensor:
        """Return ``self @ W + b``."""
        return self.apply("Gemm", W, b)

    def columns(self, indices: np.ndarray) -> Tensor:
        """Return some columns."""
        return self.apply("Gather", self.graph.constant(indices.astype(INT64)), axis=1)

    def replaced(self, columns: np.ndarray, value: np.ndarray) -> Tensor:
        """Return the tensor with other numbers in some columns; `columns` is a mask."""
        condition = self.graph.constant(columns)
        (name,) = self.graph.add("Where", [condition.name, self._tensor(value).name, self.name])
        return Tensor(self.graph, name, self.dtype)

    def sorted(self, n_columns: int) -> Tensor:
        """Return all `n_columns` columns of each sample in increasing order."""
        k = self.graph.constant(np.array([n_columns], INT64))
        values, _ = self.graph.add("TopK", [self.name, k.name], n_outputs=2, axis=1, largest=0, sorted=1)
        return Tensor(self.graph, values, self.dtype)

    def argmax(self) -> Tensor:
        """Return the index of the largest number of each sample."""
        (name,) = self.graph.add("ArgMax", [self.name], axis=1, keepdims=0)
        return Tensor(self.graph, name, INT64)

    def is_positive(self) -> Tensor:
        """Return 1 where a number is above 0, and 0 elsewhere, as integers."""
        (name,) = self.graph.add("Greater", [self.name, self._tensor(0).name])
        return Tensor(self.graph, name, np.bool_).astype(INT64)


def concatenate(tensors: list[Tensor]) -> Tensor:
    """Return the columns of several tensors side by side."""
    return tensors[0].apply("Concat", *tensors[1:], axis=1) if len(tensors) > 1 else tensors[0]


def weighted_sum(tensors: list[Tensor], weights: np.ndarray) -> Tensor:
    """Return the sum of tensors of the same shape, each of them times its weight."""
    first, *others = [tensor * weight for tensor, weight in zip(tensors, weights, strict=True)]
    return first.apply("Sum", *others)
