"""The notebook of the lecture runs from top to bottom and is stored without outputs."""

import json
import warnings
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "examples" / "lecture.ipynb"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_notebook_runs_from_top_to_bottom_without_warnings(plt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cell in code_cells():
            exec(compile("".join(cell["source"]), f"{NOTEBOOK.name}, {cell['id']}", "exec"), namespace)
    assert not list(tmp_path.iterdir())


def test_notebook_is_stored_without_outputs():
    assert [cell["id"] for cell in code_cells() if cell["outputs"] or cell["execution_count"]] == []
