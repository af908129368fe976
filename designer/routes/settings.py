"""Settings of the workspace: itself, topics, channels, write keys, users, the audit log; and one's own account."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from designer.doors import actor_of, visitor_of
from designer.language import mark
from designer.settings_forms import UNITS, cap_fields, provider_settings, team_lines, workspace_settings
from designer.views import Pages
from engine.api import keys, signing, users, workspaces
from engine.api.acting import Right, Role
from engine.civil.zones import all_zones
from engine.errors import AccessError, EngineError

Word = Annotated[str, Form()]

SECTIONS: Final = {
    "/settings": mark("Workspace"),
    "/settings/topics": mark("Topics"),
    "/settings/channels": mark("Channels"),
    "/settings/keys": mark("Write keys"),
    "/settings/users": mark("Users"),
    "/settings/audit": mark("Changes"),
}


def settings_router(pages: Pages) -> APIRouter:
    """Make the router of the settings; only administrators come in."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(_admins_only)])
    _workspace(router, pages)
    _topics(router, pages)
    _channels(router, pages)
    _keys(router, pages)
    _users(router, pages)
    _changing_users(router, pages)
    return router


def account_router(pages: Pages) -> APIRouter:
    """Make the router of one's own account."""
    router = APIRouter(include_in_schema=False)

    @router.get("/account")
    def account(request: Request, done: str = "") -> HTMLResponse:
        return pages.show(request, "settings/account.html", fault=None, done=done)

    @router.post("/account/password")
    def change_password(request: Request, old: Word = "", password: Word = "") -> Response:
        visitor = visitor_of(request)
        try:
            signing.change_password(pages.acting(request), visitor.session if visitor else "", old, password)
        except AccessError as fault:
            return pages.show(request, "settings/account.html", status=422, fault=fault, done="")
        return _to("/account?done=password")

    return router


def _admins_only(request: Request) -> None:
    actor_of(request).require(Right.MANAGE)


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)


def _workspace(router: APIRouter, pages: Pages) -> None:
    def shown(request: Request, status: int = 200, fault: EngineError | None = None, done: str = "") -> HTMLResponse:
        facts = workspaces.read_workspace(pages.wiring)
        return pages.show(
            request,
            "settings/workspace.html",
            status=status,
            sections=SECTIONS,
            facts=facts,
            cap=cap_fields(facts.settings),
            teams=team_lines(facts.settings),
            units=UNITS,
            zones=all_zones(),
            fault=fault,
            done=done,
        )

    @router.get("/settings")
    def ask(request: Request, done: str = "") -> HTMLResponse:
        return shown(request, done=done)

    @router.post("/settings")
    async def change(request: Request) -> Response:
        form = await request.form()
        try:
            workspaces.change_workspace(
                pages.acting(request),
                name=str(form.get("name") or "").strip() or None,
                timezone=str(form.get("timezone") or ""),
                settings=workspace_settings(form),
            )
        except EngineError as fault:
            return shown(request, 422, fault)
        return _to("/settings?done=workspace")


def _topics(router: APIRouter, pages: Pages) -> None:
    @router.get("/settings/topics")
    def ask(request: Request) -> HTMLResponse:
        topics = workspaces.read_workspace(pages.wiring).topics
        return pages.show(request, "settings/topics.html", sections=SECTIONS, topics=topics)

    @router.post("/settings/topics")
    def save(request: Request, key: Word = "", en: Word = "", zh: Word = "") -> Response:
        names = {tag: name.strip() for tag, name in (("en", en), ("zh-CN", zh)) if name.strip()}
        workspaces.save_topic(pages.acting(request), key.strip(), names or key.strip())
        return _to("/settings/topics")


