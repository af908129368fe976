"""Node types are found by kind and alias, and all faults of all types are told at once."""

from importlib.metadata import EntryPoint

import pytest

from engine.contract import registry
from engine.contract.node import Family
from engine.contract.registry import Registry, installed
from engine.errors import NodeError
from tests.contract import samples


class Renamed(samples.Good):
    """Have had another name."""

    kind = "test.renamed"
    aliases = ("test.older", "test.oldest")


def test_a_type_is_found_by_its_kind_and_its_aliases() -> None:
    found = Registry([Renamed(), samples.Good()])
    assert found["test.older"] is found["test.renamed"]
    assert found.find("test.gone") is None
    assert found.kinds() == ["test.renamed", "test.good", "test.older", "test.oldest"]
    with pytest.raises(NodeError, match=r"'test\.gone' is not a known node type"):
        found["test.gone"]


def test_types_come_in_the_order_of_the_palette() -> None:
    families = [each.family for each in installed()]
    assert families == sorted(families, key=list(Family).index)
    assert len(installed().kinds()) >= 27


def test_every_fault_of_every_type_is_told() -> None:
    with pytest.raises(NodeError) as caught:
        Registry([samples.Good(), samples.Good(), samples.Unnamed(), object()])  # type: ignore[list-item]
    assert caught.value.facts["faults"] == [
        "test.good: two node types bear this name",
        "Unnamed: kind must be written family.name",
        "Unnamed: family is missing",
        "object: is not a NodeType",
    ]


def test_types_that_cannot_be_loaded_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("one", "no.such.module:X", registry.GROUP),
        EntryPoint("two", "tests.contract.samples:NoSuchType", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    installed.cache_clear()
    try:
        with pytest.raises(NodeError) as caught:
            installed()
        assert "no.such.module:X: No module named 'no'" in str(caught.value)
        assert "tests.contract.samples:NoSuchType: " in str(caught.value)
    finally:
        monkeypatch.undo()
        installed.cache_clear()
