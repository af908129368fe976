import pickle
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer.rendering.budget import LARGEST
from designer.rendering.process import ConfinedRenderer
from designer.rendering.renderer import JinjaRenderer
from engine.errors import MissingVariable, RenderError

RENDERER = JinjaRenderer()
CONTEXT: dict[str, Any] = {
    "contact": {
        "id": "c1", "name": "Ana <b>", "blank": " \u3000", "nothing": None, "score": 5.0, "vip": True,
        "tags": ["a", "b"], "orders": [{"sum": 3}, {"sum": 4}], "since": "2026-03-01T09:05:00Z",
        "many": [0] * 1000, "long": "x" * 32_000, "flow": {"__class__": "mine"},
    },
    "account": {"name": "ACME"},
    "flow": {"key": "f", "name": "F"},
    "unsubscribe_url": "https://d/u/1",
}  # fmt: skip


def render(source: str, *, html: bool = False) -> str:
    return RENDERER.render(source, CONTEXT, html=html)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain { text", "plain { text"),
        ("Hi {{ contact.name }}", "Hi Ana <b>"),
        ("{{ contact['name'] }}", "Ana <b>"),
        ("{{ contact.blank | default('you') }}", "you"),
        ("{{ contact.nothing | d('you') }}", "you"),
        ("{{ contact.absent | trim | upper | default('you') }}", "you"),
        ("{{ contact.score + 1 }} {{ contact.score * 2 }} {{ contact.score / 2 }}", "6 10 2.5"),
        ("{{ contact.tags }}/{{ contact.tags | join('+') }}/{{ contact.tags | length }}", "a, b/a+b/2"),
        (
            "{% for o in contact.orders %}{{ loop.index }}:{{ o.sum }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1:3,2:4",
        ),
        ("{% for o in contact.orders if o.sum > 3 %}{{ o.sum }}{% else %}none{% endfor %}", "4"),
        ("{{ contact.orders[1].sum }}", "4"),
        ("{{ 'VIP' if contact.vip else 'guest' }}{{ 'x' if contact.absent }}", "VIP"),
        ("{% if contact.blank %}Hi {{ contact.blank }}{% else %}Hi{% endif %}", "Hi"),
        ("{% if contact.absent > 3 or contact.absent == 1 or 1 in contact.absent %}a{% else %}b{% endif %}", "b"),
        ("{% if contact.absent is defined %}a{% elif contact.name is string %}b{% endif %}", "b"),
        ("{{ contact.nickname or contact.name }}", "Ana <b>"),
        ("{{ contact.name ~ '!' ~ 1 }}", "Ana <b>!1"),
        ("{{ contact.since | date('%Y年%-m月%-d日 %H:%M', 'Asia/Shanghai') }}", "2026年3月1日 17:05"),
        ("{{ '2026-12-24' | date('%d.%m.%y') }}", "24.12.26"),
        ("{{ 1234567.891 | number(2) }} {{ 2.6 | round }} {{ '3' | int + 1 }} {{ -2 | abs }}", "1,234,567.89 3 4 2"),
        (
            "{{ 'a b&c' | urlencode }} {{ 'abcdef' | truncate(4) }} {{ 'aXa' | replace('a', 'b') }}",
            "a%20b%26c abc… bXb",
        ),
        ("{% raw %}{{ x }}{% endraw %}{# note #}", "{{ x }}"),
        ("{{ contact.vip }} {{ none }}", "true "),
    ],
)
def test_what_templates_can_say(source: str, text: str) -> None:
    assert RENDERER.check(source, html=False) == []
    assert render(source) == text


