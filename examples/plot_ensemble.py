"""
Several networks as one estimator: a better mean, and an interval around it
===========================================================================

The mean of a few networks is more accurate than one of them, and the networks show what a single one cannot. Each is
trained without a fifth of the samples, and its errors there tell how wide an interval around a prediction has to be.
Where there are no samples, the networks disagree.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from skbackprop import BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor

# %%
# One network against the default ensemble, on the half of the diabetes data that neither has been trained on.
# ``oof_score_`` is the R² of predictions by networks that were not trained on a sample: an estimate of the score on
# new samples, without a test set.
X, X_test, y, y_test = train_test_split(*load_diabetes(return_X_y=True), test_size=0.5, random_state=0)
network = BackpropRegressor(random_state=0).fit(X, y)
ensemble = BackpropEnsembleRegressor(random_state=0).fit(X, y)
print(f"one network: R2 {network.score(X_test, y_test):.3f}")
print(f"ensemble:    R2 {ensemble.score(X_test, y_test):.3f}, expected {ensemble.oof_score_:.3f}")
for name, weight in zip(ensemble.candidate_results_["candidate"], ensemble.candidate_results_["weight"], strict=True):
    print(f"    {name:<17} weight {weight:.2f}")

# %%
# Intervals of 80 % contain about 80 % of the targets.
lower, upper = ensemble.predict_interval(X_test, confidence_level=0.8).T
covered = (lower <= y_test) & (y_test <= upper)
print(f"80 % intervals contain {covered.mean():.0%} of the targets")

# %%
# This holds for samples like those of the training set, and nowhere else: here, none are between 4 and 7, and the
# intervals miss the function there. The spread of the networks, which ``predict(X, return_std=True)`` returns, gives
# warning of such places.
rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=600)
x = x[(x < 4) | (x > 7)]
target = np.sin(2 * x) + 0.2 * rng.normal(size=x.size)
curves = BackpropEnsembleRegressor(candidates=None, random_state=0).fit(x[:, np.newaxis], target)
grid = np.linspace(0, 10, 300)[:, np.newaxis]
mean, std = curves.predict(grid, return_std=True)
print(f"spread of the networks: {np.median(std[grid[:, 0] < 4]):.2f} among samples, {std.max():.2f} between 4 and 7")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
order = np.argsort(ensemble.predict(X_test))
position = np.arange(order.size)
left.vlines(position, lower[order], upper[order], color="C0", alpha=0.25, label="80 % interval")
for is_covered, color, label in ((True, "0.3", "inside"), (False, "C3", "outside")):
    shown = covered[order] == is_covered
    left.scatter(position[shown], y_test[order][shown], s=7, color=color, label=f"target {label}")
left.set(xlabel="test samples, by prediction", ylabel="disease progression")
left.set_title(f"Diabetes: {covered.mean():.0%} of the targets are inside")
left.legend(loc="upper left", fontsize="small")
bounds = curves.predict_interval(grid, confidence_level=0.9).T
right.scatter(x, target, s=5, color="0.7", label="samples")
right.fill_between(grid[:, 0], *bounds, alpha=0.2, label="90 % interval")
for member in curves:
    right.plot(grid, member.predict(grid), color="C1", linewidth=0.7)
right.plot([], [], color="C1", linewidth=0.7, label="each network")
right.plot(grid, mean, color="C3", label="mean")
right.plot(grid, np.sin(2 * grid), ":", color="k", linewidth=1, label="function")
right.set(xlabel="x", ylabel="y", ylim=(-2.5, 2.5), title="The networks disagree where there are no samples")
right.legend(loc="lower left", ncols=3, fontsize="small")
plt.show()
