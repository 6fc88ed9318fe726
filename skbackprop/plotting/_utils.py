"""What the displays share: a lazy import of matplotlib, and axes for several panels."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

#: Colors of weights: blue below 0, red above.
COLORMAP = "coolwarm"
#: Width of a character of a longer text, in font sizes, and the smallest font size of a title in points.
AVERAGE_WIDTH = 0.6
SMALLEST_POINTS = 6.0


def import_pyplot(display: object) -> ModuleType:
    """Return `matplotlib.pyplot`, or raise ImportError with the command that installs it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{type(display).__name__}.plot needs matplotlib: pip install "skbackprop[plot]".') from error
    return plt


def settle_layout(ax: Any) -> None:
    """Let the layout engine of a figure, if there is one, set the final size of axes."""
    figure = ax.figure.figure
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()


def panel_axes(
    plt: ModuleType,
    ax: Any,
    n_panels: int,
    n_cols: int | None,
    default_cols: int,
    panel_inches: tuple[float, float],
    space_inches: tuple[float, float],
) -> tuple[np.ndarray, Any]:
    """Return the axes of several panels.

    As in scikit-learn's `PartialDependenceDisplay`, a single axes is divided into a grid of panels, and an array of
    axes is used unchanged.

    Parameters
    ----------
    plt : module
        `matplotlib.pyplot`.
    ax : matplotlib Axes, array-like of Axes or None
        The axes given by the user. None creates a new figure.
    n_panels : int
        Number of panels.
    n_cols : int or None
        Largest number of columns of the grid. None means `default_cols` in a new figure, and the number with the
        largest panels in axes that were given.
    default_cols : int
        Largest number of columns in a new figure.
    panel_inches : tuple of (float, float)
        Width and height of a panel in a new figure.
    space_inches : tuple of (float, float)
        Space between two columns and between two rows, for titles and labels, in axes that were given.

    Returns
    -------
    axes : ndarray of matplotlib Axes
        The panels, of shape (n_rows, n_columns) or in the shape of `ax`. Entries without a panel are None.
    bounding_ax : matplotlib Axes or None
        The axes that was divided; None if several were given.
    """
    if ax is not None and not isinstance(ax, plt.Axes):
        axes = np.asarray(ax, dtype=object)
        n_axes = sum(panel is not None for panel in axes.flat)
        if n_axes != n_panels:
            raise ValueError(
                f"ax contains {n_axes} axes for {n_panels} panels; pass one axes per panel, a single axes to divide, "
                "or None."
            )
        return axes, None
    spaces: dict[str, float] = {}
    if ax is None:
        n_cols, n_rows = _grid(n_cols or default_cols, n_panels)
        width, height = panel_inches
        ax = plt.subplots(figsize=(width * n_cols + 0.8, height * n_rows), layout="constrained")[1]
    elif not ax.axison:
        raise ValueError("ax is divided into the panels of another display; pass ax=display.axes_ to draw into them.")
    elif ax.get_subplotspec() is None:
        raise ValueError("ax cannot be divided; create it with plt.subplots, or pass one axes per panel.")
    else:
        ax.set_axis_off()
        settle_layout(ax)
        size = ax.get_window_extent().size / ax.figure.dpi
        proportions = panel_inches[0] / panel_inches[1]
        grids = [_grid(n, n_panels) for n in ([n_cols] if n_cols else range(1, n_panels + 1))]
        n_cols, n_rows = max(grids, key=lambda grid: _panel_height(size, grid, space_inches, proportions))
        if ax.figure.figure.get_layout_engine() is None:  # a layout engine leaves space for titles and labels itself
            widths = (size - np.multiply(space_inches, (n_cols - 1, n_rows - 1))) / (n_cols, n_rows)
            wspace, hspace = space_inches / np.maximum(widths, 0.1)
            spaces = {"wspace": wspace, "hspace": hspace}
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(n_rows, n_cols, **spaces)
    axes = np.full((n_rows, n_cols), None, dtype=object)
    for panel in range(n_panels):
        axes.flat[panel] = ax.figure.add_subplot(grid[panel])
    return axes, ax


def fitting_points(inches: float, text: str, largest: float) -> float:
    """Return the font size in points, `largest` at most, at which a line of text is not longer than these inches."""
    return float(np.clip(inches * 72 / (AVERAGE_WIDTH * max(len(text), 1)), SMALLEST_POINTS, largest))


def _grid(n_cols: int, n_panels: int) -> tuple[int, int]:
    """Return the numbers of columns and rows of a grid of panels with at most `n_cols` columns."""
    n_cols = min(n_cols, n_panels)
    return n_cols, math.ceil(n_panels / n_cols)


def _panel_height(size: np.ndarray, grid: tuple[int, int], space: tuple[float, float], proportions: float) -> float:
    """Return the height in inches of the panels of a grid in axes of a size, if they have these proportions."""
    width, height = (size - np.multiply(space, np.subtract(grid, 1))) / grid
    return float(min(width / proportions, height))
