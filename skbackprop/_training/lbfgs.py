"""L-BFGS: the full batch objective handed to scipy, pass by pass (Liu and Nocedal 1989).

One pass is one iteration of `scipy.optimize.minimize`, which may take the gradient more than once on its line.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from .._core.objective import Workspace
from .state import TrainingConfig, TrainingState


def minimize(
    config: TrainingConfig,
    state: TrainingState,
    work: Workspace,
    X,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    max_iter: int,
    on_epoch_begin: Callable[[], None],
    on_epoch_end: Callable[[float, float], bool],
    result,
) -> None:
    """Move ``state.theta`` down the objective for up to `max_iter` iterations.

    Parameters
    ----------
    on_epoch_begin : callable
        Called before each evaluation: how many an iteration takes is not known before.
    on_epoch_end : callable
        Called with the mean loss and the penalty after each iteration; returns whether that was the last.
    result : TrainingResult
        Learns whether it was time to stop, and what the user should be told.
    """
    objective, optimizer, dtype = config.objective, config.optimizer, state.theta.dtype
    weight_sum = X.shape[0] if sample_weight is None else float(sample_weight.sum(dtype=np.float64))
    good, work.alpha = state.theta.copy(), state.alpha

    def value_and_gradient(theta):
        on_epoch_begin()
        state.theta[...] = theta
        with np.errstate(
            over="ignore", invalid="ignore", divide="ignore", under="ignore"
        ):  # the line search steps back
            loss_sum = objective.loss_and_gradient(X, y, sample_weight, state.mean_weight, work)
        value = loss_sum / weight_sum + objective.penalty(state.theta, state.alpha)
        return value if np.isfinite(value) else np.inf, work.gradient.astype(np.float64)

    def callback(intermediate_result):
        state.theta[...] = intermediate_result.x
        good[...] = state.theta
        state.t += 1
        state.learning_rate = 1.0  # the step that the line search tries first
        penalty = objective.penalty(state.theta, state.alpha)
        if on_epoch_end(float(intermediate_result.fun) - penalty, penalty):
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
    state.theta[...] = good
    state.n_steps = 0
    if solution.success:
        result.stopped = True  # the gradient is as good as zero
    elif not result.stopped and solution.status == 2 and np.finfo(dtype).eps < 1e-10:
        result.diverged = True
        result.messages.append(
            f"L-BFGS could not go on after {state.n_iter} iterations: {solution.message}. "
            "The weights are the last good ones. Scale X and y (standardize=True does), look for damaged values; "
            "a loss of your own is checked by skbackprop.losses.check_loss."
        )
