"""The curves of a training: loss by epoch, of the training rows and of rows held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..inspection._trace import check_network
from ._utils import import_pyplot


class LossCurveDisplay:
    """Loss by epoch, of the training rows and of rows held out, with the best epoch marked.

    Made by `from_estimator` or, of lists of numbers, by `from_curves`. To compare several fits, draw each on the
    `ax_` of the one before with a `name` of its own.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Training loss of each epoch.
    validation : array-like of shape (n_validated,), default=None
        Loss of held-out rows after each epoch.
    best_iter : int, default=None
        The epoch to mark, counted from 1.
    validation_start : int, default=0
        Epochs made before the first of `validation`: those of earlier calls, with ``warm_start=True``.
    loss_start : int, default=0
        Epochs made before the first of `loss`: those that a long stream has forgotten.
    name : str, default=None
        What the legend calls this fit.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Where that is.
    training_line_ : matplotlib Line2D
        The training curve.
    validation_line_, best_ : matplotlib Line2D or None
        The curve of the held-out rows and the mark of the best epoch, if there are.

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
    ):
        self.loss = loss
        self.validation = validation
        self.best_iter = best_iter
        self.validation_start = validation_start
        self.loss_start = loss_start
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name: str | None = None, **plot_kw) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted.
        ax, **plot_kw
            See `plot`.
        name : str, default=None
            What the legend calls this fit.

        Returns
        -------
        display : LossCurveDisplay
            With the curves drawn.

        Raises
        ------
        TypeError
            If `estimator` is none of this package.
        NotFittedError
            If it is not fitted.
        """
        check_network(estimator)
        validation, start = estimator.validation_loss_curve_, estimator._state.validation_start
        was_watched = validation is not None and estimator.best_iter_ <= start + len(validation)
        display = cls(
            loss=estimator.loss_curve_,
            validation=validation,
            best_iter=estimator.best_iter_ if was_watched else None,  # not so after partial_fit
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
        ax=None,
        name: str | None = None,
        **plot_kw,
    ) -> Self:
        """Draw curves given as numbers, as a callback may have collected them.

        Parameters
        ----------
        loss, validation, best_iter, name
            See `LossCurveDisplay`.
        ax, **plot_kw
            See `plot`.

        Returns
        -------
        display : LossCurveDisplay
            With the curves drawn.
        """
        return cls(loss=loss, validation=validation, best_iter=best_iter, name=name).plot(ax, **plot_kw)

    def plot(
        self,
        ax=None,
        *,
        log_scale: bool = False,
        training_kw: dict | None = None,
        validation_kw: dict | None = None,
        best_kw: dict | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic.
        training_kw, validation_kw, best_kw : dict, default=None
            Keywords of `matplotlib.axes.Axes.plot` for the two curves and the mark.

        Returns
        -------
        self : LossCurveDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the curves and `best_iter` do not fit together, or a loss has no logarithm.
        """
        plt = import_pyplot(self)
        loss, validation = self._checked_curves(log_scale)
        self.ax_ = plt.subplots(layout="constrained")[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        epochs = self.loss_start + np.arange(1, len(loss) + 1)
        (self.training_line_,) = self.ax_.plot(
            epochs, loss, **{"label": self._label("training"), "linewidth": 1.5} | _marked(loss) | (training_kw or {})
        )
        style = {"color": self.training_line_.get_color()}
        self.validation_line_ = self.best_ = None
        if validation is not None:
            (self.validation_line_,) = self.ax_.plot(
                self.validation_start + np.arange(1, len(validation) + 1),
                validation,
                **style
                | {"label": self._label("validation"), "linestyle": "--"}
                | _marked(validation)
                | (validation_kw or {}),
            )
        if self.best_iter is not None:
            curve, start = (loss, self.loss_start) if validation is None else (validation, self.validation_start)
            label = self._label(f"best epoch: {self.best_iter}")
            (self.best_,) = self.ax_.plot(
                [self.best_iter],
                [curve[self.best_iter - start - 1]],
                **style | {"label": label, "marker": "o", "linestyle": "none", "zorder": 3} | (best_kw or {}),
            )
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.legend()
        return self

    def _label(self, curve: str) -> str:
        return curve if self.name is None else f"{self.name}, {curve}"

    def _checked_curves(self, log_scale):
        loss = _curve("loss", self.loss)
        validation = None if self.validation is None else _curve("validation", self.validation)
        if log_scale:
            lowest = min(np.nanmin(curve) for curve in (loss, validation) if curve is not None)
            if lowest <= 0:
                raise ValueError(f"A loss of {lowest:g} has no place on a logarithmic axis; use log_scale=False.")
        curve, start = (loss, self.loss_start) if validation is None else (validation, self.validation_start)
        if self.best_iter is not None and not start < self.best_iter <= start + len(curve):
            raise ValueError(
                f"best_iter={self.best_iter} is no epoch of the curve to mark, {start + 1} to {start + len(curve)}."
            )
        return loss, validation


def _marked(curve: np.ndarray) -> dict[str, str]:
    """Return how to draw a curve so that it can be seen: one epoch makes no line."""
    return {"marker": "."} if len(curve) == 1 else {}


def _curve(name: str, values: Sequence[float]) -> np.ndarray:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or not curve.size:
        raise ValueError(f"{name} must be a list of at least one number, got shape {curve.shape}.")
    return curve
