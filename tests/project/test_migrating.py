"""docs/migrating/mlp.md names every parameter and attribute of scikit-learn's MLP, and every parameter of ours."""

import inspect
import re
from pathlib import Path

import pytest
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

PAGE = (Path(__file__).parents[2] / "docs" / "migrating" / "mlp.md").read_text(encoding="utf-8")
TEXT = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
NAMES = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", TEXT))))


@pytest.mark.parametrize("estimator", [MLPRegressor, MLPClassifier, BackpropRegressor, BackpropClassifier])
def test_every_parameter_is_named(estimator):
    assert set(inspect.signature(estimator).parameters) - NAMES == set()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [MLPRegressor, MLPClassifier])
def test_every_attribute_is_named(estimator):
    X, y = load_iris(return_X_y=True, as_frame=True)
    mlp = estimator(max_iter=2, early_stopping=True).fit(X, y)
    fitted = {name for name in vars(mlp) if name.endswith("_") and not name.startswith("_")}
    assert fitted - NAMES == set()
