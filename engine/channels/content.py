"""From a send node of a flow document to what its messages say."""

from collections.abc import Callable, Mapping
from datetime import time, timedelta
from typing import Any

from engine.channels.base import DEFAULT_TOPIC, WEBHOOK, MessageContent, Request
from engine.channels.render import Renderer
from engine.terms import Json, Text, parse_duration

TemplateOf = Callable[[str], Mapping[str, Any] | None]
"""Find the content of a template by its key."""


def message_content(
    channel: str, node: Mapping[str, Any], document: Mapping[str, Any], template_of: TemplateOf
) -> MessageContent:
    """Read a send node of a checked document; what it does not say itself comes from its template.

    Shape: ``document`` is the whole flow. Cost: none but that of ``template_of``.
    """
    config: Mapping[str, Any] = node.get("config") or {}
    said = {**(_template(config, template_of)), **{name: value for name, value in config.items() if value is not None}}
    settings: Mapping[str, Any] = document.get("settings") or {}
    quiet = settings.get("quiet_hours")
    return MessageContent(
        channel=channel,
        node=node["id"],
        flow_key=document["key"],
        flow_name=document.get("name") or document["key"],
        topic=said.get("topic") or DEFAULT_TOPIC,
        subject=said.get("subject"),
        preheader=said.get("preheader"),
        html=said.get("html"),
        text=said.get("text"),
        sender=said.get("from"),
        request=_request(config) if channel == WEBHOOK else None,
        late=_length(config.get("late")),
        quiet=(time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["to"])) if quiet else None,
        timezone=settings.get("timezone"),
        trigger_events=_trigger_events(document),
    )


def _template(config: Mapping[str, Any], template_of: TemplateOf) -> Mapping[str, Any]:
    key = config.get("template")
    return (template_of(key) or {}) if key else {}


def _length(value: Any) -> timedelta | None:
    return parse_duration(value) if isinstance(value, str) else value


def _request(config: Mapping[str, Any]) -> Request:
    return Request(
        url=config["url"],
        method=(config.get("method") or "POST").upper(),
        headers=config.get("headers") or {},
        body=config.get("body"),
    )


def _trigger_events(document: Mapping[str, Any]) -> tuple[str, ...]:
    found = (
        (node.get("config") or {}).get("event") for node in document.get("nodes", ()) if node["type"] == "trigger.event"
    )
    return tuple(dict.fromkeys(name for name in found if name))


def sources(content: MessageContent) -> list[str]:
    """List all templates of a message, in all languages."""
    texts: list[Text | None] = [content.subject, content.preheader, content.html, content.text, content.sender]
    found = [source for text in texts if text is not None for source in wordings(text)]
    if content.request is not None:
        found += [content.request.url, *content.request.headers.values(), *leaves(content.request.body)]
    return found


def wordings(text: Text) -> list[str]:
    """List the wordings of a text in all its languages."""
    return [text] if isinstance(text, str) else list(text.values())


def leaves(value: Json) -> list[str]:
    """List the texts in a JSON value, in order."""
    if isinstance(value, str):
        return [value]
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return [leaf for item in inner for leaf in leaves(item)]


def replant(value: Json, texts: list[Json]) -> Json:
    """Put other values in the place of the texts of a JSON value, in the order of ``leaves``; uses ``texts`` up."""
    if isinstance(value, str):
        return texts.pop(0)
    if isinstance(value, list):
        return [replant(item, texts) for item in value]
    if isinstance(value, dict):
        return {name: replant(item, texts) for name, item in value.items()}
    return value


def required_variables(content: MessageContent, renderer: Renderer) -> tuple[str, ...]:
    """List the variables without which a message cannot be sent, in whatever language it is."""
    return tuple(sorted(frozenset[str]().union(*(renderer.variables(source) for source in sources(content)))))
