"""Starting, continuing and stopping training, for both estimators."""

from itertools import permutations

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import LeakyReLU
from skbackprop.optimizers import Adam
from skbackprop.schedules import SCHEDULES, Cosine
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, TRAINS_BRIEFLY, announce, data, theta, with_solver


@EACH_SOLVER
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.filterwarnings("ignore:learning_rate=.* has an end, which partial_fit cannot know:UserWarning")
def test_schedules_continue_over_calls_of_partial_fit(solver, schedule):
    X, y = data(BackpropRegressor)
    params = {**with_solver(solver, 40), "learning_rate": schedule, "alpha": 0.01, **FEW}
    fitted, stepped = BackpropRegressor(6, **params).fit(X, y), BackpropRegressor(6, **params)
    for _ in range(4):
        stepped.partial_fit(X, y)
    np.testing.assert_array_equal(theta(fitted), theta(stepped))
    assert fitted.learning_rate_ == stepped.learning_rate_


@TRAINS_BRIEFLY
@BOTH
@EACH_SOLVER
def test_warm_start_continues_training(estimator, solver):
    X, y = data(estimator)
    params = {**with_solver(solver, 40), "learning_rate": 0.001, "tol": None, "random_state": 0, "alpha": 0.001}
    params["engine"] = "numpy"  # "auto" may choose another engine for more epochs, with other rounding
    whole = estimator(6, max_iter=6, **params).fit(X, y)
    warm = estimator(6, max_iter=2, warm_start=True, **params)
    for _ in range(3):
        warm.fit(X, y)
    np.testing.assert_array_equal(theta(whole), theta(warm))
    assert warm.n_iter_ == len(warm.loss_curve_) == 6


@BOTH
@pytest.mark.parametrize("call", ["partial_fit", "warm fit"])
def test_changed_activation_raises(estimator, call):
    X, y = data(estimator)
    network = estimator(6, warm_start=True, **FEW).fit(X, y).set_params(activation="tanh")
    before = theta(network).copy()
    with pytest.raises(ValueError, match=r"activation changed from .*ReLU.* to .*Tanh.*start again"):
        network.partial_fit(X, y) if call == "partial_fit" else network.fit(X, y)
    np.testing.assert_array_equal(theta(network), before)
    network.set_params(warm_start=False).fit(X, y)


def test_changed_number_of_outputs_raises():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, **FEW).fit(X, y)
    with pytest.raises(ValueError, match="The number of outputs changed from 1 to 2"):
        network.partial_fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("change", [{"optimizer": "gd"}, {"optimizer": Adam(beta_2=0.9)}], ids=str)
def test_changed_optimizer_starts_with_a_new_state(change):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, alpha=0, solver="batch", learning_rate=0.001, **(FEW | change | {"max_iter": 50}))
    network.fit(X, y)
    before = theta(network).copy()
    network.set_params(optimizer="adam").partial_fit(X, y)
    assert network.t_ == 51
    first_step = np.abs(theta(network) - before).max()
    assert first_step == pytest.approx(0.001, rel=1e-3)  # that of Adam has the size of the learning rate


def test_changed_activation_parameter_does_not_change_a_fitted_network():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, activation=LeakyReLU(0.01), **FEW).fit(X, y)
    prediction = network.predict(X)
    network.set_params(activation__negative_slope=0.9)
    np.testing.assert_array_equal(network.predict(X), prediction)
    with pytest.raises(ValueError, match=r"activation changed from"):
        network.partial_fit(X, y)


def test_changed_output_activation_raises():
    X, y = data(BackpropClassifier)
    network = BackpropClassifier(6, warm_start=True, **FEW).fit(X, y).set_params(output_activation="logistic")
    with pytest.raises(ValueError, match="output_activation changed from softmax to logistic"):
        network.fit(X, y)


def test_sample_weights_are_relative_within_each_warm_fit():
    X, y = data(BackpropRegressor)
    params = {"solver": "sgd", "optimizer": "gd", "alpha": 0, "shuffle": False, "warm_start": True, **FEW}
    light, heavy = BackpropRegressor(6, **params).fit(X, y), BackpropRegressor(6, **params).fit(X, y)
    light.fit(X, y)
    heavy.fit(X, y, sample_weight=np.full(len(y), 1000.0))
    np.testing.assert_allclose(theta(heavy), theta(light), rtol=1e-10)


