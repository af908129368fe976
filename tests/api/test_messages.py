from collections.abc import Callable

import pytest

from engine.api import flows, inbox, messages
from engine.errors import ChannelError, FlowError, NotFound
from engine.store.session import Store
from engine.terms import Text
from engine.wiring import Wiring
from tests.support.engines import WELCOME, add_contacts, engine_on, go_live, happen, settle

MAIL: dict[str, Text] = {
    "subject": {"en": "Hello {{ contact.name }}", "zh-CN": "{{ contact.name }} 你好"},
    "preheader": "For {{ account.name | default('you') }}",
    "html": '<p>Hi {{ contact.name }}</p><p><a href="https://example.com/{{ contact.id }}">Go</a></p>',
}


@pytest.fixture
def wiring(store: Store) -> Wiring:
    wiring = engine_on(store)
    add_contacts(wiring, "ann", attributes={"name": "Ann <b>"}, locale="zh-CN")
    add_contacts(wiring, "bob")
    return wiring


def test_a_preview_is_what_the_contact_would_get(wiring: Wiring) -> None:
    seen = messages.preview(wiring, "email", MAIL, "ann")
    assert seen.subject == "Ann <b> 你好"
    assert seen.preheader == "For you"
    assert "Hi Ann &lt;b&gt;" in seen.html
    assert seen.html.index("For you") < seen.html.index("Hi Ann")
    assert seen.links == ("https://example.com/ann",)
    assert (seen.address, seen.locale) == ("ann@example.com", "zh-CN")
    assert not seen.has_way_out
    assert "退订" in seen.html
    assert "/t/" not in seen.html
    assert messages.preview(wiring, "email", MAIL, "ann", locale="en").subject == "Hello Ann <b>"


def test_missing_variables_are_named_and_stand_in_their_place(wiring: Wiring) -> None:
    seen = messages.preview(wiring, "email", MAIL, "bob")
    assert seen.missing == ("contact.name",)
    assert seen.subject == "Hello ⟦contact.name⟧"
    nobody = messages.preview(wiring, "email", MAIL)
    assert set(nobody.missing) == {"contact.name", "contact.id"}


def test_faults_of_the_template_are_told(wiring: Wiring) -> None:
    seen = messages.preview(wiring, "email", {"subject": "{{ contact.name", "html": "<p>{{ contact.x() }}</p>"}, "ann")
    assert [fault.split(",")[0] for fault in seen.faults] == ["subject", "html"]
    assert seen.html == ""
    with pytest.raises(NotFound):
        messages.preview(wiring, "email", MAIL, "nobody")


def test_templates_are_kept_and_listed_with_the_flows_that_use_them(wiring: Wiring) -> None:
    raw = {"key": "hello", "channel": "email", "name": "Hello", **MAIL, "markdown": "Hi"}
    assert messages.keep_template(wiring, raw)
    assert not messages.keep_template(wiring, raw)
    document = {
        **WELCOME,
        "key": "uses",
        "nodes": [{"id": "m", "type": "send.email", "config": {"template": "hello"}}],
        "edges": [],
    }
    flows.import_flow(wiring, document)
    (line,) = messages.list_templates(wiring)
    assert (line.key, line.flows) == ("hello", ("uses",))
    assert messages.find_template(wiring, "hello").content["markdown"] == "Hi"
    with pytest.raises(FlowError, match="subject, line 1"):
        messages.keep_template(wiring, {**raw, "subject": "{% if %}"})
    with pytest.raises(NotFound):
        messages.find_template(wiring, "none")


def test_a_test_goes_out_and_touches_nobody(wiring: Wiring) -> None:
    messages.send_test(wiring, "email", MAIL, "me@example.com", "ann")
    (line,) = inbox.list_inbox(wiring).messages
    assert (line.address, line.subject) == ("me@example.com", "[Test] Ann <b> 你好")
    mail = inbox.read_mail(wiring, line.key)
    assert "/t/" not in mail.html
    assert "#unsubscribe" in mail.html
    with pytest.raises(ChannelError, match=r"contact\.name"):
        messages.send_test(wiring, "email", MAIL, "me@example.com", "bob")


def test_a_nodes_message_is_its_own_words_before_its_templates(wiring: Wiring) -> None:
    messages.keep_template(wiring, {"key": "hello", "channel": "email", "name": "Hello", **MAIL})
    nodes = [
        {"id": "a", "type": "send.email", "config": {"template": "hello", "subject": "Own"}},
        {"id": "b", "type": "send.sms", "config": {"text": "Short"}},
        {"id": "c", "type": "send.email", "config": {"template": "gone"}},
        {"id": "d", "type": "wait.delay"},
    ]
    flows.import_flow(wiring, {**WELCOME, "key": "says", "nodes": nodes, "edges": []})
    channel, content = messages.texts_of_node(wiring, "says", "a")
    assert (channel, content["subject"], content["html"]) == ("email", "Own", MAIL["html"])
    assert messages.texts_of_node(wiring, "says", "b") == ("sms", {"text": "Short"})
    assert messages.texts_of_node(wiring, "says", "c") == ("email", {})
    for node in ("d", "none"):
        with pytest.raises(NotFound):
            messages.texts_of_node(wiring, "says", node)


def test_a_preheader_is_sent(new_store: Callable[[], Store]) -> None:
    wiring = engine_on(new_store())
    add_contacts(wiring, "ann", attributes={"name": "Ann"})
    messages.keep_template(wiring, {"key": "hello", "channel": "email", "name": "Hello", **MAIL})
    nodes = [
        {"id": "start", "type": "trigger.event", "config": {"event": "signed_up"}},
        {"id": "mail", "type": "send.email", "config": {"template": "hello"}},
    ]
    go_live(wiring, {**WELCOME, "nodes": nodes, "edges": [{"from": "start", "to": "mail"}]})
    happen(wiring, "ann", "signed_up")
    settle(wiring)
    (line,) = inbox.list_inbox(wiring).messages
    html = inbox.read_mail(wiring, line.key).html
    assert '<div style="display:none;max-height:0;overflow:hidden">For you' in html
    assert html.index("<body") < html.index("For you") < html.index("Hi Ann")
