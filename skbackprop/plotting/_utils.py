"""What the displays share: a lazy import of matplotlib, and axes for several panels."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

#: Colors of weights: blue below 0, red above.
COLORMAP = "coolwarm"


def import_pyplot(display: object) -> ModuleType:
    """Return `matplotlib.pyplot`, or raise ImportError with the command that installs it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{type(display).__name__}.plot needs matplotlib: pip install "skbackprop[plot]".') from error
    return plt


def panel_axes(
    plt: ModuleType, ax: Any, n_panels: int, n_cols: int, panel_inches: tuple[float, float]
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
    n_cols : int
        Largest number of columns of the grid.
    panel_inches : tuple of (float, float)
        Width and height of a panel in a new figure.

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
    n_cols = min(n_cols, n_panels)
    n_rows = math.ceil(n_panels / n_cols)
    if ax is None:
        width, height = panel_inches
        ax = plt.subplots(figsize=(width * n_cols + 0.8, height * n_rows), layout="constrained")[1]
    elif not ax.axison:
        raise ValueError("ax is divided into the panels of another display; pass ax=display.axes_ to draw into them.")
    elif ax.get_subplotspec() is None:
        raise ValueError("ax cannot be divided; create it with plt.subplots, or pass one axes per panel.")
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(n_rows, n_cols)
    axes = np.full((n_rows, n_cols), None, dtype=object)
    for panel in range(n_panels):
        axes.flat[panel] = ax.figure.add_subplot(grid[panel])
    return axes, ax
