"""Doctests of what an earlier scikit-learn does not have are left out on it."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("sklearn.callback") else ["skbackprop/callbacks.py"]
