"""The whole format as a JSON schema, made from the settings models of the node types that are installed."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from engine.contract.fields import TEXT_SCHEMA
from engine.contract.node import NodeType
from engine.graph.document import MOST_NODES
from engine.graph.rule_schema import rule_definitions
from engine.graph.shape import FORMAT, EdgeFrame, Frame, NodeFrame, Settings

_PLACEHOLDERS = ("rule", "where")


def flow_schema(types: Iterable[NodeType[Any]]) -> dict[str, Any]:
    """Make the schema of flow documents."""
    every = list(types)
    definitions = rule_definitions() | {"text": TEXT_SCHEMA | {"title": "Text, one or one per language"}}
    root = _schema(Frame, "flow", definitions, required=("dripline", "key", "nodes"))
    properties = root["properties"]
    properties["dripline"] = {"const": FORMAT, "description": properties["dripline"]["description"]}
    settings = _schema(Settings, "settings", definitions)
    definitions["settings"] = settings
    definitions["node"] = _node(every, definitions)
    definitions["edge"] = _schema(EdgeFrame, "edge", definitions, required=("from", "to"))
    properties["settings"] = {"$ref": "#/$defs/settings", "description": properties["settings"]["description"]}
    properties["nodes"] |= {"items": {"$ref": "#/$defs/node"}, "maxItems": MOST_NODES}
    properties["edges"] |= {"items": {"$ref": "#/$defs/edge"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Dripline flow, version {FORMAT}",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _node(types: Iterable[NodeType[Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    node = _schema(NodeFrame, "node", definitions, required=("id", "type"))
    names: list[str] = []
    choices = []
    for node_type in types:
        config = _schema(node_type.config_type, node_type.kind, definitions)
        definitions[node_type.kind] = config | {"title": node_type.kind, "description": _first_line(node_type)}
        own = [node_type.kind, *node_type.aliases]
        names += own
        then: dict[str, Any] = {"properties": {"config": {"$ref": f"#/$defs/{node_type.kind}"}}}
        if config.get("required"):
            then["required"] = ["config"]
        choices.append({"if": {"properties": {"type": {"enum": own}}, "required": ["type"]}, "then": then})
    node["properties"]["type"] = {"enum": names, "description": node["properties"]["type"]["description"]}
    return node | {"allOf": choices}


def _first_line(node_type: NodeType[Any]) -> str:
    return (type(node_type).__doc__ or "").strip().splitlines()[0]


def _schema(
    model: type[BaseModel], prefix: str, definitions: dict[str, Any], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Make a model's schema; the models within it become definitions of their own."""
    schema = _tidy(model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}"))
    for name, inner in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{name}"] = inner
    if required:
        schema["required"] = list(required)
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


def _tidy(value: Any) -> Any:
    """Put references in the place of rules and texts, and leave out what only pydantic says."""
    if isinstance(value, list):
        return [_tidy(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    tidy = {key: _tidy(inner) for key, inner in value.items() if (key, inner) != ("default", None)}
    if tidy.get("format") in _PLACEHOLDERS:
        kept = {key: inner for key, inner in tidy.items() if key not in ("format", "type", "default")}
        return kept | {"$ref": f"#/$defs/{tidy['format']}"}
    choices = [choice for choice in tidy.get("anyOf", ()) if choice != {"type": "null"}]
    if choices == TEXT_SCHEMA["anyOf"]:
        del tidy["anyOf"]
        tidy["$ref"] = "#/$defs/text"
    elif len(choices) == 1:
        del tidy["anyOf"]
        tidy = choices[0] | tidy
    elif choices:
        tidy["anyOf"] = choices
    return tidy
