"""Find a channel's open messages without reading those of the others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OPEN = sa.text("state IN ('queued','sending')")


def _replace(*columns: str) -> None:
    op.drop_index("ix_message_open", table_name="message")
    op.create_index("ix_message_open", "message", list(columns), sqlite_where=OPEN, postgresql_where=OPEN)


def upgrade() -> None:
    _replace("part", "state", "channel", "not_before")


def downgrade() -> None:
    _replace("part", "state", "not_before")
