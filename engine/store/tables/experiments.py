"""What A/B splits showed to whom, and who reached the goal."""

from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import instant, key, words


class Exposure(SQLModel, table=True):
    """One row says which variant of a split a contact was first given; later passes get the same.

    ``experiment_id`` is derived from flow and node, so that a new version keeps the ledger.
    """

    __tablename__ = "exposure"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    experiment_id: int = Field(sa_column=key())
    variant: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())


class Conversion(SQLModel, table=True):
    """One row is the first time a contact reached a goal.

    Of a split's goal ``subject`` is the experiment's id; of a ``flow.goal`` node it is derived from flow and node.
    """

    __tablename__ = "conversion"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    subject: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=key())
    name: str = Field(sa_column=words())
    value: float | None = None
    at: int = Field(sa_column=instant())
