"""
Running a network without Python: export to ONNX
================================================

An ONNX file contains a network as a graph of operations. Programs in C++, Java, JavaScript and other languages can run
it, and need neither Python nor this package. The standardization of the inputs and of the target is part of the graph,
so the program passes the values as they are. Preprocessing by scikit-learn's transformers becomes part of it too.

Install what this lesson needs with ``pip install ".[onnx]" onnxruntime``.
"""

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier
from skbackprop.onnx import to_onnx

# %%
# The model is a pipeline that selects 15 of the 30 features and passes them to the network in their own units.
X, X_test, y, y_test = train_test_split(*load_breast_cancer(return_X_y=True), random_state=0)
network = BackpropClassifier(20, max_iter=50, tol=None, random_state=0)
model = make_pipeline(SelectKBest(k=15), network).fit(X, y)
print(f"accuracy on the test set: {model.score(X_test, y_test):.3f}")

# %%
# ``to_onnx`` needs a few samples, for their number of features and their type. A graph for samples in float64 computes
# in float64, and one for float32 in float32. The content of the file is ``graph.SerializeToString()``.
graphs = {dtype.__name__: to_onnx(model, X.astype(dtype)) for dtype in (np.float32, np.float64)}
for dtype, graph in graphs.items():
    operations = sorted({node.op_type for node in graph.graph.node})
    print(f"{dtype}: {len(graph.SerializeToString()) / 1024:.0f} kB, operations {', '.join(operations)}")

# %%
# onnxruntime is one of the programs that run such files. It returns the labels and the probabilities.
expected = model.predict_proba(X_test)
differences = {}
for dtype, graph in graphs.items():
    runtime = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    labels, probabilities = runtime.run(None, {runtime.get_inputs()[0].name: X_test.astype(dtype)})
    differences[dtype] = np.abs(probabilities - expected).max(axis=1)
    same = np.mean(labels == model.predict(X_test))
    print(f"{dtype}: {same:.0%} of the labels are equal, largest difference {differences[dtype].max():.0e}")

# %%
# The picture shows the differences between the graphs and the pipeline. With float32, they are far smaller than
# anything that matters for a probability. With float64, they are rounding errors.
fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
left.plot([0, 1], [0, 1], ":", color="0.5")
left.scatter(expected[:, 1], probabilities[:, 1], s=14)
left.set(xlabel="pipeline.predict_proba", ylabel="onnxruntime", title="Probability of a benign tumor")
for dtype, difference in differences.items():
    right.semilogy(np.sort(difference) + 1e-17, label=f"samples in {dtype}")
right.set(xlabel="test samples, in the order of the difference", ylabel="difference", ylim=(1e-18, 1))
right.set_title("Difference of the probabilities")
right.legend()
plt.show()
