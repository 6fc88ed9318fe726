"""Initial weights have the variance and the distribution of the papers."""

import numpy as np
import pytest

from skbackprop.initializers import INITIALIZERS, VarianceScaling

FAN_IN, FAN_OUT = 300, 200
VARIANCES = {
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_weights_have_the_variance_of_the_paper(name, rng):
    W = INITIALIZERS[name].draw(rng, FAN_IN, FAN_OUT)
    assert W.shape == (FAN_IN, FAN_OUT)
    assert W.mean() == pytest.approx(0, abs=1e-3)
    assert W.var() == pytest.approx(VARIANCES[name], rel=0.02)
    largest = np.abs(W).max() / np.sqrt(VARIANCES[name])
    assert (largest <= np.sqrt(3)) == name.endswith("uniform")


@pytest.mark.parametrize("params", [{"gain": 0}, {"fan": "out"}, {"distribution": "cauchy"}])
def test_invalid_hyperparameters_are_refused(params):
    with pytest.raises(ValueError, match=f"{next(iter(params))} of VarianceScaling must be"):
        VarianceScaling(**params)
