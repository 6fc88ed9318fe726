"""Real tables, and what is made of them."""

from __future__ import annotations

import gzip
from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .data import Data

MNIST_SAMPLES = 10_000


class Table(NamedTuple):
    """A target of a data set."""

    target: str | list
    drop: tuple = ()
    regression: bool = False
    folder: str | None = None  # None is the table's name


BRIDGE = ("failure_type", "displacement_ductility", "strength_hardening")
TABLES = {
    "diabetes": Table("sklearn", regression=True),
    "wine": Table("sklearn"),
    "breast_cancer": Table("sklearn"),
    "digits": Table("sklearn"),
    "yacht": Table("residuary_resistance", regression=True),
    "energy_efficiency": Table("heating_load", ("cooling_load",), True),
    "concrete": Table("compressive_strength_mpa", regression=True),
    "airfoil": Table("sound_pressure_db", regression=True),
    "rc_column_curvature": Table([f"phi_{i}" for i in range(1, 6)], regression=True),
    "bridge_ductility": Table("displacement_ductility", BRIDGE, True, "scoured_bridge"),
    "bridge_hardening": Table("strength_hardening", BRIDGE, True, "scoured_bridge"),
    "bridge_failure": Table("failure_type", BRIDGE, folder="scoured_bridge"),
    "rc_column_failure_mode": Table("failure_mode"),
    "phoneme": Table("class"),
    "spambase": Table("spam"),
    "optdigits": Table("digit", ("split",)),
    "kin8nm": Table("y", regression=True),
    "bike_sharing": Table("cnt", ("instant", "dteday", "casual", "registered"), True),
    "magic": Table("class"),
    "letter": Table("letter"),
    "adult": Table("income", ("split", "fnlwgt")),
    "mnist": Table("label"),
}
#: Columns of bike_sharing, the most important ones first, and those that are categories
BIKE = ("hr", "temp", "workingday", "yr", "hum", "season", "mnth", "weekday", "weathersit", "windspeed")
BIKE_CATEGORIES = ("season", "mnth", "hr", "weekday", "weathersit")


def read(name, folder, drop=None):
    """Return the table as a data frame, without the columns that are dropped, and its target, or None."""
    import pandas as pd

    table = TABLES[name]
    path = folder / (table.folder or name)
    if not path.is_dir():
        return None
    frame = pd.read_csv(path / f"{path.name}.csv.gz")
    y = frame[table.target].to_numpy(float) if table.regression else pd.factorize(frame[table.target])[0]
    targets = [table.target] if isinstance(table.target, str) else table.target
    return frame.drop(columns={*targets, *(table.drop if drop is None else drop)}), y


def read_mnist(folder):
    """Return the first images of the training set as samples, and their labels, or None."""
    if not (folder / "mnist").is_dir():
        return None
    images, labels = (
        np.frombuffer(gzip.decompress((folder / f"mnist/train-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
        for kind, offset in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return images.reshape(-1, 784)[:MNIST_SAMPLES].astype(float), labels[:MNIST_SAMPLES].astype(int)


def load(name, folder, columns=None):
    """Return the numeric columns and y as float64, with labels as numbers, or None if the table is missing."""
    if TABLES[name].target == "sklearn":
        return getattr(datasets, f"load_{name}")(return_X_y=True)
    if folder is None:
        return None
    if name == "mnist":
        return read_mnist(folder)
    found = read(name, folder)
    if found is None:
        return None
    frame, y = found
    numbers = frame[list(columns)] if columns else frame.select_dtypes("number")
    return np.ascontiguousarray(numbers, dtype=float), y


def load_encoded(name, folder):
    """Return all columns and y as `load` does, with the text columns encoded as one-hot, or None.

    Missing text is a category of its own.
    """
    if TABLES[name].target == "sklearn" or name == "mnist":
        return load(name, folder)
    found = read(name, folder) if folder is not None else None
    if found is None:
        return None
    frame, y = found
    text = list(frame.select_dtypes(exclude="number"))
    encoder = ColumnTransformer([("text", OneHotEncoder(), text)], remainder="passthrough", sparse_threshold=0.0)
    return np.ascontiguousarray(encoder.fit_transform(frame), dtype=float), y


def split_at_random(name, X, y, n_train, seed):
    """Return training and test data, with equal shares of each class."""
    stratify = None if TABLES[name].regression else y
    return train_test_split(X, y, train_size=n_train or 0.8, random_state=seed, stratify=stratify)


def split(name, seed, folder, n_train=None, columns=None):
    """Return a random split of the numeric columns of a table. By default, 80 % of the samples are for training."""
    found = load(name, folder, columns)
    if found is None:
        return None
    X, X_test, y, y_test = split_at_random(name, *found, n_train, seed)
    return Data(X, y, X_test, y_test)


def encoded(name, seed, folder, n_train=None, categories=None, drop=None, as_csr=False):
    """Return a random split of all columns, with categories (by default, the text columns) encoded as one-hot.

    Numbers stay as they are in a dense X; in CSR, they are standardized.
    """
    found = read(name, folder, drop) if folder is not None else None
    if found is None:
        return None
    frame, y = found
    categories = list(categories or frame.select_dtypes(exclude="number"))
    encoder = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
            ("numbers", StandardScaler() if as_csr else "passthrough", [c for c in frame if c not in categories]),
        ],
        sparse_threshold=1.0 if as_csr else 0.0,
    )
    X, X_test, y, y_test = split_at_random(name, frame, y, n_train, seed)
    return Data(encoder.fit_transform(X), y, encoder.transform(X_test), y_test)
