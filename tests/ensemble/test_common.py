"""scikit-learn's checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor

NETWORKS = {BackpropEnsembleRegressor: BackpropRegressor, BackpropEnsembleClassifier: BackpropClassifier}
#: Whole batches and plain moments, so that a sample of weight 2 is exactly two samples.
EXACT = {"solver": "batch", "alpha": 0.001, "max_iter": 200, "standardize": "standard"}
#: The evidence for a temperature is that of the number of samples, not of their weights.
WITHOUT_TEMPERATURE = {BackpropEnsembleRegressor: {}, BackpropEnsembleClassifier: {"calibrate": False}}
ESTIMATORS = [
    ensemble(**params)
    for ensemble, network in NETWORKS.items()
    for params in (
        {"estimator": network(16, max_iter=60, alpha=1e-3), "n_estimators": 2},
        {"estimator": network(**EXACT), "n_estimators": 2, "candidates": None, **WITHOUT_TEMPERATURE[ensemble]},
        {"estimator": network(**EXACT), "n_estimators": 2, "strategy": "seeds"},
    )
]


def expected_failures(estimator):
    if estimator.estimator.solver == "batch":
        return {}
    # scikit-learn expects its own bagging to fail these, too
    reason = "repeated samples are in different batches: equal to a sample of twice the weight on average only"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:cv has no effect")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimator_check(estimator, check):
    check(estimator)
