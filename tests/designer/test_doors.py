import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from designer.app import create_app, page_routers
from designer.doors import COOKIE
from designer.views import Pages
from engine.access.rights import Role
from engine.api import flows, signing, users, workspaces
from engine.clock import FixedClock
from engine.errors import AccessError
from engine.store.session import Store
from engine.terms import HOUR, MINUTE
from engine.wiring import Wiring
from tests.support.browser import HTML, let_in, signed_in
from tests.support.engines import WELCOME, engine_on, go_live

PASSWORD = "four words are enough"
OWNER = {"name": "Ada", "email": "Ada@Example.com", "password": PASSWORD}


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    return wiring


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(1_000 * HOUR)


@pytest.fixture
def client(wiring: Wiring, clock: FixedClock) -> Iterator[TestClient]:
    with _open(wiring, clock) as client:
        yield client


def _open(wiring: Wiring, clock: FixedClock, base: str = "http://localhost", near: str = "127.0.0.1") -> TestClient:
    app = create_app(wiring, clock=clock)
    return TestClient(app, headers=HTML, base_url=base, follow_redirects=False, client=(near, 5))


def test_the_first_visitor_becomes_the_owner(client: TestClient, wiring: Wiring) -> None:
    asked = client.get("/contacts?q=a")
    assert (asked.status_code, asked.headers["location"]) == (303, "/welcome?back=/contacts%3Fq%3Da")
    assert client.get("/sign-in").headers["location"] == "/welcome"
    assert "password" in client.get("/welcome").text
    short = client.post("/welcome", data={**OWNER, "password": "too short"})
    assert (short.status_code, "12" in short.text) == (422, True)
    done = client.post("/welcome", data=OWNER)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "Ada" in client.get("/").text
    assert client.get("/welcome").headers["location"] == "/sign-in"
    again = client.post("/welcome", data={**OWNER, "email": "eve@example.com"})
    assert again.status_code == 422
    assert [user.email for user in users.list_users(wiring)] == ["ada@example.com"]


def test_a_stranger_from_elsewhere_needs_the_word_that_was_printed(wiring: Wiring, clock: FixedClock) -> None:
    for base, near in (("http://dripline.example", "127.0.0.1"), ("http://localhost", "203.0.113.5")):
        client = _open(wiring, clock, base, near)
        assert client.get("/welcome").status_code == 403
        assert client.post("/welcome", data=OWNER).status_code == 403
        way_in = client.app.state.way_in  # type: ignore[attr-defined]
        assert client.get(way_in).status_code == 200
    word = urlsplit(way_in).query.removeprefix("word=")
    assert client.post("/welcome", data={**OWNER, "word": word}).status_code == 303


def test_signing_in_and_out(client: TestClient, wiring: Wiring) -> None:
    client.post("/welcome", data=OWNER)
    page = client.get("/contacts").text
    token = re.search(r'X-CSRF-Token": "(\w+)"', page)
    assert token is not None
    assert client.post("/sign-out").headers["location"] == "/sign-in"
    assert client.cookies.get(COOKIE) is None
    assert client.get("/contacts").status_code == 303
    wrong = client.post("/sign-in", data={"email": "ada@example.com", "password": "not this at all"})
    unknown = client.post("/sign-in", data={"email": "nobody@example.com", "password": "not this at all"})
    assert (wrong.status_code, unknown.status_code) == (403, 403)
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", wrong.text) == strip.sub("", unknown.text)
    done = client.post("/sign-in", data={"email": " ADA@example.com ", "password": PASSWORD, "back": "/contacts"})
    assert (done.status_code, done.headers["location"]) == (303, "/contacts")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client.get("/contacts").status_code == 200


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:x"])
def test_nobody_is_sent_elsewhere(client: TestClient, back: str) -> None:
    client.post("/welcome", data=OWNER)
    done = client.post("/sign-in", data={"email": "ada@example.com", "password": PASSWORD, "back": back})
    assert done.headers["location"] == "/"


