"""What holds for tests and doctests alike."""

import os
from importlib.util import find_spec

if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores; each with one thread, set before numpy is loaded
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

#: scikit-learn has callbacks from version 1.9 on.
collect_ignore_glob = [] if find_spec("sklearn.callback") else ["skbackprop/callbacks/*.py"]
if not find_spec("dask"):  # the examples of all sources are found in the public module
    collect_ignore_glob.append("skbackprop/chunks/*.py")
if not find_spec("skl2onnx"):
    collect_ignore_glob.append("skbackprop/onnx/*.py")
