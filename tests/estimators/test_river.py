"""Both estimators learn from a stream through river's wrapper, which passes each sample as a list."""

import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from tests.shared import BOTH, announce, data, theta

compat = pytest.importorskip("river.compat")


@BOTH
def test_wrapper_learns_as_partial_fit_does(estimator):
    X, y = data(estimator)
    wrapper = compat.convert_sklearn_to_river(estimator(6, random_state=0), **announce(estimator))
    network = estimator(6, random_state=0)
    for x, label in zip(X, y, strict=True):
        wrapper.learn_one(dict(enumerate(x.tolist())), label.item())
        network.partial_fit(x[np.newaxis], [label], **announce(estimator))
    np.testing.assert_array_equal(theta(wrapper.estimator), theta(network))
    assert wrapper.predict_one(dict(enumerate(X[0]))) == network.predict(X[:1])[0]
    if estimator is BackpropClassifier:
        probabilities = wrapper.predict_proba_one(dict(enumerate(X[0])))
        np.testing.assert_array_equal(list(probabilities.values()), network.predict_proba(X[:1])[0])


def test_classes_may_be_words_or_booleans():
    X, y = data(BackpropClassifier)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    for classes in (["yes", "no"], [True, False]):
        wrapper = compat.convert_sklearn_to_river(
            BackpropClassifier(6, learning_rate=0.03, random_state=0), classes=classes
        )
        for x, label in zip(X, y > 0, strict=True):
            wrapper.learn_one(dict(enumerate(x.tolist())), classes[0] if label else classes[1])
        predictions = [wrapper.predict_one(dict(enumerate(x.tolist()))) for x in X]
        assert np.mean(np.equal(predictions, classes[0]) == (y > 0)) > 0.9


def test_regressor_predicts_before_it_has_learned():
    wrapper = compat.convert_sklearn_to_river(BackpropRegressor(6))
    assert wrapper.predict_one({"a": 1.0}) == 0
