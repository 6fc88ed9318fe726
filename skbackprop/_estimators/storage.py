"""What a pickle, joblib or skops file of an estimator contains, and the checks when it is loaded.

It is a plain dictionary of numbers, strings, arrays and objects of public classes. Private classes are rebuilt from it,
so the code can be reorganized without breaking stored estimators.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.network import Network
from .._core.objective import Objective
from .._core.standardizer import Standardizer
from .._training.config import TrainingConfig
from .._training.state import TrainingState
from .._version import __version__
from ..activations import Activation
from ..losses import Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .configuration import new_standardizer
from .progress import FitProgress

#: To be increased whenever older versions of the package cannot load what this one stores.
FORMAT = 1

#: Attributes that are stored in another form, or not at all because the next call recreates them.
REBUILT = {"_config", "_state", "_progress", "_fast_path"}
#: The parts of `TrainingState` that are numbers.
NUMBERS = (
    "seed",
    "t",
    "n_steps",
    "n_iter",
    "validation_start",
    "best_iter",
    "learning_rate",
    "rate_factor",
    "plateau_best",
    "plateau_count",
    "alpha",
    "mean_loss",
    "mean_weight",
    "n_samples",
    "n_rejections",
)
#: The parts of `TrainingState` that are lists of numbers.
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")
#: The parts of `TrainingConfig` that are numbers.
SETTINGS = ("batch_size", "shuffle", "max_iter", "alpha", "clip_norm")


def stored_state(estimator) -> dict[str, Any]:
    """Return the estimator as a plain dictionary."""
    attributes = vars(estimator)
    params = estimator.get_params(deep=False)
    others = {name: value for name, value in attributes.items() if name not in params and name not in REBUILT}
    is_fitted = "_state" in attributes
    return {
        "format": FORMAT,
        "version": __version__,
        "params": {name: attributes[name] for name in params},
        "attributes": others,
        "network": _stored_network(estimator._config, estimator._state) if is_fitted else None,
        "progress": estimator._progress.state_dict() if "_progress" in attributes else None,
    }


def restore_state(estimator, stored: dict[str, Any]) -> None:
    """Rebuild the estimator from what `stored_state` returned.

    Raises
    ------
    ValueError
        If a newer version stored it, or if a part of it is missing, has the wrong shape or is not finite.
    """
    version = stored.get("version", "an unknown version")
    if "format" not in stored or not isinstance(stored["format"], int):
        raise ValueError("This is not a stored estimator of skbackprop: it has no format number.")
    if stored["format"] > FORMAT:
        raise ValueError(
            f"This estimator was stored by skbackprop {version} in format {stored['format']}, and version "
            f"{__version__} supports formats up to {FORMAT}: install skbackprop {version} or later to load it."
        )
    _require(stored, ("params", "attributes", "network", "progress"), "the stored estimator")
    vars(estimator).update(stored["params"])
    vars(estimator).update(stored["attributes"])
    if stored["network"] is not None:
        estimator._config, estimator._state = _restored_network(stored["network"])
        n_features = estimator._config.objective.network.sizes[0]
        if vars(estimator).get("n_features_in_") != n_features:
            raise ValueError(f"The stored network has {n_features} inputs, which differs from n_features_in_.")
        estimator._fast_path = None
    if stored["progress"] is not None:
        estimator._progress = FitProgress.from_state_dict(stored["progress"])


def _stored_network(config: TrainingConfig, state: TrainingState) -> dict[str, Any]:
    objective = config.objective
    return {
        "sizes": list(objective.network.sizes),
        "activations": list(objective.network.activations),
        "loss": objective.loss,
        "l1_ratio": objective.l1_ratio,
        "dropout": list(objective.dropout),
        "optimizer": config.optimizer,
        "schedule": config.schedule,
        "settings": {name: getattr(config, name) for name in SETTINGS},
        "theta": state.theta,
        "optimizer_state": state.optimizer_state,
        "random_generator": state.rng.bit_generator.state,
        "standardizer": None if state.standardizer is None else state.standardizer.state_dict(),
        "numbers": {name: getattr(state, name) for name in NUMBERS},
        "curves": {name: np.array(getattr(state, name), np.float64) for name in CURVES},
    }


def _restored_network(stored: dict[str, Any]) -> tuple[TrainingConfig, TrainingState]:
    _require(stored, _NETWORK_KEYS, "the stored network")
    _require(stored["settings"], SETTINGS, "the settings of the stored network")
    _require(stored["numbers"], NUMBERS, "the numbers of the stored network")
    _require(stored["curves"], CURVES, "the curves of the stored network")
    network = _restored_layers(stored)
    for name, kind in (("loss", Loss), ("optimizer", Optimizer), ("schedule", Schedule)):
        _check_kind(stored[name], kind, name)
    objective = Objective(network, stored["loss"], stored["l1_ratio"], tuple(stored["dropout"]))
    config = TrainingConfig(objective, stored["optimizer"], stored["schedule"], **stored["settings"])
    theta, optimizer_state = stored["theta"], stored["optimizer_state"]
    _check_array(theta, "theta", (network.n_parameters,))
    _check_array(optimizer_state, "optimizer_state", (None, None), theta.dtype)
    if optimizer_state.shape[1] not in (0, theta.size):
        raise ValueError(
            f"optimizer_state of the stored network has {optimizer_state.shape[1]} columns; theta has {theta.size}."
        )
    state = TrainingState(theta, optimizer_state, _restored_generator(stored["random_generator"]))
    if stored["standardizer"] is not None:
        state.standardizer = _restored_standardizer(stored["standardizer"], objective, theta.dtype)
    for name, value in stored["numbers"].items():
        setattr(state, name, value)
    for name, curve in stored["curves"].items():
        setattr(state, name, np.asarray(curve, np.float64).tolist())
    return config, state


_NETWORK_KEYS = (
    "sizes",
    "activations",
    "loss",
    "l1_ratio",
    "dropout",
    "optimizer",
    "schedule",
    "settings",
    "theta",
    "optimizer_state",
    "random_generator",
    "standardizer",
    "numbers",
    "curves",
)


def _restored_layers(stored) -> Network:
    sizes, activations = stored["sizes"], stored["activations"]
    if len(sizes) < 2 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(f"sizes of the stored network must be at least two positive integers, got {sizes!r}.")
    if len(activations) != len(sizes) - 2:
        raise ValueError(f"The stored network has {len(activations)} activations for {len(sizes) - 2} hidden layers.")
    for activation in activations:
        _check_kind(activation, Activation, "activation")
    return Network(tuple(sizes), tuple(activations))


def _restored_generator(stored: dict[str, Any]) -> np.random.Generator:
    """Return the generator; only its state is stored, which every release of numpy can read."""
    generator = np.random.default_rng(0)
    try:
        generator.bit_generator.state = stored
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"The random generator of the stored network is damaged: {error}.") from error
    return generator


def _restored_standardizer(stored: dict[str, Any], objective: Objective, dtype: np.dtype) -> Standardizer:
    keys = ("n_samples", "refreshed_at", "has_new_samples", "centers", "weight", "mean", "variance")
    _require(stored, keys, "the stored standardizer")
    standardizer = new_standardizer(objective, stored["centers"], dtype)
    shape = standardizer.moments.mean.shape
    for name in ("mean", "variance"):
        _check_array(stored[name], f"{name} of the standardizer", shape, np.dtype(np.float64))
    if "scale" in stored:
        _require(stored, ("offset",), "the stored standardizer")
        for name in ("offset", "scale"):
            _check_array(stored[name], f"{name} of the standardizer", shape, dtype)
    standardizer.load_state_dict(stored)
    return standardizer


def _require(stored: dict[str, Any], keys: tuple[str, ...], owner: str) -> None:
    missing = [key for key in keys if key not in stored]
    if missing:
        raise ValueError(f"{missing} missing in {owner}: the file is damaged or was not written by skbackprop.")


def _check_kind(value, kind: type, name: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"{name} of the stored network must be of type {kind.__name__}, got {value!r}.")


def _check_array(array, name: str, shape: tuple[int | None, ...], dtype: np.dtype | None = None) -> None:
    """Raise ValueError unless `array` is a finite array of floats of this shape and dtype; None is any."""
    if not isinstance(array, np.ndarray) or array.dtype not in (
        (np.float32, np.float64) if dtype is None else (dtype,)
    ):
        found = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"{name} of the stored network must be an array of {dtype or 'floats'}, got {found}.")
    if array.ndim != len(shape) or any(
        n is not None and n != found for n, found in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(f"{name} of the stored network has shape {array.shape}; it must be {shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} of the stored network has NaN or infinite values.")
