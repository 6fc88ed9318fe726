"""Input that is not valid: each error names the partition, and leaves the estimator as it was."""

import time

import numpy as np
import pytest

from tests.shared import TRAINS_BRIEFLY

pytest.importorskip("distributed")

import dask
import dask.array as da

from skbackprop.dask import DaskBackpropClassifier, DaskBackpropRegressor
from tests.dask_estimators.cases import FEW, SIZE, arrays, chunks, frames, labels, numbers, same_bits

pytestmark = [TRAINS_BRIEFLY, pytest.mark.usefixtures("client")]


def from_parts(parts, columns=5):
    """Return a dask array of partitions that are made by functions without arguments; their sizes are not known."""
    shape = (np.nan, columns) if columns else (np.nan,)
    return da.concatenate([da.from_delayed(dask.delayed(part)(), shape, dtype=float) for part in parts])


def with_third(X, y, third):
    """Return X and y in partitions of unknown size, with another third partition."""
    parts = chunks(X, y)
    parts[2] = third
    return (
        from_parts([lambda part=part: part[0] for part in parts]),
        from_parts([lambda part=part: part[1] for part in parts], columns=None),
    )


def with_nan():
    X, y = numbers()
    X[250, 3] = np.nan
    return arrays(X, y)


def with_unequal_columns():
    X, y = numbers()
    return with_third(X, y, (X[200:300, :4], y[200:300]))


def with_unequal_lengths():
    X, y = numbers()
    return with_third(X, y, (X[200:300], y[200:299]))


