"""
A network to look at
====================

The lecture's network as the lecture draws it, with every number of its worked example where it belongs: on the way
forward net input and output in each unit, on the way back delta below it and dE/dw below each weight. Then a network
too wide for numbers, the curves of its training, and what its first layer has learned.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.plotting import LossCurveDisplay, NetworkDisplay, WeightsDisplay

# %%
# The lecture's network. A learning rate of next to nothing leaves the weights as they are given.
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
# A wide network shows the first and last units of its layers, and how many there are. `standardized` shows the weights
# inside, for standardised inputs, whose sizes can be compared.
X, y = load_digits(return_X_y=True)
small = BackpropClassifier((32, 16), early_stopping=True, random_state=0).fit(X, y)
NetworkDisplay.from_estimator(small, standardized=True)
plt.show()

# %%
# Its losses, of the training rows and of those held out, beside those of a network without a penalty, which learns the
# training rows by heart.
large = BackpropClassifier(128, alpha=0, early_stopping=True, random_state=0).fit(X, y)
display = LossCurveDisplay.from_estimator(small, name="(32, 16)", log_scale=True)
LossCurveDisplay.from_estimator(large, name="128, alpha=0", log_scale=True, ax=display.ax_)
display.ax_.legend(loc=(0.5, 0.22), fontsize="small")
plt.show()
for network in (small, large):
    print(f"{network.hidden_layer_sizes}: best epoch {network.best_iter_} of {network.n_iter_}")

# %%
# The weights from the 64 pixels into the first units, and those of each layer as a histogram.
WeightsDisplay.from_estimator(small, image_shape=(8, 8))
plt.show()
WeightsDisplay.from_estimator(small)
plt.show()
