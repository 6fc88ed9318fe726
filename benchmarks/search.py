"""Seconds of 80 small fits by GridSearchCV, for each engine, one after another, in threads and in processes.

    python benchmarks/search.py [--jobs N] [--repeats N] [--json FILE]

Breast cancer data, one hidden layer of 20 units, 50 epochs, 20 values of alpha and 4 folds. ``engine="auto"`` should
take about as long as the faster of the two engines. The kernel must be compiled: ``python -m skbackprop.compile``. In
processes, "first" includes the start of the workers, which import everything, and "again" uses them once more.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import time

import joblib
import numpy as np
import report
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier

ENGINES = ("numba", "auto", "numpy")


def search(engine, backend, n_jobs):
    """Return the seconds of one search."""
    X, y = load_breast_cancer(return_X_y=True)
    network = BackpropClassifier((20,), engine=engine, max_iter=50, tol=None, random_state=0)
    grid = GridSearchCV(network, {"alpha": np.logspace(-5, 0, 20)}, cv=4, refit=False, n_jobs=n_jobs)
    with joblib.parallel_config(backend):
        start = time.perf_counter()
        grid.fit(X, y)
    return time.perf_counter() - start


def first_and_again(engine, n_jobs):
    """Return the seconds of a search in new worker processes, and of another one in the same."""
    get_reusable_executor().shutdown(wait=True)
    return search(engine, "loky", n_jobs), search(engine, "loky", n_jobs)


def main():
    """Print the seconds for each engine; the contenders take turns."""
    parser = report.parser(__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments, versions = parser.parse_args(), report.versions()
    search("numba", "sequential", 1)  # loads the kernel
    seconds = {}
    for _ in range(arguments.repeats):
        for engine in ENGINES:
            first, again = first_and_again(engine, arguments.jobs)
            for name, value in (
                ("one after another", search(engine, "sequential", 1)),
                ("threads", search(engine, "threading", arguments.jobs)),
                ("processes, first", first),
                ("processes, again", again),
            ):
                seconds.setdefault(name, {}).setdefault(engine, []).append(value)
    print(f"{'':20}" + "".join(f"{engine:>16}" for engine in ENGINES) + f"{'auto / numba':>16}")
    for name, of_engines in seconds.items():
        spans = [f"{min(values):.2f} to {max(values):.2f}" for values in of_engines.values()]
        ratio = min(of_engines["auto"]) / min(of_engines["numba"])
        print(f"{name:20}" + "".join(f"{span:>16}" for span in spans) + f"{ratio:16.2f}")
    report.write(arguments.json, versions=versions, seconds=seconds)


if __name__ == "__main__":
    main()
