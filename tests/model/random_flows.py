"""Random valid flows of few nodes: most rich in parallel paths, joins and waits, others without any parallel path."""

from datetime import timedelta
from typing import Any

from tests.model.dice import DURATIONS, EVENTS, STAGES, TAGS, Dice
from tests.model.facts import Json, instant_of
from tests.model.random_rules import some_rule, some_sequence, some_where
from tests.model.shrink import walk

NODE_WEIGHTS = {
    "wait.delay": 12,
    "wait.until": 8,
    "wait.event": 12,
    "wait.rule": 10,
    "branch.rule": 9,
    "branch.recency": 5,
    "split.random": 4,
    "split.ab": 2,
    "path.join": 14,
    "send.email": 10,
    "send.sms": 3,
    "send.wecom": 1,
    "send.webhook": 1,
    "contact.set": 4,
    "contact.tag": 6,
    "contact.score": 3,
    "contact.stage": 2,
    "sales.assign": 1,
    "sales.task": 1,
    "flow.enter": 14,
    "flow.exit": 1,
    "flow.goal": 1,
}
TRIGGER_WEIGHTS = {
    "trigger.event": 10,
    "trigger.manual": 6,
    "trigger.segment": 4,
    "trigger.date": 2,
    "trigger.schedule": 2,
}
A_SCORE = {"attr": "value", "op": "gte", "value": 4}
CLOCK_TIMES = ("00:00", "02:30", "09:00", "10:00", "18:00", "23:59")
TEXTS = ("Hello", "Hello {{ contact.name }}", "{{ contact.plan }} for {{ contact.email }}", "{{contact.seats}}")


