from engine.graph.diff import differences
from engine.graph.gesture import Gesture, apply
from tests.graph.documents import delay, flow, mail

DRIP = flow(mail("day1"), delay("pause", "1d"), mail("day2"))


def test_what_came_went_and_changed_is_told() -> None:
    document = DRIP
    for kind, args in (
        ("configure", {"id": "pause", "field": "/duration", "value": "2d"}),
        ("add", {"type": "send.sms", "after": ["day2", "out"]}),
        ("delete", {"ids": ["day1"], "join": True}),
        ("set", {"field": "/settings/timezone", "value": "Asia/Tokyo"}),
    ):
        document = apply(document, Gesture(kind, args)).document
    found = {(each.what, each.kind, each.id): each for each in differences(DRIP, document)}
    assert ("removed", "node", ("day1",)) in found
    assert ("added", "node", ("sms",)) in found
    assert ("added", "edge", ("start", "out", "pause")) in found
    assert ("removed", "edge", ("day1", "out", "pause")) in found
    changed = found["changed", "node", ("pause",)]
    assert ("config.duration", "1d", "2d") in [(each.name, each.was, each.now) for each in changed.fields]
    assert not changed.only_moved
    assert found["changed", "node", ("day2",)].only_moved
    flow_fields = found["changed", "flow", ()].fields
    assert [(each.name, each.was, each.now) for each in flow_fields] == [("settings.timezone", None, "Asia/Tokyo")]
    assert differences(document, document) == ()
