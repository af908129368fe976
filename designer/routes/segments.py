"""Segments: the list, the builder of their rules, and who matches a rule now."""

import re
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from designer.forms import rule_reading
from designer.forms.inputs import ROOT, Absent, Inputs
from designer.forms.render import facts
from designer.forms.rule_drawing import Drawing
from designer.language import mark
from designer.views import Pages
from engine.api import discarding, segments
from engine.api.matching import match_rule
from engine.api.vocabulary import Vocabulary, attribute_kinds, read_vocabulary
from engine.errors import FlowError, NotFound, RuleError
from engine.rules.describe import describe
from engine.rules.parse import parse_rule, read_rule
from engine.terms import Json, Text, text_in
from engine.wiring import Wiring

NEW: Final[Json] = {"all": [dict(rule_reading.BLANK)]}
KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def segments_router(pages: Pages) -> APIRouter:
    """Make the router of segments and rules."""
    router = APIRouter(include_in_schema=False)
    _list(router, pages)
    _edit(router, pages)
    _matching(router, pages)
    return router


def _list(router: APIRouter, pages: Pages) -> None:
    @router.get("/segments")
    def all_segments(request: Request) -> HTMLResponse:
        tag = pages.language(request).tag
        lines = [(each, describe(parse_rule(each.rule), tag)) for each in segments.list_segments(pages.wiring)]
        shown = [(each, words) for each, words in lines if not each.key.startswith("@")]
        return pages.show(request, "forms/segments.html", lines=shown)

    @router.get("/segments/new")
    def new_segment(request: Request) -> HTMLResponse:
        return _page(pages, request, key="", name="", raw=NEW, is_new=True)

    @router.get("/segments/{key:path}/delete")
    def ask(request: Request, key: str) -> HTMLResponse:
        return _ask(pages, request, key)

    @router.post("/segments/{key:path}/delete")
    def delete(request: Request, key: str) -> Response:
        try:
            discarding.delete_segment(pages.acting(request), key)
        except FlowError:  # somebody began to use it meanwhile
            return _ask(pages, request, key, 409)
        return RedirectResponse("/segments", status_code=303)

    @router.get("/segments/{key:path}")
    def one_segment(request: Request, key: str) -> HTMLResponse:
        found = _find(pages, key)
        return _page(pages, request, key=key, name=found.name, raw=found.rule, is_new=False, members=found.members)


def _find(pages: Pages, key: str) -> segments.SegmentLine:
    found = next((each for each in segments.list_segments(pages.wiring) if each.key == key), None)
    if found is None:
        raise NotFound(f"there is no segment {key!r}", segment=key)
    return found


def _ask(pages: Pages, request: Request, key: str, status: int = 200) -> HTMLResponse:
    """Ask before a segment is deleted, or tell what uses it."""
    language = pages.language(request)
    facts: dict[str, Any] = {"name": language.text(_find(pages, key).name), "back": f"/segments/{quote(key)}"}
    users = discarding.users_of(pages.wiring, "segment", key)
    return pages.show(request, "delete.html", status=status, whole=language.say(mark("Segments")), users=users, **facts)


def _edit(router: APIRouter, pages: Pages) -> None:
    @router.post("/segments/draw")
    async def draw_again(request: Request) -> HTMLResponse:
        return _form(pages, request, await _inputs(request))

    @router.post("/segments/save")
    async def save(request: Request) -> Response:
        inputs = await _inputs(request)
        fault = _save(pages, pages.acting(request), inputs)
        if fault is not None:
            return _form(pages, request, inputs, fault)
        return Response(status_code=204, headers={"HX-Redirect": "/segments"})


def _matching(router: APIRouter, pages: Pages) -> None:
    @router.post("/rules/matching")
    async def matching(request: Request) -> HTMLResponse:
        """Count who matches the rule that stands at ``rule_at`` in the form, and say it as a sentence."""
        inputs = await _inputs(request)
        kinds = attribute_kinds(pages.wiring)
        raw = rule_reading.read(inputs, inputs.typed("rule_at") or ROOT, kinds)
        rule, faults = read_rule(None if isinstance(raw, Absent) else raw)
        if rule is None:
            return pages.show(request, "forms/matching.html", matching=None, faults=faults, sentence="")
        sentence = describe(rule, pages.language(request).tag)
        try:
            found = match_rule(pages.wiring, raw)
        except RuleError as fault:
            return pages.show(request, "forms/matching.html", matching=None, faults=[fault], sentence=sentence)
        return pages.show(request, "forms/matching.html", matching=found, faults=[], sentence=sentence)


async def _inputs(request: Request) -> Inputs:
    return Inputs.of((await request.form(max_fields=20_000)).multi_items())


def _save(pages: Pages, wiring: Wiring, inputs: Inputs) -> str | None:
    """Keep what was posted; say why not, if it cannot be."""
    key, name = inputs.typed("key").strip(), inputs.typed("name").strip()
    if not KEY.fullmatch(key) and not inputs.typed("was"):
        return mark("a key is made of a-z, 0-9, - and _")
    known = {each.key: each.name for each in segments.list_segments(pages.wiring)}
    if not inputs.typed("was") and key in known:
        return mark("a segment of that key is there already")
    raw = rule_reading.read(inputs, ROOT, attribute_kinds(pages.wiring))
    try:
        segments.save_segment(wiring, inputs.typed("was") or key, raw, _renamed(known.get(key), name) or key)
    except RuleError as fault:
        return fault.message
    return None


def _renamed(known: Text | None, name: str) -> Text:
    """Keep a name of several languages unless another was typed."""
    return known if isinstance(known, dict) and name in known.values() else name


def _form(pages: Pages, request: Request, inputs: Inputs, fault: str | None = None) -> HTMLResponse:
    vocabulary = read_vocabulary(pages.wiring)
    raw = rule_reading.read(inputs, ROOT, vocabulary.attributes)
    key, was = inputs.typed("key"), inputs.typed("was")
    shown = _facts(pages, request, vocabulary, NEW if isinstance(raw, Absent) else raw)
    return pages.show(
        request,
        "forms/segment_form.html",
        key=was or key,
        title=inputs.typed("name"),
        is_new=not was,
        fault=fault,
        **shown,
    )


def _page(pages: Pages, request: Request, *, key: str, name: Text, raw: Json, **more: Any) -> HTMLResponse:
    shown = _facts(pages, request, read_vocabulary(pages.wiring), raw)
    said = text_in(name, pages.language(request).tag)
    return pages.show(request, "forms/segment.html", key=key, title=said, fault=None, **more, **shown)


def _facts(pages: Pages, request: Request, vocabulary: Vocabulary, raw: Json) -> dict[str, Any]:
    row = Drawing(vocabulary.attributes).rule(raw, ROOT)
    return {"row": row, **facts(vocabulary, pages.language(request))}
