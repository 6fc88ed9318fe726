"""
Where is a building damaged? Ask its natural frequencies
========================================================

A storey that has lost stiffness lowers the natural frequencies of its building, each by another amount, and these can
be measured from outside by how the building trembles in the wind. From stiffness to frequencies is an eigenvalue
problem; we go the other way, from frequencies to the loss of every storey at once, by a network that has learned from
simulated buildings. Then we ask it which frequency tells about which storey.

The way back exists only if no two patterns of damage leave the same frequencies. Of a structure with a mirror
symmetry, as a beam held alike at both ends, they cannot tell left from right, and even without symmetry two storeys
may act nearly alike. Our building is held at the bottom alone and gets lighter and much softer upwards; that its
storeys can be told apart we read off the condition number of its sensitivities.
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
# The building as a shear frame: rigid floors, and columns between them that act as springs.
N_STOREYS = 6
masses = np.linspace(120e3, 60e3, N_STOREYS)  # kg
stiffnesses = np.linspace(160e6, 40e6, N_STOREYS)  # N/m


def frequencies(loss):
    """Natural frequencies in Hz, the lowest first, of a building with these losses of stiffness (0 to 1)."""
    k = stiffnesses * (1 - loss)
    K = np.diag(k + np.append(k[1:], 0)) - np.diag(k[1:], 1) - np.diag(k[1:], -1)
    return np.sqrt(eigh(K, np.diag(masses), eigvals_only=True)) / (2 * np.pi)


sound = frequencies(np.zeros(N_STOREYS))
step = 1e-4
changes = [(frequencies(step * unit) / sound - 1) / step for unit in np.eye(N_STOREYS)]
sensitivity = np.transpose(changes)  # of frequency (row) by loss (column), in % for each %
print("Hz:", sound.round(2))
print(f"condition number of the sensitivities: {np.linalg.cond(sensitivity):.0f}")

# %%
# 4000 buildings. All storeys have aged by up to 5 %, and one is damaged. A frequency is measured to 0.3 %.
NOISE = 0.003
rng = np.random.default_rng(0)
n_buildings = 4000
losses = rng.uniform(0, 0.05, (n_buildings, N_STOREYS))
damaged = rng.integers(N_STOREYS, size=n_buildings)
losses[np.arange(n_buildings), damaged] = rng.uniform(0.1, 0.5, n_buildings)
measured = np.array([frequencies(loss) for loss in losses])
measured *= 1 + NOISE * rng.normal(size=measured.shape)
X, X_test, y, y_test, _, damaged_test = train_test_split(measured, losses, damaged, random_state=0)

# %%
# Ridge regression can only draw planes, and with squares and products of the frequencies it bends them a little; both
# choose their penalty by cross-validation. The network takes Hz and losses as they are.
alphas = np.logspace(-6, 3, 19)
models = {
    "ridge": make_pipeline(StandardScaler(), RidgeCV(alphas)),
    "ridge, quadratic": make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), RidgeCV(alphas)),
    "network": BackpropRegressor((64, 32), random_state=0),
}
print("\nheld-out buildings    R2      damage found   error of a loss")
for name, model in models.items():
    found = model.fit(X, y).predict(X_test)
    share, error = np.mean(found.argmax(axis=1) == damaged_test), np.sqrt(np.mean((found - y_test) ** 2))
    print(f"{name:18}    {model.score(X_test, y_test):.3f}   {share:12.1%}   {100 * error:8.1f} points")

# %%
# Which frequency tells about which storey? The derivatives of the predicted losses by the frequencies say, on the mean
# over the held-out buildings. Theory has an answer too: for small losses that vary as ageing makes them, measured with
# this noise, the best linear estimate is a matrix G (Gauss and Markov; Tikhonov), smaller than the inverse of the
# sensitivities, which would take the noise at its word. The network has seen nothing but examples.
network = models["network"]
gradients = np.mean(input_gradients(network, X_test) * X_test[:, np.newaxis], axis=0)  # points for 1 % of a frequency
variance, noise_variance = 0.05**2 / 12, NOISE**2
G = sensitivity.T @ np.linalg.inv(sensitivity @ sensitivity.T + noise_variance / variance * np.eye(N_STOREYS))
inverse = np.linalg.inv(sensitivity)
print(f"\ncorrelation with the best linear estimate: {np.corrcoef(gradients.ravel(), G.ravel())[0, 1]:.2f}")
for name, matrix in (("network", gradients), ("best linear", G), ("inverse", inverse)):
    print(f"largest entry, {name:11} {np.abs(matrix).max():5.1f} points for 1 %")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=[1.2, 1])
limit = np.abs(gradients).max()
image = left.imshow(gradients, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="lower")
left.set_xticks(range(N_STOREYS), [f"{frequency:.1f}" for frequency in sound])
left.set_yticks(range(N_STOREYS), range(1, N_STOREYS + 1))
left.set(xlabel="natural frequency (Hz)", ylabel="storey", title="What each frequency says of each storey")
for (storey, mode), value in np.ndenumerate(gradients):
    color = "white" if abs(value) > 0.6 * limit else "black"
    left.text(mode, storey, f"{value:.1f}", ha="center", va="center", color=color, fontsize=9)
fig.colorbar(image, label="points of loss for 1 % more", shrink=0.85)

building = np.flatnonzero(damaged_test == 2)[0]
storeys = np.arange(1, N_STOREYS + 1)
right.barh(storeys + 0.27, 100 * y_test[building], 0.26, label="true", color="0.3")
for place, (name, color) in enumerate([("network", "C0"), ("ridge", "C1")]):
    predicted = models[name].predict(X_test[[building]])[0]
    right.barh(storeys - 0.27 * place, 100 * predicted, 0.26, label=name, color=color)
right.axvline(0, color="0.3", linewidth=0.8)
right.set(xlabel="loss of stiffness (%)", ylabel="storey", title="One building that it has not seen")
right.legend(loc="lower right")
plt.show()
