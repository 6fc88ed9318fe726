"""The files of the compiled kernel: verified before they are used, written whole, looked for where they can be."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from skbackprop._engines import kernel_cache
from skbackprop._engines.kernel_cache import DamagedFileError, cache_folders, find_files, read_payload, write_payload

FLOAT32 = np.dtype(np.float32)
KEY, PAYLOAD = b"('0.68', 'x86_64')", bytes(range(100))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only folder that is looked in; it is there after the first file has been written."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_numba_version", lambda: "0.68.1")
    return tmp_path / "skbackprop"


def name_of(function="epoch", dtype=FLOAT32, cpu=("x86_64", "znver3")):
    return kernel_cache._file_name(function, dtype, cpu)


class TestFile:
    @pytest.fixture
    def path(self, folder):
        write_payload(name_of(), KEY, PAYLOAD)
        return folder / name_of()

    def test_what_was_written_is_read(self, path):
        assert read_payload(path, KEY) == read_payload(path) == PAYLOAD

    def test_any_flipped_bit_is_noticed(self, path):
        content = path.read_bytes()
        for position in range(0, 8 * len(content), 3):
            damaged = bytearray(content)
            damaged[position // 8] ^= 1 << position % 8
            path.write_bytes(damaged)
            with pytest.raises(DamagedFileError, match=r"\.kernel is damaged"):
                read_payload(path, KEY)

    @pytest.mark.parametrize("damage", [lambda c: b"", lambda c: c[: len(c) // 2], lambda c: bytes(len(c))])
    def test_emptied_halved_or_zeroed_is_noticed(self, path, damage):
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(DamagedFileError, match=r"\.kernel is damaged"):
            read_payload(path, KEY)

    def test_another_key_is_noticed(self, path):
        with pytest.raises(DamagedFileError, match="of another kernel"):
            read_payload(path, KEY + b"2")

    def test_a_damaged_file_is_replaced(self, path):
        path.write_bytes(b"")
        write_payload(name_of(), KEY, PAYLOAD)
        assert read_payload(path, KEY) == PAYLOAD

    @pytest.mark.parametrize("step", ["write_bytes", "replace"])
    def test_a_full_disk_leaves_the_file_as_it_was_and_nothing_else(self, path, monkeypatch, step):
        def fail(self, *args):
            if step == "write_bytes":
                with open(self, "wb") as file:
                    file.write(args[0][:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Path if step == "write_bytes" else os, step, fail)
        with pytest.raises(OSError, match="No space left"):
            write_payload(name_of(), KEY, b"other")
        assert os.listdir(path.parent) == [path.name]
        assert read_payload(path, KEY) == PAYLOAD


class TestFinding:
    def test_each_function_dtype_numba_and_source_has_its_own_files(self, folder, monkeypatch):
        assert find_files("epoch", FLOAT32) == []
        write_payload(name_of(), KEY, PAYLOAD)
        assert find_files("epoch", FLOAT32) == [folder / name_of()]
        assert find_files("epoch", np.dtype(np.float64)) == []
        assert find_files("forward", FLOAT32) == []
        with monkeypatch.context() as context:
            context.setattr(kernel_cache, "_numba_version", lambda: "0.68")
            assert find_files("epoch", FLOAT32) == []
        with monkeypatch.context() as context:
            context.setattr(kernel_cache, "fingerprint", lambda: "0123456789abcdef")
            assert find_files("epoch", FLOAT32) == []
        with monkeypatch.context() as context:
            context.setattr("sys.version_info", (3, 99))
            assert find_files("epoch", FLOAT32) == []

    def test_the_files_of_all_cpus_are_found_and_temporary_ones_are_not(self, folder):
        names = {name_of(), name_of(cpu=("x86_64", "skylake"))}
        for name in names:
            write_payload(name, KEY, PAYLOAD)
        (folder / f"{name_of()}.0123.tmp").touch()
        assert {path.name for path in find_files("epoch", FLOAT32)} == names
        assert len(names) == 2

    @pytest.mark.parametrize("value", ["no folder", "a file", "a file/and more"])
    def test_no_folder_is_no_file(self, value, tmp_path, monkeypatch):
        (tmp_path / "a file").touch()
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / value))
        assert find_files("epoch", FLOAT32) == []

    def test_a_folder_that_cannot_be_entered_is_an_error_only_if_no_other_has_the_kernel(self, tmp_path, monkeypatch):
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        monkeypatch.setattr(kernel_cache, "FOLDER", tmp_path)
        monkeypatch.setattr(kernel_cache, "_numba_version", lambda: "0.68.1")
        beside, home = cache_folders()
        listdir = os.listdir

        def listed(folder):
            if folder == home:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
            return listdir(folder)

        monkeypatch.setattr(os, "listdir", listed)
        with pytest.raises(PermissionError):
            find_files("epoch", FLOAT32)
        write_payload(name_of(), KEY, PAYLOAD)
        assert find_files("epoch", FLOAT32) == [beside / name_of()]


class TestFolders:
    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch):
        for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)

    def test_beside_the_package_and_in_the_home_folder(self, monkeypatch):
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.setenv("HOME", "/home/anna")
        beside, user_folder = cache_folders()
        assert beside == kernel_cache.FOLDER / "__pycache__"
        assert user_folder == Path("/home/anna/.cache/skbackprop")
        monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
        assert cache_folders()[1] == Path("/cache/skbackprop")
        monkeypatch.setenv("XDG_CACHE_HOME", "")
        assert cache_folders()[1] == user_folder

    def test_only_where_the_user_says(self, monkeypatch):
        monkeypatch.setenv("NUMBA_CACHE_DIR", "/named")
        assert cache_folders() == [Path("/named/skbackprop")]

    def test_without_a_home_folder_only_beside_the_package(self, monkeypatch):
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does if there is no home folder
        assert cache_folders() == [kernel_cache.FOLDER / "__pycache__"]

    def test_a_folder_that_cannot_be_written_is_skipped(self, tmp_path, monkeypatch):
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "__pycache__").touch()  # a file where the folder belongs
        monkeypatch.setattr(kernel_cache, "FOLDER", tmp_path / "package")
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.setenv("HOME", str(tmp_path))
        write_payload("name.kernel", KEY, PAYLOAD)
        assert read_payload(tmp_path / ".cache" / "skbackprop" / "name.kernel", KEY) == PAYLOAD

    def test_other_users_may_read_a_file(self, folder):
        previous = os.umask(0o022)
        try:
            write_payload(name_of(), KEY, PAYLOAD)
        finally:
            os.umask(previous)
        assert (folder / name_of()).stat().st_mode & 0o777 == 0o644
