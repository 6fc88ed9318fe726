"""`from_csv`: chunks of CSV files, which are read in order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._base import FRAME_ITEMSIZE, Chunk, ChunkSize, PathLike, as_paths, describe, samples_per_chunk
from ._columns import Columns, as_list, choose_columns

if TYPE_CHECKING:
    import pandas as pd

#: Options of pandas that may refer to columns that are not used, or with which `usecols` cannot be a function.
NEED_ALL_COLUMNS = {"usecols", "index_col", "parse_dates", "header"}


def from_csv(
    path: PathLike | Sequence[PathLike],
    target: Hashable | Sequence[Hashable],
    *,
    features: Sequence[Hashable] | None = None,
    sample_weight: Hashable | None = None,
    chunk_size: ChunkSize = "auto",
    **read_csv_options: Any,
) -> CSVChunks:
    """Read CSV files in chunks, in their order.

    Every chunk has the same dtypes, which are those of the first chunk: features and sample weights that are numbers
    are float64, also if the first chunk has integers only or nothing in a column. Targets are read as they are
    inferred. If a later chunk cannot be read in this way, for example because the target has decimals there only, give
    the dtype, ``dtype={"price": float}``.

    A file in which samples are sorted is learned from in that order. Shuffle it once, or convert it to Parquet, which
    is also faster to read.

    Parameters
    ----------
    path : path, URL or list of paths
        A file, which may be compressed, or a list of files with the same columns, which are read one after the other.
    target : label or list of labels
        Name of the target, or a list of names; numbers for files without names (``header=None``).
    features : list of labels, default=None
        Names of the features, in the order of the columns of X. By default, all columns but the target and the sample
        weights. Other columns may have anything.
    sample_weight : label, default=None
        Name of the sample weights.
    chunk_size : int or "auto", default="auto"
        Number of samples of a chunk; the last chunk of a file may have fewer. By default, X has about 1 MB in each
        chunk, at 8 bytes a number.
    **read_csv_options : dict
        Options of `pandas.read_csv`, such as `dtype`, `sep`, `header` and `usecols`. Columns that are not used are not
        converted, which saves time; with `index_col`, `parse_dates` or `header`, give `usecols` for this.

    Returns
    -------
    chunks : callable
        ``chunks()`` returns a new iterator over the chunks ``(X, y)``, or ``(X, y, sample_weight)``: X is a pandas
        DataFrame, and the others are Series (y is a DataFrame for a list of targets).

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ImportError
        If pandas is not installed.
    TypeError
        If the options include `chunksize` or `iterator`.
    ValueError
        If a file lacks a column, if a column is used twice, if there are no samples, or if `chunk_size` is invalid; and
        during reading, if a later chunk has other types of values.

    See Also
    --------
    skbackprop.chunks.from_parquet : The same for Parquet files, in any order.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.chunks import from_csv
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name, "iris.csv")
    >>> load_iris(as_frame=True).frame.to_csv(path, index=False)
    >>> chunks = from_csv(path, "target", chunk_size=40)
    >>> chunks
    CSVChunks('iris.csv', chunk_size=40)
    >>> [X.shape for X, y in chunks()]
    [(40, 4), (40, 4), (40, 4), (30, 4)]
    >>> folder.cleanup()
    """
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise ImportError('from_csv needs pandas: pip install "skbackprop[inspection]".') from error
    for option in ("chunksize", "iterator"):
        if option in read_csv_options:
            raise TypeError(f"from_csv has no option {option}; use chunk_size.")
    paths = as_paths("path", path)
    header = _read_csv(paths[0], **{**read_csv_options, "nrows": 1}).columns
    columns = choose_columns(header.to_list(), target, features, sample_weight)
    columns.check(paths[0], header)
    n_samples = samples_per_chunk(chunk_size, FRAME_ITEMSIZE * len(columns.features))
    if features is not None and not NEED_ALL_COLUMNS & read_csv_options.keys():
        read_csv_options["usecols"] = columns.names.__contains__
    return CSVChunks(paths, columns, n_samples, read_csv_options)


class CSVChunks:
    """Chunks of CSV files: a callable that returns a new iterator over them.

    Parameters
    ----------
    paths : list of str
        The files.
    columns : Columns
        The roles of their columns.
    chunk_size : int
        Number of samples of a chunk.
    options : dict
        Options of `pandas.read_csv`.
    """

    def __init__(self, paths: list[str], columns: Columns, chunk_size: int, options: dict[str, Any]) -> None:
        self._paths = paths
        self._columns = columns
        self._chunk_size = chunk_size
        self._options = options  # what is read with them below determines the dtypes
        self._options = options | {"dtype": self._common_dtypes()}

    def __call__(self) -> Iterator[Chunk]:
        return map(self._columns.split, self._frames())

    def __repr__(self) -> str:
        return f"CSVChunks({describe(self._paths)}, chunk_size={self._chunk_size})"

    def _frames(self) -> Iterator[pd.DataFrame]:
        """Read the files piece by piece; pieces without samples, of files that have names only, are left out."""
        for path in self._paths:
            for frame in self._pieces(path):
                self._columns.check(path, frame.columns)
                if len(frame):
                    yield frame

    def _pieces(self, path: str) -> Iterator[pd.DataFrame]:
        """Read a file piece by piece."""
        with _read_csv(path, chunksize=self._chunk_size, **self._options) as reader:
            try:
                yield from reader
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{path!r} cannot be read: {error} (Without dtype, the dtypes of all chunks are those of the first "
                    "chunk; give those that hold for all of them, for example dtype={'price': float}.)"
                ) from error

    def _common_dtypes(self) -> Any:
        """Return the dtypes for all chunks: what the user gave, and for other columns what the first chunk has."""
        given = self._options.get("dtype")
        if given is not None and not isinstance(given, dict):
            return given
        first = next(self._frames(), None)
        if first is None:
            raise ValueError(f"path={self._paths} has no samples.")
        converted = self._options.get("converters") or {}
        names = [name for name in self._columns.names if name not in converted]
        inferred = {name: self._widen(name, first.dtypes[name]) for name in names}
        return {name: dtype for name, dtype in inferred.items() if dtype.kind in "biufO"} | (given or {})

    def _widen(self, name: Hashable, dtype: Any) -> Any:
        """Return float64 for integers, because a later chunk may have missing values or decimals.

        Integers that are targets may be classes and remain.
        """
        is_integer = isinstance(dtype, np.dtype) and dtype.kind in "iu"
        return np.dtype(float) if is_integer and name not in as_list(self._columns.target) else dtype


def _read_csv(path: str, **options: Any) -> Any:
    """Call `pandas.read_csv`; an error names the file."""
    import pandas as pd

    try:
        return pd.read_csv(path, **options)
    except ValueError as error:
        raise ValueError(f"{path!r} cannot be read: {error}") from error
