"""The network as a drawing: units in columns, weights as lines, and the numbers of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from .._estimators.fitted_model import FittedModel, fitted_model
from .._typing import MatrixLike
from ..activations import ACTIVATIONS
from ..inspection._trace import SampleTrace, trace_sample
from ._network_drawing import Drawing, Picture, fitting_drawing
from ._network_layout import crowding
from ._utils import COLORMAP, import_pyplot, settle_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from .._estimators.classifier import BackpropClassifier
    from .._estimators.regressor import BackpropRegressor

#: With values="auto", the weights are written if at most this many edges share the space between two adjacent units.
MAX_CROWDING = 4


class NetworkDisplay:
    """Drawing of a network as in a lecture: units in columns, weights as lines, and the numbers of one sample.

    Create it with `from_estimator`. The width of a line shows the absolute value of its weight, and the color its
    sign: red is positive, blue is negative. Intercepts are drawn as the weights of a unit whose output is 1. Of wide
    layers, only the first and the last units are drawn.

    Parameters
    ----------
    coefs : list of array-like of shape (n_inputs, n_units)
        Weights of each layer.
    intercepts : list of array-like of shape (n_units,)
        Intercepts of each layer.
    feature_names : sequence of str, default=None
        Names of the inputs. None draws no names.
    output_names : sequence of str, default=None
        Names of the outputs. None draws no names.
    activations : sequence of str, default=None
        Names of the activations of the hidden layers and of the output layer. None draws no names.
    trace : SampleTrace, default=None
        The values of one sample in the network. None draws the weights only.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    edges_ : list of matplotlib LineCollection
        The drawn weights and intercepts of each layer, in the order of their absolute values.
    nodes_ : list of list of matplotlib Circle
        The drawn units of each layer, inputs included.
    node_texts_ : list of list of list of matplotlib Text
        The texts of each drawn unit.
    weight_texts_ : list of ndarray of matplotlib Text
        The values of the weights of each layer, of shape (n_drawn_inputs + 1, n_drawn_units), intercepts last. Empty
        if no values are written.
    gradient_texts_ : list of ndarray of matplotlib Text
        The derivatives with respect to the weights of each layer, in the same shape as `weight_texts_`. Empty if no
        derivatives are written.
    colorbar_ : matplotlib Colorbar or None
        The color scale of the weights; None without one.

    See Also
    --------
    WeightsDisplay : Draws the weights of a large network.
    skbackprop.inspection.backprop_table : The derivatives of one sample as a table.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.plotting import NetworkDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = BackpropClassifier(3, max_iter=20, tol=None, random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(network, X[0], y[0])
    >>> [len(nodes) for nodes in display.nodes_]
    [4, 3, 3]
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        *,
        coefs: Sequence[ArrayLike],
        intercepts: Sequence[ArrayLike],
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        activations: Sequence[str] | None = None,
        trace: SampleTrace | None = None,
    ) -> None:
        self.coefs = coefs
        self.intercepts = intercepts
        self.feature_names = feature_names
        self.output_names = output_names
        self.activations = activations
        self.trace = trace

    @classmethod
    def from_estimator(
        cls,
        estimator: BackpropRegressor | BackpropClassifier,
        x: MatrixLike | None = None,
        y: ArrayLike | None = None,
        *,
        standardized: bool | None = None,
        ax: Axes | None = None,
        **plot_kw: Any,
    ) -> Self:
        """Draw the network of a fitted estimator, and the values of one sample in it.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            The fitted estimator.
        x : {array-like, sparse matrix} of shape (n_features,) or (1, n_features), default=None
            A sample. Its pre-activations ("net") and outputs ("out") are written into the units. None draws the
            weights only.
        y : number, label or array-like of shape (n_outputs,), default=None
            The target of the sample. If it is given, the derivatives of the loss with respect to pre-activations
            (delta), inputs and weights are written as well.
        standardized : bool, default=None
            Whether to draw the weights for standardized inputs and target, which can be compared with each other,
            instead of `coefs_`. None draws them if there is no sample. They cannot be drawn together with a sample,
            whose numbers are in the units of the data.
        ax : matplotlib Axes, default=None
            Axes to draw on. None creates a new figure.
        **plot_kw : dict
            Further keyword arguments of `plot`.

        Returns
        -------
        display : NetworkDisplay
            The display with the network drawn.

        Raises
        ------
        TypeError
            If `estimator` is not a BackpropRegressor or BackpropClassifier.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `x` is not one sample, or `y` is not its target.

        See Also
        --------
        plot : Draw the network of the display again.
        """
        model = fitted_model(estimator)
        if x is None and y is not None:
            raise ValueError(f"y={y!r} was passed without x; pass the sample as well.")
        if x is not None and standardized:
            raise ValueError("A sample cannot be drawn with standardized=True; omit x, or use standardized=False.")
        if standardized is None:
            standardized = x is None
        layers = model.internal_layers() if standardized else model.layers()
        display = cls(
            coefs=[layer.W for layer in layers],
            intercepts=[layer.b for layer in layers],
            feature_names=getattr(estimator, "feature_names_in_", None),
            output_names=model.output_names if is_classifier(estimator) else None,
            activations=_activation_names(model),
            trace=None if x is None else trace_sample(estimator, x, y),
        )
        return display.plot(ax, **plot_kw)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_units: int = 8,
        values: bool | str = "auto",
        values_format: str = ".3g",
        cmap: str | Colormap = COLORMAP,
        colorbar: bool = True,
        edge_kw: dict[str, Any] | None = None,
        node_kw: dict[str, Any] | None = None,
        text_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; the drawing is scaled to fit. On axes that are too small for text of 6 points, the drawing
            has less detail: weights are not written if `values` is "auto", columns are closer together, units have no
            symbols, and fewer units are drawn. None creates a figure in which text has a size of 8 points.
        max_units : int, default=8
            Largest number of units drawn for a layer, at least 3. Of a wider layer, the first and the last units and an
            ellipsis are drawn.
        values : bool or "auto", default="auto"
            Whether to write the value of each weight and, if there is one, its derivative. "auto" writes them for
            small networks.
        values_format : str, default=".3g"
            Format specification of all numbers.
        cmap : str or Colormap, default="coolwarm"
            Color map of the weights, centered on 0.
        colorbar : bool, default=True
            Whether to draw the color scale. It covers the weights, but not the intercepts.
        edge_kw : dict, default=None
            Keyword arguments of `matplotlib.collections.LineCollection` for the weights.
        node_kw : dict, default=None
            Keyword arguments of `matplotlib.patches.Circle` for the units.
        text_kw : dict, default=None
            Keyword arguments of `matplotlib.text.Text` for all texts.

        Returns
        -------
        self : NetworkDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a parameter is out of its range, or names do not match the network.

        See Also
        --------
        from_estimator : Draw the network of a fitted estimator.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skbackprop.plotting import NetworkDisplay
        >>> display = NetworkDisplay(coefs=[[[0.5], [-1.0]]], intercepts=[[2.0]]).plot(values=True)
        >>> display.weight_texts_[0][0, 0].get_text()
        '0.5'
        >>> plt.close(display.figure_)
        """
        plt = import_pyplot(self)
        coefs = [np.asarray(W) for W in self.coefs]
        intercepts = [np.asarray(b) for b in self.intercepts]
        layer_sizes = [len(coefs[0]), *map(len, intercepts)]
        self._check(layer_sizes, max_units, values)
        if values == "auto":
            has_values = max(layer_sizes) <= max_units and crowding(layer_sizes) <= MAX_CROWDING
        else:
            has_values = bool(values)
        picture = Picture(
            coefs=coefs,
            intercepts=intercepts,
            feature_names=self.feature_names,
            output_names=self.output_names,
            activations=self.activations,
            trace=self.trace,
            has_values=has_values,
            values_format=values_format,
            max_units=max_units,
            has_colorbar=colorbar,
        )
        if ax is None:
            drawing = Drawing(picture)
            left, right, bottom, top = drawing.frame
            figure = plt.figure(figsize=(right - left, top - bottom))
            ax = figure.add_axes((0, 0, 1, 1))
        else:
            ax.set_axis_off()
            settle_layout(ax)
            drawing = fitting_drawing(picture, ax, keeps_values=values is True)
        drawing.draw(ax, cmap, edge_kw or {}, node_kw or {}, text_kw or {})
        self.ax_ = ax
        self.figure_ = ax.figure
        self.nodes_ = drawing.nodes
        self.node_texts_ = drawing.node_texts
        self.edges_ = drawing.edges
        self.weight_texts_ = drawing.weight_texts
        self.gradient_texts_ = drawing.gradient_texts
        self.colorbar_ = drawing.colorbar
        return self

    def _check(self, layer_sizes: list[int], max_units: int, values: bool | str) -> None:
        if max_units < 3:
            raise ValueError(f"max_units must be at least 3, for two units and an ellipsis, got {max_units}.")
        if values not in (True, False, "auto"):
            raise ValueError(f"values must be True, False or 'auto', got {values!r}.")
        for name, names, n_expected in (
            ("feature_names", self.feature_names, layer_sizes[0]),
            ("output_names", self.output_names, layer_sizes[-1]),
            ("activations", self.activations, len(layer_sizes) - 1),
        ):
            if names is not None and len(names) != n_expected:
                raise ValueError(f"{name} must contain {n_expected} names, got {len(names)}.")


def _activation_names(model: FittedModel) -> list[str]:
    names = {type(activation): name for name, activation in ACTIVATIONS.items()}
    hidden = [names.get(type(activation), type(activation).__name__) for activation in model.network.activations]
    return [*hidden, model.loss.output_activation]
