"""Prediction intervals of a cross-fitted ensemble, from the residuals of the members that did not train on a sample.

The interval of a new sample is the mean of the members plus or minus a quantile of out-of-fold residuals, as in
cross-conformal prediction (Vovk 2015) and CV+ (Barber, Candès, Ramdas and Tibshirani 2021), with two differences:

- Those methods take the residuals of single members for the error of their mean, which is smaller: the mean squared
  error of the members is that of their mean plus their variance around it, the ambiguity (Krogh and Vedelsby 1995). On
  data with little noise, 90 % intervals then cover up to 97 %. Here, residuals are reduced to those of the mean, with
  an estimate of the ambiguity on new samples (`_shared_error`).
- Residuals are divided by a local scale, and quantiles multiplied by it, as in normalized conformal prediction
  (Papadopoulos, Vovk and Gammerman 2011): the size of the residuals at similar predictions, and the spread of the
  members (`_local_scale`).

So the distribution-free guarantee of CV+, a coverage of at least ``1 - 2 * (1 - confidence_level)``, is given up for
a coverage near the level.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

#: The trend of the residuals is that of at most this number of groups of samples, with at least this number of samples.
MAX_GROUPS, GROUP_SIZE = 10, 50
#: The trend is at least this share of the mean residual.
MIN_TREND = 1e-3
#: Share of the spread of the members in the squared scale.
SPREAD_SHARE = 0.3
#: Scales are at least this, of which the square is above 0.
TINY = 1e-150


class _Residuals(NamedTuple):
    """Residuals of an output: predictions minus targets.

    Attributes
    ----------
    own : ndarray of shape (n_samples,)
        Those of the members that did not train on the sample.
    others : ndarray of shape (n_samples,)
        The mean of those of the other members, which did.
    variance : ndarray of shape (n_samples,)
        The variance of those of the other members.
    """

    own: np.ndarray
    others: np.ndarray
    variance: np.ndarray

    def divided_by(self, scale: np.ndarray) -> _Residuals:
        """Return the residuals in units of a scale of each sample."""
        return _Residuals(self.own / scale, self.others / scale, self.variance / scale**2)


def fit_intervals(
    y: np.ndarray, member_predictions: np.ndarray, codes: np.ndarray, sample_weight: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return what the intervals of new samples are computed from.

    It takes O(n_samples log n_samples) time for each member and output.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_outputs)
        Targets of the training samples.
    member_predictions : ndarray of shape (n_members, n_samples, n_outputs)
        Predictions of all members for the training samples. A member may be a weighted sum of several networks that
        trained on the same samples.
    codes : ndarray of shape (n_samples,), integers
        The index of the member that did not train on a sample. Samples with a negative code are left out, because all
        members trained on them.
    sample_weight : ndarray of shape (n_samples,), default=None
        Sample weights. New samples are expected to be distributed as the weighted ones. Multiplying all weights by a
        number changes nothing, and samples with a weight of 0 are left out.

    Returns
    -------
    intervals : dict of str to ndarray
        ``scores`` and ``cumulative_weight``, of shape (n_outputs, n_included): scaled residuals of the mean of the
        members, sorted, and the sum of the weights up to each, where a new sample has a weight of 1.
        ``trend_at`` and ``trend``, of shape (n_outputs, n_groups): predictions, and the mean size of residuals there.
        ``spread_ratio``, of shape (n_outputs,): typical ratio of the variance of the members to the squared trend, for
        new samples; 0 if the scale does not depend on the members.
    """
    included = codes >= 0
    if sample_weight is not None:
        included = included & (sample_weight > 0)
    codes = codes[included]
    weight = np.ones(len(codes)) if sample_weight is None else sample_weight[included].astype(np.float64)
    if len(codes):
        # a new sample drawn as the weighted ones has this weight on average, and the others are relative to it;
        # then their sum is Kish's effective number of samples
        weight = weight * (weight.sum() / (weight @ weight))
    outputs = [
        _fit_output(np.asarray(y[included, i], np.float64), member_predictions[:, included, i], codes, weight)
        for i in range(y.shape[1])
    ]
    return {name: np.stack([output[name] for output in outputs]) for name in outputs[0]}


