"""The loss that the parameters `loss` and `output_activation` of an estimator specify together."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from .._other_names import hint
from . import LOSSES, Loss
from ._regression import LOSSES as REGRESSION_LOSSES

#: What ``output_activation="auto"`` is for each loss of numbers: the first entry of its name, hence in reverse.
AUTO_REGRESSION_OUTPUTS: dict[str, str] = dict(reversed(REGRESSION_LOSSES))


def resolve_loss(loss: str | Loss, output_activation: str, auto: Mapping[str, str]) -> Loss:
    """Return the loss that the two parameters specify together.

    Parameters
    ----------
    loss : str or Loss
    output_activation : str
    auto : mapping of str to str
        The names of the losses that the estimator knows, and what "auto" is for each.

    Raises
    ------
    ValueError
        If a name is unknown, or the two are not compatible; the message lists the known names.
    """
    if isinstance(loss, Loss):
        if any(type(loss) is type(known) and name not in auto for (name, _), known in LOSSES.items()):
            raise ValueError(f"loss={loss!r} is not for this kind of target; the names are {sorted(auto)}.")
        if output_activation not in ("auto", loss.output_activation):
            raise ValueError(
                f"output_activation={output_activation!r} is not compatible with loss={loss!r}, "
                f"which has {loss.output_activation!r}; leave it at 'auto'."
            )
        return copy(loss)
    if loss not in auto:
        remedy = hint("loss", loss, auto, {name for name, _ in LOSSES})
        raise ValueError(f"loss={loss!r} is not known; the names are {sorted(auto)}.{remedy}")
    output = auto[loss] if output_activation == "auto" else output_activation
    if (loss, output) not in LOSSES:
        known_outputs = ["auto", *sorted(activation for name, activation in LOSSES if name == loss)]
        raise ValueError(
            f"output_activation={output!r} is not compatible with loss={loss!r}; the names are {known_outputs}."
            f"{hint('output_activation', output, known_outputs)}"
        )
    return LOSSES[loss, output]
