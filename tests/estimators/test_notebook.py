"""What a Jupyter notebook shows of a fit, in a real kernel."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

import skbackprop

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

PREPARE = """
from sklearn.datasets import load_diabetes
from skbackprop import BackpropRegressor
X, y = load_diabetes(return_X_y=True)
network = BackpropRegressor(4, alpha=0.0, max_iter=5, tol=None, random_state=0)
"""
WITHOUT_WIDGETS = "import sys; sys.modules['ipywidgets'] = None"
PRINT, BAR, SHOW = (
    "network.set_params(verbose=1).fit(X, y);",
    "network.set_params(verbose=2).fit(X, y);",
    "network",
)


def outputs(*cells):
    """Return the list of the outputs of each cell, as a new kernel gives them."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in (PREPARE, *cells)])
    environment = os.environ | {"PYTHONPATH": str(Path(skbackprop.__file__).parents[1])}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=environment)
    return [cell.outputs for cell in notebook.cells[1:]]


@pytest.fixture(scope="module")
def without_widgets():
    """The outputs of the cells in a kernel without ipywidgets."""
    return dict(zip(("hide", PRINT, BAR, SHOW), outputs(WITHOUT_WIDGETS, PRINT, BAR, SHOW), strict=True))


pytestmark = [
    # of the client's own libraries, which the tests do not concern
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_verbose_1_prints_lines(without_widgets):
    (printed,) = without_widgets[PRINT]
    assert printed.name == "stdout"
    assert printed.text.startswith("epoch 1 of 5: loss ")
    assert "epoch 5 of 5: loss " in printed.text


@pytest.mark.skipif(not find_spec("rich"), reason="which verbose=2 needs")
def test_verbose_2_prints_lines_where_no_widget_can_be_shown(without_widgets):
    (printed,) = without_widgets[BAR]
    assert printed.name == "stdout"
    assert "epoch 5 of 5: loss " in printed.text


@pytest.mark.skipif(not (find_spec("rich") and find_spec("ipywidgets")), reason="which the bar needs in Jupyter")
def test_verbose_2_shows_a_bar_in_a_widget():
    (shown,) = outputs(BAR)
    text = "".join(str(output) for output in shown)
    assert "application/vnd.jupyter.widget-view+json" in text
    assert "warn" not in text


def test_fitted_estimator_is_shown_with_its_layers(without_widgets):
    (shown,) = without_widgets[SHOW]
    assert '<div class="caption">10 → 4 → 1: 44 weights, 5 intercepts</div>' in shown.data["text/html"]
    assert shown.data["text/plain"].startswith("BackpropRegressor(")
