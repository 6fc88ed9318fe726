import numpy as np
import pytest
from scipy import special
from sklearn.metrics import (
    d2_pinball_score,
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
)

from skbackprop import BackpropRegressor
from skbackprop.losses import (
    LOSSES,
    AbsoluteError,
    BinaryLogLoss,
    Gamma,
    Huber,
    LogisticSquaredError,
    Loss,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    Quantiles,
    SquaredError,
    Tweedie,
    check_loss,
)
from tests.shared import TRAINS_BRIEFLY, theta

IDS = [" ".join(key) for key in LOSSES]


def evaluate(loss, y, raw):
    """Return values and gradient; raw is not changed."""
    gradient = np.full_like(raw, np.nan)
    return loss.value_and_gradient(y, raw.copy(), gradient), gradient


def targets(loss, rng, n_samples, n_outputs):
    y = rng.uniform(size=(n_samples, n_outputs))
    return y / y.sum(axis=1, keepdims=True) if loss.output_activation == "softmax" else y


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
def test_gradient_equals_finite_differences_for_each_sample(loss, rng):
    raw, step = rng.normal(size=(5, 3)), 1e-6
    y = targets(loss, rng, 5, 3)
    gradient = evaluate(loss, y, raw)[1]
    for output in range(3):
        shift = step * np.eye(3)[output]
        differences = (evaluate(loss, y, raw + shift)[0] - evaluate(loss, y, raw - shift)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, output], differences, rtol=1e-7, atol=1e-9)


def test_squared_error_is_the_sum_over_outputs_without_one_half(rng):
    y, raw = rng.normal(size=(2, 6, 4))
    assert evaluate(SquaredError(), y, raw)[0].mean() == pytest.approx(4 * mean_squared_error(y, raw))
    logistic = evaluate(LogisticSquaredError(), y, raw)[0].mean()
    assert logistic == pytest.approx(4 * mean_squared_error(y, special.expit(raw)))


def test_log_losses_match_scikit_learn(rng):
    raw, labels = rng.normal(size=(8, 3)), np.array([0, 1, 2, 0, 1, 2, 1, 1])
    multinomial = evaluate(MultinomialLogLoss(), np.eye(3)[labels], raw)[0]
    assert multinomial.mean() == pytest.approx(log_loss(labels, special.softmax(raw, axis=1)))
    binary = evaluate(BinaryLogLoss(), (labels == 1.0)[:, None].astype(float), raw[:, :1])[0]
    assert binary.mean() == pytest.approx(log_loss(labels == 1, special.expit(raw[:, 0])))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [50.0, 800.0, 1e30])
def test_log_losses_are_accurate_for_large_raw_outputs(dtype, far):
    raw = np.array([[far], [-far], [far], [-far]], dtype)
    y = np.array([[1], [0], [0], [1]], dtype)
    values, gradient = evaluate(BinaryLogLoss(), y, raw)
    np.testing.assert_allclose(values, [np.exp(-far), np.exp(-far), far, far], rtol=1e-5, atol=0)
    np.testing.assert_allclose(gradient[:, 0], [0, 0, 1, -1], atol=1e-7)

    raw = np.array([[far, 0, -far]] * 3, dtype)
    values, gradient = evaluate(MultinomialLogLoss(), np.eye(3, dtype=dtype), raw)
    np.testing.assert_allclose(values, [0, far, 2 * far], rtol=1e-6)
    np.testing.assert_allclose(gradient, np.eye(3)[[0, 0, 0]] - np.eye(3), atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", ["arrays", "loop"])
def test_multinomial_log_loss_is_right_at_the_ends_of_the_number_range(dtype, form):
    end = np.finfo(dtype).max
    raw = np.array([[end, -end, 0], [-end, end, 0], [-end, -end, -end], [end, end, -end]], dtype)
    y = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype)
    loss, gradient = MultinomialLogLoss(), np.empty_like(raw)
    exact = raw.astype(np.longdouble)
    expected = -(special.log_softmax(exact, axis=1) * y).sum(axis=1)
    expected_gradient = special.softmax(exact, axis=1) - y
    with np.errstate(over="ignore"):
        if form == "arrays":
            np.testing.assert_allclose(loss.value_and_gradient(y, raw, gradient), expected, rtol=1e-6)
        else:
            arguments = y.ravel(), raw.ravel(), gradient.reshape(-1), np.ones(12, dtype), np.int64(12), np.int64(3)
            assert loss.loop_value_and_gradient(*arguments) == pytest.approx(float(expected.sum()), rel=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-6)


@pytest.mark.parametrize("loss", [LOSSES["log_loss", "softmax"], LOSSES["log_loss", "logistic"]], ids=repr)
def test_log_losses_of_a_sample_do_not_depend_on_other_samples(loss):
    raw, y = np.array([[2000.0, 1999.0], [0.3, -0.2], [-2000.0, -1999.0]]), np.array([[1.0, 0.0]] * 3)
    whole = evaluate(loss, y, raw)
    for i in range(3):
        alone = evaluate(loss, y[i : i + 1], raw[i : i + 1])
        np.testing.assert_allclose(whole[0][i : i + 1], alone[0], rtol=1e-15)
        np.testing.assert_allclose(whole[1][i : i + 1], alone[1], rtol=1e-15)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved(loss, dtype, rng):
    raw = rng.normal(size=(4, 3)).astype(dtype)
    values, gradient = evaluate(loss, targets(loss, rng, 4, 3).astype(dtype), raw)
    assert values.dtype == gradient.dtype == loss.inverse_link(raw).dtype == dtype


