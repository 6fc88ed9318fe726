"""Validate the parameters and the sample weights, and convert them to what training needs.

Errors name the parameter, the value and the remedy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

from .._core.network import Network
from .._hyperparameters import fits_in_float, resolve, shortened
from ..activations import ACTIVATIONS, Activation
from ..initializers import INITIALIZERS, Initializer
from ..losses import Loss
from ..optimizers import GD, OPTIMIZERS, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from ..schedules import SCHEDULES, Constant, Cosine, InverseScaling, Schedule
from .invalid_values import TIMES, has_text_or_times, naming_values

#: Types and ranges, as scikit-learn validates them; names are resolved below, where a message can list the known ones.
CONSTRAINTS: dict[str, list[object]] = {
    "hidden_layer_sizes": ["array-like", Integral],
    "activation": [str, Activation, list, tuple],
    "loss": [str, Loss],
    "output_activation": [str],
    "solver": [StrOptions({"batch", "sgd", "minibatch"})],
    "optimizer": [str, Optimizer],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), str, Schedule],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "alpha": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple, np.ndarray],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "init": [str, Initializer, list, tuple],
    "standardize": ["boolean", StrOptions({"robust", "standard"})],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left"), None],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "scoring": [str, callable, None],
    "shuffle": ["boolean", StrOptions({"samples", "blocks"})],
    "warm_start": ["boolean"],
    "engine": [StrOptions({"auto", "numpy", "numba"})],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

#: ``batch_size="auto"`` is sqrt(n_samples), clipped to these bounds.
SMALLEST_BATCH, LARGEST_BATCH = 16, 64
#: Up to this number of samples, it is all of them.
ONE_BATCH = 32
#: With many columns, an update of the weights takes longer than the products of a small batch. A batch then has at
#: least one sample for this number of columns, but no more than the largest wide batch and this share of the samples.
COLUMNS_PER_SAMPLE = 100
LARGEST_WIDE_BATCH = 200
LARGEST_WIDE_SHARE = 0.1

#: Initial rate of ``learning_rate="auto"`` by solver and class of the optimizer: that of a cosine in `fit`. In a
#: stream, whose end is not known, the rate falls with the root of the number of updates, whatever the solver, from that
#: of "minibatch". docs/defaults.md explains the choice.
AUTO_LEARNING_RATES: dict[str, dict[type[Optimizer], float]] = {
    "batch": {GD: 0.1, Momentum: 0.03, Nesterov: 0.03, RMSprop: 0.03, Adam: 0.03, AdamW: 0.03},
    "sgd": {GD: 0.01, Momentum: 0.001, Nesterov: 0.001, RMSprop: 0.0003, Adam: 0.001, AdamW: 0.001},
    "minibatch": {GD: 0.03, Momentum: 0.01, Nesterov: 0.01, RMSprop: 0.01, Adam: 0.01, AdamW: 0.01},
}
#: The initial rate for a custom optimizer.
UNKNOWN_OPTIMIZER_RATE = 0.001
#: Factor of these rates for losses that are likelihoods.
FACTOR_OF_LIKELIHOODS = 0.5
#: The final rate as a share of the initial one.
FINAL_SHARE = 0.1
#: Number of updates of a stream after which the rate has fallen to the root of one half, and the final rate as a share
#: of the initial one, which keeps the network able to follow changes. A stream that continues a `fit` has the final
#: rate. For likelihoods, they are such that the smaller initial rate falls to the same rates.
STREAM_UPDATES, FINAL_SHARE_OF_STREAM = 100, 0.05
#: These rates are for up to this number of columns; with more, training also starts with this number of smaller steps.
WIDE, WARMUP_UPDATES = 800, 40

#: Standard deviation of the initial intercepts of hidden layers with ``init="auto"``, in the units of pre-activations.
#: Intercepts of 0 would place the kinks of all units at the mean of the data.
INTERCEPT_SPREAD = 0.5

#: With more entries per sample than `WIDE`, epochs take longer and fewer are needed, but not fewer than this.
FEWEST_EPOCHS = 8

#: Sums of weights might underflow or overflow if their mean is not between this and its reciprocal.
SMALLEST_MEAN_WEIGHT = 1e-100


class AutoEpochs(NamedTuple):
    """What ``max_iter="auto"`` means: with more samples, an epoch has more updates, and fewer epochs are enough.

    Attributes
    ----------
    most : int
        Number of epochs with up to `n_samples` samples; with more, it decreases with the root of their number.
    n_samples : float
    fewest : int
        Smallest number of epochs.
    """

    most: int
    n_samples: float
    fewest: int


def check_numbers(params: Mapping[str, object]) -> None:
    """Raise an error if a parameter is, or contains, a number that floating-point arithmetic does not take.

    Parameters
    ----------
    params : mapping of str to object
        The parameters by name.

    Raises
    ------
    TypeError
        If a number is a fraction or a duration, or of another type that numpy does not know.
    ValueError
        If an integer has more than 64 bits.
    """
    for name, value in params.items():
        for number in _numbers_in(value):
            if isinstance(number, bool) or fits_in_float(number):
                continue
            if isinstance(number, np.timedelta64):
                raise TypeError(f"{name}={shortened(value)} has a duration: convert it to a number.")
            if isinstance(number, Integral):
                raise ValueError(f"{name}={shortened(value)} is too large: integers must be below 2**63.")
            raise TypeError(f"{name}={shortened(value)} has a {type(number).__name__}: convert it to a float.")


def _numbers_in(value: object) -> Iterator[Real]:
    """Yield a number, or the numbers that a list, a tuple or a dict contains, at any depth."""
    if isinstance(value, Real):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _numbers_in(entry)


def check_positive(value: Any, name: str, below: float | None = None) -> None:
    """Raise TypeError or ValueError unless a number is above 0, and below another if it is given."""
    check_numbers({name: value})
    check_scalar(value, name, Real, min_val=0, max_val=below, include_boundaries="neither")
    if isinstance(value, bool) or math.isnan(value):
        raise ValueError(
            f"{name} must be a number above 0{'' if below is None else f' and below {below}'}, got {value}."
        )


def choose_max_iter(max_iter: int | str, auto: AutoEpochs, n_samples: int, n_entries: float = 0.0) -> int:
    """Return the number of epochs that a fit makes at most; `n_entries` is the mean number of entries of a sample."""
    if not isinstance(max_iter, str):
        return int(max_iter)
    epochs = max(auto.fewest, auto.most * min(1.0, math.sqrt(auto.n_samples / n_samples)))
    return round(max(FEWEST_EPOCHS, epochs * min(1.0, (WIDE / n_entries) ** 0.75 if n_entries else 1.0)))


def layer_sizes(hidden_layer_sizes) -> tuple[int, ...]:
    """Return the number of units of each hidden layer."""
    sizes: tuple[int, ...] = (hidden_layer_sizes,) if np.ndim(hidden_layer_sizes) == 0 else tuple(hidden_layer_sizes)
    if not all(isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes={shortened(hidden_layer_sizes)}: each layer needs a positive integer number of units; "
            "() means no hidden layer."
        )
    return tuple(int(size) for size in sizes)


def layer_activations(activation, n_hidden: int) -> tuple[Activation, ...]:
    """Return the activation of each hidden layer."""
    if not isinstance(activation, (list, tuple)):
        return (resolve(activation, ACTIVATIONS, Activation, "activation"),) * n_hidden
    if len(activation) != n_hidden:
        raise ValueError(
            f"activation={shortened(activation)} has {len(activation)} entries for {n_hidden} hidden layers; "
            "give one for each, or a single one for all."
        )
    return tuple(resolve(entry, ACTIVATIONS, Activation, "activation") for entry in activation)


def choose_optimizer(optimizer) -> Optimizer:
    """Return the optimizer."""
    return resolve(optimizer, OPTIMIZERS, Optimizer, "optimizer")


class SampleKind(NamedTuple):
    """What the automatic learning rate depends on besides the parameters.

    Attributes
    ----------
    n_features : int
    n_entries : float
        Mean number of entries of a sample.
    is_stream : bool
        Whether they are samples of a stream.
    continues_fit : bool
        Whether `fit` has trained the network before.
    """

    n_features: int
    n_entries: float
    is_stream: bool = False
    continues_fit: bool = False


def choose_schedule(learning_rate, solver: str, optimizer: Optimizer, loss: Loss, kind: SampleKind) -> Schedule:
    """Return the schedule; a number means a constant learning rate."""
    if isinstance(learning_rate, Real):
        return Constant(float(learning_rate))
    if not (isinstance(learning_rate, str) and learning_rate == "auto"):
        return resolve(learning_rate, SCHEDULES, Schedule, "learning_rate", "auto")
    share = FACTOR_OF_LIKELIHOODS if loss.is_likelihood else 1.0
    factor = rate_factor_of_width(kind.n_features, kind.n_entries)
    n_warmup_updates = WARMUP_UPDATES if factor < 1.0 else 0
    rates = AUTO_LEARNING_RATES["minibatch" if kind.is_stream else solver]
    initial = rates.get(type(optimizer), UNKNOWN_OPTIMIZER_RATE) * share * factor
    if not kind.is_stream:
        return Cosine(initial, FINAL_SHARE * initial, n_warmup_updates=n_warmup_updates)
    final = FINAL_SHARE_OF_STREAM / share * initial
    if kind.continues_fit:
        return Constant(final)
    return InverseScaling(initial, 0.5, STREAM_UPDATES / share**2, final, n_warmup_updates)


def rate_factor_of_width(n_features: int, n_entries: float) -> float:
    """Return the factor of the automatic learning rates for samples with this mean number of entries.

    An optimizer like Adam moves each weight by about the rate, and a pre-activation by about the rate times the sum of
    the absolute inputs. For dense X, this sum grows with the number of columns; for sparse X, whose entries are divided
    by their small standard deviations, with the root of columns times entries per sample. docs/defaults.md has the
    evidence.
    """
    width = math.sqrt(n_features * n_entries)
    return min(WIDE / width, 1.0) if width else 1.0


def layer_dropout(dropout, n_hidden: int) -> tuple[float, ...]:
    """Return the dropout rate of each hidden layer, or an empty tuple without dropout."""
    rates: tuple[float, ...] = (dropout,) * n_hidden if np.ndim(dropout) == 0 else tuple(dropout)
    if len(rates) != n_hidden or not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):
        raise ValueError(
            f"dropout={shortened(dropout)} must be a number in [0, 1), or one for each of the {n_hidden} hidden layers."
        )
    return tuple(map(float, rates)) if any(rates) else ()


def check_lbfgs(solver: str, l1_ratio: float, dropout: tuple[float, ...], clip_norm: float | None) -> None:
    """Raise ValueError if a parameter is incompatible with ``optimizer="lbfgs"``, which needs one smooth function."""
    for fits, name, value, remedy in (
        (solver == "batch", "solver", solver, "'batch'"),
        (not l1_ratio, "l1_ratio", l1_ratio, "0"),
        (not dropout, "dropout", dropout, "0"),
        (clip_norm is None, "clip_norm", clip_norm, "None"),
    ):
        if not fits:
            raise ValueError(f"{name}={shortened(value)} is not compatible with optimizer='lbfgs'; set it to {remedy}.")


def choose_batch_size(solver: str, batch_size, n_samples: int, n_features: int) -> int | None:
    """Return the batch size of a solver; None means all samples."""
    minibatch = _auto_batch_size(n_samples, n_features) if batch_size == "auto" else int(batch_size)
    return {"batch": None, "sgd": 1, "minibatch": minibatch}[solver]


def _auto_batch_size(n_samples: int, n_features: int) -> int:
    if n_samples <= ONE_BATCH:
        return ONE_BATCH
    usual = min(max(math.isqrt(n_samples), SMALLEST_BATCH), LARGEST_BATCH)
    wide = min(n_features // COLUMNS_PER_SAMPLE, LARGEST_WIDE_BATCH, int(LARGEST_WIDE_SHARE * n_samples))
    return max(usual, wide)


def check_memory(network: Network, dtype: np.dtype) -> None:
    """Raise MemoryError, naming the parameter, if the weights do not fit in memory."""
    try:
        np.empty(network.n_parameters, dtype)  # no page of it is touched
    except (MemoryError, ValueError) as error:
        raise MemoryError(
            f"hidden_layer_sizes={network.sizes[1:-1]} between {network.sizes[0]} features and {network.sizes[-1]} "
            f"outputs needs {network.n_parameters:.0e} weights, which do not fit in memory: use smaller layers."
        ) from error


def initial_theta(init, network: Network, rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    """Return the initial weights and intercepts as one vector."""
    if isinstance(init, (list, tuple)):
        return _given_theta(init, network, dtype)
    if isinstance(init, str) and init == "auto":
        initializers = [INITIALIZERS[activation.initializer] for activation in network.activations]
        initializers.append(INITIALIZERS["lecun_uniform"])
        theta = network.init(initializers, rng, dtype)
        bound = math.sqrt(3.0) * INTERCEPT_SPREAD
        for layer in network.unpack(theta)[:-1]:
            layer.b[...] = rng.uniform(-bound, bound, layer.b.shape)
        return theta
    initializers = [resolve(init, INITIALIZERS, Initializer, "init")] * (len(network.sizes) - 1)
    return network.init(initializers, rng, dtype)


def check_weights(sample_weight, X, name: str = "sample_weight") -> np.ndarray | None:
    """Return validated weights in float64: their sum and range do not depend on the dtype of X."""
    if sample_weight is None:
        return None
    weight = validate_weights(sample_weight, X, name)
    with np.errstate(over="ignore"):
        check_mean_weight(weight.mean(), name, is_positive=bool(weight.any()))
    return weight


def validate_weights(sample_weight, X, name: str = "sample_weight", *, may_be_zero: bool = False) -> np.ndarray:
    """Return finite weights of at least 0, in float64; from version 1.9 on, scikit-learn rejects weights of 0 only."""
    is_zero = may_be_zero and not np.any(sample_weight)
    given = np.ones_like(sample_weight, np.float64) if is_zero else sample_weight
    with naming_values(**{name: given}):
        values = np.asarray(given)
        if has_text_or_times(values, kinds=TIMES):  # which numpy converts to numbers
            raise ValueError(f"{name} has dates or durations (dtype {values.dtype}); weights must be numbers.")
        weight: np.ndarray = _check_sample_weight(given, X, dtype=np.float64)
    is_negative = weight < 0
    if is_negative.any():
        sample = is_negative.argmax()
        raise ValueError(
            f"Negative values in data passed to `{name}`: it has {weight[sample]:g} in sample {sample}; weights must "
            "be at least 0."
        )
    return np.zeros_like(weight) if is_zero else weight


def check_mean_weight(mean: float, name: str = "sample_weight", *, is_positive: bool) -> None:
    """Raise ValueError if no weight is positive, or if they are so small or large that sums underflow or overflow."""
    if not is_positive:
        raise ValueError(f"{name} is zero for every sample: nothing to learn. Give some sample a weight above 0.")
    if not SMALLEST_MEAN_WEIGHT < mean < 1 / SMALLEST_MEAN_WEIGHT:
        raise ValueError(f"{name} has a mean of {mean:g}; only its ratios matter, so scale it to about 1.")


def _given_theta(init, network, dtype):
    theta = np.empty(network.n_parameters, dtype)
    layers = network.unpack(theta)
    try:
        coefs, intercepts = ([np.asarray(array, dtype) for array in arrays] for arrays in init)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"init must be a name, an Initializer, or (coefs, intercepts) of numbers: {error}.") from error
    given = [W.shape for W in coefs], [b.shape for b in intercepts]
    wanted = [layer.W.shape for layer in layers], [layer.b.shape for layer in layers]
    if given != wanted:
        raise ValueError(
            f"init=(coefs, intercepts) has shapes {given[0]} and {given[1]}; "
            f"the network needs {wanted[0]} and {wanted[1]}."
        )
    for layer, W, b in zip(layers, coefs, intercepts, strict=True):
        layer.W[...] = W
        layer.b[...] = b
    if not np.isfinite(theta).all():
        raise ValueError("init=(coefs, intercepts) has NaN or infinite weights.")
    return theta
