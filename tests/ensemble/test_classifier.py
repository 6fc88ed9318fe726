"""The ensemble of classifiers."""

from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop import BackpropClassifier
from skbackprop.ensemble import BackpropEnsembleClassifier
from skbackprop.ensemble._temperature import fit_temperature

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = BackpropClassifier(16, max_iter=20, alpha=1e-3)


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    labels = np.array(list("abcdefghij"))[y]
    return X[:600], labels[:600], X[600:1000], labels[600:1000]


@pytest.fixture(scope="module")
def fitted(data):
    return BackpropEnsembleClassifier(NETWORK, 3, random_state=0, candidates=None).fit(*data[:2])


def test_each_member_is_a_network_without_its_stratified_fold(fitted, data):
    X, y, X_test, _ = data
    rng = np.random.RandomState(0)
    folds = StratifiedKFold(3, shuffle=True, random_state=rng.randint(np.iinfo(np.int32).max))
    for member, (train, _held_out) in zip(fitted, folds.split(X, y), strict=True):
        network = clone(NETWORK).set_params(random_state=rng.randint(np.iinfo(np.int32).max))
        network.fit(X[train], y[train])
        np.testing.assert_allclose(member.predict_proba(X_test), network.predict_proba(X_test), rtol=1e-7)


def test_probabilities_are_those_of_the_mean_logits(fitted, data):
    X_test = data[2]
    logits = np.mean([np.log(np.maximum(member.predict_proba(X_test), 1e-7)) for member in fitted], axis=0)
    probability = softmax(logits / fitted.temperature_, axis=1)
    np.testing.assert_allclose(fitted.predict_proba(X_test), probability, rtol=1e-9)
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(X_test)), probability, rtol=1e-9)
    np.testing.assert_array_equal(fitted.predict(X_test), fitted.classes_[probability.argmax(axis=1)])


def test_the_ensemble_is_better_than_its_members(fitted, data):
    X_test, y_test = data[2:]
    own = log_loss(y_test, fitted.predict_proba(X_test))
    assert own < np.mean([log_loss(y_test, member.predict_proba(X_test)) for member in fitted])
    assert fitted.score(X_test, y_test) > np.mean([member.score(X_test, y_test) for member in fitted])


def test_out_of_fold_probabilities(fitted, data):
    y = data[1]
    assert fitted.oof_decision_function_.shape == (600, 10)
    predicted = fitted.classes_[fitted.oof_decision_function_.argmax(axis=1)]
    assert fitted.oof_score_ == pytest.approx(np.mean(predicted == y))
    np.testing.assert_allclose(fitted.oof_decision_function_.sum(axis=1), 1)


def test_calibration_helps_overconfident_networks():
    X, y = make_classification(2000, 20, n_informative=5, flip_y=0.4, random_state=0)
    network = BackpropClassifier(64, alpha=0.0, max_iter=100, early_stopping=False)
    ensemble = BackpropEnsembleClassifier(network, 3, random_state=0, candidates=None)
    calibrated = clone(ensemble).fit(X[:500], y[:500])
    uncalibrated = clone(ensemble).set_params(calibrate=False).fit(X[:500], y[:500])
    assert calibrated.temperature_ > 1.2
    assert uncalibrated.temperature_ == 1
    losses = [log_loss(y[500:], e.predict_proba(X[500:])) for e in (calibrated, uncalibrated)]
    assert losses[0] < 0.9 * losses[1]
    np.testing.assert_array_equal(calibrated.predict(X), uncalibrated.predict(X))


def test_sample_weight_counts_in_all_that_is_measured(rng):
    X, y = make_classification(500, 20, n_informative=5, flip_y=0.4, random_state=0)
    weight = rng.exponential(size=len(y)) ** 2
    network = BackpropClassifier(64, alpha=0.0, max_iter=100, early_stopping=False)
    cv = StratifiedKFold(3)
    ensemble = BackpropEnsembleClassifier(network, cv=cv, random_state=0, candidates=None)
    uncalibrated = clone(ensemble).set_params(calibrate=False).fit(X, y, sample_weight=weight)
    probability = uncalibrated.oof_decision_function_
    temperature = fit_temperature(y, np.log(probability), weight)
    ensemble.fit(X, y, sample_weight=weight)
    assert ensemble.temperature_ == pytest.approx(temperature, rel=1e-3)
    calibrated = softmax(np.log(probability) / ensemble.temperature_, axis=1)
    np.testing.assert_allclose(ensemble.oof_decision_function_, calibrated, rtol=1e-9)
    right = probability.argmax(axis=1) == y
    assert ensemble.oof_score_ == pytest.approx(np.average(right, weights=weight))
    losses = [log_loss(y[i], probability[i], sample_weight=weight[i]) for _, i in cv.split(X, y)]
    assert ensemble.candidate_results_["mean_loss"] == pytest.approx([np.mean(losses)])


