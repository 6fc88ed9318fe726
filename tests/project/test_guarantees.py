"""The tests that docs/guarantees.md names exist."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
GUARANTEES = (TESTS.parent / "docs" / "guarantees.md").read_text()
NAMED_TESTS = sorted(set(re.findall(r"`(\w+/test_\w+\.py(?:::\w+)*)`", GUARANTEES)))


@pytest.mark.parametrize("name", NAMED_TESTS)
def test_each_test_named_in_the_guarantees_exists(name):
    file, *path = name.split("::")
    body = ast.parse((TESTS / file).read_text()).body
    for part in path:
        (node,) = [node for node in body if getattr(node, "name", None) == part]
        body = node.body


def test_each_known_defect_has_a_test():
    functions = re.findall(r"^def test_([a-o])_", (TESTS / "estimators" / "test_defects.py").read_text(), re.MULTILINE)
    assert functions == list("abcdefghijklmno")
    assert re.findall(r"\(([a-o])\) ", GUARANTEES) == list("abcdefghijklmno")


def test_the_guarantees_name_more_than_forty_tests():
    assert len(NAMED_TESTS) > 40
