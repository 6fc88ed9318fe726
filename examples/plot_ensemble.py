"""
The uncertainty of an ensemble: intervals, and the spread of its networks
=========================================================================

The mean of a few networks is more accurate than one of them, and several networks show what a single one cannot: how
sure a prediction is. Two kinds of uncertainty have to be distinguished. Targets scatter even if a model is perfect;
``predict_interval`` measures this on samples that a network was not trained on. And where there were no samples, a
model has to guess; there, the networks of the ensemble disagree, and ``return_std=True`` shows it.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.model_selection import train_test_split

from skbackprop import BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor

# %%
# We compare one network with the default ensemble. The data are Friedman's function of ten features, with noise.
# ``oof_score_`` is the R² of predictions by networks that were not trained on a sample: an estimate of the score on new
# samples that needs no test set.
X, y = make_friedman1(3000, noise=2.0, random_state=0)
X, X_test, y, y_test = train_test_split(X, y, train_size=400, random_state=0)
network = BackpropRegressor(random_state=0).fit(X, y)
ensemble = BackpropEnsembleRegressor(random_state=0).fit(X, y)
print(f"one network: R2 {network.score(X_test, y_test):.3f}")
print(
    f"ensemble:    R2 {ensemble.score(X_test, y_test):.3f}, estimated without the test set: {ensemble.oof_score_:.3f}"
)
for name, weight in zip(ensemble.candidate_results_["candidate"], ensemble.candidate_results_["weight"], strict=True):
    print(f"    {name:<17} weight {weight:.2f}")

# %%
# An interval with ``confidence_level=0.8`` should contain about 80 % of the targets. We check this for several levels
# on the test set. On the right of the picture, a perfect interval is on the dotted line.
levels = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
bounds = {level: ensemble.predict_interval(X_test, confidence_level=level).T for level in levels}
coverage = [np.mean((low <= y_test) & (y_test <= high)) for low, high in bounds.values()]
for level, share in zip(levels, coverage, strict=True):
    print(f"{level:.0%} intervals contain {share:.1%} of the targets")

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", width_ratios=[1.6, 1])
lower, upper = bounds[0.8]
covered = (lower <= y_test) & (y_test <= upper)
shown = np.arange(0, len(y_test), 16)
order = shown[np.argsort(ensemble.predict(X_test[shown]))]
position = np.arange(order.size)
left.vlines(position, lower[order], upper[order], color="C0", alpha=0.3, label="80 % interval")
for is_covered, color, label in ((True, "0.3", "inside"), (False, "C3", "outside")):
    selected = covered[order] == is_covered
    left.scatter(position[selected], y_test[order][selected], s=9, color=color, label=f"target {label}")
left.set(
    xlabel="some test samples, by prediction", ylabel="target", title=f"{covered.mean():.0%} of the targets are inside"
)
left.legend(loc="upper left", fontsize="small")
right.plot([0.4, 1], [0.4, 1], ":", color="0.3")
right.plot(levels, coverage, "o-")
right.set(xlabel="confidence level", ylabel="share of the targets inside", title="Coverage by confidence level")
plt.show()

# %%
# Coverage is close to the confidence level for samples like those of the training set, and nowhere else. To see it, we
# leave out a range: here, no training sample is between 4 and 7, and the intervals miss the function there. The spread
# of the networks gives warning.
rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=600)
x = x[(x < 4) | (x > 7)]
target = np.sin(2 * x) + 0.2 * rng.normal(size=x.size)
curves = BackpropEnsembleRegressor(candidates=None, random_state=0).fit(x[:, np.newaxis], target)
grid = np.linspace(0, 10, 300)[:, np.newaxis]
mean, std = curves.predict(grid, return_std=True)
print(f"spread of the networks: {np.median(std[grid[:, 0] < 4]):.2f} among samples, {std.max():.2f} between 4 and 7")

# %%
fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 5), layout="constrained", sharex=True, height_ratios=[2.5, 1])
top.scatter(x, target, s=5, color="0.7", label="samples")
top.fill_between(grid[:, 0], *curves.predict_interval(grid, confidence_level=0.9).T, alpha=0.2, label="90 % interval")
for member in curves:
    top.plot(grid, member.predict(grid), color="C1", linewidth=0.7)
top.plot([], [], color="C1", linewidth=0.7, label="each network")
top.plot(grid, mean, color="C3", label="mean")
top.plot(grid, np.sin(2 * grid), ":", color="k", linewidth=1, label="function")
top.set(ylabel="y", ylim=(-2.7, 2), title="The networks disagree where there are no samples")
top.legend(loc="lower left", ncols=3, fontsize="small")
bottom.plot(grid, std, color="C1")
bottom.set(xlabel="x", ylabel="spread", ylim=(0, None))
plt.show()
