"""Optimizers: how a gradient changes the weights.

All weights and intercepts form one vector `theta` with n_parameters entries, and an optimizer is a formula on that
vector. Its state, such as velocities or running means, has the shape (n_state_arrays, n_parameters). It belongs to the
trainer, which passes it to every step. Therefore an optimizer can be shared, cloned and searched over, and training can
resume from a pickle.

A step changes `theta` and `optimizer_state` in place, and may overwrite `gradient` and `scratch`, which have the shape
of `theta`. Each optimizer defines its formula twice, side by side: on arrays for the numpy engine, and as a loop for
the compiled engine.

To add an optimizer, write a subclass with the two functions and add it to `OPTIMIZERS`;
docs/developers/extending.md shows the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ._component_checks import missing_method
from ._hyperparameters import Hyperparameters, check_number
from ._public import publish
from ._scalar_math import sqrt

__all__ = ["GD", "LBFGS", "OPTIMIZERS", "Adam", "AdamW", "Momentum", "Nesterov", "Optimizer", "RMSprop"]


class Optimizer(Hyperparameters):
    """Base class of all optimizers: how one update of `theta` is computed.

    Attributes
    ----------
    n_state_arrays : int
        Number of vectors of the size of `theta` in the optimizer state; they start at zero.
    weight_decay : float
        Before each step the engine multiplies the weights, not the intercepts, by
        ``1 - learning_rate * weight_decay``.
    loop_step : static function or None
        ``loop_step(theta, gradient, optimizer_state, t, learning_rate, ...)`` does what `step` does, with loops for the
        compiled engine. If it is None, that engine does not support the optimizer. Further parameters are passed by
        name: each is an attribute of the optimizer, such as `momentum`. They and `learning_rate` are float64; convert
        them with ``theta.dtype.type`` before the loop, so that the loop computes in the network's dtype.

    See Also
    --------
    skbackprop.activations.Activation : Base class of all activations.
    skbackprop.schedules.Schedule : Base class of all schedules, which determine the learning rate.

    Examples
    --------
    A custom optimizer, which moves by the sign of the gradient:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import Optimizer
    >>> @dataclass(frozen=True)
    ... class SignDescent(Optimizer):
    ...     def step(self, theta, gradient, optimizer_state, t, learning_rate, scratch):
    ...         theta -= learning_rate * np.sign(gradient)
    >>> network = BackpropRegressor(optimizer=SignDescent())
    """

    n_state_arrays: ClassVar[int] = 0
    loop_step: ClassVar[Callable[..., None] | None] = None
    weight_decay = 0.0
    #: Whether it minimizes the objective over all samples at once instead of making a step for each batch.
    needs_all_samples: ClassVar[bool] = False

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        """Update `theta` and `optimizer_state` in place.

        Parameters
        ----------
        theta : ndarray of shape (n_parameters,)
            Weights and intercepts.
        gradient : ndarray of shape (n_parameters,)
            Gradient of the objective; it may be overwritten.
        optimizer_state : ndarray of shape (n_state_arrays, n_parameters)
            State of the optimizer.
        t : int
            Number of this update; the first is 1.
        learning_rate : float
            Learning rate of this update.
        scratch : ndarray of shape (n_parameters,)
            Array for intermediate results.

        See Also
        --------
        skbackprop.schedules.Schedule.rates : Where the learning rate comes from.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.optimizers import GD
        >>> theta = np.array([1.0, 2.0])
        >>> GD().step(theta, np.array([1.0, -1.0]), np.empty((0, 2)), t=1, learning_rate=0.5, scratch=np.empty(2))
        >>> theta
        array([0.5, 2.5])
        """
        raise missing_method(self, Optimizer, "step(theta, gradient, optimizer_state, t, learning_rate, scratch)")


@dataclass(frozen=True)
class GD(Optimizer):
    """Plain gradient descent, as in the lecture: theta <- theta - learning_rate * gradient.

    See Also
    --------
    Momentum : Gradient descent with a velocity.
    Adam : The default optimizer.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import GD
    >>> BackpropRegressor(optimizer=GD())
    BackpropRegressor(optimizer=GD())
    """

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        gradient *= learning_rate
        theta -= gradient

    @staticmethod
    def loop_step(
        theta: np.ndarray, gradient: np.ndarray, optimizer_state: np.ndarray, t: int, learning_rate: float
    ) -> None:
        rate = theta.dtype.type(learning_rate)
        for i in range(theta.size):
            theta[i] -= rate * gradient[i]


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: v <- momentum * v - learning_rate * gradient; theta <- theta + v.

    Polyak 1964.

    Parameters
    ----------
    momentum : float, default=0.9
        In [0, 1).

    See Also
    --------
    Nesterov : Momentum that looks ahead.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import Momentum
    >>> BackpropRegressor(optimizer=Momentum(momentum=0.95))
    BackpropRegressor(optimizer=Momentum(momentum=0.95))
    """

    momentum: float = 0.9
    n_state_arrays = 1

    def __post_init__(self) -> None:
        check_number(self, "momentum", low=0, high=1, closed="left")

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        v = optimizer_state[0]
        gradient *= learning_rate
        v *= self.momentum
        v -= gradient
        theta += v

    @staticmethod
    def loop_step(
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        momentum: float,
    ) -> None:
        number = theta.dtype.type
        rate, mu = number(learning_rate), number(momentum)
        v = optimizer_state[0]
        for i in range(theta.size):
            v[i] = mu * v[i] - rate * gradient[i]
            theta[i] += v[i]


