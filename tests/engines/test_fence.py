"""Whatever is wrong with numba or the stored kernel, the default fit trains with numpy and says why."""

import logging
import os
import shutil
import subprocess
import sys
import textwrap
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from skbackprop import BackpropRegressor
from skbackprop._engines import kernel_cache, numba_engine, selection
from skbackprop._engines.kernel_cache import find_files
from skbackprop._engines.numba_engine import load_kernel
from tests.engines.plain_kernel import require_compiler
from tests.shared import TRAINS_BRIEFLY, theta

pytestmark = TRAINS_BRIEFLY
FLOAT64 = np.dtype(np.float64)

#: Defines `fit`, which prints the engine, the number of warnings about it, and the reason; and checks the weights.
PREPARE = """
import os, sys, warnings
import numpy as np
from skbackprop import BackpropRegressor
X = np.random.default_rng(0).normal(size=(200, 3))
def fit(engine="auto", dtype=np.float64, max_iter=100):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = X.astype(dtype)
        network = BackpropRegressor(4, engine=engine, max_iter=max_iter, tol=None, random_state=0).fit(data, data[:, 0])
    network_by_numpy = BackpropRegressor(4, engine="numpy", max_iter=max_iter, tol=None, random_state=0)
    expected = network_by_numpy.fit(data, data[:, 0]).predict(data)
    np.testing.assert_allclose(network.predict(data), expected, rtol=1e-2, atol=1e-3)
    messages = [str(warning.message) for warning in caught if warning.category is RuntimeWarning]
    print(network.engine_, len(messages), *messages)
"""


#: Deprives root of the right to enter every folder.
AS_ANYBODY = ["setpriv", *(f"--{kind}=-dac_override,-dac_read_search" for kind in ("bounding-set", "inh-caps"))]
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_permissions = pytest.mark.skipif(
    not hasattr(os, "geteuid") or (IS_ROOT and not shutil.which("setpriv")), reason="every folder can be entered"
)


def run(code, **environment):
    """Return the lines that Python prints after `PREPARE`."""
    environment = {name: value for name, value in (os.environ | environment).items() if value is not None}
    code = PREPARE + textwrap.dedent(code)
    command = [*(AS_ANYBODY if IS_ROOT and shutil.which("setpriv") else ()), sys.executable, "-c", code]
    return subprocess.check_output(command, text=True, env=environment).splitlines()


@pytest.fixture(scope="session")
def stored():
    """The stored kernel for float64."""
    require_compiler()
    load_kernel(FLOAT64)
    files = find_files("epoch", FLOAT64)
    if not files:
        pytest.skip("no folder takes the compiled kernel")
    return files[0]


@pytest.fixture
def copy(stored, tmp_path):
    """A copy of the kernel, in a folder of its own that is to be set as NUMBA_CACHE_DIR."""
    (tmp_path / "skbackprop").mkdir()
    return shutil.copy(stored, tmp_path / "skbackprop")


def test_damaged_files_of_every_kind(copy, tmp_path):
    """The last kind is unharmed, but cannot be unpickled here; by an installation that lacks something, for example."""
    lines = run(
        f"""
        from pathlib import Path
        from skbackprop._engines import kernel_cache, numba_engine
        path = Path({str(copy)!r})
        whole = path.read_bytes()
        fit()
        rng = np.random.default_rng(0)
        files = [b"", whole[: len(whole) // 2], bytes(len(whole))]
        for position in rng.integers(0, 8 * len(whole), 40):
            flipped = bytearray(whole)
            flipped[position // 8] ^= 1 << position % 8
            files.append(flipped)
        rest = whole.split(b"\\n")[1] + b"\\ncno_module\\nno_name\\n."
        files.append(kernel_cache._digest(rest) + b"\\n" + rest)
        for content in files:
            path.write_bytes(content)
            numba_engine.forget_kernels()  # as if in a new process
            fit()
        path.rename(str(path).replace(".kernel", "0.kernel"))
        fit()
        """,
        NUMBA_CACHE_DIR=str(tmp_path),
    )
    assert lines.pop(0) == "numba 0"
    assert [line.split(": run")[0].split("available: ")[1] for line in lines] == [
        *43 * [f"{copy} is damaged"],
        "No module named 'no_module'",
        "the kernel was compiled for another kind of CPU",
    ]
    for line in lines:
        assert line.startswith("numpy 1 Training with numpy, because the compiled engine is not available: ")
        assert line.endswith(": run python -m skbackprop.compile. Or set engine='numpy'.")


