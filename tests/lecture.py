"""The network of the lecture's worked example, with its data and weights."""

import numpy as np

X = np.array([[0.05, 0.10]])
TARGET = np.array([[0.01, 0.99]])
COEFS = [np.array([[0.15, 0.25], [0.20, 0.30]]), np.array([[0.40, 0.50], [0.45, 0.55]])]
# The lecture does not print the output intercepts; these are solved from its pre-activations 0.5546 and 0.7188.
INTERCEPTS = [np.array([0.35, 0.35]), np.array([0.048694, 0.093879])]
