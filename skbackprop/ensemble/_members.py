"""Members: networks, or pipelines that end in one, and how one of them is trained and used."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._estimators.base import BaseBackprop
from .._estimators.classifier import BackpropClassifier
from .._estimators.fitted_model import fitted_model
from .._estimators.targets import PRECISE
from .._hyperparameters import shortened
from .._sklearn_compat import safe_indexing
from .._training.result import TrainingResult
from .._typing import Matrix
from ..callbacks import Checkpoint, EarlyStopping, LossRecorder
from ._folds import Fold
from ._temperature import logits_of

#: Number of samples that are predicted at a time where they have to be gathered or transformed.
CHUNK_SAMPLES = 4096


class TrainedMember(NamedTuple):
    """A member after its fit.

    Attributes
    ----------
    member : estimator
        The fitted network, or the pipeline that ends in it.
    result : TrainingResult
        What the user should know.
    prediction : ndarray or None
        Predictions, or logits, of the samples that it was not trained on.
    """

    member: Any
    result: TrainingResult
    prediction: np.ndarray | None


def network_of(member: Any) -> BaseBackprop:
    """Return the network of a member."""
    return member[-1] if isinstance(member, Pipeline) else member


def check_template(template: Any, network_class: type[BaseBackprop]) -> None:
    """Raise an error unless an estimator is a network of the class with valid parameters, or a pipeline with one."""
    network = network_of(template)
    if not isinstance(network, network_class):
        raise TypeError(
            f"estimator and candidates must be a {network_class.__name__} or a Pipeline that ends in one, "
            f"got {shortened(template)}. To mix in other kinds of models, use scikit-learn's voting or stacking "
            "ensembles."
        )
    if any(isinstance(callback, Checkpoint) for callback in vars(network).get("_skl_callbacks", [])):
        raise ValueError("A Checkpoint stores a single network, and all networks of an ensemble would write its file.")
    network._validate_params()


def check_callbacks(ensemble: Any) -> None:
    """Raise ValueError if callbacks that observe the epochs of a network are set on an ensemble."""
    for callback in vars(ensemble).get("_skl_callbacks", []):
        if isinstance(callback, (Checkpoint, EarlyStopping, LossRecorder)):
            name = type(callback).__name__
            raise ValueError(f"{name} is a callback of networks: set it on `estimator`, not on the ensemble.")


def prior_of(member: Any) -> float:
    """Return the c of ``alpha="auto"`` that a fitted member was trained with."""
    return fitted_model(network_of(member)).state.prior


def new_member(template: Any, random_state: np.random.RandomState) -> Any:
    """Return an unfitted copy, every `random_state` of which is drawn anew."""
    member = clone(template)
    names = sorted(name for name in member.get_params() if name.rpartition("__")[2] == "random_state")
    return member.set_params(**{name: random_state.randint(np.iinfo(np.int32).max) for name in names})


def train(
    member: Any, X: Matrix, y: np.ndarray, sample_weight: np.ndarray | None, fold: Fold | None, prior: float | None
) -> TrainedMember:
    """Fit a member to the samples that are not in the fold, or to all samples, without a copy of X."""
    weight = sample_weight if fold is None else fold.weights(sample_weight, X.shape[0])
    if isinstance(member, Pipeline):
        member, X = _fit_transformers(member, X, y, weight, fold)
    network = network_of(member)
    if fold is None:
        return TrainedMember(member, network._fit_without(None, X, y, weight, prior), None)
    result = network._fit_without(fold.held_out, X, y, weight, prior)
    return TrainedMember(member, result, _predict_at(network, X, fold.held_out))


def transformed(member: Any, X: Matrix) -> Matrix:
    """Return the samples as the network of a member receives them."""
    return member[:-1].transform(_shared(X)) if isinstance(member, Pipeline) and len(member) > 1 else X


def update(
    member: Any, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None
) -> TrainingResult:
    """Make one epoch of a stream."""
    return network_of(member)._update(transformed(member, X), y, sample_weight, classes)


def update_all(
    members: list[Any], X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None, classes: ArrayLike | None
) -> list[TrainingResult]:
    """Make one epoch of a stream with each member; networks with the same parameters share the encoded samples."""
    first = network_of(members[0])
    is_first_plain = first is members[0]
    with np.errstate(all="ignore"):  # the trainer detects overflow itself
        data = first._encode_fast(X, y, sample_weight, classes) if is_first_plain else None
        results = []
        for member in members:
            can_share = data is not None and network_of(member) is member
            result = member._update_like(first, data) if can_share else None
            results.append(update(member, X, y, sample_weight, classes) if result is None else result)
    return results


def predict(member: Any, X: Matrix) -> np.ndarray:
    """Return predictions, or logits of the classes, of shape (n_samples, n_columns).

    A few samples at a time are transformed.
    """
    network = network_of(member)
    if network is member or len(member) == 1:
        return _predict(network, X)
    starts = range(0, X.shape[0], CHUNK_SAMPLES)
    return np.concatenate(
        [_predict(network, transformed(member, X[start : start + CHUNK_SAMPLES])) for start in starts]
    )


def _fit_transformers(
    member: Pipeline, X: Matrix, y: np.ndarray, weight: np.ndarray | None, fold: Fold | None
) -> tuple[Pipeline, Matrix]:
    """Fit the transformers of a pipeline to the training samples only; return it and all samples, transformed."""
    if len(member) == 1:
        return member, X
    transformers = member[:-1]
    if X.dtype not in PRECISE:
        X = X.astype(PRECISE[0])  # as for predictions: integers might overflow
    is_trained = np.ones(X.shape[0], bool) if weight is None else weight > 0
    if fold is not None:
        is_trained[fold.held_out] = False
    everything = is_trained.all()
    transformers.fit(X if everything else X[is_trained], y if everything else y[is_trained])
    member.steps[:-1] = transformers.steps
    return member, transformers.transform(_shared(X))


def _shared(X: Matrix) -> Matrix:
    """Return a view of X that transformers with ``copy=False`` do not change, because other members use it, too."""
    if sparse.issparse(X):
        return X
    view = X.view()
    view.flags.writeable = False
    return view


def _predict(network: BaseBackprop, X: Matrix) -> np.ndarray:
    if isinstance(network, BackpropClassifier):
        return logits_of(network.predict_proba(X), is_multilabel=network._is_multilabel)
    prediction = network.predict(X)
    return prediction.reshape(len(prediction), -1)


def _predict_at(network: BaseBackprop, X: Matrix, indices: np.ndarray) -> np.ndarray:
    """Return the predictions of some samples, maybe of a data frame, of which a few at a time are copied."""
    chunks = (indices[start : start + CHUNK_SAMPLES] for start in range(0, len(indices), CHUNK_SAMPLES))
    return np.concatenate([_predict(network, safe_indexing(X, chunk)) for chunk in chunks])
