"""Activations: elementwise functions of a layer's pre-activation `z`, and their derivatives.

Each activation defines its formulas twice, side by side: on arrays for the numpy engine, and on single numbers for the
loops of the compiled engine.

Shapes: `z` and `a = f(z)` are arrays of shape (n_samples, n_units), both of the network's dtype. The array forms write
their results to arrays that the caller passes, so that training allocates no memory.

A custom activation is a subclass of `Activation`, which `check_activation` checks, or a `FunctionActivation` of two
plain functions.

To add an activation, write a subclass with the four functions and add it to `ACTIVATIONS` and `__all__` of its file;
both engines, the lookup by name and the tests find it there. docs/developers/extending.md shows the steps.
"""

from __future__ import annotations

from .._public import publish
from . import _classical, _functions, _rectifiers
from ._base import Activation
from ._check import check_activation
from ._classical import *  # noqa: F403
from ._functions import *  # noqa: F403
from ._rectifiers import *  # noqa: F403

__all__ = ["ACTIVATIONS", "Activation", "check_activation"]
__all__ += _classical.__all__
__all__ += _functions.__all__
__all__ += _rectifiers.__all__
__all__.sort(key=lambda name: (not name.isupper(), name))

#: The activations by name.
ACTIVATIONS: dict[str, Activation] = {**_classical.ACTIVATIONS, **_rectifiers.ACTIVATIONS}

__dir__ = publish(globals())
