"""The ensemble of regressors."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor
from skbackprop.ensemble._bagging import poisson_counts
from skbackprop.exceptions import DataWarning
from skbackprop.losses import LogisticSquaredError, Loss

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NETWORK = BackpropRegressor(16, max_iter=30, alpha=1e-3)


@pytest.fixture(scope="module")
def data():
    X, y = make_friedman1(500, noise=1.0, random_state=0)
    return X[:300], y[:300], X[300:], y[300:]


@pytest.fixture(scope="module")
def fitted(data):
    return BackpropEnsembleRegressor(NETWORK, n_estimators=3, random_state=0, candidates=None).fit(*data[:2])


def members_by_hand(ensemble, X, y):
    """Yield the networks of a cross-fitted ensemble, fitted with copies of the samples, and their folds."""
    rng = np.random.RandomState(0)
    folds = KFold(ensemble.n_estimators, shuffle=True, random_state=rng.randint(np.iinfo(np.int32).max))
    for train, held_out in folds.split(X):
        network = clone(ensemble.estimator).set_params(random_state=rng.randint(np.iinfo(np.int32).max))
        validation = {"X_val": X[held_out], "y_val": y[held_out]} if network.early_stopping is True else {}
        yield network.fit(X[train], y[train], **validation), held_out


@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"early_stopping": False}, {"alpha": "auto", "solver": "batch"}]
)
def test_each_member_is_a_network_without_its_fold_which_may_stop_it_early(data, params):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(clone(NETWORK).set_params(**params), 3, random_state=0, candidates=None)
    ensemble.fit(X, y)
    oof = np.empty(len(y))
    for member, (network, held_out) in zip(ensemble, members_by_hand(ensemble, X, y), strict=True):
        np.testing.assert_allclose(member.predict(X_test), network.predict(X_test), rtol=1e-6)
        assert member.best_iter_ == network.best_iter_
        assert member.alpha_search_ == pytest.approx(network.alpha_search_)
        oof[held_out] = network.predict(X[held_out])
    np.testing.assert_allclose(ensemble.oof_prediction_, oof, rtol=1e-6)


def test_the_prediction_is_the_mean_of_the_members_and_the_spread_their_standard_deviation(fitted, data):
    predictions = [member.predict(data[2]) for member in fitted]
    mean, std = fitted.predict(data[2], return_std=True)
    np.testing.assert_allclose(mean, np.mean(predictions, axis=0))
    np.testing.assert_allclose(std, np.std(predictions, axis=0))
    np.testing.assert_allclose(fitted.predict(data[2]), mean)


def test_the_ensemble_is_better_than_its_members(fitted, data):
    X_test, y_test = data[2:]
    assert fitted.score(X_test, y_test) > np.mean([member.score(X_test, y_test) for member in fitted])


def test_seeds_train_all_members_on_all_samples(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, strategy="seeds", random_state=0, candidates=None).fit(X, y)
    rng = np.random.RandomState(0)
    for member in ensemble:
        network = clone(NETWORK).set_params(random_state=rng.randint(np.iinfo(np.int32).max)).fit(X, y)
        np.testing.assert_allclose(member.predict(X_test), network.predict(X_test))
    assert not hasattr(ensemble, "oof_prediction_")
    with pytest.raises(ValueError, match="predict_interval needs errors on held-out samples"):
        ensemble.predict_interval(X_test)


@pytest.mark.parametrize("n_jobs", [2, -1])
@pytest.mark.parametrize("engine", ["auto", "numpy"])
def test_results_do_not_depend_on_the_number_of_jobs(data, n_jobs, engine):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(clone(NETWORK).set_params(engine=engine), 2, random_state=0, candidates=None)
    one = clone(ensemble).fit(X, y)
    several = clone(ensemble).set_params(n_jobs=n_jobs).fit(X, y)
    np.testing.assert_array_equal(one.predict(X_test), several.predict(X_test))
    np.testing.assert_array_equal(one.oof_prediction_, several.oof_prediction_)


def test_random_state_determines_the_result(data):
    X, y, X_test, _ = data
    first, same, other = (
        BackpropEnsembleRegressor(NETWORK, 2, random_state=seed, candidates=None).fit(X, y).predict(X_test)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)


def test_sparse_samples_give_the_same_as_dense_ones_without_centering(data):
    X, y, X_test, _ = data
    network = clone(NETWORK).set_params(standardize=False)
    dense = BackpropEnsembleRegressor(network, 2, random_state=0, candidates=None).fit(X, y)
    csr = BackpropEnsembleRegressor(network, 2, random_state=0, candidates=None).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(dense.predict(X_test), csr.predict(sparse.csr_array(X_test)), rtol=1e-6)


def test_float32_stays_float32(data):
    X, y = data[0].astype(np.float32), data[1].astype(np.float32)
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(X, y)
    assert ensemble.predict(X).dtype == np.float32


def test_several_outputs(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(
        X, np.column_stack([y, -10 * y])
    )
    assert ensemble.predict(X_test).shape == (200, 2)
    assert ensemble.oof_prediction_.shape == (300, 2)
    interval = ensemble.predict_interval(X_test)
    assert interval.shape == (200, 2, 2)
    assert (interval[..., 0] < ensemble.predict(X_test)).all()
    assert (interval[..., 1] > ensemble.predict(X_test)).all()


def test_a_sample_of_weight_zero_is_as_if_absent(data):
    X, y, X_test, _ = data
    weight = np.ones(len(y))
    weight[200:] = 0
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None)
    weighted = clone(ensemble).fit(X, np.where(weight, y, 1e6), sample_weight=weight)
    shorter = clone(ensemble).fit(X[:200], y[:200])
    np.testing.assert_allclose(weighted.predict(X_test), shorter.predict(X_test), rtol=1e-7)
    assert np.isnan(weighted.oof_prediction_[200:]).all()
    assert weighted.oof_score_ == pytest.approx(shorter.oof_score_)
    np.testing.assert_allclose(weighted.predict_interval(X_test), shorter.predict_interval(X_test), rtol=1e-6)


def test_groups_and_cv_determine_the_folds(data):
    X, y, X_test, _ = data
    groups = np.arange(300) // 10
    kept_together = BackpropEnsembleRegressor(NETWORK, 3, random_state=0, candidates=None).fit(X, y, groups=groups)
    by_cv = BackpropEnsembleRegressor(NETWORK, cv=GroupKFold(3), random_state=0, candidates=None).fit(
        X, y, groups=groups
    )
    assert len(kept_together) == len(by_cv) == 3
    np.testing.assert_allclose(kept_together.predict(X_test), by_cv.predict(X_test))


def test_samples_that_are_never_held_out_have_no_prediction(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, cv=TimeSeriesSplit(2), random_state=0, candidates=None).fit(X, y)
    assert np.isnan(ensemble.oof_prediction_[:100]).all()
    assert np.isfinite(ensemble.oof_prediction_[100:]).all()
    assert np.isfinite(ensemble.oof_score_)
    assert np.isfinite(ensemble.predict_interval(X_test)).all()
    first = clone(NETWORK).set_params(random_state=ensemble[0].random_state)
    first.fit(X[:100], y[:100])
    np.testing.assert_allclose(ensemble[0].predict(X_test), first.predict(X_test), rtol=1e-9)


@pytest.mark.parametrize("strategy", ["cross_fit", "seeds"])
def test_transformers_are_not_fitted_to_samples_of_weight_zero(data, strategy):
    X, y = data[:2]
    weight = np.where(np.arange(300) % 2, 1.0, 0.0)
    pipeline = make_pipeline(StandardScaler(), NETWORK)
    fits = [
        BackpropEnsembleRegressor(pipeline, 2, strategy=strategy, random_state=0).fit(samples, y, sample_weight=weight)
        for samples in (X, np.where(weight[:, np.newaxis], X, X + 100))
    ]
    for one, other in zip(*fits, strict=True):
        np.testing.assert_array_equal(one[0].mean_, other[0].mean_)


def test_candidates_with_a_custom_loss_are_compared_by_the_squared_error(data):
    X, y = data[:2]

    class LogCosh(Loss):
        def value_and_gradient(self, target, raw, gradient):
            np.tanh(raw - target, out=gradient)
            return np.log(np.cosh(raw - target)).sum(axis=1)

        def inverse_link(self, raw):
            return raw

    network = clone(NETWORK).set_params(loss=LogCosh())
    ensemble = BackpropEnsembleRegressor(network, 2, cv=KFold(2), random_state=0, candidates=None).fit(X, y)
    error = np.mean((ensemble.oof_prediction_ - y) ** 2) / np.var(y)
    assert ensemble.candidate_results_["mean_loss"] == pytest.approx([error])


def test_sample_weight_counts_in_the_score_and_the_losses(data, rng):
    X, y = data[:2]
    weight = rng.exponential(size=len(y)) ** 3
    cv = KFold(2)
    ensemble = BackpropEnsembleRegressor(NETWORK, cv=cv, random_state=0, candidates=None)
    oof = ensemble.fit(X, y, sample_weight=weight).oof_prediction_
    assert ensemble.oof_score_ == pytest.approx(r2_score(y, oof, sample_weight=weight))
    losses = [np.average((oof[i] - y[i]) ** 2, weights=weight[i]) / np.var(y) for _, i in cv.split(X)]
    assert ensemble.candidate_results_["mean_loss"] == pytest.approx([np.mean(losses)])


def test_candidates_that_are_dropped_do_not_warn(data):
    bad = BackpropRegressor((), max_iter=1, learning_rate=1e-9, alpha=0.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="no better than a constant"):
        clone(bad).fit(*data[:2])
    ensemble = BackpropEnsembleRegressor(n_estimators=2, candidates=[NETWORK, bad], random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ensemble.fit(*data[:2])
    assert ensemble.candidate_results_["weight"] == [1, 0]
    assert not any("no better than a constant" in str(warning.message) for warning in caught)


def test_predictions_of_samples_that_are_held_out_several_times_are_averaged(data):
    X, y = data[:2]
    cv = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)
    ensemble = BackpropEnsembleRegressor(NETWORK, cv=cv, random_state=0, candidates=None).fit(X, y)
    total = np.zeros(len(y))
    for member, (_, held_out) in zip(ensemble, cv.split(X), strict=True):
        total[held_out] += member.predict(X[held_out])
    np.testing.assert_allclose(ensemble.oof_prediction_, total / 2)


def test_candidates_are_compared_and_weighted(data):
    X, y, X_test, _ = data
    candidates = {
        "network": NETWORK,
        "products": make_pipeline(StandardScaler(), PolynomialFeatures(2), NETWORK),
        "constant": BackpropRegressor((), max_iter=1, learning_rate=1e-9, alpha=0.0),
    }
    ensemble = BackpropEnsembleRegressor(n_estimators=3, candidates=candidates, random_state=0).fit(X, y)
    found = ensemble.candidate_results_
    assert found["candidate"] == list(candidates)
    assert found["n_folds"] == [3, 3, 1]
    assert found["weight"][2] == 0
    assert sum(found["weight"]) == pytest.approx(1)
    n_kept = np.count_nonzero(found["weight"])
    assert len(ensemble) == 3 * n_kept
    weights = ensemble.estimator_weights_
    assert weights.sum() == pytest.approx(1)
    mean = sum(weight * member.predict(X_test) for weight, member in zip(weights, ensemble, strict=True))
    np.testing.assert_allclose(ensemble.predict(X_test), mean)
    assert np.isfinite(ensemble.predict_interval(X_test)).all()


def test_the_transformers_of_a_candidate_do_not_see_its_fold(data):
    X, y = data[:2]
    ensemble = BackpropEnsembleRegressor(
        make_pipeline(StandardScaler(), NETWORK), 3, random_state=0, candidates=None
    ).fit(X, y)
    for member, (_, held_out) in zip(
        ensemble,
        members_by_hand(BackpropEnsembleRegressor(NETWORK, 3, random_state=0, candidates=None), X, y),
        strict=True,
    ):
        np.testing.assert_allclose(member[0].mean_, np.delete(X, held_out, axis=0).mean(axis=0))
    assert ensemble.estimator[0].__dict__.keys() == StandardScaler().__dict__.keys()  # it stays as it was


@pytest.mark.parametrize("candidates", ["auto", [NETWORK, make_pipeline(StandardScaler(), NETWORK)]])
def test_automatic_and_listed_candidates(data, candidates):
    X, y, X_test, y_test = data
    network = NETWORK if candidates == "auto" else None
    ensemble = BackpropEnsembleRegressor(network, 2, candidates=candidates, random_state=0).fit(X, y)
    assert ensemble.score(X_test, y_test) > 0.5
    assert len(set(ensemble.candidate_results_["candidate"])) == len(ensemble.candidate_results_["weight"])


def test_quantiles_are_averaged_and_scored(data):
    X, y, X_test, y_test = data
    from skbackprop.losses import Quantiles

    network = clone(NETWORK).set_params(loss=Quantiles((0.1, 0.9)))
    ensemble = BackpropEnsembleRegressor(network, 2, random_state=0, candidates=None).fit(X, y)
    assert ensemble.predict(X_test).shape == (200, 2)
    assert ensemble.oof_prediction_.shape == (300, 2)
    assert 0 < ensemble.score(X_test, y_test) < 1
    with pytest.raises(ValueError, match="networks predict quantiles"):
        ensemble.predict_interval(X_test)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "poisson", "gamma"])
def test_candidates_are_compared_by_the_loss_of_the_network(data, loss):
    X, y = data[:2]
    y = np.abs(y) + 1
    good = clone(NETWORK).set_params(loss=loss, early_stopping=True)
    bad = clone(good).set_params(max_iter=1, learning_rate=1e-9)
    ensemble = BackpropEnsembleRegressor(n_estimators=2, candidates=[bad, good], random_state=0).fit(X, y)
    assert ensemble.candidate_results_["weight"][1] > 0.9
    np.testing.assert_allclose(
        ensemble.candidate_results_["mean_loss"][1],
        np.mean([-m.validation_scores_[m.best_iter_ - 1] for m in ensemble.estimators_[-2:]]),
        rtol=0.05,
    )


def test_errors_leave_the_ensemble_as_it_was(fitted, data):
    before = fitted.predict(data[2])
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(np.full((10, 3), np.nan), np.ones(10))
    assert fitted.n_features_in_ == 10
    np.testing.assert_array_equal(fitted.predict(data[2]), before)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_estimators": 1}, ValueError, "n_estimators=1 leaves nothing to train on"),
        ({"candidates": []}, ValueError, "candidates is empty"),
        ({"candidates": [NETWORK], "strategy": "seeds"}, ValueError, "candidates are compared on held-out samples"),
        ({"estimator": BackpropClassifier()}, TypeError, "must be a BackpropRegressor or a Pipeline that ends in one"),
        ({"candidates": [StandardScaler()]}, TypeError, "must be a BackpropRegressor or a Pipeline that ends in one"),
        ({"strategy": "bagging"}, ValueError, "strategy"),
        ({"n_estimators": 400}, ValueError, "n_samples=300 is less than n_estimators=400"),
        ({"estimator": BackpropRegressor}, TypeError, "must be a BackpropRegressor or a Pipeline that ends in one"),
        ({"estimator": StandardScaler()}, ValueError, "estimator"),
        ({"cv": []}, ValueError, r"cv=\[\] has no splits"),
    ],
)
def test_wrong_parameters_raise(data, params, error, message):
    with pytest.raises(error, match=message):
        BackpropEnsembleRegressor(**params).fit(*data[:2])


def test_warnings_of_the_members_come_once(data):
    X, y = data[:2]
    network = clone(NETWORK).set_params(batch_size=10_000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BackpropEnsembleRegressor(network, 3, random_state=0, candidates=None).fit(X, y)
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == len(set(messages))
    assert all(warning.filename == __file__ for warning in caught)


def test_what_has_no_effect_says_so(data):
    with pytest.warns(UserWarning, match="cv has no effect with strategy='seeds'"):
        BackpropEnsembleRegressor(NETWORK, 2, cv=3, strategy="seeds", candidates=None).fit(*data[:2])
    with pytest.warns(UserWarning, match="estimator has no effect, because candidates are given"):
        BackpropEnsembleRegressor(NETWORK, 2, candidates=[NETWORK]).fit(*data[:2])


def test_an_iterator_of_splits_serves_one_fit(data):
    X, y = data[:2]
    ensemble = BackpropEnsembleRegressor(NETWORK, cv=KFold(2).split(X), random_state=0, candidates=None).fit(X, y)
    assert len(ensemble) == 2
    with pytest.raises(ValueError, match="which one fit uses up, pass a list"):
        ensemble.fit(X, y)
    assert ensemble.oof_prediction_.shape == (300,)


def test_a_column_of_targets_is_as_a_list_of_them(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None)
    expected = clone(ensemble).fit(X, y)
    with pytest.warns(DataConversionWarning) as caught:
        ensemble.fit(X, y[:, np.newaxis])
    assert sum(issubclass(w.category, DataConversionWarning) for w in caught) == 1
    np.testing.assert_array_equal(ensemble.oof_prediction_, expected.oof_prediction_)
    np.testing.assert_array_equal(ensemble.predict_interval(X_test), expected.predict_interval(X_test))


def test_transformers_receive_floats_in_fit_as_in_predict(data):
    X, y = (data[0] * 50).astype(np.uint8), data[1]
    pipeline = make_pipeline(FunctionTransformer(np.square), NETWORK)  # squares do not fit into 8 bits
    ensemble = BackpropEnsembleRegressor(pipeline, 2, random_state=0)
    from_floats = clone(ensemble).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(ensemble.fit(X, y).predict(X), from_floats.predict(X))


def test_a_pipeline_keeps_its_memory(data, tmp_path):
    pipeline = Pipeline([("scaler", StandardScaler()), ("network", NETWORK)], memory=str(tmp_path))
    ensemble = BackpropEnsembleRegressor(pipeline, 2, random_state=0).fit(*data[:2])
    assert ensemble[0].memory == str(tmp_path)


@pytest.mark.parametrize("confidence_level", [0.0, 1.0, -1, "0.9", np.nan, np.float32("nan")])
def test_confidence_level_is_validated(fitted, data, confidence_level):
    with pytest.raises((ValueError, TypeError), match="confidence_level"):
        fitted.predict_interval(data[2], confidence_level)


def test_intervals_contain_about_their_share_and_grow_with_the_level(fitted, data):
    X_test, y_test = data[2:]
    widths = []
    for level in (0.5, 0.8, 0.95):
        lower, upper = fitted.predict_interval(X_test, level).T
        assert np.mean((lower <= y_test) & (y_test <= upper)) == pytest.approx(level, abs=0.1)
        widths.append(np.mean(upper - lower))
    assert widths == sorted(widths)


def test_the_interval_of_a_sample_does_not_depend_on_the_others(fitted, data):
    X_test = data[2]
    np.testing.assert_allclose(fitted.predict_interval(X_test[:1]), fitted.predict_interval(X_test)[:1])


def test_intervals_are_infinite_with_too_few_samples(data):
    X, y = data[0][:12], data[1][:12]
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(X, y)
    with pytest.warns(UserWarning, match="infinite"):
        assert np.isinf(ensemble.predict_interval(X, 0.99)).all()


def test_a_sample_that_several_members_hold_out_has_the_interval_of_their_mean(data):
    X, y, X_test, y_test = data
    cv = RepeatedKFold(n_splits=2, n_repeats=3, random_state=0)
    ensemble = BackpropEnsembleRegressor(NETWORK, cv=cv, random_state=0, candidates=None).fit(X, y)
    lower, upper = ensemble.predict_interval(X_test).T
    assert np.mean((lower <= y_test) & (y_test <= upper)) == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(("loss", "least", "greatest"), [("poisson", 0, np.inf), (LogisticSquaredError(), 0, 1)])
def test_intervals_are_within_the_targets_that_the_loss_allows(data, loss, least, greatest):
    X, y, X_test, _ = data
    target = np.random.RandomState(0).poisson(1.0, len(y)).clip(max=greatest)
    network = clone(NETWORK).set_params(loss=loss)
    ensemble = BackpropEnsembleRegressor(network, 2, random_state=0, candidates=None).fit(X, target)
    interval = ensemble.predict_interval(X_test)
    assert interval.min() == least
    assert interval.max() <= greatest
    assert (interval[:, 0] <= ensemble.predict(X_test)).all()


# Streams


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("change", [False, True])
def test_a_stream_teaches_all_members_every_sample(data, size, change):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None)
    rng = np.random.RandomState(0)
    networks = [clone(NETWORK).set_params(random_state=rng.randint(np.iinfo(np.int32).max)) for _ in range(2)]
    for start in range(0, 300, size):
        call = slice(start, start + size)
        ensemble.partial_fit(X[call], y[call])
        for network in networks:
            network.partial_fit(X[call], y[call])
        if change and start == 150:  # one of the members no longer has the parameters of the others
            ensemble[1].set_params(alpha=0.5)
            networks[1].set_params(alpha=0.5)
    np.testing.assert_allclose(ensemble.predict(X_test), np.mean([n.predict(X_test) for n in networks], axis=0))


def test_bootstrap_teaches_members_different_samples(data):
    X, y, X_test, y_test = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 3, bootstrap=True, random_state=0, candidates=None)
    for _ in range(10):
        for start in range(0, 300, 30):
            ensemble.partial_fit(X[start : start + 30], y[start : start + 30])
    assert len({member.t_ for member in ensemble}) > 1 or len({member._state.n_samples for member in ensemble}) > 1
    assert ensemble.score(X_test, y_test) > 0.3


def test_bootstrap_draws_do_not_depend_on_the_calls(data):
    X, y = data[:2]
    network = BackpropRegressor(
        (), solver="sgd", optimizer="gd", learning_rate=0.01, alpha=0.0, standardize=False, shuffle=False
    )
    predictions = []
    for size in (1, 7):
        ensemble = BackpropEnsembleRegressor(network, 2, bootstrap=True, random_state=0, candidates=None).partial_fit(
            X[:1], y[:1]
        )
        for start in range(1, 141, size):
            ensemble.partial_fit(X[start : start + size], y[start : start + size])
        predictions.append(ensemble.predict(X))
    np.testing.assert_allclose(*predictions, rtol=1e-7)


def test_fit_can_be_continued_by_partial_fit(data):
    X, y, X_test, y_test = data
    ensemble = BackpropEnsembleRegressor(
        make_pipeline(StandardScaler(), NETWORK), 2, random_state=0, candidates=None
    ).fit(X, y)
    score = ensemble.score(X_test, y_test)
    ensemble.partial_fit(X_test[:100], y_test[:100])
    assert ensemble.score(X_test[100:], y_test[100:]) > score - 0.1
    assert not hasattr(ensemble, "oof_prediction_")
    with pytest.raises(ValueError, match="partial_fit changes the networks"):
        ensemble.predict_interval(X_test)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"candidates": [NETWORK]}, "candidates are compared by fit"),
        ({"estimator": make_pipeline(StandardScaler(), NETWORK)}, "whose transformers partial_fit cannot fit"),
    ],
)
def test_a_stream_cannot_begin_with_what_needs_a_fit(data, params, message):
    with pytest.raises(ValueError, match=message):
        BackpropEnsembleRegressor(**params).partial_fit(*data[:2])


@pytest.mark.parametrize("bootstrap", [False, True])
def test_an_invalid_call_changes_no_member(data, bootstrap):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 3, bootstrap=bootstrap, random_state=0, candidates=None).partial_fit(
        X, y
    )
    before = ensemble.predict(X_test)
    calls = (
        (X[:5], [1, 2, np.nan, 3, 4]),
        (X[:5, :3], y[:5]),
        (np.full((2, 10), np.inf), y[:2]),
        (X[:5], y[:9]),
        (X[:5], y[:3]),
        (X[:5], np.column_stack([y[:5], y[:5]])),
    )
    for bad_X, bad_y in calls:
        with pytest.raises(ValueError, match=r"NaN|features|infinity|inconsistent|number of outputs"):
            ensemble.partial_fit(bad_X, bad_y)
    np.testing.assert_array_equal(ensemble.predict(X_test), before)


def test_rejected_samples_are_reported_once(data):
    X, y = data[:2]
    ensemble = BackpropEnsembleRegressor(NETWORK, 3, random_state=0, candidates=None).partial_fit(X, y)
    X_bad = X[:20].copy()
    X_bad[3, 0] = 1e9
    with pytest.warns(DataWarning) as caught:
        ensemble.partial_fit(X_bad, y[:20])
    assert len(caught) == 1


def test_a_stream_does_not_learn_from_samples_of_weight_zero(data):
    X, y, X_test, _ = data
    weight = np.where(np.arange(300) % 3, 1.0, 0.0)
    weight[:30] = 1.0
    predictions = []
    for offset in (50, -20):
        ensemble = BackpropEnsembleRegressor(NETWORK, 2, bootstrap=True, random_state=0, candidates=None)
        ensemble.partial_fit(X[:30], y[:30])
        for start in range(30, 300, 30):
            call = slice(start, start + 30)
            ensemble.partial_fit(X[call], y[call] + np.where(weight[call], 0, offset), sample_weight=weight[call])
        predictions.append(ensemble.predict(X_test))
    np.testing.assert_array_equal(*predictions)


def test_members_of_a_bootstrapped_stream_learn_with_the_weights_of_their_samples(data, rng):
    X, y, X_test, _ = data
    weight = rng.exponential(size=len(y)) ** 3
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, bootstrap=True, random_state=0, candidates=None)
    ensemble.partial_fit(X[:50], y[:50], sample_weight=weight[:50])
    networks = deepcopy(ensemble.estimators_)
    ensemble.partial_fit(X[50:], y[50:], sample_weight=weight[50:])
    counts = poisson_counts(ensemble._bagging_seed, 50, 250, 2)
    for member, network, count in zip(ensemble, networks, counts.T, strict=True):
        drawn = 50 + np.repeat(np.arange(250), count)
        network.partial_fit(X[drawn], y[drawn], sample_weight=weight[drawn])
        np.testing.assert_allclose(member.predict(X_test), network.predict(X_test))


def test_a_member_skips_a_call_of_which_it_draws_samples_of_weight_zero_only(data):
    X, y = data[:2]
    ensemble = BackpropEnsembleRegressor(NETWORK, 3, bootstrap=True, random_state=0, candidates=None)
    ensemble.partial_fit(X, y)
    for start in range(0, 300, 3):
        ensemble.partial_fit(X[start : start + 3], y[start : start + 3], sample_weight=[0, 1, 0])
    assert ensemble.score(X, y) > 0


def test_the_weight_of_a_candidate_is_divided_by_its_networks(data):
    X, y = data[:2]
    candidates = [NETWORK, clone(NETWORK).set_params(hidden_layer_sizes=8)]
    ensemble = BackpropEnsembleRegressor(n_estimators=3, candidates=candidates, random_state=0).fit(X, y)
    first, second = ensemble.candidate_results_["weight"]
    assert first > second > 0
    np.testing.assert_allclose(ensemble.estimator_weights_, np.array([first] * 3 + [second] * 3) / 3)
    assert [network.hidden_layer_sizes for network in ensemble] == [16] * 3 + [8] * 3


def test_a_fit_forgets_earlier_predictions(data):
    X, y, X_test, _ = data
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(X, y)
    ensemble.set_params(strategy="seeds").fit(X, y)
    assert not hasattr(ensemble, "oof_score_")
    with pytest.raises(ValueError, match="predict_interval needs errors"):
        ensemble.predict_interval(X_test)


def test_candidates_of_weight_zero_are_not_kept(data):
    X = data[0]
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0).fit(X, np.ones(len(X)))  # nobody can be better
    assert ensemble.candidate_results_["n_folds"] == [2, 2, 2]
    assert ensemble.candidate_results_["weight"] == [1, 0, 0]
    assert len(ensemble) == 2


@pytest.mark.parametrize("kind", [list, np.float32, int, object])
def test_kinds_of_targets(data, kind):
    X, y = data[0], np.round(data[1])
    expected = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(X, y).predict(X)
    target = y.tolist() if kind is list else y.astype(kind)
    ensemble = BackpropEnsembleRegressor(NETWORK, 2, random_state=0, candidates=None).fit(X, target)
    np.testing.assert_allclose(ensemble.predict(X), expected, rtol=1e-5)


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_target_that_one_loss_excludes_changes_no_member(bootstrap, rng):
    X = rng.normal(size=(300, 3))
    y = rng.poisson(np.exp(0.7 * X[:, 0])).astype(float)
    candidates = [clone(NETWORK).set_params(loss=loss) for loss in ("absolute_error", "poisson")]
    ensemble = BackpropEnsembleRegressor(n_estimators=2, candidates=candidates, bootstrap=bootstrap, random_state=0)
    ensemble.fit(X, y)
    assert len(ensemble) == 4
    before = ensemble.predict(X)
    with pytest.raises(ValueError, match="at least 0"):
        ensemble.partial_fit(X[:20], [*y[:19], -1.0])
    np.testing.assert_array_equal(ensemble.predict(X), before)
