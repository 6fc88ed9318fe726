"""The formulas that the compiled engine supports: the scalar and loop forms of the entries of the public registries.

The compiled engine supports exactly the classes in these registries that have such a form. It does not support a
subclass of them: the subclass inherits the forms, but its array form may compute something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from .._core.network import Network
from .._hyperparameters import Hyperparameters
from ..activations import ACTIVATIONS
from ..losses import LOSSES
from ..optimizers import OPTIMIZERS


class Formula(NamedTuple):
    """A function for the kernel, and the positions of the settings that it takes after its leading arguments."""

    function: Callable[..., Any]
    positions: tuple[int, ...]


class Entry(NamedTuple):
    """What the kernel needs to know about a class: its code, the names of its settings, and its formulas by name."""

    code: int
    settings: tuple[str, ...]
    formulas: dict[str, Formula]


def collect(entries: Iterable[Hyperparameters], *forms: dict[str, int]) -> dict[type, Entry]:
    """Return the `Entry` of each class among these objects; classes without a form for the kernel are left out.

    Parameters
    ----------
    entries : iterable of Hyperparameters
    *forms : dict of str to int
        Names of the static functions that make up one form, with the number of their leading arguments. Further
        arguments are settings: attributes of the entry with the same name.

    Raises
    ------
    TypeError
        If a function has a parameter that is not an attribute of the entry.
    """
    collected: dict[type, Entry] = {}
    for entry in entries:
        for form in forms:
            functions = {name: getattr(entry, name) for name in form}
            if type(entry) in collected or None in functions.values():
                continue
            wanted = {name: trailing_parameters(functions[name], n_leading) for name, n_leading in form.items()}
            settings = tuple(dict.fromkeys(setting for names in wanted.values() for setting in names))
            for setting in settings:
                if not hasattr(entry, setting):
                    raise TypeError(
                        f"A formula of {entry!r} has the parameter {setting!r}, which is not an attribute of it."
                    )
            formulas = {
                name: Formula(function, tuple(settings.index(setting) for setting in wanted[name]))
                for name, function in functions.items()
            }
            equal = (known.code for known in collected.values() if known.formulas == formulas)
            code = next(equal, len(collected))  # AdamW shares the code of Adam, because its step is the same
            collected[type(entry)] = Entry(code, settings, formulas)
    return collected


def trailing_parameters(function: Callable[..., Any], n_leading: int) -> tuple[str, ...]:
    """Return the names of the positional parameters after the first `n_leading`."""
    code = function.__code__
    return code.co_varnames[n_leading : code.co_argcount]


def settings_of(component: Hyperparameters, entry: Entry) -> list[np.ndarray]:
    """Return the settings of a component, each an array of one dimension."""
    return [np.atleast_1d(np.asarray(getattr(component, name), np.float64)) for name in entry.settings]


def settings_matrix(columns: list[np.ndarray], dtype: DTypeLike) -> np.ndarray:
    """Return a matrix with a row for each setting, padded with zeros; it has at least one row and one column."""
    width = max([1, *(len(column) for column in columns)])
    matrix = np.zeros((max(1, len(columns)), width), dtype)
    for row, column in zip(matrix, columns, strict=False):
        row[: len(column)] = column
    return matrix


def hidden_layers(network: Network, dtype: DTypeLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sizes of all layers, the codes of the activations, and their settings, a column for each."""
    entries = [ACTIVATION_ENTRIES[type(activation)] for activation in network.activations]
    columns = [
        np.concatenate([[], *settings_of(activation, entry)])
        for activation, entry in zip(network.activations, entries, strict=True)
    ]
    return (
        np.array(network.sizes, np.uint64),
        np.array([entry.code for entry in entries], np.int64),
        np.ascontiguousarray(settings_matrix(columns, dtype).T),
    )


ACTIVATION_ENTRIES = collect(ACTIVATIONS.values(), {"scalar_value": 1, "scalar_derivative": 2})
LOSS_ENTRIES = collect(LOSSES.values(), {"scalar_value_and_gradient": 2}, {"loop_value_and_gradient": 6})
OPTIMIZER_ENTRIES = collect(OPTIMIZERS.values(), {"loop_step": 5})
