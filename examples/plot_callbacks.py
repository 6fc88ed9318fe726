"""
Callbacks: monitoring a grid search and early stopping
======================================================

scikit-learn's callbacks (version 1.9 or later) are called after every epoch. scikit-learn's ``ProgressBar`` shows the
progress of a grid search, and ``LossRecorder`` of this package records the losses of all its fits. The progress bar is
set on the outermost estimator, the recorder on the network. ``EarlyStopping``, also of this package, ends a fit by any
score on a validation set.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.callback import ProgressBar
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from skbackprop import BackpropRegressor
from skbackprop.callbacks import EarlyStopping, LossRecorder

# %%
# With ``early_stopping=True``, each fit holds out a tenth of its samples as a validation set, and computes the loss on
# it after every epoch. With ``tol=None``, no fit of this search stops before the last of its 60 epochs, so we get
# complete curves.
X, y = load_diabetes(return_X_y=True)
rates = [0.0003, 0.003, 0.03]
recorder = LossRecorder()
network = BackpropRegressor((20,), max_iter=60, tol=None, early_stopping=True, random_state=0)
model = make_pipeline(PolynomialFeatures(), network.set_callbacks(recorder))
search = GridSearchCV(model, {"backpropregressor__learning_rate": rates}, cv=5)
search.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X, y)
print(f"best learning rate {search.best_params_['backpropregressor__learning_rate']}, R2 {search.best_score_:.3f}")

# %%
# ``records_`` has an entry for each epoch of each fit. The fits of a search that runs in one process are in order: the
# five folds of the first candidate, those of the second, and so on. The last fit is that of the best candidate on all
# samples, which we leave out.
records = pd.DataFrame(recorder.records_)
records = records[records["fit"] < 5 * len(rates)]
records["rate"] = np.array(rates)[records["fit"] // 5]
curves = records.pivot_table(index="epoch", columns="rate", values=["loss", "validation_loss"])
print(curves.loc[[1, 10, 60]].round(2).to_string())

# %%
# A callback can also end the training. ``EarlyStopping`` scores the network on a validation set, with any scorer. As
# the callback of a step of a Pipeline, it needs the validation set as transformed by the previous steps.
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
stopping = EarlyStopping(X_val, y_val, scoring="neg_mean_absolute_error", patience=15)
stopped = BackpropRegressor(learning_rate=0.003, random_state=0).set_callbacks(stopping).fit(X_train, y_train)
print(f"stopped after {stopped.n_iter_} epochs; the weights are those of epoch {stopping.best_iter_}")

# %%
# On the left, the middle learning rate has the lowest training loss, and overfits: its validation loss increases after
# about 15 epochs. With the smallest rate, it still decreases in the last epoch, and with the largest, it is noisy. The
# training losses include the penalty. On the right, the error on the validation set is noisy too. The training has gone
# on for ``patience`` epochs after the best one, in case the error decreases further, and the network has the weights of
# the best epoch.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for rate, color in zip(rates, ("C0", "C1", "C2"), strict=True):
    left.plot(curves.index, curves["validation_loss", rate], color=color, label=f"learning rate {rate}")
    left.plot(curves.index, curves["loss", rate], ":", color=color)
left.plot([], ":", color="0.3", label="training sets")
left.set(xlabel="epoch", ylabel="loss", ylim=(0, 1.6), title="Validation loss in a grid search, mean of 5 folds")
left.legend(loc="upper right", ncols=2, fontsize="small")
right.plot(range(1, len(stopping.scores_) + 1), np.negative(stopping.scores_))
right.axvline(stopping.best_iter_, color="black", linestyle=":", label=f"best: epoch {stopping.best_iter_}")
right.set(xlabel="epoch", ylabel="mean absolute error, validation set", title="Early stopping by a scorer")
right.legend()
plt.show()
