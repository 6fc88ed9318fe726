"""The file of `Checkpoint`: what it never replaces, what it refuses to read, and what survives a crash."""

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import joblib
import numpy as np
import pytest

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint
from skbackprop.callbacks._checkpoint_file import MARK_LENGTH
from tests.callbacks.helpers import Interrupter
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data, theta

if not find_spec("sklearn.callback"):
    pytest.skip("scikit-learn before 1.9 has no callbacks", allow_module_level=True)

pytestmark = TRAINS_BRIEFLY


def fit(path, estimator=BackpropRegressor, **settings):
    network = estimator(5, **FEW | settings).set_callbacks(Checkpoint(path))
    return network.fit(*data(estimator))


def interrupted(path, estimator=BackpropRegressor, n_epochs=2, held_out=None, **settings):
    """Leave the checkpoint of an interrupted fit."""
    network = estimator(5, **FEW | settings).set_callbacks(Checkpoint(path), Interrupter(n_epochs))
    with pytest.raises(ChildProcessError):
        network.fit(*data(estimator), **held_out or {})


FOREIGN = {
    "text": b"my notes",
    "empty": b"",
    "as long as a mark": b"x" * MARK_LENGTH,
    "a pickle": None,  # of another object
}


def write_foreign(path, content):
    if content is None:
        joblib.dump({"a": 1}, path)
    else:
        path.write_bytes(content)
    return path.read_bytes()


class TestForeignFiles:
    @pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
    @pytest.mark.parametrize("warm_start", [False, True])
    def test_they_are_never_replaced(self, content, warm_start, tmp_path):
        path = tmp_path / "file"
        before = write_foreign(path, content)
        with pytest.raises(FileExistsError, match=r"file exists and is not a checkpoint of skbackprop.*another path"):
            fit(path, warm_start=warm_start)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["file"]

    def test_a_folder(self, tmp_path):
        with pytest.raises(FileExistsError, match="is not a checkpoint"):
            fit(tmp_path)

    def test_partial_fit(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"my notes")
        with pytest.raises(FileExistsError, match="is not a checkpoint"):
            BackpropRegressor(5, **FEW).set_callbacks(Checkpoint(path)).partial_fit(*data(BackpropRegressor))
        assert path.read_bytes() == b"my notes"

    @pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
    @pytest.mark.parametrize("resume", ["resume", "resume_chunks"])
    def test_nothing_is_resumed_from_them(self, content, resume, tmp_path):
        path = tmp_path / "file"
        before = write_foreign(path, content)
        arguments = data(BackpropRegressor) if resume == "resume" else ([data(BackpropRegressor)],)
        with pytest.raises(
            ValueError, match=r"file is not a checkpoint that training can be resumed from: it (is|was)"
        ):
            getattr(Checkpoint(path), resume)(*arguments)
        assert path.read_bytes() == before

    def test_nothing_in_them_is_executed(self, tmp_path):
        class Harmful:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "harm"),)

        joblib.dump(Harmful(), tmp_path / "file")
        with pytest.raises(ValueError, match="was not written by Checkpoint"):
            Checkpoint(tmp_path / "file").resume(*data(BackpropRegressor))
        assert not (tmp_path / "harm").exists()

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nothing has been written yet"):
            Checkpoint(tmp_path / "file").resume(*data(BackpropRegressor))


class TestOwnFile:
    def test_joblib_and_pickle_read_it(self, tmp_path):
        network = fit(tmp_path / "file")
        np.testing.assert_array_equal(theta(joblib.load(tmp_path / "file")), theta(network))
        mapped = joblib.load(tmp_path / "file", mmap_mode="r")
        np.testing.assert_array_equal(theta(mapped), theta(network))

    def test_a_new_fit_replaces_it(self, tmp_path):
        fit(tmp_path / "file")
        network = fit(tmp_path / "file", random_state=1)
        np.testing.assert_array_equal(theta(joblib.load(tmp_path / "file")), theta(network))

    def test_a_symbolic_link_is_followed(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        link, target = tmp_path / "link", tmp_path / "elsewhere" / "network"
        link.symlink_to(target)
        interrupted(link)
        assert link.is_symlink()
        assert joblib.load(target).n_iter_ == 2
        assert Checkpoint(link).resume(*data(BackpropRegressor)).n_iter_ == 4
        assert link.is_symlink()

    def test_a_link_to_a_foreign_file(self, tmp_path):
        link, target = tmp_path / "link", tmp_path / "notes"
        target.write_bytes(b"my notes")
        link.symlink_to(target)
        with pytest.raises(FileExistsError, match="link exists and is not a checkpoint"):
            fit(link)
        assert target.read_bytes() == b"my notes"

    @pytest.mark.parametrize("n_kept", [0.0, 0.3, 0.99])
    def test_a_truncated_file_is_refused(self, n_kept, tmp_path):
        path = tmp_path / "file"
        interrupted(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(n_kept * len(content))])
        with pytest.raises(ValueError, match=r"file is not a checkpoint .*(empty|only in part)"):
            Checkpoint(path).resume(*data(BackpropRegressor))

    def test_a_damaged_file_is_refused(self, tmp_path):
        path = tmp_path / "file"
        interrupted(path)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match="it is damaged, as its checksum shows"):
            Checkpoint(path).resume(*data(BackpropRegressor))


