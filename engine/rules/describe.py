"""Say in a few words what a rule asks: English and 简体中文, for pages and findings."""

# ruff: noqa: RUF001 - Chinese has parentheses and commas of its own

from dataclasses import dataclass
from typing import Final, TypeAlias

from engine.rules.evaluate import AT_LEAST_ONE
from engine.rules.model import (
    All,
    Any_,
    At,
    Attr,
    Condition,
    Did,
    EventCount,
    Followed,
    Happening,
    HasConsent,
    HasTag,
    InSegment,
    InStage,
    MessageDid,
    NoEvent,
    Not,
    Op,
    Rule,
    Span,
    Value,
)
from engine.terms import DAY, HOUR, MINUTE, SECOND, Micros, format_instant

Both: TypeAlias = tuple[str, str]
"""A pattern in English and in 简体中文."""

_OPS: Final[dict[Op, Both]] = {
    Op.IS: ("{name} is {value}", "{name} 是 {value}"),
    Op.IS_NOT: ("{name} is not {value}", "{name} 不是 {value}"),
    Op.IN: ("{name} is one of {value}", "{name} 是 {value} 之一"),
    Op.NOT_IN: ("{name} is none of {value}", "{name} 不是 {value} 中任何一个"),
    Op.CONTAINS: ("{name} contains {value}", "{name} 包含 {value}"),
    Op.NOT_CONTAINS: ("{name} does not contain {value}", "{name} 不包含 {value}"),
    Op.STARTS_WITH: ("{name} starts with {value}", "{name} 以 {value} 开头"),
    Op.ENDS_WITH: ("{name} ends with {value}", "{name} 以 {value} 结尾"),
    Op.GT: ("{name} > {value}", "{name} > {value}"),
    Op.GTE: ("{name} ≥ {value}", "{name} ≥ {value}"),
    Op.LT: ("{name} < {value}", "{name} < {value}"),
    Op.LTE: ("{name} ≤ {value}", "{name} ≤ {value}"),
    Op.BETWEEN: ("{name} from {low} to {high}", "{name} 在 {low} 到 {high} 之间"),
    Op.EXISTS: ("{name} is known", "{name} 有值"),
    Op.MISSING: ("{name} is missing", "{name} 无值"),
    Op.HAS_ANY: ("{name} has any of {value}", "{name} 含有 {value} 中任意一个"),
    Op.HAS_ALL: ("{name} has all of {value}", "{name} 含有全部 {value}"),
    Op.HAS_NONE: ("{name} has none of {value}", "{name} 不含 {value} 中任何一个"),
    Op.BEFORE: ("{name} before {value}", "{name} 早于 {value}"),
    Op.AFTER: ("{name} after {value}", "{name} 晚于 {value}"),
    Op.WITHIN_LAST: ("{name} between {value} and now", "{name} 在 {value} 到现在之间"),
    Op.WITHIN_NEXT: ("{name} between now and {value}", "{name} 在现在到 {value} 之间"),
}
_SPANS: Final[dict[Op, Both]] = {
    Op.BEFORE: ("{name} more than {value} ago", "{name} 早于 {value}前"),
    Op.AFTER: ("{name} in more than {value}", "{name} 晚于 {value}后"),
    Op.WITHIN_LAST: ("{name} in the last {value}", "{name} 在最近 {value}内"),
    Op.WITHIN_NEXT: ("{name} in the next {value}", "{name} 在未来 {value}内"),
}
_COUNTS: Final[dict[Op, Both]] = {
    Op.IS: ("exactly {value} times", "恰好 {value} 次"),
    Op.IS_NOT: ("not {value} times", "不是 {value} 次"),
    Op.GT: ("more than {value} times", "多于 {value} 次"),
    Op.GTE: ("at least {value} times", "至少 {value} 次"),
    Op.LT: ("less than {value} times", "少于 {value} 次"),
    Op.LTE: ("at most {value} times", "至多 {value} 次"),
    Op.BETWEEN: ("{low} to {high} times", "{low} 到 {high} 次"),
}
_DID: Final[dict[Did, Both]] = {
    Did.SENT: ("was sent", "已发送"),
    Did.DELIVERED: ("was delivered", "已送达"),
    Did.OPENED: ("was opened", "已打开"),
    Did.CLICKED: ("was clicked", "已点击"),
    Did.BOUNCED: ("bounced", "被退回"),
    Did.REPLIED: ("was replied to", "已回复"),
}
_UNITS: Final = (
    (DAY, ("day", "天")),
    (HOUR, ("hour", "小时")),
    (MINUTE, ("minute", "分钟")),
    (SECOND, ("second", "秒")),
)


def describe(rule: Rule, language: str) -> str:
    """Say in a few words what a rule asks, in 简体中文 for languages that begin with ``zh``, else in English."""
    return _Speaker(language.lower().startswith("zh")).say(rule)


