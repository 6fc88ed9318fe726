"""Learning curves: the training and the validation loss by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from .._estimators.fitted_members import fitted_members
from .._estimators.fitted_model import fitted_model
from ._utils import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor
    from ..ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

#: Width of the line of a single network, and of each network of several.
LINE_WIDTH, THIN_LINE_WIDTH = 1.5, 0.8
#: Size of the mark of the best epoch of each network of several.
SMALL_MARK = 3.5


class Curves(NamedTuple):
    """The loss curves of one network; the arguments of `LossCurveDisplay`.

    Attributes
    ----------
    loss : array-like of shape (n_epochs,)
    validation : array-like of shape (n_validated,) or None
    best_iter : int or None
    validation_start, loss_start : int
    """

    loss: Any
    validation: Any = None
    best_iter: int | None = None
    validation_start: int = 0
    loss_start: int = 0

    @property
    def best_point(self) -> tuple[float, float] | None:
        """The best epoch and its loss: on the validation curve, if there is one."""
        if self.best_iter is None:
            return None
        curve, start = self.marked
        return self.best_iter, curve[self.best_iter - start - 1]

    @property
    def marked(self) -> tuple[Any, int]:
        """The curve on which the best epoch is marked, and the number of epochs before its first value."""
        return (self.loss, self.loss_start) if self.validation is None else (self.validation, self.validation_start)


class LossCurveDisplay:
    """Training and validation loss by epoch, with the best epoch marked.

    Both are mean losses of samples, without the penalty `alpha`, so that they can be compared. The training loss of an
    epoch is measured while the weights change, with dropout if there is any; the validation loss is measured after it.

    Create it with `from_estimator`, or with `from_curves` from lists of numbers. To compare several fits, draw each of
    them on the same axes with a different `name`.

    The networks of an ensemble are drawn as thin lines, all training curves in one color and all validation curves in
    another. Each parameter but `name` is a list then, with an entry for each network, or None for all of them.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,), or list of them
        Training loss of each epoch.
    validation : array-like of shape (n_validated,), or list of them or None, default=None
        Validation loss after each epoch. None draws no validation curve.
    best_iter : int, or list of int or None, default=None
        The epoch to mark, counted from 1. None marks no epoch.
    validation_start : int or list of int, default=0
        Number of epochs before the first value of `validation`. It is above 0 after a fit with ``warm_start=True``,
        which records validation losses anew.
    loss_start : int or list of int, default=0
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
    training_line_ : matplotlib Line2D, or list of them
        The training curve; a list of those of several networks.
    validation_line_ : matplotlib Line2D, list of them, or None
        The validation curve; None without validation losses.
    best_ : matplotlib Line2D or None
        The mark of the best epoch, or the marks of all networks; None if no epoch is marked.

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
        loss: ArrayLike | Sequence[ArrayLike],
        validation: ArrayLike | Sequence[ArrayLike | None] | None = None,
        best_iter: int | Sequence[int | None] | None = None,
        validation_start: int | Sequence[int] = 0,
        loss_start: int | Sequence[int] = 0,
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
        estimator: BackpropRegressor | BackpropClassifier | BackpropEnsembleRegressor | BackpropEnsembleClassifier,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw the loss curves of a fitted estimator, or those of all networks of an ensemble.

        Parameters
        ----------
        estimator : BackpropRegressor, BackpropClassifier, or an ensemble of them
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

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_iris
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.ensemble import BackpropEnsembleClassifier
        >>> from skbackprop.plotting import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> ensemble = BackpropEnsembleClassifier(BackpropClassifier(10), 3, candidates=None, random_state=0).fit(X, y)
        >>> display = LossCurveDisplay.from_estimator(ensemble)
        >>> len(display.training_line_)
        3
        >>> plt.close(display.figure_)
        """
        curves = [_curves_of(network) for network in fitted_members(estimator).networks]
        columns = curves[0] if len(curves) == 1 else map(list, zip(*curves, strict=True))
        loss, validation, best_iter, validation_start, loss_start = columns
        display = cls(
            loss=loss,
            validation=validation,
            best_iter=best_iter,
            validation_start=validation_start,
            loss_start=loss_start,
            name=name,
        )
        return display.plot(ax, **plot_kw)

    @classmethod
    def from_curves(
        cls,
        loss: ArrayLike | Sequence[ArrayLike],
        validation: ArrayLike | Sequence[ArrayLike | None] | None = None,
        best_iter: int | Sequence[int | None] | None = None,
        *,
        ax: Axes | None = None,
        name: str | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw loss curves given as numbers, for example as a callback has recorded them.

        Parameters
        ----------
        loss : array-like of shape (n_epochs,), or list of them
            Training loss of each epoch; a list of those of several networks.
        validation : array-like of shape (n_epochs,), or list of them or None, default=None
            Validation loss after each epoch. None draws no validation curve.
        best_iter : int, or list of int or None, default=None
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
            Keyword arguments of `matplotlib.axes.Axes.plot` for the training curve, or for those of all networks.
        validation_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.plot` for the validation curve, or for those of all networks.
        best_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.plot` for the mark of the best epoch, or for all marks.

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
        networks = [_checked(curves, log_scale) for curves in self._networks()]
        self.ax_ = plt.subplots(layout="constrained")[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        training = self._draw_curves("training", [(n.loss, n.loss_start) for n in networks], {}, training_kw)
        validated = [(n.validation, n.validation_start) for n in networks if n.validation is not None]
        style = {} if self._has_several else {"color": training[0].get_color(), "linestyle": "--"}
        validation = self._draw_curves("validation", validated, style, validation_kw)
        points = [n.best_point for n in networks if n.best_point is not None]
        self.best_ = self._mark(points, (validation or training)[0].get_color(), best_kw) if points else None
        self.training_line_ = training if self._has_several else training[0]
        self.validation_line_ = (validation if self._has_several else validation[0]) if validation else None
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear")
        self.ax_.locator_params(axis="x", integer=True)
        self.ax_.legend()
        return self

    @property
    def _has_several(self) -> bool:
        """Whether the curves are lists of those of several networks."""
        return np.iterable(self.loss) and np.ndim(next(iter(self.loss), 0.0)) > 0

    def _networks(self) -> list[Curves]:
        """Return the curves of each network."""
        columns: list[Any] = [self.loss, self.validation, self.best_iter, self.validation_start, self.loss_start]
        if not self._has_several:
            return [Curves(*columns)]
        n_networks = len(columns[0])
        columns = [list(value) if np.iterable(value) else [value] * n_networks for value in columns]
        if any(len(values) != n_networks for values in columns):
            raise ValueError(f"loss has the curves of {n_networks} networks; the other lists need as many entries.")
        return list(map(Curves, *columns))

    def _draw_curves(
        self, label: str, curves: list[tuple[np.ndarray, int]], style: dict[str, Any], kw: dict[str, Any] | None
    ) -> list[Any]:
        """Draw curves, given with the number of epochs before each, in one color, and return their lines."""
        width = THIN_LINE_WIDTH if self._has_several else LINE_WIDTH
        style = {"label": self._label(label), "linewidth": width} | style | _line_kw(kw)
        lines: list[Any] = []
        for curve, start in curves:
            visible: dict[str, Any] = {"marker": "."} if len(curve) == 1 else {}  # a line through one point is not
            lines += self.ax_.plot(start + np.arange(1, len(curve) + 1), curve, **visible | style)
            style |= {"color": lines[0].get_color(), "label": "_nolegend_"}  # one entry in the legend is enough
        return lines

    def _mark(self, points: list[tuple[float, float]], color: Any, kw: dict[str, Any] | None) -> Any:
        """Mark the best epochs, and return the marks."""
        epochs, losses = zip(*points, strict=True)
        first, last = min(epochs), max(epochs)
        label = f"best epoch: {first}" if first == last else f"best epochs: {first} to {last}"
        style = {"color": color, "label": self._label(label), "marker": "o", "linestyle": "none", "zorder": 3}
        if self._has_several:
            style["markersize"] = SMALL_MARK
        (marks,) = self.ax_.plot(epochs, losses, **style | _line_kw(kw))
        return marks

    def _label(self, curve: str) -> str:
        return curve if self.name is None else f"{self.name}, {curve}"


def _curves_of(network: Any) -> Curves:
    """Return the loss curves of a fitted network."""
    validation, start = network.validation_loss_curve_, fitted_model(network).state.validation_start
    # After `partial_fit`, the weights are from an epoch that comes after all validated ones.
    has_best = validation is not None and network.best_iter_ <= start + len(validation)
    return Curves(
        loss=np.subtract(network.loss_curve_, network.penalty_curve_),
        validation=validation,
        best_iter=network.best_iter_ if has_best else None,
        validation_start=start,
        loss_start=network.n_iter_ - len(network.loss_curve_),
    )


def _line_kw(kw: dict[str, Any] | None) -> dict[str, Any]:
    """Return keyword arguments of lines under their full names, so that they replace defaults."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return normalize_kwargs(kw or {}, Line2D)


def _checked(curves: Curves, log_scale: bool) -> Curves:
    """Return the curves of a network as arrays, after checking them."""
    loss = _checked_curve("loss", curves.loss)
    validation = None if curves.validation is None else _checked_curve("validation", curves.validation)
    if log_scale:
        lowest = min(np.nanmin(curve) for curve in (loss, validation) if curve is not None)
        if lowest <= 0:
            raise ValueError(f"A logarithmic axis cannot show a loss of {lowest:g}; use log_scale=False.")
    curves = curves._replace(loss=loss, validation=validation)
    marked, start = curves.marked
    if curves.best_iter is not None and not start < curves.best_iter <= start + len(marked):
        kind = "training" if validation is None else "validation"
        raise ValueError(
            f"best_iter={curves.best_iter} must be an epoch of the {kind} curve, from {start + 1} to "
            f"{start + len(marked)}."
        )
    return curves


def _checked_curve(name: str, values: ArrayLike) -> np.ndarray:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or not curve.size:
        raise ValueError(f"{name} must be one-dimensional with at least one value, got shape {curve.shape}.")
    return curve
