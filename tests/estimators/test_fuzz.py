"""Whatever the arguments, a call gives a valid network or an error that names the cause.

The suite runs a fixed set of examples. ``SKBACKPROP_FUZZ=20000 pytest tests/estimators/test_fuzz.py`` runs that many
new examples for each test.
"""

import os
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.activations import ACTIVATIONS, ELU, LeakyReLU
from skbackprop.exceptions import DataWarning
from skbackprop.initializers import INITIALIZERS, VarianceScaling
from skbackprop.losses import LOSSES, Huber, Quantile, Quantiles, Tweedie
from skbackprop.optimizers import GD, LBFGS, OPTIMIZERS, Adam, Momentum
from skbackprop.schedules import SCHEDULES, Constant, Cosine, OneCycle, Plateau
from tests.shared import BOTH, ENGINES

N_EXAMPLES = int(os.environ.get("SKBACKPROP_FUZZ", 0))
#: Valid values of each parameter; not all combinations are valid.
VALID = {
    "hidden_layer_sizes": [(), 3, (2, 2), [1], np.array([2, 3]), np.int64(2), (1, 1, 1, 1)],
    "activation": [*ACTIVATIONS, *ACTIVATIONS.values(), ELU(2.0), LeakyReLU(0.5), ["relu", "tanh"], []],
    "loss": [
        *{name for name, _ in LOSSES},
        *LOSSES.values(),
        *(Huber(1e-3), Huber(1e300), Quantile(0.01), Quantiles((0.5,)), Quantiles((0.1, 0.9)), Tweedie(1.01)),
    ],
    "output_activation": ["auto", *{output for _, output in LOSSES}],
    "solver": ["batch", "sgd", "minibatch"],
    "optimizer": [
        *OPTIMIZERS,
        *OPTIMIZERS.values(),
        GD(),
        Momentum(0.0),
        Adam(0.0, 0.0),
        Adam(epsilon=1e-300),
        LBFGS(1),
    ],
    "learning_rate": [
        *("auto", 1e-300, 1e-3, 1, np.float32(0.1), 1e3, 1e300),
        *SCHEDULES,
        *SCHEDULES.values(),
        *(Constant(1e300), Cosine(n_updates=1), OneCycle(n_updates=2), Plateau(patience=1, final=0)),
    ],
    "batch_size": ["auto", 1, 2, 7, 10**9],
    "alpha": ["auto", 0, 1e-300, 0.1, 10.0, 1e300],
    "l1_ratio": [0, 0.5, 1, True],
    "dropout": [0, 0.5, 0.999, (0.5, 0.1), np.array([0.1]), []],
    "clip_norm": [None, 1e-300, 1, 1e300],
    "init": ["auto", *INITIALIZERS, *INITIALIZERS.values(), VarianceScaling(1e300), VarianceScaling(1e-300)],
    "standardize": [True, False, np.bool_(False)],
    "max_iter": [1, 2, 5, np.int8(3)],
    "tol": [None, 0, 1e-4, 1e300],
    "n_iter_no_change": [1, 2, np.inf, 10**30],
    "early_stopping": ["auto", True, False],
    "validation_fraction": [0.1, 0.5, 1e-300, 0.999999],
    "scoring": ["loss", None, "r2", "accuracy", "neg_log_loss", lambda estimator, X, y: np.nan],
    "shuffle": [True, False],
    "warm_start": [True, False],
    "engine": ["numpy", "auto"],
    "random_state": [None, 0, 2**32 - 1, np.random.RandomState(0)],
    "verbose": [0, False],
    "class_weight": [None, "balanced", {0: 2.0}, {"a": 0.0}, {}, [{0: 1, 1: 2}], {0: 1e300}],
    "label_smoothing": [0, 0.1, 0.999],
}
#: Values that are invalid for every parameter, and further invalid values of single parameters.
NEVER_VALID = [
    np.nan,
    -np.inf,
    -1,
    -0.5,
    "no such name",
    b"auto",
    {},
    {"a": 1},
    object(),
    Adam,
    ACTIVATIONS,
    (None,),
    [[]],
]
INVALID = {
    "hidden_layer_sizes": [0, (2, 0), (2, 2.5), True, np.ones((2, 2)), "32", None],
    "activation": [["relu"] * 9, [None], None, 3],
    "init": [([], []), ([np.ones((1, 1))], [np.ones(1)]), (["a"], ["b"]), None, [1, 2, 3]],
    "learning_rate": [0, np.inf, None, True, [0.1]],
    "dropout": [1, [0.5, 2.0], ["a"], np.array([[0.1]]), None],
    "class_weight": [{0: -1}, {0: np.nan}, {0: "a"}, {9: 1.0}, [1], [None]],
    "validation_fraction": [0, 1, None],
    "optimizer": [None, [Adam()], Constant()],
    "loss": [None, [], Adam()],
    "max_iter": [0, 1.5, None, np.inf],
    "random_state": ["a", -5, 1.5, np.random.default_rng(0)],
}

