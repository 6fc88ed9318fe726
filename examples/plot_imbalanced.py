"""
Rare classes: probabilities, class weights and thresholds
=========================================================

In many problems one class is rare, such as fraud, faults or diseases. A network that predicts the frequent class for
every sample is then accurate and useless. This lesson shows what to look at instead of the accuracy, and two ways to
find more of the rare samples: weighting the classes in the loss, and moving the threshold of the probability above
which a sample counts as rare. Both find more. The threshold needs no second network, and leaves the probabilities as
they are.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import balanced_accuracy_score, precision_recall_curve, precision_score, recall_score
from sklearn.model_selection import FixedThresholdClassifier, train_test_split

from skbackprop import BackpropClassifier

# %%
# We generate 20,000 machines, of which about 3 % are faulty. Their classes overlap, so no classifier finds all faults
# without false alarms.
X, y = make_classification(
    20_000,
    n_features=10,
    n_informative=5,
    n_clusters_per_class=2,
    weights=[0.97],
    class_sep=0.8,
    flip_y=0,
    random_state=2,
)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
print(f"{y_train.sum()} of {len(y_train)} training samples are faulty")

# %%
# The default network predicts the class with the larger probability, that is, it uses a threshold of 0.5. With
# ``class_weight="balanced"``, each faulty sample counts as much as about 32 others.
#
# For a threshold, we need to say what an error costs. Here, a missed fault costs as much as 20 false alarms. An alarm
# for a machine with the probability p of a fault then saves 20 p, and costs 1 - p: it pays from p = 1 / 21 on.
# scikit-learn's ``FixedThresholdClassifier`` applies this threshold to the network that is already trained. If you have
# a scorer but no such formula, ``TunedThresholdClassifierCV`` finds a threshold by cross-validation.
THRESHOLD = 1 / 21


def cost_per_machine(y_true, y_pred):
    """Return the mean cost in units of a false alarm."""
    return np.mean(np.where(y_true == 1, 20 * (y_pred == 0), y_pred == 1))


plain = BackpropClassifier(random_state=0).fit(X_train, y_train)
weighted = BackpropClassifier(class_weight="balanced", random_state=0).fit(X_train, y_train)
moved = FixedThresholdClassifier(FrozenEstimator(plain), threshold=THRESHOLD).fit(X_train, y_train)
models = {
    "no machine is faulty": None,
    "default": plain,
    'class_weight="balanced"': weighted,
    f"default, threshold {THRESHOLD:.3f}": moved,
}
print(f"{'':25}accuracy  balanced accuracy  precision  recall   cost")
for name, model in models.items():
    predicted = np.zeros_like(y_test) if model is None else model.predict(X_test)
    numbers = (
        np.mean(predicted == y_test),
        balanced_accuracy_score(y_test, predicted),
        precision_score(y_test, predicted, zero_division=0),
        recall_score(y_test, predicted),
        cost_per_machine(y_test, predicted),
    )
    print(f"{name:25}{numbers[0]:8.3f}{numbers[1]:19.3f}{numbers[2]:11.3f}{numbers[3]:8.3f}{numbers[4]:7.3f}")

# %%
# The accuracy is the highest for the network that misses a third of the faults. The cost is what the user cares about.
#
# On the left, the curve shows every threshold of the default network, and the marks show the predictions of the models.
# On the right, we compare predicted probabilities with the share of samples that are really faulty. Those of the
# default network follow the diagonal, apart from noise where few machines have such a probability. Class weights make
# the network overestimate faults, by design: its probabilities are those of a world in which both classes are equally
# frequent.
probability = plain.predict_proba(X_test)[:, 1]
precision, recall, _ = precision_recall_curve(y_test, probability)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(recall, precision, color="0.6", label="default network, all thresholds")
for color, (name, model) in zip(("C0", "C1", "C2"), list(models.items())[1:], strict=True):
    predicted = model.predict(X_test)
    point = recall_score(y_test, predicted), precision_score(y_test, predicted)
    left.plot(*point, "o", color=color, markersize=9, label=name)
left.set(xlabel="recall: share of the faults that are found", ylabel="precision: share of the alarms that are right")
left.set(title="A threshold trades precision for recall", xlim=(0, 1.02), ylim=(0, 1.05))
left.legend(loc="lower left", fontsize="small")
for color, (name, model) in zip(("C0", "C1"), list(models.items())[1:3], strict=True):
    share, predicted = calibration_curve(y_test, model.predict_proba(X_test)[:, 1], n_bins=10, strategy="uniform")
    right.plot(predicted, share, "o-", color=color, label=name)
right.plot([0, 1], [0, 1], ":", color="0.3", label="exact probabilities")
right.set(xlabel="predicted probability of a fault", ylabel="share of faulty machines")
right.set_title("Class weights distort the probabilities")
right.legend(loc="upper left", fontsize="small")
plt.show()
