"""The lint of the vocabulary finds words to avoid, and leaves those with another meaning."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from check_vocabulary import ALLOWED, ROOT, files, find


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("X : ndarray of shape (n_rows, n_features)", "rows"),
        ("Make one pass over the data.", "one pass"),
        ("n_passes = 3", "n passes"),
        ("The recipe of a training.", "recipe"),
        ("def _watch(self):", "watch"),
        ("Listeners are told of each epoch.", "told"),
        ("standardizer.unfold(layers)", "unfold"),
        ("The loss exploded.", "exploded"),
        ("The net input of a layer.", "net input"),
        ("a loss of one's own", "one's own"),
        ("derivatives of predictions by the inputs", "derivatives of predictions by the"),
        ("The optimizer's memory is empty.", "optimizer's memory"),
        ("Inputs are standardised.", "standardised"),
        ("a neighbouring color", "neighbouring"),
    ],
)
def test_words_to_avoid_are_found(line, word):
    assert word in [found for found, _ in find(line)]


@pytest.mark.parametrize(
    "line",
    [
        "Return a table with one row per weight.",
        "A forward pass through the network.",
        "five folds of a cross-validation",
        "unfold_scaling(layers)",
        "The optimizer state does not fit in memory.",
        "every factor of the chain rule",
        "LossRecorder records the loss.",
        "5 calls in a row",
        "The probabilities are optimistic.",
        "a step of the optimizer by the learning rate",
        "`estimators/test_base.py::test_any_rows`",
    ],
)
def test_words_with_another_meaning_are_left(line):
    assert list(find(line)) == []


def test_tests_may_speak_of_rows():
    assert list(find("X[rows]", in_tests=True)) == []


def test_allowed_files_are_among_those_checked():
    names = {path.relative_to(ROOT).as_posix() for path in files()}
    assert {file for file, _, _ in ALLOWED} <= names
