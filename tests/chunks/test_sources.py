"""Chunks of arrays, .npy files, Parquet files, CSV files and dask collections."""

import mmap
import pickle
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from skbackprop.chunks import from_arrays, from_csv, from_dask, from_npy, from_parquet

pd = pytest.importorskip("pandas")

N_SAMPLES, N_FEATURES = 230, 3
NAMES = ["a", "b", "c"]
MB = 2**20


def make_data():
    """Return samples, targets and weights in which each sample is unique."""
    X = np.arange(N_SAMPLES * N_FEATURES, dtype=float).reshape(N_SAMPLES, N_FEATURES) + 0.5
    return X, np.arange(N_SAMPLES), 1.0 + np.arange(N_SAMPLES) / 256


def make_frame():
    X, y, w = make_data()
    return pd.DataFrame(X, columns=NAMES).assign(y=y, w=w)


def save_npy(folder, parts=((0, N_SAMPLES),)):
    """Save the data in one file or in several parts, and return the paths of X, y and the weights."""
    paths = {name: [] for name in ("X", "y", "w")}
    for start, stop in parts:
        for (name, files), values in zip(paths.items(), make_data(), strict=True):
            files.append(Path(folder, f"{name}_{start}.npy"))
            np.save(files[-1], values[start:stop])
    return list(paths.values())


def save_parquet(folder, frame=None, name="data.parquet", **options):
    path = Path(folder, name)
    (make_frame() if frame is None else frame).to_parquet(path, **options)
    return path


def save_csv(folder, text=None, name="data.csv"):
    path = Path(folder, name)
    path.write_text(make_frame().to_csv(index=False) if text is None else text)
    return path


def of_arrays(folder):
    return from_arrays(*make_data(), chunk_size=50)


def of_data_frames(folder):
    X, y, w = make_data()
    return from_arrays(pd.DataFrame(X, columns=NAMES), pd.Series(y), w.tolist(), chunk_size=50)


def of_sparse_matrices(folder):
    X, y, w = make_data()
    return from_arrays(sparse.csc_matrix(X), y, w, chunk_size=50)


def of_memory_maps(folder):
    (X,), (y,), (w,) = save_npy(folder)
    return from_arrays(*(np.load(path, mmap_mode="r") for path in (X, y, w)), chunk_size=50)


def of_sparse_memory_maps(folder):
    X, y, w = make_data()
    matrix = sparse.csr_array(X)
    maps = []
    for name in ("data", "indices", "indptr"):
        np.save(Path(folder, name), getattr(matrix, name))
        maps.append(np.load(Path(folder, f"{name}.npy"), mmap_mode="r"))
    return from_arrays(sparse.csr_array(tuple(maps), shape=X.shape), y, w, chunk_size=50)


def of_npy_file(folder):
    (X,), (y,), (w,) = save_npy(folder)
    return from_npy(X, str(y), w, chunk_size=50)


def of_npy_files(folder):
    return from_npy(*save_npy(folder, [(0, 90), (90, 100), (100, N_SAMPLES)]), chunk_size=50)


def of_parquet_file(folder):
    pytest.importorskip("pyarrow")
    path = save_parquet(folder, row_group_size=20)
    return from_parquet(path, "y", sample_weight="w", chunk_size=50)


def of_parquet_folder(folder):
    pytest.importorskip("pyarrow")
    inside = Path(folder, "parts")
    inside.mkdir()
    save_parquet(inside, make_frame()[:90], "0.parquet", row_group_size=50)
    save_parquet(inside, make_frame()[90:], "1.parquet", row_group_size=50)
    return from_parquet(inside, "y", sample_weight="w", chunk_size=50)


def of_csv_file(folder):
    return from_csv(save_csv(folder), "y", sample_weight="w", chunk_size=50)


def of_csv_files(folder):
    frame = make_frame()
    paths = [Path(folder, f"{part}.csv.gz") for part in range(3)]
    for path, part in zip(paths, (frame[:90], frame[:0], frame[90:]), strict=True):
        part.to_csv(path, index=False)
    return from_csv(paths, "y", sample_weight="w", chunk_size=50)


def of_dask_arrays(folder):
    da = pytest.importorskip("dask.array")
    X, y, w = make_data()
    return from_dask(da.from_array(X, chunks=(50, -1)), da.from_array(y, chunks=50), da.from_array(w, chunks=50))


def of_dask_frames(folder):
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(make_frame(), npartitions=5)
    return from_dask(frame[NAMES], frame["y"], frame["w"])


def of_dask_arrays_of_frames(folder):
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(make_frame(), npartitions=5)
    return from_dask(frame[NAMES].to_dask_array(), frame["y"], frame["w"].to_dask_array())


