"""Hyperparameters: the small frozen records that the public vocabulary is made of, and their look-up by name.

A record holds settings and formulas and never anything that training learns, so one object can serve any number of
estimators. It answers `get_params` and `set_params` as scikit-learn asks of a nested object, and so
``GridSearchCV(estimator, {"optimizer__beta_2": [0.9, 0.999]})`` works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any, Self, TypeVar

Record = TypeVar("Record", bound="Hyperparameters")


@dataclass(frozen=True)
class Hyperparameters:
    """Base of every activation, loss, optimizer, schedule and initializer."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings by name, as scikit-learn's `clone` and `set_params` need them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change settings by name and return the record.

        It is there for scikit-learn's protocol and the one way to change a record: training only ever reads it.

        Raises
        ------
        ValueError
            If a name is unknown or a value is out of its range; nothing is changed then.
        """
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no setting {name!r}; it has {sorted(known)}.")
        changed = replace(self, **params)
        for name in params:
            object.__setattr__(self, name, getattr(changed, name))
        return self


def check_number(
    owner: Hyperparameters, name: str, *, low: float = -math.inf, high: float = math.inf, closed: str = "neither"
) -> None:
    """Raise ValueError unless the setting `name` is a finite number between `low` and `high`.

    `closed` is "left", "right", "both" or "neither": which of the two bounds belong to the range.
    """
    value = getattr(owner, name)
    inside = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if inside:
        above = value >= low if closed in ("left", "both") else value > low
        below = value <= high if closed in ("right", "both") else value < high
        inside = above and below
    if not inside:
        left = "[" if closed in ("left", "both") else "("
        right = "]" if closed in ("right", "both") else ")"
        raise ValueError(
            f"{name} of {type(owner).__name__} must be a number in {left}{low:g}, {high:g}{right}, got {value!r}."
        )


def resolve(value: Any, registry: Mapping[str, Record], kind: type[Record], parameter: str, *also: str) -> Record:
    """Return a copy of the record that `value` means: itself, or the one that `registry` has under that name.

    `also` are names that the caller has looked for itself.

    A copy, because `set_params` may change the record that the user holds while a network is trained with it.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    TypeError
        If `value` is neither a name nor a record of type `kind`.
    """
    if isinstance(value, kind):
        return copy(value)
    if not isinstance(value, str):
        raise TypeError(f"{parameter} must be a name or {_article(kind)} object, got {value!r}.")
    if value not in registry:
        raise ValueError(f"{parameter}={value!r} is not known; the names are {sorted([*also, *registry])}.")
    return copy(registry[value])


def _article(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
