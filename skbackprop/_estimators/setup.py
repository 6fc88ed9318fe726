"""What the parameters of an estimator come down to: the config of a training, and the state that it starts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from .._core.network import Network
from .._core.objective import Objective
from .._core.standardizer import Standardizer
from .._training.state import TrainingConfig, TrainingState
from ..losses import Loss
from ..optimizers import LBFGS, Optimizer
from .parameters import (
    check_lbfgs,
    check_memory,
    choose_optimizer,
    choose_schedule,
    initial_theta,
    layer_activations,
    layer_dropout,
    layer_sizes,
    rows_per_update,
)


def build_config(estimator, n_rows: int, n_features: int, n_outputs: int, loss: Loss) -> TrainingConfig:
    """Return how to train a network for rows of this kind, all parameters checked."""
    hidden = layer_sizes(estimator.hidden_layer_sizes)
    network = Network((n_features, *hidden, n_outputs), layer_activations(estimator.activation, len(hidden)))
    dropout = layer_dropout(estimator.dropout, len(hidden))
    optimizer = choose_optimizer(estimator.optimizer)
    if isinstance(optimizer, LBFGS):
        check_lbfgs(estimator.solver, estimator.l1_ratio, dropout, estimator.clip_norm)
    return TrainingConfig(
        objective=Objective(network, loss, float(estimator.l1_ratio), dropout),
        optimizer=optimizer,
        schedule=choose_schedule(estimator.learning_rate, estimator.solver, optimizer, loss),
        batch_size=rows_per_update(estimator.solver, estimator.batch_size, n_rows),
        shuffle=estimator.shuffle,
        max_iter=estimator.max_iter,
        alpha=None if isinstance(estimator.alpha, str) else float(estimator.alpha),
        clip_norm=estimator.clip_norm,
    )


def start(
    estimator, config: TrainingConfig, seed: int, X, y: np.ndarray, sample_weight: np.ndarray | None
) -> TrainingState:
    """Return the state before the first update."""
    rng, dtype = np.random.default_rng(seed), X.dtype
    network = config.objective.network
    check_memory(network, dtype)
    theta = initial_theta(estimator.init, network, rng, dtype)
    state = TrainingState(theta, new_optimizer_state(config.optimizer, theta), rng, seed=seed)
    if estimator.standardize:
        scaling = config.objective.loss.target_scaling
        arguments = X.shape[1], scaling, y.shape[1], not sparse.issparse(X), dtype
        state.standardizer = Standardizer(*arguments)
        if isinstance(estimator.init, (list, tuple)):  # weights for X and y as they are
            standardizer = Standardizer(*arguments)
            standardizer.see(X, y, sample_weight)
            standardizer.unfold_scaling(network.unpack(theta))
    return state


def resume(estimator, config: TrainingConfig, before: TrainingConfig, state: TrainingState) -> TrainingState:
    """Return the state to go on from, checked against what the parameters ask for now."""
    made, wanted = before.objective.network, config.objective.network
    loss_before, loss = before.objective.loss, config.objective.loss
    standardized = state.standardizer is not None
    for name, was, now in (
        ("hidden_layer_sizes", made.sizes[1:-1], wanted.sizes[1:-1]),
        ("activation", made.activations, wanted.activations),
        ("The number of outputs", made.sizes[-1], wanted.sizes[-1]),
        ("output_activation", loss_before.output_activation, loss.output_activation),
        ("standardize", standardized, bool(estimator.standardize)),
        (
            "The target_scaling of loss",
            standardized and loss_before.target_scaling,
            standardized and loss.target_scaling,
        ),
    ):
        if was != now:
            raise ValueError(
                f"{name} changed from {was} to {now} since the weights were made: training cannot go on. "
                "Set it back, or start anew: clone the estimator, or call fit with warm_start=False."
            )
    theta, optimizer_state = (_writeable(array) for array in (state.theta, state.optimizer_state))
    if config.optimizer == before.optimizer and optimizer_state.shape == (config.optimizer.n_state_arrays, theta.size):
        return replace(state, theta=theta, optimizer_state=optimizer_state)
    return replace(state, theta=theta, optimizer_state=new_optimizer_state(config.optimizer, theta), n_steps=0)


def _writeable(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy if it cannot be trained in place, as when joblib has mapped it from a file."""
    return array if array.flags.writeable else array.copy()


def new_optimizer_state(optimizer: Optimizer, theta: np.ndarray) -> np.ndarray:
    return np.zeros((optimizer.n_state_arrays, theta.size), theta.dtype)
