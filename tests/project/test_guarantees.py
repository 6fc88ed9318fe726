"""What docs/promises.md says is held by tests that exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROMISES = (TESTS.parent / "docs" / "promises.md").read_text()
NAMED = sorted(set(re.findall(r"`(\w+/test_\w+\.py(?:::\w+)*)`", PROMISES)))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_holds_a_promise_exists(name):
    file, *path = name.split("::")
    body = ast.parse((TESTS / file).read_text()).body
    for part in path:
        (node,) = [node for node in body if getattr(node, "name", None) == part]
        body = node.body


def test_every_known_defect_has_its_test():
    functions = re.findall(r"^def test_([a-o])_", (TESTS / "estimators" / "test_defects.py").read_text(), re.MULTILINE)
    assert functions == list("abcdefghijklmno")
    assert re.findall(r"\(([a-o])\) ", PROMISES) == list("abcdefghijklmno")


def test_there_are_promises():
    assert len(NAMED) > 40
