"""Seconds to reach a target test score on real data: both engines, scikit-learn and PyTorch.

    python benchmarks/time_to_score.py --data DIR [--repeats 3] [--json FILE]

DIR contains a file NAME/NAME.csv.gz for each data set, with a header and the target in one column: letter (column
"letter", the first 16000 samples are the training set), magic ("class") and kin8nm ("y"), all from the UCI or OpenML
repositories. A missing data set is skipped with a message. The test set of magic and kin8nm is a random fifth.

One thread. All contenders train the same network with the same optimizer (Adam, learning rate 0.001, batch size 32, no
penalty) on inputs, and for regression a target, that are standardized beforehand; each draws its own initial weights
with the seed of the repeat. The test score is computed after each epoch and not timed; the time is that of the epochs
up to the first one whose score reaches the target. Ours and scikit-learn's use `partial_fit`. Figures are medians over
seeds.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy loads its BLAS

import time
import warnings
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import report
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

BATCH, RATE, MOST_EPOCHS = 32, 0.001, 200


class Race(NamedTuple):
    """A data set, a network, and the target score."""

    target: str
    hidden: tuple
    goal: float
    n_train: int | None = None  # None is a random four fifths
    regression: bool = False


RACES = {
    "letter": Race("letter", (100,), 0.93, n_train=16_000),
    "magic": Race("class", (50,), 0.87),
    "kin8nm": Race("y", (50,), 0.88, regression=True),
}


def load(folder, name, race):
    """Return X_train, X_test, y_train, y_test as standardized float32, with labels as numbers."""
    table = pd.read_csv(folder / name / f"{name}.csv.gz")
    X, y = table.drop(columns=race.target).to_numpy(np.float32), table[race.target]
    y = y.to_numpy(np.float32) if race.regression else pd.factorize(y, sort=True)[0]
    if race.n_train is None:
        split = train_test_split(X, y, test_size=0.2, random_state=0)
    else:
        split = X[: race.n_train], X[race.n_train :], y[: race.n_train], y[race.n_train :]
    X_train, X_test, y_train, y_test = split
    scaler = StandardScaler().fit(X_train)
    if race.regression:
        mean, scale = y_train.mean(), y_train.std()
        y_train, y_test = (y_train - mean) / scale, (y_test - mean) / scale
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


def ours(engine):
    """Return a contender: our estimator with one engine."""

    def make(race, X, y, seed):
        network = (BackpropRegressor if race.regression else BackpropClassifier)(
            race.hidden, learning_rate=RATE, batch_size=BATCH, alpha=0, engine=engine, random_state=seed
        )
        options = {} if race.regression else {"classes": np.unique(y)}
        return lambda: network.partial_fit(X, y, **options), network.predict

    return make


def scikit_learn(race, X, y, seed):
    """Return scikit-learn's MLP."""
    network = (MLPRegressor if race.regression else MLPClassifier)(
        hidden_layer_sizes=race.hidden, learning_rate_init=RATE, batch_size=BATCH, alpha=0, random_state=seed
    )
    options = {} if race.regression else {"classes": np.unique(y)}
    return lambda: network.partial_fit(X, y, **options), network.predict


def pytorch(race, X, y, seed):
    """Return PyTorch in eager mode, written as in its tutorials, with the data set in memory."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    sizes = [X.shape[1], *race.hidden, 1 if race.regression else int(y.max()) + 1]
    parts = []
    for fan_in, fan_out in pairwise(sizes):
        parts += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    network = torch.nn.Sequential(*parts[:-1])
    loss = torch.nn.MSELoss() if race.regression else torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    inputs, target = torch.from_numpy(X), torch.from_numpy(y[:, np.newaxis] if race.regression else y)

    def epoch():
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs), BATCH):
            batch = order[start : start + BATCH]
            optimizer.zero_grad()
            loss(network(inputs[batch]), target[batch]).backward()
            optimizer.step()

    def predict(X):
        with torch.no_grad():
            raw = network(torch.from_numpy(X)).numpy()
        return raw[:, 0] if race.regression else raw.argmax(axis=1)

    return epoch, predict


CONTENDERS = {"numpy": ours("numpy"), "numba": ours("numba"), "sklearn": scikit_learn, "torch": pytorch}


def installed():
    """Return the installed contenders and print which are missing."""
    available = dict(CONTENDERS)
    for name in ("numba", "torch"):
        try:
            __import__(name)
        except ImportError:
            print(f"{name} is not installed: skipped")
            del available[name]
    return available


def run(make, race, data, seed):
    """Return the seconds and epochs until the target score; the seconds are infinite if it is not reached."""
    X_train, X_test, y_train, y_test = data
    epoch, predict = make(race, X_train, y_train, seed)
    score = r2_score if race.regression else accuracy_score
    seconds = 0.0
    for number in range(1, MOST_EPOCHS + 1):
        start = time.perf_counter()
        epoch()
        seconds += time.perf_counter() - start
        if score(y_test, predict(X_test)) >= race.goal:
            return seconds, number
    return np.inf, MOST_EPOCHS


def main():
    """Print the figures for each data set and contender."""
    parser = report.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    versions, contenders, results = report.versions(), installed(), {}
    for name, race in RACES.items():
        if not (arguments.data / name).is_dir():
            print(f"{name} is missing in {arguments.data}: skipped")
            continue
        data = load(arguments.data, name, race)
        for make in contenders.values():
            make(race, data[0], data[2], 0)[0]()  # compile, and load everything that is loaded at first use
        runs = {contender: [] for contender in contenders}
        for seed in range(arguments.repeats):
            for contender, make in contenders.items():
                runs[contender].append(run(make, race, data, seed))
        medians = {contender: np.median(values, axis=0) for contender, values in runs.items()}
        base = medians.get("numba", medians["numpy"])[0]
        print(f"{name}, hidden {race.hidden}, to {'R2' if race.regression else 'accuracy'} {race.goal}")
        for contender, (seconds, epochs) in medians.items():
            spread = " to ".join(f"{bound([s for s, _ in runs[contender]]):.2f}" for bound in (min, max))
            print(f"  {contender:<9}{seconds:8.2f} s  ({spread}), {epochs:4.0f} epochs, {seconds / base:6.1f} times")
        results[name] = runs
    report.write(arguments.json, versions=versions, seconds_and_epochs=results)


if __name__ == "__main__":
    main()
