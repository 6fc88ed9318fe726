"""`from_parquet`: chunks of Parquet files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._base import FRAME_ITEMSIZE, Chunk, Chunks, ChunkSize, PathLike, as_paths, describe, samples_per_chunk
from ._columns import Columns, choose_columns

#: A row group that has more bytes in memory is reported, with chunk_size="auto".
LARGE_BYTES = 64 * 2**20
#: The size that the report recommends: row groups of 1 MB take several times as long to read.
BEST_BYTES = 16 * 2**20


def from_parquet(
    path: PathLike | Sequence[PathLike],
    target: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    sample_weight: str | None = None,
    chunk_size: ChunkSize = "auto",
) -> Chunks:
    """Read Parquet files in chunks.

    A chunk is a row group, the unit in which Parquet files are compressed: no part of one can be read without decoding
    the rest. Small row groups that follow each other in a file are read together. Files for training are best written
    with row groups of about 16 MB, for example ``frame.to_parquet(path, row_group_size=20_000)``: smaller ones take
    much longer to read, and one row group that holds the whole file is also one chunk.

    Parameters
    ----------
    path : path, URL or list of paths
        A file, a folder of files, or a list of files. In folders such as ``year=2024``, the name is a column, too.
    target : str or list of str
        Name of the target, or a list of names.
    features : list of str, default=None
        Names of the features, in the order of the columns of X. By default, all columns but the target, the sample
        weights and a stored index. Other columns are not read.
    sample_weight : str, default=None
        Name of the sample weights.
    chunk_size : int or "auto", default="auto"
        Largest number of samples of row groups that are read together; a row group is never divided. By default, X has
        up to about 1 MB in such a chunk, at 8 bytes a number. Values above the size of the row groups make larger
        chunks of several row groups.

    Returns
    -------
    chunks : sequence of tuple
        ``chunks[i]`` is ``(X, y)``, or ``(X, y, sample_weight)``, of chunk i: X is a pandas DataFrame, and the others
        are Series (y is a DataFrame for a list of targets). A slice is a sequence of chunks.

    Raises
    ------
    FileNotFoundError
        If a file does not exist.
    ImportError
        If pyarrow or pandas is not installed.
    ValueError
        If a file lacks a column, if a column is used twice, if there are no files or no samples, or if `chunk_size` is
        invalid.

    Warns
    -----
    UserWarning
        If a row group has more samples than `chunk_size`, or with "auto" more than 64 MB in memory.

    See Also
    --------
    skbackprop.chunks.from_csv : The same for CSV files, read in order.
    skbackprop.chunks.from_dask : The same for dask data frames.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop.chunks import from_parquet
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name, "iris.parquet")
    >>> load_iris(as_frame=True).frame.to_parquet(path, row_group_size=50)
    >>> chunks = from_parquet(path, "target", chunk_size=50)
    >>> chunks
    ParquetChunks('iris.parquet', n_chunks=3, n_samples=150)
    >>> X, y = chunks[0]
    >>> X.columns.to_list()
    ['sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)']
    >>> y.value_counts().to_dict()
    {0: 50}
    >>> folder.cleanup()
    """
    try:
        import pandas  # noqa: F401
        import pyarrow as pa
        import pyarrow.dataset as ds
    except ImportError as error:
        raise ImportError('from_parquet needs pyarrow and pandas: pip install "skbackprop[parquet]".') from error
    paths = as_paths("path", path)
    dataset = ds.dataset(paths if len(paths) > 1 else paths[0], format="parquet", partitioning="hive")
    fragments = list(dataset.get_fragments())
    if not fragments:
        raise ValueError(f"path={path!r} has no Parquet files.")
    available = [name for name in dataset.schema.names if name not in _index_columns(dataset.schema)]
    columns = choose_columns(available, target, features, sample_weight)
    in_folders = [name for name in dataset.schema.names if name not in fragments[0].physical_schema.names]
    for fragment in fragments:
        columns.check(fragment.path, [*fragment.physical_schema.names, *in_folders])
    # Files in which a column is of another type, such as integers in one and floats in another, are read as one type.
    schemas = [_select(fragment.physical_schema, columns.names) for fragment in fragments]
    schema = pa.unify_schemas([*schemas, _select(dataset.schema, in_folders)], promote_options="permissive")
    sizes = [[group.num_rows for group in fragment.row_groups] for fragment in fragments]
    largest = max((size for of_file in sizes for size in of_file), default=0)
    if not largest:
        raise ValueError(f"path={path!r} has no samples.")
    bytes_per_sample = FRAME_ITEMSIZE * len(columns.features)
    limit = samples_per_chunk(chunk_size, bytes_per_sample)
    _report_large(largest, bytes_per_sample, limit if chunk_size != "auto" else None)
    pieces = np.array([piece for file, of_file in enumerate(sizes) for piece in _join(file, of_file, limit)])
    return ParquetChunks(describe(paths), pieces[:, :3], pieces[:, 3], fragments, schema, columns)


class ParquetChunks(Chunks):
    """Chunks of Parquet files; each piece is a file, its first row group, and the one after the last."""

    def __init__(
        self,
        source: str,
        pieces: np.ndarray,
        sizes: np.ndarray,
        fragments: list[Any],
        schema: Any,
        columns: Columns,
    ) -> None:
        super().__init__(source, pieces, sizes)
        self._fragments = fragments
        self._schema = schema
        self._columns = columns

    def _read(self, *piece: int) -> Chunk:
        file, first, last = piece
        row_groups = self._fragments[file].subset(row_group_ids=list(range(first, last)))
        table = row_groups.to_table(schema=self._schema, columns=self._columns.names)
        return self._columns.split(table.to_pandas())


def _select(schema: Any, names: Any) -> Any:
    """Return a schema of some of the columns, without what pandas has stored in it."""
    import pyarrow as pa

    return pa.schema([field.remove_metadata() for field in schema if field.name in names])


def _index_columns(schema: Any) -> list[Any]:
    """Return the columns in which pandas has stored the index of a data frame."""
    return (schema.pandas_metadata or {}).get("index_columns", [])


def _join(file: int, sizes: list[int], limit: int) -> list[tuple[int, int, int, int]]:
    """Join the row groups of a file to chunks of at most `limit` samples, if they have no more on their own.

    Returns (file, first row group, the one after the last, number of samples) of each chunk.
    """
    chunks: list[tuple[int, int, int, int]] = []
    for group, size in enumerate(sizes):
        if chunks and chunks[-1][3] + size <= limit:
            _, first, _, total = chunks.pop()
            chunks.append((file, first, group + 1, total + size))
        else:
            chunks.append((file, group, group + 1, size))
    return [chunk for chunk in chunks if chunk[3]]


def _report_large(largest: int, bytes_per_sample: int, chunk_size: int | None) -> None:
    """Warn if a row group is larger than a chunk should be."""
    limit = LARGE_BYTES // bytes_per_sample if chunk_size is None else chunk_size
    if largest <= limit:
        return
    allowed = f"{LARGE_BYTES // 2**20} MB" if chunk_size is None else f"chunk_size={chunk_size}"
    warnings.warn(
        f"A row group has {largest} samples, about {largest * bytes_per_sample / 2**20:.0f} MB in memory, more "
        f"than {allowed}. It is one chunk, because a row group cannot be read in parts. Write the file with "
        f"row_group_size={max(1, int(BEST_BYTES // bytes_per_sample))}, which mixes samples better and needs less "
        f"memory, or pass chunk_size={largest}.",
        UserWarning,
        stacklevel=3,
    )
