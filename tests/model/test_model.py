"""The set engine against the per-contact interpreter: journals equal line for line."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.model.case import Case, canonical
from tests.model.compare import difference, smallest
from tests.model.databases import empty_database
from tests.model.engine_side import run_engine
from tests.model.examples import load, paths, write_line
from tests.model.facts import Json
from tests.model.generate import ON_POSTGRESQL, ON_SQLITE, cases, random_case

CHUNK = 10
SEEDS = [("sqlite", seed) for seed in range(0, ON_SQLITE, CHUNK)] + [
    ("postgresql", seed) for seed in range(ON_SQLITE, ON_SQLITE + ON_POSTGRESQL, CHUNK)
]


def played(case: Case, kind: str, folder: Path, worker: str) -> list[Json]:
    """Play a case with the engine in a new database."""
    with empty_database(kind, folder, worker) as address:
        return run_engine(case, address)


def hold_against_engine(case: Case, kind: str, folder: Path, worker: str) -> None:
    found = difference(case, lambda case: played(case, kind, folder, worker))
    if found is not None:
        small = smallest(found, lambda case: played(case, kind, folder, worker))
        pytest.fail(small.tell(), pytrace=False)


@pytest.mark.parametrize(("kind", "first"), SEEDS)
def test_random_flows(kind: str, first: int, tmp_path: Path, worker: str) -> None:
    for seed in range(first, first + CHUNK):
        hold_against_engine(random_case(seed), kind, tmp_path, worker)


@pytest.mark.long
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
def test_flows_that_hypothesis_looks_for(case: Case, tmp_path: Path, worker: str) -> None:
    found = difference(case, lambda case: played(case, "sqlite", tmp_path, worker))
    assert found is None, found.tell()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_hand_written_journal(path: Path, kind: str, tmp_path: Path, worker: str) -> None:
    example = load(path)

    came = canonical(played(example.case, kind, tmp_path, worker), example.case.contacts)

    assert [write_line(line) for line in came] == [write_line(line) for line in example.journal], example.pins
