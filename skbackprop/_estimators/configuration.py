"""From the parameters of an estimator to the configuration of training and the initial state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from .._component_checks import is_custom
from .._core.dataset import Dataset
from .._core.network import Network
from .._core.objective import Objective
from .._core.shards import Shards
from .._core.standardizer import Standardizer
from .._core.windows import LARGE, bytes_of
from .._training.config import TrainingConfig
from .._training.state import TrainingState
from ..activations import FunctionActivation
from ..activations._check import check_interface as check_activation_interface
from ..activations._check import interface_points
from ..losses import Loss
from ..losses._check import check_interface as check_loss_interface
from ..optimizers import Optimizer
from .custom_updates import check_optimizer, check_schedule
from .parameters import (
    SampleKind,
    check_lbfgs,
    check_memory,
    choose_batch_size,
    choose_optimizer,
    choose_schedule,
    initial_theta,
    layer_activations,
    layer_dropout,
    layer_sizes,
)


def build_config(
    estimator,
    data: Dataset | Shards,
    loss: Loss,
    max_iter: int,
    is_stream: bool = False,
    stream: TrainingState | None = None,
) -> TrainingConfig:
    """Validate the parameters together, and return the configuration for training on these samples.

    `max_iter` is the number of epochs that schedules are planned for. `is_stream` says whether the samples belong to a
    stream, and `stream` is its state if they continue it; the learning rate must not follow each chunk.
    """
    n_features = data.X.shape[1]
    n_entries = data.n_entries if stream is None else stream.mean_entries_with(data)
    kind = SampleKind(n_features, n_entries, is_stream, continues_fit=stream is not None and stream.has_been_fitted)
    hidden = layer_sizes(estimator.hidden_layer_sizes)
    sizes = (n_features, *hidden, data.n_outputs)
    network = Network(sizes, layer_activations(estimator.activation, len(hidden)))
    check_components(network, loss, data)
    dropout = layer_dropout(estimator.dropout, len(hidden))
    optimizer = choose_optimizer(estimator.optimizer)
    if optimizer.needs_all_samples:
        check_lbfgs(estimator.solver, estimator.l1_ratio, dropout, estimator.clip_norm)
    schedule = choose_schedule(estimator.learning_rate, estimator.solver, optimizer, loss, kind)
    config = TrainingConfig(
        objective=Objective(network, loss, float(estimator.l1_ratio), dropout),
        optimizer=optimizer,
        schedule=schedule,
        batch_size=choose_batch_size(estimator.solver, estimator.batch_size, data.n_samples, n_features),
        shuffle=bool(estimator.shuffle),
        max_iter=max_iter,
        alpha=None if isinstance(estimator.alpha, str) else float(estimator.alpha),
        clip_norm=estimator.clip_norm,
        reads_blocks=not is_stream and _reads_blocks(estimator.shuffle, data),
    )
    check_schedule(schedule, (stream and stream.n_planned) or config.n_planned(data.n_samples))
    return config


def _reads_blocks(shuffle: bool | str, data: Dataset | Shards) -> bool:
    """Return whether samples are read in blocks; the samples of shards are read in windows anyway."""
    if isinstance(data, Shards) or isinstance(shuffle, str):
        return shuffle == "blocks"
    return bytes_of(data.X) > LARGE


def check_components(network: Network, loss: Loss, data: Dataset | Shards) -> None:
    """Check a custom loss and custom activations with a handful of numbers, before they are trained with.

    Raises
    ------
    ValueError
        If a method does not write or return what it should; the message says what to change.
    """
    for activation, n_units in zip(network.activations, network.sizes[1:-1], strict=True):
        if is_custom(activation) or isinstance(activation, FunctionActivation):
            check_activation_interface(activation, interface_points(n_units, data.dtype))
    if is_custom(loss):
        y = _targets_like(loss, data.some if isinstance(data, Shards) else data)
        check_loss_interface(loss, y, np.resize(np.array([0.1, -0.2, 0.3], y.dtype), y.shape))


def _targets_like(loss: Loss, data: Dataset) -> np.ndarray:
    """Return a few targets as the loss is going to see them: of the training set, or scaled ones."""
    y = data.take(slice(4)).target().astype(data.dtype)
    scaling = loss.link.target_scaling.name
    if scaling == "spread":
        return np.resize(np.array([0.5, -1.0, 1.5], y.dtype), y.shape)
    return y / max(y.mean(), np.finfo(y.dtype).tiny) if scaling == "mean" else y


def initial_state(estimator, config: TrainingConfig, seed: int, data: Dataset | Shards) -> TrainingState:
    """Return the state before the first update."""
    rng = np.random.default_rng(seed)
    dtype = data.dtype
    network = config.objective.network
    check_memory(network, dtype)
    theta = initial_theta(estimator.init, network, rng, dtype)
    state = TrainingState(theta, new_optimizer_state(config.optimizer, theta), rng, seed=seed)
    if estimator.standardize:
        is_robust = estimator.standardize != "standard"
        state.standardizer = new_standardizer(config.objective, not sparse.issparse(data.X), dtype, is_robust)
        if isinstance(estimator.init, (list, tuple)):  # the weights are in the units of X and y
            preview = new_standardizer(config.objective, not sparse.issparse(data.X), dtype, is_robust)
            preview.update(data.some if isinstance(data, Shards) else data)
            preview.unfold_scaling(network.unpack(theta))
    return state


def new_standardizer(objective: Objective, centers: bool, dtype: np.dtype, is_robust: bool = True) -> Standardizer:
    """Return a standardizer without samples."""
    sizes = objective.network.sizes
    loss = objective.loss
    return Standardizer(sizes[0], sizes[-1], loss.link.target_scaling, centers, dtype, is_robust, loss.is_robust)


def resumed_state(estimator, config: TrainingConfig, previous: TrainingConfig, state: TrainingState) -> TrainingState:
    """Return the state to continue from, after checking that the parameters still fit the weights."""
    old, new = previous.objective, config.objective
    is_standardized = state.standardizer is not None
    old_scaling, new_scaling = old.loss.link.target_scaling.name, new.loss.link.target_scaling.name
    if not is_standardized:
        old_scaling = new_scaling = None
    for name, was, now in (
        ("hidden_layer_sizes", old.network.sizes[1:-1], new.network.sizes[1:-1]),
        ("activation", old.network.activations, new.network.activations),
        ("The number of outputs", old.network.sizes[-1], new.network.sizes[-1]),
        ("output_activation", old.loss.output_activation, new.loss.output_activation),
        ("standardize", *_kinds_of_standardization(estimator.standardize, state)),
        ("The target_scaling of loss", old_scaling, new_scaling),
    ):
        if was != now:
            raise ValueError(
                f"{name} changed from {was} to {now} since the weights were initialized, so training cannot continue. "
                "Set it back, or start again: clone the estimator, or call fit with warm_start=False."
            )
    theta, optimizer_state = _writeable(state.theta), _writeable(state.optimizer_state)
    expected = (config.optimizer.n_state_arrays, theta.size)
    if config.optimizer == previous.optimizer and optimizer_state.shape == expected:
        return replace(state, theta=theta, optimizer_state=optimizer_state)
    return replace(state, theta=theta, optimizer_state=new_optimizer_state(config.optimizer, theta), n_steps=0)


def _kinds_of_standardization(standardize, state: TrainingState) -> tuple[str | bool, str | bool]:
    """Return how the samples were standardized and how they are to be; True stands for either way."""
    if state.standardizer is None:
        return False, standardize
    was = "robust" if state.standardizer.is_robust else "standard"
    return was, standardize if isinstance(standardize, str) or not standardize else was


def new_optimizer_state(optimizer: Optimizer, theta: np.ndarray) -> np.ndarray:
    """Return the state of an optimizer before its first step, after checking it if it is a custom one."""
    optimizer_state = np.zeros((optimizer.n_state_arrays, theta.size), theta.dtype)
    check_optimizer(optimizer, theta, optimizer_state)
    return optimizer_state


def _writeable(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy if it cannot be trained in place, as when joblib has memory-mapped it."""
    return array if array.flags.writeable else array.copy()
