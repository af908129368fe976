import sqlalchemy as sa

from engine.store.estimates import look_again
from engine.store.session import Store

UNTOLD = sa.text("""
SELECT a.attname FROM pg_attribute AS a
WHERE a.attrelid = CAST('token' AS regclass) AND a.attnum > 0 AND a.attstattarget = 0""")

TOKENS = """
INSERT INTO token (part, contact_id, id, enrollment_id, version_id, node, state, due_at, since, woken, seq)
SELECT 0, number, 1, 1, 1, 0, 'waiting', 1, 0, 0, 0 FROM generate_series(1, 5000) AS number ON CONFLICT DO NOTHING"""


def test_plans_do_not_depend_on_which_parts_were_filled_when_somebody_looked(postgresql_store: Store) -> None:
    with postgresql_store.read() as connection:
        assert set(connection.scalars(UNTOLD)) == {"due_at", "part", "state", "version_id"}


def test_a_table_that_was_nearly_empty_when_it_was_looked_at_is_looked_at_again(postgresql_store: Store) -> None:
    believed = sa.text("SELECT reltuples FROM pg_class WHERE oid = CAST('token' AS regclass)")
    with postgresql_store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(TOKENS)
        connection.exec_driver_sql("DELETE FROM token WHERE contact_id < 5000")
        connection.exec_driver_sql("VACUUM (ANALYZE, TRUNCATE off) token")
        connection.exec_driver_sql(TOKENS)
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        assert connection.scalar(believed) == 1
        assert look_again(postgresql_store) == ["token"]
        assert connection.scalar(believed) == 5000
    assert look_again(postgresql_store) == []


def test_sqlite_is_told_beforehand(sqlite_store: Store) -> None:
    assert look_again(sqlite_store) == []
