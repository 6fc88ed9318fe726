"""One pass over the rows, compiled by numba: `train_epoch` again, with the same signature and the same numbers.

What the kernel does not support, sparse X and custom components, is left to numpy; see `unsupported_reason`.
Importing this module imports numba, so nothing does before the first fit that uses it.
"""

from __future__ import annotations

import numpy as np

from .._core.dataset import Dataset
from .._core.dropout import thresholds
from .._training.config import TrainingConfig
from .._training.epoch import EpochPlan, EpochResult
from .._training.state import TrainingState
from ..activations import ELU, GELU, SELU, Identity, LeakyReLU, Logistic, ReLU, SiLU, Softplus, Tanh
from ..losses import (
    AbsoluteError,
    BinaryLogLoss,
    Gamma,
    Huber,
    LogisticSquaredError,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    Quantiles,
    SquaredError,
    Tweedie,
)
from ..optimizers import GD, LBFGS, Adam, AdamW, Momentum, Nesterov, RMSprop
from ._numba import formulas as formulas
from ._numba import kernel as _kernel
from ._numba import losses as losses

ACTIVATION_CODES = {
    Identity: formulas.IDENTITY,
    Logistic: formulas.LOGISTIC,
    Tanh: formulas.TANH,
    ReLU: formulas.RELU,
    LeakyReLU: formulas.LEAKY_RELU,
    ELU: formulas.ELU,
    SELU: formulas.ELU,
    GELU: formulas.GELU,
    SiLU: formulas.SILU,
    Softplus: formulas.SOFTPLUS,
}
LOSS_CODES = {
    SquaredError: losses.SQUARED_ERROR,
    LogisticSquaredError: losses.LOGISTIC_SQUARED_ERROR,
    BinaryLogLoss: losses.BINARY_LOG_LOSS,
    MultinomialLogLoss: losses.MULTINOMIAL_LOG_LOSS,
    AbsoluteError: losses.ABSOLUTE_ERROR,
    Huber: losses.HUBER,
    Quantile: losses.QUANTILE,
    Quantiles: losses.QUANTILES,
    Poisson: losses.POISSON,
    Gamma: losses.GAMMA,
    Tweedie: losses.TWEEDIE,
}
OPTIMIZER_CODES = {
    GD: formulas.GD,
    Momentum: formulas.MOMENTUM,
    Nesterov: formulas.NESTEROV,
    RMSprop: formulas.RMSPROP,
    Adam: formulas.ADAM,
    AdamW: formulas.ADAM,
}

#: An empty array stands for "none" in the kernel, which wants one type for each argument.
NO_ORDER, NO_WEIGHT, NO_DROPOUT = np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint64)


class NumbaEngine:
    """Computes epochs with the compiled kernel."""

    name = "numba"

    def unsupported_reason(self, config: TrainingConfig, data: Dataset) -> str | None:
        """Return what the kernel does not support, or None if it supports everything that is asked for."""
        if not isinstance(data.X, np.ndarray):
            return "X is sparse"
        if not data.X.flags.c_contiguous:
            return "X is not C-contiguous"
        if type(config.optimizer) is LBFGS:
            return "scipy makes the steps of optimizer='lbfgs'"
        components = [(ACTIVATION_CODES, activation) for activation in config.objective.network.activations]
        components += [(LOSS_CODES, config.objective.loss), (OPTIMIZER_CODES, config.optimizer)]
        for codes, component in components:
            if type(component) not in codes:  # a subclass may compute something else
                return f"{component!r} is not one of the package's own"
        return None

    def make_buffers(self, config: TrainingConfig, state: TrainingState, data: Dataset) -> NumbaBuffers:
        """Allocate the arrays that epochs over data of this shape write to."""
        return NumbaBuffers(config, state, data)

    def run_epoch(self, plan: EpochPlan, data: Dataset, state: TrainingState, buffers: NumbaBuffers) -> EpochResult:
        """Make one update of the weights for each batch whose weights are not all zero."""
        X, y, weight = data
        weight = NO_WEIGHT if weight is None else weight
        buffers.check(state, X, y, weight, plan.learning_rates)
        offset = factor = buffers.nothing
        if state.standardizer is not None:
            offset, factor = state.standardizer.input_offset, state.standardizer.input_factor
        loss_sum, n_updates = _kernel.epoch(
            *(_writeable(np.ascontiguousarray(array)) for array in (X, y, weight)),
            NO_ORDER if plan.order is None else plan.order,
            offset,
            factor,
            state.theta,
            state.optimizer_state,
            *buffers.model,
            plan.penalty.l2,
            plan.penalty.l1,
            plan.learning_rates,
            plan.first_step,
            plan.batch_size,
            plan.mean_weight,
            np.uint64(plan.dropout_key),
            *buffers.arrays,
        )
        return EpochResult(loss_sum, n_updates)


