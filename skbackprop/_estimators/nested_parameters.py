"""Parameters of the hyperparameter objects of an estimator: ``set_params(optimizer__beta_2=0.9)``.

For scikit-learn, the part before the two underscores has to be an object. Here, it may also be a name, which stands for
an object with default parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from copy import copy
from typing import Any

from .._hyperparameters import Hyperparameters, shortened
from ..activations import ACTIVATIONS
from ..initializers import INITIALIZERS
from ..losses import LOSSES
from ..optimizers import OPTIMIZERS
from ..schedules import SCHEDULES

#: The objects that a parameter can name. Of the losses with the same name, the first one is that of the output
#: activation "auto"; none of the others has parameters.
REGISTRIES: dict[str, Mapping[str, Hyperparameters]] = {
    "activation": ACTIVATIONS,
    "loss": {name: loss for (name, _), loss in reversed(LOSSES.items())},
    "optimizer": OPTIMIZERS,
    "learning_rate": SCHEDULES,
    "init": INITIALIZERS,
}


def split_nested(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the parameters of the estimator itself, and those of its hyperparameter objects by object."""
    own: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in params.items():
        name, delimiter, inner = key.partition("__")
        if delimiter and name in REGISTRIES:
            nested[name][inner] = value
        else:
            own[key] = value
    return own, nested


def changed_component(name: str, value: Any, changes: Mapping[str, Any]) -> Hyperparameters:
    """Return the hyperparameter object that the parameter of an estimator is or names, after changing it.

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : object
        The value of the parameter. A hyperparameter object is changed in place, as nested estimators are by
        scikit-learn; that of a name is copied.
    changes : mapping of str to object
        New values by the name of the hyperparameter.

    Returns
    -------
    component : Hyperparameters

    Raises
    ------
    ValueError
        If the parameter neither is nor names a hyperparameter object, or if the object has no such hyperparameter.
    """
    registry = REGISTRIES[name]
    if isinstance(value, Hyperparameters):
        return value.set_params(**changes)
    if isinstance(value, str) and value in registry:
        return copy(registry[value]).set_params(**changes)
    names = [known for known, component in registry.items() if changes.keys() <= component.get_params().keys()]
    if not names:
        raise ValueError(f"There is no {name} with the parameters {sorted(changes)}.")
    arguments = ", ".join(f"{inner}={shortened(change)}" for inner, change in changes.items())
    example = type(registry[names[0]]).__name__
    raise ValueError(
        f"{name}={shortened(value)} has no parameters {sorted(changes)}: pass {name}={example}({arguments}), for "
        f"example, or set {name} to one of the names {names}, too."
    )
