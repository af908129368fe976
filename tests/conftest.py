"""What every test may ask for: stores on both databases. And what none may have: the network, the real time zone."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engine.api import kept
from engine.store.session import Store
from tests.support import offline, postgres, stores

# Machines are shared and slow at times: no deadline for one example.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile(
    "long", deadline=None, print_blob=True, max_examples=1_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")

_END = pytest.StashKey[Callable[[], None]]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run in the controlling process; shut the network and leave UTC in every process."""
    if not hasattr(config, "workerinput"):
        config.stash[_END] = postgres.begin()
    offline.forbid_network()
    # A zone that nobody expects: what depends on the machine's zone by mistake shows.
    os.environ["TZ"] = "Pacific/Chatham"
    time.tzset()
    # However slow the machine is, what is asked for is counted.
    kept.QUICK = math.inf  # type: ignore[misc]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster and remove the run's folder."""
    if _END in config.stash:
        config.stash[_END]()


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """Name this worker: ``gw0``, ``gw1``, … or ``main``."""
    given: dict[str, str] = getattr(request.config, "workerinput", {})
    return given.get("workerid", "main")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Name a kind of database; whoever asks for it, directly or by ``store``, runs on both."""
    return str(request.param)


@pytest.fixture
def new_store(database: str, tmp_path: Path, worker: str) -> Iterator[Callable[[], Store]]:
    """Give a function that makes a new migrated store: for tests that need several, or one per Hypothesis example."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(stores.opened(stores.new_address(database, tmp_path, worker)))


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    """Give a new migrated store: once on SQLite, once on PostgreSQL with four parts."""
    return new_store()


@pytest.fixture
def sqlite_store(tmp_path: Path, worker: str) -> Iterator[Store]:
    """Give a new migrated store on SQLite only."""
    with stores.opened(stores.new_address("sqlite", tmp_path, worker)) as store:
        yield store


@pytest.fixture
def postgresql_store(tmp_path: Path, worker: str) -> Iterator[Store]:
    """Give a new migrated store on PostgreSQL only."""
    with stores.opened(stores.new_address("postgresql", tmp_path, worker)) as store:
        yield store


@pytest.fixture
def address(database: str, tmp_path: Path, worker: str) -> Iterator[str]:
    """Give the address of a new migrated database, for programs that open it themselves."""
    made = stores.new_address(database, tmp_path, worker)
    yield made
    stores.forget(made)
