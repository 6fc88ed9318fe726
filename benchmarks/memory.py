"""Largest memory that a fit takes in addition to the data.

    python benchmarks/memory.py [--only TEXT] [--scale 1.0] [--json FILE]

Each case is a process of its own. X of the cases "memory map" is a file, whose pages are not counted: the figures are
anonymous memory, sampled during `fit`, above that before it. `--scale` multiplies the numbers of samples.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import ctypes
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np
import report

from skbackprop import BackpropClassifier, BackpropRegressor

MB = 1e6
BATCH = {"solver": "batch"}
#: For each case the number of samples, features and classes (0 is regression), the dtype, and parameters.
CASES = {
    "memory map 800 MB": (10_000_000, 20, 0, "float32", {}),
    "memory map 800 MB, early stopping": (10_000_000, 20, 0, "float32", {"early_stopping": True}),
    "memory map 800 MB, early stopping, 3 classes": (10_000_000, 20, 3, "float32", {"early_stopping": True}),
    "memory map 800 MB, early stopping, batch": (10_000_000, 20, 0, "float32", {"early_stopping": True} | BATCH),
    "uint8 40 MB": (2_000_000, 20, 0, "uint8", {}),
    "uint8 40 MB, early stopping": (2_000_000, 20, 0, "uint8", {"early_stopping": True}),
    "float16 80 MB": (2_000_000, 20, 0, "float16", {}),
    "10000 samples, 10000 classes": (10_000, 20, 10_000, "float32", {"hidden_layer_sizes": (100,)}),
    "2000000 samples, 10 classes, batch": (2_000_000, 20, 10, "float32", BATCH),
}


class PeakMemory:
    """A context that samples the anonymous memory of this process.

    Attributes
    ----------
    megabytes : float
        The largest, above that at the beginning.
    """

    def __enter__(self):
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that the process still has would not be counted again
        self.before = self.largest = anonymous_memory()
        self._is_over = False
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._is_over = True
        self._thread.join()
        self.megabytes = self.largest - self.before

    def _sample(self):
        while not self._is_over:
            self.largest = max(self.largest, anonymous_memory())
            time.sleep(0.001)


def anonymous_memory() -> float:
    """Return the resident memory of this process that belongs to no file, in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) * 1024 / MB


def make_data(folder, n_samples, n_features, n_classes, dtype):
    """Return X, in a file if it is of floating-point numbers of the network's dtype, and y."""
    path = os.path.join(folder, "X.npy")
    X = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (n_samples, n_features))
    y = np.empty(n_samples, np.int64 if n_classes else np.float32)
    rng = np.random.default_rng(0)
    for start in range(0, n_samples, 100_000):
        part = rng.standard_normal((min(100_000, n_samples - start), n_features), dtype=np.float32)
        samples = slice(start, start + len(part))
        X[samples] = part * 20 + 128 if dtype == "uint8" else part
        y[samples] = rng.permutation(len(part)) % n_classes if n_classes else part[:, 0] * part[:, 1]
    X.flush()
    return np.load(path, mmap_mode="r"), y


def measure(name: str, engine: str, scale: float) -> float:
    """Return the megabytes that the fit of one case takes."""
    warnings.simplefilter("ignore")
    n_samples, n_features, n_classes, dtype, params = CASES[name]
    params = {"hidden_layer_sizes": (10,), "max_iter": 2, "tol": None, "engine": engine} | params
    network = (BackpropClassifier if n_classes else BackpropRegressor)(**params)
    with tempfile.TemporaryDirectory() as folder:
        X, y = make_data(folder, int(n_samples * scale), n_features, n_classes, dtype)
        network.fit(X[:2000], y[:2000] % 3)  # allocate the memory of the libraries before the measurement
        with PeakMemory() as memory:
            network.fit(X, y)
    return memory.megabytes


def main():
    """Print the figures of each case and engine."""
    parser = report.parser(__doc__)
    parser.add_argument("--only", default="", help="run only cases whose name contains this text")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--measure", nargs=2, metavar=("CASE", "ENGINE"), help="print the figure of one case only")
    arguments = parser.parse_args()
    if arguments.measure:
        print(measure(*arguments.measure, arguments.scale))
        return
    versions = report.versions()
    megabytes = {}
    for name in CASES:
        if arguments.only not in name:
            continue
        for engine in ("numpy", "numba"):
            options = ["--measure", name, engine, "--scale", str(arguments.scale)]
            done = subprocess.run([sys.executable, __file__, *options], stdout=subprocess.PIPE, check=True, text=True)
            megabytes[f"{name}, {engine}"] = json.loads(done.stdout)
            print(f"{name + ', ' + engine:<65}{megabytes[f'{name}, {engine}']:>8.1f} MB", flush=True)
    report.write(arguments.json, versions=versions, scale=arguments.scale, megabytes=megabytes)


if __name__ == "__main__":
    main()
