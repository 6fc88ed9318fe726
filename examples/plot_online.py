"""
Online learning: a stream in chunks
===================================

Some data never lie in memory at once. ``partial_fit`` takes them as they come, one pass over each chunk, and the
network goes on from where it was: weights, the optimizer's memory, the count of updates. Here the digits come in
chunks of 50. Each chunk is predicted before it is learned from, so every score is on rows never seen.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier

images, digits = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(digits))
chunks = np.array_split(order, len(order) // 50)

# %%
# All labels must be told at the first call, because the first chunk need not have them all. The images go in as they
# are: the network keeps the mean and the spread of all rows seen so far.
network = BackpropClassifier((50,), solver="sgd", learning_rate=0.002, random_state=0)
scores = []
for chunk in chunks:
    if hasattr(network, "classes_"):
        scores.append(network.score(images[chunk], digits[chunk]))
    network.partial_fit(images[chunk], digits[chunk], classes=np.arange(10))
print(f"first chunks {np.mean(scores[:3]):.3f}, last chunks {np.mean(scores[-10:]):.3f}")
print(f"{network.t_} updates in {network.n_iter_} calls")

# %%
seen = np.cumsum([len(chunk) for chunk in chunks])[:-1]
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(seen, scores, ".-")
ax.set(xlabel="rows seen", ylabel="accuracy on the next chunk", ylim=(0, 1.02), title="The digits as a stream")
ax.grid(alpha=0.3)
plt.show()
