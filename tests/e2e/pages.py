"""A small world in which every page has something to show, and the pages there are."""

import json

from engine.api import enroll, flows, inbox, keys, workspaces
from engine.wiring import Wiring
from tests.api.test_contacts import POISONED
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
        "simulation": "/flows/welcome/simulation",
        "contacts": "/contacts",
        "contact": "/contacts/ann",
        "segments": "/segments",
        "segment-new": "/segments/new",
        "messages": "/templates",
        "message": "/templates/trial-day1-welcome",
        "experiments": "/experiments",
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
