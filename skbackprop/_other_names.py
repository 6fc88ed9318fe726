"""What other packages call what this package has under another name, so that an error can say what to write.

Users come from scikit-learn's MLP, Keras, PyTorch and skorch, and type the names that they know. The tables have one
entry for each such name. None of the names is valid here: an estimator understands its own names only, and the tables
serve messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from functools import wraps
from typing import Any

#: By parameter: values that other packages have, and the value here, or the whole argument if it contains "=".
VALUES: dict[str, dict[str, str]] = {
    "solver": {
        **{name: f"optimizer='{name}'" for name in ("adam", "adamw", "rmsprop", "momentum", "nesterov", "gd")},
        "lbfgs": "solver='batch', optimizer='lbfgs'",
        "mini_batch": "minibatch",
        "full_batch": "batch",
        "stochastic": "sgd",
        "online": "sgd",
    },
    "optimizer": {
        "sgd": "optimizer='gd', 'momentum' or 'nesterov'",
        "nag": "nesterov",
        "l_bfgs": "lbfgs",
        "rms_prop": "rmsprop",
    },
    "learning_rate": {
        "adaptive": "plateau",
        "reduce_on_plateau": "plateau",
        "optimal": "auto",
        "inverse_scaling": "invscaling",
        "exponential_decay": "exponential",
        "cosine_decay": "cosine",
        "cosine_annealing": "cosine",
        "onecycle": "one_cycle",
    },
    "activation": {"sigmoid": "logistic", "swish": "silu", "linear": "identity", "leakyrelu": "leaky_relu"},
    "output_activation": {"linear": "identity", "sigmoid": "logistic", "exp": "exponential"},
    "loss": {
        **dict.fromkeys(("mse", "mean_squared_error", "squared_loss", "l2"), "squared_error"),
        **dict.fromkeys(("mae", "mean_absolute_error", "l1"), "absolute_error"),
        **dict.fromkeys(("huber_loss", "smooth_l1"), "huber"),
        **dict.fromkeys(("pinball", "pinball_loss", "quantile_loss"), "quantile"),
        **dict.fromkeys(("bce", "binary_crossentropy", "binary_cross_entropy"), "log_loss"),
        **dict.fromkeys(("crossentropy", "cross_entropy", "categorical_crossentropy"), "log_loss"),
        **dict.fromkeys(("sparse_categorical_crossentropy", "nll", "nll_loss", "log", "deviance"), "log_loss"),
    },
    "init": {
        **dict.fromkeys(("glorot", "xavier", "xavier_uniform"), "glorot_uniform"),
        "xavier_normal": "glorot_normal",
        **dict.fromkeys(("he", "kaiming", "kaiming_uniform"), "he_uniform"),
        "kaiming_normal": "he_normal",
        "lecun": "lecun_uniform",
    },
    "scoring": {
        "mse": "neg_mean_squared_error",
        "mae": "neg_mean_absolute_error",
        "rmse": "neg_root_mean_squared_error",
        "auc": "roc_auc",
        "acc": "accuracy",
        "r2_score": "r2",
        "log_loss": "neg_log_loss",
    },
}

#: Keywords of constructors, and what to use instead.
CONSTRUCTOR_KEYWORDS: dict[str, str] = {
    **dict.fromkeys(("learning_rate_init", "lr", "eta0"), "learning_rate, a number or a schedule"),
    "power_t": "learning_rate=InverseScaling(power=...), from skbackprop.schedules",
    "momentum": "optimizer=Momentum(momentum=...), from skbackprop.optimizers",
    "nesterovs_momentum": "optimizer='nesterov'",
    **{name: f"optimizer=Adam({name}=...), from skbackprop.optimizers" for name in ("beta_1", "beta_2", "epsilon")},
    **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "max_fun", "n_iter"), "max_iter"),
    "patience": "n_iter_no_change",
    "weight_decay": "alpha, for example with optimizer='adamw'",
    **dict.fromkeys(("penalty", "kernel_regularizer"), "alpha and l1_ratio"),
    "dropout_rate": "dropout",
    **dict.fromkeys(("hidden_layers", "hidden_units", "layers", "units"), "hidden_layer_sizes"),
    **dict.fromkeys(("validation_split", "train_split"), "early_stopping=True and validation_fraction"),
    **dict.fromkeys(("validation_data", "eval_set"), "X_val and y_val of fit"),
    **dict.fromkeys(("clipnorm", "max_grad_norm"), "clip_norm"),
    "kernel_initializer": "init",
    "criterion": "loss",
    "metrics": "scoring, which is monitored on the validation set",
    "callbacks": "set_callbacks(...), before fit",
    "seed": "random_state",
}

#: Keywords of the constructors of ensembles, and what to use instead.
ENSEMBLE_KEYWORDS: dict[str, str] = {
    **dict.fromkeys(("n_models", "n_networks", "n_members", "ensemble_size"), "n_estimators"),
    **dict.fromkeys(("n_folds", "n_splits"), "n_estimators, or cv"),
    **dict.fromkeys(("base_estimator", "model", "network"), "estimator"),
    **dict.fromkeys(("estimators", "models"), "candidates"),
}

#: Keywords of `fit`, and what to use instead. Parameters of the constructor need no entry.
FIT_KEYWORDS: dict[str, str] = {
    **dict.fromkeys(("validation_data", "eval_set"), "X_val=... and y_val=..."),
    "sample_weights": "sample_weight",
}


def hint(parameter: str, value: object, known: Collection[str] = (), elsewhere: Collection[str] = ()) -> str:
    """Return the end of an error message, which says what to write instead of an unknown name.

    Parameters
    ----------
    parameter : str
        Name of the parameter.
    value : object
        Its value.
    known : collection of str
        The names that the parameter may have.
    elsewhere : collection of str
        The names that it may have in either of the two estimators.

    Returns
    -------
    sentence : str
        It begins with a space; empty if neither the tables nor `known` has something similar.
    """
    if not isinstance(value, str):
        return ""
    name = value.lower().replace("-", "_").replace(" ", "_")
    counterpart = VALUES.get(parameter, {}).get(name)
    if counterpart is None and name in elsewhere:
        counterpart = name
    if counterpart is None:
        counterpart = next(iter(get_close_matches(name, known, n=1, cutoff=0.75)), None)
    if counterpart is None:
        return ""
    if "=" in counterpart:
        return f" Use {counterpart} instead."
    if counterpart in elsewhere and counterpart not in known:
        owner = "BackpropClassifier" if counterpart == "log_loss" else "BackpropRegressor"
        return f" {parameter}={counterpart!r} is for {owner}."
    return f" Use {parameter}={counterpart!r} instead."


def keyword_hint(name: str, known: Collection[str]) -> str:
    """Return the end of an error message about an unknown hyperparameter; empty if nothing is similar.

    Parameters
    ----------
    name : str
        The unknown name.
    known : collection of str
        The names of the hyperparameters.

    Returns
    -------
    sentence : str
        It begins with a space.
    """
    similar = get_close_matches(name, known, n=1, cutoff=0.75)
    if similar:
        return f" Use {similar[0]} instead."
    return f" A network has {CONSTRUCTOR_KEYWORDS[name]}." if name in CONSTRUCTOR_KEYWORDS else ""


def explain_constructor(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the constructor with errors that name the counterpart of a keyword of another package."""

    @wraps(method)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name in CONSTRUCTOR_KEYWORDS:
                raise TypeError(f"{_unexpected(method, name)}: use {CONSTRUCTOR_KEYWORDS[name]} instead.")
        method(self, *args, **kwargs)

    return wrapped


