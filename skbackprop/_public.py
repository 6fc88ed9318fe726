"""Publish the names in the `__all__` of a public module as belonging to that module.

The code is in private modules, which may be moved and renamed. Users never see them: `dir` and tab completion list
public names only, public classes and functions name the public module in their `repr` and in pickles, and error
messages name no private base class.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass, isfunction, unwrap
from typing import Any


def publish(namespace: dict[str, Any]) -> Callable[[], list[str]]:
    """Make the objects in `__all__` belong to the module that exports them, and return the `__dir__` of that module.

    Each public module calls it once, at its end: ``__dir__ = publish(globals())``.

    Parameters
    ----------
    namespace : dict
        The globals of the public module. Names in `__all__` that are not imported yet are skipped.

    Returns
    -------
    module_dir : callable
        It returns the names in `__all__`.
    """
    module, names = namespace["__name__"], namespace["__all__"]
    values = [namespace[name] for name in names if name in namespace]
    public = [value for value in values if isclass(value) or isfunction(value)]
    for value in public:
        if value.__module__.startswith(f"{module}."):
            value.__module__ = module
            if "__firstlineno__" in vars(value):  # of the private module; Python 3.13.0 would look in the public one
                delattr(value, "__firstlineno__")
    for value in public:
        if isclass(value):
            _hide_private_bases(value)

    def module_dir() -> list[str]:
        return sorted(names)

    return module_dir


def _hide_private_bases(kind: type) -> None:
    """Remove the names of private base classes from their public methods.

    Python puts the qualified name of a method into its error messages: ``fit() got an unexpected keyword argument``
    instead of ``BaseBackprop.fit() got an unexpected keyword argument``.
    """
    for base in kind.__mro__:
        package, *path = [*base.__module__.split("."), base.__name__]
        if package != __name__.partition(".")[0] or not any(part.startswith("_") for part in path):
            continue
        for name, method in vars(base).items():
            if isfunction(method) and (name == "__init__" or not name.startswith("_")):
                method.__qualname__ = name
                unwrap(method).__qualname__ = name
