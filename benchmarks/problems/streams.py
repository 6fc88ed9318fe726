"""Streams: samples in the order in which they arrive, and a point at which the data may change.

`STREAMS` maps a name to a `StreamProblem`, of the roles "choose" and "report" as in `problems`. The streams of river
come with the package: real data in their own order, and generated data that drift. The others are generated here, and
most of them change in a known way.

Real data consist of numbers. Of a date, this makes the days since the first sample, the month, the weekday and the
hour, and of a text one 0-1 column for each of its values. The first of several targets counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits

from .generated import friedman, from_normal


class Stream(NamedTuple):
    """Samples in their order.

    Attributes
    ----------
    X, y : ndarray
        The samples and their targets; classes are integers from 0.
    parts : dict of str to slice
        The samples that are scored separately, beside the whole.
    scale : float or None
        The standard deviation to which errors are relative, if not that of y.
    chunk : int
        The number of samples in a call.
    """

    X: np.ndarray
    y: np.ndarray
    parts: dict
    scale: float | None = None
    chunk: int = 1

    @property
    def is_classification(self):
        """Whether the target is a class."""
        return self.y.dtype.kind == "i"


class StreamProblem(NamedTuple):
    """How to make a stream: ``load(seed)`` returns a `Stream`, or None without river."""

    kind: str
    role: str
    load: Callable[[int], Stream | None]


def last(n_samples, share):
    """Return the slice of the last samples, such as a sixth for share=6."""
    return slice(n_samples - n_samples // share, n_samples)


def plain(X, y):
    """Return a stream without a known change."""
    return Stream(X, y, {"last third": last(len(y), 3)})


# Streams of river


def numbers(values):
    """Return the columns of a feature, a list of numbers, dates or texts."""
    if isinstance(values[0], datetime):
        return [[(v - values[0]).total_seconds() / 86400, v.month, v.weekday(), v.hour] for v in values]
    if isinstance(values[0], str):
        return [[v == level for level in sorted(set(values))] for v in values]
    return [[v] for v in values]


def from_river(samples):
    """Return a stream from river's pairs of a dictionary and a target."""
    features, targets = zip(*samples, strict=True)
    columns = [np.array(numbers([x[name] for x in features]), dtype=float) for name in features[0]]
    if isinstance(targets[0], dict):
        targets = [next(iter(target.values())) for target in targets]
    y = np.array(targets)
    return plain(np.hstack(columns), y.astype(int) if y.dtype == bool else y)


def shipped(name, limit, seed):
    """Return a data set that comes with river, which is the same for each seed."""
    if not find_spec("river"):
        return None
    from river import datasets

    data = getattr(datasets, name)()
    stream = from_river(islice(data, limit))
    if "classification" in data.task:
        return stream._replace(y=np.unique(stream.y, return_inverse=True)[1])
    return stream._replace(y=stream.y.astype(float))


def synthetic(make, seed, n_samples=6000):
    """Return generated data of river; ``make(synth, seed)`` returns an iterable."""
    if not find_spec("river"):
        return None
    from river.datasets import synth

    return from_river(islice(make(synth, seed), n_samples))


def friedman_drift(synth, seed, drift_type):
    """Return Friedman's function with changes at a third and at two thirds."""
    positions = (2000, 4000, 5000) if drift_type == "lea" else (2000, 4000)
    return synth.FriedmanDrift(drift_type, positions, 0 if drift_type == "lea" else 500, seed)


def changing_sea(synth, seed):
    """Return river's SEA with another threshold from the middle on."""
    before, after = synth.SEA(variant=0, noise=0.1, seed=seed), synth.SEA(variant=2, noise=0.1, seed=seed + 100)
    return synth.ConceptDriftStream(before, after, position=3000, width=300, seed=seed)


def rotating_hyperplane(synth, seed):
    """Return classes on two sides of a plane that rotates."""
    return synth.Hyperplane(seed=seed, n_features=10, n_drift_features=5, mag_change=0.001)


def moving_clusters(synth, seed):
    """Return classes of clusters that move."""
    n_centroids = {"n_centroids": 20, "n_drift_centroids": 20}
    return synth.RandomRBFDrift(seed, seed, n_classes=4, n_features=10, change_speed=1e-4, **n_centroids)


# Generated streams, of which most change in the middle


def normal(rng, n, labels=False):
    """Return five normal columns, of which four matter."""
    X = rng.normal(size=(n, 5))
    return X, from_normal(rng, X, labels)


