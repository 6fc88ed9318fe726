"""What a pickle, joblib or skops file of an estimator contains, and the checks when it is loaded.

It is a plain dictionary of numbers, strings, arrays and objects of public classes. Private classes are rebuilt from it,
so the code can be reorganized without breaking stored estimators.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.network import Network
from .._core.objective import Objective
from .._core.standardizer import Standardizer
from .._hyperparameters import shortened
from .._training.config import TrainingConfig
from .._training.recent_samples import BLOCK_SAMPLES
from .._training.state import TrainingState
from .._version import __version__
from ..activations import Activation
from ..losses import Loss
from ..optimizers import Optimizer
from ..schedules import Schedule
from .configuration import new_standardizer
from .progress import FitProgress
from .stored_checks import (
    check_amount,
    check_array,
    check_bounds,
    check_count,
    check_curve,
    check_dict,
    check_flag,
    check_kind,
    check_list,
    check_real,
)
from .survey import SURVEY_KEYS

#: To be increased whenever older versions of the package cannot load what this one stores.
FORMAT = 1

#: Attributes that are stored in another form, or not at all because the next call recreates them.
REBUILT = {"_config", "_state", "_progress", "_fast_path", "_announced_callbacks"}
#: Attributes that every fitted estimator has.
FITTED_ATTRIBUTES = ("n_features_in_", "engine_", "n_layers_", "n_outputs_", "out_activation_")
#: The parts of `TrainingState` that are counts, amounts (finite and at least 0), and other numbers.
COUNTS = (
    "seed",
    "t",
    "n_steps",
    "n_iter",
    "validation_start",
    "best_iter",
    "plateau_count",
    "n_planned",
    "n_samples",
    "n_rejections",
    "n_rejected",
    "n_changes",
)
AMOUNTS = ("rate_factor", "prior", "alpha", "mean_weight", "mean_entries")
REALS = ("learning_rate", "plateau_best", "mean_loss", "constant_loss", "gross_loss")
NUMBERS = COUNTS + AMOUNTS + REALS
#: The parts of `TrainingState` that are lists of numbers.
CURVES = ("loss_curve", "penalty_curve", "validation_loss_curve", "validation_scores", "tried_priors", "prior_losses")
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
    check_dict(stored, (), "The stored estimator")
    version = stored.get("version", "an unknown version")
    if not isinstance(stored.get("format"), int):
        raise ValueError("This is not a stored estimator of skbackprop: it has no format number.")
    check_count(stored["format"], "The format number of the stored estimator", low=1)
    if stored["format"] > FORMAT:
        raise ValueError(
            f"This estimator was stored by skbackprop {version} in format {stored['format']}, and version "
            f"{__version__} supports formats up to {FORMAT}: install skbackprop {version} or later to load it."
        )
    check_dict(stored, ("params", "attributes", "network", "progress"), "the stored estimator")
    for name in ("params", "attributes"):
        check_dict(stored[name], (), f"{name} of the stored estimator")
    restored = {**stored["params"], **stored["attributes"]}
    check_dict(restored, type(estimator)._get_param_names(), "the parameters of the stored estimator")
    if stored["network"] is not None:
        check_dict(stored["attributes"], FITTED_ATTRIBUTES, "the attributes of the stored estimator")
        config, state = _restored_network(stored["network"])
        n_features = config.objective.network.sizes[0]
        if stored["attributes"]["n_features_in_"] != n_features:
            raise ValueError(f"The stored network has {n_features} inputs, which differs from n_features_in_.")
        restored |= {"_config": config, "_state": state, "_fast_path": None}
    if stored["progress"] is not None:
        if stored["network"] is None:
            raise ValueError("The stored estimator has the progress of a fit, but no network: the file is damaged.")
        restored["_progress"] = _restored_progress(stored["progress"], state.theta)
    vars(estimator).update(restored)


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
        "change_detector": state.change_detector.state_dict(),
        "numbers": {name: getattr(state, name) for name in NUMBERS},
        "curves": {name: np.array(getattr(state, name), np.float64) for name in CURVES},
    }


def _restored_network(stored: dict[str, Any]) -> tuple[TrainingConfig, TrainingState]:
    check_dict(stored, _NETWORK_KEYS, "the stored network")
    network = _restored_layers(stored)
    for name, kind in (("loss", Loss), ("optimizer", Optimizer), ("schedule", Schedule)):
        check_kind(stored[name], kind, f"{name} of the stored network")
    check_amount(stored["l1_ratio"], "l1_ratio of the stored network", high=1)
    objective = Objective(network, stored["loss"], stored["l1_ratio"], _restored_dropout(stored, network))
    _check_settings(stored["settings"])
    config = TrainingConfig(objective, stored["optimizer"], stored["schedule"], **stored["settings"])
    theta, optimizer_state = stored["theta"], stored["optimizer_state"]
    check_array(theta, "theta of the stored network", (network.n_parameters,))
    check_array(optimizer_state, "optimizer_state of the stored network", (None, None), theta.dtype)
    if optimizer_state.shape[1] not in (0, theta.size):
        raise ValueError(
            f"optimizer_state of the stored network has {optimizer_state.shape[1]} columns; theta has {theta.size}."
        )
    state = TrainingState(theta, optimizer_state, _restored_generator(stored["random_generator"]))
    if stored["standardizer"] is not None:
        state.standardizer = _restored_standardizer(stored["standardizer"], objective, theta.dtype)
        if "change_detector" in stored:  # the first versions had none
            _restore_change_detector(stored["change_detector"], state)
    numbers = stored["numbers"]
    if isinstance(numbers, dict):  # files of the first versions do not have these numbers
        missing = {
            "prior": 1.0,
            "constant_loss": math.inf,
            "gross_loss": 0.0,
            "n_planned": 0,
            "n_rejected": 0,
            "n_changes": 0,
        }
        numbers = {"mean_entries": float(network.sizes[0]), **missing, **numbers}
    _check_numbers(numbers)
    for name in NUMBERS:
        setattr(state, name, numbers[name])
    curves = stored["curves"]
    if isinstance(curves, dict):  # the same
        no_penalties = np.zeros(np.size(curves.get("loss_curve", ())))  # which leaves them in the losses
        curves = {"penalty_curve": no_penalties, "tried_priors": np.empty(0), "prior_losses": np.empty(0), **curves}
    check_dict(curves, CURVES, "the curves of the stored network")
    for name in CURVES:
        check_curve(curves[name], f"{name} of the stored network")
        setattr(state, name, curves[name].tolist())
    if len(state.penalty_curve) != len(state.loss_curve):
        raise ValueError("penalty_curve of the stored network must have as many values as loss_curve.")
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


def _restored_layers(stored: dict[str, Any]) -> Network:
    sizes, activations = stored["sizes"], stored["activations"]
    check_list(sizes, "sizes of the stored network")
    check_list(activations, "activations of the stored network")
    if len(sizes) < 2:
        raise ValueError(f"sizes of the stored network must be at least two positive integers, got {shortened(sizes)}.")
    for size in sizes:
        check_count(size, "A size of the stored network", low=1)
    if len(activations) != len(sizes) - 2:
        raise ValueError(f"The stored network has {len(activations)} activations for {len(sizes) - 2} hidden layers.")
    for activation in activations:
        check_kind(activation, Activation, "activation of the stored network")
    return Network(tuple(sizes), tuple(activations))


def _restored_dropout(stored: dict[str, Any], network: Network) -> tuple[float, ...]:
    rates = stored["dropout"]
    check_list(rates, "dropout of the stored network")
    n_hidden = len(network.activations)
    if len(rates) not in (0, n_hidden):
        raise ValueError(f"The stored network has {len(rates)} dropout rates for {n_hidden} hidden layers.")
    for rate in rates:
        check_amount(rate, "A dropout rate of the stored network", high=1)
    return tuple(rates)


def _check_settings(stored: dict[str, Any]) -> None:
    check_dict(stored, SETTINGS, "the settings of the stored network")
    if len(stored) > len(SETTINGS):
        raise ValueError(f"The settings of the stored network must be {list(SETTINGS)}, got {list(stored)}.")
    check_flag(stored["shuffle"], "shuffle of the stored network")
    check_count(stored["max_iter"], "max_iter of the stored network", low=1)
    if stored["batch_size"] is not None:
        check_count(stored["batch_size"], "batch_size of the stored network", low=1)
    for name in ("alpha", "clip_norm"):
        if stored[name] is not None:
            check_amount(stored[name], f"{name} of the stored network")


def _check_numbers(stored: dict[str, Any]) -> None:
    check_dict(stored, NUMBERS, "the numbers of the stored network")
    for name in COUNTS:
        check_count(stored[name], f"{name} of the stored network")
    for name in AMOUNTS:
        check_amount(stored[name], f"{name} of the stored network")
    for name in REALS:
        check_real(stored[name], f"{name} of the stored network")


def _restored_generator(stored: dict[str, Any]) -> np.random.Generator:
    """Return the generator; only its state is stored, which every release of numpy can read."""
    generator = np.random.default_rng(0)
    try:
        generator.bit_generator.state = stored
    except (TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise ValueError(f"The random generator of the stored network is damaged: {error}.") from error
    return generator


def _restored_standardizer(stored: dict[str, Any], objective: Objective, dtype: np.dtype) -> Standardizer:
    keys = ("n_samples", "refreshed_at", "centers", "weight", "mean", "variance")
    check_dict(stored, keys, "the stored standardizer")
    for name in ("n_samples", "refreshed_at"):
        check_count(stored[name], f"{name} of the standardizer of the stored network")
    check_flag(stored["centers"], "centers of the standardizer of the stored network")
    check_amount(stored["weight"], "weight of the standardizer of the stored network")
    standardizer = new_standardizer(objective, stored["centers"], dtype)
    shape = standardizer.moments.mean.shape
    for name in ("mean", "variance"):
        check_array(stored[name], f"{name} of the standardizer of the stored network", shape, np.dtype(np.float64))
    if (stored["variance"] < 0).any():
        raise ValueError("variance of the standardizer of the stored network has negative values.")
    if "lower" in stored:
        check_dict(stored, ("upper",), "the stored standardizer")
        n_features = objective.network.sizes[0]
        for name in ("lower", "upper"):
            check_bounds(stored[name], f"{name} of the standardizer of the stored network", n_features)
        if not (stored["lower"] <= stored["upper"]).all():
            raise ValueError("lower of the standardizer of the stored network is above upper.")
    if "is_robust" in stored:
        check_flag(stored["is_robust"], "is_robust of the standardizer of the stored network")
    if "scale" in stored:
        check_dict(stored, ("offset",), "the stored standardizer")
        for name in ("offset", "scale"):
            check_array(stored[name], f"{name} of the standardizer of the stored network", shape)
    _check_target(stored, len(standardizer.target_scale))
    standardizer.load_state_dict(stored)
    return standardizer


def _restore_change_detector(stored: dict[str, Any], state: TrainingState) -> None:
    """Restore what a stream remembers to find changes of the data."""
    owner = "the change detector of the stored network"
    check_dict(stored, ("recent", "before", "candidate", "columns"), owner)
    standardizer = state.standardizer
    assert standardizer is not None
    n_features, n_columns = standardizer.inputs.stop, len(standardizer.moments.mean)
    recent = stored["recent"]
    check_dict(recent, ("X", "y", "weight"), f"the recent samples of {owner}")
    n = len(recent["weight"]) if isinstance(recent["weight"], np.ndarray) and recent["weight"].ndim else None
    if n is None or n >= BLOCK_SAMPLES:
        raise ValueError(f"The recent samples of {owner} must be fewer than {BLOCK_SAMPLES}.")
    check_array(recent["weight"], f"weight of {owner}", (n,))
    for name, n_entries in (("X", n_features if n else None), ("y", None)):
        check_array(recent[name], f"{name} of {owner}", (n, n_entries))
    for name in ("before", "candidate"):
        if stored[name] is not None:
            _check_summary(stored[name], f"{name} of {owner}", n_features, n_columns, state.theta)
    check_array(stored["columns"], f"columns of {owner}", (0 if stored["candidate"] is None else n_columns,))
    state.change_detector.load_state_dict(stored)


def _check_summary(stored: dict[str, Any], owner: str, n_features: int, n_columns: int, theta: np.ndarray) -> None:
    check_dict(stored, ("mean", "variance", "n_samples", "mean_weight", "n_iter", "theta"), owner)
    check_amount(stored["mean_weight"], f"mean_weight of {owner}")
    for name in ("mean", "variance"):
        check_array(stored[name], f"{name} of {owner}", (n_columns,))
    check_count(stored["n_samples"], f"n_samples of {owner}", low=1)
    check_count(stored["n_iter"], f"n_iter of {owner}")
    check_array(stored["theta"], f"theta of {owner}", theta.shape, theta.dtype)
    if "lower" in stored:
        check_dict(stored, ("upper",), owner)
        for name in ("lower", "upper"):
            check_bounds(stored[name], f"{name} of {owner}", n_features)


def _check_target(stored: dict[str, Any], n_outputs: int) -> None:
    """Check what a standardizer knows of the target besides its moments; the first versions stored none of it."""
    owner = "of the standardizer of the stored network"
    shapes = {
        "prediction_offset": (n_outputs,),
        "prediction_scale": (n_outputs,),
        "recent_targets": (None, n_outputs + 1),
        "target_extreme": (n_outputs,),
    }
    for name, shape in shapes.items():
        if name in stored:
            check_array(stored[name], f"{name} {owner}", shape, np.dtype(np.float64))
    if "has_robust_target" in stored:
        check_flag(stored["has_robust_target"], f"has_robust_target {owner}")
    if "target_lower" in stored:
        check_dict(stored, ("target_upper",), "the stored standardizer")
        for name in ("target_lower", "target_upper"):
            check_bounds(stored[name], f"{name} {owner}", n_outputs)


def _restored_progress(stored: dict[str, Any], theta: np.ndarray) -> FitProgress:
    owner = "the stored progress of a fit"
    keys = ("limit", "min_improvement", "stopper", "last_iter", "n_samples", "callback_states")
    check_dict(stored, keys, owner)
    for name in ("limit", "min_improvement"):
        check_real(stored[name], f"{name} of {owner}")
    check_count(stored["last_iter"], f"last_iter of {owner}")
    check_list(stored["n_samples"], f"n_samples of {owner}")
    if len(stored["n_samples"]) != 2:
        raise ValueError(f"n_samples of {owner} must be two numbers, got {shortened(stored['n_samples'])}.")
    for n_samples in stored["n_samples"]:
        check_count(n_samples, f"n_samples of {owner}")
    for name in ("fingerprint", "validation_fingerprint"):
        if stored.get(name) is not None:  # the first versions had none
            check_count(stored[name], f"{name} of {owner}")
    check_list(stored["callback_states"], f"callback_states of {owner}")
    for entry in stored["callback_states"]:
        check_dict(entry, ("callback", "state"), f"a callback state of {owner}")
    check_dict(stored["stopper"], ("patience", "best"), f"stopper of {owner}")
    patience, best = stored["stopper"]["patience"], stored["stopper"]["best"]
    check_dict(patience, ("best", "count"), f"patience of {owner}")
    check_real(patience["best"], f"patience of {owner}")
    check_count(patience["count"], f"patience of {owner}")
    check_dict(best, ("score", "theta", "n_iter", "mean_loss"), f"the best weights of {owner}")
    for name in ("score", "mean_loss"):
        check_real(best[name], f"{name} of {owner}")
    check_count(best["n_iter"], f"n_iter of {owner}")
    if best["theta"] is not None:
        check_array(best["theta"], f"theta of {owner}", theta.shape, theta.dtype)
    if stored.get("chunks") is not None:  # the first versions had none
        _check_chunk_progress(stored["chunks"])
    return FitProgress.from_state_dict(stored)


def _check_chunk_progress(stored: dict[str, Any]) -> None:
    """Check what a stored fit to chunks knows of them, and of the present epoch."""
    owner = "the stored progress over chunks"
    check_dict(stored, ("survey", "position", "budget"), owner)
    check_amount(stored["budget"], f"budget of {owner}")
    survey, position = stored["survey"], stored["position"]
    check_dict(survey, SURVEY_KEYS, f"survey of {owner}")
    check_array(survey["n_samples"], f"n_samples of {owner}", (None,), np.dtype(np.int64))
    n_chunks, n_drawn = len(survey["n_samples"]), len(survey["y"])
    for name in ("n_bytes", "checksums"):
        check_array(survey[name], f"{name} of {owner}", (n_chunks,), np.dtype(np.int64))
    check_array(survey["sample_weight"], f"sample_weight of {owner}", (n_drawn,), np.dtype(np.float64))
    for name in ("n_features", "n_counted"):
        check_count(survey[name], f"{name} of {owner}")
    for name in ("n_entries", "total_weight"):
        check_amount(survey[name], f"{name} of {owner}")
    check_flag(survey["has_weights"], f"has_weights of {owner}")
    check_dict(position, ("order", "n_windows", "loss_sum", "penalty"), f"position of {owner}")
    check_count(position["n_windows"], f"n_windows of {owner}")
    for name in ("loss_sum", "penalty"):
        check_real(position[name], f"{name} of {owner}")
    order = position["order"]
    if order is not None and not np.array_equal(np.sort(order), np.arange(n_chunks)):
        raise ValueError(f"order of {owner} must have each of the {n_chunks} chunks once.")
