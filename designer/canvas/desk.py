"""The desk at which canvases are served: it knows what each page shows and says how it comes to show something else."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from designer.canvas.choosing import choice_facts
from designer.canvas.fragments import Scenes, fragments, write_scene
from designer.canvas.hub import Hub
from designer.canvas.inspecting import inspect
from designer.canvas.keys import shortcuts
from designer.canvas.mends import mend_of
from designer.canvas.outlining import outline_of
from designer.canvas.palette import palette
from designer.canvas.reading import Said, read_gesture
from designer.canvas.saying import WORDS, done_words, gesture_words, gone_words
from designer.canvas.scene import Scene, make_scene
from designer.doors import visitor_of
from designer.experiments.planner import comparison_of, plan_for
from designer.faults import say_fault
from designer.forms.reading import posted_value
from designer.forms.render import model_of_flow
from designer.language import Language
from designer.problems import status_of
from designer.views import HEADERS, Pages
from engine.api import drawing
from engine.api.drawing import Changed, Sheet
from engine.api.vocabulary import Vocabulary, attribute_kinds, read_vocabulary
from engine.contract.findings import Level
from engine.errors import FlowError, NotFound
from engine.graph.delta import Overtaken

MOMENT: Final = 5.0
"""So many seconds an open panel offers the names that were read when it was opened."""

JUST: Final = 1.0
"""So many seconds other pages are shown the sheet that the answer to a gesture was drawn from."""


class Desk:
    """Everything that canvases share."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.wiring = pages.wiring
        self.hub = Hub()
        self.scenes = Scenes()
        self.names = -MOMENT, Vocabulary()
        self.answered: tuple[float, Sheet] | None = None

    def actor(self, request: Request) -> str:
        """Tell whose gestures these are; empty when nobody signed in, and a tab is its own actor."""
        visitor = visitor_of(request)
        return "" if visitor is None else str(visitor.signed_in.user.id)

    def name(self, request: Request) -> str:
        """Give the name that others see."""
        visitor = visitor_of(request)
        return "" if visitor is None else visitor.signed_in.user.name

    def read(self, request: Request, key: str, form: FormData) -> Said:
        """Read a gesture from what was posted; a setting's form is read by the shape of the setting.

        Errors: ``FlowError``.
        """
        plain: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str)}
        if plain.get("kind") in ("configure", "set") and "args" not in plain:
            plain["value"] = json.dumps(self._setting(key, plain, form))
        return read_gesture(plain, self.actor(request))

    def _setting(self, key: str, plain: dict[str, Any], form: FormData) -> Any:
        name, field = str(plain.get("id")), str(plain.get("field"))
        if plain["kind"] == "set":
            model, field = model_of_flow(field)
        else:
            node_type = drawing.type_of(self.wiring, key, name)
            if node_type is None:
                raise FlowError(f"there is no node {name!r} any more", node=name)
            model = node_type.config_type
        kinds = attribute_kinds(self.wiring)
        try:
            return posted_value(model, field, form.multi_items(), kinds)
        except ValueError as fault:
            raise FlowError(f"this is no JSON: {fault}") from None

    def facts(self, request: Request, key: str) -> dict[str, Any]:
        """Give what the page needs."""
        sheet = drawing.open_sheet(self.wiring, key)
        scene = self._scene(request, sheet)
        language = self.pages.language(request)
        return {
            "sheet": sheet,
            "inspector": inspect(self.pages, request, sheet, "", self._vocabulary(0)),
            "scene": scene,
            "groups": palette(self.wiring.registry, language),
            "keys": shortcuts(language),
            "keys_json": _keys_json(language),
            "words_json": json.dumps({name: language.say(words) for name, words in WORDS.items()}, ensure_ascii=False),
            **self._around(request, sheet, self.actor(request) or request.query_params.get("hand", "")),
        }

    def answer(self, request: Request, key: str, said: Said, changed: Changed | None) -> Response:
        """Answer a gesture: what changed on the page, and in headers what the hand goes on with."""
        sheet = drawing.open_sheet(self.wiring, key, changed)
        self.answered = time.monotonic(), sheet
        scene = self._scene(request, sheet)
        language = self.pages.language(request)
        before = self.scenes.find(key, said.base, language.tag)
        titles = _titles(before, scene)
        words = "" if changed is None else done_words(changed, titles, said.kind, language)
        gone = "" if changed is None else gone_words(changed, titles, said.kind, language)
        touched = set() if changed is None else {entry.key[1] for entry in changed.done.change if len(entry.key) > 1}
        html = self._changes(request, sheet, before, scene, said.hand.actor, f"{words} {gone}".strip(), gone)
        if said.kind == "set" or (said.open and (said.open in touched or said.open not in scene.cards)):
            panel = inspect(self.pages, request, sheet, said.open, self._vocabulary(), with_names=False)
            html += self._as_partial("#inspector", panel)
        told = {"revision": sheet.revision, "new": list(changed.done.new) if changed else [], "done": bool(changed)}
        return HTMLResponse(html, headers={**HEADERS, "X-Canvas": json.dumps(told)})

    def refuse(self, request: Request, key: str, said: Said, fault: FlowError) -> Response:
        """Answer a gesture that cannot be done: show what is there now, and say why."""
        sheet = drawing.open_sheet(self.wiring, key)
        scene = self._scene(request, sheet)
        before = self.scenes.find(key, said.base, self.pages.language(request).tag)
        html = self._changes(request, sheet, before, scene, said.hand.actor, "")
        told = {"revision": sheet.revision, "new": [], "done": False}
        if isinstance(fault, Overtaken) and said.kind in ("undo", "redo"):
            choice = drawing.choice_of(self.wiring, key, said.kind, said.hand)
            facts = choice_facts(choice, said.kind, sheet, self.wiring.registry, self.pages.language(request))
            html += self._as_partial("#step-choice", self.pages.write(request, "canvas/choice.html", **facts))
            told["choice"] = choice is not None
        else:
            html += self.pages.write(request, "canvas/refused.html", fault=fault, say=self._say(request))
        headers = {**HEADERS, "X-Canvas": json.dumps(told)}
        return HTMLResponse(html, status_code=status_of(fault), headers=headers)

    def since(self, request: Request, key: str, revision: int, load: str) -> tuple[int, str]:
        """Say how a page that shows a revision comes to show the present one; nothing when it does already.

        Shape: nor when the page itself made it, for the answer to its gesture shows everything up to there.
        """
        now = drawing.revision_of(self.wiring, key)
        if now == revision or self.hub.is_by(key, now, load):
            return now, ""
        sheet = self._sheet_of(key, now)
        scene = self._scene(request, sheet)
        before = self.scenes.find(key, revision, self.pages.language(request).tag)
        actor = self.actor(request) or request.query_params.get("hand", "")
        return sheet.revision, self._changes(request, sheet, before, scene, actor, "")

    def inspector(self, request: Request, key: str, name: str) -> str:
        """Draw the inspector of a node."""
        return inspect(self.pages, request, drawing.open_sheet(self.wiring, key), name, self._vocabulary(0))

    def plan(self, request: Request, key: str, name: str, base: float, lift: float, a_day: float) -> str:
        """Say what a test at a node would take. Errors: ``NotFound`` for a node that compares nothing."""
        document = drawing.open_sheet(self.wiring, key).document
        comparison = comparison_of(None if document is None else document.by_id.get(name))
        if comparison is None:
            raise NotFound(f"nothing is compared at {name!r}", flow=key, node=name)
        plan = plan_for(comparison, base, lift, max(0.0, a_day))
        return self.pages.write(request, "experiments/planned.html", plan=plan)

    def outline(self, request: Request, key: str) -> str:
        """Draw the outline of a draft."""
        sheet = drawing.open_sheet(self.wiring, key)
        groups = palette(self.wiring.registry, self.pages.language(request))
        entries = outline_of(sheet, self._scene(request, sheet))
        return self.pages.write(request, "canvas/outline.html", sheet=sheet, entries=entries, groups=groups)

    def status(self, request: Request, sheet: Sheet) -> str:
        """Draw the state of a flow, to take the place of the one that is shown."""
        html = self.pages.write(request, "canvas/status.html", sheet=sheet, dirty=self._dirty(sheet))
        return f'<hx-partial hx-target="#status" hx-swap="outerMorph">{html}</hx-partial>'

    def log(self, request: Request, key: str) -> str:
        """Draw the log of a draft."""
        sheet = drawing.open_sheet(self.wiring, key)
        lines = drawing.log_of(self.wiring, sheet.flow)
        language = self.pages.language(request)
        return self.pages.write(
            request, "canvas/log.html", lines=lines, words=lambda line: gesture_words(line, language)
        )

    def _scene(self, request: Request, sheet: Sheet) -> Scene:
        language = self.pages.language(request)
        key, revision = sheet.flow.key, sheet.revision
        now = self.scenes.find(key, revision, language.tag)
        if now is not None and now.shows(sheet.document, sheet.findings):
            return now
        before = now or self.scenes.find(key, revision - 1, language.tag)
        scene = make_scene(sheet.document, sheet.findings, revision, language, before)
        # Pages that show this revision list what was found before.
        problems = _problems(sheet, language) if now is None else None
        return self.scenes.keep(key, language.tag, replace(write_scene(self.pages, request, scene), problems=problems))

    def _changes(
        self, request: Request, sheet: Sheet, before: Scene | None, scene: Scene, actor: str, words: str, gone: str = ""
    ) -> str:
        around = self._around(request, sheet, actor)
        are_new = before is None or before.problems != around["problems"]
        facts = {"scene": scene, "sheet": sheet, "words": words, "gone": gone, "problems_are_new": are_new}
        return self.pages.write(
            request, "canvas/changes.html", fragments=list(fragments(before, scene)), **facts, **around
        )

    def _around(self, request: Request, sheet: Sheet, actor: str) -> dict[str, Any]:
        language = self.pages.language(request)
        undo, redo = drawing.next_steps(self.wiring, sheet.flow, actor)
        return {
            "undo": gesture_words(undo, language),
            "redo": gesture_words(redo, language),
            "dirty": self._dirty(sheet),
            "errors": sum(each.level is Level.ERROR for each in sheet.findings),
            "warnings": sum(each.level is Level.WARNING for each in sheet.findings),
            "problems": _problems(sheet, language),
            "say": lambda text: say_fault(text, language),
        }

    def _say(self, request: Request) -> Callable[[str], str]:
        language = self.pages.language(request)
        return lambda text: say_fault(text, language)

    def _dirty(self, sheet: Sheet) -> int:
        """Count what is not published; of a flow that never was, whether there is anything at all."""
        if sheet.flow.number is None:
            return int(bool(sheet.raw.get("nodes")))
        return sum(not each.only_moved for each in drawing.unpublished(self.wiring, sheet))

    def _sheet_of(self, key: str, revision: int) -> Sheet:
        """Give a draft at its present revision; it is not read again when who made that has just been shown it."""
        if self.answered is not None:
            at, sheet = self.answered
            if (sheet.flow.key, sheet.revision) == (key, revision) and time.monotonic() < at + JUST:
                return sheet
        return drawing.open_sheet(self.wiring, key)

    def _vocabulary(self, seconds: float = MOMENT) -> Vocabulary:
        """Give the names that the workspace knows, as they were read so many seconds ago at most."""
        if time.monotonic() > self.names[0] + seconds:
            self.names = time.monotonic(), read_vocabulary(self.wiring)
        return self.names[1]

    def _as_partial(self, target: str, html: str) -> str:
        return f'<hx-partial hx-target="{target}" hx-swap="innerMorph">{html}</hx-partial>'


def _problems(sheet: Sheet, language: Language) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"finding": each, "mend": mend_of(each, sheet.raw), "of": _name(sheet, each.node, language)}
        for each in sheet.findings[:200]
    )


def _name(sheet: Sheet, name: str | None, language: Language) -> str | None:
    node = None if sheet.document is None else sheet.document.by_id.get(name or "")
    if node is None:
        return name
    return language.text(node.name or (node.node_type.title if node.node_type else node.type))


def _keys_json(language: Language) -> str:
    keys = [
        {"command": each.command, "keys": each.keys, "words": each.words, "shown": each.shown[0]}
        for each in shortcuts(language)
    ]
    return json.dumps(keys, ensure_ascii=False)


def _titles(*scenes: Scene | None) -> dict[str, str]:
    cards: Sequence[Any] = [card for scene in scenes if scene is not None for card in scene.cards.values()]
    return {card.id: card.title for card in cards}
