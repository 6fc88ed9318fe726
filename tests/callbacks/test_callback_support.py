"""Without scikit-learn's callbacks, as before 1.9, everything works but setting one."""

from importlib.util import find_spec

import pytest
import sklearn

from tests.shared import BOTH, FEW, announce, data


@BOTH
@pytest.mark.skipif(find_spec("sklearn.callback") is not None, reason="this scikit-learn has callbacks")
def test_setting_one_on_an_earlier_version_says_which_is_needed(estimator):
    X, y = data(estimator)
    network = estimator(5, **FEW).fit(X, y).partial_fit(X, y, **announce(estimator))
    with pytest.raises(ImportError, match=f"needs scikit-learn 1.9 or later, and this is {sklearn.__version__}"):
        network.set_callbacks(object())
    assert network.predict(X).shape == y.shape
