"""Labels: which classes there are, which loss fits them, and what they look like to the network."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from ._parameters import choose_loss
from .losses import Loss


def is_multilabel(y) -> bool:
    """Return whether a row of `y` can have several labels, and raise ValueError if `y` is no set of labels at all."""
    check_classification_targets(y)
    return type_of_target(y, input_name="y") == "multilabel-indicator"


def known_classes(y, before: np.ndarray | None, classes) -> np.ndarray:
    """Return the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    before : ndarray of shape (n_classes,) or None
        The classes of the first call, if this is a later one.
    classes : array-like of shape (n_classes,) or None
        What the user gave to `partial_fit`, which may be nothing, ``()``; None in `fit`.
    """
    given = None if classes is None or len(classes) == 0 else unique_labels(classes)
    if before is not None:
        if given is not None and not np.array_equal(given, before):
            raise ValueError(f"classes={classes!r} are not those of the first call, which were {before!r}.")
        return before
    if classes is None:
        return unique_labels(y)
    if given is None:
        raise ValueError("classes must be passed on the first call to partial_fit: all labels that will ever come.")
    return given


def classification_loss(loss, output_activation: str, n_classes: int, multilabel: bool) -> Loss:
    """Return the loss, which must have probabilities for outputs."""
    log_loss_output = "logistic" if multilabel or n_classes == 2 else "softmax"
    loss = choose_loss(loss, output_activation, {"log_loss": log_loss_output, "squared_error": "logistic"})
    if loss.output_activation == "softmax" and multilabel:
        raise ValueError(
            "output_activation='softmax' means one label a row, and y has several; use 'auto' or 'logistic'."
        )
    if loss.output_activation not in ("logistic", "softmax"):
        raise ValueError(
            f"output_activation={loss.output_activation!r} gives no probabilities; "
            "a classifier takes 'auto', 'logistic' or 'softmax'."
        )
    return loss


def indicators(y, classes: np.ndarray, one_output: bool) -> np.ndarray:
    """Return True at each row's class: of shape (n_samples, n_classes), or of two classes the second's column alone.

    Raises
    ------
    ValueError
        If a label is not among the classes.
    """
    encoder = LabelEncoder()
    encoder.classes_ = classes
    code = encoder.transform(y)[:, np.newaxis]
    return code == 1 if one_output else code == np.arange(len(classes))
