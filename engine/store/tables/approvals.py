"""What editors ask approvers to publish."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from engine.store.types import instant, key, number, one_of, words


class Approval(SQLModel, table=True):
    """One row is what was asked last to be published of a flow, until it is published or taken back.

    ``document`` is the draft as it was at ``revision``, so that exactly this is published, whatever became of it since.
    What is ``sent_back`` carries the ``answer``.
    """

    __tablename__ = "approval"
    __table_args__ = (CheckConstraint(one_of("state", "asked", "sent_back"), name="ck_approval_state"),)

    flow_id: int = Field(sa_column=key())
    revision: int = Field(sa_column=number())
    document: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    note: str = Field(sa_column=words())
    asked_by: str = Field(sa_column=words())
    asked_at: int = Field(sa_column=instant())
    answer: str | None = Field(sa_column=words(nullable=True))
    answered_by: str | None = Field(sa_column=words(nullable=True))
    answered_at: int | None = Field(sa_column=instant(nullable=True))
