"""What depends on the reader's language: words, dates, numbers.

Texts stand in the templates and modules in English, marked by ``_("…")``, ``{% trans %}`` or ``mark("…")``; the
catalogues in ``designer/locale`` translate them. ``make words`` puts new texts into the catalogues; a test fails
while one of them is not translated.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from gettext import NullTranslations
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from engine.terms import Text, text_in

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh-CN": "简体中文"}
DEFAULT: Final = "en"
"""The language in which texts are written."""

NEAR: Final = timedelta(seconds=5)
FAR: Final = timedelta(days=7)
"""What is further away than this is told by its date."""


def mark(text: str) -> str:
    """Mark a text for the catalogues; it is translated where it is shown."""
    return text


def choose_language(asked: str | None, kept: str | None, accepted: str) -> str:
    """Choose a language: the one asked for, else the one kept, else the browser's first that we speak."""
    for wanted in (asked, kept):
        if wanted is not None and wanted in LANGUAGES:
            return wanted
    for part in accepted.split(","):
        tag = part.split(";")[0].strip().lower()
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return DEFAULT


@dataclass(frozen=True)
class Language:
    """One language: its tag, its texts, and how it writes dates and numbers."""

    tag: str
    texts: NullTranslations
    locale: Locale

    def say(self, text: str, **facts: object) -> str:
        """Translate a marked text and put facts in, as ``%(name)s``."""
        said = self.texts.gettext(text)
        return said % facts if facts else said

    def text(self, value: Text | None) -> str:
        """Choose from a text of a flow or a node type."""
        return text_in(value, self.tag, DEFAULT)

    def count(self, number: float) -> str:
        """Write a number with its thousands apart."""
        return numbers.format_decimal(number, locale=self.locale)

    def percent(self, share: float, digits: int = 1) -> str:
        """Write a share, 0 to 1, in percent."""
        shown = numbers.format_percent(round(share, digits + 2), locale=self.locale, decimal_quantization=False)
        return str(shown)

    def at(self, instant: datetime, zone: ZoneInfo) -> str:
        """Write an instant: date and time in a zone."""
        local = instant.astimezone(zone)
        return f"{self.day(local.date())} {self.hour(instant, zone)}"

    def hour(self, instant: datetime, zone: ZoneInfo) -> str:
        """Write the time of day of an instant in a zone."""
        return dates.format_time(instant, "HH:mm", tzinfo=zone, locale=self.locale)

    def day(self, day: date) -> str:
        """Write a date."""
        return dates.format_date(day, "medium", locale=self.locale)

    def weekday(self, day: date) -> str:
        """Write a date without its year, with its weekday: ``12月2日周三``."""
        return dates.format_skeleton("MMMEd", day, locale=self.locale)

    def ago(self, instant: datetime, now: datetime, zone: ZoneInfo) -> str:
        """Write how long ago something was, or when, if that is long ago."""
        gone = now - instant
        if abs(gone) < NEAR:
            return self.say(mark("just now"))
        if abs(gone) > FAR:
            return self.day(instant.astimezone(zone).date())
        return dates.format_timedelta(-gone, add_direction=True, locale=self.locale, threshold=1.2)

    def length(self, length: timedelta | int) -> str:
        """Write a length of time, or so many seconds, in one unit."""
        return dates.format_timedelta(length, locale=self.locale, threshold=1.01)


@lru_cache
def speak(tag: str) -> Language:
    """Open a language by its tag."""
    locale = Locale.parse(tag, sep="-")
    return Language(tag, _read(tag, locale), locale)


def _read(tag: str, locale: Locale) -> NullTranslations:
    """Read all catalogues of a language, one per room; English has none."""
    whole = Catalog(locale=locale)
    for file in catalogues(tag):
        with file.open("rb") as lines:
            for message in read_po(lines, locale=locale):
                # A room's text without a translation must not hide another room's translation of it.
                if message.id and message.string and all(message.string):
                    whole.add(message.id, message.string, context=message.context, flags=message.flags)
    packed = io.BytesIO()
    write_mo(packed, whole)
    packed.seek(0)
    return Translations(packed)


def catalogues(tag: str) -> list[Traversable]:
    """List the catalogue files of a language."""
    folder = resources.files("designer") / "locale" / tag.replace("-", "_")
    return sorted((each for each in folder.iterdir() if each.name.endswith(".po")), key=str) if folder.is_dir() else []
