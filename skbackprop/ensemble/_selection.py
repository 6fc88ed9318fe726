"""Which candidates an ensemble keeps, and with which weights, by the loss of their out-of-fold predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

#: Number of candidates that greedy selection adds.
N_ROUNDS = 25
#: After the first fold, this number of candidates remains, of those whose loss is within this share of the least.
N_KEPT, MARGIN = 3, 0.2


def greedy_weights(
    predictions: Sequence[np.ndarray], mean_loss: Callable[[np.ndarray], float], n_rounds: int = N_ROUNDS
) -> np.ndarray:
    """Return weights of candidates with which the loss of the mean prediction is small.

    Starting from nothing, each round adds the candidate with which the mean of all that have been added so far has
    the smallest loss; a candidate can be added several times. The weights are the shares of the best round. See
    Caruana, Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble selection from libraries of models", ICML.

    Parameters
    ----------
    predictions : sequence of ndarray of shape (n_samples, n_columns)
        Out-of-fold predictions of each candidate.
    mean_loss : callable
        Returns the mean loss of predictions.
    n_rounds : int, default=25

    Returns
    -------
    weights : ndarray of shape (n_candidates,)
        They sum to 1.
    """
    counts = np.zeros(len(predictions))
    total = np.zeros_like(predictions[0], dtype=np.float64)
    best, least = np.ones(len(predictions)), np.inf
    for n_added in range(1, n_rounds + 1):
        losses = np.array([mean_loss((total + prediction) / n_added) for prediction in predictions])
        losses[np.isnan(losses)] = np.inf
        added = int(np.argmin(losses))
        total += predictions[added]
        counts[added] += 1
        if losses[added] < least:
            best, least = counts.copy(), losses[added]
    return best / best.sum()


def survivors(losses: Sequence[float], n_kept: int = N_KEPT, margin: float = MARGIN) -> list[int]:
    """Return the positions of the candidates to go on with, after a first fold: the best few that are close enough.

    Parameters
    ----------
    losses : sequence of float
        Mean loss of each candidate on the samples of the first fold.
    n_kept : int
    margin : float
        Candidates whose loss exceeds the least by more than this share of it are dropped.

    Returns
    -------
    positions : list of int
        In increasing order.
    """
    order = np.argsort(losses, kind="stable")[:n_kept]
    least = losses[order[0]]
    return sorted(int(i) for i in order if losses[i] <= least + margin * abs(least))
