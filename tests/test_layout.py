"""The walls of the house: imports run downward only, files stay short, and importing the package is quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))

#: Every module and the floor it is on; a module imports only from floors below its own.
FLOORS = {
    "_settings": 0,
    "_version": 0,
    "_dropout": 0,
    "_loss": 1,
    "_log_losses": 2,
    "_regression_losses": 2,
    "activations": 1,
    "initializers": 1,
    "losses": 3,
    "optimizers": 1,
    "schedules": 1,
    "_network": 2,
    "_standardize": 3,
    "_objective": 3,
    "_state": 4,
    "_watch": 5,
    "_epoch": 5,
    "_listening": 5,
    "_callback_support": 6,
    "_lbfgs": 5,
    "_training": 6,
    "_parameters": 4,
    "_recipes": 5,
    "_labels": 5,
    "_validation": 5,
    "_vector_math": 0,
    "_kernel_formulas": 1,
    "_kernel_losses": 2,
    "_kernel_rows": 3,
    "_kernel": 4,
    "_compiled": 5,
    "_engines": 6,
    "_inputs": 1,
    "_fitted": 6,
    "_predictions": 7,
    "_fitting": 7,
    "_base": 8,
    "_links": 4,
    "_trace": 7,
    "_hidden_features": 8,
    "inspection": 9,
    "_early_stopping": 7,
    "_checkpoint": 8,
    "callbacks": 9,
    "_plot_support": 8,
    "_plot_layout": 8,
    "_plot_curves": 9,
    "_plot_drawing": 9,
    "_plot_weights": 9,
    "_plot_network": 10,
    "plotting": 11,
    "_regressor": 9,
    "_classifier": 9,
    "__init__": 12,
}
#: The core runs on numpy and scipy alone; scikit-learn comes in above it.
CORE_FLOORS = (0, 1, 2, 3)
CORE = {module for module, floor in FLOORS.items() if floor in CORE_FLOORS} - {"_inputs"} | {
    *("_state", "_watch", "_epoch", "_lbfgs", "_training", "_compiled", "_engines")
}

#: numba comes in here and nowhere else.
COMPILED = {"_vector_math", "_kernel_formulas", "_kernel_losses", "_kernel_rows", "_kernel"}


#: What a module imports where it is asked for, inside its functions, and not before.
WHEN_ASKED = {
    "_listening": {"rich"},
    "inspection": {"pandas"},
    "_plot_support": {"matplotlib"},
    "_plot_drawing": {"matplotlib"},
}


def imports(module, *, inside_functions=False):
    """Names of the modules of this package that `module` imports, and of the other packages."""
    own, others = set(), set()
    tree = ast.parse((PACKAGE / f"{module}.py").read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = {node for function in functions for node in ast.walk(function)}
    typing = {node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"}
    inside |= {node for block in typing for node in ast.walk(block)}  # nothing of it is ever run
    for node in inside if inside_functions else set(ast.walk(tree)) - inside:
        if isinstance(node, ast.ImportFrom) and node.level:
            own |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.partition(".")[0] for alias in node.names}
    return own, others - set(sys.stdlib_module_names)


def test_every_module_has_its_floor():
    assert set(MODULES) == set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downward(module):
    (own, others), (own_inside, others_inside) = imports(module), imports(module, inside_functions=True)
    assert all(FLOORS[other] < FLOORS[module] for other in own | own_inside), own | own_inside
    known = {"numpy", "scipy"} | (set() if module in CORE | COMPILED else {"sklearn", "joblib"})
    assert others <= known | ({"numba"} if module in COMPILED else set())
    assert others_inside <= known | ({"numba"} if module in COMPILED else set()) | WHEN_ASKED.get(module, set())


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short_and_say_what_they_are_for(module):
    text = (PACKAGE / f"{module}.py").read_text()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text)).partition("\n")[0].endswith((".", ","))


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_listed(module):
    if not module.startswith("_") or module == "__init__":
        loaded = __import__("skbackprop" if module == "__init__" else f"skbackprop.{module}", fromlist=["__all__"])
        assert loaded.__all__ == sorted(loaded.__all__, key=lambda name: (not name.isupper(), name))
        assert all(hasattr(loaded, name) for name in loaded.__all__)


def test_importing_the_package_brings_nothing_that_scikit_learn_does_not():
    code = (
        "import sklearn.base, sklearn.preprocessing, sklearn.utils.validation, scipy.sparse, scipy.special, sys; "
        "before = {name.partition('.')[0] for name in sys.modules}; import skbackprop; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} - before))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "['skbackprop']"


def test_importing_the_package_costs_little_beside_scikit_learn():
    code = (
        "import time; start = time.perf_counter(); "
        "import sklearn.base, sklearn.preprocessing, scipy.special, scipy.sparse; "
        "middle = time.perf_counter(); import skbackprop; print((time.perf_counter() - middle) / (middle - start))"
    )
    ratio = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert ratio < 0.3