#: A message must name the cause: a parameter or argument, or a phrase of scikit-learn or numpy about X and y.
PHRASES = [
    *(
        "X",
        "y",
        "X_val",
        "y_val",
        "sample_weight",
        "sample_weight_val",
        "classes",
        "labels?",
        "[Cc]lass",
        "samples?",
        "Sample weights",
    ),
    *("Expected 2D array", "Found array", "Found input variables", "could not convert string", "Complex data"),
    *(
        "at least 1 dimension",
        "Singleton array",
        "inhomogeneous",
        "Expected a 2-dimensional container",
        "number of outputs",
    ),
    *("must be a string or a real number", "Input contains NaN", "NA is ambiguous"),
]
NAMES = re.compile(rf"(?<!\w)({'|'.join([*VALID, *PHRASES])})(?!\w)")


@st.composite
def parameters(draw, estimator, most=4):
    """Draw some parameters; one in eight is invalid."""
    known = sorted(estimator().get_params(deep=False))
    chosen = draw(st.lists(st.sampled_from(known), max_size=most, unique=True))
    values = {}
    for name in chosen:
        is_invalid = draw(st.integers(0, 7)) == 7
        values[name] = draw(st.sampled_from([*NEVER_VALID, *INVALID.get(name, [])] if is_invalid else VALID[name]))
    return values


SCALES = [1.0, 1.0, 1.0, 1e-300, 1e-30, 1e30, 1e150, 1e300, -1e3, 0.0]


@st.composite
def numbers(draw, shape):
    """Draw an array of floats whose columns have extreme scales, offsets and repetitions."""
    array = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
    n_columns = shape[1] if len(shape) > 1 else 1
    array *= draw(st.lists(st.sampled_from(SCALES), min_size=n_columns, max_size=n_columns)) if len(shape) > 1 else 1.0
    array *= draw(st.sampled_from(SCALES))
    array += draw(st.sampled_from([0.0, 0.0, 1.0, -1e9, 1e300]))
    return array[np.zeros(shape[0], int)] if draw(st.integers(0, 5)) == 5 else array


def damaged(value):
    def damage(X):
        X = X.astype(object)
        X.flat[-1:] = [value]
        return X

    return damage


