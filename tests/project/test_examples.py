"""Every example runs as a script in an empty folder, prints something and leaves no file; a lesson has a picture."""

import runpy
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py"))
#: Packages that an example needs, and that may be missing.
NEEDED = {
    "plot_mixed_table.py": ["skrub"],
    "plot_onnx.py": ["onnxruntime", "skl2onnx"],
    "prune_with_optuna.py": ["optuna"],
    "search_with_dask.py": ["dask_ml"],
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs(example, tmp_path, monkeypatch, capsys, plt):
    for package in NEEDED.get(example, []):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", UserWarning)
        runpy.run_path(str(FOLDER / example), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert plt.get_fignums() or not example.startswith("plot_")
    assert not list(tmp_path.iterdir())
