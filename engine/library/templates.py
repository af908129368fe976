"""The library's message templates: subject, preheader, HTML and text, each in one or several languages.

``markdown`` or ``blocks`` is what the HTML was written as, for the editor alone.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.errors import FlowError
from engine.store.dialect import upsert
from engine.store.prepared import Prepared, parameter
from engine.store.tables import Template
from engine.terms import Micros, Text

TEMPLATE: sa.Table = Template.__table__  # type: ignore[attr-defined]

CHANNELS: Final = ("email", "sms", "wecom")
CONTENT: Final = ("subject", "preheader", "html", "text", "markdown")
BLOCKS: Final = "blocks"
KEYS: Final = ("key", "channel", "name", *CONTENT, BLOCKS)


@dataclass(frozen=True)
class TemplateDoc:
    """A message template as a document says it."""

    key: str
    channel: str
    name: Text
    content: Mapping[str, Any]


def read_template(raw: object) -> TemplateDoc:
    """Read a template from what its JSON was parsed to.

    Errors: ``FlowError`` lists everything that is wrong.
    """
    faults = ["a template is a JSON object"] if not isinstance(raw, dict) else list(_faults(raw))
    if faults or not isinstance(raw, dict):
        raise FlowError("this is no template: " + "; ".join(faults))
    content = {name: raw[name] for name in (*CONTENT, BLOCKS) if raw.get(name) is not None}
    return TemplateDoc(raw["key"], raw["channel"], raw.get("name") or raw["key"], content)


def is_template(raw: object) -> bool:
    """Tell whether a document means to be a template rather than a flow."""
    return isinstance(raw, dict) and "channel" in raw and "nodes" not in raw


def put(connection: Connection, workspace_id: int, template: TemplateDoc, now: Micros) -> bool:
    """Keep a template under its key; give whether anything changed."""
    row = {"channel": template.channel, "name": template.name, "content": dict(template.content)}
    mine = sa.and_(TEMPLATE.c.workspace_id == workspace_id, TEMPLATE.c.key == template.key)
    kept = connection.execute(sa.select(TEMPLATE.c.channel, TEMPLATE.c.name, TEMPLATE.c.content).where(mine)).first()
    if kept is not None and kept._asdict() == row:
        return False
    # Later than every change before, also on a clock that stands: by this the others see that something changed.
    newest = connection.scalar(sa.select(sa.func.max(TEMPLATE.c.changed_at)))
    changed_at = now if newest is None else max(now, int(newest) + 1)
    insert = upsert(TEMPLATE, connection.dialect.name).values(
        workspace_id=workspace_id, key=template.key, changed_at=changed_at, **row
    )
    changed = {name: insert.excluded[name] for name in ("channel", "name", "content", "changed_at")}
    connection.execute(insert.on_conflict_do_update(index_elements=["workspace_id", "key"], set_=changed))
    return True


@cache
def _mark(dialect: str) -> Prepared:
    """Tell how many templates there are and when the last one changed: asked in every transaction."""
    newest = sa.func.coalesce(sa.func.max(TEMPLATE.c.changed_at), 0)
    mine = TEMPLATE.c.workspace_id == parameter("workspace_id")
    return Prepared(sa.select(sa.func.count(), newest).where(mine), dialect)


@dataclass
class Shelf:
    """The templates of a workspace, kept in memory until one of them changes."""

    workspace_id: int = 1
    _kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lent: dict[str, TemplateDoc] = field(default_factory=dict)
    _mark: tuple[int, int] = (-1, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refresh(self, connection: Connection) -> bool:
        """Read the templates again if any was changed or made; give whether that was so.

        Cost: one small statement, and another when something changed.
        """
        count, newest = _mark(connection.dialect.name).run(connection, {"workspace_id": self.workspace_id}).one()
        with self._lock:
            if self._mark == (count, newest):
                return False
            mine = TEMPLATE.c.workspace_id == self.workspace_id
            rows = connection.execute(sa.select(TEMPLATE.c.key, TEMPLATE.c.channel, TEMPLATE.c.content).where(mine))
            self._kept = {row.key: {**row.content, "channel": row.channel} for row in rows}
            self._mark = (count, newest)
            return True

    def content(self, key: str) -> Mapping[str, Any] | None:
        """Give what a template says, and its channel; None when there is none of that key."""
        lent = self._lent.get(key)
        return self._kept.get(key) or (None if lent is None else _content(lent))

    def all(self) -> Mapping[str, Mapping[str, Any]]:
        """Give all templates by their keys."""
        return {**{key: _content(lent) for key, lent in self._lent.items()}, **self._kept}

    def lend(self, template: TemplateDoc) -> None:
        """Let a template be seen that the workspace does not have; its own go first, and nothing is kept."""
        self._lent[template.key] = template

    def lent(self, key: str) -> TemplateDoc | None:
        """Give a template that is only lent; None when the workspace has one of that key, or nobody has."""
        return None if key in self._kept else self._lent.get(key)


def _content(template: TemplateDoc) -> Mapping[str, Any]:
    return {**template.content, "channel": template.channel}


def _faults(raw: Mapping[str, Any]) -> "list[str]":
    faults = [f"{key!r} is unknown here; known are {', '.join(KEYS)}" for key in raw if key not in KEYS]
    if not isinstance(raw.get("key"), str) or not raw["key"]:
        faults.append("key is missing")
    if raw.get("channel") not in CHANNELS:
        faults.append(f"channel is one of {', '.join(CHANNELS)}")
    texts = {name: raw[name] for name in (*CONTENT, "name") if raw.get(name) is not None}
    faults += [f"{name} is no text" for name, text in texts.items() if not _is_text(text)]
    if BLOCKS in raw and not _are_bricks(raw[BLOCKS]):
        faults.append("blocks is no list of blocks")
    if not {"html", "text"} & set(texts):
        faults.append("html or text is missing")
    return faults


def _is_text(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(isinstance(each, str) for pair in value.items() for each in pair)
    return isinstance(value, str)


def _are_bricks(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and "block" in each for each in value)
