"""The public objects of the package: what the `__all__` of its public modules name."""

from importlib import import_module
from importlib.util import find_spec
from inspect import isclass, isfunction
from pkgutil import iter_modules

import skbackprop

#: The public submodules, as they lie in the package's folder, without those that cannot be imported here.
SUBMODULES = sorted(
    module.name
    for module in iter_modules(skbackprop.__path__)
    if not module.name.startswith("_") and (module.name != "dask" or find_spec("distributed"))
)
#: The names of all public modules.
MODULES = ["skbackprop", *(f"skbackprop.{name}" for name in SUBMODULES)]


def public_names():
    """Return the full names of all public classes and functions."""
    names = []
    for module in MODULES:
        exported = {name: getattr(import_module(module), name) for name in import_module(module).__all__}
        names += [f"{module}.{name}" for name, value in exported.items() if isclass(value) or isfunction(value)]
    return names


def load(name):
    """Return the class or function with a full name."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)
