"""What the displays share: matplotlib, asked for only when something is drawn, and axes for several panels."""

from __future__ import annotations

import math

import numpy as np

#: Colours of weights: blue below 0, red above.
COLORMAP = "coolwarm"


def import_pyplot(display):
    """Return `matplotlib.pyplot`, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{type(display).__name__}.plot needs matplotlib: pip install "skbackprop[plot]".') from error
    return plt


def panel_axes(plt, ax, n_panels: int, n_cols: int, panel_inches: tuple[float, float]):
    """Return the axes for some panels, of shape (rows, columns) or that of `ax`, and the axes that bounds them or None.

    As in scikit-learn's PartialDependenceDisplay: one axes, or None for a new one, is divided into a grid; an array
    of axes is taken as it is. Places of the grid without a panel are None.
    """
    if ax is not None and not isinstance(ax, plt.Axes):
        axes = np.asarray(ax, dtype=object)
        n_axes = sum(panel is not None for panel in axes.flat)
        if n_axes != n_panels:
            raise ValueError(f"ax has {n_axes} axes for {n_panels} panels; pass as many, one to divide, or None.")
        return axes, None
    n_cols = min(n_cols, n_panels)
    n_rows = math.ceil(n_panels / n_cols)
    if ax is None:
        width, height = panel_inches
        ax = plt.subplots(figsize=(width * n_cols + 0.8, height * n_rows), layout="constrained")[1]
    elif not ax.axison:
        raise ValueError("ax holds another display's panels already; pass ax=display.axes_ to draw into these.")
    elif ax.get_subplotspec() is None:
        raise ValueError("ax lies in no grid that could be divided: make it by plt.subplots, or pass an axes a panel.")
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(n_rows, n_cols)
    axes = np.full((n_rows, n_cols), None, dtype=object)
    for panel in range(n_panels):
        axes.flat[panel] = ax.figure.add_subplot(grid[panel])
    return axes, ax
