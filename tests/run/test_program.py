"""What is compiled of a plan."""

import gc
from weakref import ref

import pytest

from engine.run import program
from tests.model.engine_side import play_in_memory
from tests.model.generate import random_case


def test_what_was_compiled_goes_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_recent", [])
    # Its flow has a goal, a wait for an event and one for a rule, and events come.
    play_in_memory(random_case(1))
    compiled = [ref(each) for _, each in program._recent]
    assert compiled
    program._recent.clear()
    gc.collect()
    assert [each() for each in compiled] == [None] * len(compiled)
