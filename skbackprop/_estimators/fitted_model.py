"""`FittedModel`: the network of a fitted estimator, as predictions, inspection, plotting and export use it.

It is the only interface between a fitted estimator and the rest of the package. It refers to the state of the
estimator, and stores nothing itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import special
from sklearn.utils.validation import check_is_fitted

from .._core.network import Layer, LayerCache, Network, first_samples
from .._engines.prediction import raw_output
from .._hyperparameters import shortened
from .._training.config import TrainingConfig
from .._training.state import TrainingState
from .._typing import Matrix
from ..losses import Loss
from ..losses._links import MultinomialLogit
from .conversion import convert_samples
from .labels import label_matrix
from .samples import accepted_dtypes
from .targets import LabelEncoder, NumberEncoder, TargetEncoder
from .validation import validate_data

#: Three multiplications by the root of the smallest normal number are enough for any finite input; one is spare.
MAX_RESCALES = 4
#: Normalizes the outputs of a network that has an independent probability for each class.
SOFTMAX = MultinomialLogit()

#: What to pass instead of an estimator that contains the network, by the attribute that reveals it.
REMEDIES = {
    "steps": "; pass its last step, pipeline[-1], and the input of that step, pipeline[:-1].transform(X)",
    "best_estimator_": "; pass its best_estimator_",
    "estimators_": "; pass one of its estimators_",
}


def fitted_model(estimator) -> FittedModel:
    """Return the fitted model of an estimator.

    Raises
    ------
    TypeError
        If `estimator` is not a BackpropRegressor or BackpropClassifier.
    NotFittedError
        If it is not fitted.
    """
    check_type(estimator)
    return estimator._fitted_model()


def check_type(estimator) -> None:
    """Raise TypeError, with a remedy for known containers, unless the estimator is one of this package."""
    if not hasattr(type(estimator), "_fitted_model"):
        raise type_error(estimator, "a BackpropRegressor or BackpropClassifier")


def type_error(estimator, expected: str) -> TypeError:
    """Return the error for an estimator of another type than expected, with a remedy for known containers."""
    remedy = next((words for name, words in REMEDIES.items() if hasattr(estimator, name)), "")
    return TypeError(f"estimator must be {expected}, got {type(estimator).__name__}{remedy}.")


class InputScaling(NamedTuple):
    """How samples are standardized: ``c((X - offset) * factor)``, where c is the compression in `compression.py`.

    All parts have the dtype of the network, and shape (n_features,).

    Attributes
    ----------
    offset, factor : ndarray
        What is subtracted from each feature, and what it is then multiplied by. `offset` is 0 for a network that was
        trained on sparse samples.
    lower, upper : ndarray
        Beyond which standardized features are compressed; infinite where none are.
    """

    offset: np.ndarray
    factor: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


class PredictionScaling(NamedTuple):
    """How predictions get the units of the target: ``prediction * scale + offset``, in float64.

    Attributes
    ----------
    scale, offset : ndarray of shape (n_outputs,)
        The scale is 0 where the target is constant: `offset` is then the prediction, whatever the network computes.
    """

    scale: np.ndarray
    offset: np.ndarray


class FittedModel(ABC):
    """The network of a fitted estimator.

    Parameters
    ----------
    estimator : BackpropRegressor or BackpropClassifier

    Attributes
    ----------
    network : Network
        Layer sizes and activations.
    loss : Loss
        The loss, which owns the link.
    theta : ndarray of shape (n_parameters,)
        Weights and intercepts, for standardized samples.
    prediction_dtype : dtype
        Of predictions and of the weights in the units of the data.
    """

    def __init__(self, estimator):
        if not estimator.__sklearn_is_fitted__():  # `check_is_fitted` alone is slow
            check_is_fitted(estimator)
        self._estimator = estimator
        self._config: TrainingConfig = estimator._config
        self._state: TrainingState = estimator._state
        self.network: Network = self._config.objective.network
        self.loss: Loss = self._config.objective.loss
        self.theta: np.ndarray = self._state.theta
        self.prediction_dtype: np.dtype = self.theta.dtype

    @property
    def state(self) -> TrainingState:
        """The training state, for callbacks that store or restore it."""
        return self._state

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return self.network.sizes[-1]

    @property
    @abstractmethod
    def n_predictions(self) -> int:
        """Number of columns of `predict`, or of `predict_proba` for a classifier."""

    @property
    def feature_names(self) -> list[str]:
        """Names of the inputs, "x0", "x1", ... if X had none."""
        names = getattr(self._estimator, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.network.sizes[0])] if names is None else list(names)

    @property
    @abstractmethod
    def output_names(self) -> list[str]:
        """Names of the outputs: "o0", "o1", ... or the classes."""

    def validate(self, X):
        """Return X as an ndarray or CSR matrix, before standardization.

        Many integers, booleans and numbers of half precision become the network's dtype chunk by chunk.
        """
        dtype, names = self.theta.dtype, vars(self._estimator).get("feature_names_in_")
        converted = convert_samples(X, dtype, self.network.sizes[0], names)
        if converted is None:
            dtypes = accepted_dtypes(X, dtype)
            return validate_data(self._estimator, X, accept_sparse="csr", dtype=dtypes, reset=False)
        return converted

    def validate_sample(self, x, dtype: np.dtype) -> np.ndarray:
        """Return a single sample as an array of shape (1, n_features)."""
        ndim = getattr(x, "ndim", np.ndim(x))
        if ndim == 1 and hasattr(x, "to_frame") and hasattr(x, "index"):
            X = x.to_frame().T  # one sample of a pandas data frame keeps its names
        else:
            X = np.reshape(x, (1, -1)) if ndim < 2 else x
        X = validate_data(self._estimator, X, accept_sparse="csr", dtype=dtype, reset=False)
        if X.shape[0] != 1:
            raise ValueError(f"x must be a single sample, got {X.shape[0]} samples.")
        return X if isinstance(X, np.ndarray) else X.toarray()

    def raw_output(self, X) -> np.ndarray:
        """Return the raw output for X as the user passes it, of shape (n_samples, n_outputs)."""
        with np.errstate(all="ignore"):  # overflow shows as inf or NaN in the result
            X = self.validate(X)
            return self._corrected(self._propagate(X), X)

    def _propagate(self, X) -> np.ndarray:
        return raw_output(self.network, self._state, X, self._estimator.engine_)

    @property
    def _transform(self):
        return self._state.transform

    def _corrected(self, raw: np.ndarray, X) -> np.ndarray:
        """Return the raw output for X, with values that overflow replaced where the correct ones are known."""
        return raw

    def iterate_chunks(self, X) -> Iterator[tuple[slice, np.ndarray, list[LayerCache]]]:
        """Propagate validated X forward, chunk by chunk.

        Yields
        ------
        samples : slice
            The samples of the chunk.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw output, as `raw_output` gives it.
        cache : list of LayerCache
            As `Network.forward` leaves it. The next chunk overwrites it.
        """
        layers = self.network.unpack(self.theta)
        size = min(X.shape[0], self.network.chunk_size(self.theta.dtype))
        buffers = self.network.allocate_cache(size, self.theta.dtype)
        for start in range(0, X.shape[0], size):
            chunk = X[start : start + size]
            inputs = self._transform(chunk)
            cache = first_samples(buffers, inputs.shape[0])
            raw = self.network.forward(layers, inputs, cache)
            yield slice(start, start + size), self._corrected(raw, chunk), cache

    def layer_outputs(self, X) -> list[np.ndarray]:
        """Return the output of every layer for validated X; the last layer has the predictions."""
        outputs = [np.empty((X.shape[0], size), self.theta.dtype) for size in self.network.sizes[1:-1]]
        outputs.append(np.empty((X.shape[0], self.n_outputs), self.prediction_dtype))
        for samples, raw, cache in self.iterate_chunks(X):
            for output, layer in zip(outputs[:-1], cache[:-1], strict=True):
                output[samples] = layer.a
            outputs[-1][samples] = self.outputs(raw)
        return outputs

    @abstractmethod
    def outputs(self, raw: np.ndarray) -> np.ndarray:
        """Return the outputs of the network after the output activation, in the units of the target."""

    @abstractmethod
    def prediction_derivatives(self, raw: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the derivative of each prediction with respect to all raw outputs, of shape (n_samples, n_outputs)."""

    def input_slopes(self, X) -> np.ndarray | None:
        """Return the derivative of the standardized samples with respect to validated X, or None if it is 1."""
        return None if self._state.standardizer is None else self._state.standardizer.input_slopes(X)

    def input_scaling(self) -> InputScaling | None:
        """Return how samples are standardized for `internal_layers`, or None if they are not."""
        standardizer = self._state.standardizer
        if standardizer is None:
            return None
        return InputScaling(standardizer.input_offset, standardizer.input_factor, *standardizer.input_bounds)

    def compressed(self, X: np.ndarray) -> np.ndarray:
        """Return dense samples, in the units of the data, as `layers` take them: extreme values are compressed."""
        return X if self._state.standardizer is None else self._state.standardizer.compressed(X)

    def compression_slopes(self, X: np.ndarray) -> np.ndarray:
        """Return the derivative of the compressed samples with respect to dense X."""
        standardizer = self._state.standardizer
        return np.ones_like(X) if standardizer is None else standardizer.compression_slopes(X)

    def layers(self) -> list[Layer]:
        """Return copies of the layers for `compressed` samples and predictions in the units of the data."""
        layers, dtype = self.network.unpack(self.theta), self.prediction_dtype
        if self._state.standardizer is not None:
            layers = self._state.standardizer.fold_scaling(layers)
        return [Layer(W.astype(dtype), b.astype(dtype)) for W, b in layers]

    def internal_layers(self) -> list[Layer]:
        """Return copies of the layers for standardized samples, as they are trained."""
        return [Layer(W.copy(), b.copy()) for W, b in self.network.unpack(self.theta)]

    def loss_in_target_units(self) -> Loss:
        """Return the loss for targets and predictions in the units of the data."""
        standardizer = self._state.standardizer
        if standardizer is None or not standardizer.target_scaling.scales:
            return self.loss
        return self.loss.in_units_of(standardizer.target_scale)

    @abstractmethod
    def encoder(self, dtype: np.dtype) -> TargetEncoder:
        """Return the encoder of targets like those of `fit`."""

    def encode_sample(self, y) -> np.ndarray:
        """Return the target of a single sample, of shape (1, n_outputs), in float64."""
        target = self.encoder(np.dtype(np.float64)).encode_sample(y)
        if target.shape != (1, self.n_outputs):
            raise ValueError(f"y={shortened(y)} is not the target of one sample with {self.n_outputs} outputs.")
        return target


