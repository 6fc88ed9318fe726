"""Known defects of scikit-learn's MLPRegressor and MLPClassifier, which these estimators do not have.

Where the installed scikit-learn is known to have the defect, the same test also shows it there, which proves that the
test can fail.
"""

import copy
import pickle
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.losses import SquaredError
from skbackprop.optimizers import LBFGS
from skbackprop.schedules import InverseScaling
from tests.shared import BOTH, EACH_SOLVER, ENGINES, FEW, TRAINS_BRIEFLY, announce, data, theta, with_solver
from tests.strategies import STEPPING

MLP_HAS_DEFECT = sklearn.__version__.startswith("1.9.")
THEIRS = {BackpropRegressor: MLPRegressor, BackpropClassifier: MLPClassifier}
#: Plain gradient descent without standardization.
PLAIN = {"optimizer": "gd", "learning_rate": 1e-3, "alpha": 0, "standardize": False, "random_state": 0}
THEIR_PLAIN = {"solver": "sgd", "momentum": 0, "learning_rate_init": 1e-3, "alpha": 0, "random_state": 0}

pytestmark = [
    TRAINS_BRIEFLY,
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge:sklearn.exceptions.ConvergenceWarning"),
]


def weights(network):
    """Return all weights of a network or an MLP, to be changed in place."""
    return [theta(network)] if isinstance(network, BackpropRegressor) else network.coefs_ + network.intercepts_


def slopes(network, X, y):
    """Return the derivative of the reported loss along the next update, from reported losses and from the update."""
    after = copy.deepcopy(network).partial_fit(X, y)
    gradient = [(before - now) / 1e-3 for before, now in zip(weights(network), weights(after), strict=True)]

    def loss_at(distance):
        moved = copy.deepcopy(network)
        for array, direction in zip(weights(moved), gradient, strict=True):
            array += distance * direction
        return moved.partial_fit(X, y).loss_curve_[-1]

    return (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5, sum(np.sum(part**2) for part in gradient)


@pytest.mark.parametrize("n_outputs", [1, 3, 10])
def test_reported_loss_matches_its_gradient_for_any_number_of_outputs(n_outputs, rng):
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, n_outputs))
    y = y[:, 0] if n_outputs == 1 else y
    network = BackpropRegressor(5, activation="tanh", solver="batch", **PLAIN).partial_fit(X, y)
    from_losses, from_update = slopes(network, X, y)
    assert from_losses == pytest.approx(from_update, rel=1e-5)
    error = (network.predict(X) - y).reshape(30, -1)
    assert network.partial_fit(X, y).loss_curve_[-1] == pytest.approx(np.sum(error**2) / 30)
    if MLP_HAS_DEFECT:
        theirs = MLPRegressor(hidden_layer_sizes=5, activation="tanh", batch_size=30, **THEIR_PLAIN).partial_fit(X, y)
        from_losses, from_update = slopes(theirs, X, y)
        assert n_outputs * from_losses == pytest.approx(from_update, rel=1e-5)


def test_validation_set_is_stratified_for_many_classes(rng):
    X, y = rng.normal(size=(300, 2)), rng.permutation(np.repeat([0, 1, 2], [200, 60, 40]))
    counts = []

    def record_class_counts(network, X, y):
        counts.append(np.bincount(y).tolist())
        return 0.0

    for seed in range(5):
        BackpropClassifier(3, early_stopping=True, scoring=record_class_counts, **(FEW | {"random_state": seed})).fit(
            X, y
        )
    assert set(map(tuple, counts)) == {(20, 6, 4)}
    if MLP_HAS_DEFECT:

        class Theirs(MLPClassifier):
            def _score(self, X, y, sample_weight=None):
                return record_class_counts(self, X, y)

        counts.clear()
        for seed in range(5):
            Theirs(hidden_layer_sizes=3, early_stopping=True, max_iter=1, random_state=seed).fit(X, y)
        assert set(map(tuple, counts)) != {(20, 6, 4)}


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_batch_with_zero_weights_only_is_skipped(estimator, solver, engine, call):
    X, y = data(estimator)
    weight = np.zeros(len(y))
    weight[[0, 60, 120]] = 1
    network = estimator(6, **with_solver(solver, 2), engine=engine, **FEW)
    train = network.fit if call == "fit" else partial(network.partial_fit, **announce(estimator))
    train(X, y, sample_weight=weight)
    assert np.isfinite(theta(network)).all()
    assert 1 <= network.t_ <= 3 * 4
    if MLP_HAS_DEFECT:
        theirs = THEIRS[estimator](hidden_layer_sizes=6, batch_size=2)
        with pytest.raises(ZeroDivisionError):
            theirs.fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("n_samples", [1, 4, 40])
