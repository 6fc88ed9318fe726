"""
Online learning from a stream of chunks
=======================================

Some data arrive in chunks and are not kept. ``partial_fit`` trains for one epoch on each chunk as it arrives, and keeps
the weights, the optimizer state and the update count between calls. In this example the digits arrive in chunks of 50.
The network predicts each chunk before it is trained on it, so every score is that of new samples.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier

images, digits = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(digits))
chunks = np.array_split(order, len(order) // 50)

# %%
# The first call needs all classes, because the first chunk may not contain every one of them. The images need no
# scaling: the network updates the running mean and standard deviation of each pixel.
network = BackpropClassifier((50,), solver="sgd", random_state=0)
scores = []
for chunk in chunks:
    if hasattr(network, "classes_"):
        scores.append(network.score(images[chunk], digits[chunk]))
    network.partial_fit(images[chunk], digits[chunk], classes=np.arange(10))
print(f"first chunks {np.mean(scores[:3]):.3f}, last chunks {np.mean(scores[-10:]):.3f}")
print(f"{network.t_} updates in {network.n_iter_} calls")

# %%
n_samples = np.cumsum([len(chunk) for chunk in chunks])[:-1]
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(n_samples, scores, ".-")
ax.set(xlabel="training samples", ylabel="accuracy on the next chunk", ylim=(0, 1.02), title="The digits as a stream")
ax.grid(alpha=0.3)
plt.show()
