"""Claims of parts, leases of processes, and room on the pages of what changes."""

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.columns import key, number, words

revision = "0002"
down_revision = "0001"

ROOM = (
    "ALTER TABLE enrollment SET (autovacuum_vacuum_scale_factor = 0.01)",
    "ALTER TABLE message SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)",
    "ALTER TABLE token SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)",
)
FULL = (
    "ALTER TABLE enrollment RESET (autovacuum_vacuum_scale_factor)",
    "ALTER TABLE message RESET (fillfactor, autovacuum_vacuum_scale_factor)",
    "ALTER TABLE token RESET (fillfactor, autovacuum_vacuum_scale_factor)",
)


def upgrade() -> None:
    op.create_table(
        "claim", key("part"), words("what"), sa.PrimaryKeyConstraint("part", "what"), sqlite_with_rowid=False
    )
    op.create_table(
        "lease", words("name"), words("owner"), number("epoch"), number("until"), sa.PrimaryKeyConstraint("name")
    )
    _say(ROOM)


def downgrade() -> None:
    _say(FULL)
    op.drop_table("lease")
    op.drop_table("claim")


def _say(statements: tuple[str, ...]) -> None:
    # What exists keeps its pages until it is written anew; what comes finds the room.
    for statement in statements if op.get_bind().dialect.name == "postgresql" else ():
        op.execute(statement)
