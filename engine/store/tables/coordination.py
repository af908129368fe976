"""What processes that share a store say to each other: who is at a part now, and who leads."""

from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import instant, key, number, words


class Claim(SQLModel, table=True):
    """One row is a kind of work on one part; whoever has locked the row is the only one who does it.

    The row itself never changes: the claim is its lock, and ends with the transaction (ADR 0015).
    """

    __tablename__ = "claim"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    what: str = Field(sa_column=words(primary_key=True))


class Lease(SQLModel, table=True):
    """One row is something that one process has until an instant of the database's clock, or has had.

    A process has a row of its own name while it lives; ``leader`` is who does what must be done once; all
    others are reservations, such as ``messages/PART/CHANNEL`` of who reads those now. ``epoch`` counts the owners.
    """

    __tablename__ = "lease"

    name: str = Field(sa_column=words(primary_key=True))
    owner: str = Field(sa_column=words())
    epoch: int = Field(sa_column=number())
    until: int = Field(sa_column=instant())
