"""Labels in chunks: `fit_chunks` takes those that `fit` takes, and finds the same classes."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skbackprop import BackpropClassifier
from tests.chunks.cases import FEW, SMALL, cut, three_classes
from tests.shared import TRAINS_BRIEFLY, theta

pytestmark = TRAINS_BRIEFLY


def same(first, second):
    return np.array_equal(theta(first), theta(second)) and first.loss_curve_ == second.loss_curve_


class TestLabelsOfWeightZero:
    """A class whose samples all have weight 0 is a class, but counts nowhere."""

    def make_data(self):
        X, y = three_classes(300)
        y[100:110] = "d"
        weight = np.where(y == "d", 0.0, 1 + np.arange(300) % 3)
        return X, y, weight

    @pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 2.0, "d": 3.0}])
    @pytest.mark.parametrize("size", [300, 50])
    def test_one_window_equals_fit(self, size, class_weight):
        X, y, weight = self.make_data()
        network = BackpropClassifier(8, class_weight=class_weight, **FEW)
        by_chunks = clone(network).fit_chunks(cut(X, y, weight, size=size))
        assert by_chunks.classes_.tolist() == ["a", "b", "c", "d"]
        assert same(by_chunks, network.fit(X, y, weight))

    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    def test_many_windows(self, class_weight):
        X, y, weight = self.make_data()
        network = BackpropClassifier(8, class_weight=class_weight, **FEW | {"solver": "batch", "standardize": False})
        by_chunks = clone(network).fit_chunks(cut(X, y, weight, size=10), memory_budget=0.01)
        network.fit(X, y, weight)
        assert by_chunks.classes_.tolist() == ["a", "b", "c", "d"]
        np.testing.assert_allclose(by_chunks.loss_curve_, network.loss_curve_, rtol=1e-6)
        assert by_chunks._state.constant_loss == pytest.approx(network._state.constant_loss)

    def test_several_labels(self):
        X, y, weight = self.make_data()
        several = (y[:, np.newaxis] == ["a", "b", "d"]).astype(int)
        network = BackpropClassifier(8, class_weight="balanced", **FEW)
        by_chunks = clone(network).fit_chunks(cut(X, several, weight))
        assert same(by_chunks, network.fit(X, several, weight))

    def test_unknown_labels_are_refused_as_by_fit(self):
        X, y, weight = self.make_data()
        known = y != "d"
        network = BackpropClassifier(8, warm_start=True, **FEW).fit(X[known], y[known])
        with pytest.raises(ValueError, match=r"y contains previously unseen labels \['d'\]"):
            clone(network).fit(X[known], y[known]).fit(X, y, weight)
        with pytest.raises(ValueError, match=r"Chunk 2: y contains previously unseen labels \['d'\]"):
            network.fit_chunks(cut(X, y, weight), memory_budget=SMALL)


class TestSeveralLabels:
    """A sparse y gives sparse predictions."""

    @pytest.mark.parametrize("budget", [SMALL, 500])
    @pytest.mark.parametrize("size", [1500, 50])
    @pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, np.asarray])
    def test_predictions_are_of_the_kind_of_fit(self, kind, size, budget):
        X, y = three_classes()
        several = kind((y[:, np.newaxis] == ["a", "b"]).astype(int))
        chunks = [(X[s : s + size], several[s : s + size]) for s in range(0, len(X), size)]
        network = BackpropClassifier(8, **FEW)
        predicted = clone(network).fit_chunks(chunks, memory_budget=budget).predict(X)
        assert type(predicted) is type(network.fit(X, several).predict(X))

    def test_one_sparse_chunk_among_dense_ones(self):
        X, y = three_classes(300)
        several = (y[:, np.newaxis] == ["a", "b"]).astype(int)
        chunks = cut(X, several)
        chunks[3] = (chunks[3][0], sparse.csr_matrix(chunks[3][1]))
        assert sparse.issparse(BackpropClassifier(8, **FEW).fit_chunks(chunks).predict(X))

    def test_a_sparse_column_is_one_label_per_sample(self):
        X, y = three_classes(300)
        column = sparse.csr_matrix((y == "a")[:, np.newaxis].astype(int))
        chunks = [(X[s : s + 50], column[s : s + 50]) for s in range(0, len(X), 50)]
        assert BackpropClassifier(8, **FEW).fit_chunks(chunks).predict(X).shape == (300,)

    @pytest.mark.parametrize("is_sparse_first", [False, True])
    def test_a_warm_start_keeps_the_kind_of_the_first_call(self, is_sparse_first):
        X, y = three_classes(300)
        dense = (y[:, np.newaxis] == ["a", "b"]).astype(int)
        kinds = [dense, sparse.csr_matrix(dense)]
        network = BackpropClassifier(8, warm_start=True, **FEW)
        for several in kinds[::-1] if is_sparse_first else kinds:
            network.fit_chunks([(X, several)])
        assert sparse.issparse(network.predict(X)) == is_sparse_first


class TestIntegers:
    """Labels are integers of any size and type, and stay the integers that they are."""

    @pytest.mark.parametrize("budget", [SMALL, 500])
    @pytest.mark.parametrize("class_weight", [None, "balanced"])
    @pytest.mark.parametrize(
        ("values", "types"),
        [
            ((0, 1, 2), (np.int64, np.uint64)),
            ((0, 1, 2), (np.uint64, np.int8)),
            ((2**53, 2**53 + 1, 2**53 + 2), (np.int64, np.uint64)),
            ((2**53, 2**53 + 1, 2**53 + 2), (np.uint64, np.int64)),
        ],
        ids=str,
    )
    def test_chunks_of_different_types(self, values, types, class_weight, budget):
        X, y = three_classes()
        y = np.array(values, np.int64)[np.searchsorted(["a", "b", "c"], y)]
        chunks = [(X, y.astype(types[number % 2])) for number, (X, y) in enumerate(cut(X, y))]
        network = BackpropClassifier(8, class_weight=class_weight, **FEW)
        by_chunks = clone(network).fit_chunks(chunks, memory_budget=budget)
        assert same(by_chunks, network.fit_chunks(cut(X, y), memory_budget=budget))
        assert by_chunks.classes_.dtype == np.int64
        assert by_chunks.classes_.tolist() == list(values)
        assert by_chunks.predict(X).tolist() == network.predict(X).tolist()

    @pytest.mark.parametrize("budget", [SMALL, 500])
    @pytest.mark.parametrize("values", [(0, 2**63 + 1), (2**53 + 1, 2**64 - 1)], ids=str)
    def test_labels_that_only_an_unsigned_type_has(self, values, budget):
        X, y = three_classes()
        y = np.array(values, np.uint64)[(y == "a").astype(int)]
        y[:50] = values[0]
        chunks = cut(X, y)
        chunks[0] = (chunks[0][0], chunks[0][1].astype(np.int64))
        network = BackpropClassifier(8, **FEW).fit_chunks(chunks, memory_budget=budget)
        assert network.classes_.dtype == np.uint64
        assert network.classes_.tolist() == list(values)

    def test_labels_that_no_type_has_together(self):
        X, _ = three_classes(100)
        chunks = [(X[:50], np.full(50, -1)), (X[50:], np.full(50, 2**63 + 1, np.uint64))]
        with pytest.raises(ValueError, match=r"Chunk 1: y has labels from 9223372036854775809 .* from -1 .*strings"):
            BackpropClassifier(8, **FEW).fit_chunks(chunks)

    def test_large_integers_among_floats(self):
        X, _ = three_classes(100)
        chunks = [(X[:50], np.arange(50) % 2 + 2.0**53), (X[50:], 2**53 + 1 + np.arange(50) % 2)]
        network = BackpropClassifier(8, **FEW).fit_chunks(chunks)
        assert network.classes_.tolist() == [2**53, 2**53 + 1, 2**53 + 2]

    @pytest.mark.parametrize("method", ["fit", "fit_chunks", "partial_fit"])
    def test_known_classes_of_another_type(self, method):
        X, y = three_classes(300)
        large = 2**53 + np.searchsorted(["a", "b", "c"], y)
        network = BackpropClassifier(8, warm_start=True, **FEW).fit(X, large)
        other = clone(network).fit(X, large)
        labels = [large.astype(np.uint64), large]
        for model, y in zip((network, other), labels, strict=True):
            model.fit_chunks([(X, y)]) if method == "fit_chunks" else getattr(model, method)(X, y)
        assert np.array_equal(theta(network), theta(other))

    @pytest.mark.parametrize("class_weight", ["balanced", {2**53: 1.0, 2**53 + 1: 5.0, 2**53 + 2: 0.5}])
    def test_class_weights_of_known_classes_of_another_type(self, class_weight):
        X, y = three_classes(300)
        large = 2**53 + np.searchsorted(["a", "b", "c"], y)
        network = BackpropClassifier(8, warm_start=True, class_weight=class_weight, **FEW)
        other = clone(network).fit(X, large).fit(X, large)
        assert same(network.fit(X, large).fit(X, large.astype(np.uint64)), other)