class TestFolders:
    @needs_permissions
    def test_a_read_only_folder_serves(self, copy, tmp_path):
        """Even if the home folder may not be entered."""
        (tmp_path / "home").mkdir(mode=0)
        os.chmod(copy, 0o444)
        os.chmod(tmp_path / "skbackprop", 0o555)
        lines = run("fit(); fit('numba')", NUMBA_CACHE_DIR=str(tmp_path), HOME=str(tmp_path / "home"))
        assert lines == ["numba 0", "numba 0"]

    @needs_permissions
    def test_where_nothing_can_be_found(self, tmp_path):
        """A folder that exists but may not be entered is worth a warning: the kernel may be there."""
        (tmp_path / "closed").mkdir(mode=0)
        (tmp_path / "file").touch()
        lines = run(
            f"""
            from pathlib import Path
            from skbackprop._engines import kernel_cache
            kernel_cache.FOLDER = folder = Path({str(tmp_path)!r})  # where no kernel is
            for name in ("HOME", "NUMBA_CACHE_DIR"):
                os.environ[name] = f"{{folder}}/closed"
                fit()
                fit(max_iter=1)
                for value in ("file", "nothing"):
                    os.environ[name] = f"{{folder}}/{{value}}"
                    fit()
                del os.environ[name]
            os.path.expanduser = lambda path: path  # what it does if there is no home folder
            fit()
            """,
            NUMBA_CACHE_DIR=None,
            XDG_CACHE_HOME=None,
        )
        for position in (0, 4):
            assert "Permission denied" in lines[position] or not find_spec("numba")
            assert "set NUMBA_CACHE_DIR" in lines[position] or not find_spec("numba")
            assert lines[position].startswith("numpy 1" if find_spec("numba") else "numpy 0")
            del lines[position]
            lines.insert(position, "numpy 0")
        assert lines == 9 * ["numpy 0"]


class TestNumba:
    def test_that_cannot_be_imported(self):
        """The package may be used by one numba that raises anything; the kernel is stored, or the fit is long."""
        lines = run(
            """
            from importlib.abc import Loader, MetaPathFinder
            from importlib.machinery import ModuleSpec
            from skbackprop._engines import numba_engine
            numba_engine.COMPILE_SECONDS = 0

            class Broken(Loader, MetaPathFinder):
                def find_spec(self, name, path, target=None):
                    return ModuleSpec(name, self) if name == "numba" else None

                def create_module(self, spec):
                    raise error("this is broken")

                def exec_module(self, module): pass

            sys.meta_path.insert(0, Broken())
            for error in (ImportError, OSError, AttributeError, SystemError, RuntimeError):
                numba_engine._import_kernel.cache_clear()
                fit()
                try:
                    BackpropRegressor(4, engine="numba").fit(X, X[:, 0])
                except ImportError as raised:
                    print(raised)
            """
        )
        for auto, named, error in zip(
            lines[::2],
            lines[1::2],
            ("ImportError", "OSError", "AttributeError", "SystemError", "RuntimeError"),
            strict=True,
        ):
            reason = f"not available: numba cannot be imported ({error}: this is broken): install it again."
            assert auto.startswith("numpy 1")
            assert reason in auto
            assert reason in named

    def test_without_its_compiler(self, copy, tmp_path):
        lines = run("fit(); fit('numba', max_iter=2)", NUMBA_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="1")
        assert lines[0].startswith("numpy 1")
        assert "NUMBA_DISABLE_JIT switches the compiler off: unset it" in lines[0]
        assert lines[1] == "numba 0"

    def test_with_the_kernel_of_another_dtype(self, copy, tmp_path):
        lines = run("fit(dtype=np.float32); print('numba' in sys.modules)", NUMBA_CACHE_DIR=str(tmp_path))
        assert lines == ["numpy 0", "False"]


