"""Microseconds of one sample by kind of input, for this package and for scikit-learn's MLP, and for river's wrapper.

    python benchmarks/single_samples.py [--repeats 9] [--only TEXT] [--json FILE]

One thread. Networks and kinds of input take turns; a figure is the minimum over repeats. The ratio to the array is that
of our own times; the last column says how many times as long scikit-learn takes for the same input.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import time
import warnings
from functools import partial
from importlib.util import find_spec

import numpy as np
import report
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

CALLS = 200
NAMES = [f"feature {i}" for i in range(10)]
ARRAY = "C-ordered float64 array"


def samples(values, pandas, polars):
    """Return one sample in each kind of input."""
    column = np.asfortranarray(np.tile(values, (5, 1)))
    made = {
        ARRAY: values[np.newaxis],
        "float32 array": values[np.newaxis].astype(np.float32),
        "float16 array": values[np.newaxis].astype(np.float16),
        "int64 array": np.rint(values[np.newaxis]).astype(np.int64),
        "uint8 array": np.abs(np.rint(values[np.newaxis])).astype(np.uint8),
        "bool array": values[np.newaxis] > 0,
        "sample of a Fortran-ordered array": column[:1],
        "every other column": np.repeat(values, 2)[np.newaxis, ::2],
        "nested list": [values.tolist()],
        "nested tuple": (tuple(values.tolist()),),
        "list of an array": [values],
        "list of integers": [np.rint(values).astype(int).tolist()],
    }
    if pandas:
        made["pandas frame"] = pandas.DataFrame(np.tile(values, (5, 1)), columns=NAMES).iloc[[0]]
    if polars:
        made["polars frame"] = polars.DataFrame(np.tile(values, (5, 1)), schema=NAMES)[:1]
    return made


def targets(label, is_classifier):
    """Return the further arguments of `partial_fit` for an array, in each kind of input."""
    y = np.array([label])
    made = {
        "y: list": {"y": [label]},
        "y: tuple": {"y": (label,)},
        "y: list of a numpy scalar": {"y": [y[0]]},
    }
    if is_classifier:
        made["y: int32 array"] = {"y": y.astype(np.int32)}
        made["classes: list"] = {"y": y, "classes": [0, 1]}
        made["classes: array"] = {"y": y, "classes": np.array([0, 1])}
    else:
        made["y: integer array"] = {"y": np.array([1])}
    weights = {"list": [1.0], "array": np.ones(1), "integers": [1]}
    made |= {f"sample_weight: {kind}": {"y": y, "sample_weight": weight} for kind, weight in weights.items()}
    return made


def microseconds(call):
    """Return the mean time of one of many consecutive calls."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def calls(pandas, polars):
    """Yield the title of each table, the name of each of its lines, and the functions of us and of scikit-learn."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 10))
    for ours, theirs, y, predictions in (
        (BackpropRegressor, MLPRegressor, X[:, 0].copy(), ["predict"]),
        (BackpropClassifier, MLPClassifier, (X[:, 0] > 0).astype(int), ["predict", "predict_proba"]),
    ):
        is_classifier = ours is BackpropClassifier

        def fitted(container, y=y, ours=ours, theirs=theirs):
            return (
                ours((20,), random_state=0).fit(container, y),
                theirs(hidden_layer_sizes=(20,), max_iter=5, random_state=0).fit(container, y),
            )

        networks = {"array": fitted(X)}
        if pandas:
            networks["pandas frame"] = fitted(pandas.DataFrame(X, columns=NAMES))
        if polars:
            networks["polars frame"] = fitted(polars.DataFrame(X, schema=NAMES))
        kinds = samples(X[0], pandas, polars)
        for method in predictions:
            for kind, x in kinds.items():
                pair = networks.get(kind, networks["array"])
                yield f"{ours.__name__}.{method}", kind, [partial(getattr(n, method), x) for n in pair]
        arguments = {kind: (x, {"y": y[:1]}) for kind, x in kinds.items()}
        arguments |= {kind: (X[:1], more) for kind, more in targets(y[0].item(), is_classifier).items()}
        networks = {name: fitted(X) if name == "array" else pair for name, pair in networks.items()}
        for kind, (x, more) in arguments.items():
            pair = networks.get(kind, networks["array"])
            yield f"{ours.__name__}.partial_fit", kind, [partial(n.partial_fit, x, **more) for n in pair]


def river_calls():
    """Yield the same for river's wrapper around each network."""
    from river.compat import convert_sklearn_to_river

    rng = np.random.default_rng(0)
    x = dict(zip(NAMES, rng.normal(size=10).tolist(), strict=True))
    pair = [
        convert_sklearn_to_river(BackpropClassifier((20,), random_state=0), classes=[0, 1]),
        convert_sklearn_to_river(MLPClassifier(hidden_layer_sizes=(20,), random_state=0), classes=[0, 1]),
    ]
    for network in pair:
        network.learn_one(x, 1)
    for method, arguments in (("learn_one", (x, 1)), ("predict_proba_one", (x,))):
        yield "river", method, [partial(getattr(n, method), *arguments) for n in pair]


def main():
    """Print a table for each method."""
    parser = report.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--only", default="", help="part of the title of a table")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions = report.versions()
    pandas, polars = (__import__(name) if find_spec(name) else None for name in ("pandas", "polars"))
    work = [task for task in calls(pandas, polars) if arguments.only in task[0]]
    if find_spec("river") and arguments.only in "river":
        work += river_calls()
    times = {(title, kind): [] for title, kind, _ in work}
    for _ in range(arguments.repeats):
        for title, kind, pair in work:
            times[title, kind].append([microseconds(call) for call in pair])
    arrays = {title: np.min(found, axis=0)[0] for (title, kind), found in times.items() if kind == ARRAY}
    previous = None
    for (title, kind), found in times.items():
        if title != previous:
            print(f"\n{title:<36}{'ours':>9}{'to array':>10}{'sklearn':>10}{'ratio':>8}")
            previous = title
        ours, theirs = np.min(found, axis=0)
        to_array = f"{ours / arrays[title]:10.2f}" if title in arrays else " " * 10
        print(f"{kind:<36}{ours:9.1f}{to_array}{theirs:10.1f}{theirs / ours:8.1f}")
    figures = {f"{title}, {kind}": found for (title, kind), found in times.items()}
    report.write(arguments.json, versions=versions, microseconds=figures)


if __name__ == "__main__":
    main()
