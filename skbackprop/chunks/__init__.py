"""Data that is read in chunks, for training on more than fits into memory.

Each function returns an object for the parameter `chunks` of `fit_chunks`: a sequence, of which ``chunks[i]`` reads one
chunk, or for CSV files, which can only be read in order, a callable that returns a fresh iterator. A chunk is a tuple
``(X, y)``, or ``(X, y, sample_weight)``. All of them give the same data each time, and several threads can read from
one of them.
"""

from .._public import publish
from ._arrays import from_arrays
from ._csv import from_csv
from ._dask import from_dask
from ._npy import from_npy
from ._parquet import from_parquet

__all__ = ["from_arrays", "from_csv", "from_dask", "from_npy", "from_parquet"]

__dir__ = publish(globals())
