import json
from typing import Any

import pytest
import sqlalchemy as sa

from engine.api import counts, flows, pausing, standing
from engine.api.inbox import list_inbox
from engine.api.passing import passed_through
from engine.api.periods import Period
from engine.errors import FlowError, NotFound, RevisionConflict
from engine.store.session import Store
from engine.store.tables import Flow, Workspace
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, pass_time, settle, signed_up

FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
WORKSPACE: sa.Table = Workspace.__table__  # type: ignore[attr-defined]
BROKEN: dict[str, Any] = {**WELCOME, "nodes": WELCOME["nodes"][:3], "edges": [{"from": "start", "to": "nowhere"}]}


def test_a_document_is_kept_as_it_was_given(store: Store) -> None:
    wiring = engine_on(store)
    weights = {"zeta": 1, "a": 2, "mid": 1}
    nodes = [*WELCOME["nodes"], {"id": "split", "type": "split.random", "config": {"weights": weights}}]
    first = flows.import_flow(wiring, json.dumps({**WELCOME, "nodes": nodes}, ensure_ascii=False))
    assert (first.key, first.revision, first.created, first.changed) == ("welcome", 1, True, True)
    kept = flows.export_flow(wiring, "welcome")
    assert list(kept) == list(WELCOME)
    # PostgreSQL's JSON would have sorted them, and moved contacts from one port to another.
    assert list(kept["nodes"][-1]["config"]["weights"]) == ["zeta", "a", "mid"]
    again = flows.import_flow(wiring, kept)
    assert (again.revision, again.created, again.changed) == (1, False, False)
    assert flows.import_flow(wiring, WELCOME).revision == 2


