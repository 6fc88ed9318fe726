"""`BaseDaskBackprop`: what the regressor and the classifier for dask collections share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from inspect import Parameter, getdoc, signature
from typing import Any, TypeVar

import dask
from distributed import Client, default_client
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._estimators.base import BaseBackprop, ValidationSet, issue_warnings
from .._estimators.fitting import FitRequest
from .._sklearn_compat import StrOptions
from .._training.result import TrainingResult
from ._fitting import TRAINERS, run_dask_fit
from ._partitions import is_collection
from ._prediction import predict_lazily

Class = TypeVar("Class", bound=type)

#: Attributes that belong to the process, or to the fit on a cluster.
NOT_COPIED = ("client", "_skl_callbacks", "_announced_callbacks")


#: The parameters besides those of estimators for data in memory, with their types and ranges.
CONSTRAINTS: dict[str, list[object]] = {"strategy": [StrOptions(set(TRAINERS))]}


class LocalMethod:
    """A method that only the estimator for data in memory has."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, estimator: BaseDaskBackprop | None, owner: type[BaseDaskBackprop]) -> Any:
        """Raise AttributeError, so that `hasattr` returns False."""
        raise AttributeError(
            f"{owner.__name__} has no {self._name}, which is for data that this process reads: call it on the "
            f"{owner._local_class.__name__} that to_local() returns."
        )


class BaseDaskBackprop(BaseBackprop):
    """Training on a cluster, and lazy predictions."""

    _local_class: type[BaseBackprop]
    strategy: str
    client: Client | None

    partial_fit: Any = LocalMethod()
    fit_chunks: Any = LocalMethod()

    @abstractmethod
    def to_local(self) -> BaseBackprop:
        """Return the same network as an estimator for data in memory."""

    @property
    def client_(self) -> Client:
        """The client of the cluster: the one that was given, or the default client."""
        if isinstance(self.client, Client):
            return self.client
        if self.client is not None:
            raise TypeError(
                f"client must be a distributed.Client or None, got {self.client!r}: pass Client(address) to connect to "
                "a cluster at an address."
            )
        try:
            return default_client()
        except ValueError as error:
            raise ValueError(
                "There is no dask client: create one with distributed.Client(), also for the cores of this machine, or "
                f"pass client to {type(self).__name__}."
            ) from error

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: ValidationSet) -> Any:
        self.__dict__.pop("_progress", None)  # of a copy that was made during another fit
        resumes = self.__sklearn_is_fitted__() and self.warm_start
        n_before = len(self._state.loss_curve) if resumes else 0
        result = self._run(FitRequest(X, y, sample_weight, validation, resumes=resumes), n_before)
        issue_warnings(result, stacklevel=4)  # scikit-learn wraps `fit` in another function
        return self

    def _finish_fit(self, X: Any, y: Any, sample_weight: Any, validation: ValidationSet) -> Any:
        if self._is_unfinished:
            self._validate_params()
            request = FitRequest(X, y, sample_weight, validation, resumes=True, finishes=True)
            issue_warnings(self._run(request, 0), stacklevel=3)
        return self

    def _finish_fit_chunks(self, chunks: Any, validation: ValidationSet) -> Any:
        if self._is_unfinished:
            raise ValueError("The checkpoint is from a fit to dask collections: call resume with these.")
        return self

    def _run(self, request: FitRequest, n_before: int) -> TrainingResult:
        result = run_dask_fit(self, request, self._local_class)
        self._warn_if_still_falling(result, n_before)
        return result

    def _to_local(self) -> BaseBackprop:
        """Return the same network as an estimator for data in memory, which shares nothing with this one."""
        stored = self.__getstate__()
        stored["params"].pop("strategy")
        for name in NOT_COPIED:
            stored["attributes"].pop(name, None)
        local = self._local_class.__new__(self._local_class)
        local.__setstate__(deepcopy(stored))
        return local

    def _predict(self, method: str, X: Any) -> Any:
        """Return the lazy predictions for a dask collection."""
        check_is_fitted(self)
        return predict_lazily(self._to_local().drop_optimizer_state(), method, X)

    def _computed(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Any, Any, Any]:
        """Return y, the predictions and the weights as arrays."""
        prediction = self._predict("predict", X) if is_collection(X) else self.to_local().predict(X)
        return dask.compute(y, prediction, sample_weight)

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return [name for name in super()._get_param_names() if name != "client"]

    def __getstate__(self) -> dict[str, Any]:
        stored = super().__getstate__()
        stored["attributes"].pop("client", None)
        return stored

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.client = None


def with_parameters_of(local: type) -> Callable[[Class], Class]:
    """Give a class the parameters of another, whose constructor takes them as keyword arguments, and their description.

    The docstring of the class has its own parameters, to which those of the other class and its fitted attributes are
    added.
    """

    def decorate(kind: Class) -> Class:
        constructor: Any = vars(kind)["__init__"]
        inherited, own = signature(vars(local)["__init__"]).parameters, signature(constructor).parameters
        added = [value for name, value in own.items() if name not in inherited and value.kind != Parameter.VAR_KEYWORD]
        constructor.__signature__ = signature(constructor).replace(parameters=[*inherited.values(), *added])
        described = _sections(getdoc(local) or "")
        text = getdoc(kind) or ""
        for title in ("Parameters", "Attributes"):
            heading = f"{title}\n{'-' * len(title)}\n"
            text = text.replace(heading, heading + described[title])
        kind.__doc__ = f"{text}\n"
        return kind

    return decorate


def _sections(docstring: str) -> dict[str, str]:
    """Return the lines of the sections of a docstring in numpydoc's format, which is not indented."""
    sections = {}
    for part in docstring.split("\n\n"):
        title, _, rest = part.partition("\n")
        underline, _, lines = rest.partition("\n")
        if underline == "-" * len(title):
            sections[title] = f"{lines.rstrip()}\n"
    return sections
