"""Prequential scores and times of online learning: each sample is predicted first, and learned from afterwards.

    python benchmarks/streams.py [--kinds KIND ...] [--role choose | report] [--sets NAME ...] [--seeds 3]
                                 [--contenders NAME ...] [--change NAME=VALUE ...] [--baseline FILE] [--wrapper]
                                 [--json FILE]

`problems.streams` lists the streams. Those of river are skipped where river is not installed, and so are its models.
Contenders, with default parameters on one thread, in the same loop:

    ours        BackpropRegressor or BackpropClassifier on the raw columns
    ours sgd    the same with solver="sgd"
    ours batch  the same with solver="batch"; only if named
    ensemble    BackpropEnsembleRegressor or BackpropEnsembleClassifier, five of the same networks; only if named
    MLP         scikit-learn's MLP, inputs standardized by a StandardScaler that learns each sample first
    MLP target  the same with the target of a regression standardized in this way too
    SGD         SGDClassifier(loss="log_loss") or SGDRegressor, inputs standardized like those of the MLP
    linear      river's StandardScaler before its LogisticRegression, SoftmaxRegression or LinearRegression
    tree        river's StandardScaler before its HoeffdingAdaptiveTreeClassifier or -Regressor
    constant    the mean of all targets so far, or the shares of the classes

A seed draws a generated stream and is the `random_state`. Classification: error rate, and log loss with probabilities
of at least 1e-6. Regression: the root mean squared error over the standard deviation of the target. Scores leave out
the first ten samples, the first call, and classification as long as there is one class. "fail" is a contender that
raised an error or predicted NaN. The columns are the parts of the stream, each the mean over the seeds, and
microseconds of CPU time for a sample (us), which are the minimum.
At the end: the errors on the whole stream and on its last part over those of MLP.

--change sets parameters of our networks. --baseline reads the JSON file of an earlier run and takes the contenders from
it that do not run, as in ``--contenders ours "ours sgd" --baseline FILE``. --wrapper instead times our network and the
MLP in river's wrapper for scikit-learn, `predict_one` and `learn_one` together, on the data that come with river.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy loads its BLAS

import json
import time
import warnings
from collections import Counter
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import report
from contenders import changed
from problems.streams import STREAMS
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

N_UNSCORED = 10
WARNED = Counter()  # data sets and distinct warnings of our networks


# Contenders


class Online:
    """An estimator of scikit-learn's kind; with scalers, they learn each sample first."""

    def __init__(self, estimator, classes=None, scaler=None, target_scaler=None):
        self.estimator = estimator
        self.classes = classes
        self.scaler = scaler
        self.target_scaler = target_scaler

    def prepare(self, X):
        """Return what a call gets for some samples; this is not timed."""
        return X

    def learn(self, X, y):
        """Learn some samples."""
        if self.scaler:
            X = self.scaler.partial_fit(X).transform(X)
        if self.target_scaler:
            y = self.target_scaler.partial_fit(y[:, None]).transform(y[:, None])[:, 0]
        if self.classes is None:
            self.estimator.partial_fit(X, y)
        else:
            self.estimator.partial_fit(X, y, classes=self.classes)

    def predict(self, X):
        """Return the probabilities of the classes, or a column of predictions."""
        if self.scaler:
            X = self.scaler.transform(X)
        if self.classes is not None:
            return self.estimator.predict_proba(X)
        predicted = self.estimator.predict(X)
        return self.target_scaler.inverse_transform(predicted[:, None]) if self.target_scaler else predicted[:, None]


class River:
    """A model of river, which gets dictionaries, one after the other."""

    def __init__(self, model, classes=None):
        self.model = model
        self.classes = classes

    def prepare(self, X):
        """Return what a call gets for some samples; this is not timed."""
        return [dict(enumerate(x)) for x in X.tolist()]

    def learn(self, X, y):
        """Learn some samples."""
        for x, target in zip(X, y.tolist(), strict=True):
            self.model.learn_one(x, target)

    def predict(self, X):
        """Return the probabilities of the classes, or a column of predictions."""
        if self.classes is None:
            return [[self.model.predict_one(x)] for x in X]
        found = map(self.model.predict_proba_one, X)
        return [[of_sample.get(label, 0.0) for label in self.classes] for of_sample in found]


