"""The tests that docs/guarantees.md names exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def exists(name):
    """Return whether there is a test `folder/file.py`, optionally followed by `::Class` and `::function`."""
    file, *path = name.split("::")
    if not (TESTS / file).exists():
        return False
    body = ast.parse((TESTS / file).read_text()).body
    for part in path:
        body = next((node.body for node in body if getattr(node, "name", None) == part), None)
        if body is None:
            return False
    return True


def test_documented_guarantees_name_existing_tests():
    text = (TESTS.parent / "docs" / "guarantees.md").read_text()
    named = re.findall(r"`(\w+/test_\w+\.py(?:::\w+)*)`", text)
    assert named
    assert [name for name in named if not exists(name)] == []
