import sqlalchemy as sa

from engine.store.server import misset
from engine.store.session import Store

CARELESS = {"synchronous_commit", "autovacuum"}
"""What the tests' own server leaves out on purpose."""


def test_sessions_and_tables_are_set_as_they_should_be(store: Store) -> None:
    with store.read() as connection:
        names = {each.name for each in misset(connection)}
    assert names == (CARELESS if store.name == "postgresql" else set())


def test_what_is_not_set_is_told_with_what_it_costs(postgresql_store: Store) -> None:
    # Taken back in the end: the database is used again.
    with postgresql_store.engine.connect() as connection:
        for statement in (
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SET LOCAL client_connection_check_interval = 0",
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL random_page_cost = 4",
            "ALTER TABLE token RESET (fillfactor)",
            "ALTER TABLE message SET (autovacuum_vacuum_scale_factor = 0.2)",
        ):
            connection.execute(sa.text(statement))
        found = {each.name: str(each) for each in misset(connection)}
    assert set(found) - CARELESS == {
        "idle_in_transaction_session_timeout",
        "client_connection_check_interval",
        "statement_timeout",
        "random_page_cost",
        "fillfactor of token",
        "autovacuum_vacuum_scale_factor of message",
    }
    said = "statement_timeout is 0, not between 1s and 1h: a statement that does not end keeps its rows"
    assert found["statement_timeout"].startswith(said)