def test_html_is_escaped_and_text_is_not() -> None:
    source = (
        "<b>{{ contact.name }}</b>{{ contact.tags | join('<') }}{{ contact.name | tojson }}{{ contact.name ~ '<' }}"
    )
    assert render(source, html=True) == ('<b>Ana &lt;b&gt;</b>a&lt;b"Ana \\u003cb\\u003e"Ana &lt;b&gt;&lt;')
    assert render("{{ contact.name }}") == "Ana <b>"


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        (
            "{{ contact.name }} {{ account['name'] }} {{ unsubscribe_url }}",
            {"contact.name", "account.name", "unsubscribe_url"},
        ),
        ("{{ contact.a | upper | default('x') }}", set()),
        ("{{ contact.a | upper }}", {"contact.a"}),
        ("{% if contact.a %}{{ contact.a }}{% endif %}", set()),
        ("{% if contact.a %}{{ contact.b }}{% endif %}", {"contact.b"}),
        ("{% if contact.a %}x{% else %}{{ contact.a }}{% endif %}", {"contact.a"}),
        ("{% if not contact.a %}x{% else %}{{ contact.a }}{% endif %}", set()),
        ("{% if contact.a or contact.b %}{{ contact.a }}{% endif %}", {"contact.a"}),
        ("{% if contact.a and contact.b %}{{ contact.a }}{{ contact.b }}{% endif %}", set()),
        ("{% if contact.a is defined %}{{ contact.a }}{% endif %}", set()),
        ("{% if contact.a is undefined %}-{% else %}{{ contact.a }}{% endif %}", set()),
        ("{% if contact.a > 3 %}{{ contact.a }}{% endif %}", set()),
        ("{% if contact.a == 'x' %}{{ contact.a }}{% elif contact.b != '' %}{{ contact.b }}{% endif %}", set()),
        ("{% if contact.a != 'x' %}{{ contact.a }}{% endif %}", {"contact.a"}),
        ("{% if contact.tags | length > 0 %}{{ contact.tags }}{% endif %}", set()),
        ("{{ contact.a if contact.a else contact.b }}", {"contact.b"}),
        ("{{ contact.a or contact.b or 'x' }}", set()),
        ("{{ contact.a or contact.b }}", {"contact.b"}),
        ("{{ contact.a and contact.a.b }}", {"contact.a.b"}),
        (
            "{% for o in contact.orders %}{{ o.sum }}{{ loop.index }}{{ contact.x }}{% endfor %}",
            {"contact.orders", "contact.x"},
        ),
        ("{{ event.items[0].name }}", {"event.items"}),
        ("{{ contact.a + contact.b }}", {"contact.a", "contact.b"}),
        ("no variables", set()),
        ("{{ broken", set()),
    ],
)
def test_required_variables(source: str, paths: set[str]) -> None:
    assert RENDERER.variables(source) == paths


@pytest.mark.parametrize("name", ["absent", "nothing", "blank"])
def test_a_required_variable_without_value_is_never_written_as_nothing(name: str) -> None:
    for source in (f"Hi {{{{ contact.{name} }}}},", f"Hi {{{{ contact.{name} | upper }}}},"):
        with pytest.raises(MissingVariable) as caught:
            render(source)
        assert caught.value.facts["variable"] == f"contact.{name}"


def test_a_field_of_a_loop_that_is_missing_is_told() -> None:
    with pytest.raises(MissingVariable):
        render("{% for o in contact.orders %}{{ o.name }}{% endfor %}")


@given(st.sampled_from(["absent", "nothing", "blank", "name", "score"]), st.booleans())
def test_what_is_not_required_never_fails_for_its_absence(name: str, negated: bool) -> None:
    path = f"contact.{name}"
    test = f"not {path}" if negated else path
    source = f"{{% if {test} %}}a{{{{ {path} | default('b') }}}}{{% else %}}{{{{ {path} or 'c' }}}}{{% endif %}}"
    assert RENDERER.variables(source) == frozenset()
    assert render(source)


# ---------------------------------------------------------------- what templates may not do

FORBIDDEN = [
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{{ (7**10000000) > 1 }}",
    "{{ '%01000000000d' | format(1) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{0.__class__}'.format(contact) }}",
    "{{ '{x}'.format_map(contact) }}",
    "{{ ('{0.__class__}' | attr('format'))(contact) }}",
    "{{ contact | attr('__class__') }}",
    "{% set f = '{0.__class__}'.format %}{{ f(contact) }}",
    "{{ ['{0.__class__.__mro__}'.format] | map('call', contact) | list }}",
    "{{ 'a' | center(10**9) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 'a' | ljust(1000000000) }}",
    "{{ 'a' | indent(1000000000) }}",
    "{{ contact.tags | batch(1000000000, 'x') | list }}",
    "{{ contact.tags | slice(1000000000) | list }}",
    "{% set ns = namespace(x='aa') %}{% for i in contact.many %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set x = 'aa' %}{% set x = x ~ x %}{{ x }}",
    "{% with x = 'aa' %}{{ x }}{% endwith %}",
    "{{ lipsum(n=20000) }}",
    "{{ cycler('a') }}{{ joiner() }}",
    "{{ contact.delete() }}",
    "{{ contact.items() }}",
    "{{ contact.__class__ }}",
    "{{ contact['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self._TemplateReference__context }}",
    "{{ self }}",
    "{{ _budget.left }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block a %}{% endblock %}",
    "{% macro m() %}{{ m() }}{% endmacro %}",
    "{% call contact() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}{{ contact.name }}{% endautoescape %}",
    "{{ contact.name | safe }}",
    "{{ contact.name[1:] }}",
    "{{ contact.name | upper(*contact.tags) }}",
    "{{ contact | xmlattr }}",
    "{{ contact.name | nosuch }}",
    "{{ contact.name is nosuch }}",
    "{% for a in contact.many recursive %}{{ loop(a) }}{% endfor %}",
    "{% for a in x %}{% for b in x %}{% for c in x %}{% for d in x %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
    "{{ contact.name ",
    "{% if %}",
    "{% endif %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{% if contact.a %}" * 200 + "{% endif %}" * 200,
    "{{ " + "9" * 10_000 + " }}",
    "x" * 70_000,
]  # fmt: skip