def test_schedule_ends_after_max_iter_epochs():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(6, batch_size=40, learning_rate=Cosine(0.1, 0.01), max_iter=5, tol=None)
    network.fit(X, y)
    assert network.learning_rate_ == Cosine(0.1, 0.01).rates(np.array([19]), 20)
    assert network.partial_fit(X[:1], y[:1]).learning_rate_ == pytest.approx(0.01)


@BOTH
def test_fit_restarts_training(estimator):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y)
    once = theta(network).copy()
    network.partial_fit(X, y).fit(X, y)
    np.testing.assert_array_equal(theta(network), once)
    assert network.n_iter_ == 4


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("solver", ["sgd", "minibatch"])
def test_random_state(estimator, solver):
    X, y = data(estimator)

    def fitted(random_state):
        network = estimator(6, **with_solver(solver, 40), max_iter=2, tol=None, random_state=random_state)
        return theta(network.fit(X, y))

    np.testing.assert_array_equal(fitted(3), fitted(3))
    np.testing.assert_array_equal(fitted(np.random.RandomState(3)), fitted(3))
    assert (fitted(3) != fitted(4)).any()
    assert (fitted(None) != fitted(None)).any()
    shared = np.random.RandomState(3)
    assert (fitted(shared) != fitted(shared)).any()
    np.random.seed(5)  # noqa: NPY002, None means the global generator, as in all of scikit-learn
    first = fitted(None)
    np.random.seed(5)  # noqa: NPY002
    np.testing.assert_array_equal(first, fitted(None))


def test_without_shuffling_samples_are_used_in_order():
    X, y = data(BackpropRegressor)
    params = {"solver": "sgd", "optimizer": "gd", "shuffle": False, "standardize": False, "learning_rate": 0.001, **FEW}
    whole = BackpropRegressor(6, **(params | {"max_iter": 1})).fit(X, y)
    stepped = BackpropRegressor(6, **params)
    for i in range(len(y)):
        stepped.partial_fit(X[i : i + 1], y[i : i + 1])
    np.testing.assert_array_equal(theta(whole), theta(stepped))


@TRAINS_BRIEFLY
@BOTH
def test_reaching_max_iter_warns_with_advice(estimator):
    X, y = data(estimator)
    with pytest.warns(
        ConvergenceWarning, match="epochs reached before convergence .max_iter=2.*Raise max_iter"
    ) as warnings:
        estimator(6, max_iter=2, random_state=0).fit(X, y)
    assert {warning.filename for warning in warnings} == {__file__}


@BOTH
@pytest.mark.filterwarnings("error")
def test_reaching_max_iter_without_tol_does_not_warn(estimator):
    X, y = data(estimator)
    assert estimator(6, max_iter=20, tol=None, random_state=0).fit(X, y).n_iter_ == 20


@BOTH
def test_verbose_prints_progress(estimator, capsys):
    X, y = data(estimator)
    network = estimator(6, **FEW).fit(X, y)
    assert capsys.readouterr().out == ""
    network.set_params(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"epoch 1 of 4: loss {network.loss_curve_[0]:.4g}, learning rate ")
    assert lines[1].startswith("epoch 4 of 4: ")
    assert lines[1].endswith(" samples/s, 0 s left")


@TRAINS_BRIEFLY
@BOTH
@ENGINES
@pytest.mark.parametrize("standardize", ["robust", "standard", False])
@pytest.mark.parametrize("first_call", ["fit", "partial_fit"])
@pytest.mark.parametrize("makes", permutations([np.asarray, sparse.csr_array]), ids=["dense first", "sparse first"])
def test_sparse_and_dense_samples_may_follow_each_other(estimator, engine, standardize, first_call, makes):
    X, y = data(estimator)
    X = np.where(X > 0, X, 0.0)  # entries are dense enough for the products of dense arrays
    first, later = makes
    networks = {}
    for name, make in (("mixed", later), ("alike", first)):
        network = estimator(3, standardize=standardize, engine="numpy", **FEW)
        keywords = announce(estimator) if first_call == "partial_fit" else {}
        getattr(network, first_call)(first(X), y, **keywords)
        network.set_params(engine=engine if make is np.asarray else "numpy")
        for start, stop in ((0, 150), (0, 1), (0, 60)):
            network.partial_fit(make(X[start:stop]), y[start:stop])
        networks[name] = network
    if standardize != "robust" or first is np.asarray:  # a range of sparse columns is found from their entries
        np.testing.assert_allclose(theta(networks["mixed"]), theta(networks["alike"]), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(networks["mixed"].predict(later(X)), networks["mixed"].predict(first(X)), rtol=1e-9)
