import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from engine.access.rights import Role
from engine.api import keys, signing, users, workspaces
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.browser import let_in, signed_in
from tests.support.engines import engine_on

FORM = {"name": "晨光生活", "timezone": "Asia/Shanghai"}
PAGES = ("/settings", "/settings/topics", "/settings/channels", "/settings/keys", "/settings/users", "/settings/audit")


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    return engine_on(sqlite_store)


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def test_only_administrators_come_in(wiring: Wiring) -> None:
    for role in (Role.VIEWER, Role.EDITOR, Role.APPROVER):
        with signed_in(wiring, role) as client:
            assert 'href="/settings"' not in client.get("/").text
            assert [client.get(path).status_code for path in PAGES] == [403] * len(PAGES)
            assert client.post("/settings", data=FORM).status_code == 403
            assert client.post("/settings/keys", data={"name": "x"}).status_code == 403
            assert client.get("/account").status_code == 200
    with signed_in(wiring) as client:
        assert [client.get(path).status_code for path in PAGES] == [200] * len(PAGES)


def test_the_workspace_is_changed_and_shown(client: TestClient, wiring: Wiring) -> None:
    quiet = {"quiet_from": "22:00", "quiet_to": "08:30"}
    cap = {"cap_messages": "3", "cap_number": "2", "cap_unit": "w", "cap_excess": "delay"}
    done = client.post(
        "/settings", data={**FORM, **quiet, **cap, "teams": "east: mei, tom\n\nwest:li", "approval": "on"}
    )
    assert done.status_code == 200
    assert "Saved." in done.text
    facts = workspaces.read_workspace(wiring)
    assert (facts.name, facts.timezone) == ("晨光生活", "Asia/Shanghai")
    assert facts.settings["quiet_hours"] == {"from": "22:00", "to": "08:30"}
    assert facts.settings["frequency_cap"] == {"messages": 3, "per": "2w", "on_excess": "delay"}
    assert facts.settings["teams"] == {"east": ["mei", "tom"], "west": ["li"]}
    assert facts.settings["approval"] is True
    page = client.get("/settings").text
    for shown in (
        'value="22:00"',
        'value="08:30"',
        'name="cap_number" value="2"',
        "east: mei, tom\nwest: li",
        " checked",
    ):
        assert shown in page
    client.post("/settings", data=FORM)
    kept = workspaces.read_workspace(wiring).settings
    assert {"quiet_hours", "frequency_cap", "teams", "approval"} & set(kept) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Base"},
        {"quiet_from": "22:00"},
        {"quiet_from": "25:99", "quiet_to": "08:00"},
        {"cap_messages": "many"},
        {"cap_messages": "0"},
        {"cap_messages": "3", "cap_number": "-1"},
        {"teams": "east mei"},
        {"teams": ": mei"},
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_kept(
    client: TestClient, wiring: Wiring, wrong: dict[str, str]
) -> None:
    before = workspaces.read_workspace(wiring)
    answer = client.post("/settings", data={**FORM, **wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert workspaces.read_workspace(wiring) == before


def test_topics(client: TestClient, wiring: Wiring) -> None:
    client.post("/settings/topics", data={"key": "news", "en": "News", "zh": "资讯"})
    client.post("/settings/topics", data={"key": "news", "en": "Newsletter", "zh": ""})
    assert workspaces.read_workspace(wiring).topics == {"news": {"en": "Newsletter"}}
    assert "Newsletter" in client.get("/settings/topics").text
    assert client.post("/settings/topics", data={"key": ""}).status_code >= 400


def test_secrets_of_providers_are_never_shown(client: TestClient, wiring: Wiring) -> None:
    given = {"sms_url": "https://sms.example/send", "sms_key": "very secret", "sms_sender": "ACME"}
    page = client.post("/settings/channels", data=given).text
    assert "very secret" not in page
    assert "https://sms.example/send" in page
    client.post("/settings/channels", data={**given, "sms_key": "", "sms_sender": "Other"})
    assert workspaces.read_workspace(wiring).settings["sms"] == {
        "url": "https://sms.example/send",
        "key": "very secret",
        "sender": "Other",
    }
    assert client.post("/settings/channels", data={"sms_url": "ftp://x"}).status_code == 422
    client.post("/settings/channels", data={})
    assert "sms" not in workspaces.read_workspace(wiring).settings
    told = [line.detail for line in users.list_audit(wiring)]
    assert "very secret" not in str(told)


def test_a_key_is_shown_once(client: TestClient, wiring: Wiring) -> None:
    page = client.post("/settings/keys", data={"name": "web site"}).text
    made = re.search(r"dlw_\w+\.[\w-]{20,}", page)
    assert made is not None
    again = client.get("/settings/keys").text
    assert made[0] not in again
    (line,) = keys.list_keys(wiring)
    assert client.post(f"/settings/keys/{line.id}/revoke").status_code == 200
    assert keys.list_keys(wiring)[0].revoked_at is not None
    assert client.post("/settings/keys", data={"name": " "}).status_code == 403


def test_users_are_invited_changed_and_locked_out(client: TestClient, wiring: Wiring) -> None:
    page = client.post("/settings/users", data={"email": "bo@example.com", "name": "Bo", "role": "editor"}).text
    link = re.search(r"http://testserver(/invitation/[\w-]+)", page)
    assert link is not None
    assert client.get(link[1]).status_code == 200
    bo = next(user for user in users.list_users(wiring) if user.name == "Bo")
    assert client.post("/settings/users", data={"email": "BO@example.com", "name": "B"}).status_code == 422
    assert client.post("/settings/users", data={"email": "no address", "name": "B"}).status_code == 422
    client.post(f"/settings/users/{bo.id}/role", data={"role": "approver"})
    assert client.post(f"/settings/users/{bo.id}/role", data={"role": "emperor"}).status_code == 422
    again = client.post(f"/settings/users/{bo.id}/invite").text
    assert client.get(link[1]).status_code == 404
    newer = re.search(r"/invitation/[\w-]+", again)
    assert newer is not None
    client.post(f"/settings/users/{bo.id}/disable")
    assert client.get(newer[0]).status_code == 404
    client.post(f"/settings/users/{bo.id}/enable")
    assert client.get(newer[0]).status_code == 200
    assert [line.action for line in users.list_audit(wiring)][:5] == [
        "user.enable",
        "user.disable",
        "user.invite",
        "user.role",
        "user.add",
    ]
    assert "approver" in client.get("/settings/audit").text


def test_the_last_administrator_stays(client: TestClient, wiring: Wiring) -> None:
    (me,) = users.list_users(wiring)
    for path, data in ((f"{me.id}/role", {"role": "viewer"}), (f"{me.id}/disable", {})):
        assert client.post(f"/settings/users/{path}", data=data).status_code == 422
    assert [(user.role, user.disabled_at) for user in users.list_users(wiring)] == [(Role.ADMIN, None)]


def test_whoever_is_locked_out_is_out_at_once(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as editor:
        (user,) = users.list_users(wiring)
        let_in(wiring)
        assert editor.get("/account", follow_redirects=False).status_code == 200
        users.disable_user(wiring, wiring.clock, user.id, disabled=True)
        assert editor.get("/account", follow_redirects=False).status_code == 303


def test_a_password_is_changed_and_other_sessions_end(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as client:
        assert (
            client.post("/account/password", data={"old": "x", "password": "four words are enough"}).status_code == 422
        )
        (user,) = users.list_users(wiring)
        clock = wiring.clock
        word = users.invite_again(wiring, clock, user.id)
        session = signing.accept(wiring, clock, word, "the first long password", "here")
        assert client.get("/account", follow_redirects=False).status_code == 303
        assert signing.recognise(wiring, clock, session) is not None
        other = signing.sign_in(wiring, clock, user.email, "the first long password", "there")
        signed = signing.recognise(wiring, clock, session)
        assert signed is not None
        acting = wiring.acting(signed.actor)
        signing.change_password(acting, session, "the first long password", "the second long password")
        assert signing.recognise(wiring, clock, session) is not None
        assert signing.recognise(wiring, clock, other) is None


def test_the_language_stays_with_the_user(client: TestClient, wiring: Wiring) -> None:
    done = client.post("/appearance", data={"language": "zh-CN", "back": "/account"}, follow_redirects=False)
    assert done.headers["location"] == "/account"
    assert "我的账户" in client.get("/account", headers={"accept-language": "en"}).text
    assert users.list_users(wiring)[0].language == "zh-CN"
    client.post("/appearance", data={"theme": "dark", "back": "//elsewhere"})
    assert 'data-theme="dark"' in client.get("/account").text
    client.post("/appearance", data={"theme": "system"})
    assert "data-theme" not in client.get("/account").text
