import sqlalchemy as sa

from engine.access import audit
from engine.access.audit import ENTRY
from engine.access.rights import OPERATOR, Actor, Role
from engine.api import flows, users
from engine.store.session import Store
from tests.run.test_invariants import undone
from tests.support.browser import let_in
from tests.support.engines import WELCOME, engine_on, go_live


def test_what_users_change_is_noted_with_who_did_it(store: Store) -> None:
    wiring = engine_on(store)
    let_in(wiring, Role.ADMIN)
    (ada,) = users.list_users(wiring)
    acting = wiring.acting(_admin(ada.id))
    go_live(acting)
    flows.publish(acting, "welcome")
    told = [(line.user, line.action, line.subject) for line in users.list_audit(wiring)]
    assert told == [("Admin", "flow.publish", "welcome"), ("Admin", "flow.import", "welcome")]
    detail = users.list_audit(wiring)[0].detail
    assert detail["version"] == 1
    assert len(str(detail["sha256"])) == 64


def test_importing_the_same_once_more_is_no_change(store: Store) -> None:
    wiring = engine_on(store)
    flows.import_flow(wiring, WELCOME)
    flows.import_flow(wiring, WELCOME)
    assert [line.action for line in users.list_audit(wiring)] == ["flow.import"]


def test_a_log_that_was_tampered_with_is_seen(store: Store) -> None:
    with store.write() as connection:
        for number in range(5):
            audit.record(connection, OPERATOR, "flow.publish", f"flow {number}", {"n": number, "t": "文"}, now=number)
        assert audit.broken(connection) == 0
    tampering = (
        ENTRY.update().values(subject="another").where(ENTRY.c.id == 3),
        ENTRY.update().values(detail={"n": 7}).where(ENTRY.c.id == 2),
        ENTRY.update().values(user_id=9).where(ENTRY.c.id == 4),
        ENTRY.delete().where(ENTRY.c.id == 2),
        ENTRY.delete().where(ENTRY.c.id == 1),
        ENTRY.update().values(previous="0" * 64).where(ENTRY.c.id == 5),
    )
    for change in tampering:
        assert _broken_after(store, change) > 0
    with store.read() as connection:
        assert audit.broken(connection) == 0


def test_pages_of_the_log(store: Store) -> None:
    with store.write() as connection:
        for number in range(5):
            audit.record(connection, OPERATOR, "flow.publish", str(number), now=number)
        first = audit.entries(connection, limit=2)
        assert [entry.subject for entry in first] == ["4", "3"]
        assert [entry.subject for entry in audit.entries(connection, first[-1].number, limit=9)] == ["2", "1", "0"]


def _broken_after(store: Store, change: sa.Executable) -> int:
    with undone(store) as connection:
        connection.execute(change)
        return audit.broken(connection)


def _admin(user_id: int) -> Actor:
    return Actor(user_id, "Admin", OPERATOR.rights)
