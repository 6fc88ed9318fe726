"""The steps of docs/developers/extending.md for an activation, a loss and an optimizer, in both engines.

The steps are carried out in a copy of the package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop

#: What is appended to a file of the package: one class and its entry in the registry.
ADDITIONS = {
    "activations/_rectifiers.py": '''

from .._scalar_math import tanh


@dataclass(frozen=True)
class Mish(Activation):
    """f(z) = z tanh(beta log(1 + exp(z))) (Misra 2020, for beta = 1)."""

    beta: float = 1.0

    def function(self, z, out):
        np.logaddexp(z, 0.0, out=out)
        out *= self.beta
        np.tanh(out, out=out)
        out *= z

    def derivative(self, z, a):
        t = np.tanh(self.beta * np.logaddexp(z, 0.0))
        z *= self.beta * (1.0 - t * t) * special.expit(z)
        z += t

    @staticmethod
    def scalar_value(z, beta):
        return z * tanh(beta * softplus(z))

    @staticmethod
    def scalar_derivative(z, a, beta):
        t = tanh(beta * softplus(z))
        return t + z * beta * (type(z)(1) - t * t) * logistic(z)


ACTIVATIONS["mish"] = Mish()
__all__ += ["Mish"]
''',
    "losses/_regression.py": '''

@dataclass(frozen=True)
class LogCosh(_OfLocation):
    """Sum over the outputs of log(cosh(scale (y - out))), with out = raw."""

    scale: float = 1.0

    def value_and_gradient(self, y, raw, gradient):
        raw -= y
        raw *= self.scale
        np.tanh(raw, out=gradient)
        gradient *= self.scale
        return (np.logaddexp(raw, -raw) - np.log(2.0)).sum(axis=1)

    @staticmethod
    def scalar_value_and_gradient(y, raw, scale):
        number = type(raw)
        residual = scale * (raw - y)
        return softplus(number(-2) * residual) + residual - number(0.6931471805599453), scale * tanh(residual)


LOSSES["log_cosh", "identity"] = LogCosh()
__all__ += ["LogCosh"]
''',
    "optimizers.py": '''

@dataclass(frozen=True)
class Lion(Optimizer):
    """Moves by the sign of an average of gradient and momentum (Chen et al. 2023)."""

    decay: float = 0.99
    share: float = 0.9
    n_state_arrays = 1

    def step(self, theta, gradient, optimizer_state, t, learning_rate, scratch):
        m = optimizer_state[0]
        theta -= learning_rate * np.sign(self.share * m + (1 - self.share) * gradient)
        m *= self.decay
        m += (1 - self.decay) * gradient

    @staticmethod
    def loop_step(theta, gradient, optimizer_state, t, learning_rate, share, decay):
        number = theta.dtype.type
        rate, old, new = number(learning_rate), number(share), number(1 - share)
        kept, added = number(decay), number(1 - decay)
        m = optimizer_state[0]
        for i in range(theta.size):
            theta[i] -= rate * np.sign(old * m[i] + new * gradient[i])
            m[i] = kept * m[i] + added * gradient[i]


OPTIMIZERS["lion"] = Lion()
''',
}
#: The scalar functions that an addition uses, beside those that its file has imported.
IMPORTS = {"losses/_regression.py": ("import Number, exp, logistic", "import Number, exp, logistic, softplus, tanh")}

TRAIN_BY_BOTH_ENGINES = """
import warnings
import numpy as np
from skbackprop import BackpropRegressor
from skbackprop.activations import ACTIVATIONS, Mish
from skbackprop.losses import LogCosh, check_loss
from skbackprop.optimizers import Lion

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3)).astype(DTYPE)
y = np.sin(X[:, 0]).astype(DTYPE)
check_loss(LogCosh(0.7), y=[[0.0, 1.0]], raw=[[0.3, -2.0]])
for activation, loss, optimizer in (
    ("mish", "squared_error", "nesterov"),
    ("tanh", "log_cosh", "nesterov"),
    ("tanh", "squared_error", "lion"),
    (Mish(beta=0.5), LogCosh(scale=2.0), Lion(decay=0.9, share=0.5)),
):
    weights = []
    for engine in ("numpy", "numba"):
        network = BackpropRegressor(
            (4, 3), activation=activation, loss=loss, optimizer=optimizer, engine=engine,
            batch_size=16, max_iter=3, tol=None, random_state=0,
        ).fit(X, y)
        assert network.engine_ == engine
        weights.append(np.concatenate([W.ravel() for W in network.coefs_]))
    np.testing.assert_allclose(*weights, rtol=TOLERANCE, atol=TOLERANCE)
    print(activation)
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """The folder of a copy of the package with the additions."""
    folder = tmp_path_factory.mktemp("extended")
    package = folder / "skbackprop"
    shutil.copytree(Path(skbackprop.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, addition in ADDITIONS.items():
        text = (package / file).read_text()
        before, after = IMPORTS.get(file, ("", ""))
        assert before in text
        (package / file).write_text(text.replace(before, after, 1) + addition)
    return folder


def run(folder, dtype, tolerance, **environment):
    """Train in a new process, with the copy in this folder."""
    code = TRAIN_BY_BOTH_ENGINES.replace("DTYPE", repr(dtype)).replace("TOLERANCE", str(tolerance))
    environment = os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")} | environment
    return subprocess.check_output([sys.executable, "-c", code], text=True, env=environment, cwd=folder).splitlines()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_both_engines_know_an_addition(extended, dtype, tolerance):
    """The kernel runs as plain Python, which takes no compiler."""
    pytest.importorskip("numba")
    assert len(run(extended, dtype, tolerance, NUMBA_DISABLE_JIT="1")) == 4


def test_the_compiled_kernel_knows_an_addition(extended):
    pytest.importorskip("numba")
    assert len(run(extended, "float32", 1e-4)) == 4
