"""How `Checkpoint` writes its file: the temporary file beside it, permissions, links, and what changes during a fit."""

import os
import re
import stat
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import joblib
import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop.callbacks import Checkpoint
from skbackprop.callbacks import _checkpoint_file as checkpoint_file
from skbackprop.callbacks._checkpoint_file import HEADER, MARK, write
from tests.callbacks.helpers import Interrupter, state_of
from tests.shared import FEW, TRAINS_BRIEFLY, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

pytestmark = TRAINS_BRIEFLY

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="needs permissions, pipes and locks of POSIX")
#: The name of a temporary file of the checkpoint `file`.
LEFTOVER = ".file.0123456789abcdef.skbackprop-part"


class AfterEpoch(Interrupter):
    """Does something after the first epoch, before the checkpoint is written."""

    def __init__(self, action):
        self.action = action

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 0:
            self.action()


def fit(path, action=None):
    callbacks = [Checkpoint(path)] if action is None else [AfterEpoch(action), Checkpoint(path)]
    return BackpropRegressor(5, **FEW).set_callbacks(*callbacks).fit(*data(BackpropRegressor))


def is_checkpoint(path):
    return MARK in path.read_bytes()


class TestTemporaryFile:
    def test_its_name_is_new_each_time(self, tmp_path, monkeypatch):
        found = []
        monkeypatch.setattr(joblib, "dump", lambda value, file: found.append(os.listdir(tmp_path)))
        for _ in range(2):
            write(tmp_path / "file", 3)
            (tmp_path / "file").unlink()
        (first,), (second,) = found
        assert first != second
        assert all(re.fullmatch(r"\.file\.[0-9a-f]{16}\.skbackprop-part", name) for name in (first, second))

    def test_a_file_of_this_name_is_neither_written_to_nor_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr(checkpoint_file.secrets, "token_hex", lambda n_bytes: "0123456789abcdef")
        (tmp_path / LEFTOVER).write_bytes(b"my notes")
        with pytest.raises(FileExistsError, match="skbackprop-part"):
            fit(tmp_path / "file")
        assert (tmp_path / LEFTOVER).read_bytes() == b"my notes"
        assert os.listdir(tmp_path) == [LEFTOVER]

    @pytest.mark.parametrize("exists", [False, True])
    def test_a_link_of_this_name_is_not_followed(self, exists, tmp_path, monkeypatch):
        monkeypatch.setattr(checkpoint_file.secrets, "token_hex", lambda n_bytes: "0123456789abcdef")
        if exists:
            (tmp_path / "notes").write_bytes(b"my notes")
        (tmp_path / LEFTOVER).symlink_to(tmp_path / "notes")
        with pytest.raises(FileExistsError):
            fit(tmp_path / "file")
        assert (tmp_path / LEFTOVER).is_symlink()
        assert not exists or (tmp_path / "notes").read_bytes() == b"my notes"
        assert exists == (tmp_path / "notes").exists()

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), TypeError, KeyboardInterrupt])
    def test_it_is_removed_after_any_error(self, error, tmp_path, monkeypatch):
        def fails(value, file):
            file.write(b"some bytes")
            raise error

        fit(tmp_path / "file")
        before = (tmp_path / "file").read_bytes()
        monkeypatch.setattr(joblib, "dump", fails)
        with pytest.raises(error if isinstance(error, type) else OSError):
            fit(tmp_path / "file")
        assert os.listdir(tmp_path) == ["file"]
        assert (tmp_path / "file").read_bytes() == before

    def test_it_is_removed_if_the_value_cannot_be_stored(self, tmp_path):
        with pytest.raises(Exception, match="pickle"):
            write(tmp_path / "file", lambda: None)
        assert not os.listdir(tmp_path)

    def test_the_name_of_the_checkpoint_may_be_as_long_as_the_file_system_allows(self, tmp_path):
        path = tmp_path / ("\N{SNOWMAN}" * 85)  # 255 bytes
        fit(path)
        assert os.listdir(tmp_path) == [path.name]

    @pytest.mark.parametrize("name", ["a[b]*?.joblib", "a+b (1)", ".hidden"])
    def test_the_name_of_the_checkpoint_may_have_special_characters(self, name, tmp_path):
        leftover = tmp_path / f".{name}.0123456789abcdef.skbackprop-part"
        leftover.write_bytes(HEADER)
        fit(tmp_path / name)
        assert is_checkpoint(tmp_path / name)
        assert not leftover.exists() or checkpoint_file.fcntl is None


