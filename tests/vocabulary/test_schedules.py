"""Schedules follow their formulas, whatever the size of the calls."""

import numpy as np
import pytest

from skbackprop.schedules import SCHEDULES, Constant, Cosine, Exponential, InverseScaling, OneCycle, Plateau, Schedule

#: Numbers of updates, twice as many as are planned.
T = np.arange(201)


def test_constant_rate_does_not_change():
    np.testing.assert_array_equal(Constant(0.3).rates(T, 100), 0.3)


def test_inverse_scaling_falls_with_a_power_of_the_update_count():
    np.testing.assert_allclose(InverseScaling(0.3, 0.25).rates(T, 100), [0.3 / (t + 1) ** 0.25 for t in T])


def test_inverse_scaling_begins_to_fall_after_t0_updates_and_stays_at_its_final_rate():
    rates = InverseScaling(0.3, 0.5, t0=20, final=0.1).rates(T, 100)
    np.testing.assert_allclose(rates[[0, 60]], [0.3, 0.15])
    np.testing.assert_allclose(rates[:160], 0.3 / np.sqrt(1 + T[:160] / 20))
    np.testing.assert_array_equal(rates[160:], 0.1)


def test_exponential_falls_by_a_constant_factor():
    np.testing.assert_allclose(Exponential(0.3, 0.9).rates(T, 100), [0.3 * 0.9**t for t in T])


def test_cosine_falls_from_initial_to_final_and_stays():
    rates = Cosine(0.3, 0.1).rates(T, 100)
    assert rates[0] == 0.3
    assert rates[50] == pytest.approx(0.2)
    np.testing.assert_allclose(rates[100:], 0.1)
    assert (np.diff(rates[:101]) < 0).all()


def test_one_cycle_rises_falls_and_stays():
    rates = OneCycle(0.5, warmup=0.25, start_divisor=5, end_divisor=100).rates(T, 100)
    assert rates[0] == pytest.approx(0.1)
    assert rates.argmax() == 25
    assert rates[25] == pytest.approx(0.5)
    assert rates[10] == pytest.approx(0.1 + 0.4 * (1 - np.cos(0.4 * np.pi)) / 2)
    assert rates[40] == pytest.approx(0.5 - 0.495 * (1 - np.cos(0.2 * np.pi)) / 2)
    assert (np.diff(rates[:26]) > 0).all()
    assert (np.diff(rates[25:101]) < 0).all()
    np.testing.assert_allclose(rates[100:], 0.005)


def test_plateau_without_a_reduction_is_constant():
    np.testing.assert_array_equal(Plateau(0.3).rates(T, 100), 0.3)


def test_a_custom_schedule_has_no_planned_end_unless_it_says_so():
    assert not Schedule.has_end


@pytest.mark.parametrize("n_warmup", [1, 30, 150])
@pytest.mark.parametrize("kind", [Cosine, InverseScaling])
def test_rate_rises_over_its_warmup_and_follows_its_formula_afterwards(kind, n_warmup):
    t = np.arange(300)
    plain, warm = kind().rates(t, 100), kind(n_warmup_updates=n_warmup).rates(t, 100)
    np.testing.assert_array_equal(warm[n_warmup:], plain[n_warmup:])
    np.testing.assert_allclose(warm[:n_warmup] / plain[:n_warmup], np.arange(1, n_warmup + 1) / (n_warmup + 1))
    in_parts = [kind(n_warmup_updates=n_warmup).rates(t[first : first + 7], 100) for first in range(0, 300, 7)]
    np.testing.assert_array_equal(np.concatenate(in_parts), warm)


@pytest.mark.parametrize("kind", [Cosine, OneCycle])
def test_n_updates_overrides_the_planned_number_of_updates(kind):
    np.testing.assert_array_equal(kind(n_updates=40).rates(T, 100), kind().rates(T, 40))


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_positive_and_do_not_depend_on_the_size_of_the_calls(name):
    rates = SCHEDULES[name].rates(T, 300)
    assert (rates > 0).all()
    np.testing.assert_array_equal(SCHEDULES[name].rates(T[50:60], 300), rates[50:60])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(0),
        lambda: InverseScaling(power=-1),
        lambda: InverseScaling(t0=0),
        lambda: Exponential(decay=1.5),
        lambda: Cosine(n_updates=0),
        lambda: OneCycle(warmup=1),
        lambda: OneCycle(start_divisor=0.5),
    ],
)
def test_invalid_hyperparameters_are_refused(make):
    with pytest.raises(ValueError, match="must be a number in"):
        make()


def test_only_cosine_and_one_cycle_have_a_planned_end():
    assert {name for name, schedule in SCHEDULES.items() if schedule.has_end} == {"cosine", "one_cycle"}
