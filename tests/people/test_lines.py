import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.people import lines
from engine.people.lines import Lines, detect_encoding


class Drip:
    """A pipe that gives a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self._source = io.BytesIO(content)

    def read(self, size: int) -> bytes:
        return self._source.read(min(size, 7))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=30), max_size=20))
def test_every_line_is_read_once(texts: list[str]) -> None:
    content = "\r\n".join(texts).encode()
    read = list(Lines(Drip(content)))
    assert "".join(read) == content.decode("utf-8-sig")


def test_blocks_end_with_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SAMPLE", 16)
    content = "".join(f"{'字' * (number % 9)},{number}\n" for number in range(200)).encode()
    read = Lines(io.BytesIO(content))
    assert "".join(read).encode() == content
    assert (read.position, read.encoding, read.broken) == (len(content), "utf-8", False)


def test_a_file_without_lines_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SAMPLE", 16)
    monkeypatch.setattr(lines, "LONGEST", 64)
    assert len(list(Lines(io.BytesIO(b"x" * 1000)))) > 5


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        (b"", "utf-8"),
        (b"id,name\n1,a\n", "utf-8"),
        ("id,姓名\n1,李雷\n".encode(), "utf-8"),
        ("id,姓名\n1,李雷\n".encode("gb18030"), "gb18030"),
        ("id,姓名\n1,李雷\n2,𠀀\n".encode("gb18030"), "gb18030"),
        ("id,姓名\n1,李雷\n".encode() + b"2,\xff\xfe\n", "utf-8"),
        (b"id,name\n1,caf\xe9,x\n", "utf-8"),
    ],
)
def test_encodings(sample: bytes, encoding: str) -> None:
    assert detect_encoding(sample) == encoding


def test_a_sample_may_end_within_a_sign() -> None:
    text = "姓名\n李雷李雷".encode()
    assert detect_encoding(text[:-1], whole=False) == "utf-8"


def test_a_mark_at_the_beginning_is_passed_over() -> None:
    assert list(Lines(io.BytesIO(b"\xef\xbb\xbfid\n1\n"))) == ["id\n", "1\n"]


def test_broken_lines_are_seen_when_they_pass() -> None:
    read = Lines(io.BytesIO(b"id\n1\n2\xff\n3\x00\n4\n"))
    seen = []
    for _ in read:
        seen.append(read.broken)
        read.broken = False
    assert seen == [False, False, True, True, False]