class TestOtherData:
    """A fit is resumed with the samples it began with, and with no others."""

    @BOTH
    def test_other_samples_are_refused(self, estimator, tmp_path):
        X, y = data(estimator)
        interrupted(tmp_path / "file", estimator)
        changed = X.copy()
        changed[7, 0] += 1e-6
        other = np.roll(y, 60)
        for arguments in ((changed, y), (X, other), (X[::-1], y[::-1]), (X, y, np.linspace(1, 2, len(y)))):
            with pytest.raises(ValueError, match=r"X, y or sample_weight differ"):
                Checkpoint(tmp_path / "file").resume(*arguments)
        assert Checkpoint(tmp_path / "file").resume(X, y).n_iter_ == 4

    @BOTH
    def test_another_validation_set_is_refused(self, estimator, tmp_path):
        X, y = data(estimator)
        held_out = {"X_val": X[::5], "y_val": y[::5], "sample_weight_val": np.linspace(1, 2, len(y[::5]))}
        interrupted(tmp_path / "file", estimator, held_out=held_out)
        for name, values in held_out.items():
            changed = held_out | {name: values[::-1]}
            with pytest.raises(ValueError, match=r"X_val, y_val or sample_weight_val differ"):
                Checkpoint(tmp_path / "file").resume(X, y, **changed)
        held_out["X_val"] = X[::5].tolist()
        assert Checkpoint(tmp_path / "file").resume(X, y, **held_out).n_iter_ == 4

    @pytest.mark.parametrize("kind", [list, np.asfortranarray, lambda array: array.astype(array.dtype.newbyteorder())])
    def test_the_same_samples_in_another_form(self, kind, tmp_path):
        X, y = data(BackpropRegressor)
        interrupted(tmp_path / "file")
        assert Checkpoint(tmp_path / "file").resume(kind(X), kind(y)).n_iter_ == 4

    def test_files_without_a_fingerprint(self, tmp_path):
        """The first versions did not store one."""
        interrupted(tmp_path / "file")
        network = joblib.load(tmp_path / "file")
        stored = network.__getstate__()
        del stored["progress"]["fingerprint"]
        network.__setstate__(stored)
        assert network._finish_fit(*data(BackpropRegressor), None, (None, None, None)).n_iter_ == 4


def run(code):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills its children")
def test_no_kill_loses_the_last_checkpoint(tmp_path):
    """30 kills at random moments of processes that do little else than writing checkpoints."""
    path = tmp_path / "file"
    (tmp_path / "notes").write_bytes(b"my notes")
    interrupted(path)
    code = f"""
        import os, random, signal, time
        from skbackprop import BackpropRegressor
        from skbackprop.callbacks import Checkpoint
        from skbackprop.callbacks._checkpoint_file import read
        from tests.shared import data

        X, y = data(BackpropRegressor)
        rng = random.Random(0)
        network = BackpropRegressor(200, max_iter=10**5, tol=None, random_state=0, alpha=0, learning_rate=1e-6)
        path = Checkpoint({str(path)!r}).path
        written = set()
        for _ in range(30):
            before = path.stat().st_mtime_ns
            child = os.fork()
            if not child:
                network.set_callbacks(Checkpoint(path)).fit(X, y)
                os._exit(1)
            while path.stat().st_mtime_ns == before:
                time.sleep(0.001)
            time.sleep(rng.random() / 20)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            written.add(read(path).n_iter_)
        print(len(written))
    """
    done = run(code)
    assert done.returncode == 0, done.stderr.decode()
    assert int(done.stdout) > 3  # the kills were in different epochs
    assert (tmp_path / "notes").read_bytes() == b"my notes"
    assert Checkpoint(path).path.exists()


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    path = tmp_path / "file"
    interrupted(path)
    before = path.read_bytes()
    code = f"""
        import resource
        from skbackprop import BackpropRegressor
        from skbackprop.callbacks import Checkpoint
        from tests.shared import FEW, data

        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        BackpropRegressor(5, **FEW).set_callbacks(Checkpoint({str(path)!r})).fit(*data(BackpropRegressor))
    """
    message = run(code).stderr
    assert b"OSError" in message
    assert b"could not be written; if there was one before, it is unchanged" in message
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error_before_the_first_epoch(tmp_path):
    interrupted(tmp_path / "file")
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="cannot be written to"):
        fit(tmp_path / "file")
    assert joblib.load(tmp_path / "file").n_iter_ == 2


def test_a_folder_that_cannot_be_written_to_is_an_error_before_the_first_epoch(tmp_path, monkeypatch):
    interrupted(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"The folder .* of the checkpoint .* cannot be written to"):
        fit(tmp_path / "file")
    assert joblib.load(tmp_path / "file").n_iter_ == 2


def test_classifier_files(tmp_path):
    interrupted(tmp_path / "file", BackpropClassifier)
    assert Checkpoint(tmp_path / "file").resume(*data(BackpropClassifier)).n_iter_ == 4
