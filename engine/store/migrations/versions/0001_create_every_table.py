"""Create every table."""

import sqlalchemy as sa
from alembic import op

from engine.store.migrations.columns import data, flag, key, number, real, small, words

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "account",
        key("part"),
        key("id"),
        small("workspace_id"),
        words("key"),
        words("name", nullable=True),
        data("attributes"),
        sa.PrimaryKeyConstraint("part", "id"),
        sa.UniqueConstraint("part", "workspace_id", "key", name="uq_account_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "applied_call",
        key("part"),
        words("source"),
        words("message_id"),
        number("at"),
        sa.PrimaryKeyConstraint("part", "source", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_applied_call_at", "applied_call", ["part", "at"])
    op.create_table(
        "approval",
        key("flow_id"),
        number("revision"),
        words("document"),
        words("state"),
        words("note"),
        words("asked_by"),
        number("asked_at"),
        words("answer", nullable=True),
        words("answered_by", nullable=True),
        number("answered_at", nullable=True),
        sa.CheckConstraint("(state = 'asked' OR state = 'sent_back')", name="ck_approval_state"),
        sa.PrimaryKeyConstraint("flow_id"),
    )
    op.create_table(
        "assignment",
        key("part"),
        key("contact_id"),
        key("enrollment_id"),
        key("node"),
        key("passing"),
        number("version_id"),
        words("assignee"),
        number("at"),
        sa.PrimaryKeyConstraint("part", "contact_id", "enrollment_id", "node", "passing"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_entry",
        key("id"),
        number("workspace_id"),
        number("at"),
        number("user_id", nullable=True),
        words("action"),
        words("subject"),
        data("detail"),
        words("previous"),
        words("digest"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "changeover",
        key("id"),
        number("flow_id"),
        number("version_id"),
        words("by"),
        number("at"),
        data("mapping"),
        number("finished_at", nullable=True),
        number("undone_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consent",
        key("part"),
        key("contact_id"),
        words("topic"),
        words("channel"),
        words("state"),
        words("source"),
        number("at"),
        sa.CheckConstraint("(state = 'granted' OR state = 'withdrawn')", name="ck_consent_state"),
        sa.PrimaryKeyConstraint("part", "contact_id", "topic", "channel"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact",
        key("part"),
        key("id"),
        small("workspace_id"),
        words("key"),
        number("hash"),
        words("email", nullable=True),
        words("phone", nullable=True),
        words("timezone", nullable=True),
        words("locale", nullable=True),
        words("stage", nullable=True),
        number("account_id", nullable=True),
        data("attributes"),
        number("created_at"),
        flag("restricted", default=False),
        number("changed", default="0"),
        sa.PrimaryKeyConstraint("part", "id"),
        sa.UniqueConstraint("part", "workspace_id", "key", name="uq_contact_key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_contact_account",
        "contact",
        ["part", "account_id"],
        sqlite_where=sa.text("account_id IS NOT NULL"),
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_contact_changed",
        "contact",
        ["part", "changed"],
        sqlite_where=sa.text("changed > 0"),
        postgresql_where=sa.text("changed > 0"),
    )
    op.create_index("ix_contact_email", "contact", ["part", "email"])
    op.create_table(
        "contact_alias",
        key("part"),
        key("workspace_id"),
        words("key"),
        number("contact_part"),
        number("contact_id"),
        sa.PrimaryKeyConstraint("part", "workspace_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_contact_alias_contact", "contact_alias", ["part", "contact_part", "contact_id"])
    op.create_table(
        "contact_tag",
        key("part"),
        key("contact_id"),
        words("tag"),
        sa.PrimaryKeyConstraint("part", "contact_id", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversion",
        key("part"),
        key("contact_id"),
        key("subject"),
        key("enrollment_id"),
        words("name"),
        real("value", nullable=True),
        number("at"),
        sa.PrimaryKeyConstraint("part", "contact_id", "subject", "enrollment_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursor",
        key("part"),
        words("name"),
        number("position"),
        data("note", nullable=True),
        sa.PrimaryKeyConstraint("part", "name"),
    )
    op.create_table(
        "delivery",
        key("part"),
        key("contact_id"),
        key("enrollment_id"),
        key("node"),
        key("passing"),
        key("attempt"),
        number("at"),
        words("outcome"),
        words("answer"),
        sa.CheckConstraint(
            "(outcome = 'sent' OR outcome = 'temporary' OR outcome = 'permanent' OR outcome = 'in_doubt')",
            name="ck_delivery_outcome",
        ),
        sa.PrimaryKeyConstraint("part", "contact_id", "enrollment_id", "node", "passing", "attempt"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "designer_session",
        words("digest"),
        number("user_id"),
        number("opened_at"),
        number("seen_at"),
        words("place"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_designer_session_user", "designer_session", ["user_id"])
    op.create_table(
        "designer_user",
        key("id"),
        number("workspace_id"),
        words("email"),
        words("name"),
        words("role"),
        words("password", nullable=True),
        words("invitation", nullable=True),
        number("invited_until", nullable=True),
        words("language", nullable=True),
        number("created_at"),
        number("signed_in_at", nullable=True),
        number("disabled_at", nullable=True),
        sa.CheckConstraint(
            "role = 'viewer' OR role = 'editor' OR role = 'approver' OR role = 'admin'", name="ck_designer_user_role"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email", name="uq_designer_user_email"),
    )
    op.create_table(
        "draft",
        key("flow_id"),
        number("revision"),
        words("document"),
        number("changed_at"),
        sa.PrimaryKeyConstraint("flow_id"),
    )
    op.create_table(
        "enrollment",
        key("part"),
        key("contact_id"),
        key("id"),
        number("flow_id"),
        number("version_id"),
        number("ordinal"),
        words("state"),
        number("started_at"),
        number("ended_at", nullable=True),
        sa.CheckConstraint(
            "(state = 'active') = (ended_at IS NULL) AND (state = 'active' OR state = 'completed' OR state = 'goal' OR state = 'exit' OR state = 'merged' OR state = 'erased')",
            name="ck_enrollment_state",
        ),
        sa.PrimaryKeyConstraint("part", "contact_id", "id"),
        postgresql_with={"fillfactor": 50},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        key("part"),
        key("id"),
        small("workspace_id"),
        number("contact_id"),
        words("name"),
        number("at"),
        number("received_at"),
        words("source"),
        words("message_id"),
        data("properties"),
        sa.PrimaryKeyConstraint("part", "id"),
        sa.UniqueConstraint("part", "source", "message_id", name="uq_event_message"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_event_contact", "event", ["part", "contact_id", "name", "at"])
    op.create_table(
        "event_ahead",
        key("part"),
        key("id"),
        number("at"),
        sa.PrimaryKeyConstraint("part", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_event_ahead_at", "event_ahead", ["part", "at"])
    op.create_table(
        "event_refusal",
        words("id"),
        small("workspace_id"),
        number("at"),
        words("source"),
        number("position"),
        words("reason"),
        words("payload"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "experiment",
        key("id"),
        small("workspace_id"),
        number("flow_id"),
        words("flow_key"),
        words("node"),
        words("settings"),
        words("state"),
        number("started_at"),
        number("epoch"),
        words("winner", nullable=True),
        words("runner_up", nullable=True),
        number("decided_at", nullable=True),
        flag("split_off"),
        words("out"),
        words("looks"),
        sa.CheckConstraint(
            "(state = 'running' OR state = 'promoted' OR state = 'settled' OR state = 'rolled_back' OR state = 'no_difference' OR state = 'futile' OR state = 'unproven' OR state = 'harmed' OR state = 'frozen') AND ((state <> 'promoted' AND state <> 'settled') OR winner IS NOT NULL)",
            name="ck_experiment_state",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "experiment_decision",
        key("experiment_id"),
        key("number"),
        number("at"),
        words("act"),
        words("variant", nullable=True),
        words("by"),
        data("facts"),
        sa.CheckConstraint(
            "(act = 'dropped' OR act = 'promoted' OR act = 'settled' OR act = 'rolled_back' OR act = 'no_difference' OR act = 'futile' OR act = 'unproven' OR act = 'paused' OR act = 'split_off' OR act = 'earned' OR act = 'frozen' OR act = 'thawed' OR act = 'undone')",
            name="ck_experiment_decision_act",
        ),
        sa.PrimaryKeyConstraint("experiment_id", "number"),
    )
    op.create_table(
        "experiment_share",
        key("experiment_id"),
        key("epoch"),
        words("variant"),
        number("upper"),
        real("share"),
        number("since"),
        sa.PrimaryKeyConstraint("experiment_id", "epoch", "variant"),
    )
    op.create_table(
        "experiment_tally",
        key("part"),
        key("experiment_id"),
        key("epoch"),
        key("hour"),
        words("variant"),
        key("what"),
        number("contacts"),
        sa.PrimaryKeyConstraint("part", "experiment_id", "epoch", "hour", "variant", "what"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exposure",
        key("part"),
        key("contact_id"),
        key("experiment_id"),
        words("variant"),
        number("at"),
        number("epoch"),
        number("converted_at", nullable=True),
        number("harmed"),
        sa.PrimaryKeyConstraint("part", "contact_id", "experiment_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "failure",
        key("part"),
        key("contact_id"),
        key("token_id"),
        number("at"),
        words("code"),
        words("reason"),
        number("due_at"),
        sa.PrimaryKeyConstraint("part", "contact_id", "token_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flow",
        key("id"),
        small("workspace_id"),
        words("key"),
        data("name"),
        words("state"),
        number("live_version_id", nullable=True),
        number("created_at"),
        number("paused_at", nullable=True),
        number("dropped_until", nullable=True),
        sa.CheckConstraint(
            "(state = 'draft' OR state = 'live' OR state = 'paused' OR state = 'archived')", name="ck_flow_state"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "key", name="uq_flow_key"),
    )
    op.create_table(
        "flow_version",
        key("id"),
        number("flow_id"),
        number("number"),
        words("document"),
        words("digest"),
        number("published_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("flow_id", "number", name="uq_flow_version_number"),
    )
    op.create_table(
        "gesture",
        key("flow_id"),
        key("revision"),
        words("actor"),
        words("hand"),
        words("kind"),
        words("burst", nullable=True),
        data("touched"),
        words("change"),
        number("at"),
        words("state"),
        sa.CheckConstraint("(state = 'done' OR state = 'undone' OR state = 'over')", name="ck_gesture_state"),
        sa.PrimaryKeyConstraint("flow_id", "revision"),
    )
    op.create_index("ix_gesture_actor", "gesture", ["flow_id", "actor", "state"])
    op.create_table(
        "inbox",
        key("part"),
        words("message_key"),
        number("contact_id"),
        words("channel"),
        number("at"),
        words("address"),
        words("subject"),
        data("body"),
        sa.PrimaryKeyConstraint("part", "message_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_inbox_at", "inbox", ["part", "at"])
    op.create_table(
        "journal",
        key("part"),
        key("contact_id"),
        key("token_id"),
        key("seq"),
        number("enrollment_id"),
        number("wave"),
        number("at"),
        words("steps"),
        sa.PrimaryKeyConstraint("part", "contact_id", "token_id", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "membership",
        key("part"),
        key("contact_id"),
        key("segment_id"),
        key("entered_at"),
        number("left_at", nullable=True),
        sa.PrimaryKeyConstraint("part", "contact_id", "segment_id", "entered_at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message",
        key("part"),
        key("contact_id"),
        key("enrollment_id"),
        key("node"),
        key("passing"),
        number("version_id"),
        words("channel"),
        words("topic", nullable=True),
        words("state"),
        words("reason", nullable=True),
        number("due_at"),
        number("not_before"),
        small("attempt"),
        words("worker", nullable=True),
        number("intent_at", nullable=True),
        number("sent_at", nullable=True),
        number("delivered_at", nullable=True),
        number("opened_at", nullable=True),
        number("clicked_at", nullable=True),
        number("bounced_at", nullable=True),
        number("replied_at", nullable=True),
        sa.CheckConstraint(
            "(state = 'queued' OR state = 'sending' OR state = 'sent' OR state = 'failed' OR state = 'in_doubt' OR state = 'suppressed') AND (state <> 'suppressed' OR reason IS NOT NULL) AND (state <> 'sent' OR sent_at IS NOT NULL) AND (state <> 'sending' OR intent_at IS NOT NULL)",
            name="ck_message_state",
        ),
        sa.PrimaryKeyConstraint("part", "contact_id", "enrollment_id", "node", "passing"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_message_open",
        "message",
        ["part", "state", "not_before"],
        sqlite_where=sa.text("state IN ('queued','sending')"),
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.create_table("meta", words("name"), words("value"), sa.PrimaryKeyConstraint("name"))
    op.create_table(
        "passage",
        key("part"),
        key("version_id"),
        key("node"),
        words("port"),
        key("hour"),
        number("passed"),
        sa.PrimaryKeyConstraint("part", "version_id", "node", "port", "hour"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recheck",
        key("part"),
        key("contact_id"),
        key("subject"),
        number("due_at"),
        words("note", nullable=True),
        sa.PrimaryKeyConstraint("part", "contact_id", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_recheck_due", "recheck", ["part", "due_at"])
    op.create_table(
        "segment",
        key("id"),
        small("workspace_id"),
        words("key"),
        data("name"),
        data("rule"),
        number("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table("sequence", key("part"), words("name"), number("next"), sa.PrimaryKeyConstraint("part", "name"))
    op.create_table(
        "sign_in_refusal",
        words("subject"),
        number("failures"),
        number("last_at"),
        number("waits_until"),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "suppression",
        key("part"),
        key("contact_id"),
        words("channel"),
        words("address_hash"),
        words("reason"),
        number("at"),
        sa.CheckConstraint(
            "(reason = 'bounced' OR reason = 'complained' OR reason = 'suppressed')", name="ck_suppression_reason"
        ),
        sa.PrimaryKeyConstraint("part", "contact_id", "channel", "address_hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_suppression_address", "suppression", ["part", "address_hash"])
    op.create_table(
        "task",
        key("part"),
        key("contact_id"),
        key("enrollment_id"),
        key("node"),
        key("passing"),
        number("version_id"),
        words("title"),
        words("state"),
        number("at"),
        number("deadline"),
        sa.CheckConstraint("(state = 'open' OR state = 'done')", name="ck_task_state"),
        sa.PrimaryKeyConstraint("part", "contact_id", "enrollment_id", "node", "passing"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "template",
        key("workspace_id"),
        words("key"),
        words("channel"),
        data("name"),
        data("content"),
        number("changed_at"),
        sa.CheckConstraint("channel IN ('email','sms','wecom')", name="ck_template_channel"),
        sa.PrimaryKeyConstraint("workspace_id", "key"),
    )
    op.create_table(
        "token",
        key("part"),
        key("contact_id"),
        key("id"),
        number("enrollment_id"),
        number("version_id"),
        small("node"),
        words("state"),
        number("due_at", nullable=True),
        number("since"),
        small("woken"),
        small("seq"),
        sa.CheckConstraint(
            "((state = 'waiting') AND due_at IS NOT NULL) OR ((state = 'joining' OR state = 'held' OR state = 'failed') AND due_at IS NULL)",
            name="ck_token_state",
        ),
        sa.CheckConstraint("woken >= 0 AND woken <= 3", name="ck_token_woken"),
        sa.PrimaryKeyConstraint("part", "contact_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_token_due",
        "token",
        ["part", "version_id", "due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "topic", key("workspace_id"), words("key"), data("name"), sa.PrimaryKeyConstraint("workspace_id", "key")
    )
    op.create_table(
        "transfer",
        key("part"),
        key("contact_id"),
        key("token_id"),
        key("changeover_id"),
        number("enrollment_id"),
        number("from_version"),
        number("to_version", nullable=True),
        number("at"),
        number("wave"),
        small("node"),
        words("rest"),
        number("due_at", nullable=True),
        number("since"),
        small("woken"),
        small("seq"),
        number("back_at", nullable=True),
        sa.CheckConstraint(
            "(rest = 'waiting' OR rest = 'joining' OR rest = 'held' OR rest = 'failed')", name="ck_transfer_rest"
        ),
        sa.PrimaryKeyConstraint("part", "contact_id", "token_id", "changeover_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workspace",
        key("id"),
        words("key"),
        words("name"),
        words("timezone"),
        data("settings"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "write_key",
        words("id"),
        small("workspace_id"),
        words("name"),
        words("digest"),
        words("scope"),
        number("created_at"),
        number("revoked_at", nullable=True),
        number("used_at", nullable=True),
        sa.CheckConstraint("scope IN ('ingest')", name="ck_write_key_scope"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="uq_write_key_digest"),
    )


def downgrade() -> None:
    tables = (
        "write_key", "workspace", "transfer", "topic", "token", "template", "task", "suppression",
        "sign_in_refusal", "sequence", "segment", "recheck", "passage", "meta", "message", "membership",
        "journal", "inbox", "gesture", "flow_version", "flow", "failure", "exposure", "experiment_tally",
        "experiment_share", "experiment_decision", "experiment", "event_refusal", "event_ahead", "event",
        "enrollment", "draft", "designer_user", "designer_session", "delivery", "cursor", "conversion",
        "contact_tag", "contact_alias", "contact", "consent", "changeover", "audit_entry", "assignment",
        "approval", "applied_call", "account",
    )  # fmt: skip
    for table in tables:
        op.drop_table(table)
