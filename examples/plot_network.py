"""
Plotting a network, its weights and its loss curves
===================================================

We draw the lecture's network as in the lecture, with every number of its worked example: the pre-activation and the
output in each unit, delta below the unit, and dE/dw below each weight. Then we draw a network that is too wide for
numbers, its loss curves, and the weights of its first layer.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.plotting import LossCurveDisplay, NetworkDisplay, WeightsDisplay

# %%
# The lecture's network. A tiny learning rate keeps the given weights.
W1, b1 = np.array([[0.15, 0.25], [0.20, 0.30]]), np.array([0.35, 0.35])
W2, b2 = np.array([[0.40, 0.50], [0.45, 0.55]]), np.array([0.048694, 0.093879])
inputs, targets = np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])
lecture = BackpropRegressor(
    2,
    activation="logistic",
    output_activation="logistic",
    optimizer="gd",
    learning_rate=1e-12,
    init=([W1, W2], [b1, b2]),
    standardize=False,
)
lecture.partial_fit(inputs, targets)
display = NetworkDisplay.from_estimator(lecture, inputs, targets, values_format=".4g")
print("dE/dw5 =", display.gradient_texts_[1][0, 0].get_text())
plt.show()

# %%
# Of a wide layer, the first and last units and their number are shown. Without a sample, the weights are those for
# standardized inputs, whose magnitudes can be compared.
X, y = load_digits(return_X_y=True)
network = BackpropClassifier((32, 16), early_stopping=True, random_state=0).fit(X, y)
NetworkDisplay.from_estimator(network)
plt.show()

# %%
# The loss curves of two fits on one axes: the network with its default penalty, and the same network without a penalty.
# Both curves of a fit are losses of samples, without the penalty, so their distance is that between samples the network
# was trained on and new ones. Without the penalty, the training loss goes on decreasing while the validation loss
# increases: the network overfits. With it, the lowest validation loss is lower, and rises less afterwards.
# ``penalty_curve_`` has the penalty of each epoch.
X_cancer, y_cancer = load_breast_cancer(return_X_y=True)
default = BackpropClassifier(64, early_stopping=True, random_state=0).fit(X_cancer, y_cancer)
free = BackpropClassifier(64, alpha=0, early_stopping=True, random_state=0).fit(X_cancer, y_cancer)
display = LossCurveDisplay.from_estimator(default, name="default", log_scale=True)
LossCurveDisplay.from_estimator(free, name="alpha=0", log_scale=True, ax=display.ax_)
display.ax_.legend(fontsize="small")
plt.show()
for name, fitted in (("default", default), ("alpha=0", free)):
    print(f"{name}: best epoch {fitted.best_iter_}, validation loss {min(fitted.validation_loss_curve_):.4f}")

# %%
# The weights from the 64 pixels to the first units as images, and the weights of each layer as a histogram.
WeightsDisplay.from_estimator(network, image_shape=(8, 8))
plt.show()
WeightsDisplay.from_estimator(network)
plt.show()

# %%
# Each display also draws on given axes, and leaves out detail where they are small.
fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
NetworkDisplay.from_estimator(network, ax=axes[0])
LossCurveDisplay.from_estimator(network, ax=axes[1])
WeightsDisplay.from_estimator(network, ax=axes[2], image_shape=(8, 8))
plt.show()
