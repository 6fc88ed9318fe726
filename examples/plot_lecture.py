"""
The lecture's worked example, step by step
==========================================

Two inputs, two hidden units, two outputs, all with the logistic function. We go forward, compare with the targets,
and go backward by the chain rule, first by hand in numpy and then by the estimator, whose first update is the same
to the last digit. At the end we let gradient descent run and watch the error fall.
"""

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor
from skbackprop.inspection import backprop_table

# %%
# The network. ``W1[i, h]`` is the weight from input i to hidden unit h: w1 and w2 go into the first hidden unit.
inputs = np.array([[0.05, 0.10]])
targets = np.array([[0.01, 0.99]])
W1, b1 = np.array([[0.15, 0.25], [0.20, 0.30]]), np.array([0.35, 0.35])
W2, b2 = np.array([[0.40, 0.50], [0.45, 0.55]]), np.array([0.048694, 0.093879])


def f(net):
    """The logistic function; its derivative is f(net) f(-net)."""
    return 1 / (1 + np.exp(-net))


# %%
# Forward: a matrix product, the intercepts, the function; once for each layer.
net_h = inputs @ W1 + b1
out_h = f(net_h)
net_o = out_h @ W2 + b2
out_o = f(net_o)
error = np.sum((targets - out_o) ** 2)
print(f"net_h1 = {net_h[0, 0]:.4f}   out_h1 = {out_h[0, 0]:.4f}")
print(f"net_o1 = {net_o[0, 0]:.4f}   out_o1 = {out_o[0, 0]:.4f}")
print(f"net_o2 = {net_o[0, 1]:.4f}   out_o2 = {out_o[0, 1]:.4f}")
print(f"E = {error:.4f}")

# %%
# Backward. How the error changes with an output, the output with its net input, the net input with a weight:
# three factors, and their product is the gradient.
dE_dout = -2 * (targets - out_o)
dout_dnet = f(net_o) * f(-net_o)
delta_o = dE_dout * dout_dnet
dE_dW2 = out_h.T @ delta_o
print(f"dE/dw5 = {dE_dout[0, 0]:.4f} * {dout_dnet[0, 0]:.4f} * {out_h[0, 0]:.4f} = {dE_dW2[0, 0]:.4f}")

# %%
# A hidden unit acts on every output, so its paths add up; that sum is the product with the transposed weights.
delta_h = (delta_o @ W2.T) * f(net_h) * f(-net_h)
dE_dW1 = inputs.T @ delta_h
print(f"dE/dw1 = {dE_dW1[0, 0]:.4e}")

# %%
# The estimator, started from the same weights, on the numbers as they are (``standardize=False``). One row of
# ``partial_fit`` with plain gradient descent is one update.
learning_rate = 0.5
network = BackpropRegressor(
    2,
    activation="logistic",
    output_activation="logistic",
    solver="sgd",
    optimizer="gd",
    learning_rate=learning_rate,
    alpha=0,
    init=([W1, W2], [b1, b2]),
    standardize=False,
)
network.partial_fit(inputs, targets)
print(f"w5 moved by {network.coefs_[1][0, 0] - W2[0, 0]:.6f} = -{learning_rate} * {dE_dW2[0, 0]:.6f}")
print(f"w1 moved by {network.coefs_[0][0, 0] - W1[0, 0]:.6e} = -{learning_rate} * {dE_dW1[0, 0]:.6e}")
np.testing.assert_allclose(network.coefs_[0], W1 - learning_rate * dE_dW1, rtol=1e-12)
np.testing.assert_allclose(network.coefs_[1], W2 - learning_rate * dE_dW2, rtol=1e-12)

# %%
# Every factor of the next update, in a table: read a row from left to right and the chain rule makes its gradient.
table = backprop_table(network, inputs[0], targets[0])
print(table.loc[[(0, "x0", "h0_0"), (1, "h0_0", "o0")]].T.round(5).to_string())

# %%
# A thousand more updates.
for _ in range(1000):
    network.partial_fit(inputs, targets)
print("targets    ", targets[0])
print("predictions", network.predict(inputs)[0].round(3))

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(np.arange(1, 1002), network.loss_curve_)
ax.set(xlabel="update", ylabel="error E", title="The lecture's network learns its one example")
ax.grid(alpha=0.3)
plt.show()
