"""
Locating damage in a building from its natural frequencies
==========================================================

A story that has lost stiffness lowers the natural frequencies of its building, each by a different amount. The
frequencies can be measured from the vibrations of the building in the wind. Computing frequencies from stiffnesses is
an eigenvalue problem, for which there is a solver. The inverse problem, from frequencies to stiffnesses, has no
formula. Where the losses are small it is nearly linear, and ridge regression solves it; for the loss of a half, it is
not. So we train a network on simulated buildings. It predicts the stiffness loss of every story from the frequencies.
Its error is less than half of that of ridge regression, and about two thirds of that of ridge regression on the
frequencies with their squares and products. We then compute which frequencies carry information about which story.

The inverse problem has a solution only if no two patterns of damage give the same frequencies. In a structure with
mirror symmetry, such as a beam with the same supports at both ends, frequencies cannot distinguish left from right, and
even without symmetry two stories may have nearly the same effect. The building in this example is fixed at its base
only, and its mass and its stiffness decrease with height. The condition number of its sensitivities shows that
its stories can be distinguished.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import eigh
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skbackprop import BackpropRegressor
from skbackprop.inspection import input_gradients

# %%
# We model the building as a shear frame: rigid floors, connected by columns that act as springs.
N_STORIES = 6
masses = np.linspace(120e3, 60e3, N_STORIES)  # kg
stiffnesses = np.linspace(160e6, 40e6, N_STORIES)  # N/m


def frequencies(loss):
    """Return the natural frequencies in Hz, in ascending order, for the given losses of stiffness (0 to 1)."""
    k = stiffnesses * (1 - loss)
    K = np.diag(k + np.append(k[1:], 0)) - np.diag(k[1:], 1) - np.diag(k[1:], -1)
    return np.sqrt(eigh(K, np.diag(masses), eigvals_only=True)) / (2 * np.pi)


undamaged = frequencies(np.zeros(N_STORIES))
step = 1e-4
changes = [(frequencies(step * unit) / undamaged - 1) / step for unit in np.eye(N_STORIES)]
sensitivity = np.transpose(changes)  # of frequencies (rows) to losses (columns), in % per %
print("Hz:", undamaged.round(2))
print(f"condition number of the sensitivities: {np.linalg.cond(sensitivity):.0f}")

# %%
# We simulate 4000 buildings. All stories have lost up to 5 % of their stiffness by aging, and one is damaged.
# Frequencies are measured with an error of 0.3 %.
NOISE = 0.003
rng = np.random.default_rng(0)
n_buildings = 4000
losses = rng.uniform(0, 0.05, (n_buildings, N_STORIES))
damaged = rng.integers(N_STORIES, size=n_buildings)
losses[np.arange(n_buildings), damaged] = rng.uniform(0.1, 0.5, n_buildings)
measured = np.array([frequencies(loss) for loss in losses])
measured *= 1 + NOISE * rng.normal(size=measured.shape)
X, X_test, y, y_test, _, damaged_test = train_test_split(measured, losses, damaged, random_state=0)

# %%
# We compare the network with ridge regression on the frequencies, and on the frequencies with their squares and
# products. Both choose their penalty by cross-validation. The network needs no scaling of frequencies or losses.
alphas = np.logspace(-6, 3, 19)
models = {
    "ridge": make_pipeline(StandardScaler(), RidgeCV(alphas)),
    "ridge, quadratic": make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), RidgeCV(alphas)),
    "network": BackpropRegressor((64, 32), random_state=0),
}
print("\ntest set              R2      damage found   error of a loss")
for name, model in models.items():
    found = model.fit(X, y).predict(X_test)
    share, error = np.mean(found.argmax(axis=1) == damaged_test), np.sqrt(np.mean((found - y_test) ** 2))
    print(f"{name:18}    {model.score(X_test, y_test):.3f}   {share:12.1%}   {100 * error:8.1f} points")

# %%
# The derivatives of the predicted losses with respect to the frequencies, averaged over the test set, show which
# frequency carries information about which story. They can be compared with theory: for small losses that vary as much
# as those from aging, and with this measurement noise, the best linear estimate is a matrix G (Gauss and Markov;
# Tikhonov). Its entries are smaller than those of the inverse of the sensitivities, which would amplify the noise. The
# network was trained on examples only.
network = models["network"]
gradients = np.mean(input_gradients(network, X_test) * X_test[:, np.newaxis], axis=0)  # points per 1 % of a frequency
variance, noise_variance = 0.05**2 / 12, NOISE**2
G = sensitivity.T @ np.linalg.inv(sensitivity @ sensitivity.T + noise_variance / variance * np.eye(N_STORIES))
inverse = np.linalg.inv(sensitivity)
print(f"\ncorrelation with the best linear estimate: {np.corrcoef(gradients.ravel(), G.ravel())[0, 1]:.2f}")
for name, matrix in (("network", gradients), ("best linear", G), ("inverse", inverse)):
    print(f"largest entry, {name:11} {np.abs(matrix).max():5.1f} points per 1 %")

# %%
# On the left, each number says by how many points the predicted loss of a story changes if one frequency is 1 % higher
# than measured. No two stories have the same pattern, so the frequencies together tell the stories apart. On the right
# is one building whose third story is damaged. Both models find this story. Ridge regression is further from most of
# the true losses, and predicts that the first story has gained stiffness.
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[1.2, 1])
limit = np.abs(gradients).max()
image = left.imshow(gradients, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="lower")
left.set_xticks(range(N_STORIES), [f"{frequency:.1f}" for frequency in undamaged])
left.set_yticks(range(N_STORIES), range(1, N_STORIES + 1))
left.set(xlabel="natural frequency (Hz)", ylabel="story", title="Effect of each frequency on each predicted loss")
for (story, mode), value in np.ndenumerate(gradients):
    color = "white" if abs(value) > 0.6 * limit else "black"
    left.text(mode, story, f"{value:.1f}", ha="center", va="center", color=color, fontsize=9)
fig.colorbar(image, label="points of loss per 1 % of frequency", shrink=0.85)

building = np.flatnonzero(damaged_test == 2)[0]
stories = np.arange(1, N_STORIES + 1)
right.barh(stories + 0.27, 100 * y_test[building], 0.26, label="true", color="0.3")
for place, (name, color) in enumerate([("network", "C0"), ("ridge", "C1")]):
    predicted = models[name].predict(X_test[[building]])[0]
    right.barh(stories - 0.27 * place, 100 * predicted, 0.26, label=name, color=color)
right.axvline(0, color="0.3", linewidth=0.8)
right.set(xlabel="loss of stiffness (%)", ylabel="story", title="One building of the test set")
right.legend(loc="lower right")
plt.show()