FORMS_OF_X = [
    *[np.asarray] * 8,
    *(np.asfortranarray, sparse.csr_array, sparse.csc_matrix, sparse.coo_array, pd.DataFrame, np.ndarray.tolist),
    *(lambda X: X > 0, lambda X: np.round(X), lambda X: X[::-1, ::-1], lambda X: np.broadcast_to(X[:1], X.shape)),
]
DAMAGED_X = [
    *map(damaged, [np.nan, np.inf, None, "a", "1", {}, [1], 1j]),
    *(lambda X: X[:, 0], lambda X: X[:, :, None], lambda X: X[:0], lambda X: X[:, :0], lambda X: None, lambda X: 3),
    *(lambda X: X.astype(complex), lambda X: np.full(X.shape, "a"), lambda X: "abc", lambda X: [[1], [1, 2]]),
    *(lambda X: sparse.csr_array(np.where(X > 0, X, np.nan)), lambda X: pd.DataFrame(X).astype("category")),
]
FORMS_OF_Y = [
    *[np.asarray] * 4,
    *(np.abs, np.round, np.sign, np.ndarray.tolist, pd.Series, lambda y: y > 0, lambda y: np.zeros(len(y))),
    *(lambda y: np.arange(len(y)), lambda y: np.arange(len(y)) % 2, lambda y: np.arange(len(y)) % 3),
    *(lambda y: np.array(list("abc"))[np.arange(len(y)) % 3], lambda y: (np.arange(len(y)) % 3).astype(object)),
    *(lambda y: np.column_stack([y, y]), lambda y: np.column_stack([y > 0, y < 1]), lambda y: y[:, None]),
    *(lambda y: sparse.csr_array(np.column_stack([y > 0, y < 1])), lambda y: 1 / (1 + np.abs(y))),
]
DAMAGED_Y = [
    *map(damaged, [np.nan, np.inf, None, "a", {}, [1], 1j, pd.NA]),
    *(lambda y: y[:-1], lambda y: None, lambda y: 1.0, lambda y: y[:, None, None], lambda y: "abc", lambda y: y + 0j),
    *(
        lambda y: np.arange(len(y)).astype("M8[s]"),
        lambda y: [{"a": 1}] * len(y),
        lambda y: y[:0],
        lambda y: np.empty((len(y), 0)),
    ),
]
WEIGHTS = [
    *[lambda n: None] * 6,
    *(np.ones, np.arange, lambda n: np.full(n, 1e-300), lambda n: np.full(n, 1e300), lambda n: [1] * n),
    *(lambda n: np.where(np.arange(n) == 0, 1e308, 1e-308), lambda n: 2.0, lambda n: np.eye(n)[-1]),
]
DAMAGED_WEIGHTS = [
    *(np.zeros, lambda n: -np.ones(n), lambda n: np.full(n, np.nan), lambda n: np.ones(n + 1), lambda n: ["a"] * n),
    *(lambda n: np.ones((n, 2)), lambda n: "balanced", lambda n: [None] * n, lambda n: np.full(n, 1e308)),
]


@st.composite
def samples(draw, n_features):
    """Draw X, y and weights; one in eight of each is invalid."""

    def form(forms, invalid_forms):
        return draw(st.sampled_from(invalid_forms if draw(st.integers(0, 7)) == 7 else forms))

    n_samples = draw(st.sampled_from([1, 2, 3, 12, 40]))
    with np.errstate(all="ignore"):
        X = draw(numbers((n_samples, n_features)))
        X = form(FORMS_OF_X, DAMAGED_X)(X.astype(draw(st.sampled_from([np.float64, np.float64, np.float32]))))
        y = form(FORMS_OF_Y, DAMAGED_Y)(draw(numbers((n_samples,))))
    return {"X": X, "y": y, "sample_weight": form(WEIGHTS, DAMAGED_WEIGHTS)(n_samples)}


@st.composite
def calls(draw, estimator):
    """Draw one to three calls: the method, parameters to change before it, and its arguments."""
    n_features = draw(st.integers(1, 4))
    steps = []
    for i in range(draw(st.integers(1, 3))):
        method = draw(st.sampled_from(["fit", "fit", "partial_fit"]))
        arguments = draw(samples(n_features if draw(st.integers(0, 9)) else 5))
        if method == "partial_fit" and estimator is BackpropClassifier and draw(st.booleans()):
            arguments["classes"] = draw(st.sampled_from([[0, 1, 2], ["a", "b", "c"], [0, 1], 3, [], [0, "a", None]]))
        if method == "fit" and not draw(st.integers(0, 5)):
            validation = draw(samples(n_features))
            arguments |= {"X_val": validation["X"], "y_val": validation["y"]}
        steps.append((method, draw(parameters(estimator, most=4 if i == 0 else 1)), arguments))
    return steps


def check_valid(network, X):
    """Assert that everything in a fitted network is finite, and so are its predictions for X, unless X is None.

    Weights near the largest float, where a learning rate of 1e300 takes them, may overflow in a prediction.
    """
    theta = network._state.theta
    assert np.isfinite(theta).all()
    assert np.isfinite(network.loss_curve_).all()
    if np.abs(theta).max() > np.finfo(theta.dtype).max ** (1 / 3):
        return
    standardizer = network._state.standardizer
    if (
        standardizer is None or np.abs(standardizer.moments.mean).max() < 1e150
    ):  # intercepts_ contain means times weights
        assert all(np.isfinite(array).all() for array in (*network.coefs_, *network.intercepts_))
    if X is None:
        return
    prediction = network.predict(X)
    assert prediction.shape[0] == (X.shape[0] if hasattr(X, "shape") else len(X))
    if isinstance(network, BackpropRegressor):
        assert np.isfinite(prediction).all()
        return
    probability = network.predict_proba(X)
    assert np.isfinite(probability).all()
    if prediction.ndim == 1:
        assert np.isin(prediction, network.classes_).all()
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-4)


