"""Mean of the logits of several classifiers, and its temperature.

A temperature divides logits and so makes probabilities less or more confident (Guo, Pleiss, Sun and Weinberger 2017).
It is fitted on out-of-fold predictions, which are those of single members. The mean of their probabilities is less
confident than each of them, so that the temperature of the members is not that of the mean. The mean of the logits, or
of the logarithms of the probabilities (Genest and Zidek 1986: a logarithmic opinion pool), is nearly as confident.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_expit, log_softmax, logit, softmax

#: Logarithms of the temperatures that are tried.
LOG_TEMPERATURES = (-3.0, 3.0)
#: Probabilities are at least this, so that a member that excludes a class does not decide alone.
MIN_PROBABILITY = 1e-7
#: Number of standard errors by which the log loss has to be worse to exclude a temperature.
N_STANDARD_ERRORS = 2.0


def fit_temperature(y: np.ndarray, probabilities: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
    """Return the temperature nearest to 1 that the log loss does not exclude.

    The log loss of an excluded temperature exceeds the least one by more than two standard errors of the difference, as
    the size of a tree is chosen within one standard error (Breiman, Friedman, Olshen and Stone 1984). So 1 is
    returned unless there is evidence for another temperature, and few samples do not lead to an extreme one.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Class indices, or 0 and 1 for each of several labels.
    probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Predictions for samples that the classifier did not train on.
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
    losses = _losses(np.asarray(y)[included], probabilities[included])
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


def apply_temperature(probabilities: np.ndarray, temperature: float, *, multilabel: bool = False) -> np.ndarray:
    """Return probabilities with their logits divided by the temperature.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
    temperature : float
        Above 1, probabilities become less confident.
    multilabel : bool, default=False
        Whether each column is the probability of a label. Otherwise, the columns are classes.

    Returns
    -------
    probabilities : ndarray of the same shape and dtype
    """
    if temperature == 1:
        return probabilities
    return _probabilities(_logits(probabilities, multilabel) / temperature, multilabel).astype(probabilities.dtype)


def average_logits(
    member_probabilities: np.ndarray, member_weight: np.ndarray | None = None, *, multilabel: bool = False
) -> np.ndarray:
    """Return the probabilities of the mean of the logits of several classifiers.

    Parameters
    ----------
    member_probabilities : ndarray of shape (n_members, n_samples, n_classes) or (n_members, n_samples, n_labels)
    member_weight : ndarray of shape (n_members,), default=None
        Weights of the mean.
    multilabel : bool, default=False
        Whether each column is the probability of a label. Otherwise, the columns are classes.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels), of the same dtype
    """
    logits = np.average(_logits(member_probabilities, multilabel), axis=0, weights=member_weight)
    return _probabilities(logits, multilabel).astype(member_probabilities.dtype)


def _logits(probabilities: np.ndarray, multilabel: bool) -> np.ndarray:
    """Return finite logits in double precision; those of classes are logarithms of the probabilities."""
    if multilabel:
        return logit(np.clip(probabilities.astype(np.float64), MIN_PROBABILITY, 1 - MIN_PROBABILITY))
    return np.log(np.maximum(probabilities.astype(np.float64), MIN_PROBABILITY))


def _probabilities(logits: np.ndarray, multilabel: bool) -> np.ndarray:
    """Return the probabilities of logits."""
    return expit(logits) if multilabel else softmax(logits, axis=-1)


def _losses(y: np.ndarray, probabilities: np.ndarray) -> Callable[[float], np.ndarray]:
    """Return the function from the logarithm of a temperature to the log loss of each sample."""
    logits = _logits(probabilities, multilabel=y.ndim == 2)
    if y.ndim == 2:
        signed = np.where(y > 0, logits, -logits)
        return lambda t: -log_expit(signed * np.exp(-t)).sum(axis=1)
    samples, classes = np.arange(len(y)), y.astype(np.intp)
    return lambda t: -log_softmax(logits * np.exp(-t), axis=1)[samples, classes]
