"""What inspection makes of an ensemble: mean gradients, and a remedy where one network is needed."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor, PiecewiseLinearEncoder
from skbackprop.ensemble._temperature import LogitPool, logits_of
from skbackprop.inspection import HiddenFeatures, backprop_table, hidden_features, input_gradients, layer_outputs
from tests.inspection.networks import CASES, FEW, LABELS, NUMBERS, X
from tests.shared import TRAINS_BRIEFLY, peak_memory

pytestmark = TRAINS_BRIEFLY

SOME = pytest.mark.parametrize(
    "case", ["two targets", "quantiles", "softmax", "two classes", "several labels", "squared error of classes"]
)


def ensemble_of(case, *transformers):
    """Return an unfitted ensemble of a case's networks, after transformers."""
    network = clone(CASES[case][0]).set_params(**FEW)
    member = make_pipeline(*transformers, network) if transformers else network
    params = {"n_estimators": 3, "candidates": None, "random_state": 0}
    kind = BackpropEnsembleClassifier if isinstance(network, BackpropClassifier) else BackpropEnsembleRegressor
    return kind(member, **params)


def predict(ensemble, inputs):
    """Return the predictions or the probabilities, of shape (n_samples, n_predictions)."""
    if isinstance(ensemble, BackpropEnsembleClassifier):
        return ensemble.predict_proba(inputs)
    return ensemble.predict(inputs).reshape(len(inputs), -1)


def check_gradients(ensemble, inputs, relative_step=1e-5):
    """Compare gradients with central differences."""
    gradients = input_gradients(ensemble, inputs)
    assert gradients.shape == (*predict(ensemble, inputs).shape, 3)
    for feature, spread in enumerate(X.std(axis=0)):
        step = relative_step * spread
        ahead, behind = (predict(ensemble, inputs + signed * np.eye(3)[feature]) for signed in (step, -step))
        expected = (ahead - behind) / (2 * step)
        np.testing.assert_allclose(gradients[..., feature], expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@SOME
def test_gradients_are_the_derivatives_of_the_predictions(case):
    ensemble = ensemble_of(case).fit(X, CASES[case][1])
    ensemble.estimator_weights_ = np.array([0.5, 0.3, 0.2])
    ensemble.temperature_ = 1.5
    check_gradients(ensemble, X[:6])


@SOME
def test_gradients_go_through_transformers_that_know_their_derivative(case):
    ensemble = ensemble_of(case, PiecewiseLinearEncoder(8), PiecewiseLinearEncoder(3)).fit(X, CASES[case][1])
    check_gradients(ensemble, X[:6] + 1e-3 * X.std(axis=0))  # the samples themselves may be on the edges of bins


@pytest.mark.parametrize("kind", [BackpropEnsembleRegressor, BackpropEnsembleClassifier])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_gradients_of_an_ensemble_with_default_parameters(kind, n_outputs):
    waves = np.column_stack([np.sin(3 * X[:, 0]), np.cos(X[:, 1] / 30)])[:, :n_outputs]
    y = waves if kind is BackpropEnsembleRegressor else (waves > 0).astype(int)
    ensemble = kind(random_state=0).fit(X, np.squeeze(y))
    weights = dict(zip(ensemble.candidate_results_["candidate"], ensemble.candidate_results_["weight"], strict=True))
    assert weights["piecewise_linear"] > 0
    check_gradients(ensemble, X[:6] + 1e-3 * X.std(axis=0), relative_step=1e-7)  # ReLU has its kinks, too


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_gradients_through_transformers_do_not_depend_on_the_dtype_and_the_kind_of_samples(make):
    ensemble = ensemble_of("softmax", PiecewiseLinearEncoder()).fit(make(X.astype(np.float32)), LABELS)
    gradients = input_gradients(ensemble, make(X))
    assert gradients.dtype == np.float32
    members = ensemble.estimators_
    assert all(input_gradients(member[-1], member[0].transform(X)).dtype == np.float32 for member in members)
    np.testing.assert_array_equal(gradients, input_gradients(ensemble, make(X.astype(np.float32))))


def test_memory_does_not_grow_with_the_number_of_encoded_features(rng):
    samples = rng.normal(size=(40_000, 4))
    network = clone(CASES["squared"][0]).set_params(**FEW)
    member = make_pipeline(PiecewiseLinearEncoder(64), network)
    ensemble = BackpropEnsembleRegressor(member, 2, random_state=0).fit(samples[:300], samples[:300, 0])
    assert peak_memory(lambda: input_gradients(ensemble, samples)) < 0.5 * len(samples) * 8 * (4 + 4 * 64)


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_slopes_are_those_of_the_logits_that_are_averaged(is_multilabel):
    probability = np.array([[0.2, 0.7, 0.1], [1e-12, 0.999, 1e-3]])  # the smallest is replaced, so its slope is 0
    step = 1e-8 * probability
    ahead, behind = (logits_of(probability + sign * step, is_multilabel=is_multilabel) for sign in (1, -1))
    slopes = LogitPool(2.0, is_multilabel).slopes(probability)
    np.testing.assert_allclose(slopes, (ahead - behind) / (2 * step), rtol=1e-5)
    assert slopes[1, 0] == 0


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array, pd.DataFrame])
def test_gradients_are_the_same_for_all_kinds_of_samples(make):
    ensemble = ensemble_of("two targets").fit(make(X), CASES["two targets"][1])
    by_hand = [input_gradients(member, X) for member in ensemble.estimators_]
    np.testing.assert_allclose(input_gradients(ensemble, make(X)), np.mean(by_hand, axis=0), rtol=1e-12)


