"""
Quickstart
==========

Raw data in, a good model out: both estimators with nothing set, beside scikit-learn's MLP as it comes and with inputs
and target scaled by hand. Then a small grid search in a Pipeline. Needs nothing but the package itself.
"""

import time
import warnings

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

# scikit-learn's MLP says on most data that 200 epochs are too few; the folds' scores tell, so the warnings need not.
warnings.simplefilter("ignore", ConvergenceWarning)


def by_hand(mlp):
    """Return the MLP with inputs and, in regression, the target scaled."""
    model = make_pipeline(StandardScaler(), mlp)
    if isinstance(mlp, MLPRegressor):
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def compare():
    """Print a row for each data set and model: score of five folds, and seconds."""
    print(f"{'five folds, nothing set':<26}{'ours':>8}{'MLP':>8}{'MLP scaled by hand':>20}")
    for name, load, folds, ours, theirs in (
        ("diabetes, R2", load_diabetes, KFold(5, shuffle=True, random_state=0), BackpropRegressor, MLPRegressor),
        ("wine, accuracy", load_wine, StratifiedKFold(5), BackpropClassifier, MLPClassifier),
        ("breast cancer, accuracy", load_breast_cancer, StratifiedKFold(5), BackpropClassifier, MLPClassifier),
    ):
        X, y = load(return_X_y=True)
        mlp = theirs(random_state=0)
        models = ours(random_state=0), mlp, by_hand(mlp)
        ours_score, raw, scaled = (cross_val_score(model, X, y, cv=folds).mean() for model in models)
        print(f"{name:<26}{ours_score:8.3f}{raw:8.3f}{scaled:20.3f}")


def search():
    """Choose the degree of a step before the network, and the network's size and rate, by one grid search."""
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(PolynomialFeatures(include_bias=False), BackpropRegressor(max_iter=50, random_state=0))
    grid = {
        "polynomialfeatures__degree": [1, 2],
        "backpropregressor__hidden_layer_sizes": [(20,), (20, 20)],
        "backpropregressor__learning_rate": [0.003, 0.01],
    }
    start = time.perf_counter()
    best = GridSearchCV(model, grid, cv=5).fit(X, y)
    print(f"\nbest of {len(best.cv_results_['params'])} on diabetes: R2 {best.best_score_:.3f}", end="")
    print(f" in {time.perf_counter() - start:.1f} s, with {best.best_params_}")


if __name__ == "__main__":
    compare()
    search()
