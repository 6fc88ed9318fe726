"""Data larger than memory, and more than one machine: memory, time and scores, and a model of the time.

    python benchmarks/scaling.py memory --folder DIR [--samples 7500000] [--epochs 1 3]
    python benchmarks/scaling.py sorted [--samples 200000] [--seeds 3]
    python benchmarks/scaling.py sorted-file --folder DIR [--samples 7500000]
    python benchmarks/scaling.py cluster [--samples 200000] [--workers 2]
    python benchmarks/scaling.py model [--samples 200000] [--repeats 3]

Options for all of them come first: ``--json FILE`` writes the figures to a file. Tables are printed in Markdown. The
target is sin(2 b0) + b1 b2 + b3 + noise, where X = 5 + 3 b; its R² on other samples is at most .965.

memory       `fit_chunks` on .npy files with memory_budget=200, and `fit` on the same samples in memory and as a memory
             map, each in a process of its own. Memory is the largest during training above that after a small fit:
             "own" is what belongs to no file, "resident" includes pages of the file, which the system can take back.
             Times do not include loading the file into memory, but reading it in chunks or from a memory map.
             Files that are in the folder (X.npy, y.npy) are used, otherwise made.
sorted       R² or accuracy that `fit_chunks` loses against `fit` if the samples are sorted by the target, by ten
             classes or by a column, and windows have k of the K chunks. The deviation is the standard deviation that
             the mean of a window would have, in standard deviations of the target, if its chunks were drawn from all
             of them: sqrt(1/k - 1/K).
sorted-file  The same for a file sorted by the target, which is made in the folder and deleted, with the default budget.
cluster      What a round of tasks and an epoch take on a local dask cluster, and what the model expects.
model        The time of an epoch as a function of the shape: measures the constants on some shapes, predicts others,
             and prints what follows for 1e9 samples on one machine and on a hundred.

Processor time is that of all threads of the process, so it is the sum of reading and training, which overlap where a
second core is free; with a cluster, it is that of all processes. Times of epochs are the minimum over epochs and
repeats, and with a cluster the mean.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import report
from memory import MB, PeakMemory
from scipy.optimize import nnls

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.chunk_source import ChunkSource
from skbackprop.callbacks import Callback
from skbackprop.chunks import from_arrays, from_csv, from_npy, from_parquet

N_FEATURES = 100
N_TEST = 20_000
#: Samples that are made or copied at a time.
BLOCK = 100_000
#: The engine of what is measured once, which is the one for large data.
ENGINE = "numba"
#: Seeds of samples to train on and to test on; a seed of the benchmark is added.
TRAIN_SEED, TEST_SEED = 0, 10_000


# Data


def draw_causes(rng, n_samples):
    """Return the four columns that the target depends on, and the target."""
    causes = rng.standard_normal((n_samples, 4), dtype=np.float32)
    signal = np.sin(2 * causes[:, 0]) + causes[:, 1] * causes[:, 2] + causes[:, 3]
    return causes, signal + 0.3 * rng.standard_normal(n_samples, dtype=np.float32)


def complete(rng, causes, n_features):
    """Return X: the causes and columns of noise, in other units."""
    noise = rng.standard_normal((len(causes), n_features - causes.shape[1]), dtype=np.float32)
    return 3 * np.hstack([causes, noise]) + 5


def make_samples(seed, n_samples, n_features=N_FEATURES):
    """Return X in float32 and y."""
    rng = np.random.default_rng(seed)
    causes, y = draw_causes(rng, n_samples)
    return complete(rng, causes, n_features), y


def make_files(folder, n_samples, *, is_sorted=False):
    """Write X.npy and y.npy to a folder, sorted by the target or not, unless they are there; return their paths."""
    paths = Path(folder, "X.npy"), Path(folder, "y.npy")
    if all(path.exists() for path in paths):
        found = np.load(paths[0], mmap_mode="r").shape
        if found != (n_samples, N_FEATURES):
            raise ValueError(f"{paths[0]} has shape {found}, not {(n_samples, N_FEATURES)}: delete it.")
        return paths
    rng = np.random.default_rng(TRAIN_SEED)
    causes, y = draw_causes(rng, n_samples)
    if is_sorted:
        order = np.argsort(y)
        causes, y = causes[order], y[order]
    np.save(paths[1], y)
    X = np.lib.format.open_memmap(paths[0], "w+", np.float32, (n_samples, N_FEATURES))
    for start in range(0, n_samples, BLOCK):
        X[start : start + BLOCK] = complete(rng, causes[start : start + BLOCK], N_FEATURES)
    X.flush()
    return paths


# Measuring and printing


class Clock(Callback):
    """Notes what each epoch takes, in seconds of processor time or of another clock."""

    def __init__(self, now: Callable[[], float] = time.process_time):
        self.now = now
        self.seconds: list[float] = []

    def on_fit_task_begin(self, estimator, context):
        """Start."""
        if context.task_name == "epoch":
            self.began = self.now()

    def on_fit_task_end(self, estimator, context):
        """Stop."""
        if context.task_name == "epoch":
            self.seconds.append(self.now() - self.began)


def regressor(hidden=(64, 32), epochs=1, seed=0, **params):
    """Return a network that is trained for exactly these epochs."""
    return BackpropRegressor(hidden, max_iter=epochs, tol=None, random_state=seed, **params)


def print_table(header: Iterable[str], lines: Iterable[Iterable[object]]):
    """Print a table in Markdown, line by line."""
    header = list(header)
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for line in lines:
        print("| " + " | ".join(map(str, line)) + " |", flush=True)


def short(value: float) -> str:
    """Return a number with three digits."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def duration(seconds: float) -> str:
    """Return seconds in a unit that suits them."""
    if seconds < 100:
        return f"{short(seconds)} s"
    return f"{short(seconds / 60)} min" if seconds < 6000 else f"{short(seconds / 3600)} h"


