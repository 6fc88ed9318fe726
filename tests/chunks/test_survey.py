"""The survey of chunks: which samples it draws from them."""

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropRegressor
from skbackprop._estimators import survey as module
from skbackprop._estimators.chunk_source import ChunkSource
from skbackprop._estimators.survey import Drawn, survey_chunk
from tests.chunks.cases import cut, friedman

SEED = 7


def surveyed(chunks, *, has_bound):
    """Return the survey of chunks one after another; each draws below the bound of those before, or all it can."""
    survey = None
    for number, chunk in ChunkSource(chunks, BackpropRegressor).read():
        bound = np.inf if survey is None or not has_bound else survey.bound
        found = survey_chunk(chunk, number, SEED, BackpropRegressor(), bound)
        survey = found if survey is None else survey.merge(found)
    return survey


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("size", [1, 7, 50, 400])
@pytest.mark.parametrize("n_drawn", [20, 300, 5000])
@pytest.mark.parametrize("has_bound", [False, True])
def test_samples_are_drawn_from_all_chunks_alike(has_bound, n_drawn, size, kind, monkeypatch):
    """They have the smallest of all keys, however the samples were copied on the way, and the order of the chunks."""
    monkeypatch.setattr(module, "MAX_DRAWN", n_drawn)
    monkeypatch.setattr(module, "MIN_DRAWN", min(n_drawn, 10))
    X, y = friedman(1600)
    weight = np.arange(1600) % 3 / 2.0  # 0 for some
    chunks = [(kind(X), y, weight) for X, y, weight in cut(X, y, weight, size=size)]
    keys = [np.random.default_rng([SEED, number]).random(len(chunk[1])) for number, chunk in enumerate(chunks)]
    keys = np.where(weight > 0, np.concatenate(keys), np.inf)
    expected = np.sort(np.argsort(keys)[: min(n_drawn, np.count_nonzero(weight))])
    drawn = surveyed(chunks, has_bound=has_bound).drawn
    np.testing.assert_array_equal(drawn.key, keys[expected])
    np.testing.assert_array_equal(drawn.X if kind is np.asarray else drawn.X.toarray(), X[expected])
    np.testing.assert_array_equal(drawn.y, y[expected])
    np.testing.assert_array_equal(drawn.sample_weight, weight[expected])
    np.testing.assert_array_equal(drawn.number, expected // size)


def test_few_samples_are_copied(monkeypatch):
    """Each chunk has few samples that are drawn, and does not copy all that were drawn before."""
    n_copied = 0
    from_parts = Drawn.from_parts

    def counting(parts, y_dtype):
        nonlocal n_copied
        n_copied += sum(len(part.key) for part in parts)
        return from_parts(parts, y_dtype)

    monkeypatch.setattr(module, "MAX_DRAWN", 200)
    monkeypatch.setattr(module, "MIN_DRAWN", 10)
    monkeypatch.setattr(Drawn, "from_parts", counting)
    X, y = friedman(20_000)
    surveyed(cut(X, y, size=20), has_bound=True)
    assert 200 < n_copied < 20_000
