"""
Prediction intervals from quantiles, and how to check them
==========================================================

A point prediction does not show its uncertainty. With ``loss=Quantiles(...)``, one network predicts several quantiles
of the target: the values that 5 %, 50 % and 95 % of the targets lie below, for example. Two quantiles are the bounds of
a prediction interval. Where the target is noisier, the interval is wider.

This lesson fits such a network, and then checks the intervals on new samples. An interval for 90 % of the targets
should contain 90 % of them, not only on average, but in each region of the data.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skbackprop import BackpropRegressor
from skbackprop.losses import Quantiles

# %%
# The noise grows with x. The target needs no scaling: the predicted quantiles are in its units.
rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=6000)
y = 100 * np.sin(x / 2) + (3 + 4 * x) * rng.normal(size=x.size)
X_train, X_test, y_train, y_test = train_test_split(x[:, np.newaxis], y, test_size=0.5, random_state=0)
levels = (0.05, 0.25, 0.5, 0.75, 0.95)
network = BackpropRegressor((32,), loss=Quantiles(levels), random_state=0).fit(X_train, y_train)
predicted = network.predict(X_test)
print("quantiles never cross:", bool((np.diff(predicted, axis=1) >= 0).all()))

# %%
# The calibration of a quantile is the share of the test samples below it. It should be equal to the level.
calibration = {level: np.mean(y_test <= quantile) for level, quantile in zip(levels, predicted.T, strict=True)}
for level, share in calibration.items():
    print(f"below the {level:.0%} quantile: {share:6.1%} of the test samples")

# %%
# The coverage of an interval is the share of the targets inside. We compute it in five ranges of x, and compare with an
# interval of constant width: the prediction of a network with the squared error, plus and minus the 90 % quantile of
# its absolute errors. These errors are of samples that the network was not trained on.
X_fit, X_rest, y_fit, y_rest = train_test_split(X_train, y_train, test_size=0.3, random_state=0)
mean_network = BackpropRegressor((32,), random_state=0).fit(X_fit, y_fit)
half_width = np.quantile(np.abs(y_rest - mean_network.predict(X_rest)), 0.9)
center = mean_network.predict(X_test)
intervals = {
    "quantiles": (predicted[:, 0], predicted[:, -1]),
    "constant width": (center - half_width, center + half_width),
}
ranges = np.digitize(X_test[:, 0], [2, 4, 6, 8])
coverage = {}
for name, (low, high) in intervals.items():
    is_inside = (low <= y_test) & (y_test <= high)
    coverage[name] = [is_inside[ranges == number].mean() for number in range(5)]
    shares = "".join(f"{share:8.0%}" for share in coverage[name])
    print(f"{name:15} {is_inside.mean():.0%} of all test samples; by range of x:{shares}")

# %%
# Both intervals contain about 90 % of all test samples. But the interval of constant width is much too wide for small x
# and too narrow for large x, where an interval is needed most.
grid = np.linspace(0, 10, 200)[:, np.newaxis]
low, lower, middle, upper, high = network.predict(grid).T
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[1.3, 1])
left.scatter(X_test, y_test, s=3, color="0.7", label="test samples")
left.fill_between(grid[:, 0], low, high, alpha=0.25, label="5 % to 95 %")
left.fill_between(grid[:, 0], lower, upper, alpha=0.4, color="C0", label="25 % to 75 %")
left.plot(grid, middle, color="C3", label="median")
for sign in (-1, 1):
    label = "constant width" if sign == 1 else None
    left.plot(grid, mean_network.predict(grid) + sign * half_width, "--", color="C1", linewidth=1, label=label)
left.set(xlabel="x", ylabel="y", title="Five quantiles predicted by one network")
left.legend(loc="lower left", ncols=2, fontsize="small")
centers = np.arange(1, 10, 2)
for shift, (name, color) in zip((-0.35, 0.35), (("quantiles", "C0"), ("constant width", "C1")), strict=True):
    right.bar(centers + shift, coverage[name], 0.7, color=color, label=name)
right.axhline(0.9, color="0.2", linestyle=":", label="90 %")
right.set(xlabel="x", ylabel="share of the targets inside", ylim=(0.6, 1.08), xticks=range(0, 11, 2))
right.set_yticks([0.6, 0.7, 0.8, 0.9, 1.0], ["60 %", "70 %", "80 %", "90 %", "100 %"])
right.set_title("Coverage of intervals for 90 %")
right.legend(loc="upper center", ncols=3, fontsize="small")
plt.show()
