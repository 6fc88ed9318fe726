"""Mean of the logits of several classifiers, and its temperature.

A temperature divides logits and so makes probabilities less or more confident (Guo, Pleiss, Sun and Weinberger 2017).
It is fitted on out-of-fold predictions, which are those of single members. The mean of their probabilities is less
confident than each of them, so that the temperature of the members is not that of the mean. The mean of the logits, or
of the logarithms of the probabilities (Genest and Zidek 1986: a logarithmic opinion pool), is nearly as confident.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_expit, log_softmax, logit, softmax

#: Logarithms of the temperatures that are tried.
LOG_TEMPERATURES = (-3.0, 3.0)
#: Probabilities are at least this, so that a member that excludes a class does not decide alone.
MIN_PROBABILITY = 1e-7
#: Number of standard errors by which the log loss has to be worse to exclude a temperature.
N_STANDARD_ERRORS = 2.0


def fit_temperature(y: np.ndarray, logits: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """Return the temperature nearest to 1 that the log loss does not exclude.

    The log loss of an excluded temperature exceeds the least one by more than two standard errors of the difference, as
    the size of a tree is chosen within one standard error (Breiman, Friedman, Olshen and Stone 1984). So 1 is
    returned unless there is evidence for another temperature, and few samples do not lead to an extreme one.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Class indices, or 0 and 1 for each of several labels.
    logits : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Of samples that the classifier was not trained on.
    sample_weight : ndarray of shape (n_samples,), default=None
        Sample weights. Multiplying all of them by a number changes nothing.

    Returns
    -------
    temperature : float
    """
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    included = weight > 0
    if not included.any():
        return 1.0
    weight = weight[included] / weight.sum()
    losses = _losses(np.asarray(y)[included], logits[included])
    best = minimize_scalar(lambda t: weight @ losses(t), bounds=LOG_TEMPERATURES, method="bounded").x
    least = losses(best)

    def excess(log_temperature: float) -> float:
        difference = losses(log_temperature) - least
        mean = weight @ difference
        return float(mean - N_STANDARD_ERRORS * np.sqrt(weight**2 @ (difference - mean) ** 2))

    if excess(0.0) <= 0:
        return 1.0
    # the excess is negative in the neighborhood of the best temperature, and 0 there
    return float(np.exp(brentq(lambda t: -1.0 if t == best else excess(t), best, 0.0, xtol=1e-4)))


def logits_of(probability: np.ndarray, *, is_multilabel: bool) -> np.ndarray:
    """Return finite logits in float64: of each label, or for classes the logarithms of the probabilities."""
    probability = probability.astype(np.float64)
    if is_multilabel:
        return logit(np.clip(probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY))
    return np.log(np.maximum(probability, MIN_PROBABILITY))


def probabilities_of(logits: np.ndarray, *, is_multilabel: bool) -> np.ndarray:
    """Return the probabilities of each label, or of classes, which sum to 1."""
    return expit(logits) if is_multilabel else softmax(logits, axis=1)


def log_probabilities_of(logits: np.ndarray, *, is_multilabel: bool) -> np.ndarray:
    """Return the logarithms of the probabilities."""
    return log_expit(logits) if is_multilabel else log_softmax(logits, axis=1)


class LogitPool(NamedTuple):
    """The derivatives of probabilities that come from the mean of the logits of several networks.

    Attributes
    ----------
    temperature : float
        What the mean is divided by.
    is_multilabel : bool
    """

    temperature: float
    is_multilabel: bool

    def slopes(self, probability: np.ndarray) -> np.ndarray:
        """Return the derivative of `logits_of` with respect to the probabilities of one network."""
        probability = probability.astype(np.float64)
        is_inside = probability > MIN_PROBABILITY
        if self.is_multilabel:
            is_inside &= probability < 1 - MIN_PROBABILITY
            probability = probability * (1 - probability)
        return np.divide(1, probability, out=np.zeros_like(probability), where=is_inside)

    def chain(self, probability: np.ndarray, gradients: np.ndarray) -> None:
        """Replace derivatives of the mean logits by those of the probabilities that follow from it.

        Parameters
        ----------
        probability : ndarray of shape (n_samples, n_classes)
        gradients : ndarray of shape (n_samples, n_classes, n_features)
        """
        if self.is_multilabel:
            slopes = probability * (1 - probability)
        else:
            gradients -= np.einsum("ij,ijk->ik", probability, gradients)[:, np.newaxis]
            slopes = probability
        gradients *= (slopes / self.temperature)[:, :, np.newaxis].astype(gradients.dtype, copy=False)


def _losses(y: np.ndarray, logits: np.ndarray) -> Callable[[float], np.ndarray]:
    """Return the function from the logarithm of a temperature to the log loss of each sample."""
    if y.ndim == 2:
        signed = np.where(y > 0, logits, -logits)
        return lambda t: -log_expit(signed * np.exp(-t)).sum(axis=1)
    samples, classes = np.arange(len(y)), y.astype(np.intp)
    return lambda t: -log_softmax(logits * np.exp(-t), axis=1)[samples, classes]
