"""
The lecture's worked example, step by step
==========================================

The network has two inputs, two hidden units and two outputs, all with the logistic function. We compute the forward
pass, the error, and the gradients by the chain rule, first with numpy and then with the estimator, whose first update
agrees to the last digit. Finally we run gradient descent and plot the error.
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
# The forward pass: for each layer, a matrix product, the intercepts, and the activation function.
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
# The backward pass. The gradient is the product of three derivatives: of the error with respect to an output, of the
# output with respect to its pre-activation (``net`` in the lecture), and of the pre-activation with respect to a
# weight.
dE_dout = -2 * (targets - out_o)
dout_dnet = f(net_o) * f(-net_o)
delta_o = dE_dout * dout_dnet
dE_dW2 = out_h.T @ delta_o
print(f"dE/dw5 = {dE_dout[0, 0]:.4f} * {dout_dnet[0, 0]:.4f} * {out_h[0, 0]:.4f} = {dE_dW2[0, 0]:.4f}")

# %%
# A hidden unit affects every output, so its gradient is a sum over the outputs: the product with the transposed
# weights.
delta_h = (delta_o @ W2.T) * f(net_h) * f(-net_h)
dE_dW1 = inputs.T @ delta_h
print(f"dE/dw1 = {dE_dW1[0, 0]:.4e}")

# %%
# The estimator with the same initial weights and without standardization (``standardize=False``). With plain gradient
# descent, a call of ``partial_fit`` with one sample is one update.
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
print(f"w5 changed by {network.coefs_[1][0, 0] - W2[0, 0]:.6f} = -{learning_rate} * {dE_dW2[0, 0]:.6f}")
print(f"w1 changed by {network.coefs_[0][0, 0] - W1[0, 0]:.6e} = -{learning_rate} * {dE_dW1[0, 0]:.6e}")
np.testing.assert_allclose(network.coefs_[0], W1 - learning_rate * dE_dW1, rtol=1e-12)
np.testing.assert_allclose(network.coefs_[1], W2 - learning_rate * dE_dW2, rtol=1e-12)

# %%
# `backprop_table` lists every factor of the next update: each row of the table shows the chain rule for one weight,
# from left to right.
table = backprop_table(network, inputs[0], targets[0])
print(table.loc[[(0, "x0", "h0_0"), (1, "h0_0", "o0")]].T.round(5).to_string())

# %%
# We make a thousand more updates.
for _ in range(1000):
    network.partial_fit(inputs, targets)
print("targets    ", targets[0])
print("predictions", network.predict(inputs)[0].round(3))

fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(np.arange(1, 1002), network.loss_curve_)
ax.set(xlabel="update", ylabel="error E", title="Error of the lecture's network")
ax.grid(alpha=0.3)
plt.show()
