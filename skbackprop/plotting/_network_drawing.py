"""Drawing a network: nodes, edges, values and names, on axes whose unit is an inch of the drawing's natural size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..inspection._trace import SampleTrace
from ._network_layout import MARGIN, Sizes, arrange, shown_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.colors import Colormap
    from matplotlib.patches import Circle
    from matplotlib.text import Text

#: Font size in points, and the smallest that is still easy to read.
POINTS = 8.0
MIN_POINTS = 6.0
#: Width of a character in inches: the widest digits, and the average of a longer text.
CHARACTER = 0.64 * POINTS / 72
AVERAGE_CHARACTER = 0.95 * CHARACTER
#: Height of a line of text in inches.
LINE = 1.25 * POINTS / 72
#: Color of the results of the backward pass; weights are red and blue.
BACKWARD_COLOR = "#1b7837"
#: Radius of nodes without numbers, of nodes without text and of bias units, and free space beside a number in a node,
#: in inches.
RADIUS = 0.2
SMALL_RADIUS = 0.08
BIAS_RADIUS = 0.12
PADDING = 0.08
#: Extra height of the symbol of a unit above its numbers, because the symbol may have an index.
SYMBOL_OFFSET = 0.05
#: Width of the thinnest and of the thickest edge in points.
MIN_EDGE_WIDTH = 0.4
MAX_EDGE_WIDTH = 3.0
#: Longer names are truncated.
MAX_NAME_LENGTH = 20
#: Width of the color bar, and of the color bar with its numbers, in inches.
COLORBAR_WIDTH = 0.1
COLORBAR_SPACE = 0.85


class Picture(NamedTuple):
    """The content of a drawing.

    Attributes
    ----------
    coefs : list of ndarray of shape (n_inputs, n_units)
        Weights of each layer.
    intercepts : list of ndarray of shape (n_units,)
        Intercepts of each layer.
    feature_names : sequence of str or None
        Names of the inputs.
    output_names : sequence of str or None
        Names of the outputs.
    activations : sequence of str or None
        Names of the activations of each layer.
    trace : SampleTrace or None
        The values of one sample.
    has_values : bool
        Whether the weights are written.
    values_format : str
        Format specification of all numbers.
    max_units : int
        Largest number of units drawn for a layer.
    has_colorbar : bool
        Whether the color scale is drawn.
    is_narrow : bool, default=False
        Whether columns are as close together as their headers allow.
    has_symbols : bool, default=True
        Whether the symbols of the units are written. Without them, and without a sample, nodes are small.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    feature_names: Sequence[str] | None
    output_names: Sequence[str] | None
    activations: Sequence[str] | None
    trace: SampleTrace | None
    has_values: bool
    values_format: str
    max_units: int
    has_colorbar: bool
    is_narrow: bool = False
    has_symbols: bool = True

    def simpler(self, *, keeps_values: bool) -> Iterator[Picture]:
        """Yield this picture, and then pictures with less and less detail, for axes that are too small for it."""
        picture = self
        yield picture
        if picture.has_values and not keeps_values:
            picture = picture._replace(has_values=False)
            yield picture
        if not picture.has_values:
            picture = picture._replace(is_narrow=True)
            yield picture
            if picture.trace is None:
                picture = picture._replace(has_symbols=False)
                yield picture
        for max_units in range(picture.max_units - 1, 2, -1):
            yield picture._replace(max_units=max_units)


def fitting_drawing(picture: Picture, ax: Axes, *, keeps_values: bool) -> Drawing:
    """Return the most detailed drawing whose text is easy to read on axes, or else that with the largest text."""
    drawings = []
    for simpler in picture.simpler(keeps_values=keeps_values):
        drawings.append(Drawing(simpler))
        if drawings[-1].scale_on(ax) * POINTS >= MIN_POINTS:
            return drawings[-1]
    return max(drawings, key=lambda drawing: drawing.scale_on(ax))


