"""Clipping of the gradient, in both engines."""

from importlib.util import find_spec

import numpy as np
import pytest

from skbackprop._training.update import clip as clip_with_numpy
from tests.shared import ENGINES

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(scope="module")
def compiled_clip():
    """Return the clipping of the kernel, compiled by itself, or None without numba."""
    if find_spec("numba") is None:
        return None
    import numba

    from skbackprop._engines._numba import kernel

    return numba.njit(lambda norm, gradient: kernel.clip(norm, gradient))


def clipped(engine, gradient, norm, compiled_clip):
    """Return the gradient clipped by an engine; in training, overflow gives no warnings either."""
    gradient = gradient.copy()
    with np.errstate(all="ignore"):
        if engine == "numpy":
            clip_with_numpy(gradient, norm)
        else:
            compiled_clip(norm, gradient)
    return gradient


@ENGINES
@DTYPES
@pytest.mark.parametrize(("factor", "expected"), [(1.0, [0.6, 0.0, -0.8]), (0.1, [0.3, 0.0, -0.4])])
def test_clipping_keeps_the_direction_of_the_gradient(engine, dtype, factor, expected, compiled_clip):
    gradient = (factor * np.array([3.0, 0.0, -4.0])).astype(dtype)
    np.testing.assert_allclose(clipped(engine, gradient, 1.0, compiled_clip), expected, rtol=3 * np.finfo(dtype).eps)


@ENGINES
@DTYPES
@pytest.mark.parametrize("norm", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("power", [0.999, 0.6, 0.0, -0.6, -0.9])
def test_gradients_whose_square_overflows_or_underflows_are_clipped_too(engine, dtype, norm, power, compiled_clip):
    size = float(np.finfo(dtype).max) ** power
    gradient = (np.array([3.0, -4.0, 0.0]) * (size / 5)).astype(dtype)
    expected = gradient if size <= norm else np.array([0.6, -0.8, 0.0]) * norm
    result = clipped(engine, gradient, norm, compiled_clip)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=np.finfo(dtype).tiny)


@ENGINES
@pytest.mark.parametrize("norm", [1e39, 1e300])
def test_a_norm_that_the_dtype_does_not_have_leaves_the_longest_gradient_unchanged(engine, norm, compiled_clip):
    gradient = np.finfo(np.float32).max * np.array([1, -1], np.float32)
    np.testing.assert_array_equal(clipped(engine, gradient, norm, compiled_clip), gradient)


@ENGINES
@DTYPES
@pytest.mark.parametrize("values", [[np.nan, 1.0], [1.0, np.nan], [np.inf, 1.0], [np.inf, -np.inf], [0.0, 0.0]])
def test_clipping_does_not_hide_what_is_not_finite(engine, dtype, values, compiled_clip):
    result = clipped(engine, np.array(values, dtype), 1.0, compiled_clip)
    assert np.isfinite(result).all() == np.isfinite(values).all()
