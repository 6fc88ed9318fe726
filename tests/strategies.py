"""Hypothesis strategies of the property tests: a network, how it is trained, and weighted samples to train it on."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS
from skbackprop.losses import LOSSES
from skbackprop.optimizers import OPTIMIZERS
from tests.shared import DIVERGED, SOLVERS, TRAINS_BRIEFLY

#: Marks property tests: some of the drawn problems learn little in their few epochs, or diverge.
MAY_WARN = [TRAINS_BRIEFLY, pytest.mark.filterwarnings(f"ignore:{DIVERGED}:sklearn.exceptions.ConvergenceWarning")]
STEPPING = sorted(set(OPTIMIZERS) - {"lbfgs"})
#: Optimizers whose step is proportional to the gradient; the others turn rounding errors into whole steps.
SMOOTH = ["gd", "momentum", "nesterov"]
#: Kinds of classification targets and their numbers of labels.
LABELS = {"two": 2, "three": 3, "multilabel": 3}


def examples(number):
    """Return hypothesis settings: the same examples in every run, and no files."""
    return settings(max_examples=number, derandomize=True, deadline=None, database=None)


@dataclass
class Problem:
    """Samples, their weights, and the estimator and parameters to train on them."""

    estimator: type
    params: dict
    X: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    weight: np.ndarray | None = field(repr=False)
    multilabel: bool = False

    def network(self, **changes):
        """Return an unfitted estimator."""
        return self.estimator(**(self.params | changes))

    def fitted(self, X=None, y=None, weight=None, **changes):
        """Return an estimator fitted to the samples of the problem, or to other samples."""
        samples = (self.X, self.y, self.weight) if X is None else (X, self.y if y is None else y, weight)
        return self.network(**changes).fit(*samples)

    def step(self, network):
        """Continue training by `partial_fit`, or by a warm `fit` for an optimizer without `partial_fit`."""
        if self.params["optimizer"] == "lbfgs":
            return network.set_params(warm_start=True).fit(self.X, self.y, self.weight)
        classes = {"classes": np.unique(self.y)} if self.estimator is BackpropClassifier else {}
        return network.partial_fit(self.X, self.y, sample_weight=self.weight, **({} if self.multilabel else classes))


@st.composite
def problems(
    draw,
    *,
    solvers=SOLVERS,
    optimizers=SMOOTH,
    estimators=(BackpropRegressor, BackpropClassifier),
    alphas=(0.0, 0.1),
    dropout=True,
    standardize=(False, True),
    dtypes=("float64",),
    weighted=(False, True),
    sparse_X=False,
):
    """Draw a problem; each keyword names what may be drawn."""
    one_of = st.sampled_from
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed of the data"))
    n_samples, n_features = draw(st.integers(4, 30), label="samples"), draw(st.integers(1, 5), label="features")
    estimator, hidden = draw(one_of(estimators)), tuple(draw(st.lists(st.integers(1, 6), max_size=3), label="hidden"))
    optimizer = draw(one_of(optimizers))
    y, loss = _target(draw, estimator, rng, n_samples)
    X = rng.normal(size=(n_samples, n_features)).astype(draw(one_of(dtypes)))
    if sparse_X and draw(st.booleans(), label="sparse"):
        X = sparse.csr_array(np.where(np.abs(X) < 0.5, 0, X))
    weight = rng.integers(0, 4, n_samples) * 0.7 if draw(one_of(weighted), label="weighted") else None
    if weight is not None:
        weight[0] = 1.0
    smooth = optimizer == "lbfgs"
    solver = "batch" if smooth else draw(one_of(solvers))
    batch_size = draw(st.integers(1, 12), label="batch_size") if solver == "minibatch" else "auto"
    is_one_batch = solver == "batch" or (
        solver == "minibatch" and batch_size >= (n_samples if weight is None else np.count_nonzero(weight))
    )
    alpha, standardizes = draw(one_of(alphas)), draw(one_of(standardize), label="standardize")
    has_no_penalty = not alpha or (alpha == "auto" and not standardizes)
    params = {
        "hidden_layer_sizes": hidden,
        "activation": tuple(draw(one_of(sorted(ACTIVATIONS))) for _ in hidden),
        "loss": loss[0],
        "output_activation": loss[1],
        "solver": solver,
        "optimizer": optimizer,
        "learning_rate": "auto" if smooth else 0.001,
        "batch_size": batch_size,
        "alpha": alpha,
        "l1_ratio": 0.0 if smooth or has_no_penalty else draw(one_of((0.0, 0.5, 1.0))),
        "dropout": 0.0 if smooth or not dropout or not hidden else draw(one_of((0.0, 0.3))),
        "standardize": standardizes,
        "shuffle": is_one_batch or draw(st.booleans(), label="shuffle"),
        "engine": "numpy",
        "max_iter": 3,
        "tol": None,
        "random_state": draw(st.integers(0, 1000), label="random_state"),
    }
    multilabel = estimator is BackpropClassifier and y.ndim == 2
    return Problem(estimator, params, X, y, weight, multilabel)


def _target(draw, estimator, rng, n_samples):
    """Draw a target, and the name and output activation of a loss that takes it."""
    if estimator is BackpropRegressor:
        loss = draw(st.sampled_from([key for key in LOSSES if key[0] != "log_loss"]), label="loss")
        n_outputs = 1 if loss[0] == "quantiles" else draw(st.integers(1, 3), label="outputs")
        y = rng.uniform(0.05, 0.95, size=(n_samples, n_outputs))
        return (y[:, 0] if n_outputs == 1 else y), loss
    kind = draw(st.sampled_from(sorted(LABELS)), label="labels")
    losses = [key for key in LOSSES if key[1] == "logistic" or (key[1] == "softmax" and kind != "multilabel")]
    loss = draw(st.sampled_from(losses), label="loss")
    if kind == "multilabel":
        y = rng.integers(0, 2, size=(n_samples, 3))
        y[:2] = [[0, 1, 0], [1, 0, 1]]
        return y, loss
    codes = np.arange(n_samples) % LABELS[kind]
    codes[LABELS[kind] :] = rng.permutation(codes[LABELS[kind] :])  # the first samples have all classes
    return np.array(["a", "b", "c"])[codes], loss
