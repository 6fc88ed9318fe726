"""The weights of a network: as a histogram for each layer, or those of the first layer as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..inspection._trace import check_network
from ._utils import COLORMAP, import_pyplot, panel_axes


class WeightsDisplay:
    """Histograms of the weights of each layer, or the weights into each unit of the first layer as an image.

    Made by `from_estimator`. Images have one symmetric scale of colours, white at 0.

    Parameters
    ----------
    coefs : list of array-like
        Weights of each layer, of shape (units of the layer before, units).
    image_shape : tuple of (int, int), default=None
        Rows and columns of the images that the inputs are; None draws histograms.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each layer or unit, of shape (rows, columns) or that of `ax`; None where a grid has no panel.
    bounding_ax_ : matplotlib Axes or None
        What was divided into `axes_`; None if they were given.
    figure_ : matplotlib Figure
        Where they are.
    histograms_ : list of matplotlib BarContainer or None
        The bars of each layer.
    images_ : list of matplotlib AxesImage or None
        The images.
    colorbar_ : matplotlib Colorbar or None
        The scale of their colours.

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

    def __init__(self, *, coefs: Sequence[ArrayLike], image_shape: tuple[int, int] | None = None):
        self.coefs = coefs
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls, estimator, *, image_shape: tuple[int, int] | None = None, standardized: bool = True, ax=None, **plot_kw
    ) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted.
        image_shape : tuple of (int, int), default=None
            See `WeightsDisplay`.
        standardized : bool, default=True
            Whether to draw the weights inside, of standardised inputs and target, whose sizes can be compared; False
            draws `coefs_`, in which an input that hardly varies has large weights.
        ax, **plot_kw
            See `plot`.

        Returns
        -------
        display : WeightsDisplay
            With the weights drawn.

        Raises
        ------
        TypeError
            If `estimator` is none of this package.
        NotFittedError
            If it is not fitted.
        """
        check_network(estimator)
        layers = estimator._standardized_layers() if standardized else estimator._layers()
        return cls(coefs=[layer.W for layer in layers], image_shape=image_shape).plot(ax, **plot_kw)

    def plot(
        self,
        ax=None,
        *,
        units: Sequence[int] | None = None,
        n_cols: int | None = None,
        hist_kw: dict | None = None,
        imshow_kw: dict | None = None,
        colorbar: bool = True,
    ) -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One is divided into panels; of several, each is a panel. None makes a new figure.
        units : sequence of int, default=None
            Which units of the first layer to draw as images; None is the first 16.
        n_cols : int, default=None
            Columns of the grid that an axes is divided into; None is 3 for histograms and 8 for images.
        hist_kw : dict, default=None
            Keywords of `matplotlib.axes.Axes.hist`.
        imshow_kw : dict, default=None
            Keywords of `matplotlib.axes.Axes.imshow`.
        colorbar : bool, default=True
            Whether images have a colour bar.

        Returns
        -------
        self : WeightsDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `image_shape`, `units` or the number of axes does not fit.
        """
        plt = import_pyplot(self)
        coefs = [np.asarray(W) for W in self.coefs]
        self.histograms_ = self.images_ = self.colorbar_ = None
        if self.image_shape is None:
            self._open(plt, ax, len(coefs), n_cols or 3, (2.8, 2.4))
            self._draw_histograms(coefs, {"bins": 30} | (hist_kw or {}))
        else:
            units = self._checked_units(coefs[0], units)
            self._open(plt, ax, len(units), n_cols or 8, (1.1, 1.25))
            self._draw_images(coefs[0], units, imshow_kw or {}, colorbar)
        return self

    def _open(self, plt, ax, n_panels, n_cols, panel_inches):
        self.axes_, self.bounding_ax_ = panel_axes(plt, ax, n_panels, n_cols, panel_inches)
        self._panels = [panel for panel in self.axes_.flat if panel is not None]
        self.figure_ = self._panels[0].figure

    def _draw_histograms(self, coefs, hist_kw):
        self.histograms_ = []
        for level, (panel, W) in enumerate(zip(self._panels, coefs, strict=True), start=1):
            self.histograms_.append(panel.hist(W.ravel(), **hist_kw)[2])
            panel.set_title(f"layer {level}: {W.shape[0]} by {W.shape[1]}")
            panel.set_xlabel("weight")
        self._panels[0].set_ylabel("number of weights")

    def _checked_units(self, W, units):
        if math.prod(self.image_shape) != len(W):
            raise ValueError(
                f"image_shape={self.image_shape} has {math.prod(self.image_shape)} pixels for {len(W)} inputs."
            )
        units = range(min(16, W.shape[1])) if units is None else list(units)
        wrong = [unit for unit in units if not 0 <= unit < W.shape[1]]
        if wrong or not units:
            raise ValueError(f"units={units} must be some of the {W.shape[1]} of the first layer, counted from 0.")
        return units

    def _draw_images(self, W, units, imshow_kw, colorbar):
        largest = np.abs(W[:, units]).max()
        style = {"cmap": COLORMAP, "vmin": -largest, "vmax": largest} | imshow_kw
        self.images_ = []
        for panel, unit in zip(self._panels, units, strict=True):
            self.images_.append(panel.imshow(W[:, unit].reshape(self.image_shape), **style))
            panel.set(xticks=[], yticks=[])
            panel.set_title(f"unit {unit}", fontsize="small")
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(self.images_[0], ax=self._panels, label="weight")
