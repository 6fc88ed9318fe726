"""Milliseconds to predict many samples: our `predict`, onnxruntime, PyTorch, scikit-learn and plain numpy.

    python benchmarks/prediction.py [--samples 1000000] [--repeats 7] [--json FILE]

One thread, pinned to one core. All contenders compute the same network in float32. PyTorch, onnxruntime and numpy get
the samples in chunks of several sizes, and their best one counts; numpy computes in place. They take the weights of
`coefs_`, which include the standardization, while our `predict` standardizes the samples, too. In each repeat all take
turns; a figure is the minimum over repeats. Memory is the peak of numpy's allocations besides the prediction.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import time
import tracemalloc
import warnings
from importlib.util import find_spec

import numpy as np
import report
from sklearn.neural_network import MLPRegressor

from skbackprop import BackpropRegressor

HIDDEN = ((100,), (64, 32), (256, 128))
CHUNKS = (256, 512, 1024, 2048, 4096, 16384)


def in_chunks(predict, X, size):
    """Return the predictions of `predict`, which gets at most `size` samples at a time."""
    out = np.empty(len(X), X.dtype)
    for start in range(0, len(X), size):
        chunk = X[start : start + size]
        out[start : start + len(chunk)] = predict(chunk)[:, 0]
    return out


def plain_numpy(coefs, intercepts):
    """Return the forward pass as one writes it by hand: products into preallocated arrays, relu in place."""
    buffers = [np.empty((max(CHUNKS), W.shape[1]), W.dtype) for W in coefs]

    def predict(X):
        a = X
        for layer, (W, b, buffer) in enumerate(zip(coefs, intercepts, buffers, strict=True)):
            a = np.dot(a, W, out=buffer[: len(X)])
            a += b
            if layer < len(coefs) - 1:
                np.maximum(a, 0, out=a)
        return a

    return predict


def pytorch(coefs, intercepts):
    """Return the network in PyTorch, in inference mode."""
    import torch

    torch.set_num_threads(1)
    parts = []
    for W, b in zip(coefs, intercepts, strict=True):
        linear = torch.nn.Linear(*W.shape)
        linear.weight.data[:] = torch.from_numpy(np.ascontiguousarray(W.T))
        linear.bias.data[:] = torch.from_numpy(b)
        parts += [linear, torch.nn.ReLU()]
    network = torch.nn.Sequential(*parts[:-1]).eval()

    def predict(X):
        with torch.inference_mode():
            return network(torch.from_numpy(X)).numpy()

    return predict


def onnx_runtime(coefs, intercepts):
    """Return the network in onnxruntime, with one thread."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, name = [], [], "X"
    for layer, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        weights += [numpy_helper.from_array(W, f"W{layer}"), numpy_helper.from_array(b, f"b{layer}")]
        nodes.append(helper.make_node("Gemm", [name, f"W{layer}", f"b{layer}"], [f"z{layer}"]))
        name = f"z{layer}"
        if layer < len(coefs) - 1:
            nodes.append(helper.make_node("Relu", [name], [f"a{layer}"]))
            name = f"a{layer}"
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, coefs[0].shape[0]])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, coefs[-1].shape[1]])]
    graph = helper.make_graph(nodes, "network", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    network = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda X: network.run(None, {"X": X})[0]


PEERS = {"numpy": plain_numpy, "PyTorch": pytorch, "onnxruntime": onnx_runtime}


def contenders(hidden, X, y):
    """Return the contenders by name; those that are not installed are left out with a message."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = {
            f"{engine} engine": BackpropRegressor(hidden, max_iter=2, engine=engine, random_state=0).fit(X, y)
            for engine in ("numba", "numpy")[find_spec("numba") is None :]
        }
        mlp = MLPRegressor(hidden_layer_sizes=hidden, max_iter=2, random_state=0).fit(X, y)
    found = {name: network.predict for name, network in ours.items()}
    found["scikit-learn"] = mlp.predict
    network = next(iter(ours.values()))
    for name, make in PEERS.items():
        try:
            predict = make(network.coefs_, network.intercepts_)
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        for size in CHUNKS:
            found[f"{name}, {size}"] = lambda X, predict=predict, size=size: in_chunks(predict, X, size)
    return found


def peak_memory(predict, X):
    """Return the peak of numpy's allocations in MB, without the prediction itself."""
    tracemalloc.start()
    prediction = predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (peak - prediction.nbytes) / 1e6


def measure(predictors, X, repeats):
    """Return the seconds of each contender in each repeat, in which they take turns."""
    seconds = {name: [] for name in predictors}
    for _ in range(repeats):
        for name, predict in predictors.items():
            start = time.perf_counter()
            predict(X)
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main():
    """Print the figures for each network."""
    parser = report.parser(__doc__)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    versions, figures = report.versions(), {}
    rng = np.random.default_rng(0)
    X = rng.standard_normal((arguments.samples, 20), dtype=np.float32)
    y = X[:, 0] + np.sin(X[:, 1])
    for hidden in HIDDEN:
        predictors = contenders(hidden, X[:5000], y[:5000])
        seconds = measure(predictors, X, arguments.repeats)
        best = {name: min(times) for name, times in seconds.items()}
        fastest = min(time for name, time in best.items() if name.split(",")[0] in PEERS)
        print(f"\n{arguments.samples} x 20, {hidden}, float32")
        for name, time_ in sorted(best.items(), key=lambda item: item[1]):
            spread = np.median(seconds[name]) / time_
            memory = peak_memory(predictors[name], X) if "engine" in name or name == "scikit-learn" else None
            words = "" if memory is None else f"{memory:8.1f} MB"
            ratios = f"{time_ / fastest:5.2f} of the fastest peer, median {spread:.2f}"
            print(f"{name:<20}{time_ * 1e3:8.1f} ms  {ratios}{words}")
        figures[str(hidden)] = {"seconds": seconds}
    report.write(arguments.json, versions=versions, figures=figures)


if __name__ == "__main__":
    main()
