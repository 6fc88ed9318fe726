"""The code in the documentation runs, its links lead somewhere, and its reference lists every public module."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.project.surface import MODULES
from tests.shared import code_blocks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Pages that Sphinx writes when it builds the documentation.
BUILT = ("_build", "generated", "auto_examples")
PAGES = [page for page in PAGES if not set(page.relative_to(ROOT).parts) & set(BUILT)]


def code_of(page):
    """Return the blocks of Python code of a page that are run, without those that doctest runs."""
    return [block for block in code_blocks(page.read_text(encoding="utf-8")) if not block.startswith(">>>")]


def imported_packages(code):
    """Return the names of the packages that some code imports."""
    packages = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            packages.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            packages.add(node.module.partition(".")[0])
    return packages


def name_of(page):
    """Return the path of a page within the project."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if code_of(page)], ids=name_of)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch, plt):
    code = code_of(page)
    for package in sorted(imported_packages("\n".join(code))):
        pytest.importorskip(package)
    if "set_callbacks" in "".join(code) and not find_spec("sklearn.callback"):
        pytest.skip("scikit-learn has callbacks from version 1.9 on")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}
    for number, block in enumerate(code):
        exec(compile(block, f"{name_of(page)}, block {number}", "exec"), namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "guide"], ids=name_of)
def test_every_page_of_the_guide_has_code(page):
    assert code_of(page) or page.name == "index.md"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    files = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_the_reference_lists_every_public_module():
    listed = re.findall(
        r"^   (skbackprop[.\w]*)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(MODULES) <= set(listed)
