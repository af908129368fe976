from zoneinfo import ZoneInfo

from designer.canvas.rehearsal_view import view_of
from designer.language import speak
from engine.api import drawing, flows, trial_runs
from engine.api.documents import Shipped
from engine.api.trial_runs import Asked
from engine.store.session import Store
from tests.support.engines import WELCOME, engine_on, go_live

NOTHING = Shipped({}, {}, {})


def test_the_draft_is_seen_beside_the_live_version(sqlite_store: Store) -> None:
    wiring = engine_on(sqlite_store)
    go_live(wiring)
    nodes = [node for node in WELCOME["nodes"] if node["id"] != "hello"]
    edges = [edge for edge in WELCOME["edges"] if "hello" not in (edge["from"], edge["to"])]
    edges += [{"from": "start", "to": "day"}, {"from": "hand", "to": "day"}]
    flows.import_flow(wiring, {**WELCOME, "nodes": nodes, "edges": edges})
    asked = Asked(contacts=40, days=6, seed=5)
    draft, live = (trial_runs.try_out(wiring, NOTHING, "welcome", asked, live=is_live) for is_live in (False, True))
    assert live.samples == ()
    view = view_of(draft, live, drawing.open_sheet(wiring, "welcome"), speak("en"), ZoneInfo("UTC"))
    figures = {each.words: (int(each.value), int(each.live or -1)) for each in view.figures}
    assert figures["entered"] == (40, 40), "the same contacts, with the same luck"
    own, other = figures["messages sent"]
    assert 0 < own < other, "the live version sends one more"
    assert view.days[0]["words"].endswith(f"in the flow, {draft.days[0].sent} sent")
    steps = [step for walk in view.walks for step in walk.steps]
    branch = next(step for step in steps if step.reasons)
    assert (branch.title, branch.what) in [("Branch", "→ yes"), ("Branch", "→ Everyone else")]
    assert not [step for step in steps if step.sign == "send"], "a step that sends is told by its message"
    assert any(step.what == "Sent" for step in steps if step.sign == "message")