@pytest.mark.parametrize("loss", [LogisticSquaredError(), BinaryLogLoss(), MultinomialLogLoss()], ids=repr)
def test_log_inverse_link_is_finite_where_inverse_link_underflows(loss):
    raw = np.array([[-2000.0, 2000.0, 0.3], [1000.0, -500.0, 0.0]])
    np.testing.assert_allclose(loss.log_inverse_link(raw / 1000), np.log(loss.inverse_link(raw / 1000)), rtol=1e-12)
    assert np.isfinite(loss.log_inverse_link(raw)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_inverse_link_of_a_custom_loss_is_finite(dtype):
    raw = np.array([[-2000.0, 0.3]], dtype)
    logistic = type("Custom", (Loss,), {"inverse_link": lambda self, raw: special.expit(raw)})()
    logarithm = logistic.log_inverse_link(raw)
    assert logarithm.dtype == dtype
    np.testing.assert_allclose(logarithm, [[np.log(np.finfo(dtype).tiny), special.log_expit(0.3)]], rtol=1e-6)


@pytest.mark.parametrize("loss", [LogisticSquaredError(), BinaryLogLoss()], ids=repr)
def test_constant_is_finite_for_targets_at_the_bounds_of_the_link(loss):
    ends = np.array([[0.0, 1.0]])
    loss.check_target(ends)
    np.testing.assert_allclose(special.expit(loss.constant(ends)), [[1e-6, 1 - 1e-6]])


def test_registry_keys_name_the_output_activation():
    for (_, output_activation), loss in LOSSES.items():
        assert loss.output_activation == output_activation


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (AbsoluteError(), mean_absolute_error),
        (Huber(0.7), lambda y, out: special.huber(0.7, y - out).mean()),
        (Quantile(0.2), lambda y, out: mean_pinball_loss(y, out, alpha=0.2)),
    ],
    ids=["absolute", "huber", "quantile"],
)
def test_absolute_huber_and_quantile_losses_match_scikit_learn_and_scipy(loss, metric, rng):
    y, raw = rng.normal(size=(2, 50, 1))
    assert evaluate(loss, y, raw)[0].mean() == pytest.approx(metric(y, raw), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (Poisson(), mean_poisson_deviance),
        (Gamma(), mean_gamma_deviance),
        *((Tweedie(p), lambda y, out, p=p: mean_tweedie_deviance(y, out, power=p)) for p in (1, 1.3, 1.9, 2, 2.5, 3)),
    ],
    ids=["poisson", "gamma", *(f"tweedie {p}" for p in (1, 1.3, 1.9, 2, 2.5, 3))],
)
def test_deviances_match_scikit_learn(loss, metric, rng):
    y, raw = rng.gamma(2, size=(50, 1)), rng.normal(size=(50, 1))
    if getattr(loss, "power", 1) < 2:
        y[:10] = 0
    assert evaluate(loss, y, raw)[0].mean() == pytest.approx(metric(y, np.exp(raw)), rel=1e-10)
    np.testing.assert_allclose(loss.inverse_link(raw), np.exp(raw))


def test_quantiles_loss_is_the_sum_of_pinball_losses_over_sorted_outputs(rng):
    levels = (0.1, 0.5, 0.8)
    y, raw = rng.normal(size=(40, 1)), rng.normal(size=(40, 3))
    loss = Quantiles(levels)
    values = evaluate(loss, loss.repeat_target(y), raw)[0]
    out = np.sort(raw, axis=1)
    expected = sum(mean_pinball_loss(y[:, 0], column, alpha=q) for q, column in zip(levels, out.T, strict=True))
    assert values.mean() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(loss.inverse_link(raw), out)


@pytest.mark.parametrize("loss", [AbsoluteError(), Quantile(0.3), Quantiles((0.2, 0.7))], ids=repr)
def test_derivative_is_zero_at_the_kink(loss):
    values, gradient = evaluate(loss, np.full((1, 2), 3.0), np.full((1, 2), 3.0))
    np.testing.assert_array_equal(values, 0)
    np.testing.assert_array_equal(gradient, 0)


def test_equal_outputs_are_assigned_to_quantiles_in_order():
    levels = np.linspace(0.01, 0.99, 99)
    gradient = evaluate(Quantiles(tuple(levels)), np.full((2, 99), -1.0), np.tile([1.0, 0.0, 2.0], (2, 33)))[1]
    lowest, middle, highest = np.split(1 - levels, 3)
    np.testing.assert_allclose(gradient, [np.column_stack([middle, lowest, highest]).ravel()] * 2)


