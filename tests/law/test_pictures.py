"""The pictures of README.md are there, and small."""

import re

from tests.law.sources import ROOT

LARGEST = 150_000


def test_every_picture_is_there_and_small() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    files = {ROOT / path for _, path in shown}
    assert files == set((ROOT / "docs" / "pictures").iterdir())
    assert {file.name: file.stat().st_size for file in files if file.stat().st_size > LARGEST} == {}
    assert all(len(words) > 20 for words, _ in shown)