def test_penalty_strength_does_not_depend_on_batch_size(n_samples):
    X, y = np.zeros((n_samples, 3)), np.zeros(n_samples)  # only the penalty changes the weights
    network = BackpropRegressor((), solver="batch", **(PLAIN | {"alpha": 2.0})).partial_fit(X, y)
    before = network.coefs_[0]
    np.testing.assert_allclose(network.partial_fit(X, y).coefs_[0], (1 - 2e-3) * before, rtol=1e-12)
    for batch_size in (1, 3, n_samples):  # each update shrinks the weights by the same factor
        network = BackpropRegressor((), batch_size=batch_size, **(PLAIN | {"alpha": 2.0})).partial_fit(X, y)
        before, n_updates = network.coefs_[0], network.t_
        np.testing.assert_allclose(network.partial_fit(X, y).coefs_[0], (1 - 2e-3) ** n_updates * before, rtol=1e-12)
    if MLP_HAS_DEFECT:
        theirs = MLPRegressor(
            hidden_layer_sizes=(), batch_size=n_samples, **(THEIR_PLAIN | {"alpha": 2.0})
        ).partial_fit(X, y)
        before = theirs.coefs_[0].copy()
        np.testing.assert_allclose(theirs.partial_fit(X, y).coefs_[0], (1 - 2e-3 / n_samples) * before, rtol=1e-12)


def test_inverse_scaling_rate_decays_with_updates_not_samples(rng):
    X, y = rng.normal(size=(120, 2)), rng.normal(size=120)
    few, many = (
        BackpropRegressor(3, batch_size=size, learning_rate=InverseScaling(0.1, 0.5), random_state=0)
        for size in (20, 40)
    )
    few.partial_fit(X[:60], y[:60])
    many.partial_fit(X, y)
    assert few.t_ == many.t_ == 3
    assert few.learning_rate_ == many.learning_rate_ == pytest.approx(0.1 / 3**0.5)
    if MLP_HAS_DEFECT:
        few, many = (
            MLPRegressor(hidden_layer_sizes=3, batch_size=size, learning_rate="invscaling", **THEIR_PLAIN)
            for size in (20, 40)
        )
        few, many = few.partial_fit(X[:60], y[:60]), many.partial_fit(X, y)
        assert few._optimizer.learning_rate > 1.2 * many._optimizer.learning_rate


class Recording(SquaredError):
    """Squared error that records the targets in the order in which they are used."""

    targets: ClassVar[list[float]] = []

    def value_and_gradient(self, y, raw, gradient):
        if len(y) == 1:  # an update, not the check of the loss before the training
            self.targets.extend(y[:, 0])
        return super().value_and_gradient(y, raw, gradient)


def test_each_partial_fit_shuffles_differently_with_an_integer_seed(rng):
    X, y = rng.normal(size=(20, 2)), np.arange(20.0)

    def n_orders(network, targets):
        targets.clear()
        for _ in range(4):
            network.partial_fit(X, y)
        orders = [tuple(targets[start : start + 20]) for start in range(20, 80, 20)]  # without the first call
        assert all(sorted(order) == y.tolist() for order in orders)
        return len(set(orders))

    ours = BackpropRegressor(3, solver="sgd", loss=Recording(), **(PLAIN | {"learning_rate": 1e-9}))
    assert n_orders(ours, Recording.targets) == 3
    if MLP_HAS_DEFECT:
        targets = []

        class Theirs(MLPRegressor):
            def _backprop(self, X, y, *rest):
                targets.extend(y[:, 0])
                return super()._backprop(X, y, *rest)

        assert n_orders(Theirs(hidden_layer_sizes=3, batch_size=1, **THEIR_PLAIN), targets) == 1


