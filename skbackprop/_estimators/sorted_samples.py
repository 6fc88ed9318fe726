"""Messages about samples that are sorted by class, so that the windows they are read in differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.class_shares import class_deviation_of_blocks
from .._core.dataset import Dataset
from .._hyperparameters import shortened
from .._training.config import TrainingConfig

#: The standard deviation of the share of a class in a window, relative to the share, from which on a warning says so.
MAX_CLASS_DEVIATION = 0.15


def unequal_share(deviation: np.ndarray | None, classes: Any, parts: str) -> str | None:
    """Return in words which class has the most unequal shares in windows of these parts, or None if all are equal.

    It is None, too, if there are no classes: a regressor may predict probabilities.
    """
    if classes is None or deviation is None or deviation.max(initial=0.0) <= MAX_CLASS_DEVIATION:
        return None
    label = shortened(classes.tolist()[deviation.argmax()])
    return (
        f"the share of class {label} in a window deviates by {deviation.max():.0%} from its mean, because the class "
        f"lies in few of the {parts}."
    )


def message_about_blocks(config: TrainingConfig, data: Dataset, classes: Any) -> str | None:
    """Return a warning if samples that are read in blocks are sorted by class, or None."""
    n_samples = data.n_samples
    is_classified = config.objective.loss.link.is_probability
    if classes is None or not (is_classified and config.reads_blocks and config.shuffles(n_samples)):
        return None
    deviation = class_deviation_of_blocks(data, config.batch_size_for(n_samples))
    reason = unequal_share(deviation, classes, "blocks that X is read in")
    return reason and f"The samples look sorted: {reason} Shuffle the samples, or set shuffle='samples'."
