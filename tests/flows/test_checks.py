"""The checker finds nothing in what is shipped, and is not blind to it."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from designer.rendering.renderer import JinjaRenderer
from engine.graph.check import examine
from engine.graph.surroundings import UNKNOWN, Surroundings, Template
from engine.library.templates import read_template
from tests.flows.shipped import KEYS, Tree, behaviour, flow, messages, nodes, sends

ATTRIBUTES = frozenset({"name", "title", "industry", "score", "webinar_at", "webinar_title", "webinar_url"})
NOW = datetime(2026, 9, 25, 12, tzinfo=UTC)  # a long holiday lies ahead

flows = pytest.mark.parametrize("key", KEYS)


@cache
def workspace() -> Surroundings:
    """Describe a workspace that has all that is shipped, and the sample contacts."""
    renderer = JinjaRenderer()
    templates = {
        key: Template(
            message["channel"],
            frozenset[str]().union(
                *(
                    renderer.variables(source)
                    for part in ("subject", "html", "text")
                    for source in message[part].values()
                )
            ),
        )
        for key, message in messages().items()
    }
    habits = [behaviour(key) for key in KEYS]
    return Surroundings(
        attributes=ATTRIBUTES,
        events=frozenset(each["event"] for told in habits for each in [*told["events"], told["purchase"]]),
        segments=frozenset(),
        topics=frozenset(send["config"]["topic"] for key in KEYS for send in sends(key)),
        templates=templates,
        flows={key: any(node["type"] == "trigger.manual" for node in nodes(key).values()) for key in KEYS},
        texts=renderer,
    )


@flows
@pytest.mark.parametrize("days", [0, 3, 150])
def test_nothing_is_found(key: str, days: int) -> None:
    for surroundings in (UNKNOWN, workspace()):
        document, findings = examine(json.dumps(flow(key)), surroundings, NOW + timedelta(days=days))
        assert document is not None
        assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("key", messages())
def test_the_library_reads_a_message(key: str) -> None:
    assert read_template(messages()[key]).key == key


def test_an_eighth_email_in_a_week_would_be_found() -> None:
    broken = flow("trial-day1-8")
    edge = next(edge for edge in broken["edges"] if edge["from"] == "day6_value")
    edge["to"] = "to_day7"
    start = next(node for node in broken["nodes"] if node["id"] == "to_day8")
    start["config"]["day"] = 7
    assert "messages.many" in _codes(broken)


def test_a_flow_that_is_not_there_would_be_found() -> None:
    broken = flow("trial-day1-8")
    next(node for node in broken["nodes"] if node["type"] == "flow.enter")["config"]["flow"] = "dormancy"
    assert _codes(broken) != []


def _codes(document: Tree) -> list[str]:
    return [finding.code for finding in examine(json.dumps(document), workspace(), NOW)[1]]
