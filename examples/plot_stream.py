"""
Following a stream that changes
===============================

A stream has no training set: samples arrive one after another, and the relation that a model has learned may change at
any time, which is called drift. ``partial_fit`` updates the network with each sample. It also updates the means and
standard deviations with which the network standardizes inputs and target, so nothing about the stream has to be known
in advance.

In this lesson, a network predicts the electricity that a building uses in each hour. Two things happen: the people in
the building buy a cooling system, so that hot days need more electricity than before, and later somebody switches the
thermometer from degrees Celsius to degrees Fahrenheit. We predict each hour first and learn from it afterwards. So each
prediction is for a sample that the model has not seen, and the errors of all hours are test errors. This is called
prequential evaluation, or test-then-train.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor

# %%
# The stream has three columns: the hour as sine and cosine, and the temperature. The target is in watts.
N_HOURS, COOLING, FAHRENHEIT = 3000, 1300, 2200
rng = np.random.default_rng(0)
hours = np.arange(N_HOURS)
angle = 2 * np.pi * hours / 24
weather = np.repeat(rng.normal(0, 5, N_HOURS // 24), 24)
temperature = 16 + weather - 5 * np.cos(angle) + rng.normal(0, 1, N_HOURS)
heating = 120 * np.maximum(14 - temperature, 0)
cooling = np.where(hours >= COOLING, 180 * np.maximum(temperature - 20, 0), 0)
y = 3000 + 600 * np.sin(angle - 2) + heating + cooling + rng.normal(0, 100, N_HOURS)
thermometer = np.where(hours >= FAHRENHEIT, 32 + 1.8 * temperature, temperature)
X = np.column_stack([np.sin(angle), np.cos(angle), thermometer])

# %%
# We compare the network with a copy that stops learning after 800 hours, and with scikit-learn's ``MLPRegressor``
# behind scalers for inputs and target. Each scaler is updated with each sample.


class ScaledMLP:
    """scikit-learn's MLP behind scalers that learn each sample first."""

    def __init__(self):
        self.mlp, self.scaler, self.target_scaler = MLPRegressor(random_state=0), StandardScaler(), StandardScaler()

    def partial_fit(self, x, target):
        scaled_target = self.target_scaler.partial_fit(target[:, np.newaxis]).transform(target[:, np.newaxis])
        self.mlp.partial_fit(self.scaler.partial_fit(x).transform(x), scaled_target.ravel())

    def predict(self, x):
        return self.target_scaler.inverse_transform(self.mlp.predict(self.scaler.transform(x))[:, np.newaxis]).ravel()


learners = {
    "network that stops learning": (BackpropRegressor(random_state=0), 800),
    "MLPRegressor behind scalers": (ScaledMLP(), N_HOURS),
    "BackpropRegressor": (BackpropRegressor(random_state=0), N_HOURS),
}
errors = {name: np.empty(N_HOURS - 1) for name in learners}
for name, (learner, n_learned) in learners.items():
    learner.partial_fit(X[:1], y[:1])
    for hour in range(1, n_learned):
        x, target = X[hour : hour + 1], y[hour : hour + 1]
        errors[name][hour - 1] = abs(learner.predict(x) - target).item()
        learner.partial_fit(x, target)
    if n_learned < N_HOURS:
        errors[name][n_learned - 1 :] = np.abs(learner.predict(X[n_learned:]) - y[n_learned:])
network = learners["BackpropRegressor"][0]
print(f"the network has found {network.n_changes_} change of units")

# %%
# The noise alone has a mean absolute error of 80 watts.
parts = {"hours 500 to 1299": (500, COOLING), "1300 to 2199": (COOLING, FAHRENHEIT), "2200 to 2999": (FAHRENHEIT, None)}
print(f"{'mean absolute error in watts':32}" + "".join(f"{part:>20}" for part in parts))
for name, found in errors.items():
    print(f"{name:32}" + "".join(f"{found[start - 1 : end].mean():20.0f}" for start, end in parts.values()))

# %%
# The moving average of the errors shows how fast each of them recovers. Both that keep learning follow the drift, and
# only the errors of the network that stopped stay large on hot days. After the change of units, the network has found
# out that one of its columns comes in another unit, and scales this column anew: ``n_changes_`` counts such changes.
# The scaler of the other model mixes both units in its mean and standard deviation.
N_AVERAGED = 120
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
for (name, found), color in zip(errors.items(), ("0.6", "C1", "C0"), strict=True):
    average = np.convolve(found, np.full(N_AVERAGED, 1 / N_AVERAGED), mode="valid")
    ax.plot(np.arange(N_AVERAGED, N_HOURS), average, color=color, label=name)
for hour, text in ((COOLING, "cooling\nsystem"), (FAHRENHEIT, "degrees\nFahrenheit")):
    ax.axvline(hour, color="0.3", linestyle=":")
    ax.annotate(text, (hour, 1), (4, -4), xycoords=("data", "axes fraction"), textcoords="offset points", va="top")
ax.axhline(100 * np.sqrt(2 / np.pi), color="0.3", linewidth=0.8, label="noise")
ax.set(xlabel="hour", ylabel=f"error in watts, mean of {N_AVERAGED} hours", yscale="log", ylim=(60, 3000))
ax.set_yticks([100, 1000], ["100", "1000"])
ax.set_title("Predict each hour, then learn from it")
ax.legend(fontsize="small", loc="upper left")
plt.show()
