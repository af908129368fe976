"""The conformance suite lets good node types pass and names what others do not keep."""

from typing import Any

import pytest

from engine.contract.exercise import exercise, faults_of
from engine.contract.node import NodeType
from engine.errors import NodeError
from tests.contract import samples


def test_a_good_node_type_passes() -> None:
    exercise(samples.Good)


@pytest.mark.parametrize(
    ("node_type", "fault"),
    [
        (samples.Leaking, "leaves members without a way: came=1"),
        (samples.Overlapping, "sends members more than one way"),
        (samples.LeakingWithoutEdge, "leaves members without a way"),
        (samples.Straying, "routes to 'maybe' and declares yes, no"),
        (samples.Secretive, "a node that sends declares its channel"),
        (samples.Hasty, "sends to members who stay"),
        (samples.Misdirected, "sends by 'sms' and declares 'email'"),
        (samples.Raising, "fails: RuntimeError: broken"),
        (samples.Twice, "has a port twice: yes, no, no"),
        (samples.Mute, "has no summary"),
        (samples.Posing, "a trigger says in entry() how contacts come in"),
        (samples.Unexampled, "examples[0]: is refused"),
        (samples.Undescribed, "Bare.size has no title"),
        (samples.Untitled, "title is missing"),
        (samples.Unnamed, "kind must be written family.name"),
        (samples.Unfinished, "cannot be made: Can't instantiate abstract class Unfinished"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_node_type_does_not_keep_is_named(node_type: type[NodeType[Any]], fault: str) -> None:
    found = list(faults_of(node_type))
    assert any(fault in each for each in found), found
    with pytest.raises(NodeError, match=node_type.__name__):
        exercise(node_type)


def test_all_faults_are_named_at_once() -> None:
    assert len(list(faults_of(samples.Unnamed))) == 2
