"""Parameters, clones, copies and the client; and the conversion to an estimator for data in memory."""

import inspect
import pickle
import subprocess
import sys
from copy import deepcopy

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from tests.shared import TRAINS_BRIEFLY, theta

pytest.importorskip("distributed")

from skbackprop.dask import DaskBackpropRegressor
from tests.dask_estimators.cases import FEW, LOCAL, arrays, labels, numbers, same_bits

pytestmark = TRAINS_BRIEFLY

EACH = pytest.mark.parametrize("kind", LOCAL)


def fitted(kind, client, **params):
    return kind(**FEW, client=client, **params).fit(
        *arrays(*(numbers() if kind is DaskBackpropRegressor else labels()))
    )


@EACH
def test_the_parameters_are_those_of_the_local_estimator_and_the_strategy(kind, two_workers):
    network = kind(20, strategy="average", client=two_workers)
    assert network.get_params() == LOCAL[kind](20).get_params() | {"strategy": "average"}
    assert set(inspect.signature(kind).parameters) == {*network.get_params(), "client"}
    assert repr(network) == f"{kind.__name__}(hidden_layer_sizes=20, strategy='average')"


@EACH
def test_the_docstring_describes_all_parameters_and_attributes(kind):
    for name in ("learning_rate : ", "random_state : ", "strategy : ", "client : ", "coefs_ : ", "client_ : "):
        assert inspect.getdoc(kind).count(f"\n{name}") == 1
    with pytest.raises(TypeError, match="unexpected keyword argument 'learning'"):
        kind(learning=1)


def test_clones_and_copies_have_no_client(two_workers):
    network = fitted(DaskBackpropRegressor, two_workers)
    assert network.client is network.client_ is two_workers
    for copied in (clone(network), pickle.loads(pickle.dumps(network)), deepcopy(network)):
        assert copied.client is None
        assert copied.get_params() == network.get_params()
    copied = pickle.loads(pickle.dumps(network))
    assert same_bits(copied, network)
    unfitted = pickle.loads(pickle.dumps(DaskBackpropRegressor(3, client=two_workers)))
    assert unfitted.hidden_layer_sizes == 3


def test_the_client_is_an_attribute_and_no_parameter(two_workers):
    network = DaskBackpropRegressor()
    with pytest.raises(ValueError, match="Invalid parameter 'client'"):
        network.set_params(client=two_workers)
    network.client = two_workers
    assert network.client_ is two_workers


def test_the_default_client_is_used(client):
    assert DaskBackpropRegressor().client_ is client


def test_no_client():
    with pytest.raises(ValueError, match=r"There is no dask client: create one with distributed\.Client\(\)"):
        DaskBackpropRegressor().fit(*arrays(*numbers()))


def test_an_unknown_strategy(client):
    with pytest.raises(ValueError, match="The 'strategy' parameter of DaskBackpropRegressor must be a str among"):
        DaskBackpropRegressor(strategy="gossip").fit(*arrays(*numbers()))


@pytest.mark.parametrize("method", ["partial_fit", "fit_chunks"])
def test_methods_for_data_that_the_process_reads(method):
    assert not hasattr(DaskBackpropRegressor(), method)
    with pytest.raises(AttributeError, match=rf"has no {method}, .* call it on the BackpropRegressor that to_local"):
        getattr(DaskBackpropRegressor(), method)


@EACH
def test_the_local_estimator_shares_nothing_and_trains_on(kind, two_workers):
    network = fitted(kind, two_workers)
    before = theta(network).copy()
    local = network.to_local()
    assert type(local) is LOCAL[kind]
    assert local.get_params() == {key: value for key, value in network.get_params().items() if key != "strategy"}
    X, y = numbers() if kind is DaskBackpropRegressor else labels()
    assert (local.predict(X) == network.predict(X)).all()
    assert local.partial_fit(X, y).t_ > network.t_
    assert local.n_iter_ == network.n_iter_ + 1
    assert (theta(network) == before).all()
    assert (theta(local) != before).any()


@EACH
def test_the_local_estimator_of_one_that_is_not_fitted(kind):
    local = kind(7, strategy="average").to_local()
    assert type(local) is LOCAL[kind]
    assert local.hidden_layer_sizes == 7


def test_the_local_estimator_is_loaded_without_dask(two_workers, tmp_path):
    network = fitted(DaskBackpropRegressor, two_workers)
    X, _ = numbers()
    joblib.dump((network.to_local(), X), tmp_path / "local.joblib")
    code = (
        "import sys, joblib; sys.modules['dask'] = sys.modules['distributed'] = None; "
        f"network, X = joblib.load({str(tmp_path / 'local.joblib')!r}); print(repr(float(network.predict(X).sum())))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert float(printed) == pytest.approx(float(np.sum(network.predict(X))), rel=1e-12)


def test_without_dask_an_import_says_how_to_install_it():
    code = "import sys; sys.modules['distributed'] = None; import skbackprop.dask"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False)
    assert "ImportError: skbackprop.dask needs dask" in done.stderr
    assert 'pip install "skbackprop[dask]"' in done.stderr
