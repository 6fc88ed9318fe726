"""Checks of what callbacks are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_scalar

from .._hyperparameters import fits_in_float, is_printable, shortened

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


def checked_number(value: Any, name: str, kind: type, minimum: int) -> Any:
    """Return a number of this kind that is not below the minimum, or raise TypeError or ValueError."""
    is_nan = isinstance(value, float | np.floating) and np.isnan(value)
    if is_nan or isinstance(value, bool) or not is_printable(value):
        raise ValueError(f"{name} must be a number of at least {minimum}, got {shortened(value)}.")
    if isinstance(value, kind) and not fits_in_float(value):  # such as a duration, which is not compared to numbers
        raise ValueError(f"{name}={shortened(value)} must be an integer or a float below 2**63.")
    return check_scalar(value, name, kind, min_val=minimum)
