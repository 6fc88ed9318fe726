"""Callbacks, inspection, plotting and export use no private attributes of estimators.

They use `FittedModel`, `FittedMembers` and `fit_progress`.
"""

import ast
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
FILES = sorted(
    file for folder in ("callbacks", "inspection", "onnx", "plotting") for file in (PACKAGE / folder).glob("*.py")
)

#: Private attributes of estimators that a file may use, with the reason.
ALLOWED = {
    "callbacks/_checkpoint.py": {
        "_finish_fit": "the other half of a fit, which no user calls on an estimator that was not interrupted",
        "_finish_fit_chunks": "the same for chunks",
        "_skl_callbacks": "scikit-learn has no public attribute for the callbacks that are set",
    },
}
#: Names whose private attributes are a class's own or those of a module.
OWN = {"self", "cls"}


def private_attributes(file):
    """Yield the names of the private attributes in a file that are not those of the class itself."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
            continue
        is_dunder = node.attr.startswith("__") and node.attr.endswith("__")
        is_own = isinstance(node.value, ast.Name) and node.value.id in OWN
        if not is_dunder and not is_own and node.attr != "_replace":  # the public method of named tuples
            yield node.attr


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_only_allowed_private_attributes_are_used(file):
    allowed = ALLOWED.get(f"{file.parent.name}/{file.name}", {})
    assert set(private_attributes(file)) == set(allowed)


def test_private_attributes_are_found(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("estimator._state\nself.estimator._config\nself._own\nestimator.__class__\nget()._progress")
    assert sorted(private_attributes(file)) == ["_config", "_progress", "_state"]
