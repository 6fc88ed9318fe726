"""Where scikit-learn defines the same model, the weights are equal: its MLP, its SGDRegressor, and least squares.

This package minimizes the mean of (y - out)^2 plus alpha / 2 * sum(W^2); scikit-learn's MLP halves the squared error
and divides its alpha by the number of samples in the batch. So for squared error the learning rate is halved here and
alpha is doubled.
"""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.optimizers import GD, Adam, Momentum, Nesterov
from skbackprop.schedules import InverseScaling

N_SAMPLES, BATCH_SIZE, ALPHA, RATE, EPOCHS = 60, 15, 0.2, 0.05, 6
NO_EPSILON = 1e-300  # scikit-learn adds epsilon before the bias correction, Kingma and Ba after it

OPTIMIZERS = {
    "gd": (GD(), {"solver": "sgd", "momentum": 0.0}),
    "momentum": (Momentum(0.8), {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False}),
    "nesterov": (Nesterov(0.8), {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": True}),
    "adam": (Adam(0.8, 0.99, NO_EPSILON), {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": NO_EPSILON}),
}


def trained_pair(ours_class, mlp_class, X, y, name, loss_ratio, **shared):
    """Train this network and scikit-learn's MLP from the same weights, on the same batches, by the same optimizer."""
    optimizer, mlp_params = OPTIMIZERS[name]
    mlp = mlp_class(
        learning_rate_init=RATE,
        alpha=ALPHA,
        batch_size=BATCH_SIZE,
        max_iter=1,
        shuffle=False,
        warm_start=True,
        n_iter_no_change=1000,
        random_state=0,
        **mlp_params,
        **shared,
    )
    mlp.fit(X, y)  # one epoch gives the initial weights; the next fit starts with a new optimizer
    ours = ours_class(
        learning_rate=RATE if name == "adam" else RATE / loss_ratio,
        alpha=ALPHA * loss_ratio / BATCH_SIZE,
        batch_size=BATCH_SIZE,
        optimizer=optimizer,
        init=([W.copy() for W in mlp.coefs_], [b.copy() for b in mlp.intercepts_]),
        max_iter=EPOCHS,
        tol=None,
        shuffle=False,
        standardize=False,
        **shared,
    )
    return ours.fit(X, y), mlp.set_params(max_iter=EPOCHS).fit(X, y)


def assert_same_weights(ours, theirs):
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_regressor_has_the_weights_of_scikit_learn_mlp(rng, optimizer, n_outputs, activation):
    X, y = rng.normal(size=(N_SAMPLES, 4)), rng.normal(size=(N_SAMPLES, n_outputs))
    y = y[:, 0] if n_outputs == 1 else y
    sizes = (6, 5)
    assert_same_weights(
        *trained_pair(
            BackpropRegressor, MLPRegressor, X, y, optimizer, 2, hidden_layer_sizes=sizes, activation=activation
        )
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_classifier_has_the_weights_of_scikit_learn_mlp(rng, optimizer, kind):
    X = rng.normal(size=(N_SAMPLES, 4))
    y = {
        "binary": np.array(["no", "yes"])[rng.integers(0, 2, N_SAMPLES)],
        "multiclass": rng.integers(0, 3, N_SAMPLES),
        "multilabel": rng.integers(0, 2, (N_SAMPLES, 3)),
    }[kind]
    ours, theirs = trained_pair(
        BackpropClassifier, MLPClassifier, X, y, optimizer, 1, hidden_layer_sizes=(7,), activation="tanh"
    )
    assert_same_weights(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.out_activation_ == theirs.out_activation_


@pytest.mark.parametrize("weighted", [False, True])
def test_no_hidden_layer_with_sgd_matches_sgd_regressor(rng, weighted):
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    weight = rng.integers(1, 5, 40).astype(float) if weighted else np.ones(40)
    theirs = SGDRegressor(
        alpha=0.05, learning_rate="invscaling", eta0=0.02, power_t=0.5, shuffle=False, tol=None, max_iter=4
    )
    theirs.fit(X, y, sample_weight=weight / weight.mean())
    ours = BackpropRegressor(
        (),
        solver="sgd",
        optimizer="gd",
        learning_rate=InverseScaling(0.01, 0.5),  # SGDRegressor halves the squared error
        alpha=0.1,
        init=([np.zeros((3, 1))], [np.zeros(1)]),
        standardize=False,
        shuffle=False,
        max_iter=4,
        tol=None,
    ).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, rtol=1e-10)
    np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_no_hidden_layer_with_full_batches_converges_to_least_squares(rng, weighted):
    X, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    weight = rng.uniform(0.1, 3, 50) if weighted else None
    ours = BackpropRegressor(
        (), solver="batch", optimizer="gd", learning_rate=0.2, alpha=0, max_iter=2000, tol=None, random_state=0
    ).fit(X, y, sample_weight=weight)
    exact = LinearRegression().fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coefs_[0], exact.coef_.T, rtol=1e-8)
    np.testing.assert_allclose(ours.intercepts_[0], exact.intercept_, rtol=1e-8)