@pytest.mark.parametrize("levels", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), ("a",), (0.1, np.nan)])
def test_invalid_quantiles_raise(levels):
    with pytest.raises(ValueError, match="quantiles must be increasing numbers between 0 and 1, got"):
        Quantiles(levels)


@pytest.mark.parametrize("make", [lambda: Huber(0), lambda: Quantile(1), lambda: Quantile(0), lambda: Tweedie(0.5)])
def test_hyperparameter_out_of_range_raises(make):
    with pytest.raises(ValueError, match=r"must be a number in"):
        make()


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        ("gamma", 0.0, "above 0"),
        ("tweedie", -0.1, "at least 0"),
        (Tweedie(2.5), 0.0, "above 0"),
        (LogisticSquaredError(), 1.1, "between 0 and 1"),
    ],
)
def test_target_out_of_range_raises_and_leaves_the_weights_unchanged(loss, y, words):
    X, target = np.arange(20.0)[:, None], np.full(20, 0.5)
    network = BackpropRegressor(2, loss=loss, random_state=0).partial_fit(X, target).partial_fit(X, target)
    before = theta(network).copy()
    target = target.copy()
    target[3] = y
    for call in (network.partial_fit, network.fit):
        with pytest.raises(ValueError, match=rf"y must be {words} for loss=\w+\(.*\); got {y:g}"):
            call(X, target)
        np.testing.assert_array_equal(theta(network), before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [Poisson(), Tweedie(1.99)], ids=repr)
def test_counts_may_all_be_zero(loss, dtype):
    zeros = np.zeros((3, 1), dtype)
    loss.check_target(zeros)
    constant = loss.constant(zeros[0])
    assert constant.dtype == dtype
    assert np.isfinite(constant).all()
    np.testing.assert_allclose(loss.inverse_link(constant), 0, atol=1e-30)
    with pytest.raises(ValueError, match=r"y must be above 0 for loss=Tweedie\(power=2\)"):
        Tweedie(2).check_target(zeros)


def test_quantiles_need_a_single_target():
    with pytest.raises(ValueError, match="takes one target, y has 2 columns"):
        BackpropRegressor(2, loss="quantiles").fit(np.ones((5, 1)), np.ones((5, 2)))


def noisy_line(rng, n_samples=3000):
    X = rng.uniform(-1, 1, size=(n_samples, 1))
    return X, 3 * X[:, 0] + (1 + X[:, 0]) * rng.normal(size=n_samples)


def test_quantiles_cover_and_never_cross(rng):
    X, y = noisy_line(rng)
    network = BackpropRegressor(20, loss=Quantiles((0.1, 0.5, 0.9)), alpha=0, random_state=0).fit(X, y)
    low, middle, high = network.predict(X).T
    assert (low <= middle).all()
    assert (middle <= high).all()
    for level, out in ((0.1, low), (0.5, middle), (0.9, high)):
        assert (y <= out).mean() == pytest.approx(level, abs=0.04)
    expected = np.mean([d2_pinball_score(y, out, alpha=q) for q, out in ((0.1, low), (0.5, middle), (0.9, high))])
    assert network.score(X, y) == pytest.approx(expected)
    single = BackpropRegressor(20, loss=Quantile(0.9), alpha=0, random_state=0).fit(X, y)
    assert (y <= single.predict(X)).mean() == pytest.approx(0.9, abs=0.04)


@TRAINS_BRIEFLY  # the squared error of the outliers hides all that is learned
@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_robust_losses_resist_outliers(rng, loss):
    X, y = noisy_line(rng)
    y[::50] += 100
    robust = BackpropRegressor(10, loss=loss, alpha=0, random_state=0).fit(X, y).predict(X)
    squared = BackpropRegressor(10, alpha=0, random_state=0).fit(X, y).predict(X)
    error = [np.sqrt(np.mean((out - 3 * X[:, 0]) ** 2)) for out in (robust, squared)]
    assert error[0] < 0.7
    assert error[0] < 0.5 * error[1]


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_deviances_learn_a_mean(rng, loss):
    X = rng.normal(size=(4000, 2))
    mean = 30 * np.exp(0.5 * X[:, 0] - 0.3 * X[:, 1])
    y = rng.poisson(mean).astype(float) if loss != "gamma" else mean * rng.gamma(20, 1 / 20, 4000)
    prediction = BackpropRegressor(20, loss=loss, random_state=0).fit(X, y).predict(X)
    assert np.median(np.abs(prediction / mean - 1)) < 0.08


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
def test_check_loss_accepts_all_losses_of_the_package(loss, rng):
    y = targets(loss, rng, 6, 3)
    check_loss(loss, y[:, :1] if isinstance(loss, Quantiles) else y, rng.normal(size=(6, 3)))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=IDS)
def test_constant_predicts_the_mean(loss, rng):
    y = targets(loss, rng, 50, 3)
    mean = y.mean(axis=0)
    np.testing.assert_allclose(
        loss.inverse_link(loss.constant(mean)[None])[0], np.sort(mean) if isinstance(loss, Quantiles) else mean
    )
