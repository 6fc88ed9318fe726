"""Positions in the drawing of a network: units in columns, and a place for the value of every weight.

Lengths are in inches at the natural size of the drawing. y points upward, and each column is centered on y = 0. A
column shows its units from top to bottom, without those in the middle of a wide layer, and below them the bias unit,
whose output is 1 and whose weights are the intercepts.

The values of the weights between two columns stand in a column of their own, each on its edge. Let n sources and m
targets be equally spaced, at the heights ``s * i`` and ``s * j``. At the fraction u of its length, the edge from i to j
has the height ``s * ((1 - u) * i + u * j)``. With u = 1 / (m + 1), this is ``s * (m * i + j) / (m + 1)``: j takes the m
places between one i and the next, so no two edges meet there, and all are ``s / (m + 1)`` apart. u = n / (n + 1) does
the same close to the targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Free space around a node, around a value, and between two nodes.
MARGIN = 0.1


class Column(NamedTuple):
    """The drawn units of a layer.

    Attributes
    ----------
    x : float
        Horizontal position.
    units : ndarray of int
        Indices of the drawn units.
    y : ndarray of float
        Heights of the drawn units.
    ellipsis_y : float or None
        Height of the ellipsis; None if all units are drawn.
    bias_y : float or None
        Height of the bias unit; None for the outputs, which have none.
    """

    x: float
    units: np.ndarray
    y: np.ndarray
    ellipsis_y: float | None
    bias_y: float | None

    @property
    def source_y(self) -> np.ndarray:
        """Heights of the starting points of edges: the units and the bias unit."""
        return self.y if self.bias_y is None else np.append(self.y, self.bias_y)


class Sizes(NamedTuple):
    """Sizes of the elements that need space.

    Attributes
    ----------
    radius : float
        Radius of a node.
    below : float
        Height of the text below a node.
    value_width : float
        Width of the text on an edge; 0 without text.
    value_height : float
        Height of the text on an edge; 0 without text.
    distance : float or None, default=None
        Least distance between columns. None chooses distances that suit a drawing with enough space.
    """

    radius: float
    below: float
    value_width: float
    value_height: float
    distance: float | None = None


class Layout(NamedTuple):
    """Columns, and where the values stand in the gaps between them.

    Attributes
    ----------
    columns : list of Column
        The columns from left to right.
    fractions : list of float
        For each gap, the fraction of the way from the left to the right column at which the values stand.
    """

    columns: list[Column]
    fractions: list[float]

    def value_places(self, gap: int) -> tuple[float, np.ndarray]:
        """Return the horizontal position and the heights, of shape (n_sources, n_targets), of the values in a gap."""
        left, right, fraction = self.columns[gap], self.columns[gap + 1], self.fractions[gap]
        heights = (1 - fraction) * left.source_y[:, np.newaxis] + fraction * right.y
        return left.x + fraction * (right.x - left.x), heights


def shown_units(n_units: int, max_units: int) -> tuple[np.ndarray, int | None]:
    """Return the units that are drawn in at most `max_units` places, and the place of the ellipsis or None."""
    if n_units <= max_units:
        return np.arange(n_units), None
    n_ends = (max_units - 1) // 2
    return np.r_[:n_ends, n_units - n_ends : n_units], n_ends


def crowding(layer_sizes: Sequence[int]) -> int:
    """Return the largest number of edges whose values share the space between two adjacent nodes."""
    return max(min(n_sources + 1, n_targets) for n_sources, n_targets in pairwise(layer_sizes))


def arrange(layer_sizes: Sequence[int], max_units: int, sizes: Sizes) -> Layout:
    """Return the layout of a network with layers of these sizes, inputs and outputs included."""
    shown = [shown_units(n_units, max_units) for n_units in layer_sizes]
    n_places = [len(units) + (ellipsis is not None) for units, ellipsis in shown]
    spacing, distances = _distances(n_places, sizes)
    x = np.cumsum([0.0, *distances])
    last = len(shown) - 1
    columns = [
        _column(float(x[level]), units, ellipsis, spacing, has_bias=level < last)
        for level, (units, ellipsis) in enumerate(shown)
    ]
    fractions = [
        1 / (n_targets + 1) if n_targets <= n_sources + 1 else (n_sources + 1) / (n_sources + 2)
        for n_sources, n_targets in pairwise(n_places)
    ]
    return Layout(columns, fractions)


def _distances(n_places: list[int], sizes: Sizes) -> tuple[float, list[float]]:
    """Return the distances between the units of a column and between the columns that leave space for the values."""
    spacing = 2 * sizes.radius + sizes.below + MARGIN
    if not sizes.value_width:
        wide = max(2 * sizes.radius + 1.0, 0.6 * spacing * max(n_places))
        distance = wide if sizes.distance is None else max(2 * sizes.radius + MARGIN, sizes.distance)
        return spacing, [distance] * (len(n_places) - 1)
    n_values = [min(n_sources + 1, n_targets) + 1 for n_sources, n_targets in pairwise(n_places)]
    spacing = max(spacing, (sizes.value_height + MARGIN) * max(n_values))
    distance = sizes.radius + sizes.value_width / 2 + MARGIN
    return spacing, [distance * n for n in n_values]


def _column(x: float, units: np.ndarray, ellipsis: int | None, spacing: float, *, has_bias: bool) -> Column:
    n_places = len(units) + (ellipsis is not None) + has_bias
    y = spacing * ((n_places - 1) / 2 - np.arange(n_places))
    bias_y = None
    if has_bias:
        bias_y, y = float(y[-1]), y[:-1]
    if ellipsis is None:
        return Column(x, units, y, None, bias_y)
    return Column(x, units, np.delete(y, ellipsis), float(y[ellipsis]), bias_y)
