"""The validation set: how it is chosen, what is monitored on it, and that the best weights are restored."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import accuracy_score, log_loss, make_scorer, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import INDEX
from skbackprop._estimators import validation_split
from skbackprop._estimators.validation_split import split
from skbackprop.exceptions import DataWarning
from tests.shared import BOTH, EACH_SOLVER, ENGINES, announce, data, theta

STOPPING = {"early_stopping": True, "max_iter": 30, "tol": None, "random_state": 0}


class TestSplit:
    @pytest.mark.parametrize("fraction", [0.1, 0.25])
    def test_is_stratified(self, fraction):
        labels = np.repeat([0.0, 1.0, 3.0], [200, 60, 40])
        validation, message = split(np.arange(300, dtype=INDEX), labels, fraction, 0)
        assert message is None
        assert validation.dtype == INDEX
        assert (np.diff(validation.astype(int)) > 0).all()
        for label, count in ((0, 200), (1, 60), (3, 40)):
            assert (labels[validation] == label).sum() == fraction * count
        other = split(np.arange(300), labels, fraction, 1)[0]
        assert len(other) == len(validation)
        assert (other != validation).any()

    def test_chunks_and_storage_of_codes_do_not_change_it(self, monkeypatch):
        codes = np.random.default_rng(0).integers(0, 4, 300)
        expected = split(np.arange(300), codes, 0.13, 0)[0]
        assert len(expected) == 39
        monkeypatch.setattr(validation_split, "INDEX_CHUNK", 7)
        for dtype in (np.float32, np.uint8):
            np.testing.assert_array_equal(split(np.arange(300), codes.astype(dtype), 0.13, 0)[0], expected)

    def test_shares_of_classes_are_rounded_to_the_size_of_the_validation_set(self):
        codes = np.repeat(np.arange(7), 10)
        validation = split(np.arange(70), codes, 0.25, 0)[0]
        assert len(validation) == 18
        assert set(np.bincount(codes[validation])) == {2, 3}

    @pytest.mark.parametrize("fraction", [0.1, 0.3])
    def test_without_classes_it_is_that_of_scikit_learn(self, fraction):
        expected = train_test_split(np.arange(95), test_size=fraction, random_state=3)[1]
        np.testing.assert_array_equal(split(np.arange(95), None, fraction, 3)[0], np.sort(expected))

    def test_class_with_one_sample_stays_in_the_training_set(self):
        labels = np.array([0] * 30 + [1] * 30 + [2])
        validation, message = split(np.arange(61), labels, 0.2, 0)
        assert "A class has only one sample" in message
        assert 60 not in validation
        assert set(labels[validation]) == {0, 1}

    def test_more_classes_than_validation_samples(self):
        validation, message = split(np.arange(40), np.repeat(np.arange(20), 2), 0.1, 0)
        assert len(validation) == 4
        assert "too small for 20 classes" in message

    @pytest.mark.parametrize("n_samples", [1, 2])
    def test_too_few_samples(self, n_samples):
        validation, message = split(np.arange(n_samples), None, 0.9, 0)
        assert not len(validation)
        assert "too few for a validation set" in message

    def test_other_samples_are_ignored(self):
        validation = split(np.arange(0, 100, 2), None, 0.2, 0)[0]
        assert len(validation) == 10
        kept = split(np.arange(50), None, 0.2, 0)[0]
        np.testing.assert_array_equal(validation, 2 * kept)


@BOTH
@EACH_SOLVER
@ENGINES
def test_best_weights_are_restored(estimator, solver, engine):
    X, y = data(estimator)
    params = STOPPING | {"solver": solver, "engine": engine, "learning_rate": 0.02, "alpha": 0.001}
    network = estimator(20, **params).fit(X, y)
    scores = network.validation_scores_
    assert len(scores) == len(network.validation_loss_curve_) == len(network.loss_curve_) == network.n_iter_ == 30
    assert network.best_iter_ == np.argmax(scores) + 1
    np.testing.assert_allclose(scores, -np.array(network.validation_loss_curve_))
    # a fit that ends at the best epoch has nothing to restore
    again = estimator(20, **params)
    again.set_params(max_iter=network.best_iter_).fit(X, y)
    np.testing.assert_array_equal(theta(again), theta(network))


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_best_iter_is_the_last_epoch_after_partial_fit(estimator, early_stopping):
    X, y = data(estimator)
    assert estimator(5).partial_fit(X, y, **announce(estimator)).best_iter_ == 1
    network = estimator(5, early_stopping=early_stopping, max_iter=3, tol=None, random_state=0).fit(X, y)
    assert network.partial_fit(X, y).best_iter_ == network.n_iter_ == 4


@BOTH
def test_n_iter_no_change_stops_training(estimator):
    X, y = data(estimator)
    network = estimator(20, early_stopping=True, tol=0.01, n_iter_no_change=4, max_iter=500, random_state=0).fit(X, y)
    assert network.n_iter_ < 500
    assert network.n_iter_ >= network.best_iter_


@BOTH
@pytest.mark.parametrize("standardize", [False, True])
def test_given_validation_set_is_monitored_and_not_trained_on(estimator, standardize):
    X, y = data(estimator)
    params = STOPPING | {"early_stopping": "auto", "standardize": standardize}
    network = estimator(20, **params).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    best = network.validation_loss_curve_[network.best_iter_ - 1]
    if estimator is BackpropClassifier:
        expected = log_loss(y[1::2], network.predict_proba(X[1::2]))
    else:  # the loss of a standardized target is relative to its variance
        expected = np.mean((network.predict(X[1::2]) - y[1::2]) ** 2) / (np.var(y[::2]) if standardize else 1.0)
    assert best == pytest.approx(expected)
    alone = estimator(20, **(params | {"max_iter": network.best_iter_})).fit(X[::2], y[::2])
    if isinstance(network, BackpropRegressor):
        assert alone.validation_scores_ is None
        assert alone.best_iter_ == alone.n_iter_


@BOTH
def test_weights_of_a_given_validation_set(estimator):
    X, y = data(estimator)
    weight = np.zeros(75)
    weight[:5] = 1
    params = STOPPING | {"early_stopping": "auto"}
    weighted = estimator(20, **params).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2], sample_weight_val=weight)
    few = estimator(20, **params).fit(X[::2], y[::2], X_val=X[1::2][:5], y_val=y[1::2][:5])
    np.testing.assert_allclose(weighted.validation_scores_, few.validation_scores_)


@BOTH
@pytest.mark.parametrize(
    ("arguments", "params", "message"),
    [
        ({"X_val": [[1, 2, 3, 4]]}, {}, "X_val and y_val belong together"),
        ({"y_val": [1]}, {}, "X_val and y_val belong together"),
        ({"sample_weight_val": [1]}, {}, "X_val and y_val belong together"),
        ({"X_val": [[1, 2, 3, 4]], "y_val": [1]}, {"early_stopping": False}, "set early_stopping to 'auto' or True"),
        ({"X_val": [[1, 2, 3]], "y_val": [1]}, {}, "X has 3 features"),
        ({"X_val": [[1, 2, 3, np.nan]], "y_val": [1]}, {}, "contains NaN"),
        ({"X_val": [[1, 2, 3, 4]], "y_val": [1, 2]}, {}, "inconsistent"),
    ],
)
def test_given_validation_set_is_validated(estimator, arguments, params, message):
    X, y = data(estimator)
    network = estimator(5, **params)
    with pytest.raises(ValueError, match=message):
        network.fit(X, y, **arguments)
    assert not hasattr(network, "coefs_")


def test_given_validation_set_must_match_the_target():
    X, y = data(BackpropRegressor)
    with pytest.raises(ValueError, match="y_val has 2 outputs, y has 1"):
        BackpropRegressor(5).fit(X, y, X_val=X, y_val=np.column_stack([y, y]))
    X, y = data(BackpropClassifier)
    with pytest.raises(ValueError, match="previously unseen labels"):
        BackpropClassifier(5).fit(X, y, X_val=X, y_val=y + 1)


@pytest.mark.parametrize("scoring", ["r2", None, make_scorer(r2_score), "neg_mean_absolute_error"])
def test_scorers_of_scikit_learn(scoring):
    X, y = load_diabetes(return_X_y=True)
    network = BackpropRegressor(20, scoring=scoring, **(STOPPING | {"early_stopping": "auto"}))
    network.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    best = max(network.validation_scores_)
    assert network.validation_scores_[network.best_iter_ - 1] == best
    scored = {"neg_mean_absolute_error": lambda: -np.abs(network.predict(X[1::2]) - y[1::2]).mean()}
    assert scored.get(scoring, lambda: network.score(X[1::2], y[1::2]))() == pytest.approx(best)
    assert len(network.validation_loss_curve_) == len(network.validation_scores_)


@pytest.mark.filterwarnings("error")
def test_string_labels_and_feature_names():
    X, y = load_iris(return_X_y=True, as_frame=True)
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    network = BackpropClassifier(20, scoring="accuracy", learning_rate=0.02, **STOPPING).fit(X, labels)
    assert network.score(X, labels) > 0.9
    network.fit(X[::2], labels[::2], X_val=X[1::2], y_val=labels[1::2])
    assert max(network.validation_scores_) == accuracy_score(labels[1::2], network.predict(X[1::2]))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_unknown_scorer_raises(early_stopping):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, scoring="no such score", early_stopping=early_stopping)
    with pytest.raises(ValueError, match="scoring='no such score' is not known; it is 'loss', or a name from sklearn"):
        network.fit(X, y)


@BOTH
@pytest.mark.filterwarnings("ignore:early_stopping=True has no effect with partial_fit")
def test_partial_fit_has_no_validation_set(estimator):
    X, y = data(estimator)
    plain, stopping = (estimator(5, early_stopping=flag, random_state=0) for flag in (False, True))
    for network in (plain, stopping):
        network.partial_fit(X, y, **announce(estimator)).partial_fit(X, y)
    np.testing.assert_array_equal(theta(plain), theta(stopping))
    assert stopping.validation_scores_ is None


@BOTH
def test_same_random_state_gives_the_same_validation_set(estimator):
    X, y = data(estimator)
    once, twice = (estimator(5, **STOPPING).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(theta(once), theta(twice))
    assert (theta(estimator(5, **(STOPPING | {"random_state": 1})).fit(X, y)) != theta(once)).any()


def test_class_with_one_sample_warns_and_is_kept():
    X, y = data(BackpropClassifier)
    y = y.copy()
    y[0] = 7
    with pytest.warns(DataWarning, match="A class has only one sample") as warnings:
        network = BackpropClassifier(5, **STOPPING).fit(X, y)
    assert warnings[0].filename == __file__
    assert 7 in network.classes_


def test_validation_set_of_a_multilabel_target():
    X, _ = data(BackpropClassifier)
    Y = (X[:, :3] > 0).astype(int)
    network = BackpropClassifier(20, **STOPPING).fit(X, Y)
    assert len(network.validation_scores_) == 30
    given = BackpropClassifier(20, **STOPPING).fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    assert min(given.validation_loss_curve_) < 0.5 * given.validation_loss_curve_[0]


def test_given_validation_set_is_transformed_by_a_pipeline():
    X, y = load_diabetes(return_X_y=True)
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        network = BackpropRegressor(20, standardize=False, **STOPPING).set_fit_request(X_val=True, y_val=True)
        model = make_pipeline(StandardScaler(), network, transform_input=["X_val"])
        model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    scaler, network = model[0], model[-1]
    loss = np.mean((network.predict(scaler.transform(X[1::2])) - y[1::2]) ** 2)
    assert loss == pytest.approx(min(network.validation_loss_curve_))


def test_new_fit_resets_the_curves():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, warm_start=True, **STOPPING).fit(X, y).fit(X, y)
    assert len(network.validation_scores_) == 30
    assert network.n_iter_ == 60
    network.set_params(warm_start=False, early_stopping=False).fit(pd.DataFrame(X), y)
    assert network.validation_scores_ is None
