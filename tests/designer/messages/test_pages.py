import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.api import flows, inbox, messages
from engine.store.session import Store
from engine.wiring import Wiring
from tests.designer.forms.browser import PageForm, forms_of
from tests.support.browser import signed_in
from tests.support.engines import add_contacts, engine_on

EVIL = '"><svg onload=alert(1)>'
WELCOME = {"key": "welcome", "channel": "email", "name": {"en": "Welcome", "zh-CN": "欢迎"}, "subject": "Hi"}


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    add_contacts(wiring, "ann", attributes={"name": "Ann"})
    messages.keep_template(wiring, {**WELCOME, "html": "<p>Hi {{ contact.name }}</p>"})
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def form_of(html: str) -> PageForm:
    return forms_of(html)["message-form"]


def sent(form: PageForm, *press: str, **more: str) -> dict[str, Any]:
    pairs = form.press(press[0]) if press else form.inputs
    return {**dict(pairs), **more}


def fresh_letter(client: TestClient) -> PageForm:
    form = form_of(client.get("/templates/new").text)
    return form_of(client.post("/templates/draw", data=sent(form, "as_letter t")).text)


def test_the_library_lists_templates_by_channel(client: TestClient) -> None:
    assert "welcome" in client.get("/templates").text
    assert "欢迎" in client.get("/templates", headers={"accept-language": "zh"}).text
    assert "welcome" not in client.get("/templates?channel=sms").text
    assert client.get("/templates/none").status_code == 404


@pytest.mark.parametrize("channel", ["email", "sms", "wecom", "telex"])
def test_every_channel_has_an_editor(client: TestClient, channel: str) -> None:
    form = form_of(client.get(f"/templates/new?channel={channel}").text)
    is_mail = channel in ("email", "telex")
    assert (form.get("t.subject") is not None) == is_mail
    assert (form.get("t.blocks.n") == "3") == is_mail
    assert form.get("t.text") is not None


def test_a_letter_is_written_seen_and_kept(client: TestClient, wiring: Wiring) -> None:
    form = fresh_letter(client)
    form.put(key="hello", t__name="Hello", t__subject="For {{ contact.name }}", t__markdown="# Hi {{ contact.name }}")
    seen = client.post("/templates/preview", data=sent(form, contact="ann", locale="")).text
    assert "For Ann" in seen
    frame = re.search(r'<iframe src="([^"]+)" sandbox=""', seen)
    assert frame is not None
    mail = client.get(frame[1])
    assert ">Hi Ann</h1>" in mail.text
    assert "sandbox" in mail.headers["content-security-policy"]
    done = client.post("/templates/save", data=sent(form))
    assert (done.status_code, done.headers["hx-redirect"]) == (204, "/templates")
    kept = messages.find_template(wiring, "hello")
    assert kept.content["markdown"] == "# Hi {{ contact.name }}"
    assert "<h1>Hi {{ contact.name }}</h1>" in str(kept.content["html"])
    assert form_of(client.get("/templates/hello").text).get("t.markdown") == "# Hi {{ contact.name }}"


def test_missing_variables_stand_out(client: TestClient) -> None:
    form = form_of(client.get("/templates/welcome").text)
    seen = client.post("/templates/preview", data=sent(form, contact="")).text
    assert "This contact has no contact.name" in seen
    frame = re.search(r'<iframe src="([^"]+)"', seen)
    assert frame is not None
    assert re.search(r"<mark[^>]*>contact.name</mark>", client.get(frame[1]).text)
    unknown = client.post("/templates/preview", data=sent(form, contact="nobody at all")).text
    assert "This contact has no contact.name" in unknown


def test_a_short_message_is_weighed(client: TestClient) -> None:
    form = form_of(client.get("/templates/new?channel=sms").text).put(t__text="【Acme】" + "好" * 80)
    seen = client.post("/templates/preview", data=sent(form)).text
    assert "86 of 134 letters, 2 segments" in seen


def test_faults_are_told_and_nothing_is_kept(client: TestClient, wiring: Wiring) -> None:
    form = form_of(client.get("/templates/welcome").text).put(t__subject="{{ contact.name")
    answer = client.post("/templates/save", data=sent(form)).text
    assert "subject, line 1" in answer
    assert form_of(answer).get("t.subject") == "{{ contact.name"
    assert messages.find_template(wiring, "welcome").content["subject"] == "Hi"
    fresh = fresh_letter(client).put(key="welcome", t__subject="x", t__markdown="x")
    assert "is there already" in client.post("/templates/save", data=sent(fresh)).text
    assert "a key is made of" in client.post("/templates/save", data=sent(fresh.put(key="No!"))).text


