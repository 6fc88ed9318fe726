"""The network as a drawing: units in columns, weights as lines, and the numbers of one sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from .._estimators.fitted import FittedNetwork
from ..activations import ACTIVATIONS
from ..inspection._trace import SampleTrace, check_network, trace_sample
from ._network_drawing import Drawing, Picture
from ._network_layout import crowding
from ._utils import COLORMAP, import_pyplot

#: values="auto" writes the weights if no more edges than this have to share the room between two neighbouring units.
MOST_CROWDED = 4


class NetworkDisplay:
    """A network drawn as in a lecture: units in columns, weights as lines, the numbers of one sample in their places.

    Made by `from_estimator`. A line is the wider the larger its weight, and red or blue by its sign; intercepts are the
    weights of a unit that puts out 1. Wide layers show their first and last units.

    Parameters
    ----------
    coefs : list of array-like
        Weights of each layer, of shape (units of the layer before, units).
    intercepts : list of array-like
        Intercepts of each layer, of shape (units,).
    feature_names, output_names : sequence of str, default=None
        What is written beside inputs and outputs.
    activations : sequence of str, default=None
        Names of the activations of hidden layers and outputs.
    trace : SampleTrace, default=None
        What one sample leaves behind in the network.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Where that is.
    edges_ : list of matplotlib LineCollection
        The shown weights and intercepts of each layer, the smallest first.
    nodes_ : list of list of matplotlib Circle
        The shown units of each layer, inputs included.
    node_texts_ : list of list of list of matplotlib Text
        What is written at each of them.
    weight_texts_, gradient_texts_ : list of ndarray of matplotlib Text
        What is written at the weights of each layer, of shape (shown sources + 1, shown units), the intercepts last;
        empty if nothing is.
    colorbar_ : matplotlib Colorbar or None
        The scale of the weights.

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
    ):
        self.coefs = coefs
        self.intercepts = intercepts
        self.feature_names = feature_names
        self.output_names = output_names
        self.activations = activations
        self.trace = trace

    @classmethod
    def from_estimator(cls, estimator, x=None, y=None, *, standardized: bool = False, ax=None, **plot_kw) -> Self:
        """Draw the network of a fitted estimator, and what one sample does in it.

        Parameters
        ----------
        estimator : BackpropRegressor or BackpropClassifier
            Fitted.
        x : {array-like, sparse matrix} of shape (n_features,) or (1, n_features), default=None
            A sample, whose net inputs and outputs are written into the units.
        y : target or label of x, default=None
            With it, the derivatives of the loss by net inputs (delta), inputs and weights are written, too.
        standardized : bool, default=False
            Whether to draw the weights inside, of standardised inputs and target, whose sizes can be compared, and
            not those of `coefs_`. Not with a sample.
        ax, **plot_kw
            See `plot`.

        Returns
        -------
        display : NetworkDisplay
            With the network drawn.

        Raises
        ------
        TypeError
            If `estimator` is none of this package.
        NotFittedError
            If it is not fitted.
        ValueError
            If x and y are not one sample and its target.
        """
        check_network(estimator)
        if x is None and y is not None:
            raise ValueError(f"y={y!r} is the target of no sample; pass x, too.")
        if x is not None and standardized:
            raise ValueError("standardized=True has no sample; leave x out, or standardized at False.")
        layers = estimator._standardized_layers() if standardized else estimator._layers()
        display = cls(
            coefs=[layer.W for layer in layers],
            intercepts=[layer.b for layer in layers],
            feature_names=getattr(estimator, "feature_names_in_", None),
            output_names=_output_names(estimator),
            activations=_activation_names(estimator),
            trace=None if x is None else trace_sample(estimator, x, y),
        )
        return display.plot(ax, **plot_kw)

    def plot(
        self,
        ax=None,
        *,
        max_units: int = 8,
        values: bool | str = "auto",
        values_format: str = ".3g",
        cmap: str = COLORMAP,
        colorbar: bool = True,
        edge_kw: dict | None = None,
        node_kw: dict | None = None,
        text_kw: dict | None = None,
    ) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw on, everything at the size that fits; None makes a figure in which type has 8 points.
        max_units : int, default=8
            Places for the units of a layer, at least 3; a wider one shows its first and last units and an ellipsis.
        values : bool or "auto", default="auto"
            Whether to write at each weight its value and, if there is one, its derivative. "auto" does for small
            networks.
        values_format : str, default=".3g"
            How all numbers are written.
        cmap : str or Colormap, default="coolwarm"
            Colours of the weights, centred on 0.
        colorbar : bool, default=True
            Whether to draw their scale, which goes as far as the largest weight that is no intercept.
        edge_kw, node_kw, text_kw : dict, default=None
            Keywords of `matplotlib.collections.LineCollection`, `matplotlib.patches.Circle` and
            `matplotlib.text.Text`.

        Returns
        -------
        self : NetworkDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a parameter is out of its range, or names do not fit the network.
        """
        plt = import_pyplot(self)
        coefs, intercepts = [np.asarray(W) for W in self.coefs], [np.asarray(b) for b in self.intercepts]
        layer_sizes = [len(coefs[0]), *map(len, intercepts)]
        self._check(layer_sizes, max_units, values)
        if values == "auto":
            values = max(layer_sizes) <= max_units and crowding(layer_sizes) <= MOST_CROWDED
        drawing = Drawing(
            Picture(
                coefs,
                intercepts,
                self.feature_names,
                self.output_names,
                self.activations,
                self.trace,
                values,
                values_format,
                max_units,
                colorbar,
            )
        )
        if ax is None:
            left, right, bottom, top = drawing.frame
            figure = plt.figure(figsize=(right - left, top - bottom))
            ax = figure.add_axes((0, 0, 1, 1))
        elif ax.figure.figure.get_layout_engine() is not None:
            ax.figure.figure.draw_without_rendering()  # so that the size of ax is the one that it will have
        drawing.draw(ax, cmap, edge_kw or {}, node_kw or {}, text_kw or {})
        self.ax_, self.figure_ = ax, ax.figure
        self.nodes_, self.node_texts_, self.edges_ = drawing.nodes, drawing.node_texts, drawing.edges
        self.weight_texts_, self.gradient_texts_ = drawing.weight_texts, drawing.gradient_texts
        self.colorbar_ = drawing.colorbar
        return self

    def _check(self, layer_sizes, max_units, values):
        if max_units < 3:
            raise ValueError(f"max_units={max_units} has no room for two units and an ellipsis; it must be at least 3.")
        if values not in (True, False, "auto"):
            raise ValueError(f"values must be True, False or 'auto', got {values!r}.")
        for name, names, n_units in (
            ("feature_names", self.feature_names, layer_sizes[0]),
            ("output_names", self.output_names, layer_sizes[-1]),
            ("activations", self.activations, len(layer_sizes) - 1),
        ):
            if names is not None and len(names) != n_units:
                raise ValueError(f"{name} has {len(names)} names; the network wants {n_units}.")


def _output_names(estimator: FittedNetwork) -> list[str] | None:
    if not is_classifier(estimator):
        return None
    names = [str(label) for label in estimator.classes_]
    return names[1:] if len(names) == 2 and estimator.n_outputs_ == 1 else names


def _activation_names(estimator: FittedNetwork) -> list[str]:
    names = {type(activation): name for name, activation in ACTIVATIONS.items()}
    hidden = [names.get(type(f), type(f).__name__) for f in estimator._config.objective.network.activations]
    return [*hidden, estimator.out_activation_]
