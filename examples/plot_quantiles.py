"""
Bands that never cross: several quantiles at once
=================================================

A prediction is one number; how far off it may be is often the question. ``loss=Quantiles(...)`` gives a network one
output for each quantile, sorted, so that the bands never cross, and the pinball loss for each. Here the noise grows
with x, and the bands learn it.
"""

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor
from skbackprop.losses import Quantiles

rng = np.random.default_rng(0)
x = rng.uniform(0, 10, size=2000)
y = 100 * np.sin(x / 2) + (3 + 4 * x) * rng.normal(size=x.size)

# %%
# The target is in its own units, and so are the bands.
levels = (0.05, 0.25, 0.5, 0.75, 0.95)
network = BackpropRegressor((32,), loss=Quantiles(levels), random_state=0).fit(x[:, np.newaxis], y)
bands = network.predict(x[:, np.newaxis])
for level, band in zip(levels, bands.T, strict=True):
    print(f"below the {level:.0%} band: {np.mean(y <= band):6.1%} of the rows")
print("bands never cross:", bool((np.diff(bands, axis=1) >= 0).all()))

# %%
grid = np.linspace(0, 10, 200)
low, lower, middle, upper, high = network.predict(grid[:, np.newaxis]).T
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.scatter(x, y, s=3, color="0.6", label="rows")
ax.fill_between(grid, low, high, alpha=0.25, label="5 % to 95 %")
ax.fill_between(grid, lower, upper, alpha=0.4, color="C0", label="25 % to 75 %")
ax.plot(grid, middle, color="C3", label="median")
ax.set(xlabel="x", ylabel="y", title="Five quantiles of one network")
ax.legend(loc="lower left", ncols=2)
plt.show()