class RegressorModel(FittedModel):
    """The network of a fitted `BackpropRegressor`."""

    def __init__(self, estimator):
        super().__init__(estimator)
        name = vars(estimator).get("_prediction_dtype")  # files of the first versions do not have it
        if name is not None:
            self.prediction_dtype = np.dtype(name)

    @property
    def n_predictions(self):
        """Number of columns of `predict`."""
        return self.n_outputs

    @property
    def output_names(self):
        """Names of the outputs."""
        return [f"o{output}" for output in range(self.n_outputs)]

    def outputs(self, raw):
        prediction = self.loss.link.inverse(raw)
        standardizer = self._state.standardizer
        if standardizer is not None:
            prediction = standardizer.inverse_transform_target(prediction)
        return prediction.astype(self.prediction_dtype, copy=False)

    def prediction_scaling(self) -> PredictionScaling | None:
        """Return what turns the output of the link into predictions, or None if it is the prediction."""
        standardizer = self._state.standardizer
        if standardizer is None or not standardizer.target_scaling.scales:
            return None
        return PredictionScaling(standardizer.prediction_scale, standardizer.target_transform.prediction_offset)

    def prediction_derivatives(self, raw):
        standardizer = self._state.standardizer
        scale = np.ones(self.n_outputs)
        if standardizer is not None and standardizer.target_scaling.scales:
            scale = standardizer.prediction_scale
        scale = scale.astype(self.prediction_dtype)
        for output in range(self.n_outputs):
            yield self.loss.link.inverse_derivative(raw, output).astype(self.prediction_dtype) * scale[output]

    def encoder(self, dtype):
        return NumberEncoder(self.loss, dtype, is_scaled=False)


