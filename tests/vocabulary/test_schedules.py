import numpy as np
import pytest

from skbackprop.schedules import SCHEDULES, Constant, Cosine, Exponential, InverseScaling, OneCycle

T = np.arange(201)


def test_constant():
    np.testing.assert_array_equal(Constant(0.3).rates(T, 100), 0.3)


def test_invscaling_is_by_updates():
    np.testing.assert_allclose(InverseScaling(0.3, 0.25).rates(T, 100), [0.3 / (t + 1) ** 0.25 for t in T])


def test_exponential():
    np.testing.assert_allclose(Exponential(0.3, 0.9).rates(T, 100), [0.3 * 0.9**t for t in T])


def test_cosine_goes_from_initial_to_final_and_stays():
    rates = Cosine(0.3, 0.1).rates(T, 100)
    assert rates[0] == 0.3
    assert rates[50] == pytest.approx(0.2)
    np.testing.assert_allclose(rates[100:], 0.1)
    assert (np.diff(rates[:101]) < 0).all()


def test_one_cycle_goes_up_and_down_and_stays():
    rates = OneCycle(0.5, warmup=0.25, start_divisor=5, end_divisor=100).rates(T, 100)
    assert rates[0] == pytest.approx(0.1)
    assert rates.argmax() == 25
    assert rates[25] == pytest.approx(0.5)
    assert rates[10] == pytest.approx(0.1 + 0.4 * (1 - np.cos(0.4 * np.pi)) / 2)
    assert rates[40] == pytest.approx(0.5 - 0.495 * (1 - np.cos(0.2 * np.pi)) / 2)
    assert (np.diff(rates[:26]) > 0).all()
    assert (np.diff(rates[25:101]) < 0).all()
    np.testing.assert_allclose(rates[100:], 0.005)


@pytest.mark.parametrize("kind", [Cosine, OneCycle])
def test_a_given_length_goes_before_the_planned_one(kind):
    np.testing.assert_array_equal(kind(n_updates=40).rates(T, 100), kind().rates(T, 40))


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_positive_but_for_an_end_at_zero_and_do_not_depend_on_the_slice(name):
    rates = SCHEDULES[name].rates(T, 300)
    assert (rates > 0).all()
    np.testing.assert_array_equal(SCHEDULES[name].rates(T[50:60], 300), rates[50:60])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(0),
        lambda: InverseScaling(power=-1),
        lambda: Exponential(decay=1.5),
        lambda: Cosine(n_updates=0),
        lambda: OneCycle(warmup=1),
        lambda: OneCycle(start_divisor=0.5),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="must be a number in"):
        make()


def test_cosines_alone_have_a_planned_end():
    assert {name for name, schedule in SCHEDULES.items() if schedule.has_end} == {"cosine", "one_cycle"}
