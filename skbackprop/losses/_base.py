"""The base class of all losses: what a custom loss has to define.

The raw output of a network is the pre-activation of its last layer, before any output activation. A loss owns its link,
whose inverse is the output activation. This keeps the loss exact and stable: the log loss is computed from the raw
output, never from the logarithm of a rounded probability.

Shapes: `y` and `raw` are (n_samples, n_outputs), both of the network's dtype. Losses are pointwise: the mean over
samples, the sample weights and the penalty enter in `_core/objective.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .._component_checks import missing_method
from .._hyperparameters import Hyperparameters
from .._scalar_math import Number
from ._links import CustomLink, Link


class Loss(Hyperparameters):
    """A loss of the raw output of a network, and the link between raw output and prediction.

    A custom loss is a subclass that overrides `inverse_link`, `value_and_gradient` and, where not every target is
    allowed, `check_target`; the other methods are optional. Each sample has its own loss and its own prediction.
    `check_loss` compares the derivative with finite differences.

    Attributes
    ----------
    output_activation : str
        Name of the output activation, which `inverse_link` computes: "identity", "logistic", "softmax", "exponential",
        "sorted", or a custom name.
    target_scaling : {"spread", "mean", None}
        What ``standardize=True`` does to the target before the loss is computed: "spread" subtracts the mean and
        divides by the standard deviation (for the identity), "mean" divides by the mean (for the exponential), None
        leaves the target unchanged. The default of a custom loss is None.
    is_likelihood : bool
        Whether the loss is a negative log-likelihood, which determines how noisy the target is. For other losses
        ``alpha="auto"`` estimates the noise from the training loss.
    is_robust : bool
        Whether the loss grows no faster than the residual, so that a gross error in y hardly moves its minimum.
        ``standardize=True`` then takes the mean and standard deviation from the target with extreme values moved to
        4 robust standard deviations from the median.
    link : Link
        The link, derived from the attributes above for a custom loss.
    scalar_value_and_gradient : static function or None
        ``scalar_value_and_gradient(y, raw, ...)`` returns the loss of one output and its derivative with respect to
        `raw`, both as numbers: the form for a loss that is a sum over outputs. The compiled engine inlines it into its
        loops. Further parameters are passed by name: each is an attribute of the loss, such as `delta`. All numbers
        have the network's dtype, see `Activation.scalar_value`.
    loop_value_and_gradient : static function or None
        ``loop_value_and_gradient(y, raw, gradient, factor, n, n_outputs, ...)`` is the form for a loss that couples the
        outputs of a sample. All arrays are flat, with `n` entries, `n_outputs` for each sample. It writes `factor`
        times the derivative to `gradient` and returns the sum of `factor` times the loss; `factor` is the same for all
        outputs of a sample, and `raw` may be overwritten. Further parameters are passed by name, as arrays of one
        dimension. `n` and `n_outputs` are unsigned integers, so that the compiler can vectorize loops. Adding a
        literal such as 1 to them would give a float; write ``type(n)(1)``. The compiled engine does not support a loss
        that has neither form.

    See Also
    --------
    skbackprop.losses.check_loss : Check a custom loss.

    Examples
    --------
    >>> from skbackprop.losses import Huber
    >>> Huber(delta=0.5).output_activation
    'identity'
    """

    output_activation: ClassVar[str] = "identity"
    target_scaling: ClassVar[str | None] = None
    is_likelihood: ClassVar[bool] = False
    is_robust: ClassVar[bool] = False
    #: Whether two classes are one output, the probability of the second, instead of one output for each.
    one_output_for_two_classes: ClassVar[bool] = False
    #: The quantiles that the outputs predict, if they are quantiles.
    predicted_quantiles: ClassVar[tuple[float, ...] | None] = None
    scalar_value_and_gradient: ClassVar[Callable[..., tuple[Number, Number]] | None] = None
    loop_value_and_gradient: ClassVar[Callable[..., float] | None] = None

    @property
    def link(self) -> Link:
        """The link between raw output and prediction."""
        return CustomLink(self)

    def inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction for the raw output.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Raw output of the network.

        Returns
        -------
        prediction : ndarray of shape (n_samples, n_outputs)
            Prediction, in the scaled units of the target. It may be `raw` itself, which must not be changed.

        See Also
        --------
        log_inverse_link : Its logarithm.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import Poisson
        >>> Poisson().inverse_link(np.array([[0.0, 1.0]])).round(4)
        array([[1.    , 2.7183]])
        """
        raise missing_method(self, Loss, "inverse_link(raw)")

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        """Return the logarithm of the prediction.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            Raw output of the network.

        Returns
        -------
        log_prediction : ndarray of shape (n_samples, n_outputs)
            Logarithm of `inverse_link`.

        See Also
        --------
        inverse_link : The prediction itself.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import BinaryLogLoss
        >>> BinaryLogLoss().log_inverse_link(np.array([[-1000.0, 0.0]])).round(4)
        array([[-1.000e+03, -6.931e-01]])
        """
        prediction = self.inverse_link(raw)
        return np.log(np.maximum(prediction, np.finfo(prediction.dtype).tiny))

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return the loss of each sample and write its derivative with respect to the raw output into `gradient`.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw output of the network; it may be overwritten.
        gradient : ndarray of shape (n_samples, n_outputs)
            Where the derivative is written.

        Returns
        -------
        values : ndarray of shape (n_samples,)
            Loss of each sample.

        See Also
        --------
        check_loss : Compares the derivative with finite differences.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import SquaredError
        >>> gradient = np.empty((1, 2))
        >>> SquaredError().value_and_gradient(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]), gradient)
        array([5.])
        >>> gradient
        array([[-2.,  4.]])
        """
        raise missing_method(self, Loss, "value_and_gradient(y, raw, gradient)")

    def check_target(self, y: np.ndarray) -> None:
        """Raise ValueError if the loss is not defined for a value in `y`; by default every number is allowed.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_outputs)
            Target as the user passed it, which must not be changed.

        See Also
        --------
        value_and_gradient : The loss of the target.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import Poisson
        >>> Poisson().check_target(np.array([[0.0], [3.0]]))
        """

    def constant(self, mean: np.ndarray) -> np.ndarray:
        """Return the raw output of the best constant prediction, which training has to beat; by default 0.

        Parameters
        ----------
        mean : ndarray of shape (n_outputs,)
            Mean of the scaled target.

        Returns
        -------
        raw : ndarray of shape (n_outputs,)
            Raw output that predicts the mean everywhere.

        See Also
        --------
        value_and_gradient : The loss of this raw output.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import Poisson
        >>> Poisson().constant(np.array([1.0, 2.0])).round(4)
        array([0.    , 0.6931])
        """
        return np.zeros_like(mean)

    def repeat_target(self, y: np.ndarray) -> np.ndarray:
        """Return the target with one column for each output of the network; by default it has them already.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_targets)
            Target as the user passed it.

        Returns
        -------
        y : ndarray of shape (n_samples, n_outputs)
            Target with a column for each output.

        See Also
        --------
        check_target : Checks the target before.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import Quantiles
        >>> Quantiles((0.1, 0.9)).repeat_target(np.array([[1.0], [2.0]]))
        array([[1., 1.],
               [2., 2.]])
        """
        return y

    def in_units_of(self, scale: np.ndarray) -> Loss:
        """Return the loss for the target in its own units; most losses have no hyperparameter that depends on them.

        Parameters
        ----------
        scale : ndarray of shape (n_outputs,)
            What ``standardize=True`` divided the target by.

        Returns
        -------
        loss : Loss
            The same loss, with its hyperparameters in the units of the target.

        See Also
        --------
        value_and_gradient : The loss of the scaled target.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import Huber
        >>> Huber(delta=1.5).in_units_of(np.array([2.0])).delta
        array([3.])
        """
        return self

    def output_derivative(self, y: np.ndarray, prediction: np.ndarray) -> np.ndarray | None:
        """Return the derivative with respect to the prediction, or None if there is no exact formula.

        Parameters
        ----------
        y, prediction : ndarray of shape (n_outputs,)
            Target and prediction of one sample.

        Returns
        -------
        derivative : ndarray of shape (n_outputs,) or None
            Derivative dE/dout, for showing the factors of the chain rule; training does not need it.

        See Also
        --------
        value_and_gradient : The derivative with respect to the raw output.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop.losses import SquaredError
        >>> SquaredError().output_derivative(np.array([0.01]), np.array([0.75]))
        array([1.48])
        """
        return None


class LinkedLoss(Loss):
    """Base class of the losses in this package, each of which has one of the known links."""

    link: ClassVar[Link]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "link" in vars(cls):
            cls.output_activation = cls.link.name
            cls.target_scaling = cls.link.target_scaling.name

    def inverse_link(self, raw: np.ndarray) -> np.ndarray:
        return self.link.inverse(raw)

    def log_inverse_link(self, raw: np.ndarray) -> np.ndarray:
        return self.link.log_inverse(raw)


def row_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the inner products of the rows of two matrices: row i of `a` with row i of `b`."""
    return (a * b)[:, 0] if a.shape[1] == 1 else np.einsum("ij,ij->i", a, b)


def check_range(loss: Loss, y: np.ndarray, allowed: np.ndarray, words: str) -> None:
    """Raise ValueError if not every value is allowed, naming the loss and the first invalid value."""
    if not allowed.all():
        raise ValueError(f"y must be {words} for loss={loss!r}; got {y[~allowed][0]:g}.")