class Author:
    """Write one flow. ``others`` are the keys of flows that it may send contacts to.

    In a ``straight`` flow every port has one edge at most, so that an enrollment never has two tokens.
    """

    def __init__(
        self, dice: Dice, key: str, start: str, segments: list[str], others: list[str], *, straight: bool = False
    ) -> None:
        self.dice, self.key, self.start, self.segments, self.others = dice, key, start, segments, others
        self.straight = straight
        self.nodes: list[Json] = []
        self.edges: list[Json] = []

    @property
    def sends(self) -> list[str]:
        return [node["id"] for node in self.nodes if node["type"].startswith("send.")]

    def rule(self, *, inside: bool = True) -> Json:
        """Make a rule, often one that steps of flows or a few events make true or false."""
        match self.dice.weighted({"fact": 22, "message": 20, "sequence": 10, "window": 12, "any": 36}):
            case "fact":
                return self.dice.one(({"tag": self.dice.one(TAGS)}, {"stage": self.dice.one(STAGES)}, A_SCORE))
            case "message" if inside and self.sends:
                return {"message": self.dice.one(self.sends), "did": self.dice.one(("opened", "clicked", "replied"))}
            case "sequence":
                return some_sequence(self.dice)
            case "window":
                form = {self.dice.one(("event", "no_event")): self.dice.one(EVENTS), "within": self.dice.one(DURATIONS)}
                return self.dice.one((form, {"not": form}))
            case _:
                return some_rule(self.dice, self.sends if inside else [], self.segments)

    def end_rule(self) -> Json:
        """Make a goal or an exit, often one that names an event which the flow waits for."""
        if self.segments and self.dice.chance(40):
            return {"segment": self.dice.one(self.segments)}
        if self.dice.chance(55):
            heard = [node["config"] for node in self.nodes if "event" in node["config"]]
            names = [config["event"] for config in heard] if heard and self.dice.chance(60) else EVENTS
            rule = {"event": self.dice.one(names), **some_where(self.dice)}
            return {"all": [rule, self.rule()]} if self.dice.chance(35) else rule
        return self.rule()

    def restart(self) -> Json:
        """Let the same event end an enrollment that has sent its message and begin the next one, if that can be."""
        events = [node["config"]["event"] for node in self.nodes if node["type"] == "trigger.event"]
        if not events or not self.sends:
            return {}
        again = {"all": [{"event": self.dice.one(events)}, {"message": self.dice.one(self.sends), "did": "sent"}]}
        return {"exit_when": again, "reentry": {"allow": "after_exit"}}

    def write(self, first_trigger: str | None = None) -> Json:
        size = self.dice.number(3, 12)
        triggers = [first_trigger] if first_trigger else []
        while not triggers or (len(triggers) < 3 and self.dice.chance(30)):
            triggers.append(self.dice.weighted(TRIGGER_WEIGHTS))
        for kind in triggers:
            self.add(kind)
        match self.dice.weighted({"ask": 20, "watch": 12, "": 68}):
            case "ask":
                self.ask_after_a_message()
            case "watch" if not self.straight:
                self.watch_a_tag()
        kinds = {kind: weight for kind, weight in NODE_WEIGHTS.items() if self.may_have(kind)}
        while len(self.nodes) < max(size, len(triggers) + 1) and (not self.straight or self.free_ports()):
            self.grow(self.dice.weighted(kinds))
        order = self.dice.shuffled(self.nodes) if self.dice.chance(60) else self.nodes
        edges = self.dice.shuffled(self.edges) if self.dice.chance(30) else self.edges
        return {
            "dripline": 1,
            "key": self.key,
            "name": "random",
            "settings": self.settings(),
            "nodes": order,
            "edges": edges,
        }

    def add(self, kind: str) -> Json:
        node = {"id": f"n{len(self.nodes)}", "type": kind, "config": getattr(self, kind.replace(".", "_"))()}
        self.nodes.append(node)
        return node

    def may_have(self, kind: str) -> bool:
        """Tell whether a kind of node makes sense in this flow."""
        return kind not in ("flow.enter", "path.join") or bool(
            self.others if kind == "flow.enter" else not self.straight
        )

    def free_ports(self) -> list[tuple[str, str]]:
        """List the ports that no edge leaves, the newest node's twice: paths become longer so."""
        taken = {(edge["from"], edge.get("port", "out")) for edge in self.edges}
        listed = [(node["id"], port) for node in [*self.nodes, self.nodes[-1]] for port in ports_of(node)]
        return [place for place in listed if place not in taken]

    def grow_straight(self, kind: str) -> None:
        """Put a node behind one free port, or behind two whose members meet in it."""
        free = self.free_ports()
        node = self.add(kind)
        for source, port in dict.fromkeys(self.dice.one(free) for _ in range(2 if self.dice.chance(30) else 1)):
            self.edges.append({"from": source, "port": port, "to": node["id"]})

    def grow(self, kind: str) -> None:
        """Put a node behind one or more ports of what is there already."""
        if self.straight:
            self.grow_straight(kind)
            return
        earlier = list(self.nodes)
        node = self.add(kind)
        wanted = self.dice.number(2, 3) if kind == "path.join" else 2 if self.dice.chance(18) else 1
        for _ in range(wanted):
            source = earlier[-1] if self.dice.chance(35) else self.dice.one(earlier)
            edge = {"from": source["id"], "port": self.dice.one(ports_of(source)), "to": node["id"]}
            if edge["port"] == "out" and self.dice.chance(50):
                del edge["port"]
            same = {(e["from"], e.get("port", "out"), e["to"]) for e in self.edges}
            if (edge["from"], edge.get("port", "out"), edge["to"]) not in same:
                self.edges.append(edge)

    def ask_after_a_message(self) -> None:
        """Send, wait, then ask how the message fared, or how long the contact has been silent."""
        previous = self.nodes[0]
        for kind in ("send.email", "wait.delay", self.dice.one(("branch.rule", "branch.recency"))):
            node = self.add(kind)
            if kind == "branch.rule":
                did = self.dice.one(("opened", "clicked", "replied"))
                node["config"] = {"cases": [{"port": "yes", "when": {"message": self.sends[0], "did": did}}]}
            self.edges.append({"from": previous["id"], "to": node["id"]})
            previous = node

    def watch_a_tag(self) -> None:
        """Wait for a tag on one path and give it on another."""
        trigger, tag = self.nodes[0]["id"], self.dice.one(TAGS)
        watcher, delay, giver = self.add("wait.rule"), self.add("wait.delay"), self.add("contact.tag")
        watcher["config"] = {"when": {"tag": tag}, "timeout": "1w"}
        giver["config"] = {"add": [tag]}
        for source, target in ((trigger, watcher), (trigger, delay), (delay["id"], giver)):
            self.edges.append({"from": source, "to": target["id"]})

    def settings(self) -> Json:
        dice = self.dice
        settings: Json = {}
        if dice.chance(50):
            settings["timezone"] = dice.one(("Asia/Shanghai", "Europe/Berlin", "UTC"))
        if dice.chance(65):
            settings["reentry"] = {"allow": dice.one(("once", "after_exit", "always"))}
            if settings["reentry"]["allow"] == "after_exit" and dice.chance(50):
                settings["reentry"]["cooldown"] = dice.one(DURATIONS)
        if any("did" in part for part in walk(self.nodes)) and dice.chance(60):
            settings["reentry"] = {"allow": "always"}
        for name, percent in (("goal", 40), ("exit_when", 30)):
            if dice.chance(percent):
                settings[name] = self.end_rule()
        if dice.chance(15 if self.straight else 35):
            start, end = dice.one((("21:00", "09:00"), ("00:00", "08:00"), ("12:00", "13:30"), ("02:15", "02:45")))
            settings["quiet_hours"] = {"from": start, "to": end}
        return settings | self.restart() if dice.chance(25) else settings

    def trigger_event(self) -> Json:
        before = [node["config"]["event"] for node in self.nodes if node["type"] == "trigger.event"]
        event = before[0] if before and self.dice.chance(60) else self.dice.one(EVENTS)
        return {"event": event, **some_where(self.dice)}

    def trigger_manual(self) -> Json:
        return {}

    def trigger_segment(self) -> Json:
        existing = {"existing": self.dice.chance(50)} if self.dice.chance(60) else {}
        return {**self._who(), **existing}

    def _who(self) -> Json:
        if self.segments and self.dice.chance(40):
            return {"segment": self.dice.one(self.segments)}
        return {"when": self.rule(inside=False)}

    def trigger_date(self) -> Json:
        config: Json = {"attribute": "renewal", "offset": self.dice.one(("-3d", "-1d", "-P1DT6H", "2d", "12h"))}
        if self.dice.chance(60):
            config["at"] = self.dice.one(CLOCK_TIMES)
        return config

    def trigger_schedule(self) -> Json:
        at = instant_of(self.start) + timedelta(hours=6 * self.dice.number(0, 20))
        when = self.dice.one(
            (
                {"cron": self.dice.one(("0 9 * * *", "30 2 * * mon,sun", "0 */12 * * *"))},
                {"at": self.dice.one(CLOCK_TIMES)},
                {"at": at.isoformat()},
            )
        )
        return {**when, **self._who()}

    def wait_delay(self) -> Json:
        return {"duration": self.dice.one(DURATIONS)}

    def wait_until(self) -> Json:
        dice = self.dice
        config: Json = {}
        match dice.one(("at", "day", "weekday", "date", "attribute", "business_days", "calendar")):
            case "at":
                return {"at": dice.one(CLOCK_TIMES)}
            case "day":
                config = {"day": dice.number(1, 6)}
            case "weekday":
                config = {"weekday": dice.some(("mon", "wed", "sat", "sun"))}
            case "date":
                day = instant_of(self.start) + timedelta(days=dice.number(-2, 10))
                config = {"date": dice.one((day.date().isoformat(), day.isoformat()))}
            case "attribute":
                config = {"date": {"attribute": "renewal"}}
            case "business_days":
                config = {"business_days": dice.number(0, 4)}
            case _:
                config = {"day": dice.number(1, 4), "calendar": "CN"}
        if "date" in config and dice.chance(50):
            config["offset"] = dice.one(("-2d", "1d", "-P1DT6H", "90m"))
        if dice.chance(60):
            config["at"] = dice.one(CLOCK_TIMES)
        if "weekday" not in config and dice.chance(15):
            config["weekday"] = ["tue", "thu"]
        return config

    def wait_event(self) -> Json:
        event: Any = self.dice.one(EVENTS)
        if self.sends and self.dice.chance(20):
            return {
                "event": f"message_{self.dice.one(('opened', 'clicked'))}",
                "where": {"node": {"op": "is", "value": self.dice.one(self.sends)}},
                "timeout": self.dice.one(DURATIONS),
            }
        return {"event": event, **some_where(self.dice), "timeout": self.dice.one(DURATIONS)}

    def wait_rule(self) -> Json:
        return {"when": self.rule(), "timeout": self.dice.one(DURATIONS)}

    def branch_rule(self) -> Json:
        return {"cases": [{"port": port, "when": self.rule()} for port in ("yes", "maybe")[: self.dice.number(1, 2)]]}

    def branch_recency(self) -> Json:
        return {"days": self.dice.one(([30, 60, 90], [1, 3], [1, 3], [7]))}

    def split_random(self) -> Json:
        return {"weights": self.dice.one(({"a": 1, "b": 1}, {"b": 2, "a": 1}, {"a": 0.2, "b": 0.3, "c": 0.5}))}

    def split_ab(self) -> Json:
        variants = [{"key": "a", "weight": 1}, {"key": "b", "weight": self.dice.number(1, 3)}]
        holdout = {"holdout": 0.2} if self.dice.chance(50) else {}
        return {"variants": variants, "goal": {"event": "bought", "within": "7d"}, **holdout}

    def path_join(self) -> Json:
        return {}

    def _topic(self) -> Json:
        return {"topic": "news"} if self.dice.chance(25) else {}

    def send_email(self) -> Json:
        body = self.dice.one(("html", "text"))
        return {"subject": self.dice.one(TEXTS), body: self.dice.one(TEXTS), **self._topic()}

    def send_sms(self) -> Json:
        return {"text": self.dice.one(TEXTS), **self._topic()}

    def send_wecom(self) -> Json:
        return {"text": self.dice.one(TEXTS)}

    def send_webhook(self) -> Json:
        return {"url": "https://example.com/hook"}

    def contact_set(self) -> Json:
        value = self.dice.one(("pro", "Gold", 5, True, "{{ contact.name }}"))
        return {"attributes": {self.dice.one(("plan", "seats", "active", "nick")): value}}

    def contact_tag(self) -> Json:
        tag = self.dice.one(TAGS)
        others = [other for other in TAGS if other != tag]
        add = {"add": [tag]} if self.dice.chance(70) else {}
        return {**add, "remove": [self.dice.one(others)]} if not add or self.dice.chance(30) else add

    def contact_score(self) -> Json:
        name = {"score": "score"} if self.dice.chance(30) else {}
        return {"add": self.dice.one((1, 2, -1)), **name}

    def contact_stage(self) -> Json:
        return {"to": self.dice.one(STAGES)}

    def sales_assign(self) -> Json:
        return {"to": "sdr"}

    def sales_task(self) -> Json:
        return {"title": "Call", "due": "1d"}

    def flow_enter(self) -> Json:
        return {"flow": self.dice.one(self.others)}

    def flow_exit(self) -> Json:
        return {}

    def flow_goal(self) -> Json:
        return {"name": "done"}


def ports_of(node: Json) -> list[str]:
    """List the ports of a node."""
    config = node["config"]
    match node["type"]:
        case "wait.until":
            return ["out", "past"]
        case "wait.event":
            return ["happened", "timeout"]
        case "wait.rule":
            return ["matched", "timeout"]
        case "branch.rule":
            return [*(case["port"] for case in config["cases"]), "else"]
        case "branch.recency":
            return ["active", *(f"{days}d" for days in config["days"])]
        case "split.random":
            return list(config["weights"])
        case "split.ab":
            return [*(variant["key"] for variant in config["variants"]), "holdout"]
        case _:
            return ["out"]
