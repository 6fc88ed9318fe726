"""The data that defaults are chosen on, and the data that their scores are reported on.

`PROBLEMS` maps a name to a `Problem`. Each kind of data has problems of both roles:

    choose   defaults may be chosen on it. The examples of bug reports are among these, because everyone has seen them.
    report   only measured, after the choice: other draws, other functions and other tables of the same kind.

`tables` reads real data, `generated` makes the rest. A problem gives a pair of training and test data for each seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from skbackprop.losses import Tweedie

from . import generated, tables
from .data import Data

__all__ = ["PROBLEMS", "Claim", "Data", "Problem"]


class Claim(NamedTuple):
    """What the documentation claims about the score of the defaults.

    Without `against`, every seed reaches the bound, or the mean of an error does not exceed it. With `against`, the
    mean over the seeds is compared with that of another contender: worse by at most `bound` ("difference"), or at most
    `bound` times as large ("ratio").
    """

    metric: str
    bound: float
    against: str | None = None
    by: str = "difference"


class Problem(NamedTuple):
    """Data of a kind, and how to fit them.

    Attributes
    ----------
    kind : str
        The kind of data.
    role : {"choose", "report"}
        Whether defaults may be chosen on it.
    task : {"classification", "regression", "amounts"}
        Amounts are not negative, and predictions are compared by their deviance.
    load : callable
        ``load(seed, folder)`` returns `Data`, or None if the folder lacks the table. The folder is None or contains a
        file NAME/NAME.csv.gz for each table.
    settings : dict
        Parameters of the estimator, such as its loss. Everything else is a default.
    claims : tuple of Claim
        What the documentation claims.
    needs_files : bool
        Whether the data are read from the folder.
    """

    kind: str
    role: str
    task: str
    load: Callable[[int, Path | None], Data | None]
    settings: dict = {}  # noqa: RUF012  # a default that nobody changes
    claims: tuple[Claim, ...] = ()
    needs_files: bool = False


def drawn(role, task, generator, n_train, n_test=2000, *, settings=None, claims=(), **arguments):
    """Return a problem with new samples for each seed."""
    load = partial(generated.draw, partial(generator, **arguments), n_train, n_test)
    return Problem("", role, task, load, settings or {}, claims)


def parity(role, n_bits, **settings):
    """Return a parity problem with 400 epochs."""
    load = partial(generated.parity, n_bits)
    return made(role, CLASSIFICATION, load, settings={"max_iter": 400, **settings}, claims=LEARNED)


def text(role, generator, **arguments):
    """Return a problem of classified documents."""
    return drawn(role, CLASSIFICATION, generator, 1200, 400, claims=AS_LOGISTIC, **arguments)


def read(role, loader, name, *, settings=None, claims=(), task=None, **arguments):
    """Return a problem with another split of a table for each seed."""
    task = task or ("regression" if tables.TABLES[name].regression else "classification")
    load = partial(loader, name, **arguments)
    return Problem("", role, task, load, settings or {}, claims, tables.TABLES[name].target != "sklearn")


def made(role, task, load, *, settings=None, claims=()):
    """Return a problem whose training and test data are not alike."""
    return Problem("", role, task, load, settings or {}, claims)


CLASSIFICATION, REGRESSION, AMOUNTS = "classification", "regression", "amounts"
CHOOSE, REPORT = "choose", "report"
POISSON, TWEEDIE = {"loss": "poisson"}, {"loss": Tweedie(power=1.5)}
HUBER, ABSOLUTE = {"loss": "huber"}, {"loss": "absolute_error"}

FITTED = (Claim("r2", 0.95),)
LEARNED = (Claim("training", 1.0),)
CALIBRATED = (
    Claim("log_loss", 1.03, "MLP stopped", "ratio"),
    Claim("error", 1.02, "MLP stopped", "ratio"),
    Claim("calibration", 0.03),
)
AS_LINEAR = (Claim("deviance", 1.03, "linear", "ratio"),)
AS_CLEAN_LABELS, AS_CLEAN = (Claim("accuracy", 0.02, "clean"),), (Claim("r2", 0.02, "clean"),)
AS_QUANTILES = (Claim("accuracy", 0.03, "quantiles"),), (Claim("r2", 0.03, "quantiles"),)
AS_ROBUST = (Claim("r2", 0.05, "linear"), *AS_CLEAN)
AS_LOGISTIC = (Claim("accuracy", 0.03, "linear"),)

#: The tables of defaults.py to choose on. The defaults of version 0.1 were chosen on most of the 22.
CHOSEN_TABLES = (
    *("diabetes", "digits", "energy_efficiency", "concrete", "airfoil", "rc_column_curvature", "bridge_ductility"),
    *("phoneme", "spambase", "bike_sharing", "adult"),
)

KINDS = {
    "table": {name: read(CHOOSE if name in CHOSEN_TABLES else REPORT, tables.split, name) for name in tables.TABLES},
    "function": {
        "frequency_response": made(CHOOSE, REGRESSION, generated.frequency_response, claims=FITTED),
        "sine": made(CHOOSE, REGRESSION, generated.sine, settings={"max_iter": 600}, claims=FITTED),
        "chirp": drawn(CHOOSE, REGRESSION, generated.chirp, 400),
        "gabor": drawn(CHOOSE, REGRESSION, generated.gabor, 1500),
        "resonances": made(REPORT, REGRESSION, generated.resonances),
        "sine_mixture": made(REPORT, REGRESSION, generated.sine_mixture),
        "doppler": drawn(REPORT, REGRESSION, generated.doppler, 500),
        "ackley": drawn(REPORT, REGRESSION, generated.ackley, 1500),
    },
    "interaction": {
        "parity_4": parity(CHOOSE, 4),
        "parity_6": parity(CHOOSE, 6),
        "parity_8": parity(REPORT, 8, early_stopping=False),
        "parity_among_others": drawn(CHOOSE, CLASSIFICATION, generated.parity_among_others, 1000),
        "checkerboard": drawn(CHOOSE, CLASSIFICATION, generated.checkerboard, 1500, n_fields=4),
        "noisy_checkerboard": drawn(REPORT, CLASSIFICATION, generated.checkerboard, 2500, n_fields=5, flipped=0.05),
        "two_signs": drawn(CHOOSE, REGRESSION, generated.signs, 1000, n_signs=2),
        "three_signs": drawn(REPORT, REGRESSION, generated.signs, 2000, n_signs=3),
    },
    "low signal": {
        "flipped_labels": drawn(CHOOSE, CLASSIFICATION, generated.flipped_labels, 2400, 600),
        "faint_line": drawn(CHOOSE, REGRESSION, generated.line, 800, signal=0.2),
        "correlated_line": drawn(CHOOSE, REGRESSION, generated.correlated_line, 350),
        "faint_labels": drawn(REPORT, CLASSIFICATION, generated.faint_labels, 2000),
        "three_faint_labels": drawn(REPORT, CLASSIFICATION, generated.faint_labels, 3000, n_classes=3),
        "only_noise": drawn(REPORT, REGRESSION, generated.line, 1000, signal=0.0),
        "faint_curve": drawn(REPORT, REGRESSION, generated.friedman, 1500, noise=7.0),
    },
    "one-hot": {
        "adult_encoded": read(CHOOSE, tables.encoded, "adult", claims=CALIBRATED, n_train=5000, drop=("split",)),
        "many_categories": drawn(CHOOSE, CLASSIFICATION, generated.categories, 3000, n_levels=(300, 100, 30, 8)),
        "adult_sparse": read(REPORT, tables.encoded, "adult", claims=CALIBRATED, n_train=5000, as_csr=True),
        "bike_encoded": read(REPORT, tables.encoded, "bike_sharing", n_train=5000, categories=tables.BIKE_CATEGORIES),
        "effects_of_categories": drawn(
            REPORT, REGRESSION, generated.categories, 2000, n_levels=(200, 50, 12), labels=False
        ),
    },
    "amounts": {
        "rare_counts": drawn(CHOOSE, AMOUNTS, generated.counts, 4000, settings=POISSON, claims=AS_LINEAR),
        "many_zeros": drawn(CHOOSE, AMOUNTS, generated.amounts, 4000, settings=TWEEDIE, claims=AS_LINEAR),
        "curved_counts": drawn(CHOOSE, AMOUNTS, generated.curved_counts, 3000, settings=POISSON),
        "rarer_counts": drawn(
            REPORT, AMOUNTS, generated.counts, 3000, settings=POISSON, claims=AS_LINEAR, n_columns=15, intercept=-3.2
        ),
        "rarer_amounts": drawn(
            REPORT, AMOUNTS, generated.amounts, 3000, settings=TWEEDIE, claims=AS_LINEAR, intercept=-2.5
        ),
        "bike_counts": read(
            REPORT, tables.split, "bike_sharing", task=AMOUNTS, settings=POISSON, n_train=6000, columns=tables.BIKE
        ),
    },
    "heavy tails": {
        "one_cell": made(CHOOSE, CLASSIFICATION, generated.one_cell, claims=AS_CLEAN_LABELS),
        "log_normal_labels": drawn(CHOOSE, CLASSIFICATION, generated.log_normal, 1500, claims=AS_QUANTILES[0], s=3.0),
        "one_target_huber": made(CHOOSE, REGRESSION, generated.one_target, settings=HUBER, claims=AS_ROBUST),
        "errors_huber": made(CHOOSE, REGRESSION, generated.gross_errors, settings=HUBER, claims=AS_ROBUST),
        "three_cells": made(REPORT, REGRESSION, generated.three_cells, claims=AS_CLEAN),
        "log_normal_values": drawn(
            REPORT, REGRESSION, generated.log_normal, 1500, claims=AS_QUANTILES[1], s=2.0, labels=False
        ),
        "student_columns": drawn(REPORT, CLASSIFICATION, generated.student, 1500, claims=AS_QUANTILES[0]),
        "one_target_absolute": made(REPORT, REGRESSION, generated.one_target, settings=ABSOLUTE, claims=AS_ROBUST),
        "errors_absolute": made(REPORT, REGRESSION, generated.gross_errors, settings=ABSOLUTE, claims=AS_ROBUST),
    },
    "text": {
        "four_classes_of_words": text(CHOOSE, generated.dense_words, n_classes=4, n_words=40, spread=0.7, power=0.5),
        "ten_topics": text(CHOOSE, generated.words_of_topics, n_classes=10, n_words=40),
        "eight_classes_of_words": text(REPORT, generated.dense_words, n_classes=8, n_words=25, spread=1.0, power=0.2),
        "twenty_classes_of_words": text(REPORT, generated.dense_words, n_classes=20, n_words=60, spread=1.2, power=0.5),
        "two_classes_of_words": text(REPORT, generated.dense_words, n_classes=2, n_words=30, spread=0.7, power=0.9),
    },
    "wide": {
        "wide_values": drawn(CHOOSE, REGRESSION, generated.wide, 200, 500),
        "wide_labels": drawn(REPORT, CLASSIFICATION, generated.wide, 200, 500, labels=True),
    },
    "few samples": {
        "diabetes_200": read(CHOOSE, tables.split, "diabetes", n_train=200),
        "concrete_300": read(CHOOSE, tables.split, "concrete", n_train=300),
        "breast_cancer_150": read(CHOOSE, tables.split, "breast_cancer", n_train=150),
        "spambase_300": read(CHOOSE, tables.split, "spambase", n_train=300),
        "wine_100": read(REPORT, tables.split, "wine", n_train=100),
        "digits_500": read(REPORT, tables.split, "digits", n_train=500),
        "airfoil_200": read(REPORT, tables.split, "airfoil", n_train=200),
        "phoneme_500": read(REPORT, tables.split, "phoneme", n_train=500),
        "kin8nm_500": read(REPORT, tables.split, "kin8nm", n_train=500),
    },
    "many samples": {
        "friedman": drawn(CHOOSE, REGRESSION, generated.friedman, 15_000, noise=1.0),
        "smooth": drawn(CHOOSE, REGRESSION, generated.smooth, 20_000, n_columns=4, noise=0.02),
        "noisy_friedman": drawn(REPORT, REGRESSION, generated.friedman, 12_000, noise=3.0, n_columns=9),
        "noisy_smooth": drawn(REPORT, REGRESSION, generated.smooth, 18_000, n_columns=6, noise=0.3),
        "bike_few_columns": read(REPORT, tables.split, "bike_sharing", n_train=14_000, columns=tables.BIKE[:5]),
    },
}
PROBLEMS = {name: problem._replace(kind=kind) for kind, found in KINDS.items() for name, problem in found.items()}
