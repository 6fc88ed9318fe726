"""
Quickstart
==========

A regressor and a classifier, each in a Pipeline with a small grid search, beside scikit-learn's MLP on the same folds.

Both networks get the same treatment: scaled inputs, a scaled target in regression, the same sizes and learning rates to
choose from, the same number of epochs. Needs nothing but the package itself.
"""

import time
import warnings

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

# A small grid has corners where 50 epochs are too few; the folds' scores tell, so the warnings need not.
warnings.simplefilter("ignore", ConvergenceWarning)

SIZES = [(20,), (50,)]
RATES = [0.003, 0.01]


def search(network, rate_name, X, y, folds):
    """Choose size and learning rate by cross-validation, and say how long that took."""
    regression = not hasattr(network, "predict_proba")
    model = make_pipeline(StandardScaler(), network)
    if regression:  # a network is at home with targets of mean 0 and spread 1
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    prefix = "regressor__" if regression else ""
    step = prefix + type(network).__name__.lower() + "__"
    grid = {f"{step}hidden_layer_sizes": SIZES, f"{step}{rate_name}": RATES}
    start = time.perf_counter()
    best = GridSearchCV(model, grid, cv=folds).fit(X, y)
    return best, time.perf_counter() - start


def main():
    """Print a row for each data set and network."""
    tasks = [
        ("diabetes (R2)", load_diabetes, KFold(5, shuffle=True, random_state=0), BackpropRegressor, MLPRegressor),
        ("digits (accuracy)", load_digits, StratifiedKFold(5), BackpropClassifier, MLPClassifier),
    ]
    print(f"{'data':<20}{'network':<22}{'score':>8}{'spread':>8}{'seconds':>9}   chosen")
    for name, load, folds, ours, theirs in tasks:
        X, y = load(return_X_y=True)
        for network, rate_name in (
            (ours(max_iter=50, random_state=0), "learning_rate"),
            (theirs(max_iter=50, random_state=0), "learning_rate_init"),
        ):
            best, seconds = search(network, rate_name, X, y, folds)
            spread = best.cv_results_["std_test_score"][best.best_index_]
            chosen = ", ".join(f"{key.rpartition('__')[2]}={value}" for key, value in best.best_params_.items())
            print(
                f"{name:<20}{type(network).__name__:<22}{best.best_score_:8.3f}{spread:8.3f}{seconds:9.2f}   {chosen}"
            )


if __name__ == "__main__":
    main()
