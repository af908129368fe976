"""${message}."""

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.columns import blob, data, flag, key, number, real, small, words

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
