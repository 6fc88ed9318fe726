"""Denormal numbers are zeros during training and nowhere else."""

import sys
import threading

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._core import denormals
from skbackprop._core.denormals import float_environment, flush_denormals
from tests.shared import ENGINES

needs_environment = pytest.mark.skipif(float_environment() is None, reason="the system has no such switch")


def is_flushing(dtype=np.float32):
    """Return whether arithmetic treats denormal numbers as zeros."""
    smallest = np.full(16, np.finfo(dtype).tiny, dtype)
    return not (smallest * dtype(0.5)).any()


@needs_environment
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_and_arguments_that_are_denormal_are_zero(dtype):
    denormal = np.full(16, np.finfo(dtype).tiny / 4, dtype)
    with flush_denormals():
        assert is_flushing(dtype)
        assert not (denormal * dtype(2)).any()
    assert not is_flushing(dtype)
    assert (denormal * dtype(2)).all()


@needs_environment
def test_the_context_can_be_nested_and_ends_with_an_error():
    def divide_by_zero():
        with flush_denormals():
            with flush_denormals():
                pass
            assert is_flushing()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        divide_by_zero()
    assert not is_flushing()


@needs_environment
def test_an_interrupt_at_any_line_leaves_the_arithmetic_as_it_was():
    """A tracer raises the interrupt before the line of the module that is executed as number `n`."""

    def make_tracer(n):
        left = [n]

        def trace(frame, event, argument):
            if frame.f_code.co_filename != denormals.__file__:
                return None
            if event == "line":
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
            return trace

        return trace

    was_interrupted = True
    for n in range(1, 100):
        sys.settrace(make_tracer(n))
        try:
            with flush_denormals():
                pass
            was_interrupted = False
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert not is_flushing()
        if not was_interrupted:
            break
    assert n > 5
    assert not was_interrupted


@needs_environment
def test_other_threads_keep_their_arithmetic():
    results = []
    has_begun = threading.Event()

    def run():
        has_begun.wait()
        results.append(is_flushing())

    thread = threading.Thread(target=run)
    thread.start()
    with flush_denormals():
        has_begun.set()
        thread.join()
    assert results == [False]


@pytest.mark.parametrize("case", ["unknown system", "no library", "no function", "no effect"])
def test_systems_without_the_switch_train_as_usual(monkeypatch, case):
    def refuse(name):
        raise OSError(name)

    changes = {
        "unknown system": (denormals.platform, "system", lambda: "Unknown"),
        "no library": (denormals.ctypes, "CDLL", refuse),
        "no function": (denormals.ctypes, "CDLL", lambda name: object()),
        "no effect": (denormals, "CONTROL_WORDS", dict.fromkeys(denormals.CONTROL_WORDS, (7, 0))),
    }
    monkeypatch.setattr(*changes[case])
    float_environment.cache_clear()
    try:
        assert float_environment() is None
        with flush_denormals():
            assert not is_flushing()
    finally:
        float_environment.cache_clear()


@needs_environment
@ENGINES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chunk", [1, 64])
def test_training_leaves_no_denormal_numbers(engine, dtype, chunk):
    """The weights of units that no sample activates decay until they are zero or stay normal."""
    X = np.abs(np.random.default_rng(0).normal(size=(64, 3))).astype(dtype)
    y = np.zeros(64, dtype)
    start = 100 * np.finfo(dtype).tiny
    network = BackpropRegressor(
        (8,),
        solver="sgd",
        optimizer="momentum",
        learning_rate=0.5,
        alpha=0.1,
        init=([np.full((3, 8), -start), np.full((8, 1), start)], [np.zeros(8), np.zeros(1)]),  # no unit is ever active
        standardize=False,
        engine=engine,
    )
    for _ in range(20):
        for first in range(0, 64, chunk):
            network.partial_fit(X[first : first + chunk], y[first : first + chunk])
    state = network._state
    for array in (state.theta, state.optimizer_state):
        size = np.abs(array)
        assert np.count_nonzero((size > 0) & (size < np.finfo(dtype).tiny)) == 0
    assert not is_flushing()
