"""Parameters: their valid forms, and errors that name an invalid parameter before any weight changes."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.parameters import choose_batch_size, choose_max_iter, rate_factor_of_width
from skbackprop.activations import ReLU, Tanh
from skbackprop.initializers import VarianceScaling
from skbackprop.losses import BinaryLogLoss, Loss, MultinomialLogLoss
from tests.shared import BOTH, FEW, NO_UPDATE_RATE, TRAINS_BRIEFLY, theta

pytestmark = TRAINS_BRIEFLY

RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.normal(size=(20, 3)), RNG.normal(size=20), np.arange(20) % 3
W = [np.zeros((3, 2)), np.zeros((2, 1))]
B = [np.zeros(2), np.zeros(1)]

INVALID = {
    "zero units": (
        {"hidden_layer_sizes": 0},
        r"hidden_layer_sizes=0: each layer needs a positive integer number of units",
    ),
    "negative units": ({"hidden_layer_sizes": (5, -1)}, r"hidden_layer_sizes=\(5, -1\)"),
    "fractional units": ({"hidden_layer_sizes": (5, 2.5)}, r"hidden_layer_sizes=\(5, 2.5\)"),
    "0-d array for units": ({"hidden_layer_sizes": np.array(0)}, "each layer needs a positive integer number of units"),
    "string for units": ({"hidden_layer_sizes": "big"}, "'hidden_layer_sizes' parameter"),
    "learning rate zero": ({"learning_rate": 0.0}, "'learning_rate' parameter .* Got 0.0"),
    "learning rate negative": ({"learning_rate": -1}, "'learning_rate' parameter .* Got -1"),
    "learning rate nan": ({"learning_rate": np.nan}, "learning_rate"),
    "learning rate inf": ({"learning_rate": np.inf}, "'learning_rate' parameter .* Got inf"),
    "learning rate name": (
        {"learning_rate": "fast"},
        r"learning_rate='fast' is not known; the names are \['auto', 'constant'",
    ),
    "batch size zero": ({"batch_size": 0}, "'batch_size' parameter .* Got 0"),
    "batch size negative": ({"batch_size": -5}, "'batch_size' parameter .* Got -5"),
    "solver": ({"solver": "lbfgs"}, "'solver' parameter .*'batch'.* Got 'lbfgs'"),
    "activation": ({"activation": "rulu"}, r"activation='rulu' is not known; the names are \['elu', 'gelu'"),
    "one of the activations": (
        {"hidden_layer_sizes": (2, 2), "activation": ["relu", "x"]},
        "activation='x' is not known",
    ),
    "activations too few": (
        {"hidden_layer_sizes": (2, 2), "activation": ["relu"]},
        "has 1 entries for 2 hidden layers",
    ),
    "optimizer": ({"optimizer": "sgd"}, r"optimizer='sgd' is not known; the names are \['adam', 'adamw', 'gd'"),
    "loss": ({"loss": "hinge"}, r"loss='hinge' is not known; the names are \["),
    "output activation": ({"output_activation": "tanh"}, r"output_activation='tanh' is not compatible with loss="),
    "alpha": ({"alpha": -1e-4}, "'alpha' parameter"),
    "init name": ({"init": "zeros"}, r"init='zeros' is not known; the names are \['glorot_normal'"),
    "init of one part": ({"init": (W,), "hidden_layer_sizes": 2}, r"init must be a name, an Initializer, or \(coefs"),
    "init of strings": ({"init": (["a"], ["b"])}, r"init must be a name, an Initializer, or \(coefs"),
    "init shape": ({"init": (W, B), "hidden_layer_sizes": 4}, r"shapes \[\(3, 2\), \(2, 1\)\] .* the network needs"),
    "init nan": ({"init": ([W[0] * np.nan, W[1]], B), "hidden_layer_sizes": 2}, "init=.* has NaN or infinite weights"),
    "max_iter": ({"max_iter": 0}, "'max_iter' parameter"),
    "tol": ({"tol": -1.0}, "'tol' parameter"),
    "n_iter_no_change": ({"n_iter_no_change": 0}, "'n_iter_no_change' parameter"),
    "shuffle": ({"shuffle": "yes"}, "'shuffle' parameter"),
    "random_state": ({"random_state": "seed"}, "'random_state' parameter"),
}


@pytest.mark.parametrize(("params", "message"), INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_invalid_parameter_raises_and_names_it(params, message, method):
    network = BackpropRegressor().set_params(**params)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(network, method)(X, Y)
    assert not hasattr(network, "coefs_")


#: `init` and `random_state` are read only when the initial weights are drawn.
INVALID_LATER = {name: case for name, case in INVALID.items() if not {"init", "random_state"} & case[0].keys()}


@pytest.mark.parametrize(("params", "message"), INVALID_LATER.values(), ids=INVALID_LATER)
def test_invalid_parameter_between_calls_of_partial_fit_changes_no_weight(params, message):
    network = BackpropRegressor(2, max_iter=1).partial_fit(X, Y)
    before = theta(network).copy()
    with pytest.raises((ValueError, TypeError), match=message):
        network.set_params(**params).partial_fit(X, Y)
    np.testing.assert_array_equal(theta(network), before)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "squared_error", "output_activation": "identity"}, "gives no probabilities"),
        ({"loss": "squared_error", "output_activation": "softmax"}, "is not compatible with loss='squared_error'"),
        ({"loss": MultinomialLogLoss(), "output_activation": "logistic"}, "which has 'softmax'"),
    ],
)
def test_classifier_rejects_losses_without_probabilities(params, message):
    with pytest.raises(ValueError, match=message):
        BackpropClassifier(**params).fit(X, LABELS)


class CustomLoss(Loss):
    """A custom loss whose outputs are no probabilities."""

    def inverse_link(self, raw):
        return 1 / (1 + np.exp(-raw))

    def value_and_gradient(self, y, raw, out):
        np.divide(self.inverse_link(raw) - y, y.shape[1], out=out)
        return (np.logaddexp(0, raw) - y * raw).mean(axis=1)


class CustomLogLoss(CustomLoss):
    output_activation = "logistic"


def test_the_remedy_for_a_custom_loss_without_probabilities():
    remedy = r"derive CustomLoss from Loss and set output_activation = 'logistic' or 'softmax' in the class"
    with pytest.raises(ValueError, match=remedy):
        BackpropClassifier(loss=CustomLoss()).fit(X, LABELS)
    BackpropClassifier(2, loss=CustomLogLoss(), max_iter=1, tol=None).fit(X, LABELS > 0)


@pytest.mark.parametrize("loss", [BinaryLogLoss(), MultinomialLogLoss()])
def test_regressor_rejects_losses_for_classification(loss):
    with pytest.raises(ValueError, match="is not for this kind of target"):
        BackpropRegressor(loss=loss).fit(X, Y)


def test_softmax_is_rejected_for_multilabel_targets():
    with pytest.raises(ValueError, match="several; use 'auto' or 'logistic'"):
        BackpropClassifier(output_activation="softmax").fit(X, RNG.integers(0, 2, (20, 3)))


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [(7, (7,)), ([7], (7,)), ((7, 3), (7, 3)), (np.array([7, 3]), (7, 3)), (np.int64(7), (7,)), ((), ()), ([], ())],
)
def test_hidden_layer_sizes_accepts_int_sequence_and_array(sizes, hidden):
    network = BackpropRegressor(sizes, **FEW).fit(X, Y)
    assert tuple(W.shape[1] for W in network.coefs_) == (*hidden, 1)
    assert network.n_layers_ == len(hidden) + 2


@pytest.mark.parametrize("activation", ["tanh", Tanh(), ["tanh", "relu"], (Tanh(), ReLU()), [Tanh(), "relu"]])
def test_activation_accepts_names_and_objects(activation):
    network = BackpropRegressor((4, 3), activation=activation, **FEW).fit(X, Y)
    hidden = np.tanh(X @ network.coefs_[0] + network.intercepts_[0]) @ network.coefs_[1] + network.intercepts_[1]
    hidden = np.maximum(hidden, 0) if isinstance(activation, (list, tuple)) else np.tanh(hidden)
    np.testing.assert_allclose(network.predict(X), (hidden @ network.coefs_[2] + network.intercepts_[2])[:, 0])


def initial_weights(**params):
    network = BackpropRegressor((40,), learning_rate=NO_UPDATE_RATE, standardize=False, **FEW, **params)
    return network.fit(X, Y).coefs_


def test_init_auto_depends_on_the_activation():
    for activation, name in (("relu", "lecun_uniform"), ("tanh", "glorot_uniform"), ("selu", "lecun_normal")):
        auto, named = initial_weights(activation=activation), initial_weights(activation=activation, init=name)
        np.testing.assert_array_equal(auto[0], named[0])
        assert np.abs(auto[1]).max() <= np.sqrt(3 / 40)  # the output layer uses lecun_uniform
    np.testing.assert_array_equal(
        initial_weights(init=VarianceScaling(2.0, "in", "normal"))[0], initial_weights(init="he_normal")[0]
    )


def test_init_arrays_are_copied():
    given = [np.ones((3, 2)), np.ones((2, 1))], [np.ones(2), np.ones(1)]
    BackpropRegressor(2, init=given, max_iter=3, tol=None).fit(X, Y)
    assert all((array == 1).all() for arrays in given for array in arrays)


def test_batch_size_above_n_samples_is_one_batch():
    network = BackpropRegressor(5, batch_size=1000, max_iter=4, tol=None).fit(X, Y)
    assert network.t_ == 4


def test_loss_object_determines_the_output_activation():
    network = BackpropClassifier(5, loss=BinaryLogLoss(), max_iter=3, tol=None).fit(X, LABELS)
    assert network.out_activation_ == "logistic"
    assert network.n_outputs_ == 3
    np.testing.assert_allclose(network.predict_proba(X).sum(axis=1), 1)


class TestManyColumns:
    """The automatic learning rate and batch size with thousands of columns."""

    @staticmethod
    def make_data(n_columns, density, estimator, n_samples=200):
        """Return columns with a common factor, which is the target."""
        rng = np.random.default_rng(0)
        factor = rng.normal(size=n_samples)
        if density == 1:
            X = factor[:, np.newaxis] + rng.normal(size=(n_samples, n_columns))
        else:
            X = sparse.random(
                n_samples, n_columns, density, "csr", random_state=0, data_rvs=lambda n: rng.random(n) + 0.5
            )
            factor = np.asarray(X.sum(axis=1)).ravel()
        y = factor if estimator is BackpropRegressor else (factor > np.median(factor)).astype(int)
        return X.astype(np.float32), y

    @BOTH
    @pytest.mark.parametrize(("n_columns", "density"), [(5000, 1), (5000, 0.1), (20_000, 0.005)])
    def test_training_does_not_diverge(self, estimator, n_columns, density):
        X, y = self.make_data(n_columns, density, estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            network = estimator(max_iter=10, tol=None, random_state=0, engine="numpy").fit(X, y)
        assert network._state.rate_factor == 1
        assert np.isfinite(network.predict(X)).all()

    @pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov"])
    @pytest.mark.parametrize("solver", ["batch", "minibatch"])
    def test_training_does_not_diverge_with_other_optimizers(self, solver, optimizer):
        X, y = self.make_data(5000, 1, BackpropRegressor)
        params = {"solver": solver, "optimizer": optimizer, "max_iter": 4, "tol": None, "engine": "numpy"}
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            network = BackpropRegressor(**params, random_state=0).fit(X, y)
        assert network._state.rate_factor == 1

    @pytest.mark.parametrize(
        ("n_columns", "entries", "factor"),
        [
            (1, 1, 1),
            (800, 800, 1),
            (800, 20, 1),
            (3200, 3200, 1 / 4),
            (3200, 50, 1),
            (80_000, 8, 1),
            (80_000, 32, 0.5),
            (3200, 0, 1),
        ],
    )
    def test_rate_falls_with_columns_and_entries(self, n_columns, entries, factor):
        assert rate_factor_of_width(n_columns, entries) == pytest.approx(factor)

    def test_rate_rises_to_the_smaller_rate_and_does_not_depend_on_the_size_of_calls(self):
        X = RNG.normal(size=(50, 3200)).astype(np.float32)
        for size in (1, 5, 25):
            network = BackpropRegressor(2, random_state=0, engine="numpy")
            rates = []
            for start in range(0, 50, size):
                network.partial_fit(X[start : start + size], X[start : start + size, 0])
                rates.append(network.learning_rate_)
            t = np.arange(len(rates))
            expected = 0.01 / 4 / np.sqrt(1 + t / 100) * np.minimum((t + 1) / 41, 1)
            np.testing.assert_allclose(rates, expected, rtol=1e-12)

    def test_rate_in_a_stream_of_sparse_samples_follows_their_mean_number_of_entries(self):
        network = BackpropRegressor(2, random_state=0, engine="numpy")
        total = 0
        for k, n_entries in enumerate([400, 100, 0, 1200, 1, 300, 0]):
            X = sparse.csr_matrix(np.r_[np.ones(n_entries), np.zeros(20_000 - n_entries)][np.newaxis])
            network.partial_fit(X, [float(k)])
            total += n_entries
            width = np.sqrt(20_000 * total / (k + 1))
            expected = 0.01 * 800 / width / np.sqrt(1 + k / 100) * (k + 1) / 41
            assert network.learning_rate_ == pytest.approx(expected, rel=1e-12)

    @BOTH
    def test_dense_and_sparse_samples_with_all_entries_have_the_same_rate(self, estimator):
        X, y = self.make_data(5000, 1, estimator, n_samples=40)
        dense, sparse_X = (
            estimator(2, max_iter=1, tol=None, engine="numpy").fit(matrix, y) for matrix in (X, sparse.csr_matrix(X))
        )
        assert dense.learning_rate_ == sparse_X.learning_rate_

    def test_rate_of_the_user_is_used_as_it_is(self):
        X, y = self.make_data(5000, 1, BackpropRegressor, n_samples=40)
        network = BackpropRegressor(2, learning_rate=1e-5, max_iter=1, tol=None, engine="numpy").fit(X, y)
        assert network.learning_rate_ == 1e-5

    def test_samples_without_entries_are_accepted(self):
        network = BackpropRegressor(2, max_iter=2, tol=None, engine="numpy")
        network.fit(sparse.csr_matrix((10, 5000)), np.arange(10.0))
        assert np.isfinite(network.predict(sparse.csr_matrix((10, 5000)))).all()

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ((20, 20_000), 32),
            ((300, 20), 17),
            ((2000, 784), 44),
            ((10**6, 784), 64),
            ((2000, 5000), 50),
            ((2000, 20_000), 200),
            ((2000, 10**6), 200),
            ((300, 20_000), 30),
        ],
    )
    def test_batches_are_larger_with_many_columns(self, shape, expected):
        assert choose_batch_size("minibatch", "auto", *shape) == expected
        assert choose_batch_size("minibatch", 7, *shape) == 7
        assert choose_batch_size("sgd", "auto", *shape) == 1


@pytest.mark.parametrize(
    ("n_samples", "n_entries", "regressor", "classifier"),
    [
        (100, 10, 150, 60),
        (700, 10, 150, 60),
        (2800, 10, 75, 60),
        (10**6, 10, 50, 60),
        (100, 12_800, 19, 8),
        (100, 80_000, 8, 8),
    ],
)
def test_automatic_number_of_epochs(n_samples, n_entries, regressor, classifier):
    for estimator, expected in ((BackpropRegressor, regressor), (BackpropClassifier, classifier)):
        assert choose_max_iter("auto", estimator._auto_epochs, n_samples, n_entries) == expected
        assert choose_max_iter(7, estimator._auto_epochs, n_samples, n_entries) == 7


def test_automatic_number_of_epochs_is_what_a_fit_makes(rng):
    X = rng.normal(size=(2800, 1))
    assert BackpropRegressor(2, alpha=0, random_state=0).fit(X, X[:, 0]).n_iter_ == 75


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_intercepts_of_hidden_layers_are_drawn_unless_an_initializer_is_given(rng):
    X = rng.normal(size=(50, 3))
    params = {"max_iter": 1, "learning_rate": NO_UPDATE_RATE, "standardize": False, "random_state": 0}
    *hidden, last = BackpropRegressor((400, 300), **params).fit(X, X[:, 0]).intercepts_
    for drawn in hidden:
        assert drawn.std() == pytest.approx(0.5, abs=0.05)
        assert drawn.mean() == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(last, 0, atol=1e-290)
    given = BackpropRegressor((400, 300), init="lecun_uniform", **params).fit(X, X[:, 0]).intercepts_
    np.testing.assert_allclose(np.concatenate(given), 0, atol=1e-290)
