import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


@pytest.mark.parametrize(("solver", "epochs"), [("batch", 200), ("minibatch", 200), ("sgd", 10)])
def test_every_solver_learns_real_data(diabetes, solver, epochs):
    X, y = diabetes
    network = BackpropRegressor(30, solver=solver, max_iter=epochs, tol=None, random_state=0).fit(X, y)
    assert network.score(X, y) > 0.5
    assert network.t_ == epochs * {"batch": 1, "minibatch": 22, "sgd": len(X)}[solver]
    assert network.loss_curve_[-1] < 0.6 * network.loss_curve_[0]


def test_predict_equals_the_forward_pass_over_coefs_(diabetes):
    X, y = diabetes
    network = BackpropRegressor((6, 5), activation="tanh", standardize="standard", max_iter=5, tol=None, random_state=0)
    network.fit(X, y)
    a = X
    for W, b in zip(network.coefs_[:-1], network.intercepts_[:-1], strict=True):
        a = np.tanh(a @ W + b)
    np.testing.assert_allclose(network.predict(X), (a @ network.coefs_[-1] + network.intercepts_[-1])[:, 0], rtol=1e-12)


def test_no_hidden_layer_matches_linear_regression(diabetes):
    X, y = diabetes
    network = BackpropRegressor(
        (), solver="batch", optimizer="gd", learning_rate=0.05, alpha=0, max_iter=3000, tol=None
    )
    network.fit(X, y)
    assert network.score(X, y) == pytest.approx(LinearRegression().fit(X, y).score(X, y), abs=1e-3)
    assert network.n_layers_ == 2


def test_multiple_outputs():
    X, y = load_linnerud(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), StandardScaler().fit_transform(y)
    network = BackpropRegressor(
        20, solver="batch", learning_rate=0.02, alpha=0, max_iter=400, tol=None, random_state=0
    ).fit(X, y)
    assert network.predict(X).shape == (20, 3)
    assert network.n_outputs_ == 3
    assert network.score(X, y) > 0.7


def test_logistic_output_stays_between_0_and_1(diabetes):
    X, y = diabetes
    target = (y - y.min()) / np.ptp(y)
    network = BackpropRegressor(20, output_activation="logistic", max_iter=300, tol=None, random_state=0).fit(X, target)
    assert network.out_activation_ == "logistic"
    prediction = network.predict(100 * X)
    assert prediction.min() >= 0
    assert prediction.max() <= 1
    assert network.score(X, target) > 0.4


def test_column_vector_target_warns_and_is_one_output(diabetes):
    X, y = diabetes
    with pytest.warns(DataConversionWarning):
        network = BackpropRegressor(5, max_iter=2, tol=None).fit(X, y[:, np.newaxis])
    assert network.predict(X).shape == y.shape


@pytest.mark.parametrize(
    "y", [np.array(["a", "b"] * 5), np.array(["a", "b"] * 5, dtype=object), np.array(["1", "2"] * 5)]
)
def test_string_target_is_rejected(y):
    with pytest.raises(ValueError, match="y has strings or dates; BackpropRegressor needs numbers"):
        BackpropRegressor().fit(np.ones((10, 2)), y)


def test_numeric_object_array_is_accepted(diabetes):
    X, y = diabetes
    params = {"max_iter": 3, "tol": None, "random_state": 0}
    plain = BackpropRegressor(5, **params).fit(X, y)
    objects = BackpropRegressor(5, **params).fit(X, y.astype(object))
    np.testing.assert_array_equal(plain.predict(X), objects.predict(X))
