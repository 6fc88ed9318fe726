"""``alpha="auto"`` on data unlike the tables that it was chosen on, and what the search for it shows."""

import itertools
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import PoissonRegressor, TweedieRegressor
from sklearn.metrics import log_loss, mean_tweedie_deviance

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._core.dataset import Dataset
from skbackprop._estimators import alpha_search
from skbackprop._training.penalty_search import PenaltySearch

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def frequency_response():
    """Return three peaks over a frequency, without noise."""
    w = np.linspace(0.1, 10, 300)[:, np.newaxis]
    peaks = (a / (k**2 - w[:, 0] ** 2 + 0.04j * k * w[:, 0]) for a, k in ((1, 2), (1.5, 4.5), (0.8, 7.5)))
    return w, np.log10(abs(sum(peaks)))


def parity(n_bits):
    """Return all rows of this number of bits and whether the number of ones is odd."""
    X = np.array(list(itertools.product([0.0, 1.0], repeat=n_bits)))
    return X, X.sum(axis=1).astype(int) % 2


def noisy_classes(seed=0):
    """Return two classes of which two fifths of the labels are drawn at random."""
    X, y = make_classification(4000, 30, n_informative=8, flip_y=0.4, random_state=seed)
    return X[:3000], y[:3000], X[3000:], y[3000:]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_function_without_noise_is_learned(seed):
    w, response = frequency_response()
    network = BackpropRegressor(random_state=seed).fit(w, response)
    assert network.score(w, response) > 0.95
    assert network.alpha_ < 1e-3


def test_a_function_of_several_periods_is_learned():
    x = np.linspace(0, 1, 250)[:, np.newaxis]
    y = np.sin(8 * np.pi * x[:, 0])
    assert BackpropRegressor(max_iter=600, random_state=0).fit(x, y).score(x, y) > 0.95


@pytest.mark.parametrize(("n_bits", "params"), [(4, {}), (6, {}), (8, {"early_stopping": False})])
def test_parity_is_learned(n_bits, params):
    """Held-out samples say nothing about it: the neighbors of each sample are of the other class."""
    X, y = parity(n_bits)
    assert BackpropClassifier(max_iter=400, random_state=0, **params).fit(X, y).score(X, y) == 1.0


def test_classes_with_much_noise_are_not_overfitted():
    X, y, X_test, y_test = noisy_classes()
    network = BackpropClassifier(random_state=0).fit(X, y)
    assert log_loss(y_test, network.predict_proba(X_test)) < 0.6
    assert network.score(X, y) < 0.9


@pytest.mark.parametrize(("loss", "power"), [("poisson", 1.0), ("tweedie", 1.5)])
def test_rare_counts_are_predicted_as_well_as_by_a_linear_model(loss, power):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8000, 5))
    y = rng.poisson(np.exp(-2.6 + 0.6 * X[:, 0])).astype(float)
    if loss == "tweedie":
        y = np.array([rng.gamma(2.0, 1.0, int(count)).sum() for count in y])
    linear = PoissonRegressor(alpha=1e-4) if loss == "poisson" else TweedieRegressor(power=power, alpha=1e-4)
    reference = mean_tweedie_deviance(y[4000:], linear.fit(X[:4000], y[:4000]).predict(X[4000:]), power=power)
    network = BackpropRegressor(loss=loss, random_state=0).fit(X[:4000], y[:4000])
    assert mean_tweedie_deviance(y[4000:], network.predict(X[4000:]), power=power) < 1.03 * reference


def test_the_search_shows_what_it_tried():
    X, y = load_diabetes(return_X_y=True)
    network = BackpropRegressor(random_state=0).fit(X, y)
    search = network.alpha_search_
    assert len(search) >= 3
    best = min(search, key=search.get)
    assert network._state.prior == pytest.approx(1.5 * best, rel=1.3)
    assert network.best_iter_ == network.n_iter_ == 150  # the search does not count
    assert network.validation_scores_ is None


def test_the_search_is_deterministic_and_leaves_the_fit_as_if_c_had_been_known():
    X, y = load_diabetes(return_X_y=True)
    first, second = (BackpropRegressor(max_iter=20, random_state=3).fit(X, y) for _ in range(2))
    assert first.alpha_search_ == second.alpha_search_
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    numbers = np.unique(np.round(first.loss_curve_, 12))
    assert len(numbers) == 20


