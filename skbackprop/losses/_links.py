"""Derivatives of the output activations, which losses own as the inverse of their links.

Training does not need them: a loss gives its derivative by the raw output at once. They are for looking into a
network: how a prediction changes with the raw output, and through it with the inputs.

Shapes: `raw` is (n_rows, n_outputs), and so is the derivative of one output by all raw outputs.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from ._base import Loss

#: Step of the central differences by which the link of a loss of one's own is differentiated, relative to raw.
STEP = np.finfo(np.float64).eps ** (1 / 3)


def link_gradient(loss: Loss, raw: np.ndarray, output: int) -> np.ndarray:
    """Return the derivative of ``loss.inverse_link(raw)[:, output]`` by all raw outputs.

    By formula; an output activation that has a name of its own is differentiated by central differences.
    """
    name = loss.output_activation
    if name in ELEMENTWISE:
        gradient = np.zeros_like(raw)
        gradient[:, output] = ELEMENTWISE[name](raw[:, output])
        return gradient
    if name in JOINT:
        return JOINT[name](raw, output)
    return _differences(loss, raw, output)


def softmax_gradient(raw: np.ndarray, output: int) -> np.ndarray:
    """Return the derivative of ``softmax(raw)[:, output]``: -p_output p, but p_output (1 - p_output) by its own."""
    p = special.softmax(raw, axis=1)
    gradient = -p[:, [output]] * p
    gradient[:, output] = 0.0
    gradient[:, output] = -gradient.sum(axis=1)  # raising all raw outputs alike changes nothing
    return gradient


def _sorted_gradient(raw, output):
    gradient = np.zeros_like(raw)
    place = np.argsort(raw, axis=1, kind="stable")[:, output]
    gradient[np.arange(len(raw)), place] = 1.0
    return gradient


def _differences(loss, raw, output):
    gradient = np.empty_like(raw)
    for by in range(raw.shape[1]):
        below, above = raw.copy(), raw.copy()
        step = STEP * np.maximum(1.0, np.abs(raw[:, by]))
        below[:, by] -= step
        above[:, by] += step
        width = above[:, by] - below[:, by]
        gradient[:, by] = (loss.inverse_link(above)[:, output] - loss.inverse_link(below)[:, output]) / width
    return gradient


#: Output activations of one raw output each: their derivatives.
ELEMENTWISE = {
    "identity": np.ones_like,
    "logistic": lambda raw: special.expit(raw) * special.expit(-raw),  # f'(net) = f(net) f(-net), exact far out too
    "exponential": np.exp,
}
#: Output activations of all raw outputs together.
JOINT = {"softmax": softmax_gradient, "sorted": _sorted_gradient}
