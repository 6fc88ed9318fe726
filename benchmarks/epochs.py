"""Milliseconds per training epoch: both engines, scikit-learn, PyTorch and JAX, and the matrix products alone.

    python benchmarks/epochs.py [--repeats 5] [--only TEXT] [--json FILE]

One thread, pinned to one core. All contenders do the same work: the same shapes, batch size, optimizer and dtype, with
samples shuffled in each epoch. In each repeat they take turns, so that other load on the machine slows all of them; a
figure is the minimum over repeats, a ratio that of two minima. Contenders that are not installed are skipped with a
message. The time is that of a whole `fit` divided by its epochs, so it includes validation and weight initialization.
The matrix products are numpy's, into preallocated arrays, with nothing between them.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # JAX gets its number of threads from this only

import time
import warnings
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import report
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor


class Work(NamedTuple):
    """A training task; `classes=0` is regression."""

    samples: int
    columns: int
    hidden: tuple
    classes: int
    batch_size: int
    optimizer: str
    dtype: str
    epochs: int  # in one of our fits, so that the constant cost of a fit has little weight
    activation: str = "relu"


WORK = {
    "20000 x 20, (100,), 2 classes, batch 32, f32": Work(20_000, 20, (100,), 2, 32, "adam", "float32", 20),
    "20000 x 20, (100,), 2 classes, batch 200, f32": Work(20_000, 20, (100,), 2, 200, "adam", "float32", 30),
    "20000 x 784, (256, 128), 10 classes, batch 200, f32": Work(20_000, 784, (256, 128), 10, 200, "adam", "float32", 2),
    "20000 x 20, (100,), 2 classes, batch 32, f64": Work(20_000, 20, (100,), 2, 32, "adam", "float64", 20),
    "5000 x 10, (20,), regression, batch 1, f64": Work(5_000, 10, (20,), 0, 1, "gd", "float64", 50),
    "5000 x 10, (100,), regression, batch 1, f32": Work(5_000, 10, (100,), 0, 1, "gd", "float32", 50),
    "100000 x 50, (100,), regression, full batch, f32": Work(100_000, 50, (100,), 0, 100_000, "adam", "float32", 10),
}
for activation in ("tanh", "logistic", "gelu", "silu"):
    for size in (32, 200):
        WORK[f"20000 x 20, (100,), 2 classes, batch {size}, f32, {activation}"] = Work(
            20_000, 20, (100,), 2, size, "adam", "float32", 20, activation
        )
MLP_OPTIMIZERS = {"adam": {"solver": "adam"}, "gd": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}}


def make_data(work):
    """Return inputs and a target that depends on two of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(work.samples, work.columns)).astype(work.dtype)
    signal = X[:, 0] + np.sin(X[:, 1])
    if not work.classes:
        return X, signal
    return X, np.digitize(signal, np.quantile(signal, np.arange(1, work.classes) / work.classes))


def ours(engine):
    """Return a contender: our estimator with one engine."""

    def make(work, X, y):
        solver = {1: "sgd", work.samples: "batch"}.get(work.batch_size, "minibatch")
        network = (BackpropClassifier if work.classes else BackpropRegressor)(
            work.hidden,
            activation=work.activation,
            solver=solver,
            optimizer=work.optimizer,
            batch_size=work.batch_size,
            max_iter=work.epochs,
            tol=None,
            standardize=False,  # the other packages do not standardize
            early_stopping=False,
            engine=engine,
            random_state=0,
        )
        return lambda: network.fit(X, y), work.epochs

    return make


def scikit_learn(work, X, y):
    """Return scikit-learn's MLP."""
    epochs = 2
    network = (MLPClassifier if work.classes else MLPRegressor)(
        hidden_layer_sizes=work.hidden,
        activation=work.activation,
        batch_size=work.batch_size,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=0,
        **MLP_OPTIMIZERS[work.optimizer],
    )
    if work.activation not in ("relu", "tanh", "logistic"):
        return None
    return lambda: network.fit(X, y), epochs


