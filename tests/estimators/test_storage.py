"""Stored estimators: files name public classes only, load under other releases of numpy, and are validated."""

import ast
import copy
import pickle
import pickletools
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, __version__
from skbackprop._estimators.storage import FORMAT
from skbackprop.activations import ACTIVATIONS, Activation
from skbackprop.callbacks import Callback
from skbackprop.ensemble import BackpropEnsembleRegressor
from skbackprop.losses import LOSSES, Huber
from skbackprop.optimizers import OPTIMIZERS, RMSprop
from skbackprop.schedules import SCHEDULES, Plateau
from tests.estimators.stored.make import X as IRIS
from tests.estimators.stored.make import names
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data, theta

pytestmark = TRAINS_BRIEFLY

STORED = sorted((Path(__file__).parent / "stored").glob("*.joblib"))
NEEDS_CALLBACKS = pytest.mark.skipif(not find_spec("sklearn.callback"), reason="this scikit-learn has no callbacks")
NEEDS_SKOPS = pytest.mark.skipif(not find_spec("skops"), reason="skops is not installed")


class Cubic(Activation):
    """A custom activation."""

    def function(self, z, out):
        np.power(z, 3, out=out)

    def derivative(self, z, a):
        np.multiply(z, z, out=z)
        z *= 3


def every_kind_of_estimator():
    """Return (id, estimator) for every loss, optimizer, schedule and activation, and for other parts of the state."""
    few = FEW | {"engine": "numpy"}
    cases = {}
    for loss, output_activation in LOSSES:
        params = {"loss": loss, "output_activation": output_activation}
        if loss == "log_loss":
            cases[f"classifier {loss} {output_activation}"] = BackpropClassifier(4, **params, **few)
        else:
            cases[f"regressor {loss} {output_activation}"] = BackpropRegressor(4, **params, **few)
    for estimator in (BackpropRegressor, BackpropClassifier):
        name = estimator.__name__
        for optimizer in OPTIMIZERS:
            cases[f"{name} {optimizer}"] = estimator(4, optimizer=optimizer, solver="batch", **few)
        for schedule in SCHEDULES:
            cases[f"{name} {schedule}"] = estimator(4, learning_rate=schedule, **few)
        for activation in ACTIVATIONS:
            cases[f"{name} {activation}"] = estimator(4, activation=activation, **few)
        cases[f"{name} raw"] = estimator((), standardize=False, learning_rate=0.001, **few)
        cases[f"{name} validation"] = estimator(4, early_stopping=True, dropout=0.2, **few)
        cases[f"{name} objects"] = estimator(4, optimizer=RMSprop(rho=0.8), learning_rate=Plateau(0.01), **few)
    return cases


CASES = every_kind_of_estimator()
EVERY_KIND = pytest.mark.parametrize("network", CASES.values(), ids=CASES.keys())


def training_data(network):
    """Return samples whose targets every loss accepts."""
    X, y = data(type(network))
    return (X, y) if isinstance(network, BackpropClassifier) else (X, 0.1 + 0.4 * (y + 1.0))


def strings_in(pickled):
    """Return every string in a pickle, among them the names of all modules and classes."""
    return {argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)}


@EVERY_KIND
def test_pickle_names_public_modules_only(network):
    network.fit(*training_data(network))
    text = " ".join(strings_in(pickle.dumps(network)))
    assert type(network).__module__ == "skbackprop"
    assert "skbackprop" in text
    assert "skbackprop._" not in text
    assert not any(f"skbackprop.{module}._" in text for module in ("losses", "callbacks", "inspection", "plotting"))


@NEEDS_SKOPS
@EVERY_KIND
def test_skops_file_needs_trust_in_public_classes_only(network):
    import skops.io

    X, y = training_data(network)
    stored = skops.io.dumps(network.fit(X, y))
    trusted = skops.io.get_untrusted_types(data=stored)
    vocabulary = ("activations", "losses", "optimizers", "schedules")
    for name in trusted:
        module, _, class_name = name.rpartition(".")
        assert module in ("skbackprop", *(f"skbackprop.{part}" for part in vocabulary))
        assert not class_name.startswith("_")
    loaded = skops.io.loads(stored, trusted=trusted)
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))


@EVERY_KIND
def test_loaded_network_predicts_the_same_and_continues_exactly(network):
    X, y = training_data(network)
    loaded = pickle.loads(pickle.dumps(network.fit(X, y)))
    assert vars(loaded).keys() == vars(network).keys()
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    if hasattr(network, "partial_fit"):
        np.testing.assert_array_equal(theta(loaded.partial_fit(X, y)), theta(network.partial_fit(X, y)))


