"""
Callbacks: monitoring a grid search and early stopping
======================================================

scikit-learn's callbacks (version 1.9 or later) are called after every epoch. ``ProgressBar`` shows the progress of a
grid search, and ``ScoringMonitor`` scores each network during training, also in other processes. The progress bar is
set on the outermost estimator, the monitor on the network. This package adds ``EarlyStopping``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from skbackprop import BackpropRegressor
from skbackprop.callbacks import EarlyStopping

X, y = load_diabetes(return_X_y=True)
rates = [0.0003, 0.003, 0.03]
monitor = ScoringMonitor(scoring=["r2", "neg_mean_absolute_error"])
network = BackpropRegressor((20,), max_iter=60, tol=None, random_state=0).set_callbacks(monitor)
model = make_pipeline(PolynomialFeatures(), network)
search = GridSearchCV(model, {"backpropregressor__learning_rate": rates}, cv=3, n_jobs=2)
search.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X, y)
print(f"best learning rate {search.best_params_['backpropregressor__learning_rate']}, R2 {search.best_score_:.3f}")

# %%
# The log has one row per epoch of each fit. Its path identifies the fit: the search, the candidate and fold, and so on.
# Candidates are in order, each with its three folds.
log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"].copy()
paths = epochs["task_id_path"]
epochs = epochs[paths.str[1] == 0]  # of the search, without the refit
epochs["rate"] = np.array(rates)[paths.loc[epochs.index].str[2] // 3]
curves = epochs.groupby(["task_id", "rate"])["r2"].mean().unstack()
print(curves.iloc[[0, 9, 59]].round(2).to_string())

# %%
# A callback can also end the training. ``EarlyStopping`` scores the network on a validation set, with any scorer. As
# the callback of a step of a Pipeline, it needs the validation set as transformed by the previous steps.
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
stopping = EarlyStopping(X_val, y_val, scoring="neg_mean_absolute_error", patience=15)
stopped = BackpropRegressor(learning_rate=0.003, random_state=0).set_callbacks(stopping).fit(X_train, y_train)
print(f"stopped after {stopped.n_iter_} epochs; the weights are those of epoch {stopping.best_iter_}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for rate in rates:
    left.plot(curves.index + 1, curves[rate], label=f"learning rate {rate}")
left.set(xlabel="epoch", ylabel="R2 on the training set", ylim=(-0.2, 1), title="Grid search, means of 3 folds")
left.legend()
right.plot(range(1, len(stopping.scores_) + 1), np.negative(stopping.scores_))
right.axvline(stopping.best_iter_, color="black", linestyle=":", label=f"best: epoch {stopping.best_iter_}")
right.set(xlabel="epoch", ylabel="mean absolute error, validation set", title="Early stopping by a scorer")
right.legend()
plt.show()
