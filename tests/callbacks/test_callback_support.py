"""With scikit-learn before 1.9, which has no callbacks, everything works except setting one."""

from importlib.util import find_spec

import pytest
import sklearn

from tests.shared import BOTH, FEW, announce, data


@BOTH
@pytest.mark.skipif(find_spec("sklearn.callback") is not None, reason="this scikit-learn has callbacks")
def test_setting_a_callback_raises_an_error_that_names_the_required_version(estimator):
    X, y = data(estimator)
    network = estimator(5, **FEW).fit(X, y).partial_fit(X, y, **announce(estimator))
    with pytest.raises(ImportError, match=f"1.9 or later; version {sklearn.__version__} is installed"):
        network.set_callbacks(object())
    assert network.predict(X).shape == y.shape
