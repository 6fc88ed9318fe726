"""The transformation of the target: exact for large offsets, tiny and huge units, and constant columns."""

import numpy as np
import pytest

from skbackprop._core import target_transform
from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.standardizer import ROUNDINGS, Standardizer
from skbackprop._core.target_transform import TargetTransform
from skbackprop.losses._target_scaling import MeanScaling, StandardScaling
from tests.shared import peak_memory

EACH_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])
EACH_SCALING = pytest.mark.parametrize("scaling", [StandardScaling(), MeanScaling()])
CONSTANTS = pytest.mark.parametrize("constant", [0.0, 1e-6, 0.1, 1e12, 1e39, 1e-46])


def transform_of(y, scaling):
    return TargetTransform.from_moments(scaling, y.mean(axis=0), y.var(axis=0), ROUNDINGS)


def standardizer_for(y, scaling, dtype=np.float64):
    standardizer = Standardizer(2, y.shape[1], scaling, True, np.dtype(dtype))
    standardizer.update(Dataset(np.arange(2.0 * len(y)).reshape(-1, 2), y))
    return standardizer


@EACH_DTYPE
@pytest.mark.parametrize(("offset", "unit"), [(1e8, 1.0), (-1e8, 1.0), (0.0, 1e39), (0.0, 1e-46), (1e120, 1e115)])
def test_target_is_rounded_only_after_it_is_centered_and_scaled(rng, dtype, offset, unit):
    z = rng.normal(size=(200, 2))
    y = offset + unit * z
    found = transform_of(y, StandardScaling()).transform(y, np.dtype(dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, (z - z.mean(axis=0)) / z.std(axis=0), atol=1e-6)


@EACH_DTYPE
@EACH_SCALING
def test_predictions_are_scaled_back_in_float64(rng, dtype, scaling):
    y = 1e8 + rng.uniform(1, 2, size=(200, 2))
    transform = transform_of(y, scaling)
    back = transform.inverse_transform(transform.transform(y, np.dtype(dtype)))
    assert back.dtype == np.float64
    error = np.finfo(dtype).eps * (1 if isinstance(scaling, StandardScaling) else 1e8)
    np.testing.assert_allclose(back, y, rtol=0, atol=4 * error + 1e-7)


@EACH_DTYPE
@EACH_SCALING
@CONSTANTS
def test_constant_column_is_predicted_as_its_constant(rng, dtype, scaling, constant):
    y = np.column_stack([rng.uniform(1, 2, 50), np.full(50, constant)])
    standardizer = standardizer_for(y, scaling, dtype)
    raw = rng.normal(size=(20, 2)).astype(dtype)
    raw[3, 1], raw[4, 1] = np.inf, np.nan
    prediction = standardizer.inverse_transform_target(raw)
    np.testing.assert_array_equal(prediction[:, 1], constant)
    assert len(np.unique(prediction[:3, 0])) == 3
    assert np.isfinite(standardizer.transform_target(y)).all()


@pytest.mark.parametrize("constant", [0.1, 1e12, 1e-300])
def test_rounding_errors_of_a_constant_are_neither_learned_nor_predicted(rng, constant):
    y = constant * (1 + 2e-16 * rng.integers(-2, 3, size=(50, 1)))
    assert len(np.unique(y)) > 1
    standardizer = standardizer_for(y, StandardScaling())
    assert np.abs(standardizer.transform_target(y)).max() < 1e-14
    prediction = standardizer.inverse_transform_target(rng.normal(size=(5, 1)))
    np.testing.assert_array_equal(prediction, standardizer.moments.mean[2])


@pytest.mark.parametrize("constant", [0.0, 1e-6, 1e12])
@EACH_SCALING
def test_layers_in_units_of_the_data_predict_the_constant(rng, scaling, constant):
    network = Network((2, 3, 2), ())
    layers = network.unpack(rng.normal(size=network.n_parameters))
    y = np.column_stack([rng.uniform(1, 2, 50), np.full(50, constant)])
    last = standardizer_for(y, scaling).fold_scaling(layers)[-1]
    assert not last.W[:, 1].any()
    assert last.W[:, 0].all()
    assert np.isfinite(last.b).all()
    prediction = last.b[1] if isinstance(scaling, StandardScaling) else np.exp(last.b[1])
    assert prediction == pytest.approx(constant, rel=1e-14, abs=0)


@EACH_SCALING
def test_given_layers_of_a_constant_target_become_finite_ones(rng, scaling):
    network = Network((2, 1), ())
    layers = network.unpack(rng.normal(size=network.n_parameters))
    standardizer_for(np.full((50, 1), 7.0), scaling).unfold_scaling(layers)
    assert np.isfinite(layers[-1].W).all()
    assert np.isfinite(layers[-1].b).all()


@EACH_SCALING
def test_stored_state_between_two_updates_still_knows_the_constant(scaling):
    standardizer = standardizer_for(np.full((200, 1), 3.0), scaling)
    standardizer.update(Dataset(np.ones((1, 2)), np.array([[5.0]])))
    resumed = Standardizer(2, 1, scaling, True, np.dtype(float))
    resumed.load_state_dict(standardizer.state_dict())
    for each in (standardizer, resumed):
        np.testing.assert_array_equal(each.inverse_transform_target(np.ones((2, 1))), 3.0)
        each.update(Dataset(np.eye(2), np.array([[5.0], [6.0]])))
        assert each.prediction_scale > 0


@EACH_DTYPE
def test_large_target_is_transformed_in_chunks(rng, dtype, monkeypatch):
    y = rng.normal(5, 2, size=(400_000, 1))
    transform = transform_of(y, StandardScaling())
    expected = transform.transform(y[:1000], np.dtype(dtype))
    assert peak_memory(lambda: transform.transform(y, np.dtype(dtype))) < y.size * (np.dtype(dtype).itemsize + 2)
    monkeypatch.setattr(target_transform, "CHUNK_SAMPLES", 7)
    np.testing.assert_array_equal(transform.transform(y[:1000], np.dtype(dtype)), expected)
