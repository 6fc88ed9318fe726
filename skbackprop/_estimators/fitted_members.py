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

    def models(self) -> list[FittedModel]:
        """Return the fitted model of each member, all of which have the inputs of the ensemble.

        Raises
        ------
        TypeError
            If a member is a pipeline that transforms the inputs before its network.
        """
        for i, (estimator, network) in enumerate(zip(self.estimators, self.networks, strict=True)):
            if estimator is not network and len(estimator) > 1:
                member = f"estimators_[{i}]"
                raise TypeError(
                    f"{member} of the ensemble is a Pipeline, which transforms the inputs before its network; pass the "
                    f"network, {member}[-1], and its input, {member}[:-1].transform(X)."
                )
        return [fitted_model(network) for network in self.networks]


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
