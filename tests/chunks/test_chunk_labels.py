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