def fitted(engine="auto", **params):
    X = np.random.default_rng(0).normal(size=(200, 3))
    return BackpropRegressor(4, engine=engine, max_iter=5, tol=None, random_state=0, **params).fit(X, X[:, 0])


@pytest.fixture
def is_preferred(monkeypatch):
    """Let every fit be long enough for the compiled engine."""
    pytest.importorskip("numba")
    monkeypatch.setattr(numba_engine, "LOAD_SECONDS", 0)
    monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 0)
    monkeypatch.setattr(numba_engine, "LOADED", {FLOAT64: kernel_cache.KernelCache("epoch", FLOAT64)})


class TestFailureDuringTraining:
    @pytest.fixture
    def break_in_epoch(self, monkeypatch, is_preferred):
        """Return a function that lets the compiled engine, which is computed by numpy here, fail in one epoch."""

        def break_in_epoch(n, error):
            n_epochs = 0

            def run_epoch(self, plan, data, state, buffers):
                nonlocal n_epochs
                n_epochs += 1
                if n_epochs == n:
                    state.theta[:] = np.nan
                    state.optimizer_state[:] = np.nan
                    raise error
                return selection.FALLBACK.run_epoch(plan, data, state, buffers)

            monkeypatch.setattr(numba_engine.NumbaEngine, "run_epoch", run_epoch)
            monkeypatch.setattr(numba_engine.NumbaEngine, "make_buffers", selection.FALLBACK.make_buffers)

        return break_in_epoch

    @pytest.mark.parametrize("n", [1, 3])
    def test_numpy_repeats_the_epoch_and_goes_on(self, n, break_in_epoch):
        break_in_epoch(n, RuntimeError("no more"))
        message = r"goes on with engine='numpy', because engine='numba' failed \(RuntimeError: no more\)"
        with pytest.warns(RuntimeWarning, match=message):
            network = fitted()
        expected = fitted("numpy")
        assert network.engine_ == "numpy"
        np.testing.assert_array_equal(theta(network), theta(expected))
        assert network.loss_curve_ == expected.loss_curve_

    def test_in_a_stream(self, break_in_epoch):
        break_in_epoch(2, RuntimeError("no more"))
        X = np.random.default_rng(0).normal(size=(200, 3))
        network, expected = (BackpropRegressor(4, engine=engine, random_state=0) for engine in ("auto", "numpy"))
        network.partial_fit(X, X[:, 0])
        with pytest.warns(RuntimeWarning, match="no more"):
            network.partial_fit(X, X[:, 0])
        for _ in range(2):
            expected.partial_fit(X, X[:, 0])
        assert network.engine_ == "numpy"
        np.testing.assert_array_equal(theta(network), theta(expected))

    def test_an_interrupt_ends_training(self, break_in_epoch):
        break_in_epoch(3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            fitted()

    def test_who_asks_for_numba_gets_the_error(self, break_in_epoch):
        break_in_epoch(3, RuntimeError("no more"))
        with pytest.raises(RuntimeError, match="no more"):
            fitted("numba")


class TestKernelThatIsRefused:
    @pytest.mark.parametrize("error", [SystemError, AttributeError, MemoryError, OSError])
    def test_one_that_does_not_run(self, error, is_preferred, monkeypatch):
        numba_engine.LOADED.clear()

        def run_epoch(self, plan, data, state, buffers):
            raise error("no kernel")

        monkeypatch.setattr(numba_engine.NumbaEngine, "run_epoch", run_epoch)
        message = rf"cannot be loaded or compiled \({error.__name__}: no kernel\)"
        with pytest.warns(RuntimeWarning, match=message):
            assert fitted().engine_ == "numpy"
        with pytest.raises(ImportError, match=message):
            fitted("numba")

    def test_one_in_a_folder_that_cannot_be_read(self, is_preferred, monkeypatch):
        numba_engine.LOADED.clear()

        def find_files(function, dtype):
            raise PermissionError(13, "Permission denied", "/closed")

        monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 20)
        monkeypatch.setattr(numba_engine, "find_files", find_files)
        with pytest.warns(RuntimeWarning, match=r"cannot be read .*'/closed'.*set NUMBA_CACHE_DIR to one that can"):
            assert fitted().engine_ == "numpy"

    def test_one_that_is_in_memory_only_counts_for_long_fits(self, is_preferred, monkeypatch):
        """The choice does not depend on what this process has compiled before."""
        numba_engine.LOADED[FLOAT64].failure = "could not be stored"
        assert numba_engine.load_kernel(FLOAT64) is numba_engine.LOADED[FLOAT64]
        monkeypatch.setattr(numba_engine, "COMPILE_SECONDS", 20)
        monkeypatch.setattr(numba_engine, "find_files", lambda function, dtype: ["that of another CPU"])
        with pytest.warns(RuntimeWarning, match="process could not be stored: run python -m skbackprop.compile"):
            assert fitted().engine_ == "numpy"

    def test_one_that_computes_nonsense(self, is_preferred, monkeypatch):
        numba_engine.LOADED.clear()
        monkeypatch.setattr(numba_engine.NumbaEngine, "run_epoch", lambda *arguments: None)
        with pytest.warns(RuntimeWarning, match="computes wrong numbers"):
            assert fitted().engine_ == "numpy"
        with pytest.raises(ImportError, match="computes wrong numbers"):
            fitted("numba")
        assert not numba_engine.LOADED