@BOTH
def test_stored_state_has_plain_values_and_public_classes_only(estimator):
    def check(value):
        if isinstance(value, dict):
            for name, entry in value.items():
                assert isinstance(name, str)
                check(entry)
        elif isinstance(value, (list, tuple)):
            for entry in value:
                check(entry)
        elif not isinstance(value, (type(None), bool, int, float, str, np.ndarray)):
            assert type(value).__module__ in {f"skbackprop.{name}" for name in ("activations", "losses")} | {
                f"skbackprop.{name}" for name in ("optimizers", "schedules")
            }

    check(estimator(4, early_stopping=True, **FEW).fit(*data(estimator)).__getstate__())


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_files_load_under_other_releases_of_numpy(path):
    assert len(STORED) >= 4
    network, expected = joblib.load(path), np.load(path.with_suffix(".npz"))
    is_regressor = isinstance(network, BackpropRegressor)
    X, target = IRIS[:, :3], (IRIS[:, 3] if is_regressor else names)
    output = network.predict(X) if is_regressor else network.predict_proba(X)
    np.testing.assert_allclose(output, expected["output"], rtol=1e-4, atol=1e-6)
    if is_regressor:
        network.set_params(learning_rate=0.001)  # "auto" was this rate when the files were made
    network.partial_fit(X, target)
    assert network.t_ == expected["t"]
    np.testing.assert_allclose(network.coefs_[0], expected["coefs"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_files_from_before_samples_were_counted_have_no_rejected_ones(path):
    assert joblib.load(path).n_rejected_ == 0


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_files_from_before_penalties_were_recorded_have_none(path):
    network = joblib.load(path)
    assert network.penalty_curve_ == [0.0] * len(network.loss_curve_)


@pytest.fixture
def stored():
    """Return the state of a fitted network, whose parts a test may change."""
    return copy.deepcopy(BackpropClassifier(6, **FEW).fit(*data(BackpropClassifier)).__getstate__())


def load(stored):
    network = BackpropClassifier.__new__(BackpropClassifier)
    network.__setstate__(stored)
    return network


def test_newer_format_is_rejected_with_both_versions(stored):
    stored |= {"format": FORMAT + 1, "version": "99.0"}
    message = rf"stored by skbackprop 99.0 in format {FORMAT + 1}, and version {__version__} supports formats up to"
    with pytest.raises(ValueError, match=message):
        load(stored)


def stored_by_pickle(model, folder):
    data = pickle.dumps(model)
    return lambda: pickle.loads(data)


def stored_by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return lambda: joblib.load(folder / "model.joblib")


def stored_by_skops(model, folder):
    import skops.io

    data = skops.io.dumps(model)
    return lambda: skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


WAYS = [stored_by_pickle, stored_by_joblib, pytest.param(stored_by_skops, marks=NEEDS_SKOPS)]


@pytest.mark.parametrize("store", WAYS)
@pytest.mark.parametrize("kind", ["network", "unfitted", "pipeline", "ensemble"])
def test_files_of_a_newer_format_are_rejected_with_the_remedy(kind, store, tmp_path, monkeypatch):
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(3, **FEW)
    model = {
        "network": network,
        "unfitted": network,
        "pipeline": make_pipeline(StandardScaler(), network),
        "ensemble": BackpropEnsembleRegressor(network, n_estimators=2, candidates=None),
    }[kind]
    if kind != "unfitted":
        model.fit(X, y)
    with monkeypatch.context() as newer:
        newer.setattr("skbackprop._estimators.storage.FORMAT", FORMAT + 1)
        newer.setattr("skbackprop._estimators.storage.__version__", "99.0")
        load_model = store(model, tmp_path)
        assert type(load_model()) is type(model)
    message = (
        rf"stored by skbackprop 99\.0 in format {FORMAT + 1}, and version {__version__} supports formats up to "
        rf"{FORMAT}: install skbackprop 99\.0 or later to load it"
    )
    with pytest.raises(ValueError, match=message):
        load_model()
    assert type(store(model, tmp_path)()) is type(model)


def test_file_that_is_not_a_stored_estimator_is_rejected():
    with pytest.raises(ValueError, match="not a stored estimator of skbackprop: it has no format number"):
        load({"hidden_layer_sizes": 3})


@pytest.mark.parametrize(
    ("section", "key"),
    [(None, "network"), (None, "params"), ("network", "theta"), ("network", "loss"), ("network", "random_generator")],
)
def test_missing_key_is_rejected_by_name(stored, section, key):
    del (stored if section is None else stored[section])[key]
    with pytest.raises(ValueError, match=rf"\['{key}'\] missing in the stored"):
        load(stored)


@pytest.mark.parametrize("part", ["settings", "numbers", "curves", "standardizer"])
def test_missing_number_is_rejected_by_name(stored, part):
    key = next(iter(stored["network"][part]))
    del stored["network"][part][key]
    with pytest.raises(ValueError, match=rf"\['{key}'\] missing in the"):
        load(stored)


def test_penalties_of_another_number_of_epochs_are_rejected(stored):
    curves = stored["network"]["curves"]
    curves["penalty_curve"] = curves["loss_curve"][1:]
    with pytest.raises(ValueError, match="penalty_curve of the stored network must have as many values as loss_curve"):
        load(stored)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["theta", "optimizer_state"])
def test_weight_that_is_not_finite_is_rejected(stored, name, value):
    stored["network"][name].flat[3] = value
    with pytest.raises(ValueError, match=f"{name} of the stored network has NaN or infinite values"):
        load(stored)


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_moment_that_is_not_finite_is_rejected(stored, name):
    stored["network"]["standardizer"][name][0] = np.nan
    with pytest.raises(ValueError, match=f"{name} of the standardizer .* has NaN or infinite values"):
        load(stored)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda network: network.update(theta=network["theta"][:-1]), "theta .* has shape .*; it must be"),
        (lambda network: network.update(theta=network["theta"].astype(int)), "theta .* must be an array of floats"),
        (lambda network: network.update(theta=network["theta"].tolist()), "theta .* must be an array of floats"),
        (
            lambda network: network.update(optimizer_state=network["optimizer_state"][:, 1:]),
            "optimizer_state of the stored network has .* columns",
        ),
        (
            lambda network: network.update(optimizer_state=network["optimizer_state"].astype(np.float32)),
            "optimizer_state .* must be an array of float64, got float32",
        ),
        (lambda network: network.update(sizes=[4]), "sizes of the stored network must be"),
        (lambda network: network.update(sizes=[5, 6, 3]), "theta .* has shape"),
        (lambda network: network.update(activations=[]), "0 activations for 1 hidden layers"),
        (lambda network: network.update(loss="log_loss"), "loss of the stored network must be of type Loss"),
        (lambda network: network.update(random_generator={"state": 3}), "random generator .* is damaged"),
        (
            lambda network: network["standardizer"].update(mean=np.zeros(3)),
            r"mean of the standardizer .* has shape \(3,\); it must be \(4,\)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # a function's repr differs between processes
)
def test_part_of_the_wrong_shape_or_type_is_rejected(stored, change, message):
    change(stored["network"])
    with pytest.raises(ValueError, match=message):
        load(stored)


