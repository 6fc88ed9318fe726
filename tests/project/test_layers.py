"""Dependencies point downward: a package imports only from the layers below it, and only the packages it may."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent

#: The layers from top to bottom; the names in one line are a layer.
LAYERS = [
    {"__init__"},
    {"compile"},
    {"plotting", "dask", "onnx", "_trusted"},
    {"inspection", "ensemble", "chunks"},
    {"callbacks"},
    {"_estimators"},
    {"_engines"},
    {"_training"},
    {"_core"},
    {"losses", "activations", "optimizers", "schedules", "initializers", "exceptions"},
    {"_component_checks"},
    {"_hyperparameters"},
    {"_other_names", "_public", "_scalar_math", "_sklearn_compat", "_typing", "_version"},
]
LEVEL = {name: level for level, layer in enumerate(reversed(LAYERS)) for name in layer}

#: scikit-learn and joblib belong above the engines; below, everything runs on numpy and scipy.
WITH_SKLEARN = {"plotting", "dask", "onnx", "inspection", "ensemble", "callbacks", "_estimators", "_sklearn_compat"}
#: Packages that are imported where they are needed, inside functions.
OPTIONAL = {"dask", "matplotlib", "onnx", "optuna", "pandas", "pyarrow", "rich", "skl2onnx"}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(["skbackprop", *path.relative_to(PACKAGE).with_suffix("").parts])


def unit_of(dotted):
    """Return the part of the package that a module belongs to."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path):
    """Yield the absolute name of each imported module and whether the import stands inside a function."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    inside = {node for function in functions for node in ast.walk(function)}
    typing = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    never_run = {node for block in typing for node in ast.walk(block)}
    for node in ast.walk(tree):
        if node in never_run:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in inside
        elif isinstance(node, ast.ImportFrom) and node.level:
            parent = name_of(path).split(".")[: -node.level]
            targets = [node.module] if node.module else [alias.name for alias in node.names]
            for target in targets:
                yield ".".join([*parent, target]), node in inside
        elif isinstance(node, ast.ImportFrom):
            yield node.module, node in inside


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_downward(path):
    own_unit = unit_of(name_of(path))
    for target, _ in imported(path):
        if target.startswith("skbackprop") and unit_of(target) != own_unit:
            assert LEVEL[unit_of(target)] < LEVEL[own_unit], f"{name_of(path)} imports {target}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_other_packages_stay_where_they_belong(path):
    own_unit = unit_of(name_of(path))
    allowed = {"skbackprop", "numpy", "scipy", *sys.stdlib_module_names}
    allowed |= {"sklearn", "joblib"} if own_unit in WITH_SKLEARN else set()
    allowed |= {"dask", "distributed", "pandas"} if own_unit == "dask" else set()
    allowed |= {"numba"} if "_numba" in path.parts else set()
    lazy = OPTIONAL | ({"numba"} if path.name == "kernel_cache.py" else set())  # it finds files without numba
    for target, is_inside in imported(path):
        package = target.partition(".")[0]
        assert package in allowed or (is_inside and package in lazy), f"{name_of(path)} imports {target}"


@pytest.mark.parametrize("path", [path for path in modules() if "._" not in name_of(path)], ids=name_of)
def test_public_modules_list_their_names_in_order(path):
    module = import_module(name_of(path).removesuffix(".__init__"))
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(module, name) for name in module.__all__)


def test_importing_the_package_imports_nothing_that_scikit_learn_does_not():
    code = (
        "import sklearn.base, sklearn.preprocessing, sklearn.utils.validation, scipy.sparse, scipy.special, sys; "
        "before = {name.partition('.')[0] for name in sys.modules}; import skbackprop; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} - before))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "['skbackprop']"
