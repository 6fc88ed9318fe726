"""`FitProgress`: what a copy of an estimator needs in order to finish the fit that it was copied from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._core.dataset import Dataset
from .._training.shard_trainer import EpochPosition
from .._training.stopping import EarlyStopper, Patience
from .._training.trainer import N_CHECKED_SAMPLES
from .survey import Survey

OTHER_SAMPLES = "A fit must be resumed with the samples it began with: X, y or sample_weight differ."
OTHER_VALIDATION_SET = (
    "A fit must be resumed with the validation set it began with: X_val, y_val or sample_weight_val differ."
)


def fingerprint_of(data: Dataset) -> int:
    """Return a checksum of some samples, at even distances, and of the shapes of all."""
    some = data.spread(N_CHECKED_SAMPLES)
    arrays = [some.X] if isinstance(some.X, np.ndarray) else [some.X.data, some.X.indices, some.X.indptr]
    arrays += [some.y] if some.sample_weight is None else [some.y, some.sample_weight]
    checksum = zlib.crc32(repr((data.X.shape, data.y.shape)).encode())
    for array in arrays:
        checksum = zlib.crc32(np.ascontiguousarray(array, np.float64).tobytes(), checksum)
    return checksum


def fit_progress(estimator) -> FitProgress | None:
    """Return the progress of the fit that is running, or during which the estimator was copied; otherwise None."""
    return vars(estimator).get("_progress")


@dataclass
class ChunkProgress:
    """The part of a running `fit_chunks` that is not in the training state.

    Attributes
    ----------
    survey : Survey
        What is known of the chunks.
    position : EpochPosition
        How far the present epoch has come.
    budget : float
        The memory budget in bytes, which determines the windows.
    """

    survey: Survey
    position: EpochPosition
    budget: float

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers, arrays and plain containers, to be stored."""
        position = self.position.state_dict()
        return {"survey": self.survey.state_dict(), "position": position, "budget": self.budget}

    @classmethod
    def from_state_dict(cls, stored: dict[str, Any]) -> ChunkProgress:
        """Return the progress that `state_dict` described."""
        return cls(Survey.from_state_dict(stored["survey"]), EpochPosition(**stored["position"]), stored["budget"])


@dataclass
class FitProgress:
    """The part of a running `fit` that is not in the training state.

    Attributes
    ----------
    stopper : EarlyStopper
        Patience and best weights so far.
    last_iter : int
        Number of the last epoch that the fit may make.
    n_samples : tuple of int
        Number of samples to train on and to validate with.
    fingerprint : int or None
        Of the samples to train on, by which others are recognized.
    callback_states : list of dict
        States of the callbacks at the time of a checkpoint, in the order in which they were set.
    stop_requested : bool
        Whether a callback has asked to stop when its state was restored.
    chunks : ChunkProgress or None
        What `fit_chunks` needs in addition, if the chunks are not in memory all at once.
    validation_fingerprint : int or None
        Of the validation set, if there is one.
    """

    stopper: EarlyStopper
    last_iter: int
    n_samples: tuple[int, int]
    fingerprint: int | None = None
    callback_states: list[dict[str, Any]] = field(default_factory=list)
    stop_requested: bool = False
    chunks: ChunkProgress | None = None
    validation_fingerprint: int | None = None

    def check_samples(
        self, n_samples: tuple[int, int], fingerprint: int | None, validation_fingerprint: int | None
    ) -> None:
        """Raise ValueError if the fit is resumed with other samples."""
        if n_samples != self.n_samples:
            raise ValueError(
                f"A fit must be resumed with the samples it began with: {self.n_samples[0]} to train on and "
                f"{self.n_samples[1]} to validate with, got {n_samples[0]} and {n_samples[1]}."
            )
        if None not in (fingerprint, self.fingerprint) and fingerprint != self.fingerprint:
            raise ValueError(OTHER_SAMPLES)
        fingerprints = validation_fingerprint, self.validation_fingerprint
        if None not in fingerprints and fingerprints[0] != fingerprints[1]:
            raise ValueError(OTHER_VALIDATION_SET)

    def state_dict(self) -> dict[str, Any]:
        """Return everything as numbers, arrays and plain containers, to be stored."""
        patience = self.stopper.patience
        return {
            "limit": patience.limit,
            "min_improvement": patience.min_improvement,
            "stopper": self.stopper.state_dict(),
            "last_iter": self.last_iter,
            "n_samples": list(self.n_samples),
            "fingerprint": self.fingerprint,
            "validation_fingerprint": self.validation_fingerprint,
            "callback_states": self.callback_states,
            "chunks": None if self.chunks is None else self.chunks.state_dict(),
        }

    @classmethod
    def from_state_dict(cls, stored: dict[str, Any]) -> FitProgress:
        """Return the progress that `state_dict` described."""
        stopper = EarlyStopper(Patience(stored["limit"], stored["min_improvement"]))
        stopper.load_state_dict(stored["stopper"])
        n_train, n_validation = stored["n_samples"]
        chunks = stored.get("chunks")  # the first versions could not be fitted to chunks
        return cls(
            stopper,
            stored["last_iter"],
            (n_train, n_validation),
            stored.get("fingerprint"),  # the first versions had none
            list(stored["callback_states"]),
            chunks=None if chunks is None else ChunkProgress.from_state_dict(chunks),
            validation_fingerprint=stored.get("validation_fingerprint"),
        )