class Constant:
    """The mean so far; classes are counted as 0-1 columns."""

    def __init__(self, classes=None):
        self.classes = classes
        self.total = 0.0
        self.n_samples = 0

    def prepare(self, X):
        """Return what a call gets for some samples; this is not timed."""
        return X

    def learn(self, X, y):
        """Learn some samples."""
        columns = y[:, None] if self.classes is None else y[:, None] == self.classes
        self.total = self.total + columns.sum(axis=0)
        self.n_samples += len(y)

    def predict(self, X):
        """Return the probabilities of the classes, or a column of predictions."""
        return np.tile(self.total / self.n_samples, (len(X), 1))


def network(**settings):
    """Return a function that makes our network."""

    def make(classes, seed, change):
        estimator = BackpropRegressor if classes is None else BackpropClassifier
        return Online(estimator(random_state=seed, **{**change, **settings}), classes)

    return make


def ensemble(classes, seed, change):
    """Return an ensemble of our networks."""
    if classes is None:
        return Online(BackpropEnsembleRegressor(BackpropRegressor(**change), random_state=seed))
    return Online(BackpropEnsembleClassifier(BackpropClassifier(**change), random_state=seed), classes)


def mlp(classes, seed, change):
    """Return scikit-learn's MLP with standardized inputs."""
    estimator = MLPRegressor if classes is None else MLPClassifier
    return Online(estimator(random_state=seed), classes, StandardScaler())


def mlp_target(classes, seed, change):
    """Return scikit-learn's MLP with standardized inputs and target; none for a classification."""
    if classes is None:
        return Online(MLPRegressor(random_state=seed), None, StandardScaler(), StandardScaler())
    return None


def sgd(classes, seed, change):
    """Return scikit-learn's linear model with standardized inputs."""
    estimator = SGDRegressor() if classes is None else SGDClassifier(loss="log_loss")
    return Online(estimator.set_params(random_state=seed), classes, StandardScaler())


def linear(classes, seed, change):
    """Return river's linear model, or None without river."""
    if not find_spec("river"):
        return None
    from river import linear_model, preprocessing

    if classes is None:
        model = linear_model.LinearRegression()
    else:
        model = linear_model.LogisticRegression() if len(classes) == 2 else linear_model.SoftmaxRegression()
    return River(preprocessing.StandardScaler() | model, classes)


def tree(classes, seed, change):
    """Return river's tree, or None without river."""
    if not find_spec("river"):
        return None
    from river import preprocessing
    from river import tree as trees

    made = trees.HoeffdingAdaptiveTreeRegressor if classes is None else trees.HoeffdingAdaptiveTreeClassifier
    return River(preprocessing.StandardScaler() | made(seed=seed), classes)


def constant(classes, seed, change):
    """Return the mean of the targets."""
    return Constant(classes)


CONTENDERS = {
    "ours": network(),
    "ours sgd": network(solver="sgd"),
    "ours batch": network(solver="batch"),
    "ensemble": ensemble,
    "MLP": mlp,
    "MLP target": mlp_target,
    "SGD": sgd,
    "linear": linear,
    "tree": tree,
    "constant": constant,
}
OURS = ("ours", "ours sgd", "ours batch", "ensemble")


# One stream


def first_scored(stream):
    """Return the number of samples that are not scored."""
    first = max(N_UNSCORED, stream.chunk)
    return max(first, np.argmax(stream.y != stream.y[0]) + 1) if stream.is_classification else first


def predict_then_learn(contender, stream):
    """Return the predictions, NaN from an error on, and the microseconds for a sample."""
    n_samples, chunk = len(stream.y), stream.chunk
    calls = [slice(start, start + chunk) for start in range(0, n_samples, chunk)]
    prepared = [contender.prepare(stream.X[call]) for call in calls]
    predictions = np.full((n_samples, 1 if contender.classes is None else len(contender.classes)), np.nan)
    contender.learn(prepared[0], stream.y[calls[0]])
    start = time.process_time()
    with suppress(ValueError, OverflowError, ZeroDivisionError):
        for call, X in zip(calls[1:], prepared[1:], strict=True):
            predictions[call] = contender.predict(X)
            contender.learn(X, stream.y[call])
    return predictions, (time.process_time() - start) / (n_samples - chunk) * 1e6


