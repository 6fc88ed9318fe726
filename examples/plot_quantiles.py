"""
Prediction intervals: several quantiles with one network
========================================================

A point prediction does not show its uncertainty. With ``loss=Quantiles(...)``, a network has one output per quantile,
trained with the pinball loss. The outputs are sorted, so the predicted quantiles never cross. In this example the noise
grows with x, and so do the prediction intervals.
"""

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor
from skbackprop.losses import Quantiles

rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=2000)
y = 100 * np.sin(x / 2) + (3 + 4 * x) * rng.normal(size=x.size)

# %%
# The target needs no scaling, and the predicted quantiles are in its units.
levels = (0.05, 0.25, 0.5, 0.75, 0.95)
network = BackpropRegressor((32,), loss=Quantiles(levels), random_state=0).fit(x[:, np.newaxis], y)
quantiles = network.predict(x[:, np.newaxis])
for level, quantile in zip(levels, quantiles.T, strict=True):
    print(f"below the {level:.0%} quantile: {np.mean(y <= quantile):6.1%} of the samples")
print("quantiles never cross:", bool((np.diff(quantiles, axis=1) >= 0).all()))

# %%
grid = np.linspace(0, 10, 200)
low, lower, middle, upper, high = network.predict(grid[:, np.newaxis]).T
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.scatter(x, y, s=3, color="0.6", label="samples")
ax.fill_between(grid, low, high, alpha=0.25, label="5 % to 95 %")
ax.fill_between(grid, lower, upper, alpha=0.4, color="C0", label="25 % to 75 %")
ax.plot(grid, middle, color="C3", label="median")
ax.set(xlabel="x", ylabel="y", title="Five quantiles predicted by one network")
ax.legend(loc="lower left", ncols=2)
plt.show()
