"""
A data frame, a Pipeline, and a grid search
===========================================

Real data frames have columns of different types and units. In this lesson, a table of homes has areas in square meters,
years, distances in meters and a category. A ColumnTransformer encodes the category and passes the other columns
through, and the network standardizes them itself. GridSearchCV then selects the layers and the activation of the
network.

A search always returns a best candidate. Whether it is better than the others, and better than the default, is another
question. So we look at the spread of the scores over the folds, and at a test set that the search has not used.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skbackprop import BackpropRegressor

# %%
# The table is generated. The price of a home is a product: its area times a price per square meter, which depends on
# the kind of the home and on its distance from the center, times a factor for the year, times noise.
rng = np.random.default_rng(0)
n_homes = 2400
homes = pd.DataFrame(
    {
        "area": rng.uniform(30, 200, n_homes).round(),
        "year": rng.integers(1900, 2024, n_homes),
        "distance": rng.gamma(2, 2500, n_homes).round(-1),
        "kind": rng.choice(["house", "flat", "loft"], n_homes),
    }
)
per_area = 1500 + homes["kind"].map({"house": 0, "flat": 400, "loft": 900})
center = 0.6 + np.exp(-homes["distance"] / 4000) * np.where(homes["kind"] == "house", 1.0, 1.6)
age = 1 + 0.35 * np.cos((homes["year"] - 1900) / 124 * 3 * np.pi)
price = homes["area"] * per_area * center * age * np.exp(0.12 * rng.normal(size=n_homes)) / 1000
train, test, y_train, y_test = train_test_split(homes, price, train_size=600, random_state=0)
print(train.head().to_string())

# %%
# The pipeline encodes the categorical column and passes the numeric columns through, in any units. The target needs no
# scaling either. With default parameters, this model has a good score already.
columns = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
model = make_pipeline(columns, BackpropRegressor(random_state=0)).fit(train, y_train)
print(f"default parameters: R2 on the test set {model.score(test, y_test):.3f}")

# %%
# The names in the grid are paths to the parameters, joined by two underscores. A network without hidden layers is a
# linear model.
layers, activation = "backpropregressor__hidden_layer_sizes", "backpropregressor__activation"
grid = [{layers: [()]}, {layers: [(10,), (50,), (50, 50)], activation: ["relu", "tanh"]}]
search = GridSearchCV(model, grid, cv=3).fit(train, y_train)
print({name.rpartition("__")[2]: value for name, value in search.best_params_.items()})
print(f"R2 in cross-validation {search.best_score_:.3f}, on the test set {search.score(test, y_test):.3f}")

# %%
# Each point is the mean score of a candidate over the folds, and each line the standard deviation. Hidden layers gain
# much, because the price is a product that a linear model cannot represent. Among the networks with hidden layers, the
# differences are about as large as the spread of the folds: a search over many of such candidates finds one that was
# lucky on these folds. The crosses are scores on the test set, of each candidate trained on the whole training set. A
# real project would compute only one of them, at the end.
results = pd.DataFrame(search.cv_results_).sort_values("mean_test_score")
names, test_scores = [], []
for parameters in results["params"]:
    sizes, function = parameters[layers], parameters.get(activation, "")
    names.append(f"{sizes} {function}" if sizes else "no hidden layer")
    test_scores.append(model.set_params(**parameters).fit(train, y_train).score(test, y_test))
fig, ax = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
ax.errorbar(results["mean_test_score"], names, xerr=results["std_test_score"], fmt="o", label="cross-validation")
ax.plot(test_scores, names, "x", color="C3", label="test set")
ax.set(xlabel="R2", ylabel="hidden layers and activation", title="What the search has found")
ax.legend(loc="center left")
ax.grid(alpha=0.3)
plt.show()