def losses(stream, predictions):
    """Return the losses of each sample by metric; infinite where there is no prediction."""
    if stream.is_classification:
        probabilities = np.clip(predictions, 1e-6, None)
        of_class = probabilities[np.arange(len(stream.y)), stream.y] / probabilities.sum(axis=1)
        found = {"error": predictions.argmax(axis=1) != stream.y, "log loss": -np.log(of_class)}
    else:
        scale = stream.scale or stream.y.std()
        found = {"error": ((predictions[:, 0] - stream.y) / scale) ** 2}
    is_missing = ~np.isfinite(predictions).all(axis=1)
    return {metric: np.where(is_missing, np.inf, values) for metric, values in found.items()}


def scores(stream, predictions):
    """Return the mean losses by metric and part of the stream."""
    first = first_scored(stream)
    parts = {"whole": slice(first, None), **stream.parts}
    found = {}
    for metric, values in losses(stream, predictions).items():
        means = {part: values[where].mean() for part, where in parts.items()}
        found[metric] = means if stream.is_classification else {part: mean**0.5 for part, mean in means.items()}
    return found


def run_seed(name, stream, seed, arguments):
    """Yield the name, the scores and the microseconds of each contender."""
    classes = np.unique(stream.y) if stream.is_classification else None
    for contender in arguments.contenders:
        made = CONTENDERS[contender](classes, seed, arguments.change)
        if made is None:
            continue
        with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            warnings.simplefilter("default")
            predictions, microseconds = predict_then_learn(made, stream)
        if contender in OURS:
            WARNED.update(f"{name}: {str(warning.message)[:90]}" for warning in caught)
        yield contender, scores(stream, predictions), microseconds


def run(name, arguments):
    """Return the figures of a stream, lists over the seeds, by contender, metric and part, or None without river."""
    figures = {}
    for seed in range(arguments.seeds):
        stream = STREAMS[name].load(seed)
        if stream is None:
            return None
        for contender, found, microseconds in run_seed(name, stream, seed, arguments):
            of_contender = figures.setdefault(contender, {})
            for metric, parts in found.items():
                for part, value in parts.items():
                    of_contender.setdefault(metric, {}).setdefault(part, []).append(float(value))
            of_contender.setdefault("microseconds", []).append(microseconds)
    return figures


# Tables


def shown(value):
    """Return a mean score in twelve characters."""
    return f"{'fail':>12}" if not np.isfinite(value) else f"{value:12.4f}" if value < 1000 else f"{value:12.1e}"


def print_stream(name, figures):
    """Print the table of a stream."""
    metrics = [metric for metric in ("error", "log loss") if metric in next(iter(figures.values()))]
    for metric in metrics:
        parts = list(next(iter(figures.values()))[metric])
        print(f"\n{name + ', ' + metric:<38}" + "".join(f"{part:>12}" for part in (*parts, "us")))
        for contender, found in figures.items():
            means = "".join(shown(np.mean(found[metric][part])) for part in parts)
            print(f"  {contender:<36}{means}{min(found['microseconds']):12.0f}")


def ratios(figures, contender):
    """Return the errors of a contender over those of the MLP, on the whole stream and on its last part."""
    mine, theirs = (figures[name]["error"] for name in (contender, "MLP"))
    whole, *_, last_part = mine
    n_seeds = min(len(mine[whole]), len(theirs[whole]))  # a baseline may have fewer seeds
    means = ((np.mean(mine[part][:n_seeds]), np.mean(theirs[part][:n_seeds])) for part in (whole, last_part))
    return [of_mine / max(of_theirs, 1e-12) for of_mine, of_theirs in means]


def print_ratios(results):
    """Print the errors of our networks over those of the MLP."""
    results = {name: figures for name, figures in results.items() if "MLP" in figures}
    contenders = [name for name in OURS if all(name in figures for figures in results.values())]
    if not results or not contenders:
        return
    print("\nError over that of MLP; < 0.98 is better, > 1.02 is worse")
    print(f"{'':<38}" + "".join(f"{name:>12}{'last part':>12}" for name in contenders))
    found = {name: [ratios(figures, contender) for contender in contenders] for name, figures in results.items()}
    for name, of_stream in found.items():
        print(f"{name:<38}" + "".join(f"{ratio:12.3f}" for pair in of_stream for ratio in pair))
    for kind in dict.fromkeys(STREAMS[name].kind for name in found):
        of_kind = np.array([np.ravel(pair) for name, pair in found.items() if STREAMS[name].kind == kind])
        counts = zip((of_kind < 0.98).sum(axis=0), (of_kind > 1.02).sum(axis=0), strict=True)
        text = "".join(f"{f'{better} / {worse}':>12}" for better, worse in counts)
        print(f"{f'{kind}: better / worse of {len(of_kind)}':<38}{text}")


