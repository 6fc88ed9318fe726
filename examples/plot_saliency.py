"""
Saliency maps and first-layer weights of a network for digits
=============================================================

There are two ways to inspect a network that classifies handwritten digits. The weights of a first-layer unit form an
image: ink on a red pixel increases the activity of the unit, ink on a blue pixel decreases it. The derivative of a
probability with respect to the pixels shows which of them the prediction for one digit depends on. It is exact,
computed by backpropagation to the inputs, and we verify it by changing pixels.
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
print(f"accuracy on the test set: {network.score(X_test, y_test):.3f}")

# %%
# ``coefs_`` apply to the original pixel values. Multiplied by the standard deviation of each pixel, they show how much
# the pixel affects the unit in this data set: a pixel at the border that rarely contains ink then has a small value,
# even if its weight is large. We show the ten units whose output varies most.
pixel_std = X_train.std(axis=0)
weights = network.coefs_[0] * pixel_std[:, np.newaxis]
hidden = layer_outputs(network, X_test)[0]
units = np.argsort(hidden.std(axis=0))[:-11:-1]

# %%
# For each class we select the correctly classified digit with the lowest probability, and compute how its probability
# changes with each pixel, for a step of one standard deviation of the pixel.
correct = np.flatnonzero(predicted == y_test)
digits = np.array([min(correct[y_test[correct] == digit], key=lambda i: probability[i].max()) for digit in range(10)])
samples = np.arange(len(X_test))
saliency = input_gradients(network, X_test)[samples, predicted] * pixel_std

# %%
# To verify the saliency, we change the five most salient pixels of each test image by one standard deviation against
# the derivative, and compare with five random pixels among those that contain ink in some image.
rng = np.random.default_rng(0)


def mean_probability_after(pixels):
    """Return the mean probability of the predicted class after a step of these pixels against their derivative."""
    changed = X_test.copy()
    selected = samples[:, np.newaxis], pixels
    changed[selected] = np.clip(changed[selected] - pixel_std[pixels] * np.sign(saliency[selected]), 0, 16)
    return network.predict_proba(changed)[samples, predicted].mean()


salient = np.argsort(-np.abs(saliency), axis=1)[:, :5]
random = rng.permuted(np.tile(np.flatnonzero(pixel_std), (len(samples), 1)), axis=1)[:, :5]
print(f"mean probability of the predicted class         {probability.max(axis=1).mean():.3f}")
print(f"  after changing five random pixels             {mean_probability_after(random):.3f}")
print(f"  after changing the five most salient pixels   {mean_probability_after(salient):.3f}")

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
fig.suptitle("First-layer weights, uncertain digits, and their saliency (red: more ink raises the probability)")
plt.show()