def products(work, X, y):
    """Return the matrix products of an epoch: forward, gradients, and deltas of all layers but the first."""
    rng = np.random.default_rng(0)
    sizes = [work.columns, *work.hidden, 1 if work.classes in (0, 2) else work.classes]
    layers = [rng.normal(size=(work.batch_size, size)).astype(work.dtype) for size in sizes]
    weights = [rng.normal(size=shape).astype(work.dtype) for shape in pairwise(sizes)]
    out, gradients = [np.empty_like(a) for a in layers], [np.empty_like(W) for W in weights]

    def epoch():
        for _ in range(-(-work.samples // work.batch_size)):
            for level, W in enumerate(weights):
                np.dot(layers[level], W, out=out[level + 1])
            for level in reversed(range(len(weights))):
                np.dot(layers[level].T, layers[level + 1], out=gradients[level])
                if level:
                    np.dot(layers[level + 1], weights[level].T, out=out[level])

    return epoch, 1


def pytorch(work, X, y):
    """Return PyTorch in eager mode, written as in its tutorials, with the data set in memory."""
    import torch

    torch.set_num_threads(1)
    kinds = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "logistic": torch.nn.Sigmoid}
    kinds |= {"gelu": torch.nn.GELU, "silu": torch.nn.SiLU}
    inputs = torch.from_numpy(X)
    target = torch.from_numpy(y if work.classes > 2 else y.astype(work.dtype)[:, np.newaxis])
    sizes = [work.columns, *work.hidden, target.shape[1] if work.classes <= 2 else work.classes]
    parts = []
    for fan_in, fan_out in pairwise(sizes):
        parts += [torch.nn.Linear(fan_in, fan_out, dtype=inputs.dtype), kinds[work.activation]()]
    network = torch.nn.Sequential(*parts[:-1])
    loss = {0: torch.nn.MSELoss, 2: torch.nn.BCEWithLogitsLoss}.get(work.classes, torch.nn.CrossEntropyLoss)()
    make_optimizer = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
    optimizer = make_optimizer(network.parameters(), lr=1e-3)

    def epoch():
        order = torch.randperm(work.samples)
        for start in range(0, work.samples, work.batch_size):
            batch = order[start : start + work.batch_size]
            optimizer.zero_grad()
            loss(network(inputs[batch]), target[batch]).backward()
            optimizer.step()

    return epoch, 1


def jax_scan(work, X, y):
    """Return JAX with the whole epoch compiled, as a scan over batches in jit."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", work.dtype == "float64")
    kinds = {"relu": jax.nn.relu, "tanh": jnp.tanh, "logistic": jax.nn.sigmoid, "silu": jax.nn.silu}
    activation = (kinds | {"gelu": lambda z: jax.nn.gelu(z, approximate=False)})[work.activation]
    rng = np.random.default_rng(0)
    outputs = 1 if work.classes in (0, 2) else work.classes
    shapes = list(pairwise([work.columns, *work.hidden, outputs]))
    weights = [(rng.normal(0, 0.1, shape).astype(work.dtype), np.zeros(shape[1], work.dtype)) for shape in shapes]
    inputs = jnp.asarray(X)
    target = jnp.asarray(y if work.classes > 2 else y.astype(work.dtype)[:, np.newaxis])
    n_batches = work.samples // work.batch_size

    def loss(weights, X, y):
        for W, b in weights[:-1]:
            X = activation(X @ W + b)
        raw = X @ weights[-1][0] + weights[-1][1]
        if work.classes == 0:
            return jnp.mean((raw - y) ** 2)
        if work.classes == 2:
            return jnp.mean(jnp.logaddexp(0, raw) - y * raw)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(raw), y[:, None], axis=1))

    def adam(weight, gradient, m, v, t):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        return weight - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v

    def update(state, batch):
        weights, m, v, t = state
        gradient = jax.grad(loss)(weights, inputs[batch], target[batch])
        if work.optimizer == "gd":
            return (jax.tree.map(lambda w, g: w - 1e-3 * g, weights, gradient), m, v, t + 1), None
        new = jax.tree.map(lambda w, g, m, v: adam(w, g, m, v, t + 1), weights, gradient, m, v)
        weights, m, v = (jax.tree.map(lambda leaf, k=k: leaf[k], new, is_leaf=is_triple) for k in range(3))
        return (weights, m, v, t + 1), None

    def is_triple(node):
        return isinstance(node, tuple) and len(node) == 3

    @jax.jit
    def epoch(state, order):
        order = order[: n_batches * work.batch_size]
        return jax.lax.scan(update, state, order.reshape(n_batches, work.batch_size))[0]

    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = [(weights, zeros, zeros, jnp.asarray(0.0, work.dtype))]

    def run():
        state[0] = jax.block_until_ready(epoch(state[0], rng.permutation(work.samples)))  # jax.random takes longer

    return run, 1


CONTENDERS = {
    "products": products,
    "numpy": ours("numpy"),
    "numba": ours("numba"),
    "sklearn": scikit_learn,
    "torch": pytorch,
    "jax": jax_scan,
}


def installed():
    """Return the installed contenders and print which are missing."""
    available = dict(CONTENDERS)
    for name, module in (("numba", "numba"), ("torch", "torch"), ("jax", "jax")):
        try:
            __import__(module)
        except ImportError:
            print(f"{module} is not installed: skipped")
            del available[name]
    return available


def measure(work, contenders, repeats):
    """Return the milliseconds of each contender in each repeat."""
    X, y = make_data(work)
    runs = {name: made for name, make in contenders.items() if (made := make(work, X, y)) is not None}
    for name, (run, _) in runs.items():
        if name != "sklearn":
            run()  # compile, and load everything that is loaded at first use
    times = {name: [] for name in runs}
    for _ in range(repeats):
        for name, (run, epochs) in runs.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) / epochs * 1e3)
    return times


def main():
    """Print the figures of each task."""
    parser = report.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="run only tasks whose name contains this text")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions, contenders = report.versions(), installed()
    print(f"milliseconds per epoch, and below them the ratio to the numba engine\n{'':<60}", end="")
    print("".join(f"{name:>10}" for name in contenders))
    results = {}
    for name, work in WORK.items():
        if arguments.only not in name:
            continue
        times = measure(work, contenders, arguments.repeats)
        best = {contender: min(values) for contender, values in times.items()}
        base = best.get("numba", best["numpy"])
        print(f"{name:<60}" + "".join(f"{best.get(contender, np.nan):>10.2f}" for contender in contenders))
        print(f"{'':<60}" + "".join(f"{best.get(contender, np.nan) / base:>10.2f}" for contender in contenders))
        results[name] = times
    report.write(arguments.json, versions=versions, milliseconds=results)


if __name__ == "__main__":
    main()