def test_both_engines_choose_the_same_penalty():
    pytest.importorskip("numba")
    X, y = load_diabetes(return_X_y=True)
    found = [BackpropRegressor(max_iter=10, engine=engine, random_state=0).fit(X, y) for engine in ("numpy", "numba")]
    assert found[0].alpha_ == pytest.approx(found[1].alpha_, rel=1e-6)


@pytest.mark.parametrize(
    "params",
    [{"alpha": 0.01}, {"early_stopping": False}, {"standardize": False}],
    ids=lambda params: next(iter(params)),
)
def test_there_is_no_search_where_nothing_is_to_be_chosen(params):
    X, y = load_diabetes(return_X_y=True)
    assert BackpropRegressor(max_iter=3, random_state=0, **params).fit(X, y).alpha_search_ is None


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", ["minibatch", "batch"])
def test_some_of_many_samples_are_searched_in_the_dtype_of_the_network(monkeypatch, dtype, engine, solver):
    """The dtype of y is not that of the network, and of many samples only some are copied."""
    if engine == "numba":
        pytest.importorskip("numba")
    dtypes = set()

    class Search(PenaltySearch):
        def __init__(self, engine, config, state, training, validation):
            super().__init__(engine, config, state, training, validation)
            dtypes.update({state.theta.dtype, training.dtype, validation.dtype})

    monkeypatch.setattr(alpha_search, "PenaltySearch", Search)
    X = np.random.default_rng(0).normal(size=(7000, 3)).astype(np.float32)
    y = np.round(10 * X[:, 0]).astype(dtype)
    network = BackpropRegressor(4, max_iter=3, tol=None, engine=engine, solver=solver, random_state=0).fit(X, y)
    assert dtypes == {np.dtype(np.float32)}
    assert len(network.alpha_search_) >= 3


def test_there_is_no_search_with_few_samples_or_in_a_stream():
    X, y = load_diabetes(return_X_y=True)
    few = BackpropRegressor(max_iter=3, random_state=0).fit(X[:99], y[:99])
    assert few.alpha_search_ is None
    assert BackpropRegressor(max_iter=3, random_state=0).fit(X[:100], y[:100]).alpha_search_ is not None
    stream = BackpropRegressor(random_state=0).partial_fit(X, y)
    assert stream.alpha_search_ is None
    assert stream.alpha_ == pytest.approx(1 / len(X))
    assert stream.partial_fit(X, y).alpha_ == pytest.approx(1 / (2 * len(X)))


def test_a_validation_set_is_what_the_penalty_is_chosen_on():
    X, y, X_val, y_val = noisy_classes()
    params = {"max_iter": 20, "random_state": 0}
    right = BackpropClassifier(**params).fit(X, y, X_val=X_val, y_val=y_val)
    shuffled = np.random.default_rng(0).permutation(y_val)
    wrong = BackpropClassifier(**params).fit(X, y, X_val=X_val, y_val=shuffled)
    assert max(right.alpha_search_) < max(wrong.alpha_search_)  # no penalty is too strong for labels without a pattern
    held_out = BackpropClassifier(early_stopping=True, **params).fit(X, y)
    assert held_out.alpha_search_ is not None


def test_continuing_keeps_the_chosen_penalty():
    X, y = load_diabetes(return_X_y=True)
    network = BackpropRegressor(max_iter=5, tol=None, warm_start=True, random_state=0).fit(X, y)
    prior, search = network._state.prior, network.alpha_search_
    network.fit(X, y)
    assert network._state.prior == prior
    assert network.alpha_search_ == search
    assert network.partial_fit(X, y)._state.prior == prior