@dataclass(frozen=True)
class Nesterov(Optimizer):
    """Nesterov momentum, which looks ahead: theta <- theta + momentum * v - learning_rate * gradient.

    The velocity v is that of `Momentum`, and theta is the point that the optimizer looks ahead to. Nesterov 1983, in
    the form of Sutskever et al. 2013.

    Parameters
    ----------
    momentum : float, default=0.9
        In [0, 1).

    See Also
    --------
    Momentum : The same without looking ahead.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import Nesterov
    >>> BackpropRegressor(optimizer=Nesterov(momentum=0.95))
    BackpropRegressor(optimizer=Nesterov(momentum=0.95))
    """

    momentum: float = 0.9
    n_state_arrays = 1

    def __post_init__(self) -> None:
        check_number(self, "momentum", low=0, high=1, closed="left")

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        v = optimizer_state[0]
        gradient *= learning_rate
        v *= self.momentum
        v -= gradient
        theta -= gradient
        np.multiply(v, self.momentum, out=scratch)
        theta += scratch

    @staticmethod
    def loop_step(
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        momentum: float,
    ) -> None:
        number = theta.dtype.type
        rate, mu = number(learning_rate), number(momentum)
        v = optimizer_state[0]
        for i in range(theta.size):
            v[i] = mu * v[i] - rate * gradient[i]
            theta[i] += mu * v[i] - rate * gradient[i]


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Divides each gradient entry by the root of its running mean square (Tieleman and Hinton 2012).

    s <- rho * s + (1 - rho) * gradient^2; theta <- theta - learning_rate * gradient / (sqrt(s) + epsilon)

    Parameters
    ----------
    rho : float, default=0.9
        Decay of the running mean, in [0, 1).
    epsilon : float, default=1e-8
        Above 0.

    See Also
    --------
    Adam : The same with a running mean of the gradient, too.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import RMSprop
    >>> BackpropRegressor(optimizer=RMSprop(rho=0.99))
    BackpropRegressor(optimizer=RMSprop(rho=0.99, epsilon=1e-08))
    """

    rho: float = 0.9
    epsilon: float = 1e-8
    n_state_arrays = 1

    def __post_init__(self) -> None:
        check_number(self, "rho", low=0, high=1, closed="left")
        check_number(self, "epsilon", low=0)

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        s = optimizer_state[0]
        s *= self.rho
        np.multiply(gradient, gradient, out=scratch)
        scratch *= 1.0 - self.rho
        s += scratch
        np.sqrt(s, out=scratch)
        scratch += self.epsilon
        gradient /= scratch
        gradient *= learning_rate
        theta -= gradient

    @staticmethod
    def loop_step(
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        rho: float,
        epsilon: float,
    ) -> None:
        number = theta.dtype.type
        rate, decay, rest, eps = number(learning_rate), number(rho), number(1 - rho), number(epsilon)
        s = optimizer_state[0]
        for i in range(theta.size):
            s[i] = decay * s[i] + rest * gradient[i] * gradient[i]
            theta[i] -= rate * gradient[i] / (sqrt(s[i]) + eps)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Uses running means of the gradient and the squared gradient, corrected for their bias toward zero.

    Kingma and Ba 2015, algorithm 1:

    | m <- beta_1 * m + (1 - beta_1) * gradient
    | v <- beta_2 * v + (1 - beta_2) * gradient^2
    | theta <- theta - learning_rate * m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the two running means, in [0, 1).
    epsilon : float, default=1e-8
        Above 0.

    See Also
    --------
    AdamW : Adam with decoupled weight decay.
    RMSprop : The same without a running mean of the gradient.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> BackpropRegressor(optimizer=Adam(beta_2=0.95)).get_params()["optimizer__beta_2"]
    0.95
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_state_arrays = 2

    def __post_init__(self) -> None:
        check_number(self, "beta_1", low=0, high=1, closed="left")
        check_number(self, "beta_2", low=0, high=1, closed="left")
        check_number(self, "epsilon", low=0)

    def step(
        self,
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        scratch: np.ndarray,
    ) -> None:
        # The state holds M = m / (1 - beta_1) and V = v / (1 - beta_2), which saves two passes over the vectors.
        # With the constant c^2 = (1 - beta_2^t) / (1 - beta_2), the root of v / (1 - beta_2^t) is sqrt(V) / c.
        M, V = optimizer_state
        c = ((1.0 - self.beta_2**t) / (1.0 - self.beta_2)) ** 0.5
        M *= self.beta_1
        M += gradient
        V *= self.beta_2
        gradient *= gradient
        V += gradient
        np.sqrt(V, out=scratch)
        scratch += c * self.epsilon
        np.divide(M, scratch, out=scratch)
        scratch *= learning_rate * c * (1.0 - self.beta_1) / (1.0 - self.beta_1**t)
        theta -= scratch

    @staticmethod
    def loop_step(
        theta: np.ndarray,
        gradient: np.ndarray,
        optimizer_state: np.ndarray,
        t: int,
        learning_rate: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
    ) -> None:
        number = theta.dtype.type
        c = np.sqrt((1 - beta_2**t) / (1 - beta_2))  # see `step`
        decay_1, decay_2, eps = number(beta_1), number(beta_2), number(c * epsilon)
        rate = number(learning_rate * c * (1 - beta_1) / (1 - beta_1**t))
        M, V = optimizer_state[0], optimizer_state[1]
        for i in range(theta.size):
            M[i] = decay_1 * M[i] + gradient[i]
            V[i] = decay_2 * V[i] + gradient[i] * gradient[i]
            theta[i] -= rate * M[i] / (sqrt(V[i]) + eps)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Before each step the weights, not the intercepts, are multiplied by ``1 - learning_rate * weight_decay``. This is
    independent of the penalty `alpha` of the estimator, which is part of the gradient.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As in `Adam`.
    weight_decay : float, default=0.01
        At least 0.

    See Also
    --------
    Adam : Without weight decay.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.optimizers import AdamW
    >>> BackpropRegressor(optimizer=AdamW(weight_decay=0.1))
    BackpropRegressor(optimizer=AdamW(beta_1=0.9,
                                      beta_2=0.999,
                                      epsilon=1e-08,
                                      weight_decay=0.1))
    """

    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "weight_decay", low=0, closed="left")


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS by `scipy.optimize.minimize`, for ``solver="batch"`` (Liu and Nocedal 1989).

    It finds its own step lengths, so `learning_rate` has no effect. It works well on small data with smooth
    activations.

    Parameters
    ----------
    n_corrections : int, default=10
        Number of past steps that approximate the Hessian, at least 1.
    gradient_tolerance : float, default=1e-6
        Training has converged when no entry of the gradient is larger than this; at least 0.

    See Also
    --------
    GD : Gradient descent, also for mini-batches.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> BackpropRegressor(solver='batch', optimizer='lbfgs')
    BackpropRegressor(optimizer='lbfgs', solver='batch')
    """

    n_corrections: int = 10
    gradient_tolerance: float = 1e-6
    needs_all_samples = True

    def __post_init__(self) -> None:
        check_number(self, "n_corrections", low=1, closed="left")
        check_number(self, "gradient_tolerance", low=0, closed="left")


OPTIMIZERS: dict[str, Optimizer] = {
    "gd": GD(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "rmsprop": RMSprop(),
    "adam": Adam(),
    "adamw": AdamW(),
    "lbfgs": LBFGS(),
}

__dir__ = publish(globals())
