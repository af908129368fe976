"""From bytes to plain JSON: what no reader of a document should have to think of again."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from engine.contract.findings import Finding, Level

LARGEST_DOCUMENT: Final = 10 * 1024 * 1024
LARGEST_TEXT: Final = 64 * 1024
DEEPEST: Final = 160
"""Levels of JSON: room for the 64 levels of a rule, each an object in a list."""

_ESCAPED_HALF: Final = re.compile("[\ud800-\udfff]")


class _Repeats:
    """Collects objects with a key that is written twice."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[dict[str, Any], list[str]]] = {}

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            self.found[id(made)] = (made, [key for key, count in counts.items() if count > 1])
        return made


def read_text(raw: bytes | str) -> tuple[Any, list[Finding]]:
    """Parse JSON text: UTF-8, with or without a byte order mark.

    Shape: ``None`` when it is no JSON at all, else the value, in which the last of two equal keys holds.
    """
    if len(raw) > LARGEST_DOCUMENT:
        return None, [error("document.large", "", f"is larger than {LARGEST_DOCUMENT >> 20} MB", "split the flow")]
    repeats = _Repeats()
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw.removeprefix("\ufeff")
        value = json.loads(text, object_pairs_hook=repeats.pairs, parse_constant=_refuse, parse_float=_float)
    except UnicodeDecodeError as fault:
        return None, [error("document.encoding", "", f"is no UTF-8 at byte {fault.start}", "save it as UTF-8")]
    except json.JSONDecodeError as fault:
        where = f"line {fault.lineno}, column {fault.colno}"
        return None, [error("document.json", "", f"is no JSON: {fault.msg} ({where})", "mend the text there")]
    except RecursionError:
        return None, [_too_deep("")]
    except ValueError as fault:
        return None, [error("document.number", "", str(fault), "write a number that JSON has")]
    findings: list[Finding] = []
    for path, member in walk(value):
        if isinstance(member, dict) and id(member) in repeats.found:
            findings.extend(
                error("document.twice", join(path, key), "stands twice", "keep one of the two")
                for key in repeats.found[id(member)][1]
            )
    return value, findings


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is no number of JSON")


def _float(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def check_values(value: Any, rest: Any) -> list[Finding]:
    """Find what no document may hold anywhere: texts that are too long or cannot be stored.

    ``rest`` is what of it was not found to be in order before.
    """
    if _is_harmless(rest):
        return []
    findings: list[Finding] = []
    for path, member in walk(value):
        if isinstance(member, dict):
            findings.extend(
                error("document.characters", path, "has a key with characters that cannot be stored", "rename it")
                for key in member
                if not _storable(key)
            )
        if not isinstance(member, str):
            continue
        if len(member) * 4 > LARGEST_TEXT and len(member.encode("utf-8", "replace")) > LARGEST_TEXT:
            findings.append(
                error("document.long", path, f"is longer than {LARGEST_TEXT >> 10} kB", "put it into a template")
            )
        if not _storable(member):
            findings.append(error("document.characters", path, "holds characters that cannot be stored", "remove them"))
    return findings


def _is_harmless(value: Any) -> bool:
    """Tell that there is nothing to find, without asking where: most documents are fine, and are read often."""
    waiting = [value]
    while waiting:
        member = waiting.pop()
        if isinstance(member, str):
            if len(member) * 4 > LARGEST_TEXT or not _storable(member):
                return False
        elif isinstance(member, dict):
            if not all(map(_storable, member)):
                return False
            waiting += member.values()
        elif isinstance(member, list):
            waiting += member
    return True


def _is_flat(value: Any) -> bool:
    """Tell that no place is nested too deeply, without asking where."""
    level = [value]
    for _ in range(DEEPEST):
        inner = (member.values() if isinstance(member, dict) else member for member in level)
        level = [each for members in inner for each in members if isinstance(each, dict | list)]
        if not level:
            return True
    return False


def is_same(one: object, other: object) -> bool:
    """Tell whether two JSON values are the same also in their types: to Python 1, 1.0 and true are equal."""
    return one is other or repr(one) == repr(other)


def is_too_deep(value: Any, rest: Any) -> list[Finding]:
    """Find the first place that is nested too deeply; ``rest`` is what of it was not found to be in order before."""
    if isinstance(rest, dict | list) and _is_flat(rest):
        return []
    level = [("", value)]
    for _ in range(DEEPEST):
        level = [(join(path, key), inner) for path, outer in level for key, inner in _members(outer)]
        if not level:
            return []
    return [_too_deep(level[0][0])]


def _too_deep(path: str) -> Finding:
    return error("document.deep", path, "is nested too deeply", "take rules apart into segments")


def _storable(text: str) -> bool:
    return "\0" not in text and not _ESCAPED_HALF.search(text)


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Visit a value and everything in it with its path, in the order of the document."""
    waiting = [("", value)]
    while waiting:
        path, member = waiting.pop()
        yield path, member
        waiting.extend((join(path, key), inner) for key, inner in reversed(_members(member)))


def _members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return [(str(key), inner) for key, inner in value.items()]
    return list(enumerate(value)) if isinstance(value, list) else []


def join(path: str, key: str | int) -> str:
    """Write the path of a member: ``nodes[3].config``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not path or not key:
        return path or key
    return f"{path}{key}" if key.startswith("[") else f"{path}.{key}"


def error(code: str, path: str, message: str, mend: str = "", node: str | None = None, **facts: Any) -> Finding:
    """Make a finding that forbids publishing; the whole document's path is written ``document``."""
    return Finding(Level.ERROR, code, path or "document", message, mend, node, facts)


def warning(code: str, path: str, message: str, mend: str = "", node: str | None = None, **facts: Any) -> Finding:
    """Make a finding that does not forbid publishing."""
    return Finding(Level.WARNING, code, path or "document", message, mend, node, facts)