def with_empty_partition():
    X, y = frames(*numbers())
    return tuple(part.map_partitions(lambda part: part[part.index // SIZE != 2]) for part in (X, y))


def with_strings():
    X, _ = numbers()
    return arrays(X, np.where(np.arange(400) < 200, "1.5", "text"))


def with_a_task_that_raises():
    X, y = numbers()
    parts = chunks(X, y)
    loaders = [lambda part=part: part[0] for part in parts]
    loaders[2] = _fail
    return from_parts(loaders), arrays(y)[0]


def _fail():
    raise OSError("the disk is on fire")


def with_other_partitions():
    X, y = frames(*numbers())
    return X, y.repartition(npartitions=2)


def with_other_divisions():
    X, y = frames(*numbers())
    return X, y.repartition(divisions=(0, 50, 200, 300, 399))


BAD = {
    "NaN": (with_nan, ValueError, "Partition 2: Input X contains NaN"),
    "unequal columns": (with_unequal_columns, ValueError, "Partition 2: it has 4 features, and .* before have 5"),
    "unequal lengths": (
        with_unequal_lengths,
        ValueError,
        r"Partition 2: .*inconsistent numbers of samples: \[100, 99\]",
    ),
    "an empty partition": (with_empty_partition, ValueError, "Partition 2: it has no samples: remove .* repartition"),
    "strings": (with_strings, ValueError, "y has strings or dates; BackpropRegressor needs numbers"),
    "a task that raises": (
        with_a_task_that_raises,
        RuntimeError,
        r"Partition 2 cannot be read \(OSError: the disk is on fire\)",
    ),
    "other partitions": (with_other_partitions, ValueError, "X has 4 partitions, and y has 2: .*Call repartition"),
    "other divisions": (with_other_divisions, ValueError, r"call y\.repartition\(divisions=X\.divisions\)"),
    "other lengths": (
        lambda: (arrays(*numbers())[0], arrays(numbers()[1][:300])[0]),
        ValueError,
        "X has 400 samples, and y has 300",
    ),
    "y in memory": (lambda: (arrays(*numbers())[0], numbers()[1]), TypeError, "y must be a dask array or data frame"),
    "X in memory": (
        numbers,
        TypeError,
        r"X must be a dask array or data frame, got ndarray: convert it with dask\.array\.from_array or "
        r"dask\.dataframe\.from_pandas, or train BackpropRegressor",
    ),
}


@pytest.mark.parametrize(("data", "error", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("is_fitted", [False, True], ids=["new", "fitted"])
def test_errors_name_the_partition_and_leave_the_estimator_as_it_was(data, error, message, is_fitted):
    network = DaskBackpropRegressor(**FEW, warm_start=True)
    if is_fitted:
        network.fit(*arrays(*numbers()))
    before = dict(vars(network))
    with pytest.raises(error, match=message):
        network.fit(*data())
    assert vars(network) == before


def with_a_column_only_as_X():
    X, y = numbers()
    return arrays(X[:, 0], y)


def with_a_series_as_X():
    X, y = frames(*numbers())
    return X["a"], y


def with_weights_of_two_columns():
    X, y = arrays(*numbers())
    return X, y, X[:, :2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_a_column_only_as_X, r"^X must have 2 dimensions, got 1\.$"),
        (with_a_series_as_X, r"^X must have 2 dimensions, got 1\.$"),
        (lambda: (*arrays(numbers()[0]), arrays(numbers()[0])[0][..., None]), r"^y must have 1 or 2 dimensions, got 3"),
        (with_weights_of_two_columns, r"^sample_weight must have 1 dimension, got 2\.$"),
    ],
)
def test_wrong_dimensions_of_the_whole_input_name_no_partition(data, message):
    with pytest.raises(ValueError, match=message):
        DaskBackpropRegressor(**FEW).fit(*data())


def fail_late(part):
    time.sleep(0.4)
    return part[:, :0]


def test_of_several_partitions_that_fail_the_first_is_named():
    X, y = numbers()
    X[350, 0] = np.nan
    X, y = arrays(X, y)
    late = da.concatenate([X[:100], X[100:200].map_blocks(fail_late, chunks=(100, 5)), X[200:]])
    with pytest.raises(ValueError, match=r"^Partition 1: Found array with 0 feature"):
        DaskBackpropRegressor(**FEW).fit(late, y)


@pytest.mark.parametrize(
    "data", [with_nan, with_unequal_columns, with_a_task_that_raises], ids=lambda data: data.__name__
)
def test_the_workers_forget_what_a_fit_that_failed_has_computed(data, client):
    before = set(client.futures)
    with pytest.raises((ValueError, RuntimeError)) as raised:
        DaskBackpropRegressor(**FEW).fit(*data())
    deadline = time.monotonic() + 10
    while not client.futures.keys() <= before and time.monotonic() < deadline:  # the client forgets in its own thread
        time.sleep(0.01)
    assert raised.value.__traceback__ is not None  # which is still alive
    assert client.futures.keys() <= before


def test_an_address_as_the_client():
    with pytest.raises(
        TypeError, match=r"client must be a distributed\.Client or None, got .*: pass Client\(address\)"
    ):
        DaskBackpropRegressor(client="tcp://127.0.0.1:8786").fit(*arrays(*numbers()))


def test_weights_in_memory():
    with pytest.raises(TypeError, match="sample_weight must be a dask array or data frame, got ndarray"):
        DaskBackpropRegressor(**FEW).fit(*arrays(*numbers()), np.ones(400))


def test_negative_weights():
    X, y, weight = arrays(*numbers(), np.where(np.arange(400) == 150, -1.0, 1.0))
    with pytest.raises(ValueError, match=r"Partition 1: .*[Nn]egative"):
        DaskBackpropRegressor(**FEW).fit(X, y, weight)


def test_a_class_that_a_warm_start_does_not_know():
    X, y = labels()
    network = DaskBackpropClassifier(**FEW, warm_start=True).fit(*arrays(X, y))
    before = dict(vars(network))
    other = np.where(np.arange(400) == 250, "unknown", y)
    with pytest.raises(ValueError, match=r"Partition 2: y contains previously unseen labels \['unknown'\]"):
        network.fit(*arrays(X, other))
    assert vars(network) == before


def test_a_warm_start_with_another_number_of_features():
    X, y = numbers()
    network = DaskBackpropRegressor(**FEW, warm_start=True).fit(*arrays(X, y))
    with pytest.raises(ValueError, match="Partition 0: X has 4 features, and the network has 5 inputs"):
        network.fit(*arrays(X[:, :4], y))


def test_a_single_target_as_a_frame():
    X, y = frames(*numbers())
    assert same_bits(DaskBackpropRegressor(**FEW).fit(X, y), DaskBackpropRegressor(**FEW).fit(*arrays(*numbers())))