# Memory


def fit_in_chunks(network, X_path, y_path):
    """Return a function that trains on the files in chunks."""
    return lambda: network.fit_chunks(from_npy(X_path, y_path), memory_budget=200)


def fit_in_memory(network, X_path, y_path):
    """Load the files into memory, and return a function that trains on them."""
    X, y = np.load(X_path), np.load(y_path)
    return lambda: network.fit(X, y)


def fit_memory_map(network, X_path, y_path):
    """Return a function that trains on a memory map of the file."""
    X, y = np.load(X_path, mmap_mode="r"), np.load(y_path, mmap_mode="r")
    return lambda: network.fit(X, y)


MEMORY_CASES = {
    "fit_chunks, memory_budget=200": fit_in_chunks,
    "fit, loaded into memory": fit_in_memory,
    "fit, memory map": fit_memory_map,
}


def measure_memory(name, epochs, paths):
    """Return the figures of one case; the process has done nothing else."""
    warnings.simplefilter("ignore")
    X, y = make_samples(TEST_SEED, N_TEST)
    regressor(engine=ENGINE).fit(X[:2000], y[:2000])  # load the kernel
    network = regressor(epochs=epochs, engine=ENGINE)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the resident memory begins anew
    resident = -status("VmRSS")
    with PeakMemory() as memory:
        train = MEMORY_CASES[name](network, *paths)
        began = time.perf_counter(), time.process_time()
        train()
        seconds, processor = time.perf_counter() - began[0], time.process_time() - began[1]
    resident += status("VmHWM")
    r2 = network.score(X, y)
    return {"seconds": seconds, "processor": processor, "own": memory.megabytes, "resident": resident, "r2": r2}


def status(key):
    """Return an entry of the status of this process in MB."""
    with open("/proc/self/status") as entries:
        return next(int(entry.split()[1]) for entry in entries if entry.startswith(key)) * 1024 / MB


def run_memory(arguments):
    """Print the memory, time and score of each case."""
    paths = make_files(arguments.folder, arguments.samples)
    if arguments.measure:
        name, epochs = arguments.measure
        print(json.dumps(measure_memory(name, int(epochs), paths)))
        return {}
    versions, results = report.versions(), {}
    print(f"\n{arguments.samples} samples x {N_FEATURES}, float32, {paths[0].stat().st_size / MB:.0f} MB\n")

    def lines():
        for name in MEMORY_CASES:
            for epochs in arguments.epochs:
                results[f"{name}, {epochs}"] = figures = in_own_process(arguments, name, epochs)
                yield (
                    name,
                    epochs,
                    *(short(figures[key]) for key in ("seconds", "processor", "own", "resident")),
                    f"{figures['r2']:.4f}",
                )

    header = ("", "epochs", "seconds", "processor seconds", "own memory, MB", "resident memory, MB", "R²")
    print_table(header, lines())
    return {"versions": versions, "samples": arguments.samples, "results": results}