def test_over_tls_the_cookie_belongs_to_this_host_only(wiring: Wiring, clock: FixedClock) -> None:
    client = _open(wiring, clock, "https://localhost")
    cookie = client.post("/welcome", data=OWNER).headers["set-cookie"]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in cookie


def test_guessing_is_slowed_down(client: TestClient, wiring: Wiring, clock: FixedClock) -> None:
    client.post("/welcome", data=OWNER)
    guess = {"email": "ada@example.com", "password": "is it perhaps this"}
    statuses = [client.post("/sign-in", data=guess).status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    assert client.post("/sign-in", data={**guess, "password": PASSWORD}).status_code == 429
    clock.at += MINUTE
    assert client.post("/sign-in", data={**guess, "password": PASSWORD}).status_code == 303
    assert client.post("/sign-in", data=guess).status_code == 403


def test_waits_grow(client: TestClient, clock: FixedClock) -> None:
    client.post("/welcome", data=OWNER)
    guess, waits = {"email": "ada@example.com", "password": "is it perhaps this"}, []
    for _ in range(8):
        waited = 0
        while client.post("/sign-in", data=guess).status_code == 429:
            clock.at += 5_000_000
            waited += 5
        waits.append(waited)
    assert waits == [0, 0, 0, 0, 0, 15, 30, 60]


def test_a_session_ends_when_nobody_is_there_and_at_the_latest_after_half_a_day(
    client: TestClient, clock: FixedClock
) -> None:
    client.post("/welcome", data=OWNER)
    clock.at += 29 * MINUTE
    assert client.get("/contacts").status_code == 200
    clock.at += 29 * MINUTE
    assert client.get("/contacts").status_code == 200
    clock.at += 31 * MINUTE
    assert client.get("/contacts").status_code == 303
    client.post("/sign-in", data={"email": "ada@example.com", "password": PASSWORD})
    for _ in range(12 * 60 // 25):
        assert client.get("/contacts").status_code == 200
        clock.at += 25 * MINUTE
    clock.at += 20 * MINUTE
    assert client.get("/contacts").status_code == 303


def test_an_invitation_opens_once(client: TestClient, wiring: Wiring, clock: FixedClock) -> None:
    client.post("/welcome", data=OWNER)
    word = users.invite_user(wiring, clock, "bo@example.com", "Bo", Role.VIEWER)
    assert "bo@example.com" in client.get(f"/invitation/{word}").text
    assert client.post(f"/invitation/{word}", data={"password": "123456789012"}).status_code == 422
    assert client.post(f"/invitation/{word}", data={"password": PASSWORD}).status_code == 303
    assert client.get(f"/invitation/{word}").status_code == 404
    assert client.post(f"/invitation/{word}", data={"password": "another four words"}).status_code == 404
    late = users.invite_user(wiring, clock, "cy@example.com", "Cy", Role.VIEWER)
    clock.at += 8 * 24 * HOUR
    assert client.get(f"/invitation/{late}").status_code == 404


def test_a_new_role_counts_at_once(wiring: Wiring) -> None:
    with signed_in(wiring, Role.EDITOR) as client:
        assert client.get("/contacts").status_code == 200
        (user,) = users.list_users(wiring)
        let_in(wiring)
        users.change_role(wiring, user.id, Role.VIEWER)
        assert client.get("/contacts", follow_redirects=False).status_code == 303


def test_a_demo_lets_visitors_of_this_machine_in_and_no_others(wiring: Wiring, clock: FixedClock) -> None:
    app = create_app(wiring, clock=clock, is_demo=True)

    def visitor(base: str, near: str) -> TestClient:
        return TestClient(app, headers=HTML, base_url=base, follow_redirects=False, client=(near, 5))

    near = visitor("http://127.0.0.1:8000", "::1")
    page = near.get("/contacts")
    assert page.status_code == 200
    assert "Demo" in page.text
    assert visitor("http://127.0.0.1:8000", "10.0.0.9").get("/contacts").status_code == 303
    assert visitor("http://evil.example", "::1").get("/contacts").status_code == 303
    assert near.post("/failures/retry-flow", data={"flow": "welcome"}).status_code == 403
    token = re.search(r'X-CSRF-Token": "(\w+)"', page.text)
    assert token is not None
    assert near.post("/failures/retry-flow", data={"flow": "welcome", "csrf": token[1]}).status_code == 303


# ---------------------------------------------------------------- every route


def _routes(wiring: Wiring) -> list[tuple[str, str]]:
    found = []
    for router in page_routers(Pages(wiring)):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            found += [(method, route.path) for method in route.methods or ()]
    return found


def _fill(path: str) -> str:
    return re.sub(r"{(\w+)(:path)?}", lambda found: "welcome" if found[1] == "key" else "1", path)


def test_every_page_is_behind_the_doors(wiring: Wiring, clock: FixedClock) -> None:
    let_in(wiring)
    routes = _routes(wiring)
    assert len(routes) > 10
    with _open(wiring, clock) as stranger:
        for method, path in routes:
            answer = stranger.request(method, _fill(path))
            assert answer.status_code == (303 if method == "GET" else 401), (method, path)
            told = stranger.request(method, _fill(path), headers={"accept": "application/json"})
            assert told.status_code == 401, (method, path)


def test_every_change_needs_the_word_of_the_session(wiring: Wiring) -> None:
    with signed_in(wiring) as client:
        for method, path in _routes(wiring):
            if method not in ("GET", "HEAD"):
                for headers in ({"x-csrf-token": ""}, {"x-csrf-token": "0" * 64}, {"origin": "https://evil.example"}):
                    assert client.request(method, _fill(path), headers=headers).status_code == 403, (path, headers)


def test_no_page_of_a_viewer_changes_anything(wiring: Wiring) -> None:
    """Whatever a viewer posts, wherever, with the right word: nothing in the store is different afterwards."""

    def digest() -> list[object]:
        tables = ("flow", "draft", "flow_version", "segment", "template", "token", "workspace", "topic", "write_key")
        with wiring.store.read() as connection:
            return [connection.exec_driver_sql(f"SELECT * FROM {table}").all() for table in tables]  # noqa: S608

    with signed_in(wiring, Role.VIEWER) as client:
        before = digest()
        for method, path in _routes(wiring):
            if method not in ("GET", "HEAD") and not path.startswith("/account"):
                client.request(method, _fill(path), data={"flow": "welcome", "kind": "rename", "name": "x", "key": "x"})
        assert digest() == before


def test_what_roles_may(wiring: Wiring) -> None:
    def may(role: Role) -> list[bool]:
        signed = signing.recognise(wiring, FixedClock(0), let_in(wiring, role, FixedClock(0)))
        assert signed is not None
        acting = wiring.acting(signed.actor)
        return [_works(acting, each) for each in ("read", "edit", "run", "manage")]

    assert may(Role.VIEWER) == [True, False, False, False]
    assert may(Role.EDITOR) == [True, True, True, False]
    assert may(Role.APPROVER) == [True, True, True, False]
    assert may(Role.ADMIN) == [True, True, True, True]
    workspaces.change_workspace(wiring, settings={"approval": True})
    assert may(Role.EDITOR) == [True, True, False, False]
    assert may(Role.APPROVER) == [True, True, True, False]


def _works(wiring: Wiring, what: str) -> bool:
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: flows.export_flow(wiring, "welcome"),
        "edit": lambda: flows.import_flow(wiring, WELCOME),
        "run": lambda: flows.publish(wiring, "welcome"),
        "manage": lambda: users.list_users(wiring),
    }
    try:
        calls[what]()
    except AccessError:
        return False
    return True