class ClassifierModel(FittedModel):
    """The network of a fitted `BackpropClassifier`."""

    def __init__(self, estimator):
        super().__init__(estimator)
        self.classes: np.ndarray = estimator.classes_
        self.is_multilabel: bool = estimator._is_multilabel
        self.has_sparse_labels: bool = estimator._has_sparse_labels

    @property
    def n_predictions(self):
        """Number of columns of `predict_proba`."""
        return len(self.classes)

    @property
    def output_names(self):
        """Names of the outputs."""
        return [str(label) for label in self.classes[-self.n_outputs :]]

    @property
    def has_one_output_for_two(self) -> bool:
        """Whether the single output is the probability of the second of two classes."""
        return self.n_outputs == 1 and len(self.classes) == 2

    @property
    def needs_normalization(self) -> bool:
        """Whether the outputs of a sample do not sum to 1 by themselves, as the probabilities of classes must."""
        return not self.is_multilabel and not self.loss.link.sums_to_one

    def _corrected(self, raw, X):
        """Rescale samples whose forward pass overflows: far from the origin, the direction of x decides the class."""
        flat = raw.ravel()
        if math.isfinite(np.dot(flat, flat)):  # almost always, and cheaper than a check of each sample
            return raw
        limits, samples = np.finfo(raw.dtype), np.arange(len(raw))
        for _ in range(MAX_RESCALES):
            overflows = ~(np.abs(raw[samples]).max(axis=1) < limits.max / 4)  # so that differences are finite too
            if not overflows.any():
                break
            samples, X = samples[overflows], X[overflows] * np.sqrt(limits.tiny)
            raw[samples] = self._propagate(X)
        return raw

    def labels(self, raw: np.ndarray) -> Matrix:
        """Return the most probable label of each sample, or 1 for each label that is more probable than not."""
        if self.is_multilabel:
            return label_matrix(raw > 0, is_sparse=self.has_sparse_labels)
        code = (raw[:, 0] > 0).astype(int) if self.has_one_output_for_two else raw.argmax(axis=1)
        return self.classes[code]

    def scores(self, raw: np.ndarray) -> np.ndarray:
        """Return the decision function: one score for two classes, otherwise the raw output."""
        if self.n_outputs == 1:
            return raw[:, 0]
        if len(self.classes) == 2 and not self.is_multilabel:
            return raw[:, 1] - raw[:, 0]
        return raw

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        link = self.loss.link
        if self.has_one_output_for_two:
            return link.inverse(np.column_stack([-raw, raw]))
        if self.needs_normalization:
            return special.softmax(link.log_inverse(raw), axis=1)
        return link.inverse(raw)

    def log_probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability of each class."""
        link = self.loss.link
        if self.has_one_output_for_two:
            return link.log_inverse(np.column_stack([-raw, raw]))
        if self.needs_normalization:
            return special.log_softmax(link.log_inverse(raw), axis=1)
        return link.log_inverse(raw)

    def outputs(self, raw):
        return self.loss.link.inverse(raw)

    def prediction_derivatives(self, raw):
        link = self.loss.link
        if self.has_one_output_for_two:
            derivative = link.inverse_derivative(raw, 0)
            yield -derivative
            yield derivative
        elif self.needs_normalization:  # p = softmax(log f(raw)), and d log f(raw) / d raw = f(-raw)
            log_out = link.log_inverse(raw)
            for output in range(self.n_outputs):
                yield SOFTMAX.inverse_derivative(log_out, output) * special.expit(-raw)
        else:
            for output in range(self.n_outputs):
                yield link.inverse_derivative(raw, output)

    def encoder(self, dtype):
        return LabelEncoder(self.loss, dtype, self.classes, self.is_multilabel, self._estimator.label_smoothing)
