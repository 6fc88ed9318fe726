"""
Batch, stochastic and mini-batch gradient descent
=================================================

This example trains the same network on the same data with the same optimizer (plain gradient descent) and three
solvers, which update the weights after all samples, after each sample, or after every 32 samples. Compared by epoch,
the two that update often are far ahead: they make 1797 and 57 updates while the batch solver makes one. Compared by
time, they stay ahead: the time of an epoch is by no means proportional to the number of updates, because each of many
updates computes with few samples. The exact times depend on the machine and on the engine.

For each solver, we use the learning rate from a small grid that gives the lowest training loss.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier

X, y = load_digits(return_X_y=True)
N_EPOCHS = 20


def train(solver, learning_rate):
    """Return the training loss after each epoch and the elapsed seconds."""
    network = BackpropClassifier(
        (50,), solver=solver, optimizer="gd", learning_rate=learning_rate, alpha=0, random_state=0
    )
    if solver == "minibatch":
        network.set_params(batch_size=32)
    seconds = []
    elapsed = 0.0
    for _ in range(N_EPOCHS):
        start = time.perf_counter()
        network.partial_fit(X, y, classes=np.arange(10))
        elapsed += time.perf_counter() - start
        seconds.append(elapsed)
    return network.loss_curve_, seconds


# %%
# Larger batches allow larger steps, so each solver has its own grid.
grids = {"batch": [0.3, 1.0, 3.0], "sgd": [0.003, 0.01, 0.03], "minibatch": [0.03, 0.1, 0.3]}
names = {"batch": "batch: 1 update per epoch", "sgd": "stochastic: 1797", "minibatch": "mini-batch of 32: 57"}
results = {}
for solver, grid in grids.items():
    runs = {rate: train(solver, rate) for rate in grid}
    best = min(runs, key=lambda rate: runs[rate][0][-1])
    results[solver] = runs[best]
    print(f"{solver:<10} learning rate {best:<6} loss {runs[best][0][-1]:.4f} after {runs[best][1][-1]:.3f} s")

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
for solver, (losses, seconds) in results.items():
    axes[0].semilogy(np.arange(1, N_EPOCHS + 1), losses, marker=".", label=names[solver])
    axes[1].loglog(seconds, losses, marker=".", label=names[solver])
axes[0].set(xlabel="epoch", ylabel="training loss", title="By epoch")
axes[0].xaxis.get_major_locator().set_params(integer=True)
axes[1].set(xlabel="seconds", title="By time")
axes[0].legend()
for ax in axes:
    ax.grid(alpha=0.3)
fig.suptitle("Three solvers on the digits: the same network, the same data")
plt.show()
