"""
A search, a stream and predictions on a dask cluster
====================================================

dask distributes scikit-learn's searches over the machines of a cluster, and dask-ml passes arrays that are larger than
memory to any estimator, chunk by chunk. The networks of this package need nothing special for either.

The cluster of this script is two threads of its own process. For processes on this machine, use ``Client()``, under
``if __name__ == "__main__":``; for several machines, ``Client("address:8786")``. The rest stays the same.
"""

import dask.array as da
import joblib
from dask_ml.wrappers import Incremental, ParallelPostFit
from distributed import Client
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, BackpropRegressor

client = Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0")

# %%
# Each fit of a search is a task of its own. joblib, which runs them for scikit-learn, sends them to the cluster.
X, y = load_digits(return_X_y=True)
grid = {"hidden_layer_sizes": [(20,), (50,)], "alpha": [0.0001, 0.01]}
search = GridSearchCV(BackpropClassifier(max_iter=20, tol=None, random_state=0), grid, cv=3)
with joblib.parallel_config("dask"):
    search.fit(X, y)
print(f"digits: accuracy {search.best_score_:.3f} with {search.best_params_}")

# %%
# These dask arrays could be larger than memory: a chunk is computed, or read from a file, when it is needed.
random = da.random.default_rng(0)
X = random.normal(size=(60_000, 5), chunks=(5_000, 5))
y = da.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * random.normal(size=60_000, chunks=5_000)
X_test, y_test = X[-5_000:], y[-5_000:]
X, y = X[:-5_000], y[:-5_000]

# %%
# ``Incremental`` calls `partial_fit` with one chunk after another, so the cluster adds memory, not speed. Its `fit`
# begins anew, and its `partial_fit` continues: here with one epoch in each call. What it predicts is a dask array too.
incremental = Incremental(BackpropRegressor(random_state=0), random_state=0)
for epoch in range(1, 6):
    incremental.partial_fit(X, y)
    error = ((incremental.predict(X_test) - y_test) ** 2).mean()
    print(f"mean squared error after epoch {epoch}: {error.compute():.4f}")

# %%
# ``ParallelPostFit`` is for a network that has been fitted elsewhere, as here on the first chunk. Several machines
# predict several chunks at once, and nothing is computed before it is needed.
network = BackpropRegressor(max_iter=20, tol=None, random_state=0).fit(X.blocks[0].compute(), y.blocks[0].compute())
prediction = ParallelPostFit(network).predict(X)
print(prediction)
print(f"of a network that knows the first chunk only: {((prediction - y) ** 2).mean().compute():.4f}")
client.close()
