"""Shared by all tests."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def plt():
    """`matplotlib.pyplot` in its own style and without a screen; figures are closed afterwards."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    with pyplot.style.context("default"):
        yield pyplot
        pyplot.close("all")
