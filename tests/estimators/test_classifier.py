import pickle
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import sklearn
from scipy import sparse, special
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop import BackpropClassifier
from skbackprop.losses import Loss
from tests.shared import FEW, TRAINS_BRIEFLY, theta, with_solver

pytestmark = TRAINS_BRIEFLY


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def iris():
    return scaled(load_iris)


@pytest.fixture(scope="module")
def cancer():
    X, y = scaled(load_breast_cancer)
    return X, np.array(["malignant", "benign"])[y]


@pytest.fixture(scope="module")
def multilabel():
    X, y = make_multilabel_classification(200, 8, n_classes=4, random_state=0)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize(("solver", "epochs"), [("batch", 150), ("minibatch", 60), ("sgd", 5)])
@pytest.mark.parametrize("load", [load_iris, load_digits, load_breast_cancer])
def test_every_solver_learns_real_data(load, solver, epochs):
    X, y = scaled(load)
    network = BackpropClassifier(
        30, **with_solver(solver, 50), learning_rate=0.005, alpha=0, max_iter=epochs, tol=None, random_state=0
    )
    assert network.fit(X, y).score(X, y) > 0.95


def test_two_classes_have_one_output(cancer):
    X, y = cancer
    network = BackpropClassifier(5, **FEW).fit(X, y)
    assert (network.n_outputs_, network.out_activation_) == (1, "logistic")
    score, probability = network.decision_function(X), network.predict_proba(X)
    assert score.shape == (len(X),)
    assert probability.shape == (len(X), 2)
    np.testing.assert_allclose(probability[:, 1], special.expit(score))
    np.testing.assert_array_equal(network.predict(X), np.where(score > 0, network.classes_[1], network.classes_[0]))
    assert network.loss_curve_[0] > network.loss_curve_[-1]


def test_three_classes_have_one_output_each(iris):
    X, y = iris
    network = BackpropClassifier(5, **FEW).fit(X, y)
    assert (network.n_outputs_, network.out_activation_) == (3, "softmax")
    np.testing.assert_allclose(network.predict_proba(X), special.softmax(network.decision_function(X), axis=1))


def test_multilabel_target(multilabel):
    X, y = multilabel
    network = BackpropClassifier(30, learning_rate=0.01, alpha=0, max_iter=100, tol=None, random_state=0).fit(X, y)
    assert (network.n_outputs_, network.out_activation_) == (4, "logistic")
    assert set(np.unique(network.predict(X))) == {0, 1}
    np.testing.assert_array_equal(network.predict(X), network.predict_proba(X) > 0.5)
    np.testing.assert_allclose(network.predict_log_proba(X), np.log(network.predict_proba(X)), rtol=1e-6, atol=1e-12)
    assert network.score(X, y) > 0.6
    np.testing.assert_array_equal(network.classes_, range(4))


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_matrix, sparse.lil_array])
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"early_stopping": True, "scoring": "accuracy"}], ids=str
)
def test_multilabel_target_may_be_sparse(multilabel, make, params):
    X, y = multilabel
    sparse_y, dense = (BackpropClassifier(6, **params, **FEW).fit(X, labels) for labels in (make(y), y))
    np.testing.assert_array_equal(theta(sparse_y), theta(dense))
    np.testing.assert_array_equal(theta(sparse_y.partial_fit(X, make(y))), theta(dense.partial_fit(X, y)))
    assert sparse_y.validation_scores_ == dense.validation_scores_


