"""Where contacts stand in flows, and the record of how they came there."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED, ROOM_FOR_CHANGES, SOME_ROOM
from engine.store.types import data, instant, key, number, one_of, words


class Enrollment(SQLModel, table=True):
    """One row is one passage of one contact through one flow version.

    ``ordinal`` counts the contact's enrollments in this flow from 1.
    """

    __tablename__ = "enrollment"
    __table_args__ = (
        CheckConstraint(
            "(state = 'active') = (ended_at IS NULL) "
            f"AND {one_of('state', 'active', 'completed', 'goal', 'exit', 'merged', 'erased')}",
            name="ck_enrollment_state",
        ),
        {**CLUSTERED, **ROOM_FOR_CHANGES},
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    flow_id: int = Field(sa_column=number())
    version_id: int = Field(sa_column=number())
    ordinal: int = Field(sa_column=number())
    state: str = Field(sa_column=words())
    started_at: int = Field(sa_column=instant())
    ended_at: int | None = Field(sa_column=instant(nullable=True))


class Token(SQLModel, table=True):
    """One row is where one branch of an enrollment rests.

    ``node`` is the node's place in the version's topological order. ``due_at`` is the instant it may move; nothing
    for one that waits at a join, is held or has failed. ``woken`` tells why it became due: 0 its time, 1 an
    event, 2 a rule, 3 its entry. ``since`` is when it came to rest; ``seq`` counts its journal rows.
    """

    __tablename__ = "token"
    __table_args__ = (
        CheckConstraint(
            f"({one_of('state', 'waiting')} AND due_at IS NOT NULL) "
            f"OR ({one_of('state', 'joining', 'held', 'failed')} AND due_at IS NULL)",
            name="ck_token_state",
        ),
        CheckConstraint("woken >= 0 AND woken <= 3", name="ck_token_woken"),
        Index(
            "ix_token_due",
            "part",
            "version_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        {**CLUSTERED, **SOME_ROOM},
    )

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=number())
    version_id: int = Field(sa_column=number())
    node: int
    state: str = Field(sa_column=words())
    due_at: int | None = Field(sa_column=instant(nullable=True))
    since: int = Field(sa_column=instant())
    woken: int
    seq: int


class Journal(SQLModel, table=True):
    """One row is a token's passage from rest to rest: the steps it took at one instant.

    ``steps`` is a run of codes of four characters, one per step; ``engine.library.steps`` reads and writes them.
    ``wave`` numbers the waves of a part, so that what several waves did at one instant keeps its order.
    """

    __tablename__ = "journal"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    token_id: int = Field(sa_column=key())
    seq: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=number())
    wave: int = Field(sa_column=number())
    at: int = Field(sa_column=instant())
    steps: str = Field(sa_column=words())


class Passage(SQLModel, table=True):
    """One row is how many tokens left one node by one port in one hour; pages read it, never the journal.

    Of ``pruned`` among them the journal's row is gone: see ``engine.run.pruning``.
    """

    __tablename__ = "passage"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    version_id: int = Field(sa_column=key())
    node: int = Field(sa_column=key())
    port: str = Field(sa_column=words(primary_key=True))
    hour: int = Field(sa_column=key())
    passed: int = Field(sa_column=number())
    pruned: int = Field(sa_column=number(server_default=text("0")))


class Failure(SQLModel, table=True):
    """One row is why a token failed; the row goes when the token is retried."""

    __tablename__ = "failure"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    token_id: int = Field(sa_column=key())
    at: int = Field(sa_column=instant())
    code: str = Field(sa_column=words())
    reason: str = Field(sa_column=words())
    due_at: int = Field(sa_column=instant())


class Sequence(SQLModel, table=True):
    """One row is the next number of a kind of row within a part.

    Its row lock makes numbers come in the order of commits, which cursors rely on.
    """

    __tablename__ = "sequence"

    part: int = Field(sa_column=key())
    name: str = Field(sa_column=words(primary_key=True))
    next: int = Field(sa_column=number())


class Cursor(SQLModel, table=True):
    """One row is how far a reader of a part's events, changes or schedule has come."""

    __tablename__ = "cursor"

    part: int = Field(sa_column=key())
    name: str = Field(sa_column=words(primary_key=True))
    position: int = Field(sa_column=number())
    note: dict[str, Any] | None = Field(sa_column=data(nullable=True))
