"""The compiled engine: a kernel that numba compiles, with the same results as the numpy engine up to rounding.

Importing this module does not import numba; the first use of the kernel does.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from .._core.dataset import INDEX, Dataset
from .._core.dropout import thresholds
from .._core.network import Network
from .._core.objective import Objective
from .._core.shards import Shards
from .._core.standardizer import Standardizer
from .._hyperparameters import Hyperparameters
from .._training.config import TrainingConfig
from .._training.epoch import Engine, EpochPlan, EpochResult, plan_epoch
from .._training.state import TrainingState
from ..activations import ACTIVATIONS
from ..losses import LOSSES
from ..optimizers import GD
from ..schedules import Constant
from ._numba.structures import Buffers, Model, Plan, Samples
from .formulas import (
    ACTIVATION_ENTRIES,
    LOSS_ENTRIES,
    OPTIMIZER_ENTRIES,
    Entry,
    hidden_layers,
    settings_matrix,
    settings_of,
)
from .kernel_cache import REMEDY, KernelCache, KernelNotFoundError, find_files
from .numpy_engine import NumpyEngine

#: Loading the compiled kernel, or compiling it, pays off for work that takes numpy longer than this. Compiling itself
#: takes about `COMPILE_SECONDS`. See docs/architecture.md for the measurements.
LOAD_SECONDS, COMPILE_SECONDS = 0.03, 20.0

#: Where the kernels are from that this process has loaded and tested.
LOADED: dict[np.dtype, KernelCache | None] = {}
#: The compiled forward passes that this process has loaded and tested; None where there is none.
FORWARD: dict[np.dtype, Callable[..., None] | None] = {}
LOADING = threading.Lock()

#: Number of samples that the forward pass propagates at a time.
FORWARD_CHUNK_SIZE = 256
#: Number of entries of X that are converted at a time if X is not of the network's dtype.
BLOCK_ENTRIES = 2**18

#: An empty array stands for "none" in the kernel, where each argument has a single type.
NO_ORDER, NO_WEIGHT, NO_DROPOUT = np.empty(0, INDEX), np.empty(0), np.empty(0, np.uint64)


class NumbaEngine:
    """Computes epochs with the compiled kernel.

    Parameters
    ----------
    fallback : Engine or None
        The engine that takes over if this one fails; None means that a failure is an error.
    """

    name = "numba"

    def __init__(self, fallback: Engine | None = None):
        self.fallback = fallback

    def is_worth_it(self, data: Dataset | Shards, numpy_seconds: float) -> bool:
        """Return whether loading or compiling the kernel pays off for work that takes numpy about this many seconds."""
        if numpy_seconds <= LOAD_SECONDS:
            return False
        return (numpy_seconds > COMPILE_SECONDS or _has_files(data.dtype)) and _is_installed()

    def unavailable_reason(self, data: Dataset | Shards, numpy_seconds: float = math.inf) -> str | None:
        """Load or compile the kernel; return why it cannot be used here and what to do about it, or None if it can."""
        try:
            cache = load_kernel(data.dtype, may_compile=numpy_seconds > COMPILE_SECONDS)
        except KernelNotFoundError as error:
            return f"{error}: {REMEDY}"
        except ImportError as error:
            return str(error)
        except PermissionError as error:
            return f"its folder cannot be read ({error}): set NUMBA_CACHE_DIR to one that can, and {REMEDY}"
        except Exception as error:  # a damaged installation or folder may raise anything
            return f"the kernel cannot be loaded or compiled ({type(error).__name__}: {error})"
        if cache is None and self.fallback is not None:
            return "NUMBA_DISABLE_JIT switches the compiler off: unset it"
        return None

    def unsupported_reason(self, config: TrainingConfig, data: Dataset | Shards) -> str | None:
        """Return what the kernel does not support, or None if it supports everything that is asked for."""
        if isinstance(data, Shards) and config.batch_size is None:
            return "the gradient is a sum over chunks or partitions"
        if not isinstance(data.X, np.ndarray):
            return "X is sparse"
        if not data.X.flags.c_contiguous:
            return "X is not C-contiguous"
        components: list[tuple[dict[type, Entry], Hyperparameters]]
        components = [(ACTIVATION_ENTRIES, activation) for activation in config.objective.network.activations]
        components += [(LOSS_ENTRIES, config.objective.loss), (OPTIMIZER_ENTRIES, config.optimizer)]
        for entries, component in components:
            if type(component) not in entries:
                return f"{component!r} has no formula in the compiled kernel"
        return None

    def make_buffers(self, config: TrainingConfig, state: TrainingState, data: Dataset) -> NumbaBuffers:
        """Allocate the arrays that epochs over data of this shape write to, and load the kernel."""
        return NumbaBuffers(config, state, data)

    def run_epoch(self, plan: EpochPlan, data: Dataset, state: TrainingState, buffers: NumbaBuffers) -> EpochResult:
        """Make one update of the weights for each batch whose weights are not all zero."""
        buffers.check(state, data, plan)
        if plan.order is None and data.excluded is not None:
            plan = plan._replace(order=data.indices())
        if data.X.dtype == state.theta.dtype:
            return self._run(plan, data, state, buffers)
        loss_sum, n_updates = 0.0, 0
        for position, block in buffers.converted_blocks(plan, data, state.theta.dtype):
            rest = plan._replace(
                order=None,
                learning_rates=plan.learning_rates[n_updates:],
                first_step=plan.first_step + n_updates,
            )
            done = self._run(rest, block, state, buffers, position)
            loss_sum += done.loss_sum
            n_updates += done.n_updates
        return EpochResult(loss_sum, n_updates)

    def _run(
        self, plan: EpochPlan, data: Dataset, state: TrainingState, buffers: NumbaBuffers, position: int = 0
    ) -> EpochResult:
        """Call the kernel for samples of the network's dtype, the first of which has this position in the epoch."""
        offset = factor = lower = upper = buffers.nothing
        if state.standardizer is not None:
            offset, factor = state.standardizer.input_offset, state.standardizer.input_factor
            lower, upper = state.standardizer.input_bounds
        loss_sum, n_updates = buffers.epoch(
            buffers.model,
            Samples(
                _readable(data.X),  # type: ignore[arg-type]  # `unsupported_reason` has excluded sparse X
                _readable(data.y),
                NO_WEIGHT if data.sample_weight is None else _readable(data.sample_weight),
                buffers.class_targets,
                offset,
                factor,
                lower,
                upper,
            ),
            Plan(
                NO_ORDER if plan.order is None else plan.order,
                position,
                plan.learning_rates,
                plan.batch_size,
                np.uint64(plan.dropout_key),
                plan.penalty.l1,
                plan.penalty.l2,
                plan.mean_weight,
                plan.first_step,
            ),
            state.theta,
            state.optimizer_state,
            buffers.arrays,
        )
        return EpochResult(loss_sum, n_updates)


