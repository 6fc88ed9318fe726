"""
Save, load and resume training
==============================

An estimator is stored with joblib like any other scikit-learn estimator. The loaded estimator makes the same
predictions and resumes training exactly where the stored one stopped, because the file contains the optimizer state,
the update count and the random generator.
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
# Both train for another epoch, and their weights remain bit-identical.
for network in (model, loaded):
    network.partial_fit(X, y)
same = all(np.array_equal(a, b) for a, b in zip(model.coefs_, loaded.coefs_, strict=True))
print(f"same weights after update {loaded.t_}: {same}")
