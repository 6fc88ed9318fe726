"""Files of skops are loaded in a process that has not made them, with the types that the package lists."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.losses import Huber
from skbackprop.optimizers import AdamW
from skbackprop.schedules import OneCycle

skops_io = pytest.importorskip("skops.io")

FEW = {"max_iter": 3, "tol": None, "alpha": 0.01, "engine": "numpy", "random_state": 0}
MODELS = [
    BackpropRegressor(4, loss=Huber(0.5), optimizer=AdamW(), learning_rate=OneCycle(0.01), **FEW),
    BackpropClassifier((4, 3), activation=["tanh", "elu"], **FEW),
    make_pipeline(StandardScaler(), BackpropClassifier(4, solver="batch", optimizer="lbfgs", **FEW)),
    BackpropEnsembleRegressor(BackpropRegressor(4, **FEW), 2, random_state=0),
    BackpropEnsembleClassifier(BackpropClassifier(4, **FEW), 2, random_state=0),
]
LOAD = """
import sys
import numpy as np
import skops.io
from skbackprop import TRUSTED_TYPES

X = np.load("X.npy")
for number in range(int(sys.argv[1])):
    model = skops.io.load(f"{number}.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(model.predict(X), np.load(f"{number}.npy"))
    print("loaded", number)
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_models_predict_the_same_in_a_fresh_process(tmp_path):
    X, y = load_iris(return_X_y=True)
    np.save(tmp_path / "X.npy", X)
    for number, model in enumerate(MODELS):
        skops_io.dump(model.fit(X, y), tmp_path / f"{number}.skops")
        np.save(tmp_path / f"{number}.npy", model.predict(X))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", LOAD, str(len(MODELS))]
    printed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, text=True, cwd=tmp_path
    ).stdout
    assert printed.count("loaded") == len(MODELS)