def parts_of(stored, path=()):
    """Return the path of every entry of nested dictionaries and lists."""
    entries = stored.items() if isinstance(stored, dict) else enumerate(stored) if isinstance(stored, list) else ()
    return [path, *(found for key, entry in entries for found in parts_of(entry, (*path, key)))]


class KeepProgress(Callback):
    """Keeps what a copy of the estimator would store after each epoch."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            attributes = {name: value for name, value in vars(estimator).items() if "callback" not in name}
            network = copy.copy(estimator)
            vars(network).clear()
            vars(network).update(attributes)
            self.stored = copy.deepcopy(network.__getstate__())


def replaced(stored, path, value):
    """Return a copy of `stored` with another value at this path."""
    if not path:
        return value
    changed = copy.deepcopy(stored)
    owner = changed
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = value
    return changed


@NEEDS_CALLBACKS
@pytest.mark.parametrize("value", [object(), "text", {"a": 1}, [None], np.array([None]), 10**5000], ids=range(6))
def test_part_of_any_wrong_type_is_rejected_as_a_value_error(value):
    """No TypeError, KeyError or OverflowError, neither when it is loaded nor when it is used."""
    keeper = KeepProgress()
    network = BackpropClassifier(3, early_stopping=True, dropout=0.1, **FEW).set_callbacks(keeper)
    network.fit(*data(BackpropClassifier))
    assert load(keeper.stored).n_iter_ > 0
    free = {"version", "params", "attributes"}  # any value may be set by the user, and is validated when it is used
    for path in parts_of(keeper.stored):
        if path and (path[0] in free or "callback_states" in path):
            continue
        with pytest.raises(ValueError, match="stored"):
            load(replaced(keeper.stored, path, value))


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("numbers", "n_iter", -1),
        ("numbers", "t", 2.5),
        ("numbers", "rate_factor", np.nan),
        ("numbers", "mean_weight", -1.0),
        ("settings", "max_iter", 0),
        ("settings", "shuffle", "yes"),
        ("standardizer", "n_samples", -1),
        ("standardizer", "weight", np.inf),
        ("standardizer", "centers", 3),
    ],
)
def test_number_outside_its_range_is_rejected_by_name(stored, part, name, value):
    stored["network"][part][name] = value
    with pytest.raises(ValueError, match=f"{name} of the .*stored network must be"):
        load(stored)


def test_missing_parameter_or_attribute_is_rejected_by_name(stored):
    for part, name in (("params", "alpha"), ("attributes", "n_outputs_")):
        damaged = copy.deepcopy(stored)
        del damaged[part][name]
        with pytest.raises(ValueError, match=rf"\['{name}'\] missing in the"):
            load(damaged)


def test_rejected_file_leaves_the_estimator_as_it_was(stored):
    network = BackpropClassifier(7)
    stored["network"]["theta"][0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        network.__setstate__(stored)
    assert network.hidden_layer_sizes == 7
    assert not hasattr(network, "classes_")


def test_network_that_does_not_fit_the_features_is_rejected(stored):
    stored["attributes"]["n_features_in_"] = 7
    with pytest.raises(ValueError, match="has 4 inputs, which differs from n_features_in_"):
        load(stored)


@BOTH
def test_unfitted_estimator_and_metadata_requests_are_kept(estimator):
    loaded = pickle.loads(pickle.dumps(estimator(7)))
    assert loaded.hidden_layer_sizes == 7
    assert not hasattr(loaded, "coefs_")


@BOTH
def test_random_state_object_is_kept(estimator):
    X, y = data(estimator)
    loaded = pickle.loads(pickle.dumps(estimator(4, **(FEW | {"random_state": np.random.RandomState(3)}))))
    expected = estimator(4, **(FEW | {"random_state": np.random.RandomState(3)})).fit(X, y)
    np.testing.assert_array_equal(theta(loaded.fit(X, y)), theta(expected))


@pytest.mark.parametrize("dtype", ["str", "object"])
@NEEDS_SKOPS
def test_skops_preserves_string_labels(dtype):
    import skops.io

    X, y = data(BackpropClassifier)
    network = BackpropClassifier(6, **FEW).fit(X, y.astype("str").astype(dtype))
    stored = skops.io.dumps(network)
    loaded = skops.io.loads(stored, trusted=skops.io.get_untrusted_types(data=stored))
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))
    assert loaded.classes_.dtype == network.classes_.dtype


@EVERY_KIND
@NEEDS_SKOPS
def test_the_trusted_types_are_enough(network):
    import skops.io

    X, y = training_data(network)
    stored = skops.io.dumps(network.fit(X, y))
    loaded = skops.io.loads(stored, trusted=skbackprop.TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))


def test_trusted_types_are_public_classes_of_this_package():
    for name in skbackprop.TRUSTED_TYPES:
        module, _, class_name = name.rpartition(".")
        assert not any(part.startswith("_") for part in name.split("."))
        if module != "skbackprop.dask":
            assert isinstance(getattr(import_module(module), class_name), type)


@NEEDS_SKOPS
def test_skops_reports_custom_types_as_untrusted():
    import skops.io

    network = BackpropRegressor(6, activation=Cubic(), **FEW).fit(*data(BackpropRegressor))
    stored = skops.io.dumps(network)
    assert f"{__name__}.Cubic" not in skbackprop.TRUSTED_TYPES
    foreign = [name for name in skops.io.get_untrusted_types(data=stored) if not name.startswith("skbackprop.")]
    assert foreign == [f"{__name__}.Cubic"]


def test_custom_loss_is_kept():
    network = BackpropRegressor(4, loss=Huber(0.3), **FEW).fit(*data(BackpropRegressor))
    assert pickle.loads(pickle.dumps(network)).loss == Huber(0.3)


def test_no_class_defines_its_own_reduce():
    """A pickle then calls nothing of this package but `__new__` and `__setstate__`."""
    reducers = {"__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__", "__del__"}
    for path in Path(skbackprop.__file__).parent.rglob("*.py"):
        functions = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
        assert not functions & reducers
