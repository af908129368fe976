"""What states, channels, reasons and roles are called on pages, and in which tone their chips are."""

from typing import Final

from designer.language import mark

STATES: Final = {
    "draft": mark("Draft"),
    "live": mark("Live"),
    "paused": mark("Paused"),
    "archived": mark("Archived"),
    "active": mark("on the way"),
    "completed": mark("Completed"),
    "goal": mark("Goal reached"),
    "exit": mark("Left early"),
    "merged": mark("merged"),
    "erased": mark("erased"),
    "joining": mark("waits for the other path"),
    "held": mark("waits for the winner"),
    "failed": mark("Failed"),
    "granted": mark("granted"),
    "withdrawn": mark("withdrawn"),
    "queued": mark("queued"),
    "sending": mark("sending"),
    "sent": mark("sent"),
    "in_doubt": mark("in doubt"),
    "suppressed": mark("not sent"),
    "unsubscribed": mark("not sent: unsubscribed"),
    "no_address": mark("not sent: no address"),
    "bounced": mark("not sent: address bounced"),
    "late": mark("not sent: too late"),
    "cap": mark("not sent: enough messages"),
    "missing_variable": mark("not sent: a variable is missing"),
    "render_error": mark("not sent: the template failed"),
}
"""States of flows, enrollments, tokens, consents and messages, and the reasons of suppression."""

TONES: Final = {
    "live": "ok",
    "goal": "ok",
    "completed": "ok",
    "sent": "ok",
    "active": "acc",
    "paused": "warn",
    "in_doubt": "warn",
    "failed": "err",
}
"""Colours of chips; the others are grey."""

CHANNELS: Final = {
    "email": mark("email"),
    "sms": mark("SMS"),
    "wecom": mark("WeCom"),
    "webhook": mark("webhook"),
}

MOMENTS: Final = {
    "entered": mark("Entered “%(flow)s”"),
    "completed": mark("Completed “%(flow)s”"),
    "goal": mark("Reached the goal of “%(flow)s”"),
    "exit": mark("Left “%(flow)s”"),
    "merged": mark("“%(flow)s” ended by merging"),
    "erased": mark("“%(flow)s” ended by erasure"),
}
"""How an enrollment began or ended."""

HAPPENED: Final = {
    "message_delivered": mark("It was delivered"),
    "message_opened": mark("Opened it"),
    "message_clicked": mark("Clicked in it"),
    "message_bounced": mark("It bounced"),
    "message_replied": mark("Replied to it"),
    "unsubscribed": mark("Unsubscribed"),
}
"""What contacts make of messages, by the name of the event."""

ROLES: Final = {
    "viewer": mark("Viewer"),
    "editor": mark("Editor"),
    "approver": mark("Approver"),
    "admin": mark("Administrator"),
}

DUTIES: Final = {
    "viewer": mark("Looks at everything, changes nothing."),
    "editor": mark("Draws flows, writes messages, keeps contacts and segments."),
    "approver": mark("Also publishes, pauses and lets contacts in."),
    "admin": mark("Also keeps users, keys and settings."),
}
"""What each role may do."""

ACTIONS: Final = {
    "flow.publish": mark("published a flow"),
    "flow.import": mark("kept a draft"),
    "flow.pause": mark("paused a flow"),
    "flow.resume": mark("resumed a flow"),
    "flow.ask": mark("asked for approval"),
    "flow.approve": mark("approved a flow"),
    "flow.send_back": mark("sent a flow back"),
    "flow.withdraw": mark("withdrew a request"),
    "flow.archive": mark("archived a flow"),
    "flow.restore": mark("brought a flow back"),
    "segment.delete": mark("deleted a segment"),
    "template.delete": mark("deleted a message template"),
    "flow.move": mark("moved contacts to another version"),
    "flow.move_back": mark("took a move of contacts back"),
    "token.retry": mark("let a contact try again"),
    "key.create": mark("made a write key"),
    "key.revoke": mark("revoked a write key"),
    "workspace.change": mark("changed the workspace"),
    "user.add": mark("invited a user"),
    "user.invite": mark("made a new invitation"),
    "user.role": mark("changed a role"),
    "user.disable": mark("locked a user out"),
    "user.enable": mark("let a user in again"),
    "user.password": mark("chose a password"),
}
"""What the audit log tells."""