class TestSparseLabels:
    """Predictions of several labels per sample are in the form of y, as those of scikit-learn's MLP."""

    @staticmethod
    def assert_equal_form(predicted, expected):
        assert type(predicted) is type(expected)
        assert predicted.dtype == expected.dtype
        assert predicted.shape == expected.shape

    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix, sparse.csc_matrix])
    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_predictions_have_the_form_of_those_of_scikit_learn(self, multilabel, make, method):
        X, y = multilabel
        networks = [BackpropClassifier(6, random_state=0), MLPClassifier(6, max_iter=1, random_state=0)]
        for network in networks:
            classes = {"classes": range(4)} if method == "partial_fit" else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                getattr(network, method)(X, make(y), **classes)
        own, other = (network.predict(X) for network in networks)
        self.assert_equal_form(own, other)
        own = own.toarray() if sparse.issparse(own) else own
        np.testing.assert_array_equal(own, networks[0].predict_proba(X) > 0.5)

    @pytest.mark.skipif("sparse_interface" not in sklearn.get_config(), reason="scikit-learn has only sparse matrices")
    @pytest.mark.parametrize(("interface", "kind"), [("sparray", sparse.csr_array), ("spmatrix", sparse.csr_matrix)])
    def test_configuration_chooses_between_arrays_and_matrices(self, multilabel, interface, kind):
        X, y = multilabel
        network = BackpropClassifier(6, **FEW).fit(X, sparse.csr_array(y))
        with sklearn.config_context(sparse_interface=interface):
            assert type(network.predict(X)) is kind

    def test_the_form_is_that_of_the_first_call_and_is_kept(self, multilabel):
        X, y = multilabel
        stream = BackpropClassifier(6, random_state=0).partial_fit(X, sparse.csr_array(y))
        assert sparse.issparse(stream.partial_fit(X, y).predict(X))
        assert sparse.issparse(pickle.loads(pickle.dumps(stream)).predict(X))
        assert not sparse.issparse(stream.set_params(max_iter=2, tol=None).fit(X, y).predict(X))
        assert not sparse.issparse(stream.partial_fit(X, sparse.csr_array(y)).predict(X))

    def test_scores_are_those_of_dense_labels(self, multilabel):
        X, y = multilabel
        dense = BackpropClassifier(6, **FEW).fit(X, y)
        network = BackpropClassifier(6, **FEW).fit(X, sparse.csr_array(y))
        assert network.score(X, sparse.csr_array(y)) == network.score(X, y) == dense.score(X, y)


@pytest.mark.parametrize(
    "labels", [[3, 7], ["no", "yes"], [False, True], [-1.0, 1.0], ["a", "b", "c"], [10, 20, 30, 40]]
)
def test_predictions_have_the_type_of_the_labels(rng, labels):
    labels = np.array(labels)
    X = rng.normal(size=(60, 3))
    y = labels[np.arange(60) % len(labels)]
    network = BackpropClassifier(5, **FEW).fit(X, y)
    np.testing.assert_array_equal(network.classes_, np.unique(labels))
    assert network.predict(X).dtype == labels.dtype
    assert set(network.predict(X)) <= set(labels)


def test_object_labels(rng):
    y = np.array(["no", "yes", "maybe"] * 10, dtype=object)
    assert set(BackpropClassifier(5, **FEW).fit(rng.normal(size=(30, 2)), y).predict(rng.normal(size=(9, 2)))) <= set(y)


#: Parameters with which a network without hidden layers reaches the minimum.
CONVERGES = {"solver": "batch", "optimizer": "nesterov", "learning_rate": 0.1, "alpha": 0.01, "max_iter": 3000}
CONVERGES |= {"tol": None, "standardize": "standard"}