@ON_POSIX
class TestPermissions:
    @pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
    def test_a_new_file_has_those_of_any_new_file(self, umask, tmp_path):
        before = os.umask(umask)
        try:
            fit(tmp_path / "file")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask

    @pytest.mark.parametrize("mode", [0o600, 0o666, 0o640, 0o444])
    def test_a_replaced_file_keeps_its_own(self, mode, tmp_path):
        fit(tmp_path / "file")
        (tmp_path / "file").chmod(mode)
        fit(tmp_path / "file")
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode

    def test_the_temporary_file_is_never_open_to_more_users(self, tmp_path, monkeypatch):
        fit(tmp_path / "file")
        (tmp_path / "file").chmod(0o600)
        modes = []
        original = os.open
        monkeypatch.setattr(
            os, "open", lambda *args, mode=0o777, **kw: modes.append(mode) or original(*args, mode, **kw)
        )
        write(tmp_path / "file", 3)
        assert modes == [0o600]


class TestLeftovers:
    def test_that_of_a_killed_process_is_removed_by_the_next_fit(self, tmp_path):
        (tmp_path / LEFTOVER).write_bytes(HEADER + b"half of an estimator")
        fit(tmp_path / "file")
        assert os.listdir(tmp_path) == (["file"] if checkpoint_file.fcntl else ["file", LEFTOVER])

    @pytest.mark.parametrize("content", [b"", b"my notes", HEADER[:-1], b"x" + HEADER])
    def test_a_file_without_the_header_is_kept(self, content, tmp_path):
        (tmp_path / LEFTOVER).write_bytes(content)
        fit(tmp_path / "file")
        assert (tmp_path / LEFTOVER).read_bytes() == content

    @pytest.mark.parametrize(
        "name",
        [
            ".file.skbackprop-part",
            ".file.0123456789abcdeg.skbackprop-part",
            ".file.0123456789abcdef0.skbackprop-part",
            ".file2.0123456789abcdef.skbackprop-part",
            "file.0123456789abcdef.skbackprop-part",
        ],
    )
    def test_a_file_of_another_name_is_kept(self, name, tmp_path):
        (tmp_path / name).write_bytes(HEADER)
        fit(tmp_path / "file")
        assert (tmp_path / name).read_bytes() == HEADER

    def test_links_and_folders_are_kept(self, tmp_path):
        (tmp_path / "notes").write_bytes(HEADER)
        (tmp_path / LEFTOVER).symlink_to("notes")
        folder = tmp_path / LEFTOVER.replace("0", "1")
        folder.mkdir()
        fit(tmp_path / "file")
        assert (tmp_path / LEFTOVER).is_symlink()
        assert (tmp_path / "notes").exists()
        assert folder.is_dir()

    @ON_POSIX
    def test_pipes_are_not_opened(self, tmp_path):
        os.mkfifo(tmp_path / LEFTOVER)
        fit(tmp_path / "file")
        assert stat.S_ISFIFO((tmp_path / LEFTOVER).stat().st_mode)

    @ON_POSIX
    def test_a_file_that_another_process_writes_to_is_kept_until_that_process_is_killed(self, tmp_path):
        path = tmp_path / "file"
        code = f"""
            import time
            from pathlib import Path
            from skbackprop.callbacks._checkpoint_file import write

            class Slow:
                def __reduce__(self):
                    print("writing", flush=True)
                    time.sleep(60)

            write(Path({str(path)!r}), Slow())
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"writing\n"
            (temporary,) = tmp_path.iterdir()
            assert temporary.read_bytes() == HEADER
            fit(path)
            assert temporary.exists()
            other.kill()
            other.wait()
            assert temporary.exists()
        fit(path)
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_cannot_be_listed(self, tmp_path, monkeypatch):
        def forbidden(path):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(type(tmp_path), "iterdir", forbidden)
        fit(tmp_path / "file")
        assert is_checkpoint(tmp_path / "file")

    @ON_POSIX
    def test_it_is_kept_where_there_are_no_locks(self, tmp_path, monkeypatch):
        def no_locks(file, kind):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(checkpoint_file.fcntl, "flock", no_locks)
        (tmp_path / LEFTOVER).write_bytes(HEADER)
        fit(tmp_path / "file")
        assert sorted(os.listdir(tmp_path)) == [LEFTOVER, "file"]

    def test_it_is_kept_on_systems_without_such_locks(self, tmp_path, monkeypatch):
        monkeypatch.setattr(checkpoint_file, "fcntl", None)
        (tmp_path / LEFTOVER).write_bytes(HEADER)
        fit(tmp_path / "file")
        assert sorted(os.listdir(tmp_path)) == [LEFTOVER, "file"]
        assert is_checkpoint(tmp_path / "file")


@ON_POSIX
def test_processes_that_write_the_same_file_at_the_same_time_do_not_fail(tmp_path):
    path = tmp_path / "file"
    code = f"""
        from pathlib import Path
        from skbackprop.callbacks._checkpoint_file import read, remove_leftovers, write

        path = Path({str(path)!r})
        for i in range(200):
            remove_leftovers(path)
            write(path, [i] * 1000)
            assert len(read(path)) == 1000
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1].decode() for process in processes]
    assert errors == ["", "", ""]
    assert list(tmp_path.iterdir()) == [path]