# River's wrapper


def wrapped(stream, seed, change):
    """Return our network and the MLP in river's wrapper, by name."""
    from river.compat import convert_sklearn_to_river

    classes = np.unique(stream.y).tolist() if stream.is_classification else None
    ours, theirs = (BackpropRegressor, MLPRegressor) if classes is None else (BackpropClassifier, MLPClassifier)
    networks = {"ours": ours(random_state=seed, **change), "MLP": theirs(random_state=seed)}
    return {name: convert_sklearn_to_river(network, classes) for name, network in networks.items()}


def seconds_of_wrapper(network, samples, targets):
    """Return the seconds in which each sample is predicted and learned."""
    start = time.process_time()
    for x, y in zip(samples, targets, strict=True):
        network.predict_one(x)
        network.learn_one(x, y)
    return time.process_time() - start


def time_wrapper(name, arguments, n_samples=500):
    """Print and return the microseconds for a sample; the networks take turns, the minimum counts."""
    stream = STREAMS[name].load(0)
    if stream is None:
        return None
    samples, targets = River(None).prepare(stream.X[:n_samples]), stream.y[:n_samples].tolist()
    found = {}
    for seed in range(arguments.seeds):
        for contender, network in wrapped(stream, seed, arguments.change).items():
            seconds = seconds_of_wrapper(network, samples, targets)
            found.setdefault(contender, []).append(seconds / len(samples) * 1e6)
    mine, theirs = min(found["ours"]), min(found["MLP"])
    print(f"{name:<26}{mine:10.0f}{theirs:10.0f}{theirs / mine:10.1f}")
    return found


# The script


def arguments_of(parser):
    """Return the parsed arguments."""
    parser.add_argument("--kinds", nargs="+", choices=dict.fromkeys(problem.kind for problem in STREAMS.values()))
    parser.add_argument("--role", choices=("choose", "report"))
    parser.add_argument("--sets", nargs="+", choices=STREAMS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--change", nargs="+", type=changed, default=[], metavar="NAME=VALUE")
    parser.add_argument("--baseline", type=Path, help="JSON file of an earlier run")
    parser.add_argument("--wrapper", action="store_true", help="time the networks in river's wrapper instead")
    arguments = parser.parse_args()
    arguments.change = dict(arguments.change)
    arguments.contenders = arguments.contenders or [name for name in CONTENDERS if name != "ours batch"]
    return arguments


def is_selected(name, arguments):
    """Return whether to run a stream; --sets counts alone."""
    problem = STREAMS[name]
    if arguments.sets:
        return name in arguments.sets
    if arguments.wrapper:
        return problem.kind == "river"
    return problem.kind in (arguments.kinds or [problem.kind]) and arguments.role in (None, problem.role)


def main():
    """Print the table of each stream and the comparison with the MLP, or the times of river's wrapper."""
    arguments = arguments_of(report.parser(__doc__))
    versions, results = report.versions(), {}
    baseline = json.loads(arguments.baseline.read_text())["results"] if arguments.baseline else {}
    print(f"{arguments.seeds} seeds; changed: {arguments.change or 'nothing'}")
    if arguments.wrapper:
        print(f"\n{'microseconds, wrapper':<26}{'ours':>10}{'MLP':>10}{'ratio':>10}")
    for name in (name for name in STREAMS if is_selected(name, arguments)):
        figures = time_wrapper(name, arguments) if arguments.wrapper else run(name, arguments)
        if figures is None:
            print(f"\n{name}: river is not installed, skipped")
            continue
        results[name] = figures = {**baseline.get(name, {}), **figures}
        if not arguments.wrapper:
            print_stream(name, figures)
        report.write(arguments.json, versions=versions, change=arguments.change, results=results, warned=WARNED)
    if not arguments.wrapper:
        print_ratios(results)
    print("\nWarnings of our networks:", "" if WARNED else "none")
    for text, count in WARNED.items():
        print(f"{count:>5} {text}")


if __name__ == "__main__":
    main()