@dataclass(frozen=True)
class _Speaker:
    chinese: bool

    def say(self, rule: Rule, *, inside: bool = False) -> str:
        match rule:
            case All(()):
                return self._fill(("everyone", "所有人"))
            case Any_(()):
                return self._fill(("nobody", "没有人"))
            case All((one,)) | Any_((one,)):
                return self.say(one, inside=inside)
            case All(rules):
                return self._joined(rules, (" and ", " 且 "), inside=inside)
            case Any_(rules):
                return self._joined(rules, (" or ", " 或 "), inside=inside)
            case Not(part):
                return self._fill(("not ({part})", "并非（{part}）"), part=self.say(part))
            case EventCount() | NoEvent() | Followed():
                return self._event(rule)
            case _:
                return self._fact(rule)

    def _fill(self, words: Both, **values: str) -> str:
        return words[self.chinese].format(**values)

    def _joined(self, rules: tuple[Rule, ...], word: Both, *, inside: bool) -> str:
        text = self._fill(word).join(self.say(part, inside=True) for part in rules)
        return self._fill(("({text})", "（{text}）"), text=text) if inside else text

    def _fact(self, rule: Attr | HasTag | InStage | InSegment | MessageDid | HasConsent) -> str:
        match rule:
            case Attr(name, condition):
                return self._condition(name, condition)
            case HasTag(tag):
                return self._fill(("has the tag {name}", "有标签{name}"), name=_quoted(tag))
            case InStage(stage):
                return self._fill(("is in the stage {name}", "处于阶段{name}"), name=_quoted(stage))
            case InSegment(key):
                return self._fill(("is in the segment {name}", "属于分群{name}"), name=_quoted(key))
            case HasConsent(topic):
                return self._fill(("may be sent {name}", "可接收{name}"), name=_quoted(topic))
            case MessageDid(node, did):
                return self._fill(
                    ("the message of {node} {did}", "{node}的消息{did}"), node=_quoted(node), did=self._fill(_DID[did])
                )

    def _event(self, rule: EventCount | NoEvent | Followed) -> str:
        match rule:
            case EventCount(event, count, within):
                return self._counted(event, count or AT_LEAST_ONE, within)
            case NoEvent(event, within):
                words = ("no {event} in the last {length}", "最近 {length}内没有{event}")
                return self._fill(words, event=self._happening(event), length=self._length(within))
            case Followed(first, then, within, negated):
                words = (
                    ("{first} not followed by {then} within {length}", "{first}之后 {length}内没有{then}")
                    if negated
                    else ("{first} followed by {then} within {length}", "{first}之后 {length}内有{then}")
                )
                both = {"first": self._happening(first), "then": self._happening(then)}
                return self._fill(words, **both, length=self._length(within))

    def _counted(self, event: Happening, count: Condition, within: Micros | None) -> str:
        when = (
            ""
            if within is None
            else self._fill((" in the last {length}", "最近 {length}内"), length=self._length(within))
        )
        what = self._happening(event)
        if count == AT_LEAST_ONE:
            return self._fill(("did {what}{when}", "{when}有过{what}"), what=what, when=when)
        times = self._fill(_COUNTS[count.op], **self._values(count.value))
        return self._fill(("did {what} {times}{when}", "{when}{what}{times}"), what=what, when=when, times=times)

    def _happening(self, event: Happening) -> str:
        if not event.where:
            return _quoted(event.name)
        where = self._fill((", ", "，")).join(self._condition(name, condition) for name, condition in event.where)
        return self._fill(("{name} ({where})", "{name}（{where}）"), name=_quoted(event.name), where=where)

    def _condition(self, name: str, condition: Condition) -> str:
        words = _SPANS if isinstance(condition.value, Span) else _OPS
        return self._fill(words[condition.op], name=name, **self._values(condition.value))

    def _values(self, value: Value) -> dict[str, str]:
        if isinstance(value, tuple):
            shown = [_shown(each) for each in value]
            ends = {"low": shown[0], "high": shown[-1]} if shown else {}
            return {"value": self._fill((", ", "、")).join(shown) or self._fill(("nothing", "空")), **ends}
        return {"value": self._length(value.micros) if isinstance(value, Span) else _shown(value)}

    def _length(self, micros: Micros) -> str:
        for size, (english, chinese) in _UNITS:
            if micros % size == 0 and micros:
                number = micros // size
                return f"{number} {chinese}" if self.chinese else f"{number} {english}{'s' if number > 1 else ''}"
        return self._fill(("{number} seconds", "{number} 秒"), number=f"{micros / SECOND:g}")


def _quoted(text: str) -> str:
    return f"“{text}”"


def _shown(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case At(micros):
            return format_instant(micros)
    return str(value)