@pytest.mark.parametrize("source", FORBIDDEN, ids=[source[:50] for source in FORBIDDEN])
@pytest.mark.parametrize("html", [False, True])
def test_what_is_forbidden_is_found_when_saved_and_refused_when_rendered(source: str, html: bool) -> None:
    faults = RENDERER.check(source, html=html)
    assert faults
    assert all(fault.line >= 1 and fault.message for fault in faults)
    if "{" in source:
        with pytest.raises(RenderError):
            RENDERER.render(source, CONTEXT, html=html)


def test_every_fault_is_listed_with_its_line() -> None:
    faults = RENDERER.check("{{ a | nosuch }}\n{{ b() }}\n\n{{ 2**3 }}", html=True)
    assert [fault.line for fault in faults] == [1, 2, 4]
    assert "no filter 'nosuch'" in faults[0].message


TOO_MUCH = [
    "{{ 'a' * 1000000000 }}",
    "{{ contact.tags * 300000000 }}",
    "{{ 999999999999 * 999999999999 * 999999999999 }}",
    "{{ 'a' % 3 }}",
    "{{ 1 / 0 }}",
    "{{ contact.name + 1 }}",
    "{{ contact.long | replace('x', contact.long) }}",
    "{{ contact.many | join(contact.long) }}",
    "{{ " + " ~ ".join(["contact.long"] * 20) + " }}",
    "{{ " + " + ".join(["contact.long"] * 20) + " }}",
    "{{ contact.long }}" * 20,
    "{% for a in contact.many %}{% for b in contact.many %}{% for c in contact.many %}" + "{% endfor %}" * 3,
    "{% for a in contact.many %}{% for b in contact.many %}{{ contact.long | length }}{% endfor %}{% endfor %}",
    "{% for a in contact.long %}{% endfor %}",
    "{{ contact.many | date }}",
    "{{ 'x' | date('%99999999Y') }}",
    "{% if contact.name > 3 %}{% endif %}",
    "{{ contact.since | date('%Y', '../../etc/passwd') }}",
]


@pytest.mark.parametrize("source", TOO_MUCH, ids=[source[:50] for source in TOO_MUCH])
def test_what_would_use_too_much_is_stopped(source: str) -> None:
    assert RENDERER.check(source, html=False) == []
    with pytest.raises(RenderError) as caught:
        render(source)
    assert not isinstance(caught.value, MissingVariable)


def test_an_object_in_the_context_gives_nothing_away() -> None:
    class Powerful:
        api_secret = "canary"

    context: Any = {"contact": Powerful()}
    assert RENDERER.render("{{ contact.api_secret | default('nothing') }}", context, html=False) == "nothing"
    with pytest.raises(MissingVariable):
        RENDERER.render("{{ contact.api_secret }}", context, html=False)


def test_the_output_is_capped() -> None:
    assert len(render("{{ contact.long }}" * 16)) <= LARGEST


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("plain", "plain"),
        ("{% plain", "{% plain"),
        ("{{ contact.score + 1 }}", 6.0),
        (" {{ contact.tags }} ", ["a", "b"]),
        ("{{ contact.vip }}", True),
        ("{{ contact.name | upper }}", "ANA <B>"),
        ("{{ contact.name }}!", "Ana <b>!"),
        ("{{ contact.absent | default(3) }}", 3),
        ("{{ contact.orders[0] }}", {"sum": 3}),
    ],
)
def test_a_value_keeps_its_type(source: str, value: Any) -> None:
    assert RENDERER.value(source, CONTEXT) == value
    assert type(RENDERER.value(source, CONTEXT)) is type(value)


