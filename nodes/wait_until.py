"""Wait for a civil time."""

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from engine.civil import WEEKDAYS, WaitUntil, format_local_time
from engine.contract.fields import BusinessDays, Calendar, DateField, DayNumber, LocalTime, Offset, Weekdays
from engine.contract.node import OUT, Family, NodeConfig, NodeType, Port
from engine.contract.readers import FromAttribute, Refused, refuse, write_day
from engine.contract.wave import Wave
from engine.contract.wording import both, length
from engine.terms import Text

_DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")


class WaitUntilConfig(NodeConfig):
    """What must be true of the instant; all that is given holds together."""

    day: DayNumber | None = Field(
        None, title="Day", description="Calendar day of the enrollment; the day of entry is day 1."
    )
    weekday: Weekdays | None = Field(None, title="Weekdays", description="Days of the week that will do.")
    at: LocalTime | None = Field(
        None, title="At", description="Local time of the day; 00:00 when absent and a day is given."
    )
    date: DateField | None = Field(
        None, title="Date", description="A calendar date, an instant, or an attribute that holds either."
    )
    offset: Offset | None = Field(
        None, title="Offset", description="Shifts the date: `-1d` is the day before, `-10m` ten minutes before."
    )
    business_days: BusinessDays | None = Field(
        None, title="Working days", description="Number of working days after today; 0 is today or the next one."
    )
    calendar: Calendar | None = Field(
        None, title="Calendar", description="Country whose working days count; `CN`, with its moved days, when absent."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set - {"offset"}:
            known = "day, weekday, at, date, business_days, calendar"
            raise refuse([Refused("", "says nothing to wait for", f"give one of {known}")])
        if self.offset is not None and self.date is None:
            raise refuse([Refused("offset", "shifts a date, and there is none", "give date, or leave offset out")])
        return self


class WaitForTime(NodeType[WaitUntilConfig]):
    """Hold every contact until the first instant that satisfies all that is given, in their own time zone."""

    kind = "wait.until"
    family = Family.WAIT
    title = both("Wait until", "等待至")
    examples = (
        {"day": 2, "at": "10:00"},
        {"weekday": ["mon", "tue", "wed", "thu", "fri"], "at": "09:30"},
        {"date": {"attribute": "webinar_at"}, "offset": "-1h"},
        {"business_days": 3, "calendar": "CN", "at": "10:00"},
    )

    def ports(self, config: WaitUntilConfig) -> Sequence[Port]:
        return (OUT, Port("past", both("Already past", "已过时间")))

    def summary(self, config: WaitUntilConfig) -> Text:
        en, zh = [], []
        if config.day is not None:
            en.append(f"day {config.day}")
            zh.append(f"第 {config.day} 天")
        if config.business_days is not None:
            en.append(f"{config.business_days} working days on")
            zh.append(f"{config.business_days} 个工作日后")
        if config.date is not None:
            named = isinstance(config.date, FromAttribute)
            day = config.date.attribute if isinstance(config.date, FromAttribute) else str(write_day(config.date))
            en.append(f"the date in {day}" if named else day)
            zh.append(f"{day} 中的日期" if named else day)
        if config.offset:
            sign, words = "-" if config.offset.days < 0 else "+", length(config.offset)
            en.append(f"{sign}{words['en']}")
            zh.append(f"{sign}{words['zh-CN']}")
        if config.weekday is not None:
            en.append("/".join(WEEKDAYS[day] for day in sorted(config.weekday)))
            zh.append("/".join(_DAYS_ZH[day] for day in sorted(config.weekday)))
        if config.calendar is not None and config.business_days is None:
            en.append(f"a working day ({config.calendar})")
            zh.append(f"{config.calendar} 工作日")
        if config.at is not None:
            en.append(format_local_time(config.at))
            zh.append(format_local_time(config.at))
        return both("Until " + " ".join(en), "等到 " + " ".join(zh))

    def target(self, config: WaitUntilConfig) -> WaitUntil | None:
        return None if isinstance(config.date, FromAttribute) else _asked(config)

    def run(self, wave: Wave, config: WaitUntilConfig) -> None:
        attribute = config.date.attribute if isinstance(config.date, FromAttribute) else None
        instant = wave.local(_asked(config), attribute)
        past, due = wave.arrived & instant.is_past, wave.arrived & instant.is_now
        wave.park(wave.arrived - past - due, until=instant)
        if wave.connected("past"):
            wave.route({"out": wave.woken | due, "past": past})
        else:
            wave.route({"out": wave.woken | due | past})


def _asked(config: WaitUntilConfig) -> WaitUntil:
    return WaitUntil(
        day=config.day,
        weekday=config.weekday,
        at=config.at,
        date=None if isinstance(config.date, FromAttribute) else config.date,
        offset=config.offset,
        business_days=config.business_days,
        calendar=config.calendar,
    )
