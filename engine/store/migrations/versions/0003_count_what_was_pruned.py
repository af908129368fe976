"""Count what was pruned."""

from alembic import op

from engine.store.migrations.columns import number

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("passage", number("pruned", default="0"))


def downgrade() -> None:
    op.drop_column("passage", "pruned")