SEQUENCES = [
    of_arrays,
    of_data_frames,
    of_sparse_matrices,
    of_memory_maps,
    of_sparse_memory_maps,
    of_npy_file,
    of_npy_files,
    of_parquet_file,
    of_parquet_folder,
    of_dask_arrays,
    of_dask_frames,
    of_dask_arrays_of_frames,
]
ITERABLES = [of_csv_file, of_csv_files]
every_sequence = pytest.mark.parametrize("make", SEQUENCES)
every_source = pytest.mark.parametrize("make", [*SEQUENCES, *ITERABLES])


def dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


def all_chunks(chunks):
    return list(chunks() if callable(chunks) else chunks)


def joined(read):
    """Return X, y and the weights of a list of chunks."""
    return [np.concatenate([dense(part) for part in parts]) for parts in zip(*read, strict=True)]


def assert_equal(read, expected):
    for values, right in zip(read, expected, strict=True):
        np.testing.assert_array_equal(dense(values), dense(right))


# what holds for every source


@every_source
def test_all_samples_are_read_once_and_in_order_each_time(make, tmp_path):
    chunks = make(tmp_path)
    for _ in range(2):
        assert_equal(joined(all_chunks(chunks)), make_data())


@every_source
def test_no_chunk_is_larger_than_the_chunk_size(make, tmp_path):
    assert {dense(chunk[1]).shape[0] for chunk in all_chunks(make(tmp_path))} <= set(range(1, 51))


@every_source
def test_threads_read_the_same(make, tmp_path):
    chunks = make(tmp_path)
    expected = all_chunks(chunks)
    with ThreadPoolExecutor(2) as pool:
        if callable(chunks):
            for read in pool.map(all_chunks, [chunks, chunks]):
                assert_equal(joined(read), joined(expected))
        else:
            order = np.random.default_rng(0).permutation(np.repeat(np.arange(len(chunks)), 5)).tolist()
            for index, chunk in zip(order, pool.map(chunks.__getitem__, order), strict=True):
                assert_equal(chunk, expected[index])


@every_source
def test_a_pickled_copy_reads_the_same(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chunks = make(Path())
    pickled = pickle.dumps(chunks)
    monkeypatch.chdir("/")
    copy = pickle.loads(pickled)
    assert repr(copy) == repr(chunks)
    assert_equal(joined(all_chunks(copy)), make_data())


@every_sequence
def test_an_index_counts_from_either_end(make, tmp_path):
    chunks = make(tmp_path)
    for index in range(len(chunks)):
        assert_equal(chunks[index], chunks[np.int64(index - len(chunks))])


@every_sequence
def test_an_index_beyond_the_chunks_raises_index_error(make, tmp_path):
    chunks = make(tmp_path)
    for index in (len(chunks), -len(chunks) - 1):
        with pytest.raises(IndexError, match=f"chunk {index} is not among the {len(chunks)} chunks"):
            chunks[index]
    with pytest.raises(TypeError):
        chunks[1.0]


@every_sequence
def test_a_slice_is_a_sequence_of_chunks(make, tmp_path):
    chunks = make(tmp_path)
    part = chunks[1:-1]
    assert len(part) == len(chunks) - 2
    assert_equal(joined(part), joined([chunks[index] for index in range(1, len(chunks) - 1)]))
    assert f"n_chunks={len(part)}" in repr(part)


@pytest.mark.parametrize("make", [of_data_frames, of_parquet_file, of_csv_file, of_dask_frames])
def test_data_frames_keep_the_names_of_their_features(make, tmp_path):
    X, y, w = all_chunks(make(tmp_path))[1]
    assert X.columns.to_list() == NAMES
    assert y.ndim == np.ndim(w) == 1


def test_repr_shows_the_source_and_the_numbers_of_chunks_and_samples(tmp_path):
    assert repr(of_arrays(tmp_path)) == "ArrayChunks(ndarray, n_chunks=5, n_samples=230)"
    assert repr(of_npy_files(tmp_path)) == "NpyChunks('X_0.npy' and 2 more, n_chunks=6, n_samples=230)"
    assert repr(of_csv_file(tmp_path)) == "CSVChunks('data.csv', chunk_size=50)"


def test_repr_of_files_and_partitions(tmp_path):
    pytest.importorskip("pyarrow")
    assert repr(of_parquet_folder(tmp_path)) == "ParquetChunks('parts', n_chunks=5, n_samples=230)"
    pytest.importorskip("dask.dataframe")
    assert repr(of_dask_frames(tmp_path)) == "DaskChunks(DataFrame, n_chunks=5, n_samples=unknown)"


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5, True, "large", None])
def test_an_invalid_chunk_size_raises_value_error(chunk_size, tmp_path):
    (X,), (y,), _ = save_npy(tmp_path)
    message = rf'chunk_size={chunk_size!r} must be a number of samples, at least 1, or "auto"'
    with pytest.raises(ValueError, match=message):
        from_arrays(*make_data(), chunk_size=chunk_size)
    with pytest.raises(ValueError, match=message):
        from_npy(X, y, chunk_size=chunk_size)
    with pytest.raises(ValueError, match=message):
        from_csv(save_csv(tmp_path), "y", chunk_size=chunk_size)


