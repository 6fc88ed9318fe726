"""`FittedMembers`: the networks of a fitted estimator with their weights, as inspection and plotting use them.

An ensemble has several members. A single network is its own only member, so that callers need not tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._typing import Matrix, MatrixLike
from .fitted_model import FittedModel, fitted_model, type_error


class Pool(Protocol):
    """How an ensemble of classifiers gets its probabilities from the mean of functions of those of its members."""

    def slopes(self, probability: np.ndarray) -> np.ndarray:
        """Return the derivative of the function with respect to the probabilities of a member."""
        ...

    def chain(self, probability: np.ndarray, gradients: np.ndarray) -> None:
        """Replace derivatives of the mean by those of the probabilities of the ensemble."""
        ...


class DifferentiableTransformer(Protocol):
    """A transformer that knows its derivative, such as `skbackprop.ensemble.PiecewiseLinearEncoder`."""

    def transform(self, X: Matrix) -> Matrix:
        """Return the outputs for samples."""
        ...

    def input_gradients(self, X: Matrix, gradients: np.ndarray) -> np.ndarray:
        """Return derivatives with respect to X, given those with respect to the outputs.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
        gradients : ndarray of shape (n_samples, n_features_out)
            The derivative of a function of the outputs, for each sample.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features)
        """
        ...


class DifferentiableMember(NamedTuple):
    """A member whose predictions can be differentiated with respect to the inputs of the ensemble.

    Attributes
    ----------
    model : FittedModel
        The fitted model of its network.
    transformers : list of DifferentiableTransformer
        What transforms the inputs before the network, in this order.
    """

    model: FittedModel
    transformers: list[DifferentiableTransformer]

    def forward(self, X: Matrix) -> list[Matrix]:
        """Return the input of each transformer and, as the last, that of the model, for validated X."""
        inputs = [X]
        for transformer in self.transformers:
            inputs.append(transformer.transform(inputs[-1]))
        if self.transformers:
            inputs[-1] = self.model.validate(inputs[-1])
        return inputs

    def chain(self, inputs: list[Matrix], gradients: np.ndarray) -> np.ndarray:
        """Return derivatives with respect to X, given those with respect to the input of the model.

        Parameters
        ----------
        inputs : list of ndarray or CSR matrix
            As `forward` returns them.
        gradients : ndarray of shape (n_samples, n_features_of_the_model)

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features)
        """
        for transformer, X in zip(self.transformers[::-1], inputs[-2::-1], strict=True):
            gradients = transformer.input_gradients(X, gradients)
        return gradients


class FittedMembers(NamedTuple):
    """The members of a fitted ensemble, or a single network.

    Attributes
    ----------
    estimators : list of estimator
        The members: networks, or pipelines that end in one.
    networks : list of BackpropRegressor or BackpropClassifier
        The network of each member.
    weights : ndarray of shape (n_members,)
        The weight of each member in the mean prediction. They sum to 1.
    validate : callable
        Returns X as an ndarray or CSR matrix that the members take as it is.
    pool : Pool or None
        None if the predictions of the ensemble are the mean of those of its members.
    """

    estimators: list[Any]
    networks: list[Any]
    weights: np.ndarray
    validate: Callable[[MatrixLike], Matrix]
    pool: Pool | None = None

    def differentiable(self) -> list[DifferentiableMember]:
        """Return the members with what the chain rule needs.

        Raises
        ------
        TypeError
            If a member is a pipeline with a transformer that does not know its derivative.
        """
        pairs = zip(self.estimators, self.networks, strict=True)
        return [
            DifferentiableMember(fitted_model(network), _transformers(estimator, network, f"estimators_[{i}]"))
            for i, (estimator, network) in enumerate(pairs)
        ]


def _transformers(estimator, network, name: str) -> list[DifferentiableTransformer]:
    """Return the transformers before the network of a member, each of which has to know its derivative."""
    transformers = [] if estimator is network else [transformer for _, transformer in estimator.steps[:-1]]
    for transformer in transformers:
        if not hasattr(transformer, "input_gradients"):
            raise TypeError(
                f"{name} of the ensemble is a Pipeline, whose step {transformer!r} has no method input_gradients for "
                f"the chain rule; pass the network, {name}[-1], and its input, {name}[:-1].transform(X)."
            )
    return transformers


def fitted_members(estimator) -> FittedMembers:
    """Return the members of a fitted ensemble, or a fitted network as its own only member.

    Raises
    ------
    TypeError
        If `estimator` is neither a BackpropRegressor or BackpropClassifier nor an ensemble of them.
    NotFittedError
        If it is not fitted.
    """
    if hasattr(type(estimator), "_fitted_members"):
        return estimator._fitted_members()
    if not hasattr(type(estimator), "_fitted_model"):
        raise type_error(estimator, "a BackpropRegressor, a BackpropClassifier, or an ensemble of them")
    return FittedMembers([estimator], [estimator], np.ones(1), fitted_model(estimator).validate)
