"""The interpreter itself, against journals written by hand."""

from pathlib import Path

import pytest

from tests.model.examples import load, paths, write_line
from tests.model.generate import random_case


@pytest.mark.parametrize("path", paths(), ids=lambda path: path.stem)
def test_hand_written_journal(path: Path) -> None:
    example = load(path)

    played = [write_line(line) for line in example.case.expected()]

    assert played == [write_line(line) for line in example.journal], example.pins


def test_lines_have_the_keys_of_the_journal_in_order() -> None:
    example = load(next(path for path in paths() if path.stem == "send_unsubscribed"))

    keys = {tuple(line) for line in example.case.expected()}

    assert keys == {
        ("at", "contact", "enrollment", "node", "port"),
        ("at", "contact", "enrollment", "node", "message"),
        ("at", "contact", "enrollment", "node", "message", "reason"),
        ("at", "contact", "enrollment", "end"),
    }


def test_the_order_of_contacts_among_themselves_does_not_matter() -> None:
    for seed in range(20):
        case = random_case(seed)
        lines = sorted(write_line(line) for line in case.expected())
        case.contacts.reverse()
        assert sorted(write_line(line) for line in case.expected()) == lines


def test_a_seed_always_makes_the_same_case() -> None:
    assert random_case(7).text() == random_case(7).text()