def test_gradients_have_the_dtype_of_the_networks():
    ensemble = ensemble_of("softmax").fit(X.astype(np.float32), LABELS)
    assert input_gradients(ensemble, X).dtype == np.float32


def test_names_of_the_samples_are_checked():
    frame = pd.DataFrame(X, columns=["age", "height", "dose"])
    ensemble = ensemble_of("softmax").fit(frame, LABELS)
    assert input_gradients(ensemble, frame).shape == (len(X), 3, 3)
    with pytest.raises(ValueError, match="feature names"):
        input_gradients(ensemble, frame[["dose", "height", "age"]])


def test_members_whose_transformers_do_not_know_their_derivative_are_refused_with_a_remedy():
    ensemble = ensemble_of("squared", StandardScaler()).fit(X, NUMBERS)
    message = r"estimators_\[0\] of the ensemble is a Pipeline, whose step StandardScaler\(\) .* estimators_\[0\]\[-1\]"
    with pytest.raises(TypeError, match=message):
        input_gradients(ensemble, X)
    member = ensemble.estimators_[0]
    assert input_gradients(member[-1], member[:-1].transform(X)).shape == (len(X), 1, 3)


def test_a_pipeline_that_only_has_a_network_is_a_network():
    network = clone(CASES["squared"][0]).set_params(**FEW)
    ensemble = BackpropEnsembleRegressor(make_pipeline(network), 2, random_state=0).fit(X, NUMBERS)
    expected = np.mean([input_gradients(member[-1], X) for member in ensemble.estimators_], axis=0)
    np.testing.assert_allclose(input_gradients(ensemble, X), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "inspect",
    [layer_outputs, hidden_features, lambda estimator, X: backprop_table(estimator, X[:1], 0.0)],
    ids=["layer_outputs", "hidden_features", "backprop_table"],
)
def test_what_is_about_one_network_refuses_an_ensemble_with_a_remedy(inspect):
    ensemble = ensemble_of("squared").fit(X, NUMBERS)
    message = "must be a BackpropRegressor or BackpropClassifier, got BackpropEnsembleRegressor; pass one of its estima"
    with pytest.raises(TypeError, match=message):
        inspect(ensemble, X)
    assert len(inspect(ensemble.estimators_[0], X))


def test_hidden_features_of_an_ensemble_are_refused():
    with pytest.raises(TypeError, match="got BackpropEnsembleClassifier"):
        HiddenFeatures(BackpropEnsembleClassifier()).fit(X, LABELS)


def test_unfitted_ensembles_and_other_estimators_are_refused():
    with pytest.raises(NotFittedError, match="BackpropEnsembleRegressor"):
        input_gradients(BackpropEnsembleRegressor(), X)
    with pytest.raises(TypeError, match="a BackpropRegressor, a BackpropClassifier, or an ensemble of them, got Ridge"):
        input_gradients(Ridge().fit(X, NUMBERS), X)
