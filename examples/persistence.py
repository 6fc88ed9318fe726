"""
Save, load, go on
=================

An estimator is stored by joblib like any other of scikit-learn's. What comes back predicts the same, and goes on
training exactly where the stored one was: the optimizer's memory, the count of updates and the random generator are
in it.
"""

import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer

from skbackprop import BackpropClassifier

X, y = load_breast_cancer(return_X_y=True)
model = BackpropClassifier((20,), max_iter=30, tol=None, random_state=0).fit(X, y)

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "model.joblib"
    joblib.dump(model, path)
    print(f"{path.stat().st_size / 1024:.0f} kB on disk")
    loaded = joblib.load(path)
print("same probabilities:", np.array_equal(loaded.predict_proba(X), model.predict_proba(X)))

# %%
# Both go on for another pass, and stay the same to the last bit.
for network in (model, loaded):
    network.partial_fit(X, y)
same = all(np.array_equal(a, b) for a, b in zip(model.coefs_, loaded.coefs_, strict=True))
print(f"same weights after update {loaded.t_}: {same}")
