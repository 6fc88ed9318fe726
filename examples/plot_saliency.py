"""
What a network looks at: digits, weights as images, and derivatives by the pixels
=================================================================================

A network for handwritten digits can be looked into at two places. The weights of a unit of the first layer are an
image: ink where it is red drives the unit up, where it is blue down. And the derivative of a probability by the pixels
says of one digit which of them the decision hangs on. It is exact, by backpropagation down to the inputs, and we put
it to the test by changing pixels.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier
from skbackprop.inspection import input_gradients, layer_outputs

X, y = load_digits(return_X_y=True)  # 8 x 8 pixels from 0 to 16
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
network = BackpropClassifier(32, max_iter=60, tol=None, random_state=0).fit(X_train, y_train)
probability = network.predict_proba(X_test)
predicted = network.predict(X_test)
print(f"accuracy on held-out digits: {network.score(X_test, y_test):.3f}")

# %%
# ``coefs_`` are for pixels as given. Times the spread of each pixel they say how much a pixel moves the unit in these
# data: one at the border that is hardly ever inked then counts for little, however large its weight is. The ten units
# whose output varies most are shown.
spread = X_train.std(axis=0)
weights = network.coefs_[0] * spread[:, np.newaxis]
hidden = layer_outputs(network, X_test)[0]
units = np.argsort(hidden.std(axis=0))[:-11:-1]

# %%
# The least certain of the digits that it got right, one of each class, and how their probability changes with each
# pixel, again for a step as large as the pixel's spread.
right = np.flatnonzero(predicted == y_test)
digits = np.array([min(right[y_test[right] == digit], key=lambda i: probability[i].max()) for digit in range(10)])
rows = np.arange(len(X_test))
saliency = input_gradients(network, X_test)[rows, predicted] * spread

# %%
# The test: in each held-out digit, take the five most salient pixels a step of their spread against the derivative, and
# compare with five pixels drawn by chance among those that are ever inked.
rng = np.random.default_rng(0)


def mean_probability_after(pixels):
    """Mean probability of what was predicted, after a step of these pixels down their derivative."""
    changed = X_test.copy()
    each = rows[:, np.newaxis], pixels
    changed[each] = np.clip(changed[each] - spread[pixels] * np.sign(saliency[each]), 0, 16)
    return network.predict_proba(changed)[rows, predicted].mean()


salient = np.argsort(-np.abs(saliency), axis=1)[:, :5]
by_chance = rng.permuted(np.tile(np.flatnonzero(spread), (len(rows), 1)), axis=1)[:, :5]
print(f"mean probability of the predicted class         {probability.max(axis=1).mean():.3f}")
print(f"  after a step of five pixels drawn by chance   {mean_probability_after(by_chance):.3f}")
print(f"  of the five most salient                      {mean_probability_after(salient):.3f}")

# %%
fig, axes = plt.subplots(3, 10, figsize=(11, 4.1), layout="constrained")
limit = np.abs(weights[:, units]).max()
for axis, unit in zip(axes[0], units, strict=True):
    axis.imshow(weights[:, unit].reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.set_title(f"unit {unit}", fontsize=9)
for axis, i in zip(axes[1], digits, strict=True):
    axis.imshow(X_test[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    axis.set_title(f"{predicted[i]}: {probability[i].max():.0%}", fontsize=9)
for axis, i in zip(axes[2], digits, strict=True):
    limit = np.abs(saliency[i]).max()
    axis.imshow(saliency[i].reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    axis.contour(X_test[i].reshape(8, 8), levels=[8], colors="0.2", linewidths=0.8)
for axis, label in zip(axes[:, 0], ("weights", "digit", "saliency"), strict=True):
    axis.set_ylabel(label)
for axis in axes.flat:
    axis.set_xticks([])
    axis.set_yticks([])
fig.suptitle("First-layer weights, uncertain digits, and what more ink would do to their probability (red: raise it)")
plt.show()
