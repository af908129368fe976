"""Whatever a page can say is wrong, it says in the reader's language."""

import ast
import re
import sys

import pytest

from designer.faults import say_fault
from designer.language import speak
from engine import errors
from engine.contract.findings import Finding, Level
from engine.rules.faults import Fault
from tests.law.sources import ROOT

sys.path.append(str(ROOT / ".ci"))

import telling

CHINESE, ENGLISH = speak("zh-CN"), speak("en")
FACT = re.compile(r"%\((\w)\)s")
TEXTS = sorted({text for text, _ in telling.told()})
ASCII = str.maketrans({0xFF1A: ":", 0xFF1B: ";"})
WORDS = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")


def test_all_that_may_be_wrong_is_read_from_the_source() -> None:
    assert len(TEXTS) > 350
    for known in (
        "leads nowhere",
        "there is no contact %(a)s",
        "your role may not set anything running; ask an approver",
    ):
        assert known in TEXTS
    assert "flow %(a)s cannot be published: %(b)s errors" in TEXTS
    assert str(errors.NotFound.__doc__) in TEXTS


@pytest.mark.parametrize("text", TEXTS)
def test_every_fault_is_said_in_chinese(text: str) -> None:
    facts = {name: f"'{name}{name}'" for name in FACT.findall(text)}
    raised = text % facts if facts else text
    said = say_fault(raised, CHINESE)
    assert re.search("[\u4e00-\u9fff、]", said), said
    assert WORDS.search(re.sub(r"[\"{(/<].*", "", said)) is None
    assert [fact for fact in facts.values() if fact not in said] == []
    assert say_fault(raised, ENGLISH) == raised


def test_no_fault_is_raised_in_words_that_cannot_be_read_from_the_source() -> None:
    """A message that another expression makes must be built from such texts; each is listed here."""
    made = {
        "designer/rendering/grammar.py": 2,
        "designer/rendering/process.py": 2,
        "designer/rendering/renderer.py": 1,
        "engine/access/rights.py": 1,
        "engine/api/messages.py": 3,
        "engine/civil/cron.py": 1,
        "engine/rules/faults.py": 1,
        "engine/rules/parse.py": 1,
    }
    found: dict[str, int] = {}
    for folder in (*telling.CHECKING, *telling.REFUSING):
        place = ROOT / folder
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            name = str(file.relative_to(ROOT))
            if any(name.startswith(each) for each in telling.ELSEWHERE):
                continue
            hidden = sum(map(_is_hidden, ast.walk(ast.parse(file.read_text("utf-8")))))
            if hidden:
                found[name] = hidden
    assert found == made


def _is_hidden(node: ast.AST) -> bool:
    """Tell whether a fault is made whose first argument is no text."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    is_fault = isinstance(getattr(errors, telling.name_of(node.func), None), type)
    return (is_fault or telling.name_of(node.func) in ("Fault", "ValueError")) and not telling.is_text(node.args[0])


def test_several_faults_and_paths_before_them_are_said_each() -> None:
    two = "; ".join(
        map(str, (Fault("all[1].op", "'iss' is no operator here; use one of is, is_not", "is"), Fault("", "is empty")))
    )
    assert say_fault(two, CHINESE).endswith("rule: 为空")
    finding = Finding(
        Level.ERROR, "graph.cycle", "nodes[3]", "goes round in a circle: a → b → a", "remove one of these edges"
    )
    assert say_fault(str(finding), CHINESE).translate(ASCII) == "nodes[3]: 形成了循环:a → b → a;请删除其中一条连线"


def test_what_a_fault_quotes_is_said_as_well() -> None:
    assert say_fault("there is no segment 'vip'", CHINESE) == "没有分群 'vip'"
    assert say_fault("a tag is empty", CHINESE) == "标签 为空"
    assert say_fault("this is no JSON: Expecting value: line 1", CHINESE).startswith("这不是有效的 JSON")


def test_what_nobody_knows_is_said_as_it_is() -> None:
    for text in ("", "a plug-in's own words, 100 % %(new)s", "https://example.com; x"):
        assert text.split(";")[0] in say_fault(text, CHINESE)