@pytest.mark.parametrize(
    ("function", "package", "extra"),
    [
        (from_parquet, "pyarrow", r"skbackprop\[parquet\]"),
        (from_csv, "pandas", r"skbackprop\[inspection\]"),
        (from_dask, "dask", r"skbackprop\[dask\]"),
    ],
)
def test_a_missing_package_raises_an_error_that_names_the_extra(function, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f'{package}.* pip install "{extra}"'):
        function("X", "y")


# memory


@pytest.fixture
def large_folder():
    """A folder for large files, which is emptied at once."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def growth(chunks):
    """Return the largest growth of the resident memory, in MB, while all chunks are read after the first."""
    process = pytest.importorskip("psutil").Process()
    reader = iter(chunks() if callable(chunks) else chunks)
    chunk = next(reader)
    sizes = []
    while chunk is not None:
        sizes.append(process.memory_info().rss)
        chunk = next(reader, None)
    return (max(sizes) - sizes[0]) / MB


def save_large_npy(folder, order="C"):
    """Save 200 MB of zeros, which take no place on most disks, and a target for them."""
    shape = (500_000, 50)
    paths = [folder / "X.npy", folder / "y.npy"]
    np.lib.format.open_memmap(paths[0], "w+", np.float64, shape, fortran_order=order == "F")
    np.lib.format.open_memmap(paths[1], "w+", np.float32, shape[:1])
    return paths


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="the system cannot release pages")
@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_a_memory_map(mode, order, large_folder):
    X, y = (np.load(path, mmap_mode=mode) for path in save_large_npy(large_folder, order))
    assert growth(from_arrays(X, y)) < 60
    assert growth(from_arrays(np.asarray(X)[::-1], y[::-1])) < 60


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="the system cannot release pages")
def test_memory_does_not_grow_with_a_sparse_memory_map(large_folder):
    n_samples, n_per_sample = 400_000, 50
    data = np.lib.format.open_memmap(large_folder / "data.npy", "w+", np.float64, (n_samples * n_per_sample,))
    indices = np.lib.format.open_memmap(large_folder / "indices.npy", "w+", np.int32, data.shape)
    indptr = np.arange(0, data.size + 1, n_per_sample, dtype=np.int32)
    X = sparse.csr_array((data, indices, indptr), shape=(n_samples, 100))
    assert growth(from_arrays(X, np.zeros(n_samples))) < 60


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_does_not_grow_with_npy_files(order, large_folder):
    assert growth(from_npy(*save_large_npy(large_folder, order))) < 60


def test_memory_does_not_grow_with_a_parquet_file(large_folder):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    table = pa.table({f"x{column}": rng.normal(size=50_000) for column in range(20)})
    table = table.append_column("y", pa.array(np.zeros(len(table))))
    with pq.ParquetWriter(large_folder / "large.parquet", table.schema, compression="none") as writer:
        for _ in range(25):
            writer.write_table(table, row_group_size=10_000)
    del table
    assert (large_folder / "large.parquet").stat().st_size > 200e6
    assert growth(from_parquet(large_folder / "large.parquet", "y")) < 60


def test_memory_does_not_grow_with_a_csv_file(large_folder):
    lines = "".join(",".join([str(number)] * 20 + ["0.12345678" * 10] + ["1\n"]) for number in range(10_000, 20_000))
    with open(large_folder / "large.csv", "w") as file:
        file.write(",".join([f"x{column}" for column in range(20)] + ["text", "y\n"]))
        for _ in range(100):
            file.write(lines)
    assert (large_folder / "large.csv").stat().st_size > 200e6
    features = [f"x{column}" for column in range(20)]
    assert growth(from_csv(large_folder / "large.csv", "y", features=features, usecols=[*features, "y"])) < 60


def test_memory_does_not_grow_with_a_dask_array(large_folder):
    da = pytest.importorskip("dask.array")
    X = da.random.default_rng(0).random((500_000, 50), chunks=(50_000, 50))
    assert growth(from_dask(X, X.sum(axis=1))) < 60


# arrays


def test_auto_takes_a_megabyte_of_X(large_folder):
    chunks = from_npy(*save_large_npy(large_folder))
    X, _ = chunks[0]
    assert 0.99 * MB < X.nbytes <= MB
    assert len(chunks) == -(-500_000 // len(X))
    assert len(from_arrays(*make_data())) == 1
    assert len(from_arrays(np.zeros((4, MB)), np.zeros(4))) == 4


def test_auto_takes_a_megabyte_of_the_entries_of_a_sparse_matrix():
    X = sparse.csr_matrix(np.tile([1.0] + [0.0] * 9, (2000, 100)))
    first, _ = from_arrays(X, np.zeros(2000))[0]
    assert 0.9 * MB < first.data.nbytes + first.indices.nbytes < 1.1 * MB


def test_chunks_of_a_memory_map_are_arrays_in_memory(tmp_path):
    for part in of_memory_maps(tmp_path)[0]:
        assert type(part) is np.ndarray
        assert part.flags.owndata
        assert part.flags.c_contiguous


def test_every_view_of_a_memory_map_is_read_right(tmp_path):
    (path,), _, _ = save_npy(tmp_path)
    X, y, _ = make_data()
    memory_map = np.load(path, mmap_mode="r")
    for view in (np.s_[::-1], np.s_[7:], np.s_[::3, ::-1], np.s_[:, 1:2]):
        for mapped in (memory_map[view], np.asarray(memory_map)[view]):
            read = from_arrays(mapped, y[: len(mapped)], chunk_size=40)
            assert_equal(joined(read), (X[view], y[: len(mapped)]))


def test_unsaved_changes_of_a_private_memory_map_are_kept(tmp_path):
    (path,), _, _ = save_npy(tmp_path)
    memory_map = np.load(path, mmap_mode="c")
    memory_map[:] = 7
    chunks = from_arrays(memory_map, make_data()[1], chunk_size=50)
    for _ in range(2):
        assert (joined(chunks)[0] == 7).all()
    assert (memory_map == 7).all()
    assert_equal([np.load(path)], [make_data()[0]])


def test_unsaved_changes_of_a_shared_memory_map_are_kept(tmp_path):
    (path,), _, _ = save_npy(tmp_path)
    memory_map = np.load(path, mmap_mode="r+")
    memory_map[:] = 7
    chunks = from_arrays(memory_map, make_data()[1], chunk_size=50)
    for _ in range(2):
        assert (joined(chunks)[0] == 7).all()
    memory_map[0] = 8
    memory_map.flush()
    assert (np.load(path)[0] == 8).all()
    assert (np.load(path)[1:] == 7).all()


def test_arrays_of_different_lengths_raise_an_error_that_names_them():
    X, y, w = make_data()
    with pytest.raises(ValueError, match="differ: X has 230, y has 229"):
        from_arrays(X, y[:-1])
    with pytest.raises(ValueError, match="differ: X has 230, y has 230, sample_weight has 1"):
        from_arrays(X, y, w[:1])


def test_arrays_of_the_wrong_shape_raise_value_error():
    X, y, _ = make_data()
    with pytest.raises(ValueError, match=r"X has shape \(230,\); it must have two dimensions"):
        from_arrays(X[:, 0], y)
    with pytest.raises(ValueError, match="y=3 is a single value"):
        from_arrays(X, 3)
    with pytest.raises(ValueError, match="X and y have no samples"):
        from_arrays(X[:0], y[:0])


def test_dask_collections_in_from_arrays_raise_type_error():
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match=r"X is a dask collection; use skbackprop\.chunks\.from_dask"):
        from_arrays(da.ones((4, 2)), np.ones(4))


# .npy files


def test_chunks_of_npy_files_do_not_cross_files(tmp_path):
    sizes = [len(y) for _, y, _ in of_npy_files(tmp_path)]
    assert sizes == [50, 40, 10, 50, 50, 30]


def test_errors_of_npy_files_name_the_file(tmp_path):
    (X,), (y,), _ = save_npy(tmp_path)
    np.save(tmp_path / "wide.npy", np.ones((4, 9)))
    np.save(tmp_path / "short.npy", np.ones(4))
    np.save(tmp_path / "names.npy", np.array(["a", None] * 115))
    np.save(tmp_path / "single.npy", np.float64(1))
    np.savez(tmp_path / "zipped.npz", np.ones(4))
    with pytest.raises(FileNotFoundError, match=r"absent\.npy"):
        from_npy(tmp_path / "absent.npy", y)
    with pytest.raises(ValueError, match=r"X=.*X_0\.npy' has 230, y=.*short\.npy' has 4"):
        from_npy(X, tmp_path / "short.npy")
    with pytest.raises(ValueError, match=r"single\.npy' has 0"):
        from_npy(X, tmp_path / "single.npy")
    with pytest.raises(ValueError, match=r"wide\.npy' has shape \(4, 9\); .* \(n_samples, 3\) as in .*X_0\.npy"):
        from_npy([X, tmp_path / "wide.npy"], [y, tmp_path / "short.npy"])
    with pytest.raises(ValueError, match=r"short\.npy' has shape \(4,\); it must have two dimensions\."):
        from_npy(tmp_path / "short.npy", y)
    for name in ("names.npy", "zipped.npz"):
        with pytest.raises(ValueError, match=rf"{name}' is no \.npy file that can be read in parts"):
            from_npy(X, tmp_path / name)


def test_more_npy_files_than_a_process_can_have_open(tmp_path):
    resource = pytest.importorskip("resource")
    (X,), (y,), _ = save_npy(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_files = 300
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, limits[1]))
    try:
        chunks = from_npy([X] * n_files, [y] * n_files, chunk_size=N_SAMPLES)
        assert len(chunks) == n_files
        np.testing.assert_array_equal(chunks[-1][0], make_data()[0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_npy_files_of_different_numbers_raise_value_error(tmp_path):
    (X,), (y,), _ = save_npy(tmp_path)
    with pytest.raises(ValueError, match="numbers of files differ: X has 2, y has 1"):
        from_npy([X, X], y)
    with pytest.raises(ValueError, match=r"X=\[\] must have at least one path"):
        from_npy([], [])
    with pytest.raises(TypeError, match="X must be a path or a list of paths"):
        from_npy(make_data()[0], y)


# Parquet files


@pytest.fixture
def pq():
    return pytest.importorskip("pyarrow.parquet")


@pytest.mark.usefixtures("pq")
def test_small_parts_of_a_parquet_file_are_read_together(tmp_path):
    path = save_parquet(tmp_path, row_group_size=20)
    assert [len(y) for _, y in from_parquet(path, "y", chunk_size=50)] == [40, 40, 40, 40, 40, 30]
    assert [len(y) for _, y in from_parquet(path, "y")] == [230]


@pytest.mark.usefixtures("pq")
def test_parts_of_a_parquet_file_that_are_larger_than_a_chunk_are_reported(tmp_path, monkeypatch):
    path = save_parquet(tmp_path, row_group_size=100)
    remedy = r"row_group_size=\d+, which .* or pass chunk_size=100\."
    with pytest.warns(UserWarning, match=f"has 100 samples, about 0 MB in memory, more than chunk_size=50.*{remedy}"):
        chunks = from_parquet(path, "y", chunk_size=50)
    assert [len(y) for _, y in chunks] == [100, 100, 30]
    from_parquet(path, "y", chunk_size=100)
    monkeypatch.setattr("skbackprop.chunks._parquet.LARGE_BYTES", 3000)
    with pytest.warns(UserWarning, match=remedy):
        from_parquet(path, "y")
    from_parquet(path, "y", features=["a"])


@pytest.mark.usefixtures("pq")
def test_columns_of_a_parquet_file_can_be_chosen(tmp_path):
    frame = make_frame()
    path = save_parquet(tmp_path, frame)
    X, y = from_parquet(path, ["w", "y"], features=["c", "a"])[0]
    assert_equal((X, y), (frame[["c", "a"]], frame[["w", "y"]]))
    X, y = from_parquet(path, "y", features="b")[0]
    assert X.columns.to_list() == ["b"]


@pytest.mark.usefixtures("pq")
def test_a_stored_index_is_no_feature(tmp_path):
    frame = make_frame().sample(frac=1, random_state=0)
    X, _ = from_parquet(save_parquet(tmp_path, frame), "y", sample_weight="w")[0][:2]
    assert X.columns.to_list() == NAMES
    assert_equal([X], [frame[NAMES]])
    X, _ = from_parquet(save_parquet(tmp_path, frame.set_index("w")), "y")[0]
    assert X.columns.to_list() == NAMES


@pytest.mark.usefixtures("pq")
def test_names_of_folders_are_columns(tmp_path):
    frame = make_frame().assign(year=np.repeat([2024, 2025], N_SAMPLES // 2))
    frame.to_parquet(tmp_path / "years", partition_cols=["year"])
    chunks = from_parquet(tmp_path / "years", "y", sample_weight="w")
    X, y, _ = chunks[1]
    assert X.columns.to_list() == [*NAMES, "year"]
    assert (X["year"].astype(int) == 2025).all()
    assert y.to_list() == frame["y"][115:].to_list()


@pytest.mark.usefixtures("pq")
def test_columns_of_different_types_are_read_as_one_type(tmp_path):
    frame = make_frame()
    paths = [
        save_parquet(tmp_path, frame.astype({"a": int, "y": "int32"}), "1.parquet"),
        save_parquet(tmp_path, frame[["w", "y", "c", "b", "a"]], "0.parquet"),
    ]
    chunks = from_parquet(paths, "y", features=NAMES)
    assert [chunk[0].dtypes["a"] for chunk in chunks] == [np.float64] * 2
    assert [chunk[1].dtype for chunk in chunks] == [np.int64] * 2
    assert_equal(chunks[1], (frame[NAMES], frame["y"]))


@pytest.mark.usefixtures("pq")
def test_missing_integers_of_a_parquet_file_are_nan(tmp_path):
    a = pd.array([1, None, 3], dtype="Int64")
    X, y = from_parquet(save_parquet(tmp_path, pd.DataFrame({"a": a, "y": [0, 1, 0]})), "y")[0]
    assert X.dtypes["a"] == np.float64
    np.testing.assert_array_equal(X["a"], [1, np.nan, 3])
    assert y.dtype == np.int64


def test_parts_without_samples_are_left_out(tmp_path, pq):
    import pyarrow as pa

    table = pa.Table.from_pandas(make_frame())
    with pq.ParquetWriter(tmp_path / "gaps.parquet", table.schema) as writer:
        for part in (table[:0], table[:100], table[:0], table[100:]):
            writer.write_table(part)
    pq.write_table(table[:0], tmp_path / "empty.parquet")
    paths = [tmp_path / "empty.parquet", tmp_path / "gaps.parquet"]
    assert [len(y) for _, y in from_parquet(paths, "y", chunk_size=130)] == [100, 130]
    with pytest.raises(ValueError, match=r"empty\.parquet'\) has no samples"):
        from_parquet(paths[0], "y")


@pytest.mark.usefixtures("pq")
def test_errors_of_parquet_files_name_the_files_and_columns(tmp_path):
    path = save_parquet(tmp_path)
    other = save_parquet(tmp_path, make_frame()[["a", "y"]], "other.parquet")
    with pytest.raises(FileNotFoundError, match="absent"):
        from_parquet(tmp_path / "absent.parquet", "y")
    message = r"data\.parquet' lacks the columns \['z', 'target'\]; it has \['a', 'b', 'c', 'y', 'w'\]"
    with pytest.raises(ValueError, match=message):
        from_parquet(path, "target", features=["a", "z"])
    with pytest.raises(ValueError, match=r"other\.parquet' lacks the columns \['b', 'c'\]"):
        from_parquet([path, other], "y", sample_weight=None, features=NAMES)
    with pytest.raises(ValueError, match=r"includes \['y'\], which is a target or the sample weights"):
        from_parquet(path, "y", features=["a", "y"])
    with pytest.raises(ValueError, match="must each name at least one column"):
        from_parquet(path, "y", features=[])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no Parquet files"):
        from_parquet(tmp_path / "empty", "y")


@pytest.mark.parametrize("function", [from_parquet, from_csv])
@pytest.mark.parametrize(
    ("roles", "twice"),
    [
        ({"target": "y", "features": ["a", "b", "a"]}, "a"),
        ({"target": ["y", "y"]}, "y"),
        ({"target": ["y", "y"], "features": ["a"]}, "y"),
        ({"target": "y", "sample_weight": "y"}, "y"),
        ({"target": ["y", "w"], "features": ["a"], "sample_weight": "w"}, "w"),
    ],
    ids=str,
)
def test_a_column_that_is_used_twice_raises_value_error(function, roles, twice, tmp_path):
    pytest.importorskip("pyarrow")
    path = save_parquet(tmp_path) if function is from_parquet else save_csv(tmp_path)
    with pytest.raises(ValueError, match=rf"sample_weight=.* name \['{twice}'\] more than once"):
        function(path, **roles)


@pytest.mark.parametrize("function", [from_parquet, from_csv])
def test_names_of_columns_may_come_from_iterators(function, tmp_path):
    pytest.importorskip("pyarrow")
    path = save_parquet(tmp_path) if function is from_parquet else save_csv(tmp_path)
    chunks = function(path, iter(["y", "w"]), features=iter("ab"))
    X, y = next(iter(chunks())) if function is from_csv else chunks[0]
    assert [*X.columns, *y.columns] == ["a", "b", "y", "w"]


# CSV files


def read_csv(text, folder, target="y", **options):
    return from_csv(save_csv(folder, text), target, **{"chunk_size": 2} | options)


def test_each_call_of_csv_chunks_returns_a_new_iterator(tmp_path):
    chunks = of_csv_file(tmp_path)
    first, second = chunks(), chunks()
    next(first)
    assert_equal(next(first), [*all_chunks(chunks)[1]])
    assert_equal(next(second), [*all_chunks(chunks)[0]])


@pytest.mark.parametrize("later", ["3", "3.5", ""])
@pytest.mark.parametrize("early", ["1", "1.5", ""])
def test_a_feature_of_a_csv_file_has_one_dtype_in_all_chunks(early, later, tmp_path):
    values = [early, early, later, later]
    text = "a,b,y\n" + "".join(f"{value},1,0\n" for value in values)
    read = all_chunks(read_csv(text, tmp_path))
    assert [X["a"].dtype for X, _ in read] == [np.float64] * 2
    assert [y.dtype for _, y in read] == [np.int64] * 2
    np.testing.assert_array_equal(joined(read)[0][:, 0], [float(value or "nan") for value in values])


def test_classes_of_a_csv_file_stay_integers_or_text(tmp_path):
    read = all_chunks(read_csv("a,y,kind\n1,2,x\n2,1,y\n3,3,x\n", tmp_path, ["y", "kind"], features=["a"]))
    assert joined(read)[1].tolist() == [[2, "x"], [1, "y"], [3, "x"]]


def test_other_values_in_a_later_chunk_raise_an_error_that_shows_the_remedy(tmp_path):
    text = "a,y\n1,1\n2,2\n3,3.5\n"
    message = r"data\.csv' cannot be read: .*dtype=\{'price': float\}"
    with pytest.raises(ValueError, match=message):
        all_chunks(read_csv(text, tmp_path))
    assert joined(all_chunks(read_csv(text, tmp_path, dtype={"y": float})))[1].tolist() == [1, 2, 3.5]
    with pytest.raises(ValueError, match=message):
        all_chunks(read_csv("a,y\n1,1\n2,2\nthree,3\n", tmp_path))


def test_a_csv_file_is_read_with_the_dtypes_that_are_given(tmp_path):
    text = "a,b,y\n1,2,0\n3,4,1\n5,6,0\n"
    for X, y in read_csv(text, tmp_path, dtype="float32")():
        assert {*X.dtypes, y.dtype} == {np.dtype("float32")}
    for X, y in read_csv(text, tmp_path, dtype={"a": "float32"})():
        assert [*X.dtypes, y.dtype] == [np.float32, np.float64, np.int64]


def test_options_of_pandas_are_used(tmp_path):
    text = "# comment\n1;2,5;yes;2024-01-01\n3;4,5;no;2024-01-02\n5;;yes;2024-01-03\n"
    options = {"sep": ";", "decimal": ",", "header": None, "comment": "#", "true_values": ["yes"]}
    options |= {"false_values": ["no"], "parse_dates": [3], "converters": {0: lambda text: 10 * float(text)}}
    read = all_chunks(read_csv(text, tmp_path, 2, features=[1, 0], **options))
    np.testing.assert_array_equal(joined(read)[0], [[2.5, 10], [4.5, 30], [np.nan, 50]])
    assert joined(read)[1].tolist() == [True, False, True]
    read = all_chunks(read_csv(text, tmp_path, 2, **options))
    assert [X.dtypes[3].kind for X, _ in read] == ["M", "M"]


@pytest.mark.parametrize("options", [{}, {"parse_dates": ["day"]}, {"usecols": ["a", "y", "note", "day"]}], ids=str)
def test_columns_of_a_csv_file_that_are_not_used_may_have_anything(tmp_path, options):
    text = "a,note,a,y,day\n1,1,10,1,2024-01-01\n2,2,20,2,2024-01-02\n3,text,30,3,2024-01-03\n"
    read = all_chunks(read_csv(text, tmp_path, features=["a"], **options))
    assert joined(read)[0].tolist() == [[1], [2], [3]]


def test_columns_of_a_csv_file_that_are_not_used_are_not_converted(tmp_path):
    text = "a,b,a,y\n1,1,10,1\n2,2,20,2\n3,3,30,3\n"
    read = all_chunks(read_csv(text, tmp_path, features=["a.1"], converters={"b": {"1": 1}.__getitem__}))
    assert joined(read)[0].tolist() == [[10], [20], [30]]
    read = all_chunks(read_csv(text, tmp_path, 3, features=[2], header=None, skiprows=1))
    assert joined(read)[0].tolist() == [[10], [20], [30]]


def test_a_csv_file_with_an_index_or_several_lines_of_names(tmp_path):
    text = "a,b,y\none,1,2,0\ntwo,3,4,1\nthree,5,6,0\n"  # a line has one value more than there are names
    read = all_chunks(read_csv(text, tmp_path, features=["b"]))
    assert joined(read)[0].tolist() == [[2], [4], [6]]
    assert read[0][0].index.tolist() == ["one", "two"]
    read = all_chunks(read_csv("id,a,b,y\n7,1,2,0\n8,3,4,1\n", tmp_path, features=["b"], index_col="id"))
    assert read[0][0].index.tolist() == [7, 8]
    chunks = read_csv("a,b,y\nm,m,m\n1,2,0\n3,4,1\n", tmp_path, [("y", "m")], features=[("b", "m")], header=[0, 1])
    assert joined(all_chunks(chunks))[0].tolist() == [[2], [4]]


def test_auto_takes_a_megabyte_of_a_csv_file(tmp_path):
    text = "a,b,c,d,y\n" + "1,2,3,4,5\n" * 70_000
    X, _ = next(read_csv(text, tmp_path, chunk_size="auto")())
    assert len(X) == MB // (8 * 4)


def test_errors_of_csv_files_name_the_files_and_columns(tmp_path):
    path = save_csv(tmp_path)
    other = save_csv(tmp_path, "a,y\n1,2\n", "other.csv")
    with pytest.raises(FileNotFoundError, match="absent"):
        from_csv(tmp_path / "absent.csv", "y")
    message = r"data\.csv' lacks the columns \['z', 'target'\]; it has \['a', 'b', 'c', 'y', 'w'\]"
    with pytest.raises(ValueError, match=message):
        from_csv(path, "target", features=["a", "z"])
    with pytest.raises(ValueError, match=r"other\.csv' lacks the columns \['b', 'c', 'w'\]"):
        all_chunks(from_csv([path, other], "y"))
    with pytest.raises(ValueError, match=r"empty\.csv'\] has no samples"):
        from_csv(save_csv(tmp_path, "a,y\n", "empty.csv"), "y")
    nothing = save_csv(tmp_path, "", "nothing.csv")
    with pytest.raises(ValueError, match=r"nothing\.csv' cannot be read: No columns to parse from file$"):
        from_csv(nothing, "y")
    with pytest.raises(ValueError, match=r"nothing\.csv' cannot be read: No columns to parse from file$"):
        all_chunks(from_csv([path, nothing], "y"))
    with pytest.raises(ValueError, match=r"^'[^']*other\.csv' lacks the columns \['b'\]; it has \['a', 'y'\]\.$"):
        all_chunks(from_csv([path, other], "y", features=["a", "b"]))
    with pytest.raises(TypeError, match="no option chunksize; use chunk_size"):
        from_csv(path, "y", chunksize=3)
    message = "path must be a path or a list of paths, because it is read more than once"
    with path.open() as file, pytest.raises(TypeError, match=message):
        from_csv(file, "y")


# dask


def test_what_the_parts_of_a_chunk_share_is_computed_once():
    dd = pytest.importorskip("dask.dataframe")
    loaded = []

    def load(part):
        loaded.append(part)
        return make_frame()[50 * part : 50 * (part + 1)]

    frame = dd.from_map(load, [0, 1, 2], meta=make_frame()[:0])
    chunks = from_dask(frame[NAMES], frame["y"], frame["w"])
    assert_equal(chunks[1], [part[50:100] for part in make_data()])
    assert loaded == [1]
    assert_equal(chunks[2], [part[100:150] for part in make_data()])
    assert loaded == [1, 2]


def test_the_scheduler_of_dask_is_used():
    dask = pytest.importorskip("dask")
    da = pytest.importorskip("dask.array")
    X = da.ones((4, 2), chunks=(2, 2))
    computed = []

    def scheduler(graph, keys, **options):
        computed.append(keys)
        return dask.get(graph, keys, **options)

    with dask.config.set(scheduler=scheduler):
        from_dask(X, X.sum(axis=1))[0]
    assert len(computed) == 1


def test_dask_arrays_of_several_blocks_of_columns_raise_value_error():
    da = pytest.importorskip("dask.array")
    X = da.ones((6, 4), chunks=(3, 2))
    with pytest.raises(ValueError, match=r"X is divided into \(2, 2\) blocks; .* X\.rechunk\(\{1: -1\}\)"):
        from_dask(X, X.sum(axis=1))
    assert len(from_dask(X.rechunk({1: -1}), X.sum(axis=1))) == 2


def test_different_partitions_raise_value_error():
    da = pytest.importorskip("dask.array")
    dd = pytest.importorskip("dask.dataframe")
    X = da.ones((6, 4), chunks=(3, 4))
    with pytest.raises(ValueError, match=r"X, y differ: X: \(3, 3\); y: \(2, 2, 2\)\. .* rechunk, .* repartition"):
        from_dask(X, da.ones(6, chunks=2))
    with pytest.raises(ValueError, match=r"X: \(3, 3\); y: \(4, 2\)"):
        from_dask(X, da.ones(6, chunks=4))
    frame = dd.from_pandas(make_frame(), npartitions=5)
    with pytest.raises(ValueError, match=r"X: \(3, 3\); y: 5 partitions"):
        from_dask(X, frame["y"])
    chunks = from_dask(frame[NAMES], frame["y"][frame["y"] > 3])
    with pytest.raises(ValueError, match=r"samples in partition 0 differ: \{'X': 46, 'y': 42\}"):
        chunks[0]


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_frames_that_are_divided_at_other_values_of_the_index_raise_value_error(name):
    dd = pytest.importorskip("dask.dataframe")
    frame = dd.from_pandas(make_frame(), npartitions=5)
    other = dd.from_pandas(make_frame().set_index(1000 + np.arange(N_SAMPLES)), npartitions=5)
    collections = {"X": frame[NAMES], "y": frame["y"], "sample_weight": frame["w"]}
    assert len(from_dask(**collections)) == 5
    collections[name] = other[{"y": "y", "sample_weight": "w"}[name]]
    message = rf"X and {name} .* divide the index differently: call {name}\.repartition\(divisions=X\.divisions\)"
    with pytest.raises(ValueError, match=message):
        from_dask(**collections)
    collections[name] = collections[name].clear_divisions()  # then they cannot be compared
    assert len(from_dask(**collections)) == 5


def test_other_data_in_from_dask_raise_type_error():
    dask = pytest.importorskip("dask")
    da = pytest.importorskip("dask.array")
    with pytest.raises(TypeError, match="y must be a dask array or data frame, not ndarray; see from_arrays"):
        from_dask(da.ones((4, 2)), np.ones(4))
    with pytest.raises(TypeError, match="X must be a dask array or data frame, not Delayed"):
        from_dask(dask.delayed(np.ones)((4, 2)), da.ones(4))
    bag = pytest.importorskip("dask.bag").from_sequence([1.0, 2.0])
    with pytest.raises(TypeError, match="y must be a dask array or data frame, not Bag"):
        from_dask(da.ones((4, 2)), bag)
