"""One call of `fit`: from X and y as the user passes them to the fitted attributes of an ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from .._estimators.labels import is_multilabel
from .._estimators.parameters import check_weights
from .._estimators.samples import accepted_dtypes
from .._estimators.validation import validate_data
from .._sklearn_compat import open_task, with_callbacks
from .._training.result import TrainingResult
from .._typing import keep_signature
from ._folds import Fold, make_folds
from ._members import check_template, new_member
from ._training import Candidate, MemberTrainer, Samples, train_candidates

if TYPE_CHECKING:
    from ._base import BaseBackpropEnsemble


@keep_signature(with_callbacks)
def run_fit(
    ensemble: BaseBackpropEnsemble,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
) -> list[TrainingResult]:
    """Train the members and set the fitted attributes; return how their fits have ended."""
    task = open_task(ensemble, "fit", None, X, y, sample_weight, sequential=False)
    dtypes = accepted_dtypes(X, np.float64, np.float32)
    X, y = validate_data(ensemble, X, y, accept_sparse="csr", dtype=dtypes, order="C", multi_output=True)
    y = ensemble._validated_target(y)
    weight = check_weights(sample_weight, X)
    rng = check_random_state(ensemble.random_state)
    folds = _folds(ensemble, y, groups, weight, rng)
    samples = Samples(X, y, weight, folds, len(folds) or ensemble.n_estimators)
    candidates = _candidates(ensemble, samples, rng)
    trainer = MemberTrainer(ensemble, samples, task)
    kept = train_candidates(trainer, candidates, samples, lambda network: ensemble._mean_loss(network, y, weight))
    ensemble._begin_bagging(rng)
    ensemble._set_members(samples, candidates, kept)
    if task is not None:
        task.end()
    return [result for candidate in kept for result in candidate.results]


def _folds(
    ensemble: BaseBackpropEnsemble,
    y: np.ndarray,
    groups: ArrayLike | None,
    weight: np.ndarray | None,
    rng: np.random.RandomState,
) -> list[Fold]:
    """Return the fold of each member, or none if all train on all samples.

    Raises
    ------
    ValueError
        If parameters contradict each other, or there are fewer samples than folds.
    """
    if ensemble.strategy == "seeds":
        if not (ensemble.candidates is None or isinstance(ensemble.candidates, str)):
            raise ValueError("candidates are compared on held-out samples: strategy='seeds' has none, 'cross_fit' has.")
        return []
    if ensemble.n_estimators < 2 and ensemble.cv is None:
        raise ValueError("n_estimators=1 leaves nothing to train on with strategy='cross_fit'; use 2 or more folds.")
    seed = rng.randint(np.iinfo(np.int32).max)
    is_stratified = is_classifier(ensemble) and not is_multilabel(y)
    return make_folds(ensemble.cv, ensemble.n_estimators, y, groups, weight, seed, is_stratified=is_stratified)


def _candidates(ensemble: BaseBackpropEnsemble, samples: Samples, rng: np.random.RandomState) -> list[Candidate]:
    templates = ensemble._templates(samples.X)
    if not templates:
        raise ValueError("candidates is empty: pass at least one estimator, or None.")
    for template in templates.values():
        check_template(template, ensemble._network_class)
    return [
        Candidate(name, [new_member(template, rng) for _ in range(samples.n_members)])
        for name, template in templates.items()
    ]