class Drawing:
    """A picture with its layout; `draw` puts it on axes.

    Parameters
    ----------
    picture : Picture
        The content of the drawing.
    """

    ax: Axes
    text_kw: dict[str, Any]
    scale: float

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.trace = picture.trace
        self.backward = None if picture.trace is None else picture.trace.backward
        self.layer_sizes = [len(picture.coefs[0]), *(W.shape[1] for W in picture.coefs)]
        self.units = [shown_units(n_units, picture.max_units)[0] for n_units in self.layer_sizes]
        self.weights = self._shown(picture.coefs, picture.intercepts)
        self.gradients: list[np.ndarray] = []
        if self.backward is not None:
            self.gradients = self._shown(self.backward.dE_dW, self.backward.dE_db)
        self.radius = self._radius()
        self.layout = arrange(self.layer_sizes, picture.max_units, self._sizes())
        self.columns = self.layout.columns
        self.edges: list[LineCollection] = []
        self.nodes: list[list[Circle]] = []
        self.node_texts: list[list[list[Text]]] = []
        self.weight_texts: list[np.ndarray] = []
        self.gradient_texts: list[np.ndarray] = []
        self.colorbar: Colorbar | None = None

    def _shown(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> list[np.ndarray]:
        """Return the entries of the drawn edges of each gap, of shape (n_sources, n_targets), the bias unit last."""
        gaps = zip(coefs, intercepts, self.units[:-1], self.units[1:], strict=True)
        return [np.vstack([W[np.ix_(sources, targets)], b[targets]]) for W, b, sources, targets in gaps]

    def number(self, value: float) -> str:
        """Return the text of a number, without a minus sign before 0."""
        return format(value + 0.0, self.picture.values_format).replace("-", "\N{MINUS SIGN}")

    def _radius(self) -> float:
        if self.trace is None:
            return RADIUS if self.picture.has_symbols else SMALL_RADIUS
        arrays = [self.trace.input, *self.trace.net, *self.trace.out]
        units = [self.units[0], *self.units[1:], *self.units[1:]]
        longest = max(
            len(self.number(value)) for array, shown in zip(arrays, units, strict=True) for value in array[shown]
        )
        return max(RADIUS, CHARACTER * (len("net ") + longest) / 2 + PADDING)

    def _sizes(self) -> Sizes:
        below = LINE if self.backward is not None else 0.0
        if not self.picture.has_values:
            distance = self._header_width() + MARGIN if self.picture.is_narrow else None
            return Sizes(self.radius, below, 0.0, 0.0, distance)
        longest = max(len(self.number(value)) for array in self.weights + self.gradients for value in array.flat)
        return Sizes(self.radius, below, longest * CHARACTER, LINE * (2 if self.backward is not None else 1))

    def _header_width(self) -> float:
        """Return the width of the widest header of a column."""
        return CHARACTER * max(len(line) for level in range(len(self.layer_sizes)) for line in self._header(level))

    def scale_on(self, ax: Axes) -> float:
        """Return the ratio of the size on axes to the natural size."""
        left, right, bottom, top = self.frame
        extent = ax.get_window_extent()
        return min(extent.width / (right - left), extent.height / (top - bottom)) / ax.figure.dpi

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the drawing."""
        highest = max(column.y.max() for column in self.columns)
        below = LINE if self.backward is not None else 0.0
        lowest = min(column.y.min() for column in self.columns) - self.radius - below
        bias_heights = [column.bias_y for column in self.columns if column.bias_y is not None]
        lowest = min(lowest, min(bias_heights) - BIAS_RADIUS)
        beside = self.radius + 2 * MARGIN
        middle = self.columns[-1].x / 2
        half_legend = len(self._legend) * AVERAGE_CHARACTER / 2
        left = min(-beside - self._width_of(0), middle - half_legend)
        right = self.columns[-1].x + beside + self._width_of(len(self.columns) - 1)
        right = max(right + (COLORBAR_SPACE if self.picture.has_colorbar else 0.0), middle + half_legend)
        bottom = lowest - (2.5 * LINE if self.backward is not None else MARGIN)
        return left, right, bottom, highest + self.radius + 3 * LINE

    @property
    def _legend(self) -> str:
        """The legend of the numbers of the backward pass; empty without them."""
        if self.backward is None:
            return ""
        of_weights = ["below each weight: dE/dw"] if self.picture.has_values else []
        return "      ".join([*of_weights, "below each unit: δ = dE/dnet", f"E = {self.number(self.backward.loss)}"])

    def _width_of(self, level: int) -> float:
        """Return the width of the widest text beside the nodes of a column."""
        lines = [line for unit in self.columns[level].units for line in self._beside(level, unit)]
        return max(map(len, lines), default=0) * CHARACTER

    def draw(
        self,
        ax: Axes,
        cmap: str | Colormap,
        edge_kw: dict[str, Any],
        node_kw: dict[str, Any],
        text_kw: dict[str, Any],
    ) -> None:
        """Draw everything on axes."""
        left, right, bottom, top = self.frame
        ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        ax.set_axis_off()
        self.ax = ax
        self.text_kw = text_kw
        self.scale = self.scale_on(ax)
        for gap in range(len(self.weights)):
            self._draw_edges(gap, cmap, edge_kw)
            if self.picture.has_values:
                self._write_values(gap)
        for level in range(len(self.columns)):
            self._draw_nodes(level, node_kw)
            self._write_header(level, top)
        if self.backward is not None:
            self._write(self.columns[-1].x / 2, bottom + LINE / 2, self._legend, color=BACKWARD_COLOR)
        if self.picture.has_colorbar:
            self._draw_colorbar(right)

    def _write(self, x: float, y: float, text: str, **kw: Any) -> Text:
        style: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "fontsize": POINTS * self.scale,
            "zorder": 4,
            "parse_math": False,
        }
        return self.ax.text(x, y, text, **style | kw | self.text_kw)

    def _draw_edges(self, gap: int, cmap: str | Colormap, edge_kw: dict[str, Any]) -> None:
        from matplotlib.collections import LineCollection

        left, right = self.columns[gap], self.columns[gap + 1]
        weights = self.weights[gap].ravel()
        largest = max(np.abs(W).max() for W in self.picture.coefs) or 1.0
        order = np.argsort(np.abs(weights), kind="stable")  # the largest weights are drawn on top
        segments = np.array([[(left.x, y), (right.x, to)] for y in left.source_y for to in right.y])[order]
        widths = MIN_EDGE_WIDTH + (MAX_EDGE_WIDTH - MIN_EDGE_WIDTH) * np.minimum(np.abs(weights[order]) / largest, 1)
        style: dict[str, Any] = {"cmap": cmap, "clim": (-largest, largest), "zorder": 1}
        style["linewidths"] = widths * self.scale
        edges = LineCollection(list(segments), array=weights[order], **style | edge_kw)
        self.ax.add_collection(edges)
        self.edges.append(edges)

    def _write_values(self, gap: int) -> None:
        """Write the weight at each edge and, if there is one, its derivative below it."""
        x, heights = self.layout.value_places(gap)
        has_gradients = bool(self.gradients)
        weight_texts = np.empty(heights.shape, dtype=object)
        gradient_texts = np.empty(heights.shape, dtype=object)
        for edge, y in np.ndenumerate(heights):
            weight = self.number(float(self.weights[gap][edge]))
            if has_gradients:
                gradient = self.number(float(self.gradients[gap][edge]))
                self._hide_edges(x, y, [weight, gradient])
                weight_texts[edge] = self._write(x, y + LINE / 2, weight)
                gradient_texts[edge] = self._write(x, y - LINE / 2, gradient, color=BACKWARD_COLOR)
            else:
                self._hide_edges(x, y, [weight])
                weight_texts[edge] = self._write(x, y, weight)
        self.weight_texts.append(weight_texts)
        if has_gradients:
            self.gradient_texts.append(gradient_texts)

    def _hide_edges(self, x: float, y: float, lines: list[str]) -> None:
        """Draw a background for a text centered on a point, so that no edge crosses the text."""
        from matplotlib.patches import Rectangle

        width = max(map(len, lines)) * CHARACTER
        height = LINE * len(lines)
        corner = (x - width / 2, y - height / 2)
        self.ax.add_patch(Rectangle(corner, width, height, facecolor=self.ax.get_facecolor(), zorder=2))

    def _draw_nodes(self, level: int, node_kw: dict[str, Any]) -> None:
        from matplotlib.patches import Circle

        column = self.columns[level]
        style: dict[str, Any] = {
            "facecolor": self.ax.get_facecolor(),
            "edgecolor": "0.4",
            "linewidth": 0.8 * self.scale,
            "zorder": 3,
        }
        style |= node_kw
        nodes = [Circle((column.x, y), self.radius, **style) for y in column.y]
        for node in nodes:
            self.ax.add_patch(node)
        self.nodes.append(nodes)
        self.node_texts.append(
            [self._write_node(level, unit, y) for unit, y in zip(column.units, column.y, strict=True)]
        )
        if column.ellipsis_y is not None:
            self._write(column.x, column.ellipsis_y, "⋮", fontsize=2 * POINTS * self.scale)
        if column.bias_y is not None:
            self.ax.add_patch(Circle((column.x, column.bias_y), BIAS_RADIUS, **style | {"edgecolor": "0.7"}))
            self._write(column.x, column.bias_y, "1")

    def _write_node(self, level: int, unit: int, y: float) -> list[Text]:
        """Write the texts in, beside and below a node, and return them."""
        x = self.columns[level].x
        lines = self._inside(level, unit)
        heights = y + LINE * (np.arange(len(lines))[::-1] - (len(lines) - 1) / 2)
        if len(lines) > 1:
            heights[0] += SYMBOL_OFFSET
        texts = [self._write(x, height, line, parse_math=True) for height, line in zip(heights, lines, strict=True)]
        side = -1 if level == 0 else 1
        beside = "\n".join(self._beside(level, unit))
        if beside:
            align = "right" if level == 0 else "left"
            texts.append(self._write(x + side * (self.radius + MARGIN), y, beside, ha=align))
        below = self._below(level, unit)
        if below is not None:
            self._hide_edges(x, y - self.radius - 0.7 * LINE, [below])
            texts.append(self._write(x, y - self.radius - 0.7 * LINE, below, color=BACKWARD_COLOR))
        return texts

    def _inside(self, level: int, unit: int) -> list[str]:
        """Return the lines of text in a node."""
        lines = [self._symbol(level, unit)]
        if self.trace is None:
            return lines if self.picture.has_symbols else []
        if level == 0:
            return [*lines, self.number(self.trace.input[unit])]
        net, out = self.trace.net[level - 1][unit], self.trace.out[level - 1][unit]
        return [*lines, f"net {self.number(net)}", f"out {self.number(out)}"]

    def _symbol(self, level: int, unit: int) -> str:
        if level == 0:
            return f"$i_{{{unit + 1}}}$"
        if level == len(self.columns) - 1:
            return f"$o_{{{unit + 1}}}$"
        return f"$h_{{{unit + 1}}}$" if len(self.columns) == 3 else f"$h^{{({level})}}_{{{unit + 1}}}$"

    def _beside(self, level: int, unit: int) -> list[str]:
        """Return the lines of text beside a node: its name, and the target of an output."""
        lines = []
        is_output = level == len(self.columns) - 1
        names = None
        if level == 0:
            names = self.picture.feature_names
        elif is_output:
            names = self.picture.output_names
        if names is not None:
            name = str(names[unit])
            lines.append(name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 1] + "…")
        if is_output and self.backward is not None:
            lines.append(f"target {self.number(self.backward.target[unit])}")
        return lines

    def _below(self, level: int, unit: int) -> str | None:
        """Return the derivative below a node; None without a backward pass."""
        if self.backward is None:
            return None
        if level == 0:
            return f"dE/di {self.number(self.backward.dE_dinput[unit])}"
        return f"δ {self.number(self.backward.delta[level - 1][unit])}"

    def _write_header(self, level: int, top: float) -> None:
        """Write the header above a column."""
        text = "\n".join(self._header(level))
        self._write(self.columns[level].x, top - LINE / 2, text, va="top", color="0.5")

    def _header(self, level: int) -> list[str]:
        """Return the number of units of a column and its activation."""
        n_units = self.layer_sizes[level]
        kind = "unit"
        if level == 0:
            kind = "input"
        elif level == len(self.layer_sizes) - 1:
            kind = "output"
        lines = [f"{n_units} {kind}{'' if n_units == 1 else 's'}"]
        if level and self.picture.activations is not None:
            lines.append(self.picture.activations[level - 1])
        return lines

    def _draw_colorbar(self, right: float) -> None:
        _, _, bottom, top = self.frame
        height = min(2.0, 1.6 * min(-bottom, top - 3 * LINE))
        place = (right - COLORBAR_SPACE + 0.15, -height / 2, COLORBAR_WIDTH, height)
        bar_ax = self.ax.inset_axes(place, transform=self.ax.transData)
        layers = zip(self.weights, self.edges, strict=True)
        has_larger = any(np.abs(weights).max() > edges.get_clim()[1] for weights, edges in layers)  # an intercept
        extend = "both" if has_larger else "neither"
        self.colorbar = self.ax.figure.colorbar(self.edges[0], cax=bar_ax, extend=extend)
        bar_ax.tick_params(labelsize=0.9 * POINTS * self.scale, length=2 * self.scale, width=0.6 * self.scale)
        self.colorbar.outline.set_linewidth(0.6 * self.scale)
        bar_ax.set_title("weight", fontsize=POINTS * self.scale, loc="left")
