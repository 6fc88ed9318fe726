"""The arguments of the kernel: named tuples of arrays and numbers.

The types do not depend on the depth of the network, its activations, loss or optimizer, so the kernel is compiled only
once for each dtype. An empty array stands for "none", because each argument has a single type. Sizes are unsigned, see
`dispatch.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Model(NamedTuple):
    """The network, its loss and its optimizer."""

    sizes: np.ndarray  # uint64, of all layers
    activations: np.ndarray  # int64, the code of each hidden layer
    in_place: np.ndarray  # bool, whether a chunk of the hidden layer keeps f(z) alone, in the place of z
    activation_settings: np.ndarray  # of the network's dtype, a row for each setting, a column for each hidden layer
    loss: int
    loss_settings: np.ndarray  # of the network's dtype, a row for each setting
    optimizer: int
    optimizer_settings: np.ndarray  # float64, a row for each setting, one column
    weight_decay: float
    clip_norm: float  # 0 is none
    thresholds: np.ndarray  # uint64, of dropout, one for each hidden layer, or empty
    keep: np.ndarray  # float64, the probability that a unit is kept, as long as `thresholds`


class Samples(NamedTuple):
    """The training data, and how X is standardized."""

    X: np.ndarray
    y: np.ndarray  # a column for each output, or a single column of class codes
    weight: np.ndarray  # float64, or empty
    class_targets: np.ndarray  # with class codes: the targets of other classes and of a sample's own; otherwise empty
    offset: np.ndarray  # of each column of X, or empty
    factor: np.ndarray
    lower: np.ndarray  # the range of the standardized columns beyond which they are compressed
    upper: np.ndarray


class Plan(NamedTuple):
    """What an epoch does with the samples; see `EpochPlan`."""

    order: np.ndarray  # uint32, or empty
    position: int  # of the first sample in the epoch
    learning_rates: np.ndarray  # float64, one for each batch
    batch_size: int
    dropout_key: np.uint64
    l1: float
    l2: float
    mean_weight: float
    first_step: int


class Buffers(NamedTuple):
    """The arrays that the kernel writes to besides the training state; those of samples hold one chunk."""

    gradient: np.ndarray
    gradient_sum: np.ndarray
    X: np.ndarray
    y: np.ndarray
    factor: np.ndarray
    z: np.ndarray
    a: np.ndarray
    delta: np.ndarray
    mask: np.ndarray
