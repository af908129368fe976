"""Message templates at the counter: list, read, keep, see what a contact would get, send one to oneself."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.api import flows
from engine.api.acting import Right, needs
from engine.channels.base import EMAIL, MessageContent, MessageKey, Outgoing
from engine.channels.compose import Recipient, pieces_of
from engine.channels.content import wordings
from engine.channels.letters import WAY_OUT, finish_text, with_preheader
from engine.channels.recipients import load_recipients
from engine.errors import ChannelError, FlowError, MissingVariable, NotFound, RenderError
from engine.library.templates import TemplateDoc, read_template
from engine.people import contacts
from engine.store.tables import Draft, Flow, Template
from engine.terms import Json, Text, from_micros, text_in
from engine.wiring import Wiring

TEMPLATE: sa.Table = Template.__table__  # type: ignore[attr-defined]
FLOW: sa.Table = Flow.__table__  # type: ignore[attr-defined]
DRAFT: sa.Table = Draft.__table__  # type: ignore[attr-defined]

__all__ = ["WAY_OUT"]

PLACE: Final = "#unsubscribe"
"""Where the link to unsubscribe leads in previews and tests: nowhere, so that nobody loses a contact by trying."""
TEXTS: Final = ("subject", "preheader", "html", "text")
_MOST_MISSING: Final = 50


@dataclass(frozen=True)
class TemplateLine:
    """A template in the list, and the flows whose drafts use it."""

    key: str
    channel: str
    name: Text
    subject: Text
    changed_at: datetime
    flows: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What one contact would get.

    Shape: ``missing`` are the variables that they lack (they stand in the texts between ⟦ and ⟧), ``faults`` what is
    wrong with the templates themselves; a message with either is not sent.
    """

    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    sender: str = ""
    address: str = ""
    locale: str = "en"
    links: tuple[str, ...] = ()
    has_way_out: bool = False
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def list_templates(wiring: Wiring) -> list[TemplateLine]:
    """List the templates of the library by their keys, with the flows that use them.

    Cost: two statements; reads every draft.
    """
    mine = TEMPLATE.c.workspace_id == wiring.workspace_id
    with wiring.store.read() as connection:
        rows = connection.execute(sa.select(TEMPLATE).where(mine).order_by(TEMPLATE.c.key)).all()
        drafts = _drafts(wiring, connection)
    return [
        TemplateLine(
            row.key,
            row.channel,
            row.name,
            row.content.get("subject") or row.content.get("text") or "",
            from_micros(row.changed_at),
            tuple(key for key, used in drafts if row.key in used),
        )
        for row in rows
    ]


def find_template(wiring: Wiring, key: str) -> TemplateDoc:
    """Read a template.

    Errors: ``NotFound``.
    """
    mine = sa.and_(TEMPLATE.c.workspace_id == wiring.workspace_id, TEMPLATE.c.key == key)
    with wiring.store.read() as connection:
        row = connection.execute(sa.select(TEMPLATE).where(mine)).first()
    if row is None:
        raise NotFound(f"there is no template {key!r}", template=key)
    return TemplateDoc(row.key, row.channel, row.name, row.content)


def keep_template(wiring: Wiring, raw: Mapping[str, Any]) -> bool:
    """Keep a template as a document says it; give whether anything changed.

    Errors: ``FlowError`` lists everything that is wrong, also in the templates' own language.
    """
    template = read_template(dict(raw))
    faults = template_faults(wiring, template.content)
    if faults:
        raise FlowError("; ".join(faults))
    return flows.import_template(wiring, dict(raw))


