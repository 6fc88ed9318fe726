"""`Survey`: what is known of all chunks before training begins.

It can be merged, so chunks can be surveyed wherever they are. A few samples are drawn at random: they show the range of
each column, and the penalty is chosen on them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier

from .._core.shards import stack
from .._core.windows import bytes_of
from .._hyperparameters import shortened
from .._training.trainer import N_CHECKED_SAMPLES
from .._typing import Matrix
from .chunk_source import Chunk
from .labels import LabelCounts, check_indicators, is_multilabel
from .parameters import check_mean_weight
from .targets import dense

#: The largest number of samples that are drawn, and the memory that they may take.
MAX_DRAWN, MAX_DRAWN_BYTES = 5000, 2**24
#: The smallest number of samples that are drawn, whatever memory they take.
MIN_DRAWN = 200
#: The largest number of parts that drawn samples are kept in.
MAX_PARTS = 100
#: The parts of a stored survey.
SURVEY_KEYS = (
    "n_samples",
    "n_bytes",
    "checksums",
    "n_features",
    "dtype",
    "n_entries",
    "y_shape",
    "y_dtype",
    "has_weights",
    "total_weight",
    "n_counted",
    "labels",
    "counts",
    "X",
    "y",
    "sample_weight",
)
#: The arrays of a CSR matrix.
CSR_PARTS = ("data", "indices", "indptr")


@dataclass
class Drawn:
    """Samples drawn at random: those with the smallest keys, each of which is a random number.

    Attributes
    ----------
    key : ndarray of shape (n,)
    X : ndarray or CSR matrix of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_targets)
    sample_weight : ndarray of shape (n,)
    number : ndarray of shape (n,)
        The numbers of the chunks.
    bound : float, default=inf
        Samples with larger keys have been left out, so that others with larger keys need not be drawn.
    """

    key: np.ndarray
    X: Matrix
    y: np.ndarray
    sample_weight: np.ndarray
    number: np.ndarray
    bound: float = np.inf

    @classmethod
    def of(cls, chunk: Chunk, number: int, seed: int, bound: float = np.inf) -> Drawn:
        """Draw from one chunk, the same samples each time; none of weight 0, and none beyond the bound."""
        key = np.random.default_rng([seed, number]).random(chunk.n_samples)
        weight = chunk.sample_weight
        if weight is not None:
            key[weight == 0] = np.inf
        n = min(how_many(chunk.X), int(np.count_nonzero(key < bound)))
        chosen = np.sort(np.argpartition(key, n - 1)[:n]) if n else np.zeros(0, np.intp)
        weight = np.ones(n) if weight is None else weight[chosen]
        return cls(key[chosen], chunk.X[chosen], chunk.y[chosen], weight, np.full(n, number))

    @classmethod
    def from_parts(cls, parts: list[Drawn], y_dtype: np.dtype) -> Drawn:
        """Draw from all parts; y gets this dtype."""
        drawn = Drawn(
            np.concatenate([part.key for part in parts]),
            stack([part.X for part in parts]),
            np.concatenate([part.y.astype(y_dtype, copy=False) for part in parts]),
            np.concatenate([part.sample_weight for part in parts]),
            np.concatenate([part.number for part in parts]),
            min(part.bound for part in parts),
        )
        n = how_many(drawn.X)
        if n < len(drawn.key):
            drawn = drawn.take(np.sort(np.argpartition(drawn.key, n - 1)[:n]))
            drawn.bound = drawn.key.max()
        return drawn

    def thinned(self) -> Drawn:
        """Return as many samples as the checks for divergence need."""
        return self.take(np.arange(0, len(self.key), -(-len(self.key) // N_CHECKED_SAMPLES)))

    def take(self, indices: np.ndarray) -> Drawn:
        """Return the samples at these indices."""
        key, weight, number = (array[indices] for array in (self.key, self.sample_weight, self.number))
        return Drawn(key, self.X[indices], self.y[indices], weight, number, self.bound)


def merged_parts(parts: list[Drawn], y_dtype: np.dtype) -> list[Drawn]:
    """Return the parts that have samples; all in one if they are many, so that samples are not copied each time."""
    parts = [part for part in parts if len(part.key)] or parts[:1]
    n_first = len(parts[0].key)
    n_others = sum(len(part.key) for part in parts[1:])
    is_much = 4 * n_others >= max(n_first, MIN_DRAWN) or len(parts) > MAX_PARTS
    return [Drawn.from_parts(parts, y_dtype)] if is_much else parts


def how_many(X: Matrix) -> int:
    """Return how many samples like these are drawn."""
    n_samples = X.shape[0]
    most = min(MAX_DRAWN, n_samples * MAX_DRAWN_BYTES // max(bytes_of(X), 1))
    return min(max(most, MIN_DRAWN), n_samples)


@dataclass
class Survey:
    """What is known of one or more chunks.

    Attributes
    ----------
    n_samples, n_bytes, checksums : list of int
        Number of samples of each chunk, the memory that it takes, and a checksum of a few of its samples.
    n_features : int
    names : ndarray or None
        The feature names.
    dtype : dtype
        That of X: the network's dtype, or a narrower one that all chunks have.
    is_sparse : bool
    n_entries : float
        Number of entries of all samples.
    y_shape : tuple of int
        The shape of y without the number of samples.
    y_dtype : dtype
    has_weights : bool
        Whether some chunk has sample weights.
    total_weight : float
    counts : LabelCounts or None
        If y has labels.
    parts : list of Drawn
        Samples drawn at random.
    has_sparse_labels : bool
        Whether some chunk has several labels per sample as a sparse matrix; not stored, as training that is resumed
        does not need it.
    """

    n_samples: list[int]
    n_bytes: list[int]
    checksums: list[int]
    n_features: int
    names: np.ndarray | None
    dtype: np.dtype
    is_sparse: bool
    n_entries: float
    y_shape: tuple[int, ...]
    y_dtype: np.dtype
    has_weights: bool
    total_weight: float
    counts: LabelCounts | None
    parts: list[Drawn]
    has_sparse_labels: bool = False

    @property
    def drawn(self) -> Drawn:
        """Samples drawn at random from all chunks."""
        return Drawn.from_parts(self.parts, self.y_dtype)

    @property
    def bound(self) -> float:
        """The largest key with which a sample may still be drawn."""
        return self.parts[0].bound

    @property
    def network_dtype(self) -> np.dtype:
        """The dtype of a network for these samples: float32 if all of X has it, otherwise float64."""
        return np.dtype(np.float32) if self.dtype == np.float32 else np.dtype(np.float64)

    @property
    def is_narrow(self) -> bool:
        """Whether X has a dtype that no network has, and is converted where it is used."""
        return self.dtype not in (np.float32, np.float64)

    @property
    def sizes(self) -> np.ndarray:
        """The memory that each chunk takes once it is encoded."""
        if self.is_sparse:
            return np.array(self.n_bytes, np.float64)
        n_targets = self.y_shape[0] if self.y_shape else 1
        sample_bytes = self.n_features * self.dtype.itemsize + 8 * n_targets + 8 * self.has_weights
        return np.array(self.n_samples, np.float64) * sample_bytes

    @property
    def starts(self) -> list[int]:
        """The number of samples before each chunk."""
        return [0, *np.cumsum(self.n_samples[:-1]).tolist()]

    def merge(self, other: Survey) -> Survey:
        """Return the survey of the chunks of both; those of `other` follow.

        Raises
        ------
        ValueError
            If they do not belong together.
        """
        for what, before, now in (
            ("features", self.n_features, other.n_features),
            ("dimensions of y", 1 + len(self.y_shape), 1 + len(other.y_shape)),
            ("targets", *(shape[0] if shape else 1 for shape in (self.y_shape, other.y_shape))),
        ):
            if before != now:
                raise ValueError(f"it has {now} {what}, and those before have {before}.")
        names, names_before = _listed(other.names), _listed(self.names)
        if names != names_before:
            raise ValueError(f"its feature names are {names}, and before they were {names_before}.")
        if self.is_sparse != other.is_sparse:
            kinds = [("dense", "sparse")[survey.is_sparse] for survey in (self, other)]
            raise ValueError(f"its X is {kinds[1]}, and before X was {kinds[0]}: convert all to one kind.")
        kinds = ["text" if survey.y_dtype.kind in "OUS" else "numbers" for survey in (self, other)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"its y has {kinds[1]}, and before y had {kinds[0]}.")
        counts = None if self.counts is None or other.counts is None else self.counts.merge(other.counts)
        y_dtype = np.result_type(self.y_dtype, other.y_dtype)
        if counts is not None and not self.y_shape:
            y_dtype = counts.labels.dtype  # which has all labels exactly
        return replace(
            self,
            n_samples=self.n_samples + other.n_samples,
            n_bytes=self.n_bytes + other.n_bytes,
            checksums=self.checksums + other.checksums,
            dtype=common_dtype(self.dtype, other.dtype),
            n_entries=self.n_entries + other.n_entries,
            y_dtype=y_dtype,
            has_weights=self.has_weights or other.has_weights,
            total_weight=self.total_weight + other.total_weight,
            counts=counts,
            parts=merged_parts(self.parts + other.parts, y_dtype),
            has_sparse_labels=self.has_sparse_labels or other.has_sparse_labels,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what a fit that is resumed needs, as numbers, strings, arrays and plain containers, to be stored."""
        drawn, counts = self.drawn, self.counts
        X = drawn.X if isinstance(drawn.X, np.ndarray) else {name: getattr(drawn.X, name) for name in CSR_PARTS}
        return {
            "n_samples": np.array(self.n_samples, np.int64),
            "n_bytes": np.array(self.n_bytes, np.int64),
            "checksums": np.array(self.checksums, np.int64),
            "n_features": self.n_features,
            "dtype": self.dtype.name,
            "n_entries": self.n_entries,
            "y_shape": list(self.y_shape),
            "y_dtype": self.y_dtype.str,
            "has_weights": self.has_weights,
            "total_weight": self.total_weight,
            "n_counted": 0 if counts is None else counts.n_samples,
            "labels": None if counts is None else _plain(counts.labels),
            "counts": None if counts is None else counts.counts,
            "X": X,
            "y": _plain(drawn.y),
            "sample_weight": drawn.sample_weight,
        }

    @classmethod
    def from_state_dict(cls, stored: dict[str, Any]) -> Survey:
        """Return the survey that `state_dict` described."""
        X, n_features = stored["X"], stored["n_features"]
        nothing = np.zeros(len(stored["y"]))
        is_sparse = isinstance(X, dict)
        if is_sparse:
            X = sparse.csr_matrix(tuple(X[name] for name in CSR_PARTS), (len(stored["y"]), n_features))
        counts = None
        if stored["labels"] is not None:
            counts = LabelCounts(stored["n_counted"], stored["labels"], stored["counts"])
        return cls(
            stored["n_samples"].tolist(),
            stored["n_bytes"].tolist(),
            stored["checksums"].tolist(),
            n_features,
            None,
            np.dtype(stored["dtype"]),
            is_sparse,
            stored["n_entries"],
            tuple(stored["y_shape"]),
            np.dtype(stored["y_dtype"]),
            stored["has_weights"],
            stored["total_weight"],
            counts,
            [Drawn(nothing, X, stored["y"], stored["sample_weight"], nothing)],
        )

    def check_weights(self) -> None:
        """Raise ValueError if the weights of all chunks together are 0, too small or too large."""
        if self.has_weights:
            mean = self.total_weight / sum(self.n_samples)
            check_mean_weight(mean, is_positive=any(len(part.key) for part in self.parts))

    def check_classes(self, classes: np.ndarray) -> None:
        """Raise ValueError if there are labels that are not among the classes."""
        if self.counts is None:
            return
        known = set(classes.tolist())
        unseen = [label for label in self.counts.labels.tolist() if label not in known]
        if unseen:
            raise ValueError(
                f"y contains previously unseen labels {shortened(unseen[:5])}; the classes are "
                f"{shortened(classes.tolist())}."
            )


