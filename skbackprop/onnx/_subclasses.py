"""Converters of subclasses: those of the class that they inherit the predictions from."""

from __future__ import annotations

from typing import Any

from ._converters import CONVERTERS, Converter
from ._inner_estimators import estimators_within

#: Methods that a graph computes. A subclass that overrides one needs a converter of its own.
COMPUTED = ("predict", "predict_proba", "decision_function", "transform", "_fitted_model", "_fitted_members")


def register_subclasses(estimator: Any) -> None:
    """Register the converter of its parent for each class that inherits from one of this package.

    Parameters
    ----------
    estimator : estimator
        Its class and those of all estimators within it are registered.

    Raises
    ------
    TypeError
        If a class overrides what the graph computes, or is for data on a cluster.
    """
    from skl2onnx._supported_operators import sklearn_operator_name_map

    for kind in {type(inner) for inner in estimators_within(estimator)} - set(sklearn_operator_name_map):
        _check_is_local(kind)
        parent = next((converter for converter in CONVERTERS if _is_subclass(kind, converter)), None)
        if parent is not None:
            _check_inherits_predictions(kind, parent.estimator_class)
            parent.register(kind)


def _is_subclass(kind: type, converter: Converter) -> bool:
    return (
        not converter.replaces
        and converter.estimator_class.__module__.startswith("skbackprop")
        and issubclass(kind, converter.estimator_class)
    )


def _check_is_local(kind: type) -> None:
    if kind.__module__.startswith("skbackprop.dask"):
        raise TypeError(
            f"{kind.__name__} cannot be converted to ONNX, because its samples are on a cluster; convert "
            "estimator.to_local(), which has the same network."
        )


def _check_inherits_predictions(kind: type, parent: type) -> None:
    own = kind.__mro__[: kind.__mro__.index(parent)]
    overridden = [name for name in COMPUTED if any(name in vars(ancestor) for ancestor in own)]
    if overridden:
        raise TypeError(
            f"{kind.__name__} overrides {', '.join(overridden)} of {parent.__name__}, so the graph of "
            f"{parent.__name__} may not be right; register a converter with skl2onnx.update_registered_converter."
        )