def were_learned(caught, weight):
    """Return whether all samples were learned; for other samples a regressor may predict infinity."""
    rejected = any("rejected" in str(warning.message) for warning in caught if warning.category is DataWarning)
    return not rejected and (weight is None or np.min(weight) >= 1e-6 * np.max(weight))


def check_calls(estimator, steps, **params):
    """Make the calls and assert that each gives a valid network or an error that names the cause."""
    network = estimator(3, max_iter=3, random_state=0, **params)
    for method, changes, arguments in steps:
        network.set_params(**changes)
        before = vars(network).get("_state")
        theta = None if before is None else before.theta.copy()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            error = None
            try:
                if hasattr(network, method):
                    getattr(network, method)(**arguments)
                    check_valid(
                        network, arguments["X"] if were_learned(caught, arguments.get("sample_weight")) else None
                    )
            except (ValueError, TypeError) as raised:
                error = raised
        if error is not None:
            assert NAMES.search(str(error)), f"{type(error).__name__} without a cause: {error}"
            assert (vars(network).get("_state") is None) == (before is None)
            assert before is None or np.array_equal(network._state.theta, theta)
        for warning in caught:
            assert issubclass(warning.category, (ConvergenceWarning, DataConversionWarning, UserWarning)), str(warning)


@BOTH
@ENGINES
def test_every_call_gives_a_valid_network_or_an_error_that_names_the_cause(estimator, engine):
    n_examples = N_EXAMPLES or (300 if engine == "numpy" else 40)

    @settings(
        max_examples=n_examples,
        derandomize=not N_EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(estimator))
    def check(steps):
        check_calls(estimator, steps, engine=engine)

    check()


FINDINGS = {
    "sparse multilabel target": [
        ("fit", {}, {"X": np.ones((2, 1)), "y": sparse.csr_array(np.eye(2, dtype=int))}),
        ("fit", {"early_stopping": True}, {"X": np.ones((2, 1)), "y": sparse.csr_array(np.eye(2, dtype=int))}),
    ],
    "X of zeros": [("fit", {}, {"X": np.zeros((2, 3)), "y": [0, 1]})],
    "class_weight is a list": [("fit", {"class_weight": [None]}, {"X": np.ones((2, 1)), "y": np.eye(2, dtype=int)})],
    "classes that cannot be sorted": [
        ("partial_fit", {}, {"X": np.ones((2, 1)), "y": np.eye(2, dtype=int), "classes": [0, "a", None]})
    ],
    "validation labels that cannot be sorted": [
        ("fit", {}, {"X": np.ones((2, 1)), "y": [0, 1], "X_val": np.ones((2, 1)), "y_val": np.array([1, None], object)})
    ],
    "validation label that is not hashable": [
        ("fit", {}, {"X": np.ones((2, 1)), "y": [0, 1], "X_val": np.ones((1, 1)), "y_val": np.array([{}], object)})
    ],
}


@pytest.mark.parametrize("steps", FINDINGS.values(), ids=FINDINGS)
def test_earlier_findings(steps):
    check_calls(BackpropClassifier, steps, engine="numpy")


def test_overflow_in_the_first_samples_of_a_stream_raises():
    X, y = np.array([[1e300], [-1e300]]), np.array([0.0, 1.0])
    network = BackpropRegressor(loss="poisson")
    with pytest.raises(ValueError, match="The spread of a column of X or of y overflows"):
        network.partial_fit(X, y)
    assert not hasattr(network, "coefs_")
    network.partial_fit(X / 1e300, y)
    with pytest.warns(DataWarning, match="rejected 2 of 2 samples"):
        network.partial_fit(X, y)
