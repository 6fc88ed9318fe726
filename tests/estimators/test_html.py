"""The HTML representation is that of scikit-learn and describes the network after fitting."""

import re

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, announce, data

CAPTION = '<div class="caption">4 → 6 → 5 → {}: {} weights, {} intercepts</div>'


def body(estimator):
    """Return the HTML without styles, scripts and counters in identifiers."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", estimator_html_repr(estimator), flags=re.DOTALL)
    return re.sub(r"sk-(container|estimator)-id-\d+", "", text)


@TRAINS_BRIEFLY
@BOTH
@pytest.mark.parametrize("in_pipeline", [False, True], ids=["alone", "in a pipeline"])
def test_fitted_html_shows_layers_and_numbers_of_weights(estimator, in_pipeline):
    X, y = data(estimator)
    network = estimator((6, 5), **FEW)
    model = make_pipeline(StandardScaler(), network) if in_pipeline else network
    before = body(model)
    assert "caption" not in before
    after = body(model.fit(X, y))
    numbers = (3, 4 * 6 + 6 * 5 + 5 * 3, 6 + 5 + 3) if announce(estimator) else (1, 4 * 6 + 6 * 5 + 5, 6 + 5 + 1)
    assert after.count(CAPTION.format(*numbers)) == 1
    assert after.count(estimator.__name__) == before.count(estimator.__name__)


@BOTH
def test_unfitted_html_is_that_of_scikit_learn(estimator, monkeypatch):
    network = estimator(3)
    ours = body(network)
    definers = [base for base in estimator.__mro__ if "_sk_visual_block_" in vars(base)]
    monkeypatch.delattr(definers[0], "_sk_visual_block_")
    assert ours == body(network)


@BOTH
def test_html_has_no_link_as_long_as_the_documentation_has_no_address(estimator):
    assert "Documentation for" not in body(estimator())


@BOTH
def test_html_links_to_the_reference_once_it_has_an_address(estimator, monkeypatch):
    """docs/developers/releasing.md says where to set the two attributes."""
    monkeypatch.setattr(estimator, "_doc_link_module", "skbackprop")
    monkeypatch.setattr(estimator, "_doc_link_template", "https://example.org/{estimator_module}.{estimator_name}.html")
    assert f'href="https://example.org/skbackprop.{estimator.__name__}.html"' in body(estimator())
