"""Dropout: which hidden units are left out of a row's pass (Srivastava et al. 2014).

Whether a unit is dropped is a hash of a key, the row's place in the pass and the unit, so it does not matter in which
chunks or by which engine a pass is made. What is kept is divided by its probability, and prediction needs no change.

Shapes: masks are (n_rows, n_units) of a hidden layer, 0 where dropped and 1 / (1 - rate) elsewhere.
"""

from __future__ import annotations

import numpy as np

#: The generator SplitMix64 (Steele, Lea and Flood 2014): the step of its counter and the factors of its finaliser.
GOLDEN, FACTOR_1, FACTOR_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
#: Numbers that it is compared with have this many bits, which float64 holds exactly.
BITS = 53


def thresholds(rates: tuple[float, ...]) -> np.ndarray:
    """Return the numbers below which a unit of each layer is dropped."""
    return np.array([int(rate * 2**BITS) for rate in rates], np.uint64)


class Dropout:
    """The masks of one chunk of rows, in arrays made once.

    Parameters
    ----------
    rates : tuple of float
        Share of the units of each hidden layer that is dropped.
    sizes : sequence of int
        Number of units of each hidden layer.
    n_rows : int
        The most rows of a chunk.
    dtype : dtype
    """

    def __init__(self, rates: tuple[float, ...], sizes, n_rows: int, dtype: np.dtype):
        self.keep = [1.0 - rate for rate in rates]
        self.masks = []
        self._thresholds = thresholds(rates)
        self._rooms = [np.empty((n_rows, size), dtype) for size in sizes]
        self._counters = np.arange(n_rows * sum(sizes), dtype=np.uint64).reshape(n_rows, sum(sizes))
        self._bits, self._shifted = np.empty((2, *self._counters.shape), np.uint64)

    def draw(self, key: int, position: int, n_rows: int) -> None:
        """Make the masks of some rows of a pass, the first of them at `position`."""
        bits, shifted = self._bits[:n_rows], self._shifted[:n_rows]
        np.add(self._counters[:n_rows], np.uint64(position * bits.shape[1]), out=bits)
        bits *= GOLDEN
        bits += np.uint64(key)
        for shift, factor in ((30, FACTOR_1), (27, FACTOR_2), (31, None)):
            np.right_shift(bits, np.uint64(shift), out=shifted)
            bits ^= shifted
            if factor is not None:
                bits *= factor
        bits >>= np.uint64(64 - BITS)
        self.masks, first = [], 0
        for room, threshold, keep in zip(self._rooms, self._thresholds, self.keep, strict=True):
            mask, size = room[:n_rows], room.shape[1]
            np.greater_equal(bits[:, first : first + size], threshold, out=mask, casting="unsafe")
            mask *= 1.0 / keep
            self.masks.append(mask)
            first += size


def scalar_bits(key, counter):
    """Return the random bits of one unit, as `Dropout.draw` does; the form for the compiled engine, all unsigned."""
    bits = key + counter * GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * FACTOR_1
    bits = (bits ^ (bits >> np.uint64(27))) * FACTOR_2
    return (bits ^ (bits >> np.uint64(31))) >> np.uint64(64 - BITS)
