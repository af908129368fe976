"""What speaks for and against sending a message as it is: a list to look through, not a refusal."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from designer.language import mark
from designer.messages.meter import columns, segments_of
from engine.api.messages import Preview

LONGEST_SUBJECT: Final = 60
LONGEST_PREHEADER: Final = 110
LARGEST_MAIL: Final = 102_400
"""Gmail cuts off what is larger."""

_SPAM: Final = (
    "100% free", "act now", "buy now", "cash bonus", "click here", "congratulations", "double your", "earn money",
    "free gift", "guaranteed", "limited time", "no obligation", "risk free", "urgent", "viagra", "winner",
    "work from home", "恭喜您", "免费领取", "点击领取", "立即抢购", "中奖", "发票", "代开", "贷款", "日赚", "躺赚",
    "稳赚", "内部消息", "最后机会", "加微信", "百分百", "绝对有效", "全网最低", "仅限今日",
)  # fmt: skip
_SHORTENERS: Final = ("bit.ly", "t.cn", "tinyurl.com", "goo.gl", "dwz.cn", "t.co")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+")
_PICTURE: Final = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT: Final = re.compile(r"\balt\s*=", re.IGNORECASE)
_SIGNATURE: Final = re.compile(r"^\s*【[^】]{2,20}】|【[^】]{2,20}】\s*$")
_GAP: Final = "⟦"


@dataclass(frozen=True)
class Point:
    """One thing that was looked at: ``tone`` is ``ok``, ``warn`` or ``err``; ``facts`` go into the words."""

    tone: str
    words: str
    facts: dict[str, object] = field(default_factory=dict)


def check(channel: str, seen: Preview) -> list[Point]:
    """Look through a message as one contact would get it; what is wrong comes first."""
    points = [*_blanks(seen), *(_mail(seen) if channel == "email" else _short(channel, seen)), *_words(seen)]
    return sorted(points, key=lambda point: ("err", "warn", "ok").index(point.tone))


def _blanks(seen: Preview) -> Iterator[Point]:
    for fault in seen.faults:
        yield Point("err", mark("The template is faulty: %(fault)s"), {"fault": fault})
    for variable in seen.missing:
        yield Point(
            "err", mark("This contact has no %(variable)s: the message would not be sent"), {"variable": variable}
        )
    if not seen.faults and not (seen.html.strip() or seen.text.strip()):
        yield Point("err", mark("The message is empty"))


def _mail(seen: Preview) -> Iterator[Point]:
    yield from _subject(seen)
    if not seen.preheader:
        yield Point("warn", mark("No preheader: mail programs show the first words of the text instead"))
    elif columns(seen.preheader) > LONGEST_PREHEADER:
        yield Point("warn", mark("The preheader is long; its end will not be seen"))
    if not seen.html:
        yield Point("warn", mark("No HTML: clicks and opens are not counted"))
    elif seen.has_way_out:
        yield Point("ok", mark("It has a link to unsubscribe"))
    else:
        yield Point("ok", mark("A link to unsubscribe is put at the end"))
    yield from _links(seen.links)
    size = len(seen.html.encode())
    if size > LARGEST_MAIL:
        yield Point("warn", mark("It is larger than %(limit)s kB; some mail programs will cut it off"), {"limit": 100})
    bare = sum(not _ALT.search(picture) for picture in _PICTURE.findall(seen.html))
    if bare:
        yield Point("warn", mark("Pictures without a text for those who do not see them: %(number)s"), {"number": bare})


def _subject(seen: Preview) -> Iterator[Point]:
    width = columns(seen.subject)
    if not seen.subject:
        yield Point("err", mark("There is no subject"))
    elif width > LONGEST_SUBJECT:
        facts: dict[str, object] = {"width": width, "limit": LONGEST_SUBJECT}
        yield Point("warn", mark("The subject is %(width)s columns wide; phones show about %(limit)s"), facts)
    else:
        yield Point("ok", mark("The subject fits on a phone"))
    letters = [sign for sign in seen.subject if sign.isascii() and sign.isalpha()]
    if len(letters) > 6 and all(sign.isupper() for sign in letters):
        yield Point("warn", mark("The subject is all in capitals"))
    if sum(seen.subject.count(sign) for sign in "!\N{FULLWIDTH EXCLAMATION MARK}") > 1:
        yield Point("warn", mark("The subject has several exclamation marks"))


def _links(links: tuple[str, ...]) -> Iterator[Point]:
    bad = [link for link in links if not _is_whole(link)]
    for link in bad:
        yield Point("err", mark("The link %(link)s leads nowhere"), {"link": link or '""'})
    for link in links:
        if link.startswith("http://"):
            yield Point("warn", mark("The link %(link)s is not encrypted"), {"link": link})
        if urlsplit(link).hostname in _SHORTENERS:
            yield Point("warn", mark("The link %(link)s hides where it leads"), {"link": link})
    if links and not bad:
        yield Point("ok", mark("Every link leads somewhere: %(number)s"), {"number": len(links)})


def _is_whole(link: str) -> bool:
    if link.startswith(("#unsubscribe", "mailto:", "tel:")) or _GAP in link:
        return True
    try:
        host = urlsplit(link).hostname
    except ValueError:
        return False
    return link.startswith(("http://", "https://")) and bool(host) and host not in ("localhost", "127.0.0.1")


def _short(channel: str, seen: Preview) -> Iterator[Point]:
    text = seen.text
    yield from _links(tuple(_ADDRESS.findall(text)))
    if channel != "sms":
        return
    weight = segments_of(text)
    tone = "ok" if weight.count == 1 else "warn"
    facts: dict[str, object] = {"count": weight.count, "length": weight.length}
    yield Point(tone, mark("%(length)s letters in %(count)s segments"), facts)
    if any("一" <= sign <= "鿿" for sign in text) and not _SIGNATURE.search(text):
        yield Point("warn", mark("No signature such as 【Name】, which carriers in China ask for"))


def _words(seen: Preview) -> Iterator[Point]:
    text = f"{seen.subject}\n{seen.preheader}\n{seen.text}".lower()
    found = [word for word in _SPAM if word in text]
    if found:
        yield Point("warn", mark("Words that spam filters look for: %(words)s"), {"words": ", ".join(found)})
    elif text.strip():
        yield Point("ok", mark("No words that spam filters look for"))