def in_own_process(arguments, name, epochs):
    """Return the figures of one case, measured in a new process."""
    options = ["--folder", arguments.folder, "--samples", arguments.samples, "--measure", name, epochs]
    command = [sys.executable, __file__, "memory", *map(str, options)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


# Sorted samples

#: What the samples are sorted by. The classes are the tenths of the target.
ORDERS = ("target", "classes", "column")


def budget_for(n_together, chunk_size, n_features):
    """Return the memory budget in MB for windows of so many chunks: two windows, and a chunk that is read."""
    sample_bytes = 4 * n_features + 8
    return (2 * n_together + 2) * chunk_size * sample_bytes / MB


def lost_score(n_samples, chunk_size, together, order, seed, epochs):
    """Return the score of `fit`, and what `fit_chunks` loses with each number of chunks in a window."""
    n_features, kind = 20, BackpropRegressor
    X, y = make_samples(TRAIN_SEED + seed, n_samples, n_features)
    X_test, y_test = make_samples(TEST_SEED + seed, N_TEST, n_features)
    indices = np.argsort(X[:, 0] if order == "column" else y)
    X, y = X[indices], y[indices]
    if order == "classes":
        kind, limits = BackpropClassifier, np.quantile(y, np.linspace(0, 1, 11)[1:-1])
        y, y_test = np.digitize(y, limits), np.digitize(y_test, limits)
    params = {"hidden_layer_sizes": (64, 32), "max_iter": epochs, "tol": None, "random_state": seed}
    best = kind(**params).fit(X, y).score(X_test, y_test)
    chunks = from_arrays(X, y, chunk_size=chunk_size)
    lost = []
    for n_together in together:
        network = kind(**params)
        network.fit_chunks(chunks, memory_budget=budget_for(n_together, chunk_size, n_features))
        lost.append(best - network.score(X_test, y_test))
    return best, lost


def run_sorted(arguments):
    """Print the score lost for each order, chunk size and number of chunks in a window."""
    warnings.simplefilter("ignore")
    versions, results = report.versions(), {}
    seeds = range(arguments.seeds)

    def lines():
        for order in arguments.orders:
            for chunk_size in arguments.chunk_sizes:
                n_chunks = math.ceil(arguments.samples / chunk_size)
                together = [k for k in arguments.windows if k < n_chunks]
                found = [
                    lost_score(arguments.samples, chunk_size, together, order, seed, arguments.epochs) for seed in seeds
                ]
                best = [score for score, _ in found]
                for number, k in enumerate(together):
                    in_window = n_chunks / math.ceil(n_chunks / k)
                    deviation = math.sqrt(1 / in_window - 1 / n_chunks)
                    lost = [of_seed[number] for _, of_seed in found]
                    results[f"{order}, {n_chunks} chunks, {k}"] = {"deviation": deviation, "fit": best, "lost": lost}
                    yield (
                        order,
                        n_chunks,
                        k,
                        f"{deviation:.2f}",
                        f"{min(best):.3f}",
                        ", ".join(f"{loss:.4f}" for loss in lost),
                    )

    print(f"\n{arguments.samples} samples x 20, {arguments.epochs} epochs; lost with each of {len(seeds)} seeds\n")
    header = ("sorted by", "chunks", "in a window", "deviation", "score of fit, lowest", "lost by fit_chunks")
    print_table(header, lines())
    return {"versions": versions, "results": results}


def run_sorted_file(arguments):
    """Print the scores of `fit_chunks` with the default budget and of `fit` for a file sorted by the target."""
    versions, results = report.versions(), {}
    X_test, y_test = make_samples(TEST_SEED, N_TEST)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        X_path, y_path = make_files(folder, arguments.samples, is_sorted=True)
        cases = {
            "fit_chunks": lambda network: network.fit_chunks(from_npy(X_path, y_path)),
            "fit": lambda network: network.fit(np.load(X_path), np.load(y_path)),
            'fit, shuffle="samples"': lambda network: network.set_params(shuffle="samples").fit(
                np.load(X_path), np.load(y_path)
            ),
        }

        def lines():
            for name, fit in cases.items():
                network = regressor(epochs=arguments.epochs)
                began = time.process_time()
                with warnings.catch_warnings(record=True) as issued:
                    warnings.simplefilter("always")
                    fit(network)
                seconds = time.process_time() - began
                results[name] = {"r2": network.score(X_test, y_test), "processor": seconds}
                is_warned = any("look sorted" in str(warning.message) for warning in issued)
                yield name, f"{results[name]['r2']:.4f}", short(seconds), "yes" if is_warned else "no"

        print(f"\n{from_npy(X_path, y_path)}, {X_path.stat().st_size / MB:.0f} MB, {arguments.epochs} epochs\n")
        print_table(("", "R²", "processor seconds", "warns that the chunks look sorted"), lines())
    return {"versions": versions, "results": results}


# The model of the time


class Mode(NamedTuple):
    """A way to train; with "batch", the gradients of chunks and partitions are numpy's with either engine."""

    engine: str
    dtype: str
    solver: str


MODES = {
    "mini-batches, numba, float32": Mode("numba", "float32", "minibatch"),
    "mini-batches, numba, float64": Mode("numba", "float64", "minibatch"),
    "mini-batches, numpy, float32": Mode("numpy", "float32", "minibatch"),
    "mini-batches, numpy, float64": Mode("numpy", "float64", "minibatch"),
    "full batch, float32": Mode("numpy", "float32", "batch"),
    "full batch, float64": Mode("numpy", "float64", "batch"),
}
#: Columns and hidden layers from which the constants follow, and of those that are predicted.
MEASURED = [(20, (50,)), (100, (64, 32)), (50, (100,)), (100, (256, 128)), (600, (256,)), (100, (20,))]
PREDICTED = [(20, (64, 32)), (50, (32, 32, 32)), (200, (128, 64)), (400, (64, 32)), (784, (256, 128))]
#: Numbers of X in the data of a shape.
N_NUMBERS = 2_000_000
#: What default parameters have from 4096 samples on.
BATCH_SIZE = 64
#: Samples in a row group of a Parquet file: about 1 MB and 16 MB as pandas has them in float64.
ROW_GROUPS = (1310, 20_000)
#: Evaluations of the gradient in an iteration of L-BFGS.
EVALUATIONS = 1.1


class Costs(NamedTuple):
    """Microseconds of processor time for a sample: the sum of a constant and of what units and weights take."""

    constant: float
    unit: float
    weight: float

    def microseconds(self, columns, hidden):
        """Return what a sample takes in an epoch."""
        return self.constant + self.unit * n_units(columns, hidden) + self.weight * n_weights(columns, hidden)


def n_units(columns, hidden):
    """Return the number of columns, which are standardized, and of units, which are activated."""
    return columns + sum(hidden)


def n_weights(columns, hidden):
    """Return the number of weights of a regression with one target."""
    return sum(a * b for a, b in pairwise((columns, *hidden, 1)))


def epoch_seconds(mode, X, y, hidden, epochs=4):
    """Return the processor time of the fastest epoch."""
    clock = Clock()
    params = {"engine": mode.engine, "solver": mode.solver, "batch_size": BATCH_SIZE, "alpha": 1e-5}
    regressor(hidden, epochs, **params).set_callbacks(clock).fit(X, y)
    return min(clock.seconds)


def measure_shapes(shapes, repeats, n_numbers):
    """Return the microseconds that a sample of each mode and shape takes in an epoch."""
    found = {name: [math.inf] * len(shapes) for name in MODES}
    for _ in range(repeats):
        for number, (columns, hidden) in enumerate(shapes):
            n_samples = min(max(n_numbers // columns, 4 * BATCH_SIZE), 20_000)
            X, y = make_samples(TRAIN_SEED, n_samples, columns)
            for name, mode in MODES.items():
                taken = epoch_seconds(mode, X.astype(mode.dtype), y, hidden) / n_samples * 1e6
                found[name][number] = min(found[name][number], taken)
    return found


def fit_costs(shapes, microseconds):
    """Return the costs, none below 0, with the smallest relative errors."""
    microseconds = np.array(microseconds)
    terms = np.array([(1, n_units(*shape), n_weights(*shape)) for shape in shapes], np.float64)
    solution, _ = nnls(terms / microseconds[:, np.newaxis], np.ones(len(shapes)))
    return Costs(*solution.tolist())


def measure_reading(sources, n_samples):
    """Return the nanoseconds of processor time for each number of X that is read, validated and copied, by source."""
    found = {}
    for name, (chunks, path) in sources.items():
        read_all(chunks, n_samples)
        seconds = []
        for _ in range(3):
            began = time.process_time()
            read_all(chunks, n_samples)
            seconds.append(time.process_time() - began)
        n_numbers = n_samples * N_FEATURES
        found[name] = {
            "nanoseconds": min(seconds) / n_numbers * 1e9,
            "megabytes": path.stat().st_size / MB / min(seconds),
            "from disk": path.stat().st_size / MB / seconds_from_disk(chunks, path, n_samples),
        }
    return found


def write_sources(folder, n_samples):
    """Return chunks of the same samples in files of each kind, and the file of X."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    X, y = make_samples(TRAIN_SEED, n_samples)
    X_path, y_path, csv_path = (Path(folder, name) for name in ("X.npy", "y.npy", "samples.csv"))
    np.save(X_path, X)
    np.save(y_path, y)
    table = pa.table({f"x{j}": X[:, j] for j in range(X.shape[1])} | {"y": y})
    csv.write_csv(table, csv_path)
    sources = {"from_npy": (from_npy(X_path, y_path), X_path)}
    for size in ROW_GROUPS:
        path = Path(folder, f"samples_{size}.parquet")
        parquet.write_table(table, path, row_group_size=size)
        sources[f"from_parquet, row groups of {size}"] = from_parquet(path, "y"), path
    return sources | {"from_csv": (from_csv(csv_path, "y"), csv_path)}


def read_all(chunks, n_samples):
    """Read all chunks, in a random order if they have one, as `fit_chunks` reads a window."""
    order = None if callable(chunks) else np.random.default_rng(0).permutation(len(chunks))
    window, n_read = None, 0
    for _, chunk in ChunkSource(chunks, BackpropRegressor).read(order):
        if window is None:
            window = np.empty((n_samples, chunk.X.shape[1]), chunk.X.dtype)
        window[n_read : n_read + chunk.n_samples] = chunk.X
        n_read += chunk.n_samples
    if n_read != n_samples:
        raise ValueError(f"{chunks!r} has {n_read} samples instead of {n_samples}.")


def seconds_from_disk(chunks, path, n_samples):
    """Return the time to read chunks of a file that the system no longer has in memory."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    began = time.perf_counter()
    read_all(chunks, n_samples)
    return time.perf_counter() - began


def measure_chunks(sources, n_samples, hidden):
    """Return what `fit_chunks` takes for a sample from each source: before the first epoch, and in an epoch."""
    found = {}
    for name, (chunks, _) in sources.items():
        clock = Clock()
        network = regressor(hidden, 3, engine=ENGINE, alpha=1e-5).set_callbacks(clock)
        began = time.process_time()
        network.fit_chunks(chunks, memory_budget=4 * n_samples * N_FEATURES / MB / 2)
        before = time.process_time() - began - sum(clock.seconds)
        found[name] = {"before": before / n_samples * 1e6, "epoch": min(clock.seconds) / n_samples * 1e6}
    return found


class Cluster(NamedTuple):
    """What the model of a cluster needs to know; how long client and scheduler take is from `cluster`."""

    n_machines: int = 100
    gigabits: float = 10.0
    partition_megabytes: float = 256.0
    round_seconds: float = 0.0145
    task_seconds: float = 0.0013
    client_megabytes: float = 320.0  # what the client sends or takes in a second

    def n_partitions(self, n_samples):
        """Return the number of partitions of float32 samples; each machine has at least one."""
        return max(self.n_machines, math.ceil(n_samples * N_FEATURES * 4 / MB / self.partition_megabytes))

    def transfer_seconds(self, n_bytes):
        """Return the time that bytes take to or from the client."""
        return n_bytes / (self.gigabits * 1e9 / 8) + n_bytes / MB / self.client_megabytes

    def exact_seconds(self, n_samples, costs, shape):
        """Return the time of an update, or of an evaluation, with the gradients of all partitions.

        All partitions work at once; each gets the weights in float32 and returns the gradient in float64.
        """
        n_partitions = self.n_partitions(n_samples)
        on_a_machine = math.ceil(n_partitions / self.n_machines) * n_samples / n_partitions
        compute = on_a_machine * costs.microseconds(*shape) / 1e6
        return compute + self.round_trip_seconds(n_partitions, n_weights(*shape) * (4 + 8))

    def round_trip_seconds(self, n_partitions, n_bytes):
        """Return what a round takes besides computing, if each partition gets and returns bytes."""
        return self.round_seconds + n_partitions * self.task_seconds + self.transfer_seconds(n_partitions * n_bytes)

    def sequential_seconds(self, n_samples, costs, shape):
        """Return the time of an epoch of mini-batches: one machine after another works, a round for each partition.

        The weights and both vectors of Adam go there and back.
        """
        n_partitions = self.n_partitions(n_samples)
        compute = n_samples * costs.microseconds(*shape) / 1e6
        return compute + n_partitions * self.round_trip_seconds(1, n_weights(*shape) * 4 * 3 * 2)


def run_model(arguments):
    """Print the constants, how well they predict other shapes, and what follows for large data."""
    warnings.simplefilter("ignore")
    versions = report.versions()
    shapes = MEASURED + PREDICTED
    microseconds = measure_shapes(shapes, arguments.repeats, arguments.numbers)
    costs = {name: fit_costs(MEASURED, found[: len(MEASURED)]) for name, found in microseconds.items()}
    print_costs(costs)
    print_ratios(costs, microseconds)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        sources = write_sources(folder, arguments.samples)
        reading = measure_reading(sources, arguments.samples)
        print_reading(reading)
        in_chunks = measure_chunks(sources, arguments.samples, (64, 32))
    print_epochs_from_files(costs, reading, in_chunks)
    print_large(costs, reading, arguments)
    return {
        "versions": versions,
        "shapes": shapes,
        "microseconds": microseconds,
        "costs": {name: found._asdict() for name, found in costs.items()},
        "reading": reading,
        "in chunks": in_chunks,
    }


def print_costs(costs):
    """Print the constants of each mode."""
    print(
        "\nNanoseconds of processor time in an epoch: for a sample, and in addition for each of its columns and units, "
        "and for each weight\n"
    )
    lines = [(name, *(short(1000 * value) for value in found)) for name, found in costs.items()]
    print_table(("", "sample", "column or unit", "weight"), lines)


def print_ratios(costs, microseconds):
    """Print measured times of shapes that the constants do not come from, and predicted over measured time."""
    print("\nMicroseconds measured for a sample in an epoch, and in brackets the prediction over it\n")

    def cells(name):
        for shape, measured in zip(PREDICTED, microseconds[name][len(MEASURED) :], strict=True):
            yield f"{short(measured)} ({costs[name].microseconds(*shape) / measured:.2f})"

    header = ("", *(f"{columns} columns, {hidden}" for columns, hidden in PREDICTED))
    print_table(header, [(name, *cells(name)) for name in MODES])


def print_reading(reading):
    """Print what reading takes."""
    print("\nReading, validating and copying to a window; MB are those of the file of X\n")
    header = ("", "ns for a number", "MB/s, one core", "MB/s if not in memory")
    keys = ("nanoseconds", "megabytes", "from disk")
    print_table(header, [(name, *(short(found[key]) for key in keys)) for name, found in reading.items()])


def print_epochs_from_files(costs, reading, in_chunks):
    """Print the measured and predicted time of an epoch of `fit_chunks`, and the time before the first."""
    print("\nfit_chunks, 100 columns, (64, 32), a fixed alpha: microseconds of processor time for a sample\n")

    def lines():
        for name, measured in in_chunks.items():
            # pandas reads CSV in float64
            training = costs["mini-batches, numba, " + ("float64" if name == "from_csv" else "float32")]
            read = reading[name]["nanoseconds"] * N_FEATURES / 1000
            predicted = training.microseconds(N_FEATURES, (64, 32)) + read
            ratio = f"{predicted / measured['epoch']:.2f}"
            yield name, *map(short, (measured["before"], measured["epoch"], predicted, read)), ratio

    print_table(("", "before the first epoch", "epoch", "predicted", "of it reading", "predicted / measured"), lines())


def print_large(costs, reading, arguments):
    """Print what the model predicts for one machine and for a cluster."""
    n_samples, cluster = arguments.large, Cluster(arguments.machines, arguments.gigabits)
    minibatch, full = costs["mini-batches, numba, float32"], costs["full batch, float32"]
    n_bytes = n_samples * N_FEATURES * 4
    read_seconds = max(n_samples * N_FEATURES * reading["from_npy"]["nanoseconds"] / 1e9, n_bytes / MB / arguments.disk)
    print(
        f"\nPredicted for {n_samples:.0e} samples x {N_FEATURES}, float32, {n_bytes / 1e9:.0f} GB: one machine with a "
        f"disk that reads {arguments.disk:g} MB/s, and {cluster.n_machines} machines with one core each and "
        f"{cluster.gigabits:g} Gbit/s, {cluster.n_partitions(n_samples)} partitions\n"
    )

    def lines():
        for hidden in ((64, 32), (256, 128)):
            shape = N_FEATURES, hidden
            one_machine = max(n_samples * minibatch.microseconds(*shape) / 1e6, read_seconds)
            exact = cluster.exact_seconds(n_samples, full, shape)
            alone = max(n_samples * full.microseconds(*shape) / 1e6, read_seconds)
            average = cluster.exact_seconds(n_samples, minibatch, shape)  # a round, too: weights go there and back
            network = f"{hidden}, {n_weights(*shape)} weights"
            yield network, "one machine from disk, mini-batches", "epoch", duration(one_machine)
            yield (
                network,
                "cluster, mini-batches one machine after another",
                "epoch",
                duration(cluster.sequential_seconds(n_samples, minibatch, shape)),
            )
            yield network, "cluster, mini-batches averaged after each epoch", "epoch", duration(average)
            yield network, "one machine from disk, full batch", "update", duration(alone)
            yield network, "cluster, full batch", "update", duration(exact)
            overhead = exact - n_samples / cluster.n_machines * full.microseconds(*shape) / 1e6
            yield network, "of it not computing", "update", duration(overhead)
            yield network, "cluster, full batch", "100 L-BFGS iterations", duration(100 * EVALUATIONS * exact)

    print_table(("network", "how", "what", "time"), lines())


# A cluster


def run_cluster(arguments):
    """Print what rounds and epochs take on a local cluster."""
    try:
        from distributed import Client, LocalCluster

        import skbackprop.dask  # noqa: F401
    except ImportError as error:
        print(f"skipped: {error}")
        return {}
    warnings.simplefilter("ignore")
    versions = report.versions()
    options = {"n_workers": arguments.workers, "threads_per_worker": 1, "processes": arguments.processes}
    with LocalCluster(**options, dashboard_address=None) as local, Client(local) as client:
        client.wait_for_workers(arguments.workers)
        rounds = measure_rounds(client, arguments.partitions, arguments.rounds)
        print_rounds(rounds)
        epochs = measure_cluster_epochs(client, arguments, rounds)
    return {"versions": versions, "rounds": rounds, "epochs": epochs}


def dask_regressor(client, hidden, epochs, **params):
    """Return a network for dask arrays."""
    from skbackprop.dask import DaskBackpropRegressor

    params = {"alpha": 1e-5, "tol": None, "random_state": 0} | params
    return DaskBackpropRegressor(hidden, client=client, max_iter=epochs, **params)


def as_dask(X, y, n_partitions):
    """Return X and y as dask arrays."""
    import dask.array as da

    size = math.ceil(len(y) / n_partitions)
    return da.from_array(X, chunks=(size, -1)), da.from_array(y, chunks=size)


def processor_times():
    """Return the processor time of this process, which has the client and the scheduler, and that of the workers."""
    workers = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return np.array([time.process_time(), sum(times.user + times.system for times in workers)])


def seconds_on_cluster(network, X, y):
    """Return the mean processor time of an epoch, here and on the workers."""
    clock = Clock(processor_times)
    network.set_callbacks(clock).fit(X, y)
    return np.mean(clock.seconds, axis=0).tolist()


def measure_rounds(client, numbers, n_rounds):
    """Return the time of an update with all samples, on partitions so small that there is nothing to compute."""
    found = []
    for hidden in ((5,), (256, 128)):
        for n_partitions in numbers:
            X, y = make_samples(TRAIN_SEED, 20 * n_partitions, N_FEATURES)
            network = dask_regressor(client, hidden, n_rounds, solver="batch")
            found.append((hidden, n_partitions, *seconds_on_cluster(network, *as_dask(X, y, n_partitions))))
    return found


def round_costs(rounds):
    """Return the seconds of a round, of a task, and of a byte that a task gets or returns; here, and with workers.

    A task gets the weights in float32 and returns the gradient in float64.
    """
    terms = np.array([(1, n, n * 12 * n_weights(N_FEATURES, hidden)) for hidden, n, *_ in rounds], np.float64)
    here = np.array([seconds for *_, seconds, _ in rounds])
    everywhere = here + [seconds for *_, seconds in rounds]
    return [nnls(terms / seconds[:, np.newaxis], np.ones(len(seconds)))[0].tolist() for seconds in (here, everywhere)]


def print_rounds(rounds):
    """Print the time of rounds, and the constants that follow."""
    print("\nAn update with the gradients of all partitions, nothing to compute: milliseconds of processor time\n")
    lines = [
        (n_weights(N_FEATURES, hidden), n, short(1000 * here), short(1000 * on_workers))
        for hidden, n, here, on_workers in rounds
    ]
    print_table(("weights", "partitions", "client and scheduler", "workers"), lines)
    of_round, of_task, of_byte = round_costs(rounds)[0]
    print(
        f"\nClient and scheduler: {1000 * of_round:.1f} ms for a round, {1000 * of_task:.2f} ms for a task, and a "
        f"second for {1 / max(of_byte, 1e-15) / MB:.0f} MB that tasks get and return"
    )


def measure_cluster_epochs(client, arguments, rounds):
    """Print and return the measured and predicted processor time of an epoch of each kind."""
    hidden, n_partitions = (64, 32), arguments.partitions[0]
    X, y = make_samples(TRAIN_SEED, arguments.samples)
    X_test, y_test = make_samples(TEST_SEED, N_TEST)
    arrays = as_dask(X, y, n_partitions)
    of_round, of_task, of_byte = round_costs(rounds)[1]
    average = {"engine": ENGINE, "strategy": "average"}
    kinds = {  # parameters, rounds, tasks in a round, and bytes for each weight
        "full batch": ({"solver": "batch"}, 1, n_partitions, 12),
        "mini-batches, sequential": ({"engine": ENGINE}, n_partitions, 1, 24),
        "mini-batches, average": (average, 1, n_partitions, 16),
    }
    found = {}

    def lines():
        for name, (params, n_rounds, n_tasks, bytes_per_weight) in kinds.items():
            mode = MODES["full batch, float32" if name == "full batch" else "mini-batches, numba, float32"]
            compute = epoch_seconds(mode, X, y, hidden)
            sent = n_tasks * bytes_per_weight * n_weights(N_FEATURES, hidden)
            predicted = compute + n_rounds * (of_round + n_tasks * of_task + sent * of_byte)
            network = dask_regressor(client, hidden, arguments.epochs, **params)
            measured = sum(seconds_on_cluster(network, *arrays))
            r2 = network.to_local().score(X_test, y_test)
            found[name] = {"measured": measured, "predicted": predicted, "compute": compute, "r2": r2}
            milliseconds = [short(1000 * seconds) for seconds in (measured, predicted, compute)]
            yield name, *milliseconds, f"{predicted / measured:.2f}", f"{r2:.3f}"

    print(
        f"\n{arguments.samples} samples x {N_FEATURES}, {hidden}, {n_partitions} partitions, {arguments.workers} "
        f"workers: milliseconds of processor time of an epoch on all of them, and R² after {arguments.epochs} epochs\n"
    )
    print_table(("", "measured", "predicted", "of it computing", "predicted / measured", "R²"), lines())
    return found


def make_parser():
    """Return the parser of the command line."""
    parser = report.parser(__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, samples):
        made = commands.add_parser(name, help=run.__doc__)
        made.set_defaults(run=run)
        made.add_argument("--samples", type=int, default=samples)
        return made

    memory = command("memory", run_memory, 7_500_000)
    memory.add_argument("--folder", required=True, help="where X.npy and y.npy are, or are to be written")
    memory.add_argument("--epochs", type=int, nargs="+", default=[1, 3])
    memory.add_argument("--measure", nargs=2, metavar=("CASE", "EPOCHS"), help="print the figures of one case only")
    sorted_samples = command("sorted", run_sorted, 200_000)
    sorted_samples.add_argument("--seeds", type=int, default=3)
    sorted_samples.add_argument("--orders", nargs="+", choices=ORDERS, default=ORDERS)
    sorted_samples.add_argument("--epochs", type=int, default=10)
    sorted_samples.add_argument("--chunk-sizes", type=int, nargs="+", default=[1000, 10_000])
    sorted_samples.add_argument("--windows", type=int, nargs="+", default=[2, 4, 8, 16, 32], help="chunks in a window")
    sorted_file = command("sorted-file", run_sorted_file, 7_500_000)
    sorted_file.add_argument("--folder", required=True, help="where there is space for the file")
    sorted_file.add_argument("--epochs", type=int, default=3)
    cluster = command("cluster", run_cluster, 200_000)
    cluster.add_argument("--workers", type=int, default=2)
    cluster.add_argument("--partitions", type=int, nargs="+", default=[8, 32, 128])
    cluster.add_argument("--rounds", type=int, default=20)
    cluster.add_argument("--epochs", type=int, default=10)
    cluster.add_argument("--processes", action=argparse.BooleanOptionalAction, default=True)
    model = command("model", run_model, 200_000)
    model.add_argument("--folder", help="where to write files to read, about 5 times 400 bytes for a sample")
    model.add_argument("--repeats", type=int, default=3)
    model.add_argument("--numbers", type=int, default=N_NUMBERS, help="numbers of X in the data of a shape")
    model.add_argument("--large", type=float, default=1e9, help="number of samples to predict for")
    model.add_argument("--machines", type=int, default=100)
    model.add_argument("--gigabits", type=float, default=10.0)
    model.add_argument("--disk", type=float, default=1000.0, help="MB/s of the disk of the machine without a cluster")
    return parser


def main():
    """Run one of the commands."""
    arguments = make_parser().parse_args()
    report.write(arguments.json, **arguments.run(arguments))


if __name__ == "__main__":
    main()
