"""`Columns`: which columns of a file are features, targets and sample weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ._base import Chunk

if TYPE_CHECKING:
    import pandas as pd


class Columns(NamedTuple):
    """The roles of columns.

    Attributes
    ----------
    features : list
        Names of the features.
    target : hashable or list
        Name of the target, or a list of names.
    sample_weight : hashable or None
        Name of the sample weights.
    """

    features: list[Any]
    target: Any
    sample_weight: Any

    @property
    def names(self) -> list[Any]:
        """The names of all columns that are used."""
        weights = [] if self.sample_weight is None else [self.sample_weight]
        return [*self.features, *as_list(self.target), *weights]

    def check(self, source: str, available: Collection[Any]) -> None:
        """Raise ValueError if a file lacks a column."""
        missing = [name for name in self.names if name not in available]
        if missing:
            raise ValueError(f"{source!r} lacks the columns {missing}; it has {list(available)}.")

    def split(self, frame: pd.DataFrame) -> Chunk:
        """Return X and y, or X, y and the sample weights."""
        X, y = frame[self.features], frame[self.target]
        return (X, y) if self.sample_weight is None else (X, y, frame[self.sample_weight])


def choose_columns(
    available: Sequence[Any], target: Any, features: Sequence[Any] | None, sample_weight: Hashable | None
) -> Columns:
    """Return the roles of the columns; without `features`, those without another role are features."""
    targets = as_list(target)
    others = [*targets, sample_weight]
    names = [name for name in available if name not in others] if features is None else as_list(features)
    both = [name for name in names if name in others]
    if both:
        raise ValueError(f"features={names} includes {both}, which is a target or the sample weights; leave it out.")
    if not names or not targets:
        raise ValueError(f"target={targets} and features={names} must each name at least one column.")
    columns = Columns(names, targets if _is_list(target) else target, sample_weight)
    twice = [name for name, number in Counter(columns.names).items() if number > 1]
    if twice:
        raise ValueError(
            f"features={names}, target={target!r} and sample_weight={sample_weight!r} name {twice} more than once; a "
            "column can be used once."
        )
    return columns


def as_list(names: Any) -> list[Any]:
    """Return a list of one name or of several."""
    return list(names) if _is_list(names) else [names]


def _is_list(names: Any) -> bool:
    """Return whether an argument is a collection of names; a tuple is one, too."""
    return hasattr(names, "__iter__") and not isinstance(names, str)
