"""Callbacks for tests: one records the calls of its hooks, one interrupts a fit; and the state of an estimator."""

import copy

import pytest
from sklearn.base import clone


class CallRecorder:
    """Records the calls of its hooks, and ends the fit after `stop_after` epochs."""

    def __init__(self, stop_after=None):
        self.calls = []
        self.stop_after = stop_after

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name, context.max_subtasks))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.record("begin", context, X, y, metadata, fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.record("end", context, X, y, metadata, fitted_estimator)
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after

    def record(self, hook, context, X, y, metadata, fitted_estimator):
        """Record the call of a hook of an epoch or of a fit."""
        self.calls.append((hook, context.task_name, context.task_id))
        self.arguments = X, y, metadata
        self.fitted_estimator = fitted_estimator


class Interrupter:
    """Ends a fit after some epochs as the end of its process would: only the file of a checkpoint is left."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.n_epochs:
            raise ChildProcessError


def fit_and_interrupt(network, n_epochs, callbacks, X, y):
    """Fit a clone of the network with these callbacks, and interrupt it after some epochs."""
    with pytest.raises(ChildProcessError):
        clone(network).set_callbacks(*callbacks, Interrupter(n_epochs)).fit(X, y)


def state_of(network):
    """Return a copy of everything that an estimator holds, except its callbacks."""
    state = copy.deepcopy(network.__getstate__())
    state["attributes"].pop("_skl_callbacks", None)
    return state