def predict_intervals(
    intervals: dict[str, np.ndarray], member_predictions: np.ndarray, confidence_level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the intervals of new samples, each of which depends on the predictions for it alone.

    Parameters
    ----------
    intervals : dict of str to ndarray
        What `fit_intervals` returned.
    member_predictions : ndarray of shape (n_members, n_samples, n_outputs)
        Predictions of all members for the new samples.
    confidence_level : float
        The share of the targets that the intervals shall contain, between 0 and 1.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples, n_outputs)
        The bounds. With n training samples, or an effective number of them, those of a level above n / (n + 1) are
        infinite, with a warning.
    """
    center = member_predictions.mean(axis=0, dtype=np.float64)
    variance = _variance(member_predictions)
    half_width = np.empty_like(center)
    for i, output in enumerate(_outputs(intervals)):
        scale = _local_scale(center[:, i], variance[:, i], output["trend_at"], output["trend"], output["spread_ratio"])
        half_width[:, i] = scale * _quantile(output["scores"], output["cumulative_weight"], confidence_level)
    if np.isinf(half_width).any():
        warnings.warn(
            f"Intervals of confidence level {confidence_level:g} are infinite: they need at least "
            f"{confidence_level / (1 - confidence_level):.3g} training samples with an out-of-fold prediction.",
            UserWarning,
            stacklevel=2,
        )
    return center - half_width, center + half_width


def _fit_output(y: np.ndarray, predictions: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return the entries of `fit_intervals` for one output."""
    n_members = len(predictions)
    residuals = _residuals(y, predictions, codes)
    out_of_fold = y + residuals.own
    trend_at, trend = _trend(out_of_fold, np.abs(residuals.own), weight)
    relative = residuals.divided_by(np.interp(out_of_fold, trend_at, trend))
    seen_ratio, new_ratio = _spread_ratios(relative, n_members, weight)
    scale = _local_scale(out_of_fold, residuals.variance, trend_at, trend, seen_ratio)
    scaled = residuals.divided_by(scale)
    scores = np.abs(scaled.own) * _reduction(scaled, n_members, weight)
    order = np.argsort(scores)
    return {
        "scores": scores[order],
        "cumulative_weight": np.cumsum(weight[order]),
        "trend_at": trend_at,
        "trend": trend,
        "spread_ratio": np.array(new_ratio),
    }


def _residuals(y: np.ndarray, predictions: np.ndarray, codes: np.ndarray) -> _Residuals:
    """Return the residuals of an output, where `predictions` has shape (n_members, n_samples)."""
    n_others = len(predictions) - 1
    residuals = predictions - y
    is_own = np.arange(len(predictions))[:, np.newaxis] == codes
    own = residuals[codes, np.arange(len(codes))]
    others = np.where(is_own, 0.0, residuals).sum(axis=0) / max(n_others, 1)
    distances = np.where(is_own, 0.0, residuals - others)
    return _Residuals(own, others, (distances**2).sum(axis=0) / max(n_others - 1, 1))


