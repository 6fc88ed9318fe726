"""The version of the package, and of the form that a fitted estimator is stored in."""

__version__ = "0.1.0"

#: Raised whenever an older version could not make sense of what this one stores.
STATE_FORMAT = 1
