"""
Following a stream of single samples
====================================

FiveThirtyEight estimated the approval of the president of the United States from the polls of several agencies. River
ships three years of these estimates, one sample a day: the date as a number of days, the last result of five agencies,
and the estimate, which is the target. A network predicts each day first, and learns from it afterwards. So every
prediction is for a sample that the network has not seen, and the errors of all days are test errors: this is
prequential evaluation, also known as test-then-train.

From the 500th day on, we let one agency report shares instead of percentages. Such changes of unit happen when
somebody updates a sensor or a database. The data need river: ``pip install river``.
"""

import matplotlib.pyplot as plt
import numpy as np
from river.datasets import TrumpApproval
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor

samples, targets = zip(*TrumpApproval(), strict=True)
X, y = np.array([list(sample.values()) for sample in samples]), np.array(targets)
CHANGE = 500
X[CHANGE:, list(samples[0]).index("gallup")] /= 100

# %%
# The network gets the columns as they are, although the date is 736389 at first and grows, and nothing about the stream
# has to be known in advance. `partial_fit` updates the means and standard deviations by which the network standardizes
# inputs and target.


class Scaled:
    """scikit-learn's MLP behind scalers that learn each sample first."""

    def __init__(self, scale_target):
        self.mlp, self.scaler = MLPRegressor(random_state=0), StandardScaler()
        self.target_scaler = StandardScaler(with_mean=scale_target, with_std=scale_target)

    def partial_fit(self, x, target):
        scaled_target = self.target_scaler.partial_fit(target[:, np.newaxis]).transform(target[:, np.newaxis])
        self.mlp.partial_fit(self.scaler.partial_fit(x).transform(x), scaled_target.ravel())

    def predict(self, x):
        return self.target_scaler.inverse_transform(self.mlp.predict(self.scaler.transform(x))[:, np.newaxis]).ravel()


class Mean:
    """The mean of all targets so far."""

    def __init__(self):
        self.n_samples, self.total = 0, 0.0

    def partial_fit(self, x, target):
        self.n_samples, self.total = self.n_samples + 1, self.total + target

    def predict(self, x):
        return self.total / self.n_samples


learners = {
    "mean of the past": Mean(),
    "MLPRegressor, inputs scaled": Scaled(scale_target=False),
    "MLPRegressor, inputs and target scaled": Scaled(scale_target=True),
    "BackpropRegressor": BackpropRegressor(random_state=0),
}
errors = {name: [] for name in learners}
for name, learner in learners.items():
    learner.partial_fit(X[:1], y[:1])
    for day in range(1, len(y)):
        x, target = X[day : day + 1], y[day : day + 1]
        errors[name].append(abs(learner.predict(x) - target).item())
        learner.partial_fit(x, target)

# %%
# We compare the errors at the start, in the ten days that follow the change of unit, and at the end.
parts = {"days 1 to 50": slice(50), "500 to 509": slice(CHANGE - 1, CHANGE + 9), "last 300": slice(-300, None)}
print(f"{'mean absolute error, points':40}" + "".join(f"{part:>14}" for part in parts))
for name, found in errors.items():
    print(f"{name:40}" + "".join(f"{np.mean(found[part]):14.2f}" for part in parts.values()))

# %%
# The moving average of the errors shows how long each of them needs. scikit-learn's network behind a scaler for the
# inputs starts at zero and approaches the level of the target, 41 %, in small steps.
N_DAYS = 20
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, found), color in zip(errors.items(), ("0.6", "C1", "C2", "C0"), strict=True):
    average = np.convolve(found, np.full(N_DAYS, 1 / N_DAYS), mode="valid")
    ax.plot(np.arange(N_DAYS, len(y)), average, color=color, label=name)
ax.axvline(CHANGE, color="0.3", linestyle=":")
ax.text(CHANGE + 8, 0.09, "one agency reports shares\ninstead of percentages")
ax.set(xlabel="day", ylabel=f"error in points, mean of {N_DAYS} days", yscale="log", ylim=(0.08, 60))
ax.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.set_title("Predict each day, then learn from it")
ax.legend(fontsize="small", loc="upper right")
ax.grid(alpha=0.3, which="both")
plt.show()
