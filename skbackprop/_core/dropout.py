"""Dropout: which hidden units are left out for a sample in an epoch (Srivastava et al. 2014).

Whether a unit is dropped is a hash of a key, the position of the sample in the epoch and the unit, so it does not
depend on the chunks or the engine. Kept outputs are divided by their probability, so that prediction needs no change.

Shapes: masks are (n_samples, n_units) of a hidden layer, 0 where dropped and 1 / (1 - rate) elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: The generator SplitMix64 (Steele, Lea and Flood 2014): the step of its counter and the factors of its finalizer.
GOLDEN, FACTOR_1, FACTOR_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
#: Number of bits of the thresholds, which float64 represents exactly.
BITS = 53


def thresholds(rates: tuple[float, ...]) -> np.ndarray:
    """Return the thresholds, one for each layer: a unit is dropped if its hash is below."""
    return np.array([int(rate * 2**BITS) for rate in rates], np.uint64)


class Dropout:
    """The masks of one chunk of samples, in arrays allocated once.

    Parameters
    ----------
    rates : tuple of float
        Dropout rate of each hidden layer.
    sizes : sequence of int
        Number of units of each hidden layer.
    n_samples : int
        Largest number of samples in a chunk.
    dtype : dtype
    """

    def __init__(self, rates: tuple[float, ...], sizes: Sequence[int], n_samples: int, dtype: np.dtype):
        self.keep = [1.0 - rate for rate in rates]
        self.masks: list[np.ndarray] = []
        self._thresholds = thresholds(rates)
        self._mask_buffers = [np.empty((n_samples, size), dtype) for size in sizes]
        self._counters = np.arange(n_samples * sum(sizes), dtype=np.uint64).reshape(n_samples, sum(sizes))
        self._bits, self._shifted = np.empty((2, *self._counters.shape), np.uint64)

    def draw(self, key: int, position: int, n_samples: int) -> None:
        """Draw the masks of consecutive samples of an epoch, the first of them at `position`."""
        bits, shifted = self._bits[:n_samples], self._shifted[:n_samples]
        np.add(self._counters[:n_samples], np.uint64(position * bits.shape[1]), out=bits)
        bits *= GOLDEN
        bits += np.uint64(key)
        for shift, factor in ((30, FACTOR_1), (27, FACTOR_2), (31, None)):
            np.right_shift(bits, np.uint64(shift), out=shifted)
            bits ^= shifted
            if factor is not None:
                bits *= factor
        bits >>= np.uint64(64 - BITS)
        self.masks, first = [], 0
        for buffer, threshold, keep in zip(self._mask_buffers, self._thresholds, self.keep, strict=True):
            mask, size = buffer[:n_samples], buffer.shape[1]
            np.greater_equal(bits[:, first : first + size], threshold, out=mask, casting="unsafe")
            mask *= 1.0 / keep
            self.masks.append(mask)
            first += size


def scalar_bits(key, counter):
    """Return the random bits of one unit as `Dropout.draw` does, for the compiled engine; all numbers are unsigned."""
    bits = key + counter * GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * FACTOR_1
    bits = (bits ^ (bits >> np.uint64(27))) * FACTOR_2
    return (bits ^ (bits >> np.uint64(31))) >> np.uint64(64 - BITS)
