"""
Plotting a network, its weights and its loss curves
===================================================

We draw the lecture's network as in the lecture, with every number of its worked example: the pre-activation and the
output in each unit, delta below the unit, and dE/dw below each weight. Then we draw a network that is too wide for
numbers, its loss curves, and the weights of its first layer.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

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
# Of a wide layer, the first and last units and their number are shown. `standardized=True` shows the weights for
# standardized inputs, whose magnitudes can be compared.
X, y = load_digits(return_X_y=True)
small = BackpropClassifier((32, 16), early_stopping=True, random_state=0).fit(X, y)
NetworkDisplay.from_estimator(small, standardized=True)
plt.show()

# %%
# Training and validation losses of this network, and of a network without a penalty, whose training loss keeps
# decreasing after its validation loss has stopped.
large = BackpropClassifier(128, alpha=0, early_stopping=True, random_state=0).fit(X, y)
display = LossCurveDisplay.from_estimator(small, name="(32, 16)", log_scale=True)
LossCurveDisplay.from_estimator(large, name="128, alpha=0", log_scale=True, ax=display.ax_)
display.ax_.legend(loc=(0.5, 0.22), fontsize="small")
plt.show()
for network in (small, large):
    print(f"{network.hidden_layer_sizes}: best epoch {network.best_iter_} of {network.n_iter_}")

# %%
# The weights from the 64 pixels to the first units as images, and the weights of each layer as a histogram.
WeightsDisplay.from_estimator(small, image_shape=(8, 8))
plt.show()
WeightsDisplay.from_estimator(small)
plt.show()