@BOTH
@pytest.mark.parametrize("params", [{"learning_rate": 0.01}, {"optimizer": "lbfgs"}], ids=["adam", "lbfgs"])
@pytest.mark.parametrize("patience", [1, 2, 5])
def test_stops_after_exactly_n_iter_no_change_epochs_without_improvement(estimator, params, patience):
    X, y = data(estimator)
    stopping = {
        "tol": 1e9,
        "n_iter_no_change": patience,
        "max_iter": 30,
        "random_state": 0,
    }  # only the first epoch improves
    network = estimator(6, solver="batch", **params, **stopping).fit(X, y)
    assert network.n_iter_ == 1 + patience
    if MLP_HAS_DEFECT:
        theirs = THEIRS[estimator](hidden_layer_sizes=6, **stopping).fit(X, y)
        assert theirs.n_iter_ == 2 + patience


@BOTH
def test_lbfgs_supports_early_stopping_and_records_curves(estimator):
    X, y = data(estimator)
    params = {"alpha": 0, "max_iter": 300, "tol": 1e-3, "early_stopping": True, "random_state": 0}
    network = estimator(30, solver="batch", optimizer="lbfgs", **params).fit(X, y)
    assert network.n_iter_ < 300
    assert network.best_iter_ == np.argmax(network.validation_scores_) + 1
    assert len(network.loss_curve_) == len(network.validation_loss_curve_) == network.n_iter_
    if MLP_HAS_DEFECT:
        theirs = THEIRS[estimator](hidden_layer_sizes=30, solver="lbfgs", **params)
        theirs.fit(X, y)
        assert not hasattr(theirs, "loss_curve_")
        assert not hasattr(theirs, "validation_scores_")


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_poisson_rejects_negative_targets(call):
    X, y = np.arange(20.0)[:, np.newaxis], np.full(20, 0.5)
    network = BackpropRegressor(2, loss="poisson", random_state=0).partial_fit(X, y).partial_fit(X, y)
    before = theta(network).copy()
    y = np.where(np.arange(20) == 3, -1.0, y)
    with pytest.raises(ValueError, match=r"y must be at least 0 for loss=Poisson\(\); got -1"):
        getattr(network, call)(X, y)
    np.testing.assert_array_equal(theta(network), before)
    if MLP_HAS_DEFECT:
        getattr(MLPRegressor(hidden_layer_sizes=2, loss="poisson", max_iter=3), call)(X, y)


