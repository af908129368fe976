import pytest

from engine.api import matching, sampling, segments
from engine.api.vocabulary import few_texts, read_vocabulary
from engine.errors import RuleError
from engine.store.session import Store
from engine.wiring import Wiring
from tests.support.engines import add_contacts, engine_on, happen


@pytest.fixture
def wiring(store: Store) -> Wiring:
    wiring = engine_on(store)
    for number in range(20):
        plan = "pro" if number % 4 == 0 else "free"
        add_contacts(wiring, f"c{number}", attributes={"plan": plan, "name": f"N{number}", "size": number}, tags=("a",))
    happen(wiring, "c4", "used", path="/x", times=3)
    segments.save_segment(wiring, "pros", {"attr": "plan", "op": "is", "value": "pro"}, {"en": "Pros"})
    return wiring


def test_it_counts_and_names_a_few(wiring: Wiring) -> None:
    found = matching.match_rule(wiring, {"all": [{"segment": "pros"}, {"attr": "size", "op": "lt", "value": 12}]})
    assert (found.count, found.total, found.one_in, found.share) == (3, 20, 1, 0.15)
    assert {each.key for each in found.samples} == {"c0", "c4", "c8"}
    assert {each.name for each in found.samples} == {"N0", "N4", "N8"}
    assert len(matching.match_rule(wiring, {"all": []}).samples) == matching.SAMPLES
    assert matching.match_rule(wiring, {"event": "used"}).count == 1


def test_it_says_that_a_rule_asks_of_messages(wiring: Wiring) -> None:
    found = matching.match_rule(wiring, {"any": [{"message": "m", "did": "opened"}]})
    assert (found.count, found.of_enrollments) == (0, True)
    assert not matching.match_rule(wiring, {"tag": "a"}).of_enrollments


def test_of_very_many_a_sample_is_counted(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "COUNTED", 10)
    monkeypatch.setattr(sampling, "RUN", 1)
    found = matching.match_rule(wiring, {"tag": "a"}, samples=20)
    assert (found.count, found.total, found.one_in) == (20, 20, 3)
    assert 0 < len(found.samples) < 20
    part = matching.match_rule(wiring, {"segment": "pros"}, samples=20)
    assert 0 <= part.count == round(20 * len(part.samples) / len(found.samples)) < 20


def test_a_rule_that_cannot_be_read_is_refused(wiring: Wiring) -> None:
    for raw in ({"tag": ""}, {"segment": "none"}, None):
        with pytest.raises(RuleError):
            matching.match_rule(wiring, raw)


def test_the_vocabulary_knows_what_was_seen(wiring: Wiring) -> None:
    found = read_vocabulary(wiring)
    assert {"plan": "text", "size": "number", "email": "text"}.items() <= found.attributes.items()
    assert found.values["plan"] == ("free", "pro")
    assert found.events == {"used": ("path", "times")}
    assert found.tags == ("a",)
    assert found.segments == {"pros": {"en": "Pros"}}


def test_only_a_few_texts_are_a_choice() -> None:
    documents = [{"plan": f"p{number % 3}", "name": f"n{number}", "note": "x" * 80} for number in range(40)]
    assert few_texts(documents) == {"plan": ("p0", "p1", "p2")}