def _trend(predictions: np.ndarray, sizes: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions in ascending order and the mean size of the residuals there, for interpolation."""
    n_groups = min(max(len(sizes) // GROUP_SIZE, 1), MAX_GROUPS)
    if len(sizes) == 0:
        return np.zeros(1), np.ones(1)
    groups = np.array_split(np.argsort(predictions, kind="stable"), n_groups)
    at = np.array([np.average(predictions[group], weights=weight[group]) for group in groups])
    means = np.array([np.average(sizes[group], weights=weight[group]) for group in groups])
    return at, np.maximum(means, max(MIN_TREND * np.average(sizes, weights=weight), TINY))


def _local_scale(
    predictions: np.ndarray, variance: np.ndarray, trend_at: np.ndarray, trend: np.ndarray, spread_ratio: float
) -> np.ndarray:
    """Return the scale of the residuals of each sample, from its prediction and the variance of the members.

    The variance is divided by its typical ratio to the squared trend, which is another one for samples that the
    members trained on.
    """
    local_trend = np.interp(predictions, trend_at, trend)
    if spread_ratio == 0:
        return local_trend
    return np.sqrt((1 - SPREAD_SHARE) * local_trend**2 + SPREAD_SHARE * variance / spread_ratio)


def _spread_ratios(relative: _Residuals, n_members: int, weight: np.ndarray) -> tuple[float, float]:
    """Return the mean variance of the members on samples that they trained on, and that expected on new samples.

    Both are of residuals relative to the trend. They are 0 if the variance is unknown, as with two members.
    """
    if n_members < 3 or len(weight) == 0:
        return 0.0, 0.0
    seen = float(np.average(relative.variance, weights=weight))
    error, shared = _shared_error(relative, n_members, weight)
    return (seen, max(error - shared, seen)) if seen > TINY else (0.0, 0.0)


def _shared_error(residuals: _Residuals, n_members: int, weight: np.ndarray) -> tuple[float, float]:
    """Return the mean squared residual of a member on new samples, and the mean product of those of two members.

    There is only one member for which a sample is new, so that the product is not observed. But it follows from two
    that are: of a member that did not train on the sample and one that did, and of two that did. If residuals consist
    of a part that members share, in a different size on samples that they trained on, and of independent parts, then
    the first is the geometric mean of the second and the product in question (Spearman 1904, on attenuated
    correlations). It is not more than the mean squared residual; that is also returned for want of a better estimate.
    """
    if len(weight) == 0:
        return 0.0, 0.0
    n_others = n_members - 1
    error = float(np.average(residuals.own**2, weights=weight))
    if n_others < 2:
        return error, error
    between = max(float(np.average(residuals.own * residuals.others, weights=weight)), 0.0)
    seen = float(np.average(residuals.others**2 - residuals.variance / n_others, weights=weight))
    return error, min(between**2 / seen, error) if seen > TINY else error


def _reduction(scaled: _Residuals, n_members: int, weight: np.ndarray) -> float:
    """Return the factor from the residuals of single members to those of the mean of the members on new samples.

    The mean squared error of the mean is the shared part and the n-th part of the rest. A standard error is added,
    because training stopped where the loss of the samples in the fold was least, so that it is too small: that of the
    difference of the losses of two members, as if one of them were chosen by it.
    """
    error, shared = _shared_error(scaled, n_members, weight)
    if error <= TINY:
        return 1.0
    rest = error - shared
    fold_size = weight.sum() / n_members
    # the squares differ by twice the residual times the difference of the members, whose variance is twice the rest
    standard_error = np.sqrt(8 * error * rest / fold_size)
    return float(np.sqrt((shared + rest / n_members + standard_error) / error))


def _quantile(scores: np.ndarray, cumulative_weight: np.ndarray, confidence_level: float) -> float:
    """Return the smallest score up to which the weight is the level of the total weight, with that of a new sample."""
    total = cumulative_weight[-1] if len(scores) else 0.0
    needed = confidence_level * (total + 1)
    index = np.searchsorted(cumulative_weight, needed * (1 - 1e-12))
    return float(scores[index]) if index < len(scores) else np.inf


def _variance(member_predictions: np.ndarray) -> np.ndarray:
    """Return the unbiased variance of the members, which is 0 for one."""
    return member_predictions.var(axis=0, ddof=min(len(member_predictions) - 1, 1), dtype=np.float64)


def _outputs(intervals: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Return the entries of each output."""
    return [{name: array[i] for name, array in intervals.items()} for i in range(len(intervals["scores"]))]
