import sqlalchemy as sa

from engine.store.session import Store

UNTOLD = sa.text("""
SELECT a.attname FROM pg_attribute AS a
WHERE a.attrelid = CAST('token' AS regclass) AND a.attnum > 0 AND a.attstattarget = 0""")


def test_plans_do_not_depend_on_which_parts_were_filled_when_somebody_looked(postgresql_store: Store) -> None:
    with postgresql_store.read() as connection:
        assert set(connection.scalars(UNTOLD)) == {"due_at", "part", "state", "version_id"}
