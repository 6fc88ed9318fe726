"""The weights of a network: a histogram for each layer, or images of the weights of the first layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._estimators.fitted_model import fitted_model
from ._utils import COLORMAP, fitting_points, import_pyplot, panel_axes, settle_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor

#: Number of units of the first layer that are drawn as images by default.
N_IMAGES = 16
#: Columns of the grid, width and height of a panel in inches, and the space between panels, for histograms.
HISTOGRAM_COLUMNS = 3
HISTOGRAM_SIZE = (2.8, 2.4)
HISTOGRAM_SPACE = (0.4, 0.5)
#: Width or height in inches below which histograms have few and small tick labels, and the size of these in points.
SMALL_PANEL = 1.3
SMALL_LABELS = 7
#: Columns, panels and space for images.
IMAGE_COLUMNS = 8
IMAGE_SIZE = (1.1, 1.25)
IMAGE_SPACE = (0.05, 0.2)


class WeightsDisplay:
    """Histograms of the weights of each layer, or images of the weights of the first layer.

    Create it with `from_estimator`. There is one image for each unit of the first layer, with the weights of its
    inputs. All images have the same color scale, which is centered on 0.

    Parameters
    ----------
    coefs : list of array-like of shape (n_inputs, n_units)
        Weights of each layer.
    image_shape : tuple of (int, int), default=None
        Numbers of rows and columns of pixels, for inputs that are the pixels of an image. None draws histograms.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One axes for each layer or unit, of shape (n_rows, n_columns) or in the shape of `ax`. Entries of the grid
        without a panel are None.
    bounding_ax_ : matplotlib Axes or None
        The axes that was divided into `axes_`; None if several axes were passed.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    histograms_ : list of matplotlib BarContainer or None
        The bars of each layer; None if images are drawn.
    images_ : list of matplotlib AxesImage or None
        The image of each unit; None if histograms are drawn.
    colorbar_ : matplotlib Colorbar or None
        The color scale of the images; None without one.

    See Also
    --------
    NetworkDisplay : Draws units and weights of a small network.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plotting import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> network = BackpropClassifier(12, max_iter=5, tol=None, random_state=0).fit(X, y)
    >>> display = WeightsDisplay.from_estimator(network, image_shape=(8, 8), n_cols=4)
    >>> display.axes_.shape
    (3, 4)
    >>> plt.close(display.figure_)
    """

    def __init__(self, *, coefs: Sequence[ArrayLike], image_shape: tuple[int, int] | None = None) -> None:
        self.coefs = coefs
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: BackpropRegressor | BackpropClassifier,
        *,
        image_shape: tuple[int, int] | None = None,
        standardized: bool = True,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The fitted estimator.
        image_shape : tuple of (int, int), default=None
            Numbers of rows and columns of pixels, for inputs that are the pixels of an image. None draws histograms.
        standardized : bool, default=True
            Whether to draw the weights for standardized inputs and target, which can be compared with each other.
            False draws `coefs_`, where an input with a small variance has large weights.
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw on. A single axes is divided into panels; of several, each is a panel. None creates a new
            figure.
        **plot_kw : dict
            Further keyword arguments of `plot`.

        Returns
        -------
        display : WeightsDisplay
            The display with the weights drawn.

        Raises
        ------
        TypeError
            If `estimator` is not a BackpropRegressor or BackpropClassifier.
        NotFittedError
            If the estimator is not fitted.

        See Also
        --------
        plot : Draw the weights of the display again.
        """
        model = fitted_model(estimator)
        layers = model.internal_layers() if standardized else model.layers()
        return cls(coefs=[layer.W for layer in layers], image_shape=image_shape).plot(ax, **plot_kw)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | np.ndarray | None = None,
        *,
        units: Sequence[int] | None = None,
        n_cols: int | None = None,
        hist_kw: dict[str, Any] | None = None,
        imshow_kw: dict[str, Any] | None = None,
        colorbar: bool = True,
    ) -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes to draw on. A single axes is divided into panels; of several, each is a panel. None creates a new
            figure.
        units : sequence of int, default=None
            Indices of the units of the first layer whose images are drawn. None draws the first 16.
        n_cols : int, default=None
            Number of columns of the grid into which a single axes is divided. None means 3 for histograms and 8 for
            images in a new figure, and the number with the largest panels in axes that are passed.
        hist_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.hist`.
        imshow_kw : dict, default=None
            Keyword arguments of `matplotlib.axes.Axes.imshow`.
        colorbar : bool, default=True
            Whether to draw the color scale of the images.

        Returns
        -------
        self : WeightsDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `image_shape`, `units` or the number of axes does not match the weights.

        See Also
        --------
        from_estimator : Draw the weights of a fitted estimator.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skbackprop.plotting import WeightsDisplay
        >>> display = WeightsDisplay(coefs=[[[0.5, -1.0], [0.0, 2.0]], [[1.0], [3.0]]]).plot(hist_kw={"bins": 5})
        >>> [ax.get_title() for ax in display.axes_.flat]
        ['layer 1: 2 by 2', 'layer 2: 2 by 1']
        >>> plt.close(display.figure_)
        """
        plt = import_pyplot(self)
        coefs = [np.asarray(W) for W in self.coefs]
        self.histograms_: list[Any] | None = None
        self.images_: list[Any] | None = None
        self.colorbar_: Any = None
        if self.image_shape is None:
            self._make_panels(plt, ax, len(coefs), n_cols, HISTOGRAM_COLUMNS, HISTOGRAM_SIZE, HISTOGRAM_SPACE)
            self.histograms_ = self._draw_histograms(coefs, {"bins": 30} | (hist_kw or {}))
        else:
            indices = self._checked_units(coefs[0], units, self.image_shape)
            self._make_panels(plt, ax, len(indices), n_cols, IMAGE_COLUMNS, IMAGE_SIZE, IMAGE_SPACE)
            self.images_ = self._draw_images(coefs[0], indices, self.image_shape, imshow_kw or {})
            if colorbar:
                self.colorbar_ = self.figure_.colorbar(self.images_[0], ax=self._panels, label="weight")
        self._fit_texts()
        return self

    def _make_panels(self, plt: ModuleType, ax: Any, *grid: Any) -> None:
        self.axes_, self.bounding_ax_ = panel_axes(plt, ax, *grid)
        self._panels = [panel for panel in self.axes_.flat if panel is not None]
        self.figure_ = self._panels[0].figure

    def _fit_texts(self) -> None:
        """Make titles as narrow as their panels, and leave out labels of ticks that small panels have no space for."""
        settle_layout(self._panels[0])
        label = self._panels[0].yaxis.label
        height = self._panels[0].get_window_extent().height
        label.set_fontsize(fitting_points(height / self.figure_.dpi, label.get_text(), label.get_fontsize()))
        for panel in self._panels:
            width, height = panel.get_window_extent().size / self.figure_.dpi
            panel.title.set_fontsize(fitting_points(width, panel.get_title(), panel.title.get_fontsize()))
            if self.histograms_ is not None and min(width, height) < SMALL_PANEL:
                panel.locator_params(nbins=3)
                panel.tick_params(labelsize=SMALL_LABELS)

    def _draw_histograms(self, coefs: list[np.ndarray], hist_kw: dict[str, Any]) -> list[Any]:
        histograms = []
        for level, (panel, W) in enumerate(zip(self._panels, coefs, strict=True), start=1):
            histograms.append(panel.hist(W.ravel(), **hist_kw)[2])
            panel.set_title(f"layer {level}: {W.shape[0]} by {W.shape[1]}")
        n_cols = self.axes_.shape[-1] if self.bounding_ax_ is not None else len(self._panels)
        for panel in self._panels[-n_cols:]:  # those without another panel below
            panel.set_xlabel("weight")
        self._panels[0].set_ylabel("number of weights")
        return histograms

    def _checked_units(self, W: np.ndarray, units: Sequence[int] | None, image_shape: tuple[int, int]) -> list[int]:
        n_inputs, n_units = W.shape
        n_pixels = math.prod(image_shape)
        if n_pixels != n_inputs:
            raise ValueError(f"image_shape={image_shape} has {n_pixels} pixels, but the network has {n_inputs} inputs.")
        indices = list(range(min(N_IMAGES, n_units)) if units is None else units)
        if not indices or not all(0 <= unit < n_units for unit in indices):
            raise ValueError(
                f"units must contain at least one index of a unit of the first layer, from 0 to {n_units - 1}, "
                f"got {indices}."
            )
        return indices

    def _draw_images(
        self, W: np.ndarray, units: list[int], image_shape: tuple[int, int], imshow_kw: dict[str, Any]
    ) -> list[Any]:
        largest = np.abs(W[:, units]).max()
        style = {"cmap": COLORMAP, "vmin": -largest, "vmax": largest} | imshow_kw
        images = []
        for panel, unit in zip(self._panels, units, strict=True):
            images.append(panel.imshow(W[:, unit].reshape(image_shape), **style))
            panel.set(xticks=[], yticks=[])
            panel.set_title(f"unit {unit}", fontsize="small")
        return images
