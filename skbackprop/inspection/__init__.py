"""Looking into a fitted network: outputs of layers, derivatives of predictions, and the chain rule step by step.

Everything is in the units of X and y as the user passes them. Only `backprop_table` needs pandas.
"""

from .._public import publish
from ._hidden_features import HiddenFeatures
from ._layers import hidden_features, input_gradients, layer_outputs
from ._table import backprop_table

__all__ = ["HiddenFeatures", "backprop_table", "hidden_features", "input_gradients", "layer_outputs"]

__dir__ = publish(globals())
