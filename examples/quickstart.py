"""
Quickstart
==========

Compare both estimators, with default parameters, with scikit-learn's MLP on raw data and on scaled inputs and targets.
Then run a small grid search over a Pipeline. The script needs no optional dependencies.
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

# On most data sets, scikit-learn's MLP warns that 200 epochs were not enough; the scores show the effect.
warnings.simplefilter("ignore", ConvergenceWarning)


def scale_data(mlp):
    """Return a model that scales the inputs of the MLP and, in regression, its target."""
    model = make_pipeline(StandardScaler(), mlp)
    if isinstance(mlp, MLPRegressor):
        model = TransformedTargetRegressor(model, transformer=StandardScaler())
    return model


def compare():
    """Print the mean score over five folds of each model on each data set."""
    print(f"{'five folds, defaults':<26}{'skbackprop':>12}{'MLP':>8}{'MLP, scaled data':>18}")
    for name, load, folds, ours, theirs in (
        ("diabetes, R2", load_diabetes, KFold(5, shuffle=True, random_state=0), BackpropRegressor, MLPRegressor),
        ("wine, accuracy", load_wine, StratifiedKFold(5), BackpropClassifier, MLPClassifier),
        ("breast cancer, accuracy", load_breast_cancer, StratifiedKFold(5), BackpropClassifier, MLPClassifier),
    ):
        X, y = load(return_X_y=True)
        mlp = theirs(random_state=0)
        models = ours(random_state=0), mlp, scale_data(mlp)
        ours_score, raw, scaled = (cross_val_score(model, X, y, cv=folds).mean() for model in models)
        print(f"{name:<26}{ours_score:12.3f}{raw:8.3f}{scaled:18.3f}")


def search():
    """Select the degree of the polynomial features and the size and learning rate of the network by a grid search."""
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