class NumbaBuffers:
    """The arguments of the kernel that are the same in every epoch, including the arrays that it writes to.

    Parameters
    ----------
    config : TrainingConfig
    state : TrainingState
    data : Dataset
        Samples of the shape that the buffers are for.

    Attributes
    ----------
    epoch : function
        The compiled epoch.
    model : Model
    arrays : Buffers
    nothing : ndarray of shape (0,)
        Stands for "none".
    class_targets : ndarray of shape (2,) or (0,)
        The targets of the classes that a sample does not have and of its own, if y has class codes.
    """

    def __init__(self, config: TrainingConfig, state: TrainingState, data: Dataset):
        dtype = state.theta.dtype
        self.epoch = _kernel().epoch_function(dtype)
        self.model = self._model(config, dtype)
        self.nothing = np.empty(0, dtype)
        one_hot = data.one_hot
        self.class_targets = self.nothing if one_hot is None else np.array([one_hot.off, one_hot.on], dtype)
        network, n_samples = config.objective.network, data.n_samples
        self.n_samples, self.batch_size = n_samples, config.batch_size_for(n_samples)
        chunk_size = min(self.batch_size, network.chunk_size(dtype))
        units, outputs = chunk_size * sum(network.sizes[1:]), chunk_size * network.sizes[-1]
        self.arrays = Buffers(
            gradient=np.empty_like(state.theta),
            gradient_sum=np.empty_like(state.theta),
            X=np.empty((chunk_size, data.X.shape[1]), dtype),
            y=np.empty(outputs, dtype),
            factor=np.empty(outputs, dtype),
            z=np.empty(units, dtype),
            a=np.empty(units, dtype),
            delta=np.empty(units, dtype),
            mask=np.empty(units if any(config.objective.dropout) else 0, dtype),
        )
        self._X_block: np.ndarray | None = None
        self._expected = (
            data.X.shape[1],
            data.y.shape[1],
            (network.n_parameters,),
            (config.optimizer.n_state_arrays, network.n_parameters),
        )

    def _model(self, config: TrainingConfig, dtype: np.dtype) -> Model:
        network, loss, optimizer = config.objective.network, config.objective.loss, config.optimizer
        rates = config.objective.dropout if any(config.objective.dropout) else ()
        sizes, activations, activation_settings = hidden_layers(network, dtype)
        return Model(
            sizes=sizes,
            activations=activations,
            in_place=np.array([activation.compiled_in_place for activation in network.activations], bool),
            activation_settings=activation_settings,
            loss=LOSS_ENTRIES[type(loss)].code,
            loss_settings=settings_matrix(settings_of(loss, LOSS_ENTRIES[type(loss)]), dtype),
            optimizer=OPTIMIZER_ENTRIES[type(optimizer)].code,
            optimizer_settings=settings_matrix(settings_of(optimizer, OPTIMIZER_ENTRIES[type(optimizer)]), np.float64),
            weight_decay=float(optimizer.weight_decay),
            clip_norm=0.0 if config.clip_norm is None else float(config.clip_norm),
            thresholds=thresholds(rates) if rates else NO_DROPOUT,
            keep=1.0 - np.array(rates, np.float64),
        )

    def check(self, state: TrainingState, data: Dataset, plan: EpochPlan) -> None:
        """Raise ValueError unless all arrays fit the buffers: the kernel itself does not check indices."""
        n, n_features = data.X.shape
        n_samples = data.n_samples
        found = n_features, data.y.shape[1], state.theta.shape, state.optimizer_state.shape
        n_weights = n if data.sample_weight is None else len(data.sample_weight)
        n_ordered = n_samples if plan.order is None else len(plan.order)
        n_rates, n_batches = len(plan.learning_rates), -(-n_samples // plan.batch_size)
        fits = n_samples <= self.n_samples and plan.batch_size <= min(self.batch_size, n_samples)
        lengths = len(data.y), n_weights, n_ordered, n_rates
        if not fits or found != self._expected or lengths != (n, n, n_samples, n_batches):
            raise ValueError(
                f"Arrays changed their shapes during training: {n_samples} samples in batches of {plan.batch_size}, "
                f"shapes {found}, {len(data.y)} targets, {n_weights} weights, {n_ordered} indices and {n_rates} "
                f"learning rates, where up to {self.n_samples} in batches of up to {self.batch_size}, "
                f"{self._expected}, {n}, {n}, {n_samples} and {n_batches} were expected."
            )

    def converted_blocks(self, plan: EpochPlan, data: Dataset, dtype: np.dtype) -> Iterator[tuple[int, Dataset]]:
        """Yield the start of each block of whole batches, and its samples in the dtype of the network.

        The kernel is not compiled for other dtypes.
        """
        n_samples, n_features = data.n_samples, data.X.shape[1]
        size = min(max(BLOCK_ENTRIES // (n_features * self.batch_size), 1) * self.batch_size, n_samples)
        if self._X_block is None:
            self._X_block = np.empty((size, n_features), dtype)
        for start in range(0, n_samples, size):
            block = data.take(slice(start, start + size) if plan.order is None else plan.order[start : start + size])
            X = self._X_block[: block.n_samples]
            np.copyto(X, block.X, casting="same_kind")  # type: ignore[arg-type]
            yield start, block._replace(X=X)


def load_kernel(dtype: np.dtype, *, may_compile: bool = True) -> KernelCache | None:
    """Load the kernel for this dtype, once per process, or compile and store it; then test it.

    Returns
    -------
    cache : KernelCache or None
        Where the kernel is from; None if NUMBA_DISABLE_JIT makes it plain Python.

    Raises
    ------
    ImportError
        If numba cannot be imported.
    KernelNotFoundError
        If no valid file has the kernel and `may_compile` is False, even if this process has compiled it before: the
        choice of an engine does not depend on earlier training.
    """
    with LOADING:
        if dtype in LOADED:
            cache = LOADED[dtype]
            if cache is not None and cache.failure is not None and not may_compile:
                raise KernelNotFoundError("the kernel of this process could not be stored")
            return cache
        if not may_compile:
            find_files("epoch", dtype)  # raises an error, if it does, before the import of numba takes its time
        epoch = _kernel().epoch_function(dtype)
        cache = getattr(epoch, "_cache", None)
        if cache is not None:
            cache.may_compile = may_compile
        _test_kernel(dtype)
        if cache is not None:
            epoch.disable_compile()  # arguments of other types would be an error in this package
        LOADED[dtype] = cache
        if cache is not None and cache.was_compiled:
            FORWARD[dtype] = _load_forward(dtype, may_compile=True)
        return cache


def load_forward(dtype: np.dtype, *, may_compile: bool = False) -> Callable[..., None] | None:
    """Load the compiled forward pass for this dtype, once per process, and test it.

    It is compiled and stored together with the kernel. Return None if it is not available, for whatever reason: numpy
    computes the same.
    """
    with LOADING:
        if dtype not in FORWARD or (may_compile and FORWARD[dtype] is None):
            FORWARD[dtype] = _load_forward(dtype, may_compile=may_compile)
        return FORWARD[dtype]


def _load_forward(dtype: np.dtype, *, may_compile: bool) -> Callable[..., None] | None:
    try:
        if not may_compile and not find_files("forward", dtype):
            return None
        forward = _forward_function()(dtype)
        if not hasattr(forward, "_cache"):  # with NUMBA_DISABLE_JIT, it is a Python function
            return None
        forward._cache.may_compile = may_compile
        _test_forward(forward, dtype)
        forward.disable_compile()
    except Exception:  # a damaged installation or folder may raise anything
        return None
    return forward


def forget_kernels() -> None:
    """Forget the kernels of this process, so that they are loaded or compiled again."""
    with LOADING:
        LOADED.clear()
        FORWARD.clear()
        _kernel().epoch_function.cache_clear()
        _forward_function().cache_clear()


def _test_kernel(dtype: np.dtype) -> None:
    """Raise RuntimeError unless the kernel computes what numpy computes, for a tiny network and three samples."""
    optimizer, network = GD(), Network((2, 2, 1), (ACTIVATIONS["tanh"],))
    config = TrainingConfig(
        Objective(network, LOSSES["squared_error", "identity"]), optimizer, Constant(0.1), 2, shuffle=True, max_iter=1
    )
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    data, results = Dataset(X, X[:, :1].copy()), []
    engines: tuple[Engine, Engine] = NumbaEngine(), NumpyEngine()
    for engine in engines:
        theta = np.linspace(-0.5, 0.5, network.n_parameters, dtype=dtype)
        memory = np.zeros((optimizer.n_state_arrays, theta.size), dtype)
        state = TrainingState(theta, memory, np.random.default_rng(0), mean_weight=1.0)
        engine.run_epoch(plan_epoch(config, state, data), data, state, engine.make_buffers(config, state, data))
        results.append(theta)
    if not np.allclose(results[0], results[1], rtol=1e-4, atol=1e-6):
        raise RuntimeError("the compiled kernel computes wrong numbers on this machine")


def run_forward(
    forward: Callable[..., None], network: Network, theta: np.ndarray, X: np.ndarray, standardizer: Standardizer | None
) -> np.ndarray:
    """Return the raw output for C-contiguous X of the network's dtype, computed by the compiled forward pass."""
    n_samples, dtype = X.shape[0], theta.dtype
    size = min(FORWARD_CHUNK_SIZE, n_samples)
    buffers = [np.empty(size * width, dtype) for width in (X.shape[1], *[max(network.sizes[1:-1], default=0)] * 2)]
    raw = np.empty((n_samples, network.sizes[-1]), dtype)
    scaling = [np.empty(0, dtype)] * 4
    if standardizer is not None:
        parts = (standardizer.input_offset, standardizer.input_factor, *standardizer.input_bounds)
        scaling = [_readable(part) for part in parts]
    layers = hidden_layers(network, dtype)
    forward(*layers, _readable(X).reshape(-1), *scaling, _readable(theta), size, *buffers, raw.reshape(-1))
    return raw


def _test_forward(forward: Callable[..., None], dtype: np.dtype) -> None:
    """Raise RuntimeError unless the forward pass computes what numpy computes, for a tiny network and two samples."""
    network = Network((2, 2, 1), (ACTIVATIONS["tanh"],))
    theta = np.linspace(-0.5, 0.5, network.n_parameters, dtype=dtype)
    X = np.array([[0, 1], [1, -1]], dtype)
    if not np.allclose(run_forward(forward, network, theta, X, None), network.raw_output(theta, X), rtol=1e-4):
        raise RuntimeError("the compiled forward pass computes wrong numbers on this machine")


def _is_installed() -> bool:
    try:
        return find_spec("numba") is not None
    except ValueError:  # something that is not a package stands in sys.modules
        return False


def _has_files(dtype: np.dtype) -> bool:
    """Return whether the kernel is stored, possibly damaged; also True if that cannot be found out.

    `unavailable_reason` then gives the reason.
    """
    try:
        return bool(find_files("epoch", dtype))
    except Exception:  # an unreadable folder, or a package without readable code
        return True


def _kernel() -> ModuleType:
    """Import numba and return the module of the kernel."""
    if not _is_installed():
        raise ImportError("it needs numba: pip install 'skbackprop[numba]'")
    kernel = _import_kernel()
    if isinstance(kernel, Exception):
        raise ImportError(f"numba cannot be imported ({type(kernel).__name__}: {kernel}): install it again") from kernel
    return kernel


def _forward_function() -> Any:
    """Import numba and return the function that makes the forward pass."""
    _kernel()  # raises an error that gives the true cause
    from ._numba.forward import forward_function

    return forward_function


@cache
def _import_kernel() -> ModuleType | Exception:
    """Return the module, or what importing it raised: a second attempt would only raise what follows from the first."""
    try:
        from ._numba import kernel
    except Exception as error:  # a damaged installation may raise anything
        return error
    return kernel


def _readable(array: np.ndarray) -> np.ndarray:
    """Return a C-contiguous array that numba considers writeable: `array` itself, a view of it, or a copy.

    The kernel only reads X, y and the weights, but numba would compile it again for read-only arrays.
    """
    array = np.ascontiguousarray(array)
    return array if array.flags.writeable else np.asarray(_Writeable(array))


class _Writeable:
    """Exposes the memory of a read-only array as writeable, and keeps the array alive as long as its views."""

    def __init__(self, array: np.ndarray):
        self.owner = array
        self.__array_interface__ = array.__array_interface__ | {"data": (array.__array_interface__["data"][0], False)}
