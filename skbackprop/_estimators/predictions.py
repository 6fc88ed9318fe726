"""What is predicted from the network's raw output: numbers, or labels, scores and probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from sklearn.metrics import d2_pinball_score, r2_score

from .._typing import MatrixLike
from ..losses import Quantiles
from ..losses._links import link_gradient, softmax_gradient
from .fitted import FittedNetwork

#: From the largest number, measured by the smallest spread that a column can have, it takes three steps in towards 0.
MOST_STEPS_IN = 4


class NumberPredictions(FittedNetwork):
    """The predictions of `BackpropRegressor`."""

    n_outputs_: int

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict target values.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, of the dtype that the network was trained in.
        """
        prediction = self._outputs(self._raw_output(X))
        return prediction[:, 0] if self.n_outputs_ == 1 else prediction

    def _outputs(self, raw):
        """Return the outputs after the output activation, in the units of the target."""
        outputs = self._config.objective.loss.inverse_link(raw)
        return outputs if self._state.standardizer is None else self._state.standardizer.prediction_of(outputs)

    def _output_gradients(self, raw) -> Iterator[np.ndarray]:
        """Yield the derivative of each number that `predict` gives by all raw outputs."""
        loss, standardizer = self._config.objective.loss, self._state.standardizer
        scales = np.ones(self.n_outputs_, raw.dtype)
        if standardizer is not None and standardizer.target_scaling:
            scales = standardizer.scale[standardizer.target]
        for output, scale in enumerate(scales):
            yield link_gradient(loss, raw, output) * scale

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2 of the predictions; with several quantiles, the mean of their D^2 pinball scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            At most 1, the higher the better; 0 is as good as the mean (the quantiles) of y.
        """
        prediction, loss = self.predict(X), self._config.objective.loss
        if not isinstance(loss, Quantiles):
            return r2_score(y, prediction, sample_weight=sample_weight)
        columns = prediction.reshape(len(prediction), -1).T
        pairs = zip(columns, loss.quantiles, strict=True)
        scores = [d2_pinball_score(y, column, sample_weight=sample_weight, alpha=q) for column, q in pairs]
        return float(np.mean(scores))


class LabelPredictions(FittedNetwork):
    """The predictions of `BackpropClassifier`."""

    classes_: np.ndarray
    n_outputs_: int
    _is_multilabel: bool

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable label; with several labels a row, 1 for each that is more probable than not.
        """
        raw = self._raw_output(X)
        if self._is_multilabel:
            return (raw > 0).astype(int)
        return self.classes_[(raw[:, 0] > 0).astype(int) if self._has_one_output_for_two else raw.argmax(axis=1)]

    def decision_function(self, X: MatrixLike) -> np.ndarray:
        """Return the network's raw outputs, before the output activation.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score, above 0 for the second class.
        """
        raw = self._raw_output(X)
        if self.n_outputs_ == 1:
            return raw[:, 0]
        if len(self.classes_) == 2 and not self._is_multilabel:
            return raw[:, 1] - raw[:, 0]
        return raw

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1, unless a row can have several labels.
        """
        raw, loss = self._raw_output(X), self._config.objective.loss
        if self._has_one_output_for_two:
            raw = np.column_stack([-raw, raw])
        elif self._is_normalized:
            return special.softmax(loss.log_inverse_link(raw), axis=1)
        return loss.inverse_link(raw)

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class, finite also where a probability rounds to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, sparse array} of shape (n_samples, n_features)
            Inputs.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        raw, loss = self._raw_output(X), self._config.objective.loss
        if self._has_one_output_for_two:
            raw = np.column_stack([-raw, raw])
        elif self._is_normalized:
            return special.log_softmax(loss.log_inverse_link(raw), axis=1)
        return loss.log_inverse_link(raw)

    def _propagate(self, X) -> np.ndarray:
        """Draw rows so far out that the network overflows in towards 0: their class is where they point."""
        raw = super()._propagate(X)
        flat = raw.ravel()
        if math.isfinite(np.dot(flat, flat)):  # the quick way
            return raw
        limits, rows = np.finfo(raw.dtype), np.arange(len(raw))
        for _ in range(MOST_STEPS_IN):
            far = ~(np.abs(raw[rows]).max(axis=1) < limits.max / 4)  # so that differences are finite too
            if not far.any():
                break
            rows, X = rows[far], X[far] * np.sqrt(limits.tiny)
            raw[rows] = super()._propagate(X)
        return raw

    @property
    def _has_one_output_for_two(self) -> bool:
        return self.n_outputs_ == 1 and len(self.classes_) == 2

    @property
    def _is_normalized(self) -> bool:
        """Whether the outputs of one row do not sum to 1 by themselves, as the probabilities of classes must."""
        return not self._is_multilabel and self._config.objective.loss.output_activation == "logistic"

    def _outputs(self, raw):
        """Return the outputs after the output activation."""
        return self._config.objective.loss.inverse_link(raw)

    def _output_gradients(self, raw) -> Iterator[np.ndarray]:
        """Yield the derivative of each probability that `predict_proba` gives by all raw outputs."""
        loss = self._config.objective.loss
        if self._has_one_output_for_two:
            gradient = link_gradient(loss, raw, 0)
            yield from (-gradient, gradient)
            return
        log_out = loss.log_inverse_link(raw) if self._is_normalized else None
        for output in range(self.n_outputs_):
            if log_out is None:
                yield link_gradient(loss, raw, output)
            else:  # the softmax of log f(raw), and d log f(raw) / d raw = f(-raw)
                yield softmax_gradient(log_out, output) * special.expit(-raw)
