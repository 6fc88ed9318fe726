"""A fit that was ended by a kill between two epochs, and is finished from its file."""

from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Checkpoint

from .shared import FEW, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)


class Killer:
    """Ends a fit after some epochs as a kill would: what is in the file is all that is left."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.n_epochs:
            raise ChildProcessError


def killed(network, n_epochs, callbacks, X, y):
    """Fit with these callbacks, and be killed."""
    with pytest.raises(ChildProcessError):
        clone(network).set_callbacks(*callbacks, Killer(n_epochs)).fit(X, y)


@pytest.mark.parametrize("n_epochs", [1, 4], ids=["after the first", "after the last"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_between_two_epochs_or_after_the_last_the_weights_are_those_of_a_whole_fit(n_epochs, dropout, tmp_path):
    X, y = data(BackpropRegressor)
    checkpoint, network = Checkpoint(tmp_path / "file"), BackpropRegressor(5, dropout=dropout, **FEW)
    killed(network, n_epochs, [checkpoint], X, y)
    np.testing.assert_array_equal(theta(checkpoint.resume(X, y)), theta(network.fit(X, y)))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_fit_that_had_lost_its_patience_makes_no_more_passes(early_stopping, tmp_path):
    X, y = data(BackpropRegressor)
    params = {"early_stopping": early_stopping, "learning_rate": 0.01, "tol": 0.1, "n_iter_no_change": 2}
    network = BackpropRegressor(5, random_state=0, **params)
    whole, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
    assert whole.n_iter_ < network.max_iter
    killed(network, whole.n_iter_, [checkpoint], X, y)
    resumed = checkpoint.resume(X, y)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(theta(resumed), theta(whole))


@pytest.mark.filterwarnings("ignore:Training ended after max_iter:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("tol", [0.0, 0.5], ids=["at max_iter", "out of patience"])
def test_lbfgs_makes_no_more_iterations_either(tol, tmp_path):
    X, y = data(BackpropRegressor)
    params = {"optimizer": "lbfgs", "solver": "batch", "max_iter": 9, "tol": tol, "n_iter_no_change": 2}
    network = BackpropRegressor(5, random_state=0, **params)
    whole, checkpoint = clone(network).fit(X, y), Checkpoint(tmp_path / "file")
    assert (whole.n_iter_ == 9) == (tol == 0)
    killed(network, whole.n_iter_, [checkpoint], X, y)
    resumed = checkpoint.resume(X, y)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(theta(resumed), theta(whole))
