"""Random rules, and random contacts for whom they may or may not hold."""

from typing import Any

from hypothesis import strategies as st

from engine.rules.compare import LAST_SIGMA, SIGMA
from engine.rules.facts import AccountFact, ConsentFact, EventFact, Facts, MessageFact
from engine.rules.model import Rule
from engine.rules.parse import parse_rule
from engine.terms import DAY, HOUR, Json, Micros, parse_instant, to_micros

NOW: Micros = to_micros(parse_instant("2026-03-10T12:00:00Z"))
DURATIONS = ("0s", "1s", "6h", "1d", "36h", "3d", "1w", "P30D")
EVENTS = ("opened_app", "paid", "访问")
TAGS = ("vip", "Vip", "客户")
STAGES = ("mql", "MQL", "customer")
TOPICS = ("marketing", "news")
NODES = ("day1", "day2")
SEGMENTS = ("buyers", "quiet", "nested")

TEXTS = (
    *(
        "",
        "pro",
        "PRO",
        "Pro plan",
        "5",
        "true",
        "null",
        "100%",
        "a_b",
        "o'hara",
        'say "hi"',
        "back\\slash",
        "中文字符",
    ),
    *(
        "Café",
        "CAFÉ",
        "ΣΟΦΟΣ",
        "σοφος",
        "σοφος".replace(LAST_SIGMA, SIGMA),
        "ПРИВЕТ",
        "привет",
        "İstanbul",
        "istanbul",
        "ẞ",
        "Å",
    ),
    *("e\u0301", "\u0307", "i\u0307", "😀", "[1]", "{}", "$"),
)
DATES = (
    *("2026-03-10", "2026-03-11", "2026-03-07", "2024-02-29", "2026-02-29", "2026-3-1", "0000-01-01", "9999-12-31"),
    *("2026-03-10T12:00:00Z", "2026-03-10T20:00:00+08:00", "2026-03-10 12:00Z", "2026-03-10T11:59:59.999999Z"),
    *("2026-03-10T12:00:00.0000019Z", "2026-03-10t12:00:00.5z", "2026-03-09T12:00:00-0030", "2026-03-10T12:00:00"),
    *("2026-03-10T24:00:00Z", "2026-03-10T12:00:60Z", "2026-03-10T12:00:00+16:00", "1000-01-01T00:00:00+08", "soon"),
)
NUMBERS = (0, 1, 5, 5.0, -3, 2.5, 0.1, 0.30000000000000004, 1e-7, 10**18 + 1, 10**18, (1 << 63) - 1, 7.25e9)
LISTS: tuple[list[Any], ...] = (
    *([], ["pro"], ["PRO", "free"], [1, 5], [True], [5.0, "5"], [None], [["pro"]], [{"a": 1}]),
    ["Σ", "中文字符", 0.1],
)
VALUES: tuple[Any, ...] = (None, True, False, {"a": 1}, {}, *TEXTS, *DATES, *NUMBERS, *LISTS)
"""What an attribute may be, with the traps of both databases."""

JSON_NAMES = ("plan", "seats", "score", "value", "fit", "渠道", "it's", "a.b", "$x", "renewal", "is new")
NAMES = (
    *JSON_NAMES,
    *("score.fit", "id", "email", "phone", "stage", "created_at"),
    *("account.size", "account.name", "account.id", "account.plan"),
)

# Few enough that a value meets its like; the whole of VALUES is gone through elsewhere.
texts = st.sampled_from(("pro", "PRO", "Pro plan", "free", "中文字符", "Li@Example.com", "acme", "ΣΟΦΟΣ", "5", ""))
dates = st.sampled_from(("2026-03-10", "2026-03-07", "2026-03-10T12:00:00Z", "2026-03-11T20:00:00+08:00", "2026-03-09"))
numbers = st.sampled_from((0, 1, 2, 5, 5.0, 2.5, -3))
scalars = texts | dates | numbers | st.booleans()
lists = st.lists(st.sampled_from(("pro", "PRO", "free", 1, 5, True)), max_size=3)
values: st.SearchStrategy[Json] = texts | dates | numbers | st.booleans() | lists | st.none()  # type: ignore[assignment]
durations = st.sampled_from(DURATIONS)
documents = st.fixed_dictionaries({}, optional=dict.fromkeys(JSON_NAMES, values))
# Instants that lie on the edges of windows, and near them.
instants = st.builds(
    lambda whole, unit, near: NOW - whole * unit + near,
    st.integers(0, 8),
    st.sampled_from((1_000_000, 6 * HOUR, DAY)),
    st.sampled_from((0, 0, 0, -1, 1)),
).map(lambda instant: min(instant, NOW))


def _with_value(ops: tuple[str, ...], value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.sampled_from(ops), "value": value})


def _pair(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=2, max_size=2).map(sorted)


