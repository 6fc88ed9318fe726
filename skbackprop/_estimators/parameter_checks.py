"""Checks of parameters that all estimators make: errors name the parameter, the value and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import InvalidParameterError

from .._hyperparameters import is_printable, shortened
from .._other_names import hint
from .parameters import check_numbers


class ParameterChecks(BaseEstimator):
    """Base class of all estimators, which validates what scikit-learn leaves to Python's errors."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, also those of an estimator that is a parameter.

        Parameters
        ----------
        **params : dict
            New values by the name of the parameter; ``estimator__alpha=0.1`` sets `alpha` of the parameter `estimator`.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a parameter is unknown, or what it is a parameter of has none.

        See Also
        --------
        get_params : All parameters by name.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> from skbackprop.ensemble import BackpropEnsembleRegressor
        >>> ensemble = BackpropEnsembleRegressor(BackpropRegressor()).set_params(estimator__alpha=0.1)
        >>> ensemble.estimator
        BackpropRegressor(alpha=0.1)
        """
        if any("__" in name for name in params):
            _check_nested(self, params)
        super().set_params(**params)
        return self

    def _validate_params(self) -> None:
        params = self.get_params(deep=False)
        check_numbers(params)
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            message = str(error)
            invalid = [name for name in params if message.startswith(f"The {name!r} parameter")]
            raise InvalidParameterError(message + "".join(hint(name, params[name]) for name in invalid)) from None
        except ValueError as error:  # scikit-learn prints a value that Python does not print
            for name, value in params.items():
                if not is_printable(value):
                    raise ValueError(f"{name}={shortened(value)} is too large: numbers must be below 2**63.") from error
            raise


def _check_nested(estimator: BaseEstimator, params: Mapping[str, Any]) -> None:
    """Raise ValueError if a name like "alpha__x" is of a parameter that has no parameters."""
    own = estimator.get_params(deep=False)
    for key in params:
        name, delimiter, _ = key.partition("__")
        value = params.get(name, own.get(name))
        if not delimiter or name not in own or hasattr(value, "set_params"):
            continue
        remedy = f"; set {name} itself before, or in the same call" if value is None else ""
        raise ValueError(
            f"Invalid parameter {key!r} for {type(estimator).__name__}: {name}={shortened(value)} has no parameters"
            f"{remedy}."
        )
