"""Outputs of ONNX graphs in onnxruntime, compared with the predictions of estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from skbackprop.onnx import to_onnx  # noqa: E402

#: Relative error of predictions and probabilities.
TOLERANCES = {np.float32: 1e-5, np.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=lambda dtype: dtype.__name__)
#: Parameters of a small network that is trained for a few epochs.
FEW = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "tol": None, "random_state": 0, "engine": "numpy"}


def run(model, inputs):
    """Check a graph and return its outputs in onnxruntime."""
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    compiled = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    if isinstance(inputs, pd.DataFrame):
        return compiled.run(None, {name: inputs[[name]].to_numpy() for name in inputs})
    return compiled.run(None, {"X": inputs})


def assert_same(estimator, inputs, rtol, atol=0.0):
    """Assert that the outputs of the graph are the predictions of the estimator for some samples.

    Errors of probabilities are relative to each of them, also where they are tiny, and those of predictions to the
    largest of the output, because predictions near 0 are differences of larger numbers.
    """
    assert_outputs(run(to_onnx(estimator, inputs), inputs), estimator, inputs, rtol, atol)


def assert_outputs(outputs, estimator, inputs, rtol, atol=0.0):
    """Assert that outputs are the predictions of the estimator."""
    if is_classifier(estimator):
        labels, numbers = outputs
        np.testing.assert_array_equal(labels, estimator.predict(inputs))
        expected = estimator.predict_proba(inputs)
    else:
        (numbers,) = outputs
        expected = estimator.predict(inputs).reshape(len(inputs), -1)
    assert numbers.dtype == (np.float64 if are_double(inputs) else np.float32)
    scale = np.abs(expected) if is_classifier(estimator) else np.abs(expected).max(axis=0)
    assert numbers.shape == expected.shape
    assert np.max(np.abs(numbers - expected) / (rtol * scale + atol + np.finfo(numbers.dtype).tiny)) <= 1


def are_double(inputs):
    dtypes = list(inputs.dtypes) if isinstance(inputs, pd.DataFrame) else [inputs.dtype]
    return np.dtype(np.float64) in dtypes