def _channels(router: APIRouter, pages: Pages) -> None:
    def shown(request: Request, status: int = 200, fault: EngineError | None = None, done: str = "") -> HTMLResponse:
        known = workspaces.read_workspace(pages.wiring).settings
        kept = {name: known.get(name) or {} for name in ("sms", "wecom")}
        server = pages.wiring.settings
        mail = {"has_server": bool(server.smtp_url), "sender": server.mail_from, "links": server.base_url}
        return pages.show(
            request,
            "settings/channels.html",
            status=status,
            sections=SECTIONS,
            kept=kept,
            mail=mail,
            fault=fault,
            done=done,
        )

    @router.get("/settings/channels")
    def ask(request: Request, done: str = "") -> HTMLResponse:
        return shown(request, done=done)

    @router.post("/settings/channels")
    async def change(request: Request) -> Response:
        form = await request.form()
        known = workspaces.read_workspace(pages.wiring).settings
        try:
            workspaces.change_workspace(pages.acting(request), settings=provider_settings(form, known))
        except EngineError as fault:
            return shown(request, 422, fault)
        return _to("/settings/channels?done=channels")


def _keys(router: APIRouter, pages: Pages) -> None:
    def shown(request: Request, made: keys.NewKey | None = None) -> HTMLResponse:
        lines = keys.list_keys(pages.acting(request))
        return pages.show(request, "settings/keys.html", sections=SECTIONS, keys=lines, made=made)

    @router.get("/settings/keys")
    def ask(request: Request) -> HTMLResponse:
        return shown(request)

    @router.post("/settings/keys")
    def create(request: Request, name: Word = "") -> HTMLResponse:
        return shown(request, keys.create_key(pages.acting(request), name))

    @router.post("/settings/keys/{key}/revoke")
    def revoke(request: Request, key: str) -> Response:
        keys.revoke_key(pages.acting(request), key)
        return _to("/settings/keys")


def _shown_users(pages: Pages, request: Request, status: int = 200, **facts: Any) -> HTMLResponse:
    known: dict[str, Any] = {"link": None, "fault": None, "email": "", "name": ""}
    listed = users.list_users(pages.acting(request))
    return pages.show(
        request, "settings/users.html", status=status, sections=SECTIONS, users=listed, **{**known, **facts}
    )


def _invitation(request: Request, word: str) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}/invitation/{word}"


def _users(router: APIRouter, pages: Pages) -> None:
    @router.get("/settings/users")
    def ask(request: Request) -> HTMLResponse:
        return _shown_users(pages, request)

    @router.post("/settings/users")
    def invite(request: Request, email: Word = "", name: Word = "", role: Word = Role.VIEWER.value) -> HTMLResponse:
        try:
            word = users.invite_user(pages.acting(request), pages.clock, email, name, _role(role))
        except AccessError as fault:
            return _shown_users(pages, request, 422, fault=fault, email=email, name=name)
        return _shown_users(pages, request, link=_invitation(request, word))

    @router.get("/settings/audit")
    def audit(request: Request, before: int | None = None) -> HTMLResponse:
        lines = users.list_audit(pages.acting(request), before)
        return pages.show(request, "settings/audit.html", sections=SECTIONS, lines=lines, before=before)


def _changing_users(router: APIRouter, pages: Pages) -> None:
    @router.post("/settings/users/{user_id}/role")
    def change_role(request: Request, user_id: int, role: Word = "") -> Response:
        try:
            users.change_role(pages.acting(request), user_id, _role(role))
        except AccessError as fault:
            return _shown_users(pages, request, 422, fault=fault)
        return _to("/settings/users")

    @router.post("/settings/users/{user_id}/invite")
    def invite_again(request: Request, user_id: int) -> HTMLResponse:
        word = users.invite_again(pages.acting(request), pages.clock, user_id)
        return _shown_users(pages, request, link=_invitation(request, word))

    @router.post("/settings/users/{user_id}/{verb}")
    def let_in(request: Request, user_id: int, verb: str) -> Response:
        try:
            users.disable_user(pages.acting(request), pages.clock, user_id, disabled=verb != "enable")
        except AccessError as fault:
            return _shown_users(pages, request, 422, fault=fault)
        return _to("/settings/users")


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise AccessError("there is no such role", fault="role") from None
