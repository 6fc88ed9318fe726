"""Prediction intervals, from the residuals of out-of-fold predictions.

The interval of a new sample is its prediction plus or minus a quantile of the residuals of training samples, where the
residual of each is that of the members that did not train on it. Two things make the residuals comparable:

- Residuals are divided by their mean size at similar predictions, and the quantile is multiplied by that at the
  prediction of the new sample (`_trend`), as in normalized conformal prediction (Papadopoulos, Vovk and Gammerman
  2011). So intervals are wide where targets are noisy.
- A new sample is predicted by the mean of all members, and the mean is more accurate than a member (Krogh and Vedelsby
  1995). So residuals are multiplied by an estimate of the ratio of their errors (`_ratio_of_errors`).

CV+ (Barber, Candès, Ramdas and Tibshirani 2021) has the residuals of single members around the predictions of single
members instead. This guarantees a coverage of at least ``1 - 2 * (1 - confidence_level)`` for any data, but on tables
with little noise its 90 % intervals cover up to 97 %. Here, the guarantee is given up for a coverage near the level.
"""

from __future__ import annotations

import warnings

import numpy as np

#: The trend of the residuals is that of at most this number of groups of samples, with at least this number of samples.
MAX_GROUPS, GROUP_SIZE = 10, 50
#: The trend is at least this share of the mean residual.
MIN_TREND = 1e-3


def fit_intervals(
    y: np.ndarray, out_of_fold: np.ndarray, mean: np.ndarray, sample_weight: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return what the intervals of new samples are computed from.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_outputs)
        Targets of the training samples.
    out_of_fold : ndarray of shape (n_samples, n_outputs)
        Prediction of each sample by members that did not train on it. Samples with NaN are left out.
    mean : ndarray of shape (n_samples, n_outputs)
        Prediction of each sample by all members.
    sample_weight : ndarray of shape (n_samples,), default=None
        Sample weights. New samples are expected to be distributed as the weighted ones. Multiplying all weights by a
        number changes nothing, and samples with a weight of 0 are left out.

    Returns
    -------
    intervals : dict of str to ndarray
        ``scores`` and ``cumulative_weight``, of shape (n_outputs, n_included): the sizes of the residuals relative to
        the trend, sorted, and the sum of the weights up to each, where a new sample has a weight of 1.
        ``trend_at`` and ``trend``, of shape (n_outputs, n_groups): predictions, and the mean size of residuals there.
    """
    included = ~np.isnan(out_of_fold).any(axis=1)
    if sample_weight is not None:
        included &= sample_weight > 0
    weight = _relative_weight(np.ones(included.sum()) if sample_weight is None else sample_weight[included])
    outputs = [
        _fit_output(y[included, i], out_of_fold[included, i], mean[included, i], weight) for i in range(y.shape[1])
    ]
    return {name: np.stack([output[name] for output in outputs]) for name in outputs[0]}


def predict_intervals(
    intervals: dict[str, np.ndarray], prediction: np.ndarray, confidence_level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the intervals of new samples, each of which depends on its prediction alone.

    Parameters
    ----------
    intervals : dict of str to ndarray
        What `fit_intervals` returned.
    prediction : ndarray of shape (n_samples, n_outputs)
        Predictions of the new samples by all members.
    confidence_level : float
        The share of the targets that the intervals shall contain, between 0 and 1.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples, n_outputs)
        The bounds. With n training samples, or an effective number of them, those of a level above n / (n + 1) are
        infinite, with a warning.
    """
    half_width = np.empty(prediction.shape)
    for i in range(prediction.shape[1]):
        scale = np.interp(prediction[:, i], intervals["trend_at"][i], intervals["trend"][i])
        quantile = _quantile(intervals["scores"][i], intervals["cumulative_weight"][i], confidence_level)
        half_width[:, i] = scale * quantile
    if np.isinf(half_width).any():
        warnings.warn(
            f"Intervals of confidence level {confidence_level:g} are infinite: they need at least "
            f"{confidence_level / (1 - confidence_level):.3g} training samples with an out-of-fold prediction.",
            UserWarning,
            stacklevel=2,
        )
    return prediction - half_width, prediction + half_width


def _relative_weight(weight: np.ndarray) -> np.ndarray:
    """Return weights in units of that of a new sample, so that their sum is Kish's effective number of samples.

    A new sample, drawn as the weighted ones, has their weighted mean weight.
    """
    weight = weight.astype(np.float64)
    return weight * (weight.sum() / (weight @ weight)) if len(weight) else weight


def _fit_output(y: np.ndarray, out_of_fold: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return the entries of `fit_intervals` for one output."""
    residuals = out_of_fold - y
    trend_at, trend = _trend(out_of_fold, np.abs(residuals), weight)
    scale = np.interp(out_of_fold, trend_at, trend)
    scaled = residuals / scale
    scores = np.abs(scaled) * _ratio_of_errors(scaled, (mean - y) / scale, weight)
    order = np.argsort(scores)
    return {
        "scores": scores[order],
        "cumulative_weight": np.cumsum(weight[order]),
        "trend_at": trend_at,
        "trend": trend,
    }


def _trend(predictions: np.ndarray, sizes: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions in ascending order and the mean size of the residuals there, for interpolation."""
    if len(sizes) == 0:
        return np.zeros(1), np.ones(1)
    n_groups = min(max(len(sizes) // GROUP_SIZE, 1), MAX_GROUPS)
    groups = np.array_split(np.argsort(predictions, kind="stable"), n_groups)
    at, trend = (
        np.array([np.average(array[group], weights=weight[group]) for group in groups])
        for array in (predictions, sizes)
    )
    least = MIN_TREND * np.average(sizes, weights=weight)
    return at, np.maximum(trend, least) if least > 0 else np.ones(n_groups)


def _ratio_of_errors(out_of_fold: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> float:
    """Return the ratio of the error of the mean of all members to that of out-of-fold predictions, on new samples.

    It is the correlation of their residuals, which equals the ratio if the errors of members consist of a part that
    they share and of independent parts. Most members have trained on the samples, so that their residuals are smaller.
    The smaller these are, the more the residual of the mean is that of the out-of-fold prediction, and the nearer to 1
    is the correlation: it is rather too large than too small.
    """
    product = float(weight @ (out_of_fold * mean))
    if product <= 0:  # as if all residuals are 0
        return 1.0
    return product / np.sqrt(float(weight @ out_of_fold**2) * float(weight @ mean**2))


def _quantile(scores: np.ndarray, cumulative_weight: np.ndarray, confidence_level: float) -> float:
    """Return the smallest score up to which the weight is the level of the total weight, with that of a new sample."""
    total = cumulative_weight[-1] if len(scores) else 0.0
    needed = confidence_level * (total + 1)
    index = np.searchsorted(cumulative_weight, needed * (1 - 1e-12))
    return float(scores[index]) if index < len(scores) else np.inf
