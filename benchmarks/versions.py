"""Time per epoch and per single sample of another checkout of this package and of this one, in one run.

    python benchmarks/versions.py OTHER_CHECKOUT [--repeats 7] [--only TEXT] [--json FILE]

One thread. Each version runs in a process of its own, and the two take turns, task by task, so that other load on the
machine slows both. A ratio is that of two minima: below 1, this version is faster.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import numpy as np
import report
from epochs import WORK, make_data, ours

from skbackprop import BackpropClassifier, BackpropRegressor

HERE = Path(__file__).resolve().parent
CALLS = 200


def tasks():
    """Return the tasks by name: a function without arguments, and the number of units that one call does."""
    made = {}
    for engine in ("numba", "numpy"):
        for name, work in WORK.items():
            made[f"{engine}: {name}"] = lambda work=work, engine=engine: ours(engine)(work, *make_data(work))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 10))
    sample = X[:1].copy()
    for estimator, y in ((BackpropRegressor, X[:, 0].copy()), (BackpropClassifier, (X[:, 0] > 0).astype(int))):
        for method in ("predict", "partial_fit"):
            made[f"one sample: {estimator.__name__} {method}"] = lambda e=estimator, m=method, y=y: single(
                e((20,), solver="sgd", max_iter=5).fit(X, y), m, sample, y[:1]
            )
    return made


def single(network, method, sample, target):
    """Return many calls of one method for one sample, and their number."""

    def predict():
        for _ in range(CALLS):
            network.predict(sample)

    def partial_fit():
        for _ in range(CALLS):
            network.partial_fit(sample, target)

    return {"predict": predict, "partial_fit": partial_fit}[method], CALLS


def work_off_requests():
    """Run a task whenever a line on the standard input names it, and print the milliseconds of one unit."""
    warnings.simplefilter("ignore")
    known, prepared = tasks(), {}
    for line in sys.stdin:
        name = line.strip()
        if name not in prepared:
            prepared.clear()
            prepared[name] = known[name]()
            prepared[name][0]()  # compile, and load everything that is loaded at first use
        run, units = prepared[name]
        start = time.perf_counter()
        run()
        print((time.perf_counter() - start) / units * 1e3, flush=True)


def start_worker(checkout):
    """Start a process that imports the package from a checkout."""
    cache = os.environ.get("NUMBA_CACHE_DIR", str(Path(checkout) / ".numba_cache"))
    return subprocess.Popen(
        [sys.executable, __file__, "--worker"],
        env=os.environ | {"PYTHONPATH": str(checkout), "NUMBA_CACHE_DIR": f"{cache}_{Path(checkout).name}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def ask(worker, name):
    """Return the milliseconds that a worker needs for one unit of a task."""
    worker.stdin.write(f"{name}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def main():
    """Print the figures of each task for both versions."""
    parser = report.parser(__doc__)
    parser.add_argument("other", help="the other checkout")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="", help="run only tasks whose name contains this text")
    arguments = parser.parse_args()
    workers = {"other": start_worker(arguments.other), "this": start_worker(HERE.parent)}
    print(f"milliseconds per epoch or call\n{'':<75}{'other':>10}{'this':>10}{'ratio':>8}")
    results = {}
    for name in tasks():
        if arguments.only not in name:
            continue
        times = {version: [] for version in workers}
        for repeat in range(arguments.repeats):
            order = list(workers) if repeat % 2 else list(workers)[::-1]
            for version in order:
                times[version].append(ask(workers[version], name))
        other, this = min(times["other"]), min(times["this"])
        print(f"{name:<75}{other:>10.4f}{this:>10.4f}{this / other:>8.3f}", flush=True)
        results[name] = times
    report.write(arguments.json, milliseconds=results)


if __name__ == "__main__":
    if "--worker" in sys.argv:
        work_off_requests()
    else:
        main()