def test_a_key_is_one_flow_s_in_a_workspace(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    flows.import_flow(wiring, {**WELCOME, "name": "Another"})
    assert [each.flow.key for each in counts.list_flows(wiring)] == ["welcome"]
    with store.read() as connection:
        row = connection.execute(sa.select(FLOW)).mappings().one()
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        connection.execute(FLOW.insert().values({**row, "id": row["id"] + 1}))
    with store.write() as connection:  # another workspace may have a flow of the same key
        connection.execute(WORKSPACE.insert().values(id=2, key="two", name="Two", timezone="UTC", settings={}))
        connection.execute(FLOW.insert().values({**row, "id": row["id"] + 1, "workspace_id": 2}))


def test_a_draft_may_be_wrong_but_not_nameless(store: Store) -> None:
    wiring = engine_on(store)
    assert flows.import_flow(wiring, BROKEN).findings != ()
    for raw in ("[]", "no json", {"dripline": 1, "nodes": []}):
        with pytest.raises(FlowError):
            flows.import_flow(wiring, raw)


def test_a_change_of_an_older_revision_is_refused(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME, revision=0)
    flows.import_flow(wiring, {**WELCOME, "name": "W"}, revision=1)
    with pytest.raises(RevisionConflict):
        flows.import_flow(wiring, {**WELCOME, "name": "V"}, revision=1)


def test_what_has_errors_is_not_published(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, BROKEN)
    with pytest.raises(FlowError) as caught:
        flows.publish(wiring, "welcome")
    assert any("nowhere" in str(finding) for finding in caught.value.findings)
    assert counts.list_flows(wiring)[0].flow.state == "draft"
    with pytest.raises(NotFound):
        flows.publish(wiring, "nothing")


def test_versions_are_counted_and_equal_ones_are_one(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    first = flows.publish(wiring, "welcome")
    assert (first.number, first.is_new) == (1, True)
    # Written in another way, it is still the same flow.
    flows.import_flow(wiring, dict(reversed(list(WELCOME.items()))))
    assert not counts.list_flows(wiring)[0].flow.draft_differs
    same = flows.publish(wiring, "welcome")
    assert (same.number, same.is_new, same.digest) == (1, False, first.digest)
    flows.import_flow(wiring, {**WELCOME, "name": "Another"})
    assert counts.list_flows(wiring)[0].flow.draft_differs
    assert flows.export_flow(wiring, "welcome", live=True)["name"] == WELCOME["name"]
    second = flows.publish(wiring, "welcome")
    assert (second.number, second.is_new) == (2, True)
    assert counts.list_flows(wiring)[0].flow.name == "Another"


def test_publishing_moves_nobody_and_ends_no_pause(store: Store) -> None:
    wiring = signed_up(store, "ann")
    settle(wiring)
    pausing.pause(wiring, "welcome")
    quiet = {**WELCOME, "nodes": [*WELCOME["nodes"][:6], {**WELCOME["nodes"][6], "name": "Nudge"}]}
    go_live(wiring, quiet)
    flow = counts.list_flows(wiring)[0]
    assert (flow.flow.state, flow.flow.number, flow.active) == ("paused", 2, 1)
    pausing.resume(wiring, "welcome", pausing.How.SEND)
    pass_time(wiring, "1d")
    settle(wiring)
    assert counts.list_flows(wiring)[0].completed == 1


def test_counts_by_flow_node_and_port(store: Store) -> None:
    keys = [f"c{number}" for number in range(5)]
    wiring = signed_up(store, *keys)
    settle(wiring)
    happen(wiring, "c0", "bought")
    happen(wiring, "c1", "used")
    settle(wiring)
    (flow,) = counts.list_flows(wiring)
    assert (flow.entered, flow.active, flow.goal, flow.completed, flow.failed) == (5, 4, 1, 0, 0)
    pass_time(wiring, "1d")
    settle(wiring)
    pass_time(wiring, "2d")
    nodes = {node.id: node for node in counts.flow_nodes(wiring, "welcome")}
    assert [port.passed for port in nodes["used"].ports] == [1, 3]
    assert [port.lately for port in nodes["used"].ports] == [0, 0]
    assert nodes["day"].resting == 0
    assert nodes["used"].ports[0].targets == ("thanks",)
    (flow,) = counts.list_flows(wiring)
    assert (flow.completed, flow.active) == (4, 0)
    ever, today = (standing.figures(wiring, "welcome", each) for each in (Period.EVER, Period.TODAY))
    assert (ever["start"].entered, ever["used"].entered, ever["used"].edges["yes", "thanks"]) == (5, 4, 1)
    assert (ever["hello"].sent, today["hello"].sent) == (5, 0)
    assert {each.entered for each in today.values()} == {0}
    page = passed_through(wiring, "welcome", "used", "else", most=2)
    more = passed_through(wiring, "welcome", "used", "else", most=2, after=page.after)
    assert (page.total, sorted(each.key for each in (*page.passed, *more.passed))) == (3, ["c2", "c3", "c4"])
    assert passed_through(wiring, "welcome", "used", "else", Period.TODAY).passed == ()
    assert passed_through(wiring, "welcome", "gone", "else").passed == ()


def test_a_flow_that_was_never_published_has_no_counts(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    assert counts.flow_nodes(wiring, "welcome") == []
    with pytest.raises(NotFound):
        counts.flow_nodes(wiring, "nothing")


def test_templates_are_kept_and_looked_at(store: Store) -> None:
    wiring = engine_on(store)
    hello = {"key": "hello", "channel": "email", "subject": "Hi", "text": {"en": "Hello", "zh-CN": "您好"}}
    assert flows.import_template(wiring, hello)
    assert not flows.import_template(wiring, hello)
    using = {**WELCOME["nodes"][2], "config": {"template": "hello"}}
    flow = {**WELCOME, "nodes": [*WELCOME["nodes"][:2], using, *WELCOME["nodes"][3:]]}
    assert [each for each in flows.check(wiring, flow) if each.level == "error"] == []
    wrong = {**using, "config": {"template": "helo"}}
    found = flows.check(wiring, {**flow, "nodes": [*WELCOME["nodes"][:2], wrong, *WELCOME["nodes"][3:]]})
    assert [each.path for each in found if each.level == "error"] == ["nodes[2].config.template"]
    for raw in ({"key": "x", "channel": "fax", "text": "T"}, {"key": "x", "channel": "sms", "body": "T"}, 5):
        with pytest.raises(FlowError):
            flows.import_template(wiring, raw)


def test_a_changed_template_is_what_is_sent(store: Store) -> None:
    wiring = engine_on(store)
    for wording in ("First", "Second"):
        flows.import_template(wiring, {"key": "hello", "channel": "email", "subject": wording, "text": "T"})
        go_live(wiring, {**WELCOME, "nodes": _with_template()})
        add_contacts(wiring, wording)
        happen(wiring, wording, "signed_up")
        settle(wiring)
    assert {mail.contact: mail.subject for mail in list_inbox(wiring).messages} == {
        "First": "First",
        "Second": "Second",
    }


def _with_template() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = WELCOME["nodes"]
    return [{**node, "config": {"template": "hello"}} if node["id"] == "hello" else node for node in nodes]