class TestChangesDuringTheFit:
    """A foreign file that appears at the path is never replaced, and the fit ends as after any error of a callback."""

    def check(self, path, action, error, message):
        network = BackpropRegressor(5, **FEW).fit(*data(BackpropRegressor))
        before = state_of(network)
        network.set_callbacks(AfterEpoch(action), Checkpoint(path))
        with pytest.raises(error, match=message) as caught:
            network.fit(*data(BackpropRegressor))
        assert str(path.name) in str(caught.value)
        np.testing.assert_equal(state_of(network), before)

    @pytest.mark.parametrize("existed", [False, True])
    def test_a_foreign_file(self, existed, tmp_path):
        path = tmp_path / "file"
        if existed:
            fit(path)
        message = "file exists and is not a checkpoint of skbackprop, so it is not replaced: choose another path"
        self.check(path, lambda: path.write_bytes(b"my notes"), FileExistsError, message)
        assert path.read_bytes() == b"my notes"
        assert os.listdir(tmp_path) == ["file"]

    def test_a_foreign_file_that_appears_while_the_temporary_file_is_written(self, tmp_path, monkeypatch):
        path, original = tmp_path / "file", joblib.dump

        def dump(value, file):
            original(value, file)
            path.write_bytes(b"my notes")

        monkeypatch.setattr(joblib, "dump", dump)
        self.check(path, lambda: None, FileExistsError, "is not a checkpoint of skbackprop")
        assert path.read_bytes() == b"my notes"
        assert os.listdir(tmp_path) == ["file"]

    def test_a_foreign_file_at_the_end_of_the_fit(self, tmp_path):
        path = tmp_path / "file"

        class AtTheEnd(Interrupter):
            def on_fit_task_end(self, estimator, context):
                if context.task_name == "fit":
                    path.write_bytes(b"my notes")

        network = BackpropRegressor(5, **FEW).set_callbacks(AtTheEnd(0), Checkpoint(path))
        with pytest.raises(FileExistsError, match="is not a checkpoint of skbackprop"):
            network.fit(*data(BackpropRegressor))
        assert path.read_bytes() == b"my notes"
        assert network.n_iter_ == 4

    def test_a_folder(self, tmp_path):
        path = tmp_path / "file"
        self.check(path, path.mkdir, FileExistsError, "is not a checkpoint of skbackprop")
        assert path.is_dir()

    def test_the_folder_disappears(self, tmp_path):
        folder = tmp_path / "folder"
        folder.mkdir()
        self.check(
            folder / "file", folder.rmdir, FileNotFoundError, "The folder .*folder of the checkpoint .* not exist"
        )
        assert not folder.exists()

    def test_the_checkpoint_disappears(self, tmp_path):
        fit(tmp_path / "file")
        fit(tmp_path / "file", (tmp_path / "file").unlink)
        assert is_checkpoint(tmp_path / "file")

    def test_a_link_becomes_one_to_a_foreign_file(self, tmp_path):
        link, notes = tmp_path / "link", tmp_path / "notes"
        notes.write_bytes(b"my notes")
        link.symlink_to(tmp_path / "file")

        def change():
            link.unlink()
            link.symlink_to(notes)

        self.check(link, change, FileExistsError, "is not a checkpoint of skbackprop")
        assert notes.read_bytes() == b"my notes"
        assert link.is_symlink()


