"""List messages that failed or are in doubt without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

UNCLEAR = sa.text("state IN ('failed','in_doubt')")


def upgrade() -> None:
    op.create_index("ix_message_unclear", "message", ["part", "due_at"], sqlite_where=UNCLEAR, postgresql_where=UNCLEAR)


def downgrade() -> None:
    op.drop_index("ix_message_unclear", table_name="message")
