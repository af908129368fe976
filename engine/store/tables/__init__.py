"""Every table of the store; importing this room registers all of them.

Tables of people, runs, messages and events carry ``part`` first in their keys (ADR 0003).
"""

from sqlmodel import SQLModel

from engine.store.tables.access import AuditEntry, Refusal, Session, User
from engine.store.tables.approvals import Approval
from engine.store.tables.changeovers import Changeover, Transfer
from engine.store.tables.coordination import Claim, Lease
from engine.store.tables.events import Event, EventAhead, EventRefusal
from engine.store.tables.experiments import (
    Conversion,
    Experiment,
    ExperimentDecision,
    ExperimentShare,
    Exposure,
    Tally,
)
from engine.store.tables.flows import Draft, Flow, FlowVersion, Template
from engine.store.tables.gestures import GestureDone
from engine.store.tables.messages import Delivery, Inbox, Message
from engine.store.tables.people import Account, AppliedCall, Consent, Contact, ContactAlias, ContactTag, Suppression
from engine.store.tables.runs import Cursor, Enrollment, Failure, Journal, Passage, Sequence, Token
from engine.store.tables.sales import Assignment, Task
from engine.store.tables.segments import Membership, Recheck, Segment
from engine.store.tables.workspaces import Meta, Topic, Workspace, WriteKey

metadata = SQLModel.metadata

__all__ = [
    "Account",
    "AppliedCall",
    "Approval",
    "Assignment",
    "AuditEntry",
    "Changeover",
    "Claim",
    "Consent",
    "Contact",
    "ContactAlias",
    "ContactTag",
    "Conversion",
    "Cursor",
    "Delivery",
    "Draft",
    "Enrollment",
    "Event",
    "EventAhead",
    "EventRefusal",
    "Experiment",
    "ExperimentDecision",
    "ExperimentShare",
    "Exposure",
    "Failure",
    "Flow",
    "FlowVersion",
    "GestureDone",
    "Inbox",
    "Journal",
    "Lease",
    "Membership",
    "Message",
    "Meta",
    "Passage",
    "Recheck",
    "Refusal",
    "Segment",
    "Sequence",
    "Session",
    "Suppression",
    "Tally",
    "Task",
    "Template",
    "Token",
    "Topic",
    "Transfer",
    "User",
    "Workspace",
    "WriteKey",
    "metadata",
]
