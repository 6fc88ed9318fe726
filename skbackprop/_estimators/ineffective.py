"""Settings that have no effect together with others: `fit` warns about each, and says what would make it work.

`CASES` has one entry for each parameter and reason. A parameter that has its default value gives no warning.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._training.config import TrainingConfig


def splits_samples(estimator, *, is_given: bool) -> bool:
    """Return whether `fit` holds out a validation set, given whether the user passes one."""
    return not is_given and not isinstance(estimator.early_stopping, str) and bool(estimator.early_stopping)


class Call(NamedTuple):
    """What the cases need to know about a call.

    Attributes
    ----------
    estimator : BaseBackprop
    config : TrainingConfig
    n_samples : int
        Number of samples to train on.
    is_given : bool
        Whether the user passes a validation set.
    is_partial : bool
        Whether it is a call of `partial_fit`.
    """

    estimator: Any
    config: TrainingConfig
    n_samples: int
    is_given: bool = False
    is_partial: bool = False

    @property
    def splits(self) -> bool:
        """Whether samples are held out, as many as `validation_fraction` says."""
        return not self.is_partial and splits_samples(self.estimator, is_given=self.is_given)

    @property
    def validates(self) -> bool:
        """Whether `scoring` is monitored on a validation set."""
        return self.is_given or self.splits

    @property
    def ends_by_plan(self) -> bool:
        """Whether the schedule ends a `fit` whatever the training loss is."""
        config = self.config
        return not (self.validates or config.optimizer.needs_all_samples) and config.schedule.has_end


class Case(NamedTuple):
    """When a parameter has no effect.

    Attributes
    ----------
    name : str
        The parameter.
    other : str
        The parameter that is the reason, or what it is that is no parameter.
    applies : callable
        Takes a `Call`.
    remedy : str
        What would make the parameter work.
    """

    name: str
    other: str
    applies: Callable[[Call], bool]
    remedy: str


#: What to use instead of scikit-learn's callbacks in a stream.
ALTERNATIVES = {
    "ProgressBar": "show a progress bar for the loop around partial_fit, such as that of rich.progress.track",
    "ScoringMonitor": "score the samples of each call before learning from them (prequential evaluation)",
}

VALIDATE = "set early_stopping=True, or pass X_val and y_val"
CASES = (
    Case("early_stopping", "partial_fit", lambda call: call.is_partial, "use fit"),
    Case("scoring", "partial_fit", lambda call: call.is_partial, "use fit with early_stopping=True"),
    Case("validation_fraction", "partial_fit", lambda call: call.is_partial, "use fit with early_stopping=True"),
    Case("scoring", "early_stopping", lambda call: not (call.validates or call.is_partial), VALIDATE),
    Case("validation_fraction", "X_val", lambda call: call.is_given, "leave X_val and y_val out"),
    Case(
        "validation_fraction",
        "early_stopping",
        lambda call: not (call.validates or call.is_partial),
        "set early_stopping=True",
    ),
    Case(
        "tol",
        "n_iter_no_change",
        lambda call: not call.is_partial and call.estimator.n_iter_no_change == math.inf,
        "set n_iter_no_change to a number of epochs",
    ),
    Case(
        "tol",
        "learning_rate",
        lambda call: not call.is_partial and call.ends_by_plan and call.estimator.n_iter_no_change < math.inf,
        f"{VALIDATE}, or choose a learning rate without a planned end, which decides when training ends",
    ),
    Case(
        "n_iter_no_change",
        "tol",
        lambda call: not call.is_partial and call.estimator.tol is None,
        "set tol to a number",
    ),
    Case(
        "n_iter_no_change",
        "learning_rate",
        lambda call: not call.is_partial and call.ends_by_plan and call.estimator.tol is not None,
        f"{VALIDATE}, or choose a learning rate without a planned end",
    ),
    Case("batch_size", "solver", lambda call: call.estimator.solver != "minibatch", "set solver='minibatch'"),
    Case(
        "shuffle",
        "solver",
        lambda call: call.estimator.solver == "batch",
        "set solver to 'minibatch' or 'sgd'; the order does not matter to a batch of all samples",
    ),
    Case(
        "shuffle",
        "batch_size",
        lambda call: _is_one_batch(call),
        "set a smaller batch_size; the order does not matter to a batch of all samples",
    ),
    Case(
        "learning_rate",
        "optimizer",
        lambda call: call.config.optimizer.needs_all_samples,
        "set another optimizer; this one finds its steps by a line search",
    ),
    Case("l1_ratio", "alpha", lambda call: call.config.alpha == 0, "set alpha above 0"),
    Case(
        "l1_ratio",
        "standardize",
        lambda call: call.config.alpha is None and not call.estimator.standardize,
        "set alpha to a number above 0, because 'auto' is 0 here",
    ),
    Case("activation", "hidden_layer_sizes", lambda call: not _has_hidden_layers(call), "add a hidden layer"),
    Case("dropout", "hidden_layer_sizes", lambda call: not _has_hidden_layers(call), "add a hidden layer"),
    Case(
        "class_weight",
        "the same weight for each class",
        lambda call: _weighs_all_classes_alike(call.estimator),
        "give the classes different weights",
    ),
)


def ineffective_settings(call: Call) -> list[str]:
    """Return a message for each parameter that was set and has no effect."""
    estimator = call.estimator
    params = inspect.signature(type(estimator).__init__).parameters
    return [
        f"{case.name}={getattr(estimator, case.name)!r} has no effect with {_described(estimator, case.other)}: "
        f"{case.remedy}."
        for case in CASES
        if case.name in params and _is_set(estimator, case.name, params[case.name].default) and case.applies(call)
    ]


def guessed_end(call: Call) -> list[str]:
    """Return a message if a stream follows a schedule whose end is a guess."""
    schedule = call.config.schedule
    if not (call.is_partial and schedule.has_end and getattr(schedule, "n_updates", 0) is None):
        return []
    n_planned = call.config.n_planned(call.n_samples)
    return [
        f"learning_rate={call.estimator.learning_rate!r} has an end, which partial_fit cannot know: it ends after "
        f"{n_planned} updates, as many as in {call.config.max_iter} calls like this one. Set n_updates of the "
        "schedule, or learning_rate='auto', which has no end in partial_fit."
    ]


def ineffective_callbacks(callbacks: list[Any]) -> list[str]:
    """Return a message for each callback that cannot do its work in `partial_fit`."""
    return [
        f"{type(callback).__name__} cannot do its work in partial_fit, each call of which begins and ends anew for "
        f"callbacks: {alternative}."
        for callback in callbacks
        if (alternative := _alternative(callback)) is not None
    ]


def _alternative(callback) -> str | None:
    """Return what to use instead of a callback in a stream, or None if it works there."""
    for kind in type(callback).__mro__:
        if kind.__module__.startswith("sklearn.callback.") and kind.__name__ in ALTERNATIVES:
            return ALTERNATIVES[kind.__name__]
    return getattr(callback, "partial_fit_alternative", None)


def _is_set(estimator, name: str, default) -> bool:
    """Return whether a parameter asks for something else than its default value does."""
    value = getattr(estimator, name)
    if name == "early_stopping":
        return not isinstance(value, str) and bool(value)
    if (name == "tol" and value is None) or (name == "n_iter_no_change" and value == math.inf):
        return False  # which ask for no stopping
    if isinstance(value, (list, tuple, np.ndarray)):
        return len(value) > 0  # no default of these parameters is a sequence
    return value is not default and bool(value != default)


def _described(estimator, other: str) -> str:
    """Return a parameter with its value, and anything else as it is."""
    return f"{other}={getattr(estimator, other)!r}" if hasattr(estimator, other) and other != "partial_fit" else other


def _is_one_batch(call: Call) -> bool:
    """Return whether each epoch is one batch; the next call of a stream may have more samples."""
    is_minibatch = call.estimator.solver == "minibatch" and not call.is_partial
    return is_minibatch and call.config.n_batches(call.n_samples) == 1


def _has_hidden_layers(call: Call) -> bool:
    return len(call.config.objective.network.sizes) > 2


def _weighs_all_classes_alike(estimator) -> bool:
    weights = estimator.class_weight
    if not isinstance(weights, dict):
        return False
    distinct = {weights.get(label, 1) for label in estimator.classes_.tolist()}
    return len(distinct) == 1 and distinct != {1}