def test_the_form_changes_between_letter_and_source_and_languages(client: TestClient) -> None:
    form = form_of(client.get("/templates/welcome").text)
    several = form_of(client.post("/templates/draw", data=sent(form, "several t.html")).text)
    assert several.get("t.html.in.zh-CN") == "<p>Hi {{ contact.name }}</p>"
    letter = form_of(client.post("/templates/draw", data=sent(form, "as_letter t")).text)
    assert letter.get("t.markdown") == ""
    source = form_of(client.post("/templates/draw", data=sent(letter.put(t__markdown="**x**"), "as_html t")).text)
    assert "<strong>x</strong>" in str(source.get("t.html"))


def test_a_test_goes_to_an_address_of_ones_own(client: TestClient, wiring: Wiring) -> None:
    form = form_of(client.get("/templates/welcome").text)
    assert "give an address" in client.post("/templates/test", data=sent(form, address="", contact="ann")).text
    told = client.post("/templates/test", data=sent(form, address="me@example.com", contact="")).text
    assert "contact.name" in told
    assert inbox.list_inbox(wiring).messages == ()
    assert "On its way" in client.post("/templates/test", data=sent(form, address="me@example.com", contact="ann")).text
    (line,) = inbox.list_inbox(wiring).messages
    assert line.address == "me@example.com"


def test_nothing_that_was_typed_becomes_markup_of_ours(client: TestClient) -> None:
    form = fresh_letter(client).put(key="x", t__subject=EVIL, t__markdown=EVIL)
    for path in ("/templates/preview", "/templates/draw", "/templates/save"):
        assert "<svg onload" not in client.post(path, data=sent(form, contact="ann")).text
    frame = client.get("/templates/preview/0123")
    assert frame.status_code == 404


def test_a_node_shows_what_it_says(client: TestClient, wiring: Wiring) -> None:
    nodes = [{"id": "m", "type": "send.email", "config": {"template": "welcome"}}, {"id": "w", "type": "wait.delay"}]
    flows.import_flow(wiring, {"dripline": 1, "key": "says", "nodes": nodes, "edges": []})
    seen = client.get("/flows/says/message?node=m").text
    assert '<option value="ann" selected>Ann</option>' in seen
    frame = re.search(r'<iframe src="([^"]+)"', seen)
    assert frame is not None
    assert "Hi Ann" in client.get(frame[1]).text
    assert client.get("/flows/says/message?node=w").status_code == 204


def test_a_mail_is_put_together_from_blocks(client: TestClient, wiring: Wiring) -> None:
    form = form_of(client.get("/templates/new").text)
    form.put(key="blocks", t__subject="Hi", t__blocks__0__words="Hi {{ contact.name }}", t__blocks__1__text="**Bold**")
    form.put(t__blocks__2__words="Go", t__blocks__2__link='https://example.com/{{ contact.plan | default("free") }}')
    form = form_of(client.post("/templates/draw", data=sent(form, "add t.blocks columns")).text)
    form.put(t__blocks__3__left__text="left", t__blocks__3__right__heading="Right")
    form = form_of(client.post("/templates/draw", data=sent(form, "up t.blocks.2")).text)
    assert [form.get(f"t.blocks.{place}.block") for place in range(4)] == ["heading", "button", "text", "columns"]
    seen = client.post("/templates/preview", data=sent(form, contact="ann", locale="")).text
    frame = re.search(r'<iframe src="([^"]+)"', seen)
    assert frame is not None
    mail = client.get(frame[1]).text
    assert ">Hi Ann</h1>" in mail
    assert 'href="https://example.com/free"' in mail
    assert "Every link leads somewhere" in seen
    assert client.post("/templates/save", data=sent(form)).status_code == 204
    kept = messages.find_template(wiring, "blocks").content
    assert [block["block"] for block in kept["blocks"]] == ["heading", "button", "text", "columns"]
    again = form_of(client.get("/templates/blocks").text)
    assert again.get("t.blocks.3.left.text") == "left"
    copied = form_of(client.get("/templates/new?like=blocks").text)
    assert (copied.get("key"), copied.get("was"), copied.get("t.blocks.0.words")) == ("", "", "Hi {{ contact.name }}")
    assert "add t.blocks" in str(client.get("/templates/blocks").text)
