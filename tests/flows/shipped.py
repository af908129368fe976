"""The flows, messages and behaviours that Dripline ships, as plain JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "flows"
LANGUAGES = {"en", "zh-CN"}
KEYS = ("ab-promote", "dormancy-30-60-90", "new-lead-nurture", "trial-day1-8", "webinar")

Tree = dict[str, Any]


def flow(key: str) -> Tree:
    return _read(FOLDER / f"{key}.flow.json")


def behaviour(key: str) -> Tree:
    return _read(FOLDER / "behaviour" / f"{key}.json")


def messages() -> dict[str, Tree]:
    return {path.stem: _read(path) for path in sorted((FOLDER / "messages").glob("*.json"))}


def nodes(key: str) -> dict[str, Tree]:
    return {node["id"]: node for node in flow(key)["nodes"]}


def edges(key: str) -> list[tuple[str, str, str]]:
    return [(edge["from"], edge.get("port", "out"), edge["to"]) for edge in flow(key)["edges"]]


def sends(key: str) -> list[Tree]:
    return [node for node in flow(key)["nodes"] if node["type"].startswith("send.")]


def ports(node: Tree) -> list[str]:
    """Name the ports of a branch or split in their order, those of other types as far as their edges need it."""
    config = node.get("config", {})
    match node["type"]:
        case "branch.rule":
            return [*(case["port"] for case in config["cases"]), "else"]
        case "branch.recency":
            return ["active", *(f"{days}d" for days in config["days"])]
        case "split.ab":
            return [*(variant["key"] for variant in config["variants"]), "holdout"]
        case "wait.event":
            return ["happened", "timeout"]
        case "wait.rule":
            return ["matched", "timeout"]
        case "wait.until":
            return ["out", "past"]
        case _:
            return ["out"]


def rules(tree: object) -> Iterator[Tree]:
    """Walk everything in a document that names an event."""
    if isinstance(tree, dict):
        if isinstance(tree.get("event", tree.get("no_event")), str):
            yield tree
        for value in tree.values():
            yield from rules(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from rules(value)


def _read(path: Path) -> Tree:
    read: Tree = json.loads(path.read_text(encoding="utf-8"))
    return read
