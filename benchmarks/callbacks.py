"""Microseconds per epoch that callbacks add: no callback, one that does nothing, and the available ones.

    python benchmarks/callbacks.py [--repeats 7] [--json FILE]

One thread. The cost without callbacks is measured separately, as that of the two checks for an observer in each epoch.
The other figures are differences from a fit without callbacks, using the minimum over repeats of each.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import tempfile
import time
import timeit
from types import SimpleNamespace

import numpy as np
import report
from sklearn.callback import ScoringMonitor

from skbackprop import BackpropRegressor
from skbackprop._training.trainer import Trainer
from skbackprop.callbacks import Checkpoint, EarlyStopping, LossRecorder

EPOCHS = 300


class Nothing:
    """A callback that does nothing."""

    def setup(self, estimator, context):
        """Do nothing."""

    teardown = on_fit_task_begin = on_fit_task_end = setup


def no_callback():
    """Return the microseconds of the two checks for an observer, one before and one after an epoch."""
    trainer, calls = SimpleNamespace(_observer=None, state=None), 100_000
    before = timeit.timeit(lambda: Trainer._begin_epoch(trainer), number=calls)
    after = timeit.timeit(lambda: trainer._observer is not None and trainer._observer.on_epoch_end(None), number=calls)
    return (before + after) / calls * 1e6


def main():
    """Print a line for each callback."""
    parser = report.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    versions = report.versions()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    y = X[:, 0] + 0.1 * rng.normal(size=200)
    with tempfile.TemporaryDirectory() as folder:
        callbacks = {
            "without": None,
            "does nothing": Nothing(),
            "LossRecorder": LossRecorder(),
            "ScoringMonitor (200 samples)": ScoringMonitor(scoring="r2"),
            "EarlyStopping (200 samples)": EarlyStopping(X, y, patience=EPOCHS),
            "Checkpoint": Checkpoint(f"{folder}/network.joblib"),
            "Checkpoint(every=10)": Checkpoint(f"{folder}/network.joblib", every=10),
        }
        times = {name: [] for name in callbacks}
        for _ in range(arguments.repeats):
            for name, callback in callbacks.items():
                network = BackpropRegressor((20,), max_iter=EPOCHS, tol=None, engine="numpy", random_state=0)
                if callback is not None:
                    network.set_callbacks(callback)
                start = time.perf_counter()
                network.fit(X, y)
                times[name].append((time.perf_counter() - start) / EPOCHS * 1e6)
    least = {name: min(values) for name, values in times.items()}
    nothing = min(no_callback() for _ in range(arguments.repeats))
    print(f"an epoch of 200 samples takes {least['without']:.0f} us; callbacks add, in us:")
    print(f"{'none':<28}{nothing:8.2f}")
    for name in list(callbacks)[1:]:
        print(f"{name:<28}{least[name] - least['without']:8.1f}")
    report.write(arguments.json, versions=versions, microseconds=times, none_set=nothing)


if __name__ == "__main__":
    main()
