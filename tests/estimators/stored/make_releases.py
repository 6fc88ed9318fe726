"""Store fitted networks and ensembles with joblib and with skops, and their predictions.

``python -m tests.estimators.stored.make_releases`` writes into the folder ``releases``. Run it with the oldest and the
newest supported Python, numpy and scikit-learn, once for each storage format. Files of earlier formats stay, so that
every later version is tested with them.
"""

import zipfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.storage import FORMAT
from skbackprop.activations import LeakyReLU
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.losses import Quantiles
from skbackprop.optimizers import AdamW
from skbackprop.schedules import Cosine
from tests.estimators.stored.make import names

FOLDER = Path(__file__).parent / "releases"
X, y = load_iris(return_X_y=True)
LENGTHS = X[:, 3]
LABELS = np.column_stack([y == 1, X[:, 0] > 6]).astype(int)
BRIEF = {"max_iter": 10, "tol": None, "alpha": 1e-3, "engine": "numpy", "random_state": 0}


def fitted():
    """Return each fitted estimator by name."""
    network = BackpropRegressor(4, loss=Quantiles((0.1, 0.5, 0.9)), activation=LeakyReLU(0.1), **BRIEF)
    stream = BackpropClassifier(4, optimizer=AdamW(), learning_rate=Cosine(0.01, n_updates=99), random_state=0)
    regressors = BackpropEnsembleRegressor(BackpropRegressor(3, **BRIEF), 2, candidates=None, random_state=0)
    classifiers = BackpropEnsembleClassifier(BackpropClassifier(3, **BRIEF), 2, candidates=None, random_state=0)
    return {
        "quantiles": network.fit(X[:, :3], LENGTHS),
        "labels": BackpropClassifier(4, **BRIEF).fit(X[:, :3], LABELS),
        "stream": stream.partial_fit(X[::2, :3], names[::2], classes=np.unique(names)),
        "regressors": regressors.fit(X[:, :3], LENGTHS),
        "classifiers": classifiers.fit(X[:, :3], names),
    }


def output(estimator):
    """Return what an estimator predicts, as numbers."""
    is_classifier = hasattr(estimator, "predict_proba")
    return estimator.predict_proba(X[:, :3]) if is_classifier else estimator.predict(X[:, :3])


if __name__ == "__main__":
    import skops.io

    FOLDER.mkdir(exist_ok=True)
    for name, estimator in fitted().items():
        path = FOLDER / f"{name}_format_{FORMAT}_numpy_{np.__version__.split('.')[0]}"
        joblib.dump(estimator, path.with_suffix(".joblib"), compress=3, protocol=4)
        skops.io.dump(estimator, path.with_suffix(".skops"), compression=zipfile.ZIP_DEFLATED)
        np.save(path.with_suffix(".npy"), output(estimator))