def test_two_classes():
    X, y = make_classification(300, random_state=0)
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None).fit(X, y == 1)
    assert ensemble.predict_proba(X).shape == (300, 2)
    assert ensemble.predict(X).dtype == bool


def test_several_labels_for_each_sample():
    X, y = make_multilabel_classification(300, n_classes=4, random_state=0)
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None).fit(X, y)
    assert ensemble.predict_proba(X).shape == (300, 4)
    assert ensemble.oof_decision_function_.shape == (300, 4)
    predicted = ensemble.predict(X)
    assert predicted.shape == (300, 4)
    np.testing.assert_array_equal(predicted, ensemble.predict_proba(X) > 0.5)
    assert ensemble.score(X, y) > 0.3
    assert 0 < ensemble.oof_score_ <= 1


@pytest.mark.parametrize("bootstrap", [False, True])
def test_predictions_of_several_labels_are_sparse_if_y_was(bootstrap):
    X, y = make_multilabel_classification(150, n_classes=4, random_state=0)
    network = BackpropClassifier(8, max_iter=5, alpha=1e-3)
    ensemble = BackpropEnsembleClassifier(network, 2, random_state=0, candidates=None, bootstrap=bootstrap)
    dense = clone(ensemble).fit(X, y).predict(X)
    assert isinstance(dense, np.ndarray)
    fitted = clone(ensemble).fit(X, sparse.csr_array(y))
    assert sparse.issparse(fitted.predict(X))
    np.testing.assert_array_equal(fitted.predict(X).toarray(), dense)
    assert sparse.issparse(fitted.partial_fit(X, y).predict(X))
    stream = clone(ensemble).partial_fit(X, sparse.csr_array(y)).partial_fit(X, y)
    assert sparse.issparse(stream.predict(X))
    assert isinstance(clone(ensemble).partial_fit(X, y).predict(X), np.ndarray)


def test_a_class_with_a_single_sample_is_known_to_all_members(data):
    X, y = data[0], data[1].copy()
    y[0] = "z"
    ensemble = BackpropEnsembleClassifier(NETWORK, 3, random_state=0, candidates=None).fit(X, y)
    assert all(list(member.classes_) == [*"abcdefghij", "z"] for member in ensemble)
    assert np.isfinite(ensemble.predict_proba(X)).all()


def test_a_fold_of_a_class_of_weight_zero_does_not_stop_its_member():
    X, y = load_iris(return_X_y=True)  # sorted by class
    network = BackpropClassifier(4, max_iter=5, early_stopping=True, class_weight={0: 0.0, 1: 1.0, 2: 1.0})
    ensemble = BackpropEnsembleClassifier(network, cv=KFold(3), random_state=0, candidates=None).fit(X, y)
    assert ensemble[0].validation_scores_ is None
    assert len(ensemble[1].validation_scores_) == ensemble[1].n_iter_


def test_one_class():
    X = np.random.default_rng(0).normal(size=(20, 3))
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None).fit(X, np.ones(20))
    np.testing.assert_array_equal(ensemble.predict(X), np.ones(20))
    np.testing.assert_allclose(ensemble.predict_proba(X), 1)


def test_squared_error_of_classes(data):
    X, y, X_test, y_test = data
    network = clone(NETWORK).set_params(loss="squared_error")
    ensemble = BackpropEnsembleClassifier(network, 2, random_state=0, candidates=None).fit(X, y)
    np.testing.assert_allclose(ensemble.predict_proba(X_test).sum(axis=1), 1)
    assert ensemble.score(X_test, y_test) > 0.8


def test_float32_stays_float32(data):
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None).fit(
        data[0].astype(np.float32), data[1]
    )
    assert ensemble.predict_proba(data[0].astype(np.float32)).dtype == np.float32
    assert ensemble.predict_log_proba(data[0].astype(np.float32)).dtype == np.float32


def test_sample_weight_reaches_the_members(data):
    X, y, X_test, _ = data
    weight = np.where(np.isin(y, ["a", "b"]), 1.0, 0.0)
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None).fit(X, y, sample_weight=weight)
    assert set(ensemble.predict(X_test)) <= {"a", "b"}
    assert np.isnan(ensemble.oof_decision_function_[weight == 0]).all()


