"""The estimator checks of scikit-learn pass for both estimators with each solver."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor

#: "sgd" makes an update per sample and learns the small data of the checks in few epochs.
ESTIMATORS = [
    estimator(**params)
    for estimator in (BackpropRegressor, BackpropClassifier)
    for params in ({}, {"solver": "batch"}, {"solver": "sgd", "max_iter": 20})
]


def expected_failures(estimator):
    if estimator.solver != "sgd":  # the few samples of the checks fit into one minibatch
        return {}
    reason = "repeated samples are in different batches: equal to a sample of twice the weight on average only"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimator_check(estimator, check):
    check(estimator)