def test_a_stored_network_keeps_the_search(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    network = BackpropRegressor(max_iter=5, tol=None, random_state=0).fit(X, y)
    joblib.dump(network, tmp_path / "network.joblib")
    loaded = joblib.load(tmp_path / "network.joblib")
    assert loaded.alpha_search_ == network.alpha_search_
    np.testing.assert_array_equal(loaded.partial_fit(X, y).predict(X), network.partial_fit(X, y).predict(X))


def test_a_training_loss_in_other_units_does_not_change_the_penalty():
    X, y = load_diabetes(return_X_y=True)
    alphas = [BackpropRegressor(max_iter=5, random_state=0).fit(X, scale * y).alpha_ for scale in (1.0, 1e6, 1e-6)]
    np.testing.assert_allclose(alphas, alphas[0], rtol=1e-5)


def test_several_outputs_and_several_losses_have_a_search():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    Y = X @ rng.normal(size=(3, 2))
    for loss in ("squared_error", "absolute_error", "huber", "quantiles"):
        target = Y if loss != "quantiles" else Y[:, 0]
        assert BackpropRegressor(loss=loss, max_iter=5, random_state=0).fit(X, target).alpha_search_ is not None


def test_a_constant_target_needs_no_penalty():
    X = np.random.default_rng(0).normal(size=(200, 3))
    assert BackpropRegressor(max_iter=5, random_state=0).fit(X, np.full(200, 3.0)).alpha_ == 0.0


def test_large_data_are_searched_on_some_of_the_samples(monkeypatch):
    seen = []

    class Recorder(PenaltySearch):
        def best_prior(self):
            seen.append((self._training.n_samples, self._validation.n_samples))
            return 5.0

    monkeypatch.setattr(alpha_search, "PenaltySearch", Recorder)
    X = np.random.default_rng(0).normal(size=(30_000, 1))
    for n_samples in (1000, 4000, 30_000):
        BackpropRegressor(3, max_iter=1, random_state=0).fit(X[:n_samples], X[:n_samples, 0])
    assert seen == [(800, 200), (2500, 800), (2500, 2000)]


@pytest.mark.parametrize("n_samples", [2000, 4000, 9000])
def test_drawn_samples_are_distinct_and_not_among_the_excluded(n_samples):
    X = np.arange(float(n_samples))[:, np.newaxis]
    excluded = np.arange(0, n_samples, 5, dtype=np.uint32)
    drawn = alpha_search._draw(Dataset(X, X, excluded=excluded), 0)
    rows = np.concatenate([chunk.X[:, 0] for chunk in drawn.chunks(700)])
    assert len(np.unique(rows)) == len(rows) == min(2500, n_samples - len(excluded))
    assert not np.isin(rows, excluded).any()


def test_a_search_that_is_interrupted_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = load_diabetes(return_X_y=True)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(PenaltySearch, "best_prior", interrupt)
    network = BackpropRegressor(max_iter=3, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y)
    assert vars(clone(network)) == vars(network)


def test_the_short_fits_of_a_search_do_not_warn():
    X, y = noisy_classes()[:2]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network = BackpropClassifier(random_state=0).fit(X, y)
    assert max(network.alpha_search_) > 100  # which is too strong to learn anything
    assert not caught


def test_wide_samples_have_a_given_c_instead_of_a_search():
    X = np.random.default_rng(0).normal(size=(120, 900))
    y = (X[:, 0] > 0).astype(int)
    network = BackpropClassifier(3, max_iter=2, random_state=0).fit(X, y)
    assert network.alpha_search_ is None
    assert network.alpha_ == pytest.approx(25 * np.log(2) / 120, rel=0.01)
    assert BackpropClassifier(3, max_iter=2, random_state=0).fit(X[:, :800], y).alpha_search_ is not None


def test_a_damaged_validation_sample_does_not_choose_the_penalty():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    y_val = y[200:].copy()
    y_val[0] = 1e4
    fits = [
        BackpropRegressor(random_state=0, max_iter=60, tol=None).fit(X[:200], y[:200], X_val=X[200:], y_val=target)
        for target in (y[200:], y_val)
    ]
    assert fits[1].alpha_search_.keys() == fits[0].alpha_search_.keys()
    assert fits[1]._state.prior == pytest.approx(fits[0]._state.prior, rel=0.3)
    assert max(fits[1].alpha_search_.values()) < 10


@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
def test_gross_errors_do_not_change_the_penalty_of_a_robust_loss(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    y = X @ [1.0, 2.0, -1.0, 0.5] + 0.5 * rng.normal(size=500)
    wrong = y.copy()
    wrong[::100] = 1e5
    params = {"loss": loss, "max_iter": 30, "tol": None, "early_stopping": False, "random_state": 0}
    clean, dirty = (BackpropRegressor(**params).fit(X, target).alpha_ for target in (y, wrong))
    assert 0.1 < dirty / clean < 10  # their own loss is a thousand times that of the others
