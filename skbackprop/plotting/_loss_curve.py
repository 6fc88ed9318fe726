"""Learning curves: the training and the validation loss by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._estimators.fitted_model import fitted_model
from ._utils import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor


class LossCurveDisplay:
    """Training and validation loss by epoch, with the best epoch marked.

    Create it with `from_estimator`, or with `from_curves` from lists of numbers. To compare several fits, draw each of
    them on the same axes with a different `name`.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss of each epoch.
    validation : array-like of shape (n_validated,), default=None
        Validation loss after each epoch. None draws no validation curve.
    best_iter : int, default=None
        The epoch to mark, counted from 1. None marks no epoch.
    validation_start : int, default=0
        Number of epochs before the first value of `validation`. It is above 0 after a fit with ``warm_start=True``,
        which records validation losses anew.
    loss_start : int, default=0
        Number of epochs before the first value of `loss`. It is above 0 after a long stream, which keeps the losses of
        the last epochs only.
    name : str, default=None
        Name of the fit in the legend. None leaves it out.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    training_line_ : matplotlib Line2D
        The training curve.
    validation_line_ : matplotlib Line2D or None
        The validation curve; None without validation losses.
    best_ : matplotlib Line2D or None
        The mark of the best epoch; None if no epoch is marked.

    See Also
    --------
    skbackprop.callbacks.LossRecorder : Records the losses of several fits.
    WeightsDisplay : Draws the weights of a network.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plotting import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier(10, early_stopping=True, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(network)
    >>> [line.get_label() for line in display.ax_.lines]
    ['training', 'validation', 'best epoch: ...']
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        loss: ArrayLike,
        validation: ArrayLike | None = None,
        best_iter: int | None = None,
        validation_start: int = 0,
        loss_start: int = 0,
        name: str | None = None,
    ) -> None:
        self.loss = loss
        self.validation = validation
        self.best_iter = best_iter
        self.validation_start = validation_start
        self.loss_start = loss_start
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BackpropRegressor | BackpropClassifier,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw the loss curves of a fitted estimator.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The fitted estimator.
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        name : str, default=None
            Name of the fit in the legend. None leaves it out.
        **plot_kw : dict
            Further keyword arguments of `plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display with the curves drawn.

        Raises
        ------
        TypeError
            If `estimator` is not an estimator of this package.
        NotFittedError
            If the estimator is not fitted.

        See Also
        --------
        from_curves : Draw curves given as numbers.
        """
        model = fitted_model(estimator)
        validation, start = estimator.validation_loss_curve_, model.state.validation_start
        # After `partial_fit`, the weights are from an epoch that comes after all validated ones.
        has_best = validation is not None and estimator.best_iter_ <= start + len(validation)
        display = cls(
            loss=estimator.loss_curve_,
            validation=validation,
            best_iter=estimator.best_iter_ if has_best else None,
            validation_start=start,
            loss_start=estimator.n_iter_ - len(estimator.loss_curve_),
            name=name,
        )
        return display.plot(ax, **plot_kw)

    @classmethod
    def from_curves(
        cls,
        loss: ArrayLike,
        validation: ArrayLike | None = None,
        best_iter: int | None = None,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw loss curves given as numbers, for example as a callback has recorded them.

        Parameters
        ----------
        loss : array-like of shape (n_epochs,)
            Training loss of each epoch.
        validation : array-like of shape (n_epochs,), default=None
            Validation loss after each epoch. None draws no validation curve.
        best_iter : int, default=None
            The epoch to mark, counted from 1. None marks no epoch.
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        name : str, default=None
            Name of the fit in the legend. None leaves it out.
        **plot_kw : dict
            Further keyword arguments of `plot`.

        Returns
        -------
        display : LossCurveDisplay
            The display with the curves drawn.

        See Also
        --------
        from_estimator : Draw the curves of a fitted estimator.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skbackprop.plotting import LossCurveDisplay
        >>> display = LossCurveDisplay.from_curves([1.0, 0.5, 0.3], [1.1, 0.6, 0.7], best_iter=2)
        >>> display.best_.get_label()
        'best epoch: 2'
        >>> plt.close(display.figure_)
        """
        return cls(loss=loss, validation=validation, best_iter=best_iter, name=name).plot(ax, **plot_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        log_scale: bool = False,
        training_kw: dict[str, Any] | None = None,
        validation_kw: dict[str, Any] | None = None,
        best_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic.
        training_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.plot` for the training curve.
        validation_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.plot` for the validation curve.
        best_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.plot` for the mark of the best epoch.

        Returns
        -------
        self : LossCurveDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the curves and `best_iter` do not match, or a loss is not positive and `log_scale` is True.

        See Also
        --------
        from_estimator : Draw the curves of a fitted estimator.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skbackprop.plotting import LossCurveDisplay
        >>> display = LossCurveDisplay(loss=[1.0, 0.1, 0.01]).plot(log_scale=True, training_kw={"color": "black"})
        >>> display.ax_.get_yscale()
        'log'
        >>> plt.close(display.figure_)
        """
        plt = import_pyplot(self)
        loss, validation = self._checked_curves(log_scale)
        self.ax_ = plt.subplots(layout="constrained")[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        self.training_line_ = self._draw_curve("training", loss, self.loss_start, training_kw)
        color = {"color": self.training_line_.get_color()}
        self.validation_line_ = None
        if validation is not None:
            style = color | {"linestyle": "--"} | (validation_kw or {})
            self.validation_line_ = self._draw_curve("validation", validation, self.validation_start, style)
        self.best_ = None
        if self.best_iter is not None:
            curve, start = self._marked_curve(loss, validation)
            label = self._label(f"best epoch: {self.best_iter}")
            style = color | {"label": label, "marker": "o", "linestyle": "none", "zorder": 3} | (best_kw or {})
            (self.best_,) = self.ax_.plot([self.best_iter], [curve[self.best_iter - start - 1]], **style)
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear")
        self.ax_.locator_params(axis="x", integer=True)
        self.ax_.legend()
        return self

    def _draw_curve(self, label: str, curve: np.ndarray, start: int, kw: dict[str, Any] | None) -> Any:
        """Draw a curve whose first value comes after `start` epochs, and return its line."""
        style: dict[str, Any] = {"label": self._label(label), "linewidth": 1.5}
        if len(curve) == 1:
            style["marker"] = "."  # a line through one point is invisible
        (line,) = self.ax_.plot(start + np.arange(1, len(curve) + 1), curve, **style | (kw or {}))
        return line

    def _label(self, curve: str) -> str:
        return curve if self.name is None else f"{self.name}, {curve}"

    def _marked_curve(self, loss: np.ndarray, validation: np.ndarray | None) -> tuple[np.ndarray, int]:
        """Return the curve on which the best epoch is marked, and the number of epochs before its first value."""
        if validation is None:
            return loss, self.loss_start
        return validation, self.validation_start

    def _checked_curves(self, log_scale: bool) -> tuple[np.ndarray, np.ndarray | None]:
        loss = _checked_curve("loss", self.loss)
        validation = None if self.validation is None else _checked_curve("validation", self.validation)
        if log_scale:
            lowest = min(np.nanmin(curve) for curve in (loss, validation) if curve is not None)
            if lowest <= 0:
                raise ValueError(f"A logarithmic axis cannot show a loss of {lowest:g}; use log_scale=False.")
        curve, start = self._marked_curve(loss, validation)
        if self.best_iter is not None and not start < self.best_iter <= start + len(curve):
            kind = "training" if validation is None else "validation"
            raise ValueError(
                f"best_iter={self.best_iter} must be an epoch of the {kind} curve, from {start + 1} to "
                f"{start + len(curve)}."
            )
        return loss, validation


def _checked_curve(name: str, values: ArrayLike) -> np.ndarray:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or not curve.size:
        raise ValueError(f"{name} must be one-dimensional with at least one value, got shape {curve.shape}.")
    return curve
