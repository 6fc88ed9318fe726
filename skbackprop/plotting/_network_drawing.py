"""Drawing a network: nodes, edges, values and names, on axes whose unit is an inch of the drawing's natural size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..inspection._trace import SampleTrace
from ._network_layout import MARGIN, Sizes, arrange, shown_units

#: Size of the type in points, width of a character and height of a line in inches.
POINTS = 8.0
CHARACTER, LINE = 0.64 * POINTS / 72, 1.25 * POINTS / 72
#: The same on average, in longer text.
NARROW_CHARACTER = 0.95 * CHARACTER
#: The colour of what is computed on the way back; weights have red and blue.
BACKWARD = "#1b7837"
#: Radius of nodes without numbers in them and of bias units, and what is free beside a number in a node.
RADIUS, RADIUS_OF_BIAS, FREE = 0.2, 0.12, 0.08
#: How much higher the symbol of a unit stands than a line above its numbers, as it may have an index.
SYMBOL_HIGHER = 0.05
#: Width of the thinnest and the widest edge in points.
THINNEST, WIDEST = 0.4, 3.0
#: A longer name is cut.
LONGEST_NAME = 20
#: Room for the colour bar and its numbers, and its width.
COLORBAR_ROOM, COLORBAR_WIDTH = 0.85, 0.1


class Picture(NamedTuple):
    """What is to be drawn."""

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    feature_names: list[str] | None
    output_names: list[str] | None
    activations: list[str] | None
    trace: SampleTrace | None
    has_values: bool
    values_format: str
    max_units: int
    has_colorbar: bool


class Drawing:
    """A picture laid out; `draw` puts it on axes."""

    def __init__(self, picture: Picture):
        self.picture, self.trace = picture, picture.trace
        self.has_backward = self.trace is not None and self.trace.loss is not None
        self.layer_sizes = [len(picture.coefs[0]), *(W.shape[1] for W in picture.coefs)]
        self.units = [shown_units(n_units, picture.max_units)[0] for n_units in self.layer_sizes]
        self.weights = self._shown(picture.coefs, picture.intercepts)
        self.gradients = self._shown(self.trace.dE_dW, self.trace.dE_db) if self.has_backward else []
        self.radius = self._radius()
        self.layout = arrange(self.layer_sizes, picture.max_units, self._sizes())
        self.columns = self.layout.columns
        self.edges, self.nodes, self.node_texts = [], [], []
        self.weight_texts, self.gradient_texts = [], []
        self.colorbar = None

    def _shown(self, coefs, intercepts):
        """Return what belongs to the shown edges of each gap, of shape (sources, targets), the bias unit last."""
        gaps = zip(coefs, intercepts, self.units[:-1], self.units[1:], strict=True)
        return [np.vstack([W[np.ix_(sources, targets)], b[targets]]) for W, b, sources, targets in gaps]

    def number(self, value: float) -> str:
        """Return a number as it is written, without a minus before 0."""
        return format(value + 0.0, self.picture.values_format).replace("-", "\N{MINUS SIGN}")

    def _radius(self):
        if self.trace is None:
            return RADIUS
        arrays = [self.trace.input, *self.trace.net, *self.trace.out]
        units = [self.units[0], *self.units[1:], *self.units[1:]]
        longest = max(
            len(self.number(value)) for array, shown in zip(arrays, units, strict=True) for value in array[shown]
        )
        return max(RADIUS, CHARACTER * (len("net ") + longest) / 2 + FREE)

    def _sizes(self):
        below = LINE if self.has_backward else 0.0
        if not self.picture.has_values:
            return Sizes(self.radius, below, 0.0, 0.0)
        longest = max(len(self.number(value)) for array in self.weights + self.gradients for value in array.flat)
        return Sizes(self.radius, below, longest * CHARACTER, LINE * (2 if self.has_backward else 1))

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of all that is drawn."""
        highest = max(column.y.max() for column in self.columns)
        lowest = min(column.y.min() for column in self.columns) - self.radius - LINE * self.has_backward
        lowest = min(lowest, *(column.bias_y - RADIUS_OF_BIAS for column in self.columns[:-1]))
        beside = self.radius + 2 * MARGIN
        middle, half_legend = self.columns[-1].x / 2, len(self._legend) * NARROW_CHARACTER / 2
        left = min(-beside - self._width_of(0), middle - half_legend)
        right = self.columns[-1].x + beside + self._width_of(len(self.columns) - 1)
        right = max(right + (COLORBAR_ROOM if self.picture.has_colorbar else 0.0), middle + half_legend)
        bottom = lowest - (2.5 * LINE if self.has_backward else MARGIN)
        return left, right, bottom, highest + self.radius + 3 * LINE

    @property
    def _legend(self):
        """What the numbers of the way back are."""
        if not self.has_backward:
            return ""
        of_weights = ["below each weight: dE/dw"] if self.picture.has_values else []
        return "      ".join([*of_weights, "below each unit: δ = dE/dnet", f"E = {self.number(self.trace.loss)}"])

    def _width_of(self, level):
        """Return the width of the widest text beside the nodes of a column."""
        lines = [line for unit in self.columns[level].units for line in self._beside(level, unit)]
        return max(map(len, lines), default=0) * CHARACTER

    def draw(self, ax, cmap, edge_kw: dict, node_kw: dict, text_kw: dict) -> None:
        """Draw all."""
        left, right, bottom, top = self.frame
        ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
        ax.set_axis_off()
        self.ax, self.text_kw = ax, text_kw
        place = ax.get_window_extent()
        #: How many times its natural size the drawing has.
        self.scale = min(place.width / (right - left), place.height / (top - bottom)) / ax.figure.dpi
        for gap in range(len(self.weights)):
            self._draw_edges(gap, cmap, edge_kw)
            if self.picture.has_values:
                self._write_values(gap)
        for level in range(len(self.columns)):
            self._draw_nodes(level, node_kw)
            self._write_header(level, top)
        if self.has_backward:
            self._write(self.columns[-1].x / 2, bottom + LINE / 2, self._legend, color=BACKWARD)
        if self.picture.has_colorbar:
            self._draw_colorbar(right)

    def _write(self, x, y, text, **kw):
        style = {"ha": "center", "va": "center", "fontsize": POINTS * self.scale, "zorder": 4, "parse_math": False}
        return self.ax.text(x, y, text, **style | kw | self.text_kw)

    def _draw_edges(self, gap, cmap, edge_kw):
        from matplotlib.collections import LineCollection

        left, right = self.columns[gap], self.columns[gap + 1]
        weights = self.weights[gap].ravel()
        largest = max(np.abs(W).max() for W in self.picture.coefs) or 1.0
        order = np.argsort(np.abs(weights), kind="stable")  # so that the strongest are on top
        segments = np.array([[(left.x, y), (right.x, to)] for y in left.source_y for to in right.y])[order]
        widths = THINNEST + (WIDEST - THINNEST) * np.minimum(np.abs(weights[order]) / largest, 1)
        style = {"cmap": cmap, "clim": (-largest, largest), "linewidths": widths * self.scale, "zorder": 1}
        self.edges.append(self.ax.add_collection(LineCollection(segments, array=weights[order], **style | edge_kw)))

    def _write_values(self, gap):
        x, heights = self.layout.value_places(gap)
        above, *below = self._write_on_edges(
            x, heights, [of_edges[gap] for of_edges in (self.weights, self.gradients) if of_edges]
        )
        self.weight_texts.append(above)
        self.gradient_texts += below

    def _write_on_edges(self, x, heights, values):
        """Write one value below the other at each edge, on a background that hides the edges, and return the texts."""
        texts = [np.empty(heights.shape, dtype=object) for _ in values]
        for edge, y in np.ndenumerate(heights):
            lines = [self.number(of_edges[edge]) for of_edges in values]
            self._hide_edges(x, y, lines)
            for number, (line, style) in enumerate(zip(lines, ({}, {"color": BACKWARD}), strict=False)):
                at = y + LINE * ((len(lines) - 1) / 2 - number)
                texts[number][edge] = self._write(x, at, line, **style)
        return texts

    def _hide_edges(self, x, y, lines):
        """Put a background below the text that is to be written around a place."""
        from matplotlib.patches import Rectangle

        width, height = max(map(len, lines)) * CHARACTER, LINE * len(lines)
        place = (x - width / 2, y - height / 2)
        self.ax.add_patch(Rectangle(place, width, height, facecolor=self.ax.get_facecolor(), zorder=2))

    def _draw_nodes(self, level, node_kw):
        from matplotlib.patches import Circle

        column = self.columns[level]
        style = {
            "facecolor": self.ax.get_facecolor(),
            "edgecolor": "0.4",
            "linewidth": 0.8 * self.scale,
            "zorder": 3,
        } | node_kw
        self.nodes.append([self.ax.add_patch(Circle((column.x, y), self.radius, **style)) for y in column.y])
        self.node_texts.append(
            [self._write_node(level, unit, y) for unit, y in zip(column.units, column.y, strict=True)]
        )
        if column.ellipsis_y is not None:
            self._write(column.x, column.ellipsis_y, "⋮", fontsize=2 * POINTS * self.scale)
        if column.bias_y is not None:
            self.ax.add_patch(Circle((column.x, column.bias_y), RADIUS_OF_BIAS, **style | {"edgecolor": "0.7"}))
            self._write(column.x, column.bias_y, "1")

    def _write_node(self, level, unit, y):
        """Write what is in, beside and below a node, and return the texts."""
        x, lines = self.columns[level].x, self._inside(level, unit)
        heights = y + LINE * (np.arange(len(lines))[::-1] - (len(lines) - 1) / 2)
        heights[0] += SYMBOL_HIGHER * (len(lines) > 1)
        texts = [self._write(x, at, line, parse_math=True) for at, line in zip(heights, lines, strict=True)]
        side = -1 if level == 0 else 1
        beside = "\n".join(self._beside(level, unit))
        if beside:
            align = "right" if level == 0 else "left"
            texts.append(self._write(x + side * (self.radius + MARGIN), y, beside, ha=align))
        if self.has_backward:
            derivative = self.trace.dE_dinput if level == 0 else self.trace.delta[level - 1]
            back = f"{'δ' if level else 'dE/di'} {self.number(derivative[unit])}"
            self._hide_edges(x, y - self.radius - 0.7 * LINE, [back])
            texts.append(self._write(x, y - self.radius - 0.7 * LINE, back, color=BACKWARD))
        return texts

    def _inside(self, level, unit):
        lines = [self._symbol(level, unit)]
        if self.trace is None:
            return lines
        if level == 0:
            return [*lines, self.number(self.trace.input[unit])]
        net, out = self.trace.net[level - 1][unit], self.trace.out[level - 1][unit]
        return [*lines, f"net {self.number(net)}", f"out {self.number(out)}"]

    def _symbol(self, level, unit):
        if level == 0:
            return f"$i_{{{unit + 1}}}$"
        if level == len(self.columns) - 1:
            return f"$o_{{{unit + 1}}}$"
        return f"$h_{{{unit + 1}}}$" if len(self.columns) == 3 else f"$h^{{({level})}}_{{{unit + 1}}}$"

    def _beside(self, level, unit):
        lines = []
        is_output = level == len(self.columns) - 1
        names = self.picture.feature_names if level == 0 else self.picture.output_names if is_output else None
        if names is not None:
            name = str(names[unit])
            lines.append(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")
        if is_output and self.has_backward:
            lines.append(f"target {self.number(self.trace.target[unit])}")
        return lines

    def _write_header(self, level, top):
        n_units, kind = self.layer_sizes[level], "input" if level == 0 else "unit"
        kind = "output" if level == len(self.columns) - 1 else kind
        lines = [f"{n_units} {kind}{'' if n_units == 1 else 's'}"]
        if level and self.picture.activations is not None:
            lines.append(self.picture.activations[level - 1])
        self._write(self.columns[level].x, top - LINE / 2, "\n".join(lines), va="top", color="0.5")

    def _draw_colorbar(self, right):
        _, _, bottom, top = self.frame
        height = min(2.0, 1.6 * min(-bottom, top - 3 * LINE))
        place = (right - COLORBAR_ROOM + 0.15, -height / 2, COLORBAR_WIDTH, height)
        bar_ax = self.ax.inset_axes(place, transform=self.ax.transData)
        extend = "both" if any(np.abs(edges.get_array()).max() > edges.norm.vmax for edges in self.edges) else "neither"
        self.colorbar = self.ax.figure.colorbar(self.edges[0], cax=bar_ax, extend=extend)
        bar_ax.tick_params(labelsize=0.9 * POINTS * self.scale, length=2 * self.scale, width=0.6 * self.scale)
        self.colorbar.outline.set_linewidth(0.6 * self.scale)
        bar_ax.set_title("weight", fontsize=POINTS * self.scale, loc="left")
