from typing import Any

import psycopg
import pytest

from engine.store.pings import WHILE, Pings
from engine.store.session import Store

OWN = "SELECT pg_backend_pid()"
END = "SELECT pg_terminate_backend(%s, 60000)"


def session(store: Store) -> int:
    with store.read() as connection:
        return int(connection.exec_driver_sql(OWN).scalar_one())


def test_the_server_is_asked_once_in_a_while(postgresql_store: Store) -> None:
    asked: list[object] = []
    instants = iter((0.0, WHILE / 2, WHILE, WHILE * 1.5))

    def ask(connection: object) -> bool:
        asked.append(connection)
        return True

    pings = Pings(ask, lambda: next(instants))
    raw = postgresql_store.engine.raw_connection()
    try:
        found = [(pings(raw.driver_connection), len(asked)) for _ in range(4)]
    finally:
        raw.close()
    assert found == [(True, 1), (True, 1), (True, 2), (True, 2)]


def test_transactions_that_follow_each_other_ask_the_server_nothing(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(postgresql_store)
    session(postgresql_store)
    said: list[str] = []
    execute: Any = psycopg.Cursor.execute

    def note(self: object, query: str, *given: object, **options: object) -> Any:
        said.append(query)
        return execute(self, query, *given, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", note)
    session(postgresql_store)
    assert said == [OWN]


def test_a_session_that_the_server_has_ended_is_not_used_again(postgresql_store: Store) -> None:
    ended = session(postgresql_store)
    # It was asked just now, and answered.
    assert session(postgresql_store) == ended
    with psycopg.connect(postgresql_store.engine.url.set(drivername="postgresql").render_as_string(False)) as stranger:
        assert stranger.execute(END, (ended,)).fetchone() == (True,)
    assert session(postgresql_store) != ended


def test_a_session_that_is_closed_is_not_believed_to_live(postgresql_store: Store) -> None:
    raw = postgresql_store.engine.raw_connection()
    connection = raw.driver_connection
    assert connection is not None
    pings = Pings(lambda given: not given.closed, lambda: 0.0)
    assert pings(connection)
    connection.close()
    assert not pings(connection)
    raw.invalidate()