class NumbaBuffers:
    """The kernel's arguments that stay the same from epoch to epoch, and the arrays that it writes to."""

    def __init__(self, config: TrainingConfig, state: TrainingState, data: Dataset):
        objective, optimizer, theta = config.objective, config.optimizer, state.theta
        network, dropout = objective.network, objective.dropout if any(objective.dropout) else ()
        n_rows = data.n_samples
        self.batch_size = config.batch_size_for(n_rows)
        chunk = min(self.batch_size, network.chunk_size(theta.dtype))
        units, outputs = sum(network.sizes[1:]), network.sizes[-1]
        self.nothing = np.empty(0, theta.dtype)
        self.model = (
            np.empty_like(theta),
            np.empty_like(theta),
            np.array(network.sizes, np.uint64),
            np.array([ACTIVATION_CODES[type(activation)] for activation in network.activations], np.int64),
            np.array([_numbers(activation, 2) for activation in network.activations]).reshape(-1, 2),
            LOSS_CODES[type(objective.loss)],
            _loss_numbers(objective.loss),
            0.0 if config.clip_norm is None else float(config.clip_norm),
            thresholds(dropout) if dropout else NO_DROPOUT,
            1.0 - np.array(dropout, np.float64),
            OPTIMIZER_CODES[type(optimizer)],
            np.array(_numbers(optimizer, 3)),
            float(optimizer.weight_decay),
        )
        masks = chunk * units if dropout else 0
        shapes = [(chunk, data.X.shape[1]), *[chunk * outputs] * 2, *[chunk * units] * 3, masks]
        self.arrays = tuple(np.empty(shape, theta.dtype) for shape in shapes)
        self._expected = (
            data.X.shape,
            (n_rows, outputs),
            (network.n_parameters,),
            (optimizer.n_state_arrays, theta.size),
        )

    def check(self, state: TrainingState, X, y, weight, rates) -> None:
        """Raise ValueError unless all arrays have the shapes of the buffers; the kernel checks none."""
        n_rows = X.shape[0]
        shapes = X.shape, y.shape, state.theta.shape, state.optimizer_state.shape
        n_batches = -(-n_rows // self.batch_size)
        if shapes != self._expected or len(weight) not in (0, n_rows) or len(rates) != n_batches:
            raise ValueError(
                f"Arrays changed their shapes in training: {shapes}, {len(weight)} weights and {len(rates)} learning "
                f"rates, where {self._expected}, {n_rows} and {n_batches} were expected."
            )


def _loss_numbers(loss) -> np.ndarray:
    """Return the settings of a loss, at least one number."""
    return np.array(loss.quantiles if type(loss) is Quantiles else _numbers(loss, 1), np.float64)


def _numbers(record, count: int) -> list[float]:
    """Return the settings of a record in the order of its fields, filled up with zeros."""
    numbers = [record.alpha, record.scale] if type(record) is SELU else list(record.get_params().values())
    numbers = [*numbers, 1.0] if type(record) is ELU else numbers
    return [*map(float, numbers[:count]), *[0.0] * (count - len(numbers))]


def _writeable(array: np.ndarray) -> np.ndarray:
    """Return `array` itself, or a view on it that numba takes for writeable.

    The kernel only reads X, y and weights, but would be compiled again for read-only ones.
    """
    if array.flags.writeable:
        return array
    return np.asarray(_Writeable(array))


class _Writeable:
    """An array's memory under another flag; it keeps the array alive for as long as a view on it lives."""

    def __init__(self, array):
        self.owner = array
        self.__array_interface__ = array.__array_interface__ | {"data": (array.__array_interface__["data"][0], False)}