@pytest.mark.parametrize("candidates", ["auto", {"small": NETWORK, "tiny": clone(NETWORK).set_params(max_iter=1)}])
def test_candidates(data, candidates):
    X, y, X_test, y_test = data
    network = NETWORK if candidates == "auto" else None
    ensemble = BackpropEnsembleClassifier(network, 2, candidates=candidates, random_state=0).fit(X, y)
    assert ensemble.score(X_test, y_test) > 0.85
    held_out = log_loss(y, ensemble.oof_decision_function_)
    assert held_out < min(ensemble.candidate_results_["mean_loss"]) * 1.1


def test_stream(data):
    X, y, X_test, y_test = data
    ensemble = BackpropEnsembleClassifier(NETWORK, 3, random_state=0, candidates=None)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        ensemble.partial_fit(X[:10], y[:10])
    ensemble.partial_fit(X[:1], y[:1], classes=list("abcdefghij"))
    for _ in range(5):
        for start in range(0, 600, 50):
            ensemble.partial_fit(X[start : start + 50], y[start : start + 50])
    assert ensemble.score(X_test, y_test) > 0.8
    assert ensemble.temperature_ == 1


@pytest.mark.parametrize("bootstrap", [False, True])
def test_an_unknown_label_changes_no_member(data, bootstrap):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleClassifier(NETWORK, 3, bootstrap=bootstrap, random_state=0, candidates=None)
    ensemble.partial_fit(X[:50], y[:50], classes=list("abcdefghij"))
    before = ensemble.predict_proba(X_test)
    with pytest.raises(ValueError, match="z"):
        ensemble.partial_fit(X[:8], [*"abcdefg", "z"])
    np.testing.assert_array_equal(ensemble.predict_proba(X_test), before)


def test_there_are_no_classes_before_a_fit():
    assert not hasattr(BackpropEnsembleClassifier(), "classes_")


def test_a_column_of_labels_is_as_a_list_of_them(data):
    X, y = data[:2]
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0)
    expected = clone(ensemble).fit(X, y)
    with pytest.warns(DataConversionWarning) as caught:
        ensemble.fit(X, y[:, np.newaxis])
    assert sum(issubclass(w.category, DataConversionWarning) for w in caught) == 1
    assert ensemble.oof_score_ == expected.oof_score_
    assert ensemble.temperature_ == expected.temperature_
    assert ensemble.candidate_results_ == expected.candidate_results_


def test_several_columns_of_classes_raise(data):
    X, y = data[:2]
    with pytest.raises(ValueError, match="y should be a 1d array"):
        BackpropEnsembleClassifier(NETWORK, 2).fit(X, np.column_stack([y, y]))


@pytest.mark.parametrize("bootstrap", [False, True])
def test_labels_may_be_sparse(bootstrap):
    X, y = make_multilabel_classification(200, n_classes=4, random_state=0)
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, bootstrap=bootstrap, random_state=0, candidates=None)
    from_sparse = clone(ensemble).fit(X, sparse.csr_array(y))
    np.testing.assert_array_equal(from_sparse.predict_proba(X), clone(ensemble).fit(X, y).predict_proba(X))
    np.testing.assert_array_equal(from_sparse.partial_fit(X, sparse.csr_array(y)).predict(X).shape, y.shape)


def test_class_weights_count_in_what_an_ensemble_measures():
    X, y = make_classification(1200, 10, n_informative=5, weights=[0.9], flip_y=0.1, random_state=0)
    network = clone(NETWORK).set_params(class_weight="balanced", max_iter=60)
    ensemble = BackpropEnsembleClassifier(network, 3, random_state=0, candidates=None).fit(X, y)
    by_weight = clone(ensemble).set_params(estimator__class_weight=None)
    balanced = compute_sample_weight("balanced", y)
    by_weight.fit(X, y, sample_weight=balanced)
    assert ensemble.temperature_ == pytest.approx(by_weight.temperature_, rel=0.1)
    losses = [found.candidate_results_["mean_loss"][0] for found in (ensemble, by_weight)]
    assert losses[0] == pytest.approx(losses[1], rel=0.1)


def test_a_network_with_other_parameters_encodes_the_samples_of_a_stream_itself(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleClassifier(NETWORK, 2, random_state=0, candidates=None)
    ensemble.partial_fit(X[:1], y[:1], classes=list("abcdefghij"))
    ensemble[1].set_params(label_smoothing=0.5)
    network = deepcopy(ensemble[1])
    for sample in range(1, 40):
        ensemble.partial_fit(X[[sample]], y[[sample]])
        network.partial_fit(X[[sample]], y[[sample]])
    np.testing.assert_allclose(ensemble[1].predict_proba(X_test), network.predict_proba(X_test))