def template_faults(wiring: Wiring, content: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the texts of a message, whoever gets it."""
    found = []
    for name in TEXTS:
        for source in wordings(content[name]) if content.get(name) else ():
            faults = wiring.renderer.check(source, html=name == "html")
            found += [f"{name}, line {fault.line}: {fault.message}" for fault in faults]
    return found


def texts_of_node(wiring: Wiring, flow: str, node: str) -> tuple[str, dict[str, Text]]:
    """Give what a sending node of a draft says, with its template's texts where it has none of its own; its channel.

    Errors: ``NotFound`` when there is no such flow, no such node, or it sends nothing to contacts.
    """
    document = flows.export_flow(wiring, flow)
    found = next((each for each in document.get("nodes", ()) if isinstance(each, dict) and each.get("id") == node), {})
    node_type = wiring.registry.find(str(found.get("type")))
    if node_type is None or node_type.channel is None or not node_type.reaches_contact:
        raise NotFound(f"there is no message at {node!r}", node=node)
    config: Any = found.get("config") if isinstance(found.get("config"), dict) else {}
    content: dict[str, Text] = {}
    if isinstance(config.get("template"), str):
        with wiring.store.read() as connection:
            wiring.shelf.refresh(connection)
        content |= {key: text for key, text in (wiring.shelf.content(config["template"]) or {}).items() if key in TEXTS}
    own = {key: config[key] for key in TEXTS if isinstance(config.get(key), str | dict) and config[key]}
    return node_type.channel, {**content, **own}


def preview(
    wiring: Wiring,
    channel: str,
    content: Mapping[str, Any],
    contact: str | None = None,
    locale: str | None = None,
    event: Mapping[str, Json] | None = None,
) -> Preview:
    """Render a message as a contact would get it, in their language unless another is asked for; nothing is sent.

    Errors: ``NotFound`` for a contact that is not there.
    Cost: two statements, and one rendering for each variable that is missing.
    """
    said = _content(channel, content)
    recipient = _recipient(wiring, said, contact, event or {})
    language = locale or recipient.locale
    told = Preview(address=recipient.address, locale=language, faults=tuple(template_faults(wiring, content)))
    if told.faults:
        return told
    rendered = _rendered(wiring, said, recipient, language)
    return _composed(rendered, channel, language, told.address)


@needs(Right.EDIT)
def send_test(
    wiring: Wiring, channel: str, content: Mapping[str, Any], address: str, contact: str | None = None
) -> str:
    """Hand a message to its channel for an address of one's own, as a contact would get it; give the answer.

    Errors: ``ChannelError`` when it cannot be rendered, or was not taken.
    """
    seen = preview(wiring, channel, content, contact)
    if seen.faults or seen.missing:
        lacking = ", ".join(seen.missing)
        raise ChannelError("; ".join(seen.faults) or f"the contact has no value for {lacking}")
    if not (seen.html or seen.text.strip()):
        raise ChannelError("the message is empty")
    now = wiring.clock.micros()
    part, contact_id = _place(wiring, contact)
    outgoing = Outgoing(
        MessageKey(part, contact_id, 0, 0, now),
        channel,
        address,
        now,
        seen.locale,
        subject=f"[Test] {seen.subject}" if channel == EMAIL else "",
        html=seen.html,
        text=seen.text,
        unsubscribe_url=PLACE,
    )
    return asyncio.run(_hand_over(wiring, outgoing))


async def _hand_over(wiring: Wiring, outgoing: Outgoing) -> str:
    channel = wiring.office.channels.get(outgoing.channel)
    if channel is None:
        raise ChannelError(f"there is no way to send by {outgoing.channel}")
    await channel.open()
    try:
        outcome = (await channel.deliver([outgoing]))[0]
    finally:
        await channel.close()
    if outcome.state != "sent":
        raise ChannelError(outcome.answer or outcome.state)
    return outcome.answer


def _drafts(wiring: Wiring, connection: Connection) -> list[tuple[str, set[str]]]:
    """Name the templates that each draft uses."""
    chosen = sa.select(FLOW.c.key, DRAFT.c.document).join(DRAFT, DRAFT.c.flow_id == FLOW.c.id)
    mine = FLOW.c.workspace_id == wiring.workspace_id
    rows = connection.execute(chosen.where(mine).order_by(FLOW.c.key))
    return [(row.key, set(_used(json.loads(row.document)))) for row in rows]


def _used(document: Any) -> Iterator[str]:
    nodes = document.get("nodes") if isinstance(document, dict) else None
    for node in nodes if isinstance(nodes, list) else ():
        config = node.get("config") if isinstance(node, dict) else None
        if isinstance(config, dict) and isinstance(config.get("template"), str):
            yield config["template"]


def _content(channel: str, content: Mapping[str, Any]) -> MessageContent:
    return MessageContent(
        channel,
        "preview",
        "preview",
        {"en": "Preview", "zh-CN": "预览"},
        subject=content.get("subject") or None,
        preheader=content.get("preheader") or None,
        html=content.get("html") or None,
        text=content.get("text") or None,
    )


def _place(wiring: Wiring, contact: str | None) -> tuple[int, int]:
    if contact is None:
        return 0, 0
    with wiring.store.read() as connection:
        found = contacts.find(connection, wiring.store.parts, contact, wiring.workspace_id)
    if found is None:
        raise NotFound(f"there is no contact {contact!r}", contact=contact)
    return found.part, found.id


def _recipient(wiring: Wiring, said: MessageContent, contact: str | None, event: Mapping[str, Json]) -> Recipient:
    if contact is None:
        nobody: dict[str, Json] = {"contact": {}, "account": {}}
        recipient = Recipient("", "en", None, wiring.workspace_id, nobody)
    else:
        part, number = _place(wiring, contact)
        key: MessageKey = MessageKey(part, number, 0, 0, 0)
        with wiring.store.read() as connection:
            recipient = load_recipients(connection, part, [(key, said)], wiring.links)[key]
    links: dict[str, Json] = {"unsubscribe_url": PLACE, "preferences_url": PLACE}
    context = {**recipient.context, "event": dict(event), **links}
    return Recipient(recipient.address, recipient.locale, recipient.zone, recipient.workspace_id, context)


@dataclass
class _Rendered:
    texts: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    fault: str = ""


def _rendered(wiring: Wiring, said: MessageContent, recipient: Recipient, language: str) -> _Rendered:
    """Render all pieces; for a variable that is missing its name stands in its place."""
    pieces, context, made = pieces_of(said, language), dict(recipient.context), _Rendered()
    while len(made.missing) <= _MOST_MISSING:
        (found,) = wiring.renderer.render_many([(list(pieces.values()), context)])
        if not isinstance(found, RenderError):
            made.texts = dict(zip(pieces, found, strict=True))
            return made
        variable = str(found.facts.get("variable", "")) if isinstance(found, MissingVariable) else ""
        if not variable or variable in made.missing:
            made.fault = found.message
            return made
        made.missing.append(variable)
        context = _filled(context, variable.split("."), f"⟦{variable}⟧")
    return made


def _filled(context: Mapping[str, Json], path: list[str], value: str) -> dict[str, Json]:
    inner = context.get(path[0])
    below = inner if isinstance(inner, dict) else {}
    return {**context, path[0]: value if len(path) == 1 else _filled(below, path[1:], value)}


def _composed(made: _Rendered, channel: str, language: str, address: str) -> Preview:
    mail: Any = made.texts.get("html") or {"parts": [], "text": ""}
    preheader, text = str(made.texts.get("preheader") or ""), str(made.texts.get("text") or "")
    parts = list(with_preheader(mail["parts"], preheader))
    html, has_way_out = "".join(parts), PLACE in parts[1::2] or PLACE in text
    if html and not has_way_out:
        way_out = f'<p><a href="{PLACE}">{text_in(WAY_OUT, language)}</a></p>'
        html = html.removesuffix("</body></html>") + way_out + "</body></html>"
    text = text if text.strip() else mail["text"]
    return Preview(
        subject=str(made.texts.get("subject") or ""),
        preheader=preheader,
        html=html,
        text=finish_text(text, PLACE, language) if channel == EMAIL and text else text,
        address=address,
        locale=language,
        links=tuple(parts[1::2]),
        has_way_out=has_way_out,
        missing=tuple(made.missing),
        faults=(made.fault,) if made.fault else (),
    )
