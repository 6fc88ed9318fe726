"""Data, settings and helpers shared by the tests of both estimators."""

import re
import tracemalloc
from decimal import Decimal
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

#: Parameters of a short and reproducible fit.
FEW = {"max_iter": 4, "tol": None, "random_state": 0}
#: A learning rate so small that no weight changes: training computes the loss, and the initial weights stay.
NO_UPDATE_RATE = 1e-300
SOLVERS = ["batch", "sgd", "minibatch"]
BOTH = pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropClassifier])
EACH_SOLVER = pytest.mark.parametrize("solver", SOLVERS)

#: Matches the message of the ConvergenceWarning about a network that is no better than a constant prediction.
NO_BETTER_THAN_CONSTANT = ".*a constant prediction"
#: Matches the message of the ConvergenceWarning about training that diverged.
DIVERGED = ".*diverged"
#: Marks tests that train too briefly to learn much, so that this warning is expected and means nothing.
TRAINS_BRIEFLY = pytest.mark.filterwarnings(
    f"ignore:{NO_BETTER_THAN_CONSTANT}:sklearn.exceptions.ConvergenceWarning",
)


def data(estimator):
    """Return scaled real data; the target has three values, which are classes or numbers."""
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return X, (y if estimator is BackpropClassifier else y - 1.0)


def theta(network):
    """Return the parameter vector of a fitted estimator; a change to it changes the estimator."""
    return network._state.theta


def with_solver(solver, batch_size):
    """Return the keyword arguments of a solver, with the batch size if it has one."""
    return {"solver": solver} | ({"batch_size": batch_size} if solver == "minibatch" else {})


def announce(estimator):
    """Return the keyword arguments of a first call of `partial_fit` with `data`."""
    return {"classes": [0, 1, 2]} if estimator is BackpropClassifier else {}


def output(network, X):
    """Return the predictions of a regressor, or the decision function of a classifier."""
    return network.predict(X) if isinstance(network, BackpropRegressor) else network.decision_function(X)


HUGE, HUGER = 10**400, 10**5000  # no float can hold the first, and Python does not print the second
#: Values that a parameter or an argument may be given by mistake, and which must be refused by name.
UNUSUAL_NUMBERS = {
    "huge": HUGE,
    "negative": -HUGE,
    "huger": HUGER,
    "huger negative": -HUGER,
    "huge fraction": Fraction(HUGE),
    "huger fraction": Fraction(HUGER, 3),
    "huge decimal": Decimal("1e400"),
    "decimal NaN": Decimal("NaN"),
    "NaN": float("nan"),
    "NaN in float32": np.float32("nan"),
    "infinite": float("inf"),
    "array": np.array(1.0),
    "array of huger": np.array(HUGER, object),
    "complex": 1j,
    "set": {HUGER},
}


def peak_memory(call):
    """Return the largest number of bytes that are allocated during a call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _installed(name):
    return pytest.param(name, marks=pytest.mark.skipif(not find_spec("numba"), reason="numba is not installed"))


ENGINES = pytest.mark.parametrize("engine", ["numpy", _installed("numba")])


def code_blocks(text, fence="python"):
    """Return the blocks of code in the text of a page that begin with a fence, by default that of code that is run."""
    return re.findall(rf"^```(?:{fence})\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def deployment_code(section, position=0):
    """Return one of the blocks of Python code in a section of docs/guide/deployment.md.

    Blocks with packages that are not in the extra "dev" have the other fence, so that they are not run with the page.
    """
    page = (Path(__file__).parents[1] / "docs" / "guide" / "deployment.md").read_text(encoding="utf-8")
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return code_blocks(text, r"python|\{code-block\} python")[position]