def survey_chunk(chunk: Chunk, number: int, seed: int, estimator: Any, bound: float = np.inf) -> Survey:
    """Return the survey of one chunk, with samples drawn that have keys below the bound."""
    X, y, weight, names, has_sparse_y = chunk
    counts, several = None, False
    if is_classifier(estimator):
        with warnings.catch_warnings():  # many classes for one chunk may be few for all of them
            warnings.simplefilter("ignore", UserWarning)
            several = is_multilabel(y)
        labels = dense(y)
        if labels.ndim == 2:
            check_indicators(labels)
        counts = LabelCounts.of(labels, several, weight)
    dtype = X.dtype if X.dtype == np.float32 or X.dtype.kind != "f" or X.dtype == np.float16 else np.dtype(np.float64)
    return Survey(
        [chunk.n_samples],
        [chunk.n_bytes],
        [chunk.checksum],
        X.shape[1],
        names,
        dtype,
        sparse.issparse(X),
        float(X.size if isinstance(X, np.ndarray) else X.nnz),
        y.shape[1:],
        y.dtype,
        weight is not None,
        float(chunk.n_samples if weight is None else weight.sum()),
        counts,
        [Drawn.of(chunk, number, seed, bound)],
        several and has_sparse_y,
    )


def common_dtype(first: np.dtype, second: np.dtype) -> np.dtype:
    """Return the dtype that X keeps: that of both, or that of the network for both."""
    common = np.result_type(first, second)
    return common if first == second or common == np.float32 else np.dtype(np.float64)


def _plain(y: np.ndarray) -> np.ndarray:
    """Return labels as an array that needs no pickle."""
    return np.asarray(y.tolist()) if y.dtype == object else y


def _listed(names: np.ndarray | None) -> str:
    return "missing" if names is None else str(names.tolist())