@pytest.mark.parametrize("params", [{}, {"loss": "squared_error"}, {"output_activation": "logistic"}], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_probabilities_are_finite_far_from_the_data(rng, n_classes, params):
    X, y = rng.normal(size=(60, 3)), np.arange(60) % n_classes
    network = BackpropClassifier(5, standardize="standard", **params, **FEW).fit(X, y)
    log_probability, probability = network.predict_log_proba(1e6 * X), network.predict_proba(1e6 * X)
    assert np.isfinite(log_probability).all()
    assert (probability == 0).any()
    assert ((probability >= 0) & (probability <= 1)).all()
    if MLP_HAS_DEFECT:
        with np.errstate(divide="ignore"):
            assert np.isneginf(
                MLPClassifier(hidden_layer_sizes=5, max_iter=4).fit(X, y).predict_log_proba(1e6 * X)
            ).any()


@BOTH
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_warm_start_rejects_changed_layer_sizes(estimator, call):
    X, y = data(estimator)
    network = estimator(6, warm_start=True, **FEW).fit(X, y).set_params(hidden_layer_sizes=7)
    before = theta(network).copy()
    with pytest.raises(ValueError, match=r"hidden_layer_sizes changed from \(6,\) to \(7,\).*start again"):
        getattr(network, call)(X, y)
    np.testing.assert_array_equal(theta(network), before)
    network.set_params(warm_start=False).fit(X, y)
    if MLP_HAS_DEFECT:
        theirs = (
            MLPRegressor(hidden_layer_sizes=6, warm_start=True, max_iter=2).fit(X, y).set_params(hidden_layer_sizes=7)
        )
        assert getattr(theirs, call)(X, y).coefs_[0].shape == (4, 6)


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pickle_holds_little_more_than_the_weights(estimator, dtype):
    X, y = data(estimator)
    X = np.hstack([X] * 50).astype(dtype)
    network = estimator((200, 100), **FEW).fit(X, y).partial_fit(X, y)
    size = theta(network).nbytes
    assert len(pickle.dumps(network)) < 3.1 * size  # includes the two state vectors of Adam
    prediction = network.predict(X)
    without_state = pickle.dumps(network.drop_optimizer_state())
    assert len(without_state) < 1.05 * size
    loaded = pickle.loads(without_state)
    np.testing.assert_array_equal(loaded.predict(X), prediction)
    before = theta(loaded).copy()
    loaded.set_params(batch_size=150, alpha=0).partial_fit(X, y)
    first_step = np.abs(theta(loaded) - before).max()
    assert first_step == pytest.approx(loaded.learning_rate_, rel=1e-3)  # that of Adam has the size of the rate
    assert loaded.n_iter_ == FEW["max_iter"] + 2
    if MLP_HAS_DEFECT:
        theirs = THEIRS[estimator](hidden_layer_sizes=(200, 100), max_iter=1)
        assert len(pickle.dumps(theirs.fit(X, y))) > 4 * size  # 4 to 6 times, depending on the dtype


@pytest.mark.parametrize("optimizer", ["lbfgs", LBFGS(n_corrections=3)], ids=str)
def test_partial_fit_exists_only_where_it_works(optimizer):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, solver="batch", optimizer=optimizer, early_stopping=True)
    assert not hasattr(network, "partial_fit")
    network.set_params(optimizer="adam", early_stopping=False).partial_fit(X, y)
    if MLP_HAS_DEFECT:
        theirs = MLPRegressor(hidden_layer_sizes=5, early_stopping=True)
        assert hasattr(theirs, "partial_fit")
        with pytest.raises(ValueError, match="does not support early_stopping"):
            theirs.partial_fit(X, y)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("dtype", [str, object])
def test_string_labels_work_with_early_stopping(scoring, dtype):
    """scikit-learn 1.9 has fixed this defect."""
    X, y = data(BackpropClassifier)
    labels = np.array(["setosa", "versicolor", "virginica"])[y].astype(dtype)
    params = {"max_iter": 30, "early_stopping": True, "random_state": 0}
    network = BackpropClassifier(20, scoring=scoring, learning_rate=0.02, tol=None, **params).fit(X, labels)
    assert network.score(X, labels) > 0.9
    assert len(network.validation_scores_) == 30


@BOTH
@EACH_SOLVER
@ENGINES
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("optimizer", STEPPING)
def test_n_calls_of_partial_fit_equal_fit_with_n_epochs(estimator, solver, engine, weighted, optimizer, rng):
    X, y = data(estimator)
    weight = rng.integers(0, 3, len(y)) * 0.7 if weighted else None
    params = {**with_solver(solver, 40), "optimizer": optimizer, "learning_rate": 0.001, "alpha": 0.01, **FEW}
    params["engine"] = engine
    fitted = estimator(6, **params).fit(X, y, sample_weight=weight)
    stepped = estimator(6, **params)
    for _ in range(4):
        stepped.partial_fit(X, y, sample_weight=weight, **announce(estimator))
    np.testing.assert_array_equal(theta(fitted), theta(stepped))
    assert fitted.loss_curve_ == stepped.loss_curve_
    assert (fitted.t_, fitted.n_iter_) == (stepped.t_, stepped.n_iter_)
    if MLP_HAS_DEFECT and (solver, optimizer) == ("minibatch", "adam"):
        fitted, stepped = (THEIRS[estimator](batch_size=40, max_iter=4, random_state=0) for _ in range(2))
        for _ in range(4):
            stepped.partial_fit(X, y, **announce(estimator))
        assert (fitted.fit(X, y).coefs_[0] != stepped.coefs_[0]).any()
