"""A stranger's node type has everything on the canvas, with no change anywhere else."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from pydantic import Field

from designer.rendering.renderer import JinjaRenderer
from engine.api import flows
from engine.clock import FixedClock
from engine.contract.fields import Duration, TagName
from engine.contract.node import Family, NodeConfig, NodeType
from engine.contract.registry import Registry, installed
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.settings import Settings
from engine.store.session import Store
from engine.terms import Text, parse_instant
from engine.wiring import Wiring, connect
from tests.support.browser import signed_in
from tests.support.engines import START, WELCOME


class GiftConfig(NodeConfig):
    """What the gift is."""

    tag: TagName = Field(title="Gift", description="Which gift is sent.")
    after: Duration | None = Field(None, title="Not before", description="How long to think about it.")


class Gift(NodeType[GiftConfig]):
    """Send a gift by parcel."""

    kind = "parcel.gift"
    family = Family.CONTACT
    title = both("Parcel", "包裹")
    examples = ({"tag": "mug"},)

    def summary(self, config: GiftConfig) -> Text:
        return f"Gift: {config.tag}"

    def run(self, wave: Wave, config: GiftConfig) -> None:
        wave.route({"out": wave.all})


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    registry = Registry([*installed(), Gift()])
    clock = FixedClock.of(parse_instant(START))
    wiring = connect(Settings(), JinjaRenderer(), clock=clock, store=sqlite_store, registry=registry)
    flows.import_flow(wiring, WELCOME)
    return wiring


@pytest.fixture
def client(wiring: Wiring) -> Iterator[TestClient]:
    with signed_in(wiring) as client:
        yield client


def test_a_strangers_type_is_on_the_canvas(client: TestClient, wiring: Wiring) -> None:
    assert 'data-type="parcel.gift"' in client.get("/flows/welcome/canvas").text
    args = json.dumps({"type": "parcel.gift", "after": ["thanks", "out"]})
    data = {"kind": "add", "args": args, "base": "1", "hand": "t"}
    added = client.post("/flows/welcome/gestures", data=data)
    assert "Gift: is missing" in added.text
    panel = client.get("/flows/welcome/inspector?id=gift").text
    assert "Send a gift by parcel." in panel
    assert 'id="setting-tag"' in panel
    assert "Not before" in panel
    data = {"kind": "configure", "id": "gift", "field": "/tag", "value": '"mug"', "base": "2", "hand": "t"}
    assert "Gift: mug" in client.post("/flows/welcome/gestures", data=data).text
    chinese = client.get("/flows/welcome/canvas", headers={"accept-language": "zh"}).text
    assert "包裹" in chinese
    assert [each.level for each in flows.check(wiring, flows.export_flow(wiring, "welcome"))] == []
