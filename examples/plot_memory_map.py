"""
Training on a file that is larger than memory
=============================================

A network needs each sample only for the moment of its update, so the samples can stay in a file. ``fit_chunks`` reads
the file piece by piece, several times, within a given amount of memory. A second thread reads the next piece while the
network trains. The result has all that ``fit`` offers: several epochs in random order, early stopping, and statistics
for the standardization of all samples.

This lesson writes such a file, trains on it in two ways, and compares the memory. The file has 64 MB to keep the lesson
short; nothing changes with 64 GB.
"""

import tempfile
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skbackprop import BackpropRegressor
from skbackprop.chunks import from_npy

# %%
# We write 200,000 samples with 40 features through a memory map, a part at a time, so that the data are never in memory
# as a whole. A memory map is an array whose values are in a file.
folder = tempfile.TemporaryDirectory()
X_path, y_path = Path(folder.name, "X.npy"), Path(folder.name, "y.npy")
n_samples, n_features, n_test = 200_000, 40, 5_000
rng = np.random.default_rng(0)


def simulate(n_samples):
    """Return samples and targets, of which only six features matter."""
    X = rng.normal(size=(n_samples, n_features))
    y = 3 * np.sin(X[:, 0] * X[:, 1]) + 2 * X[:, 2] ** 2 + X[:, 3] * X[:, 4] + X[:, 5] + rng.normal(size=n_samples)
    return X, y


X = np.lib.format.open_memmap(X_path, mode="w+", dtype=np.float64, shape=(n_samples, n_features))
y = np.lib.format.open_memmap(y_path, mode="w+", dtype=np.float64, shape=(n_samples,))
for start in range(0, n_samples, 20_000):
    part = slice(start, start + 20_000)
    X[part], y[part] = simulate(20_000)
del X, y  # closes the files
X_test, y_test = simulate(n_test)
print(f"size of the file: {X_path.stat().st_size / 1e6:.0f} MB")

# %%
# ``from_npy`` describes the chunks of the files, and reads nothing yet. With ``memory_budget=8``, the samples that
# ``fit_chunks`` holds at a time take 8 MB, an eighth of the file.
chunks = from_npy(X_path, y_path)
print(chunks)


def measure(fit):
    """Return what a fit returns, and the largest amount of memory in MB that it took."""
    tracemalloc.start()
    network = fit()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return network, peak


settings = {"hidden_layer_sizes": 50, "max_iter": 6, "tol": None, "random_state": 0}
BackpropRegressor(**settings).fit(X_test, y_test)  # what is loaded for the first fit should not count
by_chunks, chunks_peak = measure(lambda: BackpropRegressor(**settings).fit_chunks(chunks, memory_budget=8))
in_memory, memory_peak = measure(lambda: BackpropRegressor(**settings).fit(np.load(X_path), np.load(y_path)))
for name, network, peak in (("fit_chunks", by_chunks, chunks_peak), ("fit", in_memory, memory_peak)):
    print(f"{name:12} R2 {network.score(X_test, y_test):.3f}, at most {peak:4.0f} MB of memory")

# %%
# ``fit`` accepts a memory map too, and then only reads the samples that it needs. Use it if the file fits into the
# memory of the machine, because the operating system then keeps all of it there. These pages are not counted here. Use
# ``fit_chunks`` otherwise, because it reads ahead in another thread within a fixed memory budget.
mapped, mapped_peak = measure(
    lambda: BackpropRegressor(**settings).fit(np.load(X_path, mmap_mode="r"), np.load(y_path, mmap_mode="r"))
)
print(f"fit, memory map: R2 {mapped.score(X_test, y_test):.3f}, at most {mapped_peak:4.0f} MB of memory")

# %%
# Both networks learn equally well. The order of the samples differs, because ``fit_chunks`` shuffles chunks, and the
# samples of those that are in memory together.
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, network, marker in (("fit_chunks", by_chunks, "o-"), ("fit", in_memory, "s--")):
    left.plot(range(1, network.n_iter_ + 1), network.loss_curve_, marker, label=name)
left.set(xlabel="epoch", ylabel="training loss", title="Equally low losses")
left.legend()
right.barh(["fit_chunks,\n8 MB", "fit,\nmemory map", "fit,\nin memory"], [chunks_peak, mapped_peak, memory_peak])
right.axvline(n_samples * n_features * 8 / 1e6, color="0.3", linestyle=":", label="size of the samples")
right.set(xlabel="largest amount of memory (MB)", title="Less memory")
right.legend()
plt.show()
folder.cleanup()
