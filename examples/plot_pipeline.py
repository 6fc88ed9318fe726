"""
A data frame, a Pipeline, and a grid search
===========================================

Real data frames have columns of different types. In the unscaled diabetes data, age, blood pressure and blood values
have their own units, and sex is a category. A ColumnTransformer encodes the category and passes the other columns
through; the network standardizes them internally. GridSearchCV selects the size, the solver and the learning rate of
the network.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skbackprop import BackpropRegressor

table, progression = load_diabetes(as_frame=True, scaled=False, return_X_y=True)
table["sex"] = table["sex"].map({1.0: "first", 2.0: "second"}).astype("category")
train, test, y_train, y_test = train_test_split(table, progression, test_size=0.25, random_state=0)
print(table.dtypes.to_string())

# %%
# Encode the categorical column and pass the numeric columns through, in any units. The target needs no scaling either.
columns = make_column_transformer((OneHotEncoder(drop="if_binary"), ["sex"]), remainder="passthrough")
model = make_pipeline(columns, BackpropRegressor(max_iter=60, tol=None, random_state=0))

# %%
# The names in the grid are paths to the parameters, joined by two underscores.
path = "backpropregressor__"
grid = {
    path + "hidden_layer_sizes": [(), (5,), (20,)],
    path + "solver": ["batch", "minibatch", "sgd"],
    path + "learning_rate": [0.001, 0.01],
}
search = GridSearchCV(model, grid, cv=5, n_jobs=2).fit(train, y_train)
print({name.removeprefix(path): value for name, value in search.best_params_.items()})
print(f"R2 in cross-validation {search.best_score_:.3f}, on the test set {search.score(test, y_test):.3f}")

# %%
results = pd.DataFrame(search.cv_results_)
scores = results.pivot_table(
    index=f"param_{path}hidden_layer_sizes",
    columns=[f"param_{path}solver", f"param_{path}learning_rate"],
    values="mean_test_score",
    aggfunc="first",
    sort=False,
)
print(scores.round(3).to_string())
fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
image = ax.imshow(scores, vmin=0, vmax=0.55, cmap="viridis")
ax.set_xticks(range(scores.shape[1]), [f"{solver}\n{rate}" for solver, rate in scores.columns])
ax.set_yticks(range(scores.shape[0]), [str(sizes) for sizes in scores.index])
ax.set(xlabel="solver and learning rate", ylabel="hidden layers", title="Mean R2 of 5 folds")
for (row, column), score in np.ndenumerate(scores.to_numpy()):
    ax.text(column, row, f"{score:.2f}", ha="center", va="center", color="white" if score < 0.35 else "black")
fig.colorbar(image)
plt.show()
