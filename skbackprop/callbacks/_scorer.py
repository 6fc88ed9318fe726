"""The scorer of a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sklearn.metrics import check_scoring

from .._hyperparameters import shortened

if TYPE_CHECKING:
    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


def scorer_of(
    estimator: BackpropRegressor | BackpropClassifier, scoring: str | Callable[..., Any] | None
) -> Callable[..., Any]:
    """Return the scorer, or raise TypeError or ValueError; within a fit, scikit-learn does not check its type."""
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise TypeError(f"scoring must be the name of a scorer, a callable or None, not {shortened(scoring)}.")
    return check_scoring(estimator, scoring)
