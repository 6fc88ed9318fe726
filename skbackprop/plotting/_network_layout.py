"""Where things are in the drawing of a network: units in columns, and a place for the value of every weight.

Lengths are in inches at the drawing's natural size, with y upward and each column centred on y = 0. A column shows
its units from top to bottom, those in the middle of a wide layer left out, and below them the bias unit, whose output
is 1 and whose weights are the intercepts.

The values of the weights between two columns stand below each other, each on its edge. Let n sources and m targets be
equally far apart, at the heights ``s * i`` and ``s * j``. A share u of the way, the edge from i to j is at
``s * ((1 - u) * i + u * j)``. With u = 1 / (m + 1) that is ``s * (m * i + j) / (m + 1)``: j runs through the m places
between one i and the next, so no two edges meet there, and all are ``s / (m + 1)`` apart. u = n / (n + 1) does the
same near the targets.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Free room around a node, around a value, and between two nodes.
MARGIN = 0.1


class Column(NamedTuple):
    """The shown units of a layer."""

    x: float
    units: np.ndarray  # their numbers
    y: np.ndarray  # and heights
    ellipsis_y: float | None  # where units are left out
    bias_y: float | None  # None for the outputs

    @property
    def source_y(self) -> np.ndarray:
        """Heights of all that edges start from: the units and the bias unit."""
        return np.append(self.y, self.bias_y)


class Sizes(NamedTuple):
    """Sizes of what has to find room."""

    radius: float  # of a node
    below: float  # of what is written below a node
    value_width: float  # of what is written on an edge; 0 if nothing is
    value_height: float


class Layout(NamedTuple):
    """Columns, and for each gap between two of them the share of the way where the values stand."""

    columns: list[Column]
    shares: list[float]

    def value_places(self, gap: int) -> tuple[float, np.ndarray]:
        """Return x and heights, of shape (sources, targets), of the values in a gap."""
        left, right, share = self.columns[gap], self.columns[gap + 1], self.shares[gap]
        heights = (1 - share) * left.source_y[:, np.newaxis] + share * right.y
        return left.x + share * (right.x - left.x), heights


def shown_units(n_units: int, max_units: int) -> tuple[np.ndarray, int | None]:
    """Return which units of a layer are shown in at most `max_units` places, and the place of the ellipsis or None."""
    if n_units <= max_units:
        return np.arange(n_units), None
    n_ends = (max_units - 1) // 2
    return np.r_[:n_ends, n_units - n_ends : n_units], n_ends


def crowding(layer_sizes: list[int]) -> int:
    """Return the most edges that have to find room for their value between two neighbouring nodes."""
    return max(min(n_sources + 1, n_targets) for n_sources, n_targets in pairwise(layer_sizes))


def arrange(layer_sizes: list[int], max_units: int, sizes: Sizes) -> Layout:
    """Return the layout of a network with layers of these sizes, inputs and outputs included."""
    shown = [shown_units(n_units, max_units) for n_units in layer_sizes]
    n_places = [len(units) + (ellipsis is not None) for units, ellipsis in shown]
    spacing, distances = _distances(n_places, sizes)
    x = np.cumsum([0.0, *distances])
    columns = [_column(*layer, spacing, has_bias=True) for layer in zip(x[:-1], shown[:-1], strict=True)]
    columns.append(_column(x[-1], shown[-1], spacing, has_bias=False))
    shares = [
        1 / (n_targets + 1) if n_targets <= n_sources + 1 else (n_sources + 1) / (n_sources + 2)
        for n_sources, n_targets in pairwise(n_places)
    ]
    return Layout(columns, shares)


def _distances(n_places, sizes):
    """Return how far apart units of a column are, and the columns, so that there is room for the values."""
    spacing = 2 * sizes.radius + sizes.below + MARGIN
    if not sizes.value_width:
        return spacing, [max(2 * sizes.radius + 1.0, 0.6 * spacing * max(n_places))] * (len(n_places) - 1)
    rows = [min(n_sources + 1, n_targets) + 1 for n_sources, n_targets in pairwise(n_places)]
    spacing = max(spacing, (sizes.value_height + MARGIN) * max(rows))
    apart = sizes.radius + sizes.value_width / 2 + MARGIN
    return spacing, [apart * n_rows for n_rows in rows]


def _column(x, shown, spacing, *, has_bias):
    units, ellipsis = shown
    n_places = len(units) + (ellipsis is not None) + has_bias
    y = spacing * ((n_places - 1) / 2 - np.arange(n_places))
    bias_y, y = (y[-1], y[:-1]) if has_bias else (None, y)
    if ellipsis is None:
        return Column(x, units, y, None, bias_y)
    return Column(x, units, np.delete(y, ellipsis), y[ellipsis], bias_y)