def noisy_friedman(rng, n):
    """Return Friedman's function of five among eight uniform columns, which are far from standardized."""
    X, y = friedman(rng, n, noise=1.0, n_columns=8)
    return 1000 + 50 * X, 10 * y


def seeded(make, seed):
    """Return the stream that ``make(rng)`` returns."""
    return make(np.random.default_rng(seed))


def stationary(base, n, rng):
    """Return a stream that does not change."""
    return plain(*base(rng, n))


def digits(rng):
    """Return scikit-learn's digits in random order."""
    X, y = load_digits(return_X_y=True)
    order = rng.permutation(len(y))
    return plain(X[order], y[order])._replace(parts={"last 500": slice(len(y) - 500, len(y))})


def after_change(X, y, start, scale=None):
    """Return a stream that changes at `start`."""
    n = len(y)
    return Stream(X, y, {"next 10": slice(start, start + 10), "last sixth": last(n, 6)}, scale)


def changed_columns(base, change, columns, rng, n=6000):
    """Return a stream in which ``change(values, mean, std)`` replaces columns from the middle on."""
    X, y = base(rng, n)
    mean, std = X.mean(axis=0), X.std(axis=0)
    X[n // 2 :, columns] = change(X[n // 2 :, columns], mean[columns], std[columns])
    return after_change(X, y, n // 2)


def times(factor):
    """Return a change of the unit."""
    return lambda values, mean, std: factor * values


def plus(n_deviations):
    """Return a change of the origin, in standard deviations."""
    return lambda values, mean, std: values + n_deviations * std


def drifting_mean(base, n_deviations, columns, rng, n=6000):
    """Return a stream with columns whose mean moves steadily; the target does not depend on where it is."""
    X, y = base(rng, n)
    X[:, columns] += np.linspace(0, n_deviations, n)[:, None] * X.std(axis=0)[columns]
    return Stream(X, y, {"last sixth": last(n, 6)})


def growing_target(base, n_deviations, rng, n=6000):
    """Return a stream whose target grows steadily; errors are relative to the target without the trend."""
    X, y = base(rng, n)
    return Stream(X, y + np.linspace(0, n_deviations * y.std(), n), {"last sixth": last(n, 6)}, y.std())


def moving_region(rng, n=6000, n_columns=3, width=3.0):
    """Return a fixed curved function of columns whose mean moves through it."""
    X = rng.normal(size=(n, n_columns)) + np.linspace(-width, width, n)[:, None]
    y = np.sin(2 * X[:, 0]) + np.tanh(X[:, 1]) + 0.3 * X[:, 2] + rng.normal(scale=0.2, size=n)
    return Stream(X, y, {"last sixth": last(n, 6)})


def new_concept(base, transition, rng, n=6000):
    """Return a stream whose columns change roles: at once, or during a number of samples around the middle."""
    X, y = base(rng, n)
    start = (n - transition) // 2
    is_new = rng.uniform(size=n) < np.clip((np.arange(n) - start) / max(transition, 1e-9), 0, 1)
    # what the target depends on moves to the columns in reverse order, and a regression changes its sign
    X[is_new] = X[is_new, ::-1]
    if y.dtype.kind == "f":
        y[is_new] = 2 * y.mean() - y[is_new]
    return after_change(X, y, start)


def swapped_classes(rng, n=6000):
    """Return two classes that change places in the middle."""
    X, y = normal(rng, n, labels=True)
    y[n // 2 :] = 1 - y[n // 2 :]
    return after_change(X, y, n // 2)


def sorted_file(base, rng, n=4000, chunk=200, n_epochs=5):
    """Return a file that is sorted by its first column and read several times, in chunks."""
    X, y = base(rng, n)
    order = np.argsort(X[:, 0])
    X, y = np.tile(X[order], (n_epochs, 1)), np.tile(y[order], n_epochs)
    return Stream(X, y, {"last epoch": last(len(y), n_epochs)}, chunk=chunk)


def heavy_tailed(rng, n):
    """Return a smooth function of columns of which the first is heavy-tailed."""
    X, y = normal(rng, n)
    X[:, 0] = np.exp(2 * X[:, 0])
    return X, y


def made(role, make, *arguments, **keywords):
    """Return a problem with another draw for each seed."""
    return StreamProblem("", role, partial(seeded, partial(make, *arguments, **keywords)))


def real(name, limit=6000):
    """Return a problem of a data set that comes with river."""
    return StreamProblem("", REPORT, partial(shipped, name, limit))


def of_river(make, **keywords):
    """Return a problem of river's generators."""
    return StreamProblem("", REPORT, partial(synthetic, partial(make, **keywords)))


CHOOSE, REPORT = "choose", "report"
ALL, ONE, TWO = slice(None), slice(1), slice(2)
LABELS = partial(normal, labels=True)

KINDS = {
    "stationary": {
        "stationary": made(CHOOSE, stationary, normal, 3000),
        "stationary_labels": made(CHOOSE, stationary, LABELS, 3000),
        "digits": made(CHOOSE, digits),
        "stationary_friedman": made(REPORT, stationary, noisy_friedman, 3000),
    },
    "unit": {
        "times_1000": made(CHOOSE, changed_columns, normal, times(1000), ONE),
        "times_1000_all": made(CHOOSE, changed_columns, normal, times(1000), ALL),
        "times_0.001": made(CHOOSE, changed_columns, normal, times(0.001), ONE),
        "times_0.001_all": made(CHOOSE, changed_columns, normal, times(0.001), ALL),
        "plus_50_std": made(CHOOSE, changed_columns, normal, plus(50), ONE),
        "plus_50_std_all": made(CHOOSE, changed_columns, normal, plus(50), ALL),
        "sign_flip": made(CHOOSE, changed_columns, normal, times(-1), ONE),
        "sign_flip_all": made(CHOOSE, changed_columns, normal, times(-1), ALL),
        "times_1000_labels": made(CHOOSE, changed_columns, LABELS, times(1000), ONE),
        "friedman_times_60": made(REPORT, changed_columns, noisy_friedman, times(60), TWO),
        "friedman_times_0.01": made(REPORT, changed_columns, noisy_friedman, times(0.01), TWO),
        "friedman_minus_20_std": made(REPORT, changed_columns, noisy_friedman, plus(-20), TWO),
        "friedman_sign_flip": made(REPORT, changed_columns, noisy_friedman, times(-1), TWO),
    },
    "drift": {
        "mean_drift": made(CHOOSE, drifting_mean, normal, 20, ONE),
        "growing_target": made(CHOOSE, growing_target, normal, 30),
        "moving_region": made(CHOOSE, moving_region),
        "mean_drift_labels": made(REPORT, drifting_mean, LABELS, 10, TWO),
        "friedman_mean_drift": made(REPORT, drifting_mean, noisy_friedman, 30, ALL),
        "friedman_growing_target": made(REPORT, growing_target, noisy_friedman, 100),
    },
    "concept": {
        "new_concept": made(CHOOSE, new_concept, normal, 0),
        "gradual_concept": made(CHOOSE, new_concept, normal, 2000),
        "new_concept_labels": made(CHOOSE, new_concept, LABELS, 0),
        "swapped_classes": made(REPORT, swapped_classes),
        "friedman_new_concept": made(REPORT, new_concept, noisy_friedman, 0),
        "friedman_gradual_concept": made(REPORT, new_concept, noisy_friedman, 1000),
    },
    "file": {
        "sorted_file": made(CHOOSE, sorted_file, normal),
        "sorted_heavy_tail": made(CHOOSE, sorted_file, heavy_tailed),
        "sorted_friedman": made(REPORT, sorted_file, noisy_friedman, chunk=500),
    },
    "river": {
        "Phishing": real("Phishing"),
        "Bananas": real("Bananas"),
        "ImageSegments": real("ImageSegments"),
        "Shuttle": real("Shuttle"),
        "TrumpApproval": real("TrumpApproval"),
        "ChickWeights": real("ChickWeights"),
        "AirlinePassengers": real("AirlinePassengers"),
        "SolarFlare": real("SolarFlare"),
        "WaterFlow": real("WaterFlow"),
    },
    "river, generated": {
        "friedman_drift_abrupt": of_river(friedman_drift, drift_type="lea"),
        "friedman_drift_gradual": of_river(friedman_drift, drift_type="gsg"),
        "sea": of_river(changing_sea),
        "hyperplane": of_river(rotating_hyperplane),
        "moving_clusters": of_river(moving_clusters),
    },
}
STREAMS = {name: problem._replace(kind=kind) for kind, found in KINDS.items() for name, problem in found.items()}