class TestUnusualPaths:
    def test_a_dangling_link_is_followed(self, tmp_path):
        (tmp_path / "link").symlink_to("file")
        network = fit(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        np.testing.assert_array_equal(theta(joblib.load(tmp_path / "file")), theta(network))

    def test_a_dangling_link_into_a_folder_that_does_not_exist(self, tmp_path):
        (tmp_path / "link").symlink_to("folder/file")
        with pytest.raises(FileNotFoundError, match=r"The folder .*folder of the checkpoint .*link does not exist"):
            fit(tmp_path / "link")

    def test_a_link_to_itself(self, tmp_path):
        (tmp_path / "link").symlink_to("link")
        with pytest.raises(FileExistsError, match="is not a checkpoint"):
            fit(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()

    def test_other_hard_links_keep_the_earlier_checkpoint(self, tmp_path):
        first = fit(tmp_path / "file")
        os.link(tmp_path / "file", tmp_path / "other")
        fit(tmp_path / "file", lambda: None)
        BackpropRegressor(6, **FEW).set_callbacks(Checkpoint(tmp_path / "file")).fit(*data(BackpropRegressor))
        np.testing.assert_array_equal(theta(joblib.load(tmp_path / "other")), theta(first))

    @ON_POSIX
    def test_a_pipe(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(FileExistsError, match="is not a checkpoint"):
            fit(tmp_path / "pipe")
        with pytest.raises(ValueError, match="it is a device or a pipe"):
            Checkpoint(tmp_path / "pipe").resume(*data(BackpropRegressor))
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    @ON_POSIX
    def test_a_device(self):
        with pytest.raises((FileExistsError, PermissionError), match=r"is not a checkpoint|cannot be written to"):
            fit(os.devnull)
        assert stat.S_ISCHR(os.stat(os.devnull).st_mode)

    def test_a_folder(self, tmp_path):
        with pytest.raises(FileExistsError, match="is not a checkpoint"):
            fit(tmp_path)
        assert not os.listdir(tmp_path)


def test_files_without_a_header_are_read_and_replaced(tmp_path):
    """The first versions wrote none."""
    path = tmp_path / "file"
    fit(path)
    content = path.read_bytes()[: -checkpoint_file.MARK_LENGTH].removeprefix(HEADER)
    path.write_bytes(content + MARK + b"%08x" % checkpoint_file.zlib.crc32(content))
    assert Checkpoint(path).resume(*data(BackpropRegressor)).n_iter_ == 4
    fit(path)
    assert path.read_bytes().startswith(HEADER)
