"""L-BFGS: the objective over all samples, minimized by scipy iteration by iteration (Liu and Nocedal 1989).

An epoch is one iteration of `scipy.optimize.minimize`, which may evaluate the gradient more than once along its line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.optimize import minimize as scipy_minimize

from .._core.objective import Penalty
from ..optimizers import LBFGS
from .config import TrainingConfig
from .result import TrainingResult
from .state import TrainingState

#: Evaluates the objective: takes the penalty, returns the mean loss and the gradient.
Evaluation: TypeAlias = Callable[[Penalty], tuple[float, np.ndarray]]
#: The status that scipy returns if the line search failed.
ABNORMAL = 2


def minimize(
    config: TrainingConfig,
    state: TrainingState,
    evaluate: Evaluation,
    max_iter: int,
    on_epoch_begin: Callable[[], None],
    on_epoch_end: Callable[[float, float], bool],
    result: TrainingResult,
) -> None:
    """Minimize the objective over ``state.theta`` for up to `max_iter` iterations.

    Parameters
    ----------
    config : TrainingConfig
        Its optimizer is `LBFGS`.
    state : TrainingState
    evaluate : callable
        Takes the penalty, and returns the mean loss without the penalty and the gradient with it, both at
        ``state.theta``; the next call may overwrite the gradient.
    max_iter : int
    on_epoch_begin : callable
        Called before each evaluation, because the number of evaluations in an iteration is not known in advance.
    on_epoch_end : callable
        Called with the mean loss and the penalty after each iteration; returns whether to stop.
    result : TrainingResult
        Its flags and messages are set when the minimization ends.
    """
    objective, dtype = config.objective, state.theta.dtype
    optimizer = cast(LBFGS, config.optimizer)
    penalty = objective.penalty(state.alpha)
    weights = state.theta[: objective.network.n_weights]
    last_valid = state.theta.copy()

    def value_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        on_epoch_begin()
        state.theta[...] = theta
        with np.errstate(all="ignore"):  # the line search recovers from overflow
            loss, gradient = evaluate(penalty)
        value = loss + penalty.value(weights)
        return value if np.isfinite(value) else np.inf, gradient.astype(np.float64)

    def callback(intermediate_result: OptimizeResult) -> None:
        state.theta[...] = intermediate_result.x
        last_valid[...] = state.theta
        state.t += 1
        state.learning_rate = 1.0  # the step that the line search tries first
        penalty_value = penalty.value(weights)
        if on_epoch_end(float(intermediate_result.fun) - penalty_value, penalty_value):
            result.stopped = True
            raise StopIteration

    solution = scipy_minimize(
        value_and_gradient,
        state.theta.astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        callback=callback,
        options={
            "maxiter": max_iter,
            "maxfun": 50 * max_iter,
            "maxcor": optimizer.n_corrections,
            "ftol": 0.0,
            "gtol": optimizer.gradient_tolerance,
        },
    )
    state.theta[...] = last_valid
    state.n_steps = 0
    if solution.success:
        result.stopped = True  # no entry of the gradient is above the tolerance
    elif not result.stopped and solution.status == ABNORMAL and np.finfo(dtype).eps < 1e-10:
        result.diverged = True
        result.messages.append(
            f"L-BFGS could not continue after {state.n_iter} iterations: {solution.message}. The weights are the last "
            "valid ones. Scale X and y (standardize=True does), look for damaged values; "
            "skbackprop.losses.check_loss checks a custom loss."
        )