def test_no_hidden_layer_matches_logistic_regression(cancer):
    X, y = cancer
    network = BackpropClassifier((), **CONVERGES).fit(X, y)
    exact = LogisticRegression(C=1 / (0.01 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(network.coefs_[0][:, 0], exact.coef_[0], atol=1e-4)
    np.testing.assert_allclose(network.intercepts_[0], exact.intercept_, atol=1e-4)


def test_no_hidden_layer_matches_softmax_regression(iris):
    X, y = iris
    network = BackpropClassifier((), **CONVERGES).fit(X, y)
    exact = LogisticRegression(C=1 / (0.01 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(network.predict_proba(X), exact.predict_proba(X), atol=1e-4)


def test_loss_curve_matches_log_loss(iris):
    X, y = iris
    network = BackpropClassifier(5, solver="batch", alpha=0, **FEW).fit(X, y)
    loss_before_update = log_loss(y, network.predict_proba(X))
    assert network.partial_fit(X, y).loss_curve_[-1] == pytest.approx(loss_before_update)


@pytest.mark.parametrize(
    "params",
    [
        {"loss": "log_loss"},
        {"loss": "squared_error"},
        {"loss": "log_loss", "output_activation": "logistic"},
        {"loss": "log_loss", "output_activation": "softmax"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["one class", "two classes", "three classes"])
def test_probabilities_decisions_and_predictions_agree(rng, params, kind):
    n_classes = {"one class": 1, "two classes": 2, "three classes": 3}[kind]
    X = rng.normal(size=(60, 3))
    y = np.array(["x", "y", "z"])[np.arange(60) % n_classes]
    network = BackpropClassifier(5, **params, **FEW).fit(X, y)
    probability, scores = network.predict_proba(X), network.decision_function(X)
    assert probability.shape == (60, n_classes)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(network.predict_log_proba(X), np.log(probability), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(network.predict(X), network.classes_[probability.argmax(axis=1)])
    if n_classes == 2:
        np.testing.assert_array_equal(network.predict(X), network.classes_[(scores > 0).astype(int)])
    if n_classes == 3:
        np.testing.assert_array_equal(network.predict(X), network.classes_[scores.argmax(axis=1)])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_prediction_is_right_where_the_network_overflows(rng, n_classes, dtype, make):
    X = rng.normal(size=(60, 3)).astype(dtype)
    network = BackpropClassifier((6, 5), activation=("relu", "selu"), learning_rate=0.05, standardize="standard", **FEW)
    network.fit(make(0.01 * X), np.argsort(np.argsort(X[:, 0])) * n_classes // 60)  # standardization will overflow
    farthest = make(X / np.abs(X).max() * np.finfo(dtype).max)
    expected = network.predict_proba(make(1e9 * X).astype(dtype))
    np.testing.assert_allclose(network.predict_proba(farthest), expected, atol=1e-5)
    np.testing.assert_array_equal(network.predict(farthest), network.classes_[expected.argmax(axis=1)])


@pytest.mark.parametrize(("dtype", "spread"), [(np.float32, 1e-20), (np.float32, 1e-37), (np.float64, 1e-150)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_prediction_is_right_where_standardization_overflows(rng, n_classes, dtype, spread):
    X = rng.normal(size=(60, 3)).astype(dtype)
    small = (spread * X).astype(dtype)
    network = BackpropClassifier((6, 5), activation=("relu", "selu"), learning_rate=0.05, standardize="standard", **FEW)
    network.fit(small, np.argsort(np.argsort(X[:, 0])) * n_classes // 60)
    farthest = X / np.abs(X).max() * np.finfo(dtype).max
    np.testing.assert_allclose(network.predict_proba(farthest), network.predict_proba(small * 1e9), atol=1e-5)
    assert np.isfinite(network.decision_function(farthest)).all()


def test_single_class(rng):
    X = rng.normal(size=(20, 3))
    network = BackpropClassifier(5, **FEW).fit(X, ["only"] * 20)
    assert (network.predict(X) == "only").all()
    np.testing.assert_array_equal(network.predict_proba(X), 1)


class TestPartialFit:
    def test_first_call_needs_classes(self, iris):
        X, y = iris
        network = BackpropClassifier(5)
        with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
            network.partial_fit(X, y)
        assert not hasattr(network, "classes_")
        network.partial_fit(X[:10], y[:10], classes=[2, 1, 0])
        np.testing.assert_array_equal(network.partial_fit(X, y).classes_, [0, 1, 2])
        network.partial_fit(X, y, classes=[0, 1, 2])

    def test_later_calls_reject_other_classes(self, iris):
        X, y = iris
        network = BackpropClassifier(5).partial_fit(X, y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match=r"classes=\[0, 1\] differ from those of the first call"):
            network.partial_fit(X, y, classes=[0, 1])

    def test_unknown_label_raises_and_changes_no_weight(self, iris):
        X, y = iris
        network = BackpropClassifier(5).partial_fit(X, y, classes=[0, 1, 2])
        before = theta(network).copy()
        with pytest.raises(ValueError, match="previously unseen labels"):
            network.partial_fit(X, y + 1)
        np.testing.assert_array_equal(theta(network), before)

    def test_multilabel_target_needs_no_classes(self, multilabel):
        X, y = multilabel
        assert BackpropClassifier(5).partial_fit(X, y).partial_fit(X[:1], y[:1]).n_outputs_ == 4
        with pytest.raises(ValueError, match="y changed between one label and several labels per sample"):
            BackpropClassifier(5).partial_fit(X, y).partial_fit(X, y[:, 0])

    def test_continues_after_fit(self, iris):
        X, y = iris
        network = BackpropClassifier(5, **FEW).fit(X, y)
        assert network.partial_fit(X[:5], y[:5]).n_iter_ == FEW["max_iter"] + 1

    def test_learns_from_a_stream(self, iris):
        X, y = iris
        order = np.random.default_rng(0).permutation(150)
        network = BackpropClassifier(10, learning_rate=0.01, random_state=0)
        for _ in range(20):
            for chunk in np.split(order, 10):
                network.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
        assert network.score(X, y) > 0.95


def test_continuous_labels_are_rejected(rng):
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        BackpropClassifier().fit(rng.normal(size=(10, 2)), rng.normal(size=10))


class TestClassWeight:
    @pytest.fixture
    def uneven(self, rng):
        X = np.vstack([rng.normal(size=(180, 3)), rng.normal(0.8, size=(20, 3))])
        return X, np.repeat(["no", "yes"], [180, 20])

    @pytest.mark.parametrize("class_weight", ["balanced", {"no": 0.5, "yes": 4.0}, {"yes": 3.0}])
    def test_equals_sample_weight(self, uneven, class_weight):
        X, y = uneven
        weight = compute_sample_weight(class_weight, y)
        by_class = BackpropClassifier(5, class_weight=class_weight, **FEW).fit(X, y)
        by_sample = BackpropClassifier(5, **FEW).fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(theta(by_class), theta(by_sample))
        extra = np.linspace(0.5, 1.5, len(y))
        both = BackpropClassifier(5, class_weight=class_weight, **FEW).fit(X, y, sample_weight=extra)
        product = BackpropClassifier(5, **FEW).fit(X, y, sample_weight=extra * weight)
        np.testing.assert_array_equal(theta(both), theta(product))

    def test_balanced_improves_the_balanced_accuracy(self, uneven):
        X, y = uneven
        score = [
            balanced_accuracy_score(y, BackpropClassifier(10, class_weight=w, random_state=0).fit(X, y).predict(X))
            for w in (None, "balanced")
        ]
        assert score[1] > score[0]

    def test_dict_works_with_partial_fit(self, uneven):
        X, y = uneven
        weight = {"yes": 4.0}
        by_class = BackpropClassifier(5, class_weight=weight, random_state=0)
        by_sample = BackpropClassifier(5, random_state=0)
        for chunk in (slice(0, 50), slice(150, 200), slice(50, 150)):  # the first has one class only
            by_class.partial_fit(X[chunk], y[chunk], classes=["no", "yes"])
            weights = np.where(y[chunk] == "yes", 4.0, 1.0)
            by_sample.partial_fit(X[chunk], y[chunk], classes=["no", "yes"], sample_weight=weights)
        np.testing.assert_array_equal(theta(by_class), theta(by_sample))

    def test_balanced_is_rejected_by_partial_fit(self, uneven):
        X, y = uneven
        with pytest.raises(ValueError, match=r"class_weight='balanced' does not work with partial_fit.*Pass a dict"):
            BackpropClassifier(5, class_weight="balanced").partial_fit(X, y, classes=["no", "yes"])

    def test_unknown_label_raises(self, uneven):
        X, y = uneven
        with pytest.raises(ValueError, match=r"class_weight=.* has labels \['maybe'\] that are not among"):
            BackpropClassifier(5, class_weight={"maybe": 2.0}).fit(X, y)
        with pytest.raises(ValueError, match="'class_weight' parameter"):
            BackpropClassifier(5, class_weight="even").fit(X, y)

    def test_given_weights_of_a_multilabel_target_are_multiplied(self, multilabel):
        X, Y = multilabel
        class_weight = [{0: 1.0, 1: 3.0}] * Y.shape[1]
        by_class = BackpropClassifier(5, class_weight=class_weight, **FEW).fit(X, Y)
        by_sample = BackpropClassifier(5, **FEW).fit(X, Y, sample_weight=compute_sample_weight(class_weight, Y))
        np.testing.assert_array_equal(theta(by_class), theta(by_sample))

    @pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, lambda Y: Y.astype(bool)])
    def test_balanced_weight_of_several_labels_is_their_mean(self, multilabel, make):
        X, Y = multilabel
        Y = np.column_stack([Y, np.zeros(len(Y), int)])  # a label that no sample has
        weight = np.mean([compute_sample_weight("balanced", column) for column in Y.T], axis=0)
        by_class = BackpropClassifier(5, class_weight="balanced", **FEW).fit(X, make(Y))
        by_sample = BackpropClassifier(5, **FEW).fit(X, Y, sample_weight=weight)
        np.testing.assert_allclose(theta(by_class), theta(by_sample), rtol=1e-9, atol=1e-12)

    def test_balanced_weights_of_rare_labels_do_not_ruin_the_ranking(self):
        score = {None: [], "balanced": []}
        for seed in range(5):
            X, Y = make_multilabel_classification(1000, 20, n_classes=10, n_labels=1, random_state=seed)
            for class_weight, scores in score.items():
                network = BackpropClassifier(class_weight=class_weight, alpha=0.02, max_iter=20, random_state=seed)
                probability = network.set_params(tol=None).fit(X[:500], Y[:500]).predict_proba(X[500:])
                occurs = Y[500:].any(axis=0)
                scores.append(average_precision_score(Y[500:, occurs], probability[:, occurs]))
        assert np.mean(score["balanced"]) > np.mean(score[None]) - 0.03

    def test_applies_to_the_validation_set(self, uneven):
        X, y = uneven
        network = BackpropClassifier(5, class_weight={"yes": 9.0}, early_stopping=True, **FEW).fit(X, y)
        plain = BackpropClassifier(5, early_stopping=True, **FEW).fit(X, y)
        assert network.validation_loss_curve_[0] != plain.validation_loss_curve_[0]

    @pytest.mark.parametrize("class_weight", [{"no": 0.0, "yes": 0.0}, {"no": -1.0}, {"no": np.nan}, {"no": np.inf}])
    def test_invalid_weight_raises(self, uneven, class_weight):
        X, y = uneven
        with pytest.raises(ValueError, match=r"finite numbers of at least 0|a weight of 0 by its class"):
            BackpropClassifier(5, class_weight=class_weight).fit(X, y)
        with pytest.raises(ValueError, match="a weight of 0 by its class"):
            BackpropClassifier(5, class_weight={"no": 0.0}).partial_fit(X[:9], y[:9], classes=["no", "yes"])


@dataclass(frozen=True)
class CustomLogistic(Loss):
    """A custom loss for two classes, with the documented methods."""

    output_activation = "logistic"

    def inverse_link(self, raw):
        return special.expit(raw)

    def value_and_gradient(self, y, raw, gradient):
        out = special.expit(raw)
        gradient[...] = out - y
        return -np.log(np.where(y == 1, out, 1 - out)).sum(axis=1)


def test_custom_loss(cancer):
    X, y = cancer
    network = BackpropClassifier(5, loss=CustomLogistic(), max_iter=20, tol=None, random_state=0).fit(X, y)
    assert network.score(X, y) > 0.95
    probability = network.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_allclose(network.predict_log_proba(X), np.log(probability), atol=1e-6)


class TestLabelSmoothing:
    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_probabilities_stay_away_from_0_and_1(self, rng, n_classes):
        y = np.arange(120) % n_classes
        X = np.eye(3)[y] * 6 + rng.normal(size=(120, 3))
        params = {"alpha": 0, "max_iter": 200, "tol": None, "random_state": 0}
        hard = BackpropClassifier(20, **params).fit(X, y).predict_proba(X)
        soft = BackpropClassifier(20, label_smoothing=0.2, **params).fit(X, y).predict_proba(X)
        assert hard.max() > 0.99
        assert np.median(soft.max(axis=1)) == pytest.approx(0.8 + 0.2 / n_classes, abs=0.03)

    def test_invalid_value_raises(self):
        with pytest.raises(ValueError, match="'label_smoothing' parameter"):
            BackpropClassifier(label_smoothing=1.0).fit([[0.0], [1.0]], [0, 1])
