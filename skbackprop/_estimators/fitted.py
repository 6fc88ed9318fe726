"""What a fitted estimator shows of its network: weights, counts, the loss curve and the raw output.

All is read off the state, which alone is stored: a pickle holds every number once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from .._core.network import Layer, LayerCache, first_rows
from .._training.state import TrainingConfig, TrainingState
from .._version import StoredBy
from .fast_path import is_plain


class FittedNetwork:
    """The fitted attributes that regressor and classifier share."""

    _config: TrainingConfig
    _state: TrainingState

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_state")

    def _raw_output(self, X) -> np.ndarray:
        """Return the network's raw output for checked X, of shape (n_samples, n_outputs)."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)
        with np.errstate(all="ignore"):  # of predictions, what overflows is in them to be seen
            return self._propagate(self._checked_inputs(X))

    def _propagate(self, X) -> np.ndarray:
        """Return the network's raw output for X as it was checked."""
        state, network = self._state, self._config.objective.network
        return network.raw_output(state.theta, X, None if state.standardizer is None else state.standardizer.inputs_of)

    def _checked_inputs(self, X):
        """Return X as the network takes it, but for the standardisation: of its dtype, an ndarray or CSR."""
        dtype, n_features = self._state.theta.dtype, self._config.objective.network.sizes[0]
        if "feature_names_in_" in vars(self) or not is_plain(X, dtype, (None, n_features)):
            X = validate_data(self, X, accept_sparse="csr", dtype=dtype, reset=False)
        return X

    def _chunks(self, X) -> Iterator[tuple[slice, np.ndarray, list[LayerCache]]]:
        """Propagate any number of rows of checked X forward, chunk by chunk.

        Yields
        ------
        rows : slice
            Which they are.
        raw : ndarray of shape (n_rows, n_outputs)
            The network's raw output.
        trace : list of LayerCache
            As `forward` leaves it. The next chunk takes its room, and that of `raw`.
        """
        state, network = self._fitted_state(), self._config.objective.network
        layers, chunk = network.unpack(state.theta), min(X.shape[0], network.chunk_rows(state.theta.dtype))
        room = network.trace(chunk, state.theta.dtype)
        for start in range(0, X.shape[0], chunk):
            part = X[start : start + chunk]
            if state.standardizer is not None:
                part = state.standardizer.inputs_of(part)
            trace = first_rows(room, part.shape[0])
            yield slice(start, start + chunk), network.forward(layers, part, trace), trace

    def _fitted_state(self) -> TrainingState:
        check_is_fitted(self)
        return self._state

    def drop_optimizer_state(self) -> Self:
        """Forget what the optimizer remembers, so that a pickle holds little but the weights.

        Training can go on; the optimizer then starts anew, from the weights as they are.

        Returns
        -------
        self : object
            The estimator.
        """
        check_is_fitted(self)
        self._state = replace(self._state, optimizer_state=self._state.optimizer_state[:, :0].copy(), n_steps=0)
        self._trainer = None, None
        return self

    def _sk_visual_block_(self):
        """Return what scikit-learn makes its HTML of: its own, and the layers of a fitted network as the caption.

        The class that it uses for this moves from release to release; only its attributes are needed.
        """
        caption = None
        if self.__sklearn_is_fitted__():
            network = self._config.objective.network
            n_intercepts = network.n_parameters - network.n_weights
            caption = f"{' → '.join(map(str, network.sizes))}: {network.n_weights} weights, {n_intercepts} intercepts"
        return SimpleNamespace(
            kind="single",
            estimators=self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=caption,
            doc_link_label=None,
            dash_wrapped=True,
        )

    def _take_weights(self, state: TrainingState) -> None:
        """Take the weights of another state of this network."""
        np.copyto(self._state.theta, state.theta)
        self._state.best_iter, self._state.mean_loss = state.best_iter, state.mean_loss

    def __getstate__(self):
        stored = {name: value for name, value in super().__getstate__().items() if name != "_trainer"}
        return {"_stored_by": StoredBy()} | stored

    def __setstate__(self, state):
        super().__setstate__({name: value for name, value in state.items() if name != "_stored_by"})

    def _layers(self) -> list[Layer]:
        """Return copies of the layers, for X and a prediction on the scale of the user's."""
        state, layers = self._fitted_state(), self._standardized_layers()
        if state.standardizer is None:
            return layers
        dtype = state.theta.dtype
        return [Layer(W.astype(dtype), b.astype(dtype)) for W, b in state.standardizer.fold_scaling(layers)]

    def _standardized_layers(self) -> list[Layer]:
        """Return copies of the layers as they are inside, for standardised X and target."""
        layers = self._config.objective.network.unpack(self._fitted_state().theta)
        return [Layer(layer.W.copy(), layer.b.copy()) for layer in layers]

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, of shape (units of the layer before, units), for X as it was given to `fit`."""
        return [layer.W for layer in self._layers()]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Intercepts of each layer, of shape (units,), that go with `coefs_`."""
        return [layer.b for layer in self._layers()]

    @property
    def n_iter_(self) -> int:
        """Number of passes made, over all calls since the weights were made."""
        return self._fitted_state().n_iter

    @property
    def t_(self) -> int:
        """Number of updates made, over all calls since the weights were made."""
        return self._fitted_state().t

    @property
    def loss_curve_(self) -> list[float]:
        """Mean loss plus penalty in each pass; of a long stream, in the last 10000 or more."""
        return list(self._fitted_state().loss_curve)

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Mean loss on held-out rows after each pass; None if no rows were held out."""
        return list(self._fitted_state().validation_loss_curve) or None

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score by `scoring` on held-out rows after each pass, minus the loss for "loss"; None without such rows."""
        return list(self._fitted_state().validation_scores) or None

    @property
    def best_iter_(self) -> int:
        """The epoch that the weights are from: the best by `validation_scores_`, otherwise the last."""
        return self._fitted_state().best_iter

    @property
    def alpha_(self) -> float:
        """Strength of the penalty in the last epoch."""
        return self._fitted_state().alpha

    @property
    def learning_rate_(self) -> float:
        """Learning rate of the last update."""
        return self._fitted_state().learning_rate
