"""What flows hand to sales."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import instant, key, number, one_of, words


class Assignment(SQLModel, table=True):
    """One row says that a contact was given to a user or team, by which node."""

    __tablename__ = "assignment"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=key())
    node: int = Field(sa_column=key())
    passing: int = Field(sa_column=key())
    version_id: int = Field(sa_column=number())
    assignee: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())


class Task(SQLModel, table=True):
    """One row is something a person has to do about a contact by a deadline."""

    __tablename__ = "task"
    __table_args__ = (CheckConstraint(one_of("state", "open", "done"), name="ck_task_state"), CLUSTERED)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    enrollment_id: int = Field(sa_column=key())
    node: int = Field(sa_column=key())
    passing: int = Field(sa_column=key())
    version_id: int = Field(sa_column=number())
    title: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    deadline: int = Field(sa_column=instant())
