"""One passage of one contact through one flow: its tokens, and how they move at an instant."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tests.model.facts import Event, Json, Message, Person
from tests.model.plan import Plan
from tests.model.rules import View, holds, named

Fits: TypeAlias = Callable[[Json, Event], bool]
"""Whether an event is the one that a node's config asks for."""

Act: TypeAlias = "Callable[[Enrollment, Token, datetime], str | None]"
"""Let the token's node act on it; gives the port, or nothing when the token rests."""


@dataclass(eq=False)
class Token:
    """Where one branch stands; ``since`` is when it came to rest there, if it did."""

    node: str
    due: datetime | None = None
    since: datetime | None = None
    called: bool = False

    def is_free(self, now: datetime) -> bool:
        return self.called or (self.due is not None and self.due <= now)

    def rest(self, now: datetime, due: datetime | None) -> None:
        self.since, self.due, self.called = now, due, False


@dataclass(eq=False)
class Enrollment:
    """One passage. ``lines`` are its journal lines in the order in which things happened."""

    person: Person
    plan: Plan
    segments: dict[str, Json]
    timezone: str
    number: int
    began: datetime
    enter: Callable[[str, datetime], None]
    """What lets the contact into another flow."""
    active: bool = True
    tokens: list[Token] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    lines: list[tuple[datetime, Json]] = field(default_factory=list)

    def view(self, now: datetime) -> View:
        return View(self.person, now, self.segments, self.messages)

    def write(self, now: datetime, **line: object) -> None:
        self.lines.append((now, {"contact": self.person.key, "enrollment": self.number, **line}))

    def end(self, now: datetime, reason: str) -> None:
        self.active = False
        self.tokens = []
        self.write(now, end=reason)

    def ends(self, now: datetime, event: Event | None = None) -> bool:
        """End by goal, then by exit, if one holds; for an event only by a rule that names it."""
        for setting, reason in (("goal", "goal"), ("exit_when", "exit")):
            rule = self.plan.setting(setting)
            if rule is None or (event is not None and event.name not in named(rule, self.segments)):
                continue
            if holds(rule, self.view(now)):
                self.end(now, reason)
                return True
        return False

    def is_free(self, now: datetime) -> bool:
        """Call the tokens whose awaited rule holds; tell whether any token may move."""
        for token in self.tokens:
            if token.since is not None and self.plan.kind(token.node) == "wait.rule":
                token.called = holds(self.plan.config(token.node)["when"], self.view(now))
        return any(token.is_free(now) for token in self.tokens)

    def hear(self, event: Event, fits: Fits) -> None:
        """Let an event end the enrollment, or else call the tokens that wait for it."""
        if self.active and not self.ends(event.at, event):
            for token in self.tokens:
                if token.since is not None and self.plan.kind(token.node) == "wait.event":
                    token.called = token.called or fits(self.plan.config(token.node), event)

    def move(self, now: datetime, act: Act) -> None:
        """Move the tokens that are free, node by node in topological order, until all rest or are gone.

        Goal and exit are asked before the first step too: other passages may have moved since this one began.
        """
        moving = [token for token in self.tokens if token.is_free(now)]
        if self.ends(now):
            return
        for node in self.plan.order:
            here = [token for token in moving if token.node == node]
            if self.plan.kind(node) == "path.join":
                moving += self._join(node, here, now)
                continue
            for token in here:
                port = act(self, token, now)
                if not self.active:
                    return
                moving += self._leave(token, port) if port else []
        if not self.tokens:
            self.end(now, "completed")

    def _leave(self, token: Token, port: str) -> list[Token]:
        """Replace a token by one at each target of the port."""
        self.tokens.remove(token)
        clones = [Token(target) for target in self.plan.targets(token.node, port)]
        self.tokens += clones
        return clones

    def _join(self, node: str, arrived: list[Token], now: datetime) -> list[Token]:
        """Let one token go on when no other can still come; the others of the join are gone."""
        for token in arrived:
            token.rest(now, None)
        here = [token for token in self.tokens if token.node == node]
        if not here or any(token.node in self.plan.above[node] for token in self.tokens):
            return []
        self.tokens = [token for token in self.tokens if token.node != node] + here[:1]
        self.write(now, node=node, port="out")
        return self._leave(here[0], "out")
