"""Files of each storage format load under the oldest and the newest releases of numpy and scikit-learn."""

import joblib
import numpy as np
import pytest

import skbackprop
from tests.estimators.stored.make import names
from tests.estimators.stored.make_releases import FOLDER, LABELS, LENGTHS, X, output
from tests.shared import TRAINS_BRIEFLY

#: Those that are not names of classes.
TARGETS = {"quantiles": LENGTHS, "regressors": LENGTHS, "labels": LABELS}
JOBLIB, SKOPS = (sorted(FOLDER.glob(f"*.{kind}")) for kind in ("joblib", "skops"))

pytestmark = TRAINS_BRIEFLY


def check(estimator, path):
    """Check that an estimator predicts what it did when it was stored, and that its training can go on."""
    np.testing.assert_allclose(output(estimator), np.load(path.with_suffix(".npy")), rtol=1e-5, atol=1e-7)
    y = TARGETS.get(path.name.partition("_")[0], names)
    before = output(estimator)
    estimator.partial_fit(X[:, :3], y)
    assert not np.array_equal(output(estimator), before)


def test_there_are_files_of_both_releases_of_numpy_in_both_kinds():
    stems = {path.stem for path in JOBLIB}
    assert stems == {path.stem for path in SKOPS}
    assert {stem.rpartition("_")[2] for stem in stems} == {"1", "2"}
    assert len(stems) >= 10


@pytest.mark.parametrize("path", JOBLIB, ids=lambda path: path.stem)
def test_files_of_joblib(path):
    check(joblib.load(path), path)


@pytest.mark.parametrize("path", SKOPS, ids=lambda path: path.stem)
def test_files_of_skops_with_the_trusted_types(path):
    skops_io = pytest.importorskip("skops.io")
    check(skops_io.load(path, trusted=skbackprop.TRUSTED_TYPES), path)
