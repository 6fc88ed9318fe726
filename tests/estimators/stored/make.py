"""Store two fitted estimators and their results, once for each storage format and each major release of numpy.

``python -m tests.estimators.stored.make`` writes into its folder. Run it with the oldest and the newest supported
numpy, so that the tests load each file with both. Files of earlier formats stay, so that every later version is tested
with them.
"""

from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.storage import FORMAT
from skbackprop.optimizers import Adam
from skbackprop.schedules import OneCycle

X, y = load_iris(return_X_y=True)
names = np.array(["setosa", "versicolor", "virginica"])[y]
regressor = BackpropRegressor((5, 3), activation=["tanh", "gelu"], loss="huber", engine="numpy", random_state=0)
classifier = BackpropClassifier(
    (6,), optimizer=Adam(beta_2=0.99), learning_rate=OneCycle(0.01), early_stopping=True, engine="numpy", random_state=0
)
if __name__ == "__main__":
    folder = Path(__file__).parent
    numpy_release = np.__version__.split(".")[0]
    for name, network, target in (("regressor", regressor, X[:, 3]), ("classifier", classifier, names)):
        network.set_params(max_iter=20, tol=None).fit(X[:, :3].astype(np.float32), target)
        path = folder / f"{name}_format_{FORMAT}_numpy_{numpy_release}"
        joblib.dump(network, path.with_suffix(".joblib"), compress=3, protocol=4)
        output = network.predict(X[:, :3]) if name == "regressor" else network.predict_proba(X[:, :3])
        continued = network.partial_fit(X[:, :3], target)
        np.savez(path.with_suffix(".npz"), output=output, coefs=continued.coefs_[0], t=network.t_)