class TestNumbaDispatcher:
    """A small function of numba, stored as the kernel is."""

    @pytest.fixture
    def double(self, tmp_path, monkeypatch):
        """Return a function that makes a new dispatcher, as a new process would."""
        require_compiler()
        from numba import njit

        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

        def make():
            def double(x):
                return 2 * x

            return kernel_cache.stored(njit, double, FLOAT64)

        return make

    def test_it_is_compiled_once(self, double, caplog):
        with caplog.at_level(logging.WARNING, logger="skbackprop"):
            for n_compiled in (1, 1, 1):
                function = double()
                assert function(2.5) == 5.0
                assert len(caplog.records) == n_compiled
        assert not function._cache.was_compiled
        assert "float64" in caplog.records[0].getMessage()
        assert "python -m skbackprop.compile" in caplog.records[0].getMessage()

    def test_a_damaged_file_is_replaced(self, double):
        double()(2.5)
        (path,) = find_files("double", FLOAT64)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        function = double()
        assert function(2.5) == 5.0
        assert function._cache.was_compiled
        assert not double()._cache.was_compiled
        kernel_cache.read_payload(path)

    def test_a_damaged_file_is_an_error_where_nothing_may_be_compiled(self, double):
        double()(2.5)
        (path,) = find_files("double", FLOAT64)
        path.write_bytes(b"")
        function = double()
        function._cache.may_compile = False
        with pytest.raises(kernel_cache.KernelNotFoundError, match="is damaged"):
            function(2.5)
        function._cache.may_compile = True
        assert function(2.5) == 5.0

    def test_another_signature_is_another_kernel(self, double):
        double()(2.5)
        function = double()
        assert function(2) == 4
        assert function._cache.was_compiled

    def test_what_cannot_be_stored_is_compiled_in_memory_with_a_warning(self, double, monkeypatch):
        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(kernel_cache, "_write_whole", fail)
        function = double()
        with pytest.warns(RuntimeWarning, match=r"cannot be stored.*No space left.*Set NUMBA_CACHE_DIR to a writable"):
            assert function(2.5) == 5.0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert function(2.5) == 5.0
        assert find_files("double", FLOAT64) == []

    def test_where_nothing_can_be_read_or_written(self, double, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
        with pytest.warns(RuntimeWarning, match=r"cannot be stored.*Not a directory"):
            assert double()(2.5) == 5.0
