"""scikit-learn's own checks of an estimator, for both estimators and each solver."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor

ESTIMATORS = [
    kind(solver=solver) for kind in (BackpropRegressor, BackpropClassifier) for solver in ("batch", "sgd", "minibatch")
]


def expected_failures(estimator):
    if estimator.solver != "sgd":  # the checks' few rows are one minibatch
        return {}
    reason = "a repeated row comes in other batches than a row of twice the weight: the same on average, not exactly"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_estimator_check(estimator, check):
    check(estimator)