conditions: st.SearchStrategy[dict[str, Any]] = st.one_of(
    _with_value(("is", "is_not"), scalars),
    _with_value(("in", "not_in", "has_any", "has_all", "has_none"), st.lists(scalars, max_size=3)),
    _with_value(("contains", "not_contains", "starts_with", "ends_with"), texts),
    _with_value(("gt", "gte", "lt", "lte"), texts | numbers),
    _with_value(("between",), _pair(texts) | _pair(numbers)),
    st.fixed_dictionaries({"op": st.sampled_from(("exists", "missing"))}),
    _with_value(("before", "after", "within_last", "within_next"), durations | dates),
)
counts = st.one_of(
    _with_value(("is", "is_not", "gt", "gte", "lt", "lte"), st.integers(0, 3)),
    _with_value(("between",), _pair(st.integers(0, 3))),
)
wheres = st.dictionaries(st.sampled_from(("plan", "seats", "渠道", "renewal", "is new")), conditions, max_size=2)


def _leaf(
    named: st.SearchStrategy[dict[str, Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda one, more: {**one, **more}, named, st.fixed_dictionaries({}, optional=optional))


def _one(key: str, words: tuple[str, ...], **needed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key: st.sampled_from(words), **needed})


_then = _leaf(_one("event", EVENTS), where=wheres)
leaves: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda name, condition: {"attr": name, **condition}, st.sampled_from(NAMES), conditions),
    _one("tag", TAGS),
    _one("stage", STAGES),
    _one("consent", TOPICS),
    _one("message", NODES, did=st.sampled_from(("sent", "delivered", "opened", "clicked", "bounced", "replied"))),
    _leaf(_one("event", EVENTS), where=wheres, count=counts, within=durations),
    _leaf(_one("no_event", EVENTS, within=durations), where=wheres),
    _leaf(_one("event", EVENTS, within=durations, followed_by=_then), where=wheres),
    _leaf(_one("event", EVENTS, within=durations, not_followed_by=_then), where=wheres),
)


def _deeper(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, max_size=3)
    return st.one_of(
        several.map(lambda rules: {"all": rules}),
        several.map(lambda rules: {"any": rules}),
        inner.map(lambda rule: {"not": rule}),
    )


raw_rules = st.recursive(leaves | _one("segment", SEGMENTS), _deeper, max_leaves=5)
rules: st.SearchStrategy[Rule] = raw_rules.map(parse_rule)

# What segments mean is fixed, so that contacts can be made without a rule at hand.
SEGMENT_RULES: dict[str, Rule] = {
    "buyers": parse_rule({"event": "paid", "within": "3d"}),
    "quiet": parse_rule({"any": [{"no_event": "opened_app", "within": "1d"}, {"message": "day1", "did": "sent"}]}),
    "nested": parse_rule(
        {"all": [{"segment": "buyers"}, {"not": {"segment": "quiet"}}, {"attr": "plan", "op": "is", "value": "pro"}]}
    ),
}

_events = st.lists(
    st.tuples(
        instants,
        st.sampled_from(EVENTS),
        st.dictionaries(st.sampled_from(("plan", "seats", "渠道", "renewal")), values, max_size=2),
    ),
    max_size=6,
).map(lambda given: [EventFact(at, seq, name, properties) for seq, (at, name, properties) in enumerate(given, 1)])
_messages = st.lists(
    st.builds(
        MessageFact,
        st.sampled_from(NODES),
        st.booleans(),
        st.dictionaries(
            st.sampled_from(("delivered", "opened", "clicked", "bounced", "replied")), instants, max_size=3
        ),
    ),
    max_size=3,
)
_consents = st.lists(
    st.builds(
        ConsentFact, st.sampled_from((*TOPICS, "*")), st.sampled_from(("email", "sms", "*")), st.booleans(), instants
    ),
    max_size=4,
    unique_by=lambda word: (word.topic, word.channel),
)
_accounts = st.none() | st.builds(
    AccountFact,
    st.sampled_from(("acme", "华为")),
    st.none() | texts,
    st.fixed_dictionaries({}, optional={"size": values, "plan": values}),
)
facts: st.SearchStrategy[Facts] = st.builds(
    Facts,
    key=st.sampled_from(("li@example.com", "U-1", "用户")),
    created_at=instants,
    email=st.none() | st.sampled_from(("Li@Example.com", "a@b.cn")),
    phone=st.none() | st.just("+8613800000000"),
    timezone=st.none() | st.just("Asia/Shanghai"),
    locale=st.none() | st.sampled_from(("zh-CN", "en")),
    stage=st.none() | st.sampled_from(STAGES),
    attributes=documents,
    account=_accounts,
    tags=st.frozensets(st.sampled_from(TAGS)),
    events=_events,
    messages=_messages,
    consents=_consents,
    segments=st.just(SEGMENT_RULES),
)


def contact(**known: Any) -> Facts:
    """Make a contact of whom little is known."""
    return Facts(**{"key": "c1", "created_at": NOW - 100 * DAY, "segments": SEGMENT_RULES, **known})
