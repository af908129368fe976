"""Put the texts of designer/ into the catalogues: one file per language and room, designer/locale/LANGUAGE/ROOM.po.

Texts that are gone are taken out; new ones stand there without a translation, and a test fails until they have one.
"""

import fcntl
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import telling
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from designer.forms.render import FlowWords
from designer.forms.saying import OF_SETTINGS
from designer.forms.shapes import Leaf, Many, Named, Record, Setting, settings_of
from designer.messages.bricks import KINDS
from designer.messages.texts import BrickTexts, LetterTexts, ShortTexts, SourceTexts
from engine.contract.fields import PATTERNS
from engine.contract.registry import installed
from engine.graph.faults import _WORDS
from engine.graph.shape import Settings

ROOT = Path(__file__).resolve().parent.parent
DESIGNER = ROOT / "designer"
LOCALES = DESIGNER / "locale"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "mark": None, "say": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
OPTIONS = {"templates/**.html": {"silent": "false", "trimmed": "true"}}
PAGES = "pages"
SETTINGS = "node_settings"
FINDINGS = "findings"
TEXTS = (FlowWords, LetterTexts, SourceTexts, BrickTexts, ShortTexts, *(kind.model for kind in KINDS.values()))


def main() -> int:
    """Write every catalogue whose texts changed; tell how many texts wait for a translation."""
    found = extracted()
    # Two who do this at one time must not take each other's translations away.
    with (LOCALES / "zh_CN" / f"{PAGES}.po").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = write_all(found)
    print(f"{sum(len(texts) for texts in found.values())} texts, {waiting} without a translation")
    return 0


def write_all(found: dict[str, Catalog]) -> int:
    """Write what changed; give how many texts wait for a translation."""
    waiting = 0
    for folder in sorted(each for each in LOCALES.iterdir() if each.is_dir()):
        for room, texts in found.items():
            file = folder / f"{room}.po"
            catalogue = updated(file, folder.name, texts)
            waiting += sum(not is_said(message.string) for message in catalogue if message.id)
            written = written_out(catalogue)
            if not file.exists() or file.read_bytes() != written:
                file.write_bytes(written)
                print(file.relative_to(ROOT))
    return waiting


def extracted() -> dict[str, Catalog]:
    """Find all marked texts, by room."""
    rooms: dict[str, Catalog] = {}
    for name, _, text, _, context in extract_from_dir(DESIGNER, METHODS, OPTIONS, KEYWORDS):
        room = rooms.setdefault(room_of(Path(name)), Catalog(fuzzy=False))
        room.add(text, context=context, locations=[(f"designer/{name}", 0)])
    rooms[SETTINGS] = of_settings()
    rooms[FINDINGS] = of_findings()
    return rooms


def of_settings() -> Catalog:
    """Take the words of our node types and of a flow's settings from their models: forms show them translated."""
    texts = Catalog(fuzzy=False)
    for node_type in installed():
        place = type(node_type).__module__
        if place.startswith("nodes."):
            what = (type(node_type).__doc__ or "").strip().splitlines()[0]
            for text in (what, *words_of(settings_of(node_type.config_type))):
                texts.add(text, context=OF_SETTINGS, locations=[(f"{place.replace('.', '/')}.py", 0)])
    for model, place in (
        (Settings, "engine/graph/shape.py"),
        *((each, "designer/messages/texts.py") for each in TEXTS),
    ):
        for text in words_of(settings_of(model)):
            texts.add(text, context=OF_SETTINGS, locations=[(place, 0)])
    for text in (*_WORDS.values(), *PATTERNS.values(), "is missing", "is empty"):
        texts.add(text, context=OF_SETTINGS, locations=[("engine/graph/faults.py", 0)])
    return texts


def of_findings() -> Catalog:
    """Take what is wrong, and how to mend it, from the places that tell it."""
    texts = Catalog(fuzzy=False)
    for said, file in telling.told():
        texts.add(said, locations=[(file, 0)])
    return texts


def words_of(settings: tuple[Setting, ...]) -> Iterator[str]:
    """List titles, descriptions and choices, also those further in."""
    for setting in settings:
        yield from filter(None, (setting.title, setting.help))
        shape = setting.shape
        while isinstance(shape, Many | Named):
            shape = shape.item if isinstance(shape, Many) else shape.value
        if isinstance(shape, Record):
            yield from words_of(shape.settings)
        elif isinstance(shape, Leaf):
            yield from (choice for choice in shape.choices if choice.islower())


def room_of(path: Path) -> str:
    """Tell a file's room: the folder of its own below designer/ or designer/templates/."""
    parts = [part for part in path.parts[:-1] if part not in ("templates", "routes")]
    return parts[0] if parts else PAGES


def updated(file: Path, locale: str, texts: Catalog) -> Catalog:
    """Read a catalogue and bring it to these texts; what was translated stays."""
    known = Catalog(locale=locale)
    if file.exists():
        with file.open("rb") as lines:
            known = read_po(lines, locale=locale)
    fresh = Catalog(locale=locale, fuzzy=False, header_comment=f"# {file.stem}: {known.locale}")
    for message in texts:
        if message.id:
            # Babel knows a message by its id and its context.
            before = known.get(message.id, message.context)
            string = before.string if before is not None and is_said(before.string) else None
            fresh.add(message.id, string, message.locations, context=message.context, flags=message.flags - {"fuzzy"})
    return fresh


def is_said(string: object) -> bool:
    """Tell whether a translation is there, in all its plural forms."""
    return all(string) if isinstance(string, tuple | list) else bool(string)


def written_out(catalogue: Catalog) -> bytes:
    """Write a catalogue without what changes from day to day."""
    out = BytesIO()
    write_po(out, catalogue, width=110, sort_output=True, include_lineno=False, omit_header=True)
    plural = f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr};"
    head = f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {plural}\\n"\n\n'
    return head.encode() + out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
