"""Class labels: which are known, how they are encoded, and which are rejected."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier
from skbackprop._estimators.labels import class_codes, is_multilabel, known_classes, label_columns

X = np.random.default_rng(0).normal(size=(12, 3))


@pytest.mark.parametrize(
    ("classes", "y"),
    [
        (["a", "b"], ["apple", "banana"]),
        (["no", "yes"], ["yesterday"]),
        ([False, True], [5, 6]),
        (np.array([0, 1], np.int8), [256, 257]),
        ([0, 1, 2], ["0", "1"]),
        (["0", "1"], [0, 1]),
        ([0, 1], [0, 2]),
    ],
)
def test_labels_are_compared_without_casting(classes, y):
    with pytest.raises(ValueError, match="y contains previously unseen labels"):
        class_codes(np.array(y), np.array(classes), float)
    network = BackpropClassifier(3).partial_fit(X, np.resize(classes, 12), classes=classes)
    with pytest.raises(ValueError, match="y contains previously unseen labels"):
        network.partial_fit(X[: len(y)], np.array(y))


def test_class_codes():
    y, classes = np.array(["b", "a", "c"]), np.array(["a", "b", "c"])
    np.testing.assert_array_equal(class_codes(y, classes, np.float32), [[1], [0], [2]], strict=False)
    assert class_codes(y, classes, np.float32).dtype == np.float32
    np.testing.assert_array_equal(class_codes(np.array([1, 0]), np.array([False, True]), float), [[1], [0]])


def test_known_classes():
    y = np.array([3, 1, 3])
    np.testing.assert_array_equal(known_classes(y, None, None), [1, 3])
    np.testing.assert_array_equal(known_classes(y, None, [3, 2, 1]), [1, 2, 3])
    np.testing.assert_array_equal(known_classes(y, np.array([1, 2, 3]), ()), [1, 2, 3])
    with pytest.raises(ValueError, match="classes must be a list of labels, got 3"):
        known_classes(y, None, 3)
    with pytest.raises(ValueError, match="y has labels of different types"):
        known_classes(np.array([1, "a", None], dtype=object), None, None)


@pytest.mark.parametrize("values", [(0, 2), (-1, 1), (0, 3)])
def test_multilabel_target_must_be_zeros_and_ones(values):
    y = np.array(values)[np.random.default_rng(0).integers(0, 2, (12, 3))]
    with pytest.raises(ValueError, match="must contain only 0 and 1"):
        BackpropClassifier(3).fit(X, y)


def test_classes_of_a_multilabel_target_are_its_columns():
    y = np.eye(3, dtype=int)
    np.testing.assert_array_equal(label_columns(y, None), [0, 1, 2])
    np.testing.assert_array_equal(label_columns(y, [2, 1, 0]), [0, 1, 2])
    with pytest.raises(ValueError, match="are not the columns of y, 0 to 2"):
        label_columns(y, range(7))


def test_is_multilabel():
    assert is_multilabel(np.eye(3))
    assert not is_multilabel(np.array([0, 1, 2]))


def test_more_classes_than_float32_has_integers_are_rejected():
    many = np.broadcast_to(0, 2**24 + 1)
    with pytest.raises(ValueError, match="16777217 classes cannot be distinguished in float32; pass X in float64"):
        class_codes(np.zeros(1, int), many, np.dtype(np.float32))
    assert class_codes(np.array([2]), np.arange(3), np.dtype(np.float32)) == 2
