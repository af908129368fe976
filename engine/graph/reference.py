"""Reference pages of node types, made from what the types say of themselves."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from engine.contract.fields import Hint, hint_of
from engine.contract.node import Family, NodeType
from engine.graph.faults import inner_model
from engine.terms import text_in

_VALUES: Final = {
    "duration": "duration, like `3d` or `PT36H`",
    "offset": "duration in either direction, like `-7d`",
    "time": "local time, like `10:00`",
    "schedule_time": "instant, or local time like `10:00`",
    "date": 'date, instant, or `{"attribute": name}`',
    "weekdays": "list of `mon` … `sun`",
    "cron": "cron expression",
    "calendar": "country code, like `CN`",
    "rule": "[rule](../format.md#rules)",
    "where": "[conditions](../format.md#rules) by property",
    "switch": "`true` or `false`",
    "number": "number",
    "weight": "number, 0 or more",
    "share": "number from 0 to 1",
    "count": "whole number",
    "day": "whole number from 1",
    "business_days": "whole number from 0",
    "port": "name of a port",
    "event": "name of an event",
    "attribute": "name of an attribute",
    "tag": "tag",
    "stage": "stage",
    "segment": "key of a segment",
    "flow": "key of a flow",
    "topic": "key of a topic",
    "template_key": "key of a template",
    "label": "text, one or one per language",
    "template": "template, one or one per language",
    "html": "HTML template, one or one per language",
    "value": "any JSON value",
    "name": "text",
    "assignee": "name, or list of choices",
}
_PLAIN: Final[Mapping[Any, str]] = {int: "count", float: "number", bool: "switch"}
_HEADING: Final = "<!-- Generated from the code; `make docs` writes it again. -->\n"


def reference_pages(types: Iterable[NodeType[Any]]) -> dict[str, str]:
    """Write a page for each node type and one that lists them; by path below ``docs/``."""
    every = list(types)
    pages = {f"nodes/{each.kind}.md": _page(each) for each in every}
    return {"nodes.md": _index(every), **pages}


def _index(types: Iterable[NodeType[Any]]) -> str:
    lines = [_HEADING, "# Node types", "", "What a flow is made of, by the palette's groups.", ""]
    for family, members in groupby(types, key=lambda each: each.family):
        lines += [f"## {Family(family).value.capitalize()}", "", "| type | name | what it does |", "|---|---|---|"]
        lines += [
            f"| [`{each.kind}`](nodes/{each.kind}.md) | {_both(each)} | {_paragraphs(each)[0]} |" for each in members
        ]
        lines.append("")
    return "\n".join(lines)


def _page(node_type: NodeType[Any]) -> str:
    lines = [_HEADING, f"# `{node_type.kind}`", "", f"**{_both(node_type)}**", ""]
    for paragraph in _paragraphs(node_type):
        lines += [paragraph, ""]
    if node_type.aliases:
        lines += [f"Also known as {', '.join(f'`{alias}`' for alias in node_type.aliases)}.", ""]
    lines += ["## Ports", "", *_ports(node_type), "", "## Settings", ""]
    rows = list(_rows(node_type.config_type, ""))
    if rows:
        lines += ["| setting | value | when absent | meaning |", "|---|---|---|---|", *rows]
    else:
        lines.append("None.")
    lines += ["", "## Examples", ""]
    for example in node_type.examples:
        lines += ["```json", _example(node_type, example), "```", ""]
    return "\n".join(lines)


def _both(node_type: NodeType[Any]) -> str:
    return " · ".join(dict.fromkeys(text_in(node_type.title, language) for language in ("en", "zh-CN")))


def _paragraphs(node_type: NodeType[Any]) -> list[str]:
    """Take the docstring as paragraphs of one line each."""
    text = (type(node_type).__doc__ or "").strip()
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _ports(node_type: NodeType[Any]) -> Iterator[str]:
    configs = [node_type.config_type.model_validate(example) for example in node_type.examples]
    ports = [tuple(node_type.ports(config)) for config in configs]
    if {port.key for port in ports[-1]} == {"out"}:
        yield "`out`"
        return
    if len({tuple(port.key for port in each) for each in ports}) > 1:
        yield from ("They follow from the settings. In the last example:", "")
    for port in ports[-1]:
        words = " · ".join(dict.fromkeys(text_in(port.label, language) for language in ("en", "zh-CN")))
        yield f"- `{port.key}`" + (f": {words}" if words else "")


def _rows(model: type[BaseModel], path: str) -> Iterator[str]:
    for name, info in model.model_fields.items():
        key = f"{path}{info.alias or name}"
        yield f"| `{key}` | {_value(info)} | {_absent(info)} | {(info.description or '').replace('|', '/')} |"
        inner = inner_model(info.annotation)
        if inner is not None:
            yield from _rows(inner, f"{key}[]." if _holder(info.annotation) is tuple else f"{key}.")


def _value(info: FieldInfo) -> str:
    choices = getattr(info.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    words = _VALUES.get(hint_of(info) or _PLAIN.get(info.annotation, "name"), "text")
    if any(isinstance(item, Hint) for item in info.metadata):
        return words
    holder, inner = _holder(info.annotation), inner_model(info.annotation)
    if holder is dict:
        return f"object: names with {words}"
    if inner is not None:
        return "object" if holder is None else "list of objects"
    return words if holder is None else f"list: {words}"


def _holder(annotation: Any) -> type | None:
    """Tell whether a field holds a list or a mapping of values."""
    for each in (annotation, *getattr(annotation, "__args__", ())):
        if get_origin(each) in (tuple, dict):
            return tuple if get_origin(each) is tuple else dict
    return None


def _absent(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    if info.default in (None, PydanticUndefined) or info.default in ((), {}):
        return ""
    if isinstance(info.default, BaseModel):
        return "as below"
    serializer = next((item.func for item in info.metadata if hasattr(item, "return_type")), to_jsonable_python)
    return f"`{json.dumps(serializer(info.default), ensure_ascii=False)}`"


def _example(node_type: NodeType[Any], config: dict[str, Any]) -> str:
    """Write a node on one line, or with a line for each setting."""
    node = {"id": node_type.kind.split(".")[1], "type": node_type.kind}
    text = json.dumps(node | ({"config": config} if config else {}), ensure_ascii=False)
    if len(text) <= 110:
        return text
    settings = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in config.items()]
    return json.dumps(node)[:-1] + ', "config": {\n' + ",\n".join(settings) + "\n}}"
