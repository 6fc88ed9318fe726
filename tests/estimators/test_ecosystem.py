"""Both estimators work with the tools of scikit-learn."""

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.optimizers import Adam
from skbackprop.schedules import Cosine, OneCycle
from tests.shared import BOTH, FEW, SOLVERS, TRAINS_BRIEFLY, data, theta

pytestmark = TRAINS_BRIEFLY


@BOTH
def test_clone_has_the_parameters_but_not_the_weights(estimator):
    X, y = data(estimator)
    network = estimator(6, optimizer=Adam(0.8), learning_rate=Cosine(0.1), activation=["tanh"], **FEW).fit(X, y)
    twin = clone(network)
    assert twin.get_params() == network.get_params()
    assert not hasattr(twin, "coefs_")
    np.testing.assert_array_equal(theta(twin.fit(X, y)), theta(network))


@BOTH
def test_search_in_two_processes_over_names_objects_and_nested_parameters(estimator):
    X, y = data(estimator)
    pipeline = make_pipeline(StandardScaler(), estimator(optimizer=Adam(), max_iter=5, tol=None, random_state=0))
    step = estimator.__name__.lower()
    distributions = {
        f"{step}__hidden_layer_sizes": [(4,), (4, 3), ()],
        f"{step}__solver": SOLVERS,
        f"{step}__learning_rate": [0.01, OneCycle(0.05)],
        f"{step}__optimizer__beta_2": [0.9, 0.99],
    }
    search = RandomizedSearchCV(pipeline, distributions, n_iter=8, cv=3, n_jobs=2, random_state=0, error_score="raise")
    search.fit(X, y)
    assert search.best_estimator_[-1].optimizer.beta_2 == search.best_params_[f"{step}__optimizer__beta_2"]
    parallel = GridSearchCV(pipeline, {f"{step}__hidden_layer_sizes": [(4,), ()]}, cv=3, n_jobs=2).fit(X, y)
    serial = GridSearchCV(pipeline, {f"{step}__hidden_layer_sizes": [(4,), ()]}, cv=3).fit(X, y)
    np.testing.assert_array_equal(parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])


def test_pipeline_on_a_data_frame_with_set_output():
    table, y = load_diabetes(as_frame=True, scaled=False, return_X_y=True)
    numeric = [name for name in table.columns if name != "sex"]
    columns = ColumnTransformer(
        [("numeric", StandardScaler(), numeric), ("sex", OneHotEncoder(sparse_output=False), ["sex"])]
    )
    model = Pipeline([("columns", columns), ("network", BackpropRegressor(10, solver="sgd", **FEW))])
    model.set_output(transform="pandas").fit(table, y)
    assert model[-1].feature_names_in_[-1] == "sex__sex_2.0"
    assert model.predict(table).shape == y.shape
    assert model.set_output(transform="polars").fit(table, y).predict(table).shape == y.shape


@BOTH
def test_sample_weight_is_routed(estimator):
    X, y = data(estimator)
    weight = np.linspace(0, 1, len(y))
    with config_context(enable_metadata_routing=True):
        network = estimator(6, **FEW).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        network.set_partial_fit_request(sample_weight=True)
        assert cross_val_score(network, X, y, params={"sample_weight": weight}, error_score="raise").shape == (5,)
        routed = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), network)
        routed.fit(X, y, sample_weight=weight)
    plain = estimator(6, **FEW).fit(routed[0].transform(X), y, sample_weight=weight)
    np.testing.assert_array_equal(theta(routed[-1]), theta(plain))


def test_tags():
    regressor, classifier = get_tags(BackpropRegressor()), get_tags(BackpropClassifier())
    assert regressor.input_tags.sparse
    assert classifier.input_tags.sparse
    assert regressor.target_tags.multi_output
    assert classifier.classifier_tags.multi_label
    assert classifier.classifier_tags.multi_class
    assert (regressor.estimator_type, classifier.estimator_type) == ("regressor", "classifier")


@BOTH
def test_repr_shows_changed_parameters(estimator):
    assert repr(estimator(5, optimizer=Adam(beta_2=0.9))) == (
        f"{estimator.__name__}(hidden_layer_sizes=5,\n{' ' * (len(estimator.__name__) + 1)}"
        "optimizer=Adam(beta_1=0.9, beta_2=0.9, epsilon=1e-08))"
    )
