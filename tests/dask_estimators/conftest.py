"""Clusters of processes on this machine, which all tests of this folder share."""

import logging
from contextlib import contextmanager

import pytest

pytest.importorskip("distributed")

from distributed import Client, LocalCluster


@contextmanager
def connected(n_workers):
    """Yield the client of a cluster with this number of processes, which is not the default client."""
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers, **options) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="session")
def two_workers():
    with connected(2) as client:
        yield client


@pytest.fixture(scope="session")
def one_worker():
    with connected(1) as client:
        yield client


@pytest.fixture(scope="module")
def other_workers():
    """Two workers that may be killed."""
    with connected(2) as client:
        yield client


@pytest.fixture
def client(two_workers):
    """The default client during a test, with two workers."""
    with two_workers.as_current():
        yield two_workers
