from typing import Any

import sqlalchemy as sa

from engine.store.session import Store
from tests.channels.office import ScriptedChannel, office, send
from tests.channels.world import MESSAGE, START, owed


def test_messages_are_claimed_by_their_keys(postgresql_store: Store) -> None:
    """Else every claim would go through all that is owed in the part."""
    keys = owed(postgresql_store, 40)
    gone = {
        "contact_id": sa.func.generate_series(1_000, 9_000),
        "state": sa.literal("sent"),
        "sent_at": sa.literal(START, sa.BigInteger),
    }
    columns: list[sa.ColumnElement[Any]] = [gone.get(column.name, column) for column in MESSAGE.c]
    one = [MESSAGE.c[name] == value for name, value in keys[0]._asdict().items()]
    with postgresql_store.write() as connection:
        # The index of those that are owed is the smaller one.
        connection.execute(MESSAGE.insert().from_select(MESSAGE.c.keys(), sa.select(*columns).where(*one)))
        connection.execute(sa.text("ANALYZE message"))
    said: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, given: Any, *_: object) -> None:
        if statement.startswith("WITH due AS"):
            said.append((statement, given))

    sa.event.listen(postgresql_store.engine, "before_cursor_execute", note)
    send(office(postgresql_store, {"email": ScriptedChannel()}))
    text, given = said[0]
    with postgresql_store.read() as connection:
        plan = " ".join(connection.exec_driver_sql(f"EXPLAIN {text}", given).scalars())
    assert "message_pkey" in plan
    assert "ix_message_open" not in plan
