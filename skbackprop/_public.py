"""What a public module shows: the names in its `__all__`, under its own name.

The code stands in private modules, which may be moved and renamed. Users never see them: `dir` and tab completion list
public names only, and public classes and functions name the public module, in their `repr` and in pickles.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass, isfunction
from typing import Any


def publish(namespace: dict[str, Any]) -> Callable[[], list[str]]:
    """Make the objects in `__all__` belong to the module that exports them, and return the `__dir__` of that module.

    A public module calls it once, in its last line: ``__dir__ = publish(globals())``.

    Parameters
    ----------
    namespace : dict
        The globals of the public module. Names in `__all__` that are not imported yet are left alone.

    Returns
    -------
    module_dir : callable
        It returns the names in `__all__`.
    """
    module, public_names = namespace["__name__"], namespace["__all__"]
    for name in public_names:
        value = namespace.get(name)
        if isclass(value) or isfunction(value):
            _move(value, module)

    def module_dir() -> list[str]:
        return sorted(public_names)

    return module_dir


def _move(value: Any, module: str) -> None:
    """Set `__module__` of a class or a function, and of the methods that the class defines.

    Methods are included because `doctest` runs the examples of the functions that belong to a module.
    """
    origin = value.__module__
    if not origin.startswith(f"{module}."):
        return
    value.__module__ = module
    members = vars(value).values() if isclass(value) else ()
    for member in members:
        for method in (member, getattr(member, "__func__", None)):  # class methods and static methods have a __func__
            if getattr(method, "__module__", None) == origin:
                method.__module__ = module
