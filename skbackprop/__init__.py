"""Multilayer perceptrons for scikit-learn, trained by backpropagation."""

from importlib.util import find_spec
from types import ModuleType

from . import activations, exceptions, initializers, losses, optimizers, schedules
from ._estimators.classifier import BackpropClassifier
from ._estimators.regressor import BackpropRegressor
from ._public import publish
from ._version import __version__

__all__ = [
    "TRUSTED_TYPES",
    "BackpropClassifier",
    "BackpropRegressor",
    "__version__",
    "activations",
    "callbacks",
    "chunks",
    "compile",
    "dask",
    "ensemble",
    "exceptions",
    "initializers",
    "inspection",
    "losses",
    "onnx",
    "optimizers",
    "plotting",
    "schedules",
]

if find_spec("distributed") is None:  # tools that import every name in the list would fail
    __all__.remove("dask")


def __getattr__(name: str) -> ModuleType | list[str]:
    """Import a public submodule that training does not need when it is first used; list the types to trust."""
    from importlib import import_module

    if name == "TRUSTED_TYPES":
        from ._trusted import trusted_types

        return trusted_types()
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__dir__ = publish(globals())
