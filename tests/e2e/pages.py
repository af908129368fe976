"""A small world in which every page has something to show, and the pages there are."""

import json
from copy import deepcopy

from engine.api import approvals, enroll, flows, inbox, keys, segments, workspaces
from engine.wiring import Wiring
from tests.api.test_contacts import POISONED
from tests.experiments.flows import split
from tests.law.sources import ROOT
from tests.support.engines import WELCOME, add_contacts, go_live, happen, pass_time, settle

TEMPLATE = ROOT / "flows" / "messages" / "trial-day1-welcome.json"
SECOND = {**WELCOME, "key": "second", "name": {"en": "A second flow", "zh-CN": "第二个旅程"}}


def lived_in(wiring: Wiring) -> Wiring:
    """Let contacts live in flows for two days: some are mailed, one fails, a draft waits."""
    go_live(wiring)
    go_live(wiring, {**POISONED, "name": {"en": "A flow with a fault", "zh-CN": "有故障的旅程"}})
    flows.import_flow(wiring, SECOND)
    add_contacts(wiring, "ann", attributes={"name": "王敏 Ann"}, timezone="Asia/Shanghai", tags=("vip", "trial"))
    add_contacts(wiring, "bob", "cem", attributes={"name": "Bob", "n": [1]}, stage="mql")
    for key in ("ann", "bob", "cem"):
        happen(wiring, key, "signed_up", plan="pro")
    enroll.enroll(wiring, "poisoned", ["bob"])
    settle(wiring)
    pass_time(wiring, "2d")
    happen(wiring, "cem", "bought")
    settle(wiring)
    flows.import_template(wiring, json.loads(TEMPLATE.read_text(encoding="utf-8")))
    go_live(wiring, split())
    add_contacts(wiring, "dan", "eve", "fay", attributes={"name": "Dan"})
    for key in ("dan", "eve", "fay"):
        happen(wiring, key, "signed_up")
    settle(wiring)
    draft = deepcopy(WELCOME)
    draft["nodes"][3]["config"]["duration"] = "3d"
    flows.import_flow(wiring, draft)
    workspaces.change_workspace(wiring, settings={"approval": True})
    approvals.ask(wiring, "second", "By Monday, please. 请周一前。")
    segments.save_segment(wiring, "vips", {"tag": "vip"}, {"en": "VIPs", "zh-CN": "贵宾"})
    workspaces.save_topic(wiring, "newsletter", {"en": "Newsletter", "zh-CN": "资讯"})
    keys.create_key(wiring, "web site")
    return wiring


def paths(wiring: Wiring) -> dict[str, str]:
    """Name every page that this world has."""
    mail = inbox.list_inbox(wiring, contact="ann").messages[-1].key
    return {
        "flows": "/",
        "gallery": "/gallery",
        "import": "/import",
        "flow": "/flows/welcome",
        "canvas": "/flows/welcome/canvas",
        "canvas-draft": "/flows/second/canvas",
        "simulation": "/flows/welcome/simulation",
        "contacts": "/contacts",
        "contact": "/contacts/ann",
        "segments": "/segments",
        "segment-new": "/segments/new",
        "segment": "/segments/vips",
        "segment-delete": "/segments/vips/delete",
        "messages": "/templates",
        "message": "/templates/trial-day1-welcome",
        "message-new": "/templates/new",
        "message-delete": "/templates/trial-day1-welcome/delete",
        "experiments": "/experiments",
        "experiment": "/experiments/test/ab",
        "inbox": "/inbox",
        "mail": f"/inbox/{mail}",
        "mail-phone": f"/inbox/{mail}?shown=phone",
        "failures": "/failures",
        "settings": "/settings",
        "topics": "/settings/topics",
        "channels": "/settings/channels",
        "keys": "/settings/keys",
        "users": "/settings/users",
        "audit": "/settings/audit",
        "account": "/account",
    }


OPENED = {
    "flows": ((".card-foot .btn", ":popover-open"), ("h1", "h1"), ('[commandfor="new-flow"]', "dialog[open]")),
    "contacts": ((".me", ":popover-open"),),
    "canvas": (
        ('[data-command="publish"]', "#sheet #move"),
        ('#sheet [name="way"][value="move"]', "#sheet select[data-node]"),
        ("#sheet [data-close]", "#viewport"),
        ('[data-command="overlay"]', "#chips .chip"),
        ("#chips .chip", "#people .resting"),
        ("#people-dialog form button", "#viewport"),
        ("#n-used .card-face", '#inspector [data-node="used"]'),
        ('[data-command="outline"]', "#outline .outline"),
        ('[data-command="keys"]', "#keys-dialog[open]"),
    ),
    "canvas-draft": (('[data-command="publish"]', "#sheet .approval"),),
}
"""What is opened on a page and looked at too, one after the other, and what is there then."""
