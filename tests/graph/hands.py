"""Random hands: gestures on a drawing, as often sensible as not."""

import random
from typing import Any

from engine.errors import EngineError
from engine.graph.delta import name_of
from engine.graph.gesture import DOERS, Done, Gesture, apply

TYPES = ("send.email", "wait.delay", "branch.rule", "split.random", "contact.tag", "trigger.event", "path.join")
FIELDS = (("/duration", "2d"), ("/add", ["vip"]), ("/subject", "Hi"), ("/cases/0/port", "no"), ("/weights", {"b": 1}))


def gesture(document: dict[str, Any], dice: random.Random) -> Gesture:
    """Think of a gesture."""
    kind = dice.choice(sorted(DOERS))
    ids = [node["id"] for node in document["nodes"]] or ["nobody"]
    edges = [list((name_of("edge", edge) or ("", "", "", ""))[1:]) for edge in document["edges"]] or [["a", "out", "b"]]
    field, value = dice.choice(FIELDS)
    port = dice.choice(("out", "yes", "else", "a"))
    few = dice.sample(ids, min(len(ids), dice.randint(1, 3)))
    args: dict[str, Any] = {
        "id": dice.choice(ids),
        "ids": few,
        "type": dice.choice(TYPES),
        "edge": dice.choice(edges),
        "from": dice.choice(ids),
        "port": port,
        "to": dice.choice(ids),
        "x": dice.randint(-50, 900),
        "y": dice.randint(-50, 900),
        "field": field,
        "value": dice.choice((value, None)),
        "name": dice.choice(("Hello", "", {"en": "Hello", "zh-CN": "你好"})),
        "join": dice.random() < 0.5,
        "piece": {"nodes": document["nodes"][:2], "edges": document["edges"][:2]},
    }
    if kind == "move":
        args["to"] = [[name, dice.randint(0, 500), dice.randint(0, 500)] for name in few]
    if kind == "set":
        args |= {"field": dice.choice(("/name", "/settings/timezone")), "value": dice.choice(("Asia/Tokyo", "X"))}
    if kind == "add" and dice.random() < 0.5:
        args["after"] = [dice.choice(ids), port]
    return Gesture(kind, args)


def moves(document: dict[str, Any], seed: int, count: int) -> list[Done]:
    """Do so many gestures that are accepted."""
    dice = random.Random(seed)
    done: list[Done] = []
    while len(done) < count:
        try:
            did = apply(document, gesture(document, dice))
        except EngineError:
            continue
        if len(did.document["nodes"]) > 40:
            continue
        done.append(did)
        document = did.document
    return done
