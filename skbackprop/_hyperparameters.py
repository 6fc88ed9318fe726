"""Hyperparameter objects: the base of activations, losses, optimizers, schedules and initializers, and their lookup.

A hyperparameter object holds numbers that the user chooses and formulas that use them, but nothing that training
learns, so one object can serve any number of estimators. It has `get_params` and `set_params` like a nested estimator
of scikit-learn: ``GridSearchCV(estimator, {"optimizer__beta_2": [0.9, 0.999]})`` works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, fields, replace
from inspect import isfunction
from numbers import Integral, Rational, Real
from typing import Any, Self, TypeVar

import numpy as np

from ._other_names import hint, keyword_hint

Kind = TypeVar("Kind", bound="Hyperparameters")


@dataclass(frozen=True)
class Hyperparameters:
    """Base class of every activation, loss, optimizer, schedule and initializer."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give each method that has no docstring the docstring of the method that it overrides."""
        super().__init_subclass__(**kwargs)
        for name, method in vars(cls).items():
            if isfunction(method) and method.__doc__ is None and not name.startswith("_"):
                method.__doc__ = getattr(getattr(super(cls, cls), name, None), "__doc__", None)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyperparameters by name, for `sklearn.base.clone` and for searches.

        Parameters
        ----------
        deep : bool, default=True
            Has no effect, because no hyperparameter is an estimator. scikit-learn passes it.

        Returns
        -------
        params : dict
            The value of each hyperparameter by its name.

        See Also
        --------
        set_params : Change hyperparameters by name.

        Examples
        --------
        >>> from skbackprop.optimizers import Momentum
        >>> Momentum().get_params()
        {'momentum': 0.9}
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change hyperparameters by name.

        The object is frozen otherwise: training reads it and never changes it.

        Parameters
        ----------
        **params : dict
            New values by the name of the hyperparameter.

        Returns
        -------
        self : object
            The changed object.

        Raises
        ------
        ValueError
            If a name is unknown or a value is out of its range. Nothing is changed in that case.

        See Also
        --------
        get_params : Return all hyperparameters by name.

        Examples
        --------
        >>> from skbackprop.optimizers import Momentum
        >>> Momentum().set_params(momentum=0.5)
        Momentum(momentum=0.5)
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                names = sorted(known) or "none"
                raise ValueError(
                    f"{type(self).__name__} has no hyperparameter {name!r}; it has {names}.{keyword_hint(name, known)}"
                )
        changed = replace(self, **params)
        for name in params:
            object.__setattr__(self, name, getattr(changed, name))
        return self


def fits_in_float(value: Any) -> bool:
    """Return whether this is a real number that floating-point arithmetic takes.

    A bool is none, nor is a fraction, nor an integer of more than 64 bits, which may exceed all floating-point numbers.
    """
    if isinstance(value, Integral):  # as which numpy registers its durations
        return not isinstance(value, (bool, np.timedelta64)) and abs(int(value)) < 2**63
    return isinstance(value, Real) and not isinstance(value, Rational)


def shortened(value: Any) -> str:
    """Return the representation of a value for messages: Python refuses to print thousands of digits.

    Parameters
    ----------
    value : object

    Returns
    -------
    text : str
    """
    if not is_printable(value):
        return f"{type(value).__name__} with thousands of digits"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:60]}... ({len(text)} characters)"


def is_printable(value: Any) -> bool:
    """Return whether Python prints a value: not if it is or contains an integer of thousands of digits."""
    try:
        repr(value)
    except ValueError:
        return False
    return True


def check_number(
    owner: Hyperparameters, name: str, *, low: float = -math.inf, high: float = math.inf, closed: str = "neither"
) -> None:
    """Raise ValueError unless a hyperparameter is a finite number in a range.

    Parameters
    ----------
    owner : Hyperparameters
        The object to check.
    name : str
        Name of the hyperparameter.
    low : float, default=-inf
        Lower bound.
    high : float, default=inf
        Upper bound.
    closed : {"left", "right", "both", "neither"}, default="neither"
        Which of the two bounds belong to the range.

    Raises
    ------
    ValueError
        If the value is not a finite number in the range. A bool is not a number here.
    """
    value = getattr(owner, name)
    has_low = closed in ("left", "both")
    has_high = closed in ("right", "both")
    is_valid = fits_in_float(value) and math.isfinite(value)
    is_valid = is_valid and (value >= low if has_low else value > low)
    is_valid = is_valid and (value <= high if has_high else value < high)
    if not is_valid:
        left = "[" if has_low else "("
        right = "]" if has_high else ")"
        raise ValueError(
            f"{name} of {type(owner).__name__} must be a number in {left}{low:g}, {high:g}{right}, "
            f"got {shortened(value)}."
        )


def resolve(value: Any, registry: Mapping[str, Kind], kind: type[Kind], parameter: str, *also: str) -> Kind:
    """Return a copy of the hyperparameter object that a parameter of an estimator specifies.

    It is a copy because the user may call `set_params` on the object while a network is trained with it.

    Parameters
    ----------
    value : str or Hyperparameters
        A name in `registry`, or an object of type `kind`.
    registry : mapping of str to Hyperparameters
        The objects that have a name.
    kind : type
        The base class of the objects in `registry`.
    parameter : str
        Name of the parameter, for error messages.
    *also : str
        Further valid names, which the caller has handled; they are listed in the error message.

    Returns
    -------
    hyperparameters : Hyperparameters
        A copy of the object.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the valid names.
    TypeError
        If `value` is neither a name nor an object of type `kind`.
    """
    if isinstance(value, kind):
        return copy(value)
    if not isinstance(value, str):
        raise TypeError(f"{parameter} must be a name or {_with_article(kind.__name__)} object, got {shortened(value)}.")
    if value not in registry:
        names = sorted([*also, *registry])
        raise ValueError(f"{parameter}={value!r} is not known; the names are {names}.{hint(parameter, value, names)}")
    return copy(registry[value])


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"