def test_a_value_that_is_missing_is_told() -> None:
    with pytest.raises(MissingVariable):
        RENDERER.value("{{ contact.absent }}", CONTEXT)
    with pytest.raises(RenderError):
        RENDERER.value("{{ contact.name.upper() }}", CONTEXT)


# ---------------------------------------------------------------- many, in the child


@pytest.fixture(scope="module")
def confined() -> Any:
    renderer = ConfinedRenderer(seconds=20)
    yield renderer
    renderer.close()


def test_many_are_rendered_in_order(confined: ConfinedRenderer) -> None:
    jobs: list[Any] = [
        ([("html", "<i>{{ contact.name }}</i>"), ("value", "{{ contact.n }}")], {"contact": {"name": f"<{n}>", "n": n}})
        for n in range(250)
    ]
    assert confined.render_many(jobs) == [[f"<i>&lt;{n}&gt;</i>", n] for n in range(250)]


def test_a_fault_stops_only_its_message(confined: ConfinedRenderer) -> None:
    results = confined.render_many(
        [
            ([("text", "{{ contact.name }}")], {"contact": {"name": "A"}}),
            ([("text", "{{ contact.name }}")], {"contact": {"name": ""}}),
            ([("line", "{{ contact.name }}")], {"contact": {"name": "A\r\nBcc: x@y"}}),
            ([("line", "{{ contact.name }}")], {"contact": {"name": "A\u2028B"}}),
            ([("text", "{{ contact.name }}")], {"contact": {"name": "A\x00B"}}),
            ([("text", "{{ contact.name }}")], {"contact": {"name": "A\r\n\tB"}}),
            ([("text", "{{ contact.name.upper() }}")], {"contact": {"name": "A"}}),
        ]
    )
    assert results[0] == ["A"]
    assert isinstance(results[1], MissingVariable)
    assert results[1].facts == {"variable": "contact.name"}
    assert all(type(results[place]) is RenderError for place in (2, 3, 4, 6))
    assert results[5] == ["A\r\n\tB"]


def test_a_child_that_dies_is_replaced_and_only_the_culprit_fails(
    confined: ConfinedRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = confined._exchange
    fatal = {"contact": {"name": "fatal"}}

    def dies(jobs: Any) -> Any:
        if any(context == fatal for _, context in jobs):
            confined._end()
            return None
        return exchange(jobs)

    monkeypatch.setattr(confined, "_exchange", dies)
    jobs: list[Any] = [([("text", "{{ contact.name }}")], {"contact": {"name": str(n)}}) for n in range(20)]
    jobs[7] = (jobs[7][0], fatal)
    results = confined.render_many(jobs)
    assert [n for n, result in enumerate(results) if isinstance(result, RenderError)] == [7]
    assert results[19] == ["19"]


def test_a_child_that_hangs_is_ended() -> None:
    renderer = ConfinedRenderer(seconds=0.2)
    child = renderer._living()
    child.send_signal(signal.SIGSTOP)  # it will never answer
    results = renderer.render_many([([("text", "x")], {})])
    assert len(results) == 1
    assert isinstance(results[0], RenderError)
    assert child.poll() is not None
    renderer.close()


def test_the_child_is_confined(confined: ConfinedRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIPLINE_SECRET", "canary")
    fresh = ConfinedRenderer()
    fresh.render_many([([("text", "x")], {})])
    child = fresh._living()
    assert "canary" not in Path(f"/proc/{child.pid}/environ").read_text()
    lines = Path(f"/proc/{child.pid}/limits").read_text().splitlines()[1:]
    limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
    assert int(limits["Max address space"]) == 512 * 1024 * 1024
    assert limits["Max file size"] == "0"
    assert limits["Max cpu time"] != "unlimited"
    fresh.close()


def test_a_copy_for_another_process_has_a_child_of_its_own(confined: ConfinedRenderer) -> None:
    confined.render_many([([("text", "x")], {})])
    copy = pickle.loads(pickle.dumps(confined))  # noqa: S301 - our own, a moment ago
    assert copy.render_many([([("text", "y")], {})]) == [["y"]]
    assert copy._living().pid != confined._living().pid
    copy.close()
