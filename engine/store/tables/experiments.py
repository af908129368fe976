"""What A/B splits showed to whom, who reached the goal, and what was concluded."""

from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from engine.store.tables.people import CLUSTERED
from engine.store.types import data, instant, key, number, one_of, words

STATES = (
    "running",
    "promoted",
    "settled",
    "rolled_back",
    "no_difference",
    "futile",
    "unproven",
    "harmed",
    "frozen",
)
ACTS = (
    "dropped",
    "promoted",
    "settled",
    "rolled_back",
    "no_difference",
    "futile",
    "unproven",
    "paused",
    "split_off",
    "earned",
    "frozen",
    "thawed",
    "undone",
)


SENT, EXPOSED, CONVERTED, HARMED = -1, 0, 1, 2
"""What a tally counts; guardrails have the numbers from ``HARMED`` on."""


class Exposure(SQLModel, table=True):
    """One row is a contact in an experiment: the variant it was first given, which later passes get too.

    ``experiment_id`` is derived from flow, node and settings, so that a new version with the same split keeps the
    ledger. ``epoch`` numbers the shares by which the variant was drawn, -1 when it was no matter of chance;
    ``converted_at`` is the first goal within the window, ``harmed`` has a bit for each guardrail that was hit.
    """

    __tablename__ = "exposure"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    contact_id: int = Field(sa_column=key())
    experiment_id: int = Field(sa_column=key())
    variant: str = Field(sa_column=words())
    at: int = Field(sa_column=instant())
    epoch: int = Field(sa_column=number(default=0))
    converted_at: int | None = Field(sa_column=instant(nullable=True))
    harmed: int = Field(sa_column=number(default=0))


class Tally(SQLModel, table=True):
    """One row is how many contacts of a part were given a variant in one hour, or how many of those did something.

    ``what`` is 0 for exposures, 1 for conversions, 2 and more for guardrails, -1 for first messages that went out;
    ``hour`` is that of the exposure. Counts are kept with every exposure, event and message; nothing counts the ledger
    again.
    """

    __tablename__ = "experiment_tally"
    __table_args__ = (CLUSTERED,)

    part: int = Field(sa_column=key())
    experiment_id: int = Field(sa_column=key())
    epoch: int = Field(sa_column=key())
    hour: int = Field(sa_column=key())
    variant: str = Field(sa_column=words(primary_key=True))
    what: int = Field(sa_column=key())
    contacts: int = Field(sa_column=number())


class Experiment(SQLModel, table=True):
    """One row is an experiment and how it stands; it comes with the first contact at its split.

    ``epoch`` numbers the shares in force; ``out`` lists variants that were dropped or paused, ``looks`` those of a
    planned test, both as JSON; ``settings`` are as they were when it began.
    """

    __tablename__ = "experiment"
    __table_args__ = (
        CheckConstraint(
            f"{one_of('state', *STATES)} AND ((state <> 'promoted' AND state <> 'settled') OR winner IS NOT NULL)",
            name="ck_experiment_state",
        ),
    )

    id: int = Field(sa_column=key())
    workspace_id: int
    flow_id: int = Field(sa_column=number())
    flow_key: str = Field(sa_column=words())
    node: str = Field(sa_column=words())
    settings: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    started_at: int = Field(sa_column=instant())
    epoch: int = Field(sa_column=number())
    winner: str | None = Field(sa_column=words(nullable=True))
    runner_up: str | None = Field(sa_column=words(nullable=True))
    decided_at: int | None = Field(sa_column=instant(nullable=True))
    split_off: bool
    out: str = Field(sa_column=words())
    looks: str = Field(sa_column=words())


class ExperimentShare(SQLModel, table=True):
    """One row is a variant's share from an instant on; those of epoch 0 follow from the settings.

    ``upper`` is the end of its range of 0..9999; ``share`` the probability that is used in the evidence.
    """

    __tablename__ = "experiment_share"

    experiment_id: int = Field(sa_column=key())
    epoch: int = Field(sa_column=key())
    variant: str = Field(sa_column=words(primary_key=True))
    upper: int = Field(sa_column=number())
    share: float
    since: int = Field(sa_column=instant())


class ExperimentDecision(SQLModel, table=True):
    """One row is something that was decided about an experiment, by whom, and why: counts, evidence, interval."""

    __tablename__ = "experiment_decision"
    __table_args__ = (CheckConstraint(one_of("act", *ACTS), name="ck_experiment_decision_act"),)

    experiment_id: int = Field(sa_column=key())
    number: int = Field(sa_column=key())
    at: int = Field(sa_column=instant())
    act: str = Field(sa_column=words())
    variant: str | None = Field(sa_column=words(nullable=True))
    by: str = Field(sa_column=words())
    facts: dict[str, Any] = Field(sa_column=data())


class Conversion(SQLModel, table=True):
    """One row is the first time an enrollment passed a ``flow.goal`` node.

    ``subject`` is derived from flow and node, the same in every version.
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