def explain_ensemble_constructor(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the constructor of an ensemble with errors that say where a keyword of another kind belongs."""

    @wraps(method)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        network = self._network_class
        for name in kwargs.keys() - set(self._get_param_names()):
            if name in ENSEMBLE_KEYWORDS:
                raise TypeError(f"{_unexpected(method, name)}: use {ENSEMBLE_KEYWORDS[name]} instead.")
            if name in CONSTRUCTOR_KEYWORDS or name in network._get_param_names():
                raise TypeError(
                    f"{_unexpected(method, name)}: a network has {CONSTRUCTOR_KEYWORDS.get(name, name)}; pass it in "
                    f"estimator={network.__name__}(...)."
                )
        method(self, *args, **kwargs)

    return wrapped


def explain_fit(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fit` with errors that name the counterpart of a keyword of another package.

    A parameter of the constructor is named, too: Keras has `epochs`, `batch_size` and `verbose` in its `fit`.
    """

    @wraps(method)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name in FIT_KEYWORDS:
                raise TypeError(f"{_unexpected(method, name)}: use {FIT_KEYWORDS[name]} instead.")
            if name in CONSTRUCTOR_KEYWORDS:
                remedy = CONSTRUCTOR_KEYWORDS[name]
                where = "" if "(" in remedy else " of the constructor"
                raise TypeError(f"{_unexpected(method, name)}: use {remedy}{where} instead.")
            if name in self.get_params(deep=False):
                raise TypeError(f"{_unexpected(method, name)}: pass it to the constructor, or to set_params.")
        return method(self, *args, **kwargs)

    return wrapped


def _unexpected(method: Callable[..., Any], name: str) -> str:
    return f"{method.__qualname__}() got an unexpected keyword argument {name!r}"
