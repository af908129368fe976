"""What a template's form asks for, by channel, and the document that is made of it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from designer.forms.controls import Control, draw_record
from designer.forms.inputs import Inputs
from designer.forms.reading import read_record
from designer.messages.bricks import Drawn, draw_bricks, read_bricks
from designer.messages.letter import letter_of
from designer.messages.mjml import letter_from, mail_of
from engine.contract.fields import HtmlText, Label, TemplateText
from engine.contract.node import NodeConfig
from engine.terms import Json, Text

NAME: Final = "t"
"""How the names of a template's inputs begin."""
BLOCKS: Final = f"{NAME}.blocks"

LETTER, HTML, PUT_TOGETHER = "letter", "html", "blocks"
"""How a mail may be written: in Markdown, as HTML, from blocks."""


class MessageTexts(NodeConfig):
    """What all templates have."""

    name: Label | None = Field(None, title="Name", description="What the template is called in lists.")


class MailTexts(MessageTexts):
    """What a mail says."""

    subject: TemplateText | None = Field(None, title="Subject")
    preheader: TemplateText | None = Field(
        None, title="Preheader", description="What mail programs show behind the subject."
    )


class LetterTexts(MailTexts):
    """A mail that is written in Markdown."""

    markdown: TemplateText | None = Field(
        None,
        title="Letter",
        description="Markdown: `**bold**`, `[words](https://…)`, `# heading`; a link in bold alone is a button.",
    )
    text: TemplateText | None = Field(None, title="Text part", description="Made from the letter when absent.")


class SourceTexts(MailTexts):
    """A mail that is written in HTML."""

    html: HtmlText | None = Field(None, title="HTML", description="Styles are put into the elements for mail programs.")
    text: TemplateText | None = Field(None, title="Text part", description="Made from the HTML when absent.")


class ShortTexts(MessageTexts):
    """A message of one text."""

    text: TemplateText | None = Field(None, title="Text", description="Words of the message.")


class BrickTexts(MailTexts):
    """A mail that is put together from blocks."""

    text: TemplateText | None = Field(None, title="Text part", description="Made from the blocks when absent.")


def written_as(document: Mapping[str, Any]) -> str:
    """Tell how a mail is written; HTML when nothing else says so."""
    return PUT_TOGETHER if "blocks" in document else LETTER if "markdown" in document else HTML


def model_of(channel: str, manner: str) -> type[MessageTexts]:
    """Choose what is asked for."""
    if channel != "email":
        return ShortTexts
    models: dict[str, type[MessageTexts]] = {LETTER: LetterTexts, PUT_TOGETHER: BrickTexts}
    return models.get(manner, SourceTexts)


def draw_texts(channel: str, content: Mapping[str, Any], name: Text) -> tuple[Control, ...]:
    """Draw the form of a template, but for its blocks."""
    raw: dict[str, Json] = {**content, "name": name}  # type: ignore[dict-item] # a text is JSON
    return draw_record(model_of(channel, written_as(content)), raw, NAME)


def draw_all_bricks(content: Mapping[str, Any]) -> list[Drawn]:
    """Draw the blocks of a mail; none for one that is not put together from any."""
    bricks = content.get("blocks")
    return draw_bricks(bricks, BLOCKS) if isinstance(bricks, list) else []


def read_texts(inputs: Inputs) -> dict[str, Any]:
    """Read a template's document from its form: ``key``, ``channel``, ``name`` and the texts.

    Shape: the HTML of a letter and of blocks is written here; ``press`` may ask for another way of writing.
    """
    channel, manner = inputs.typed("channel") or "email", inputs.typed("manner")
    document: dict[str, Any] = {"key": inputs.typed("key").strip(), "channel": channel}
    document |= read_record(model_of(channel, manner), inputs, NAME)
    if channel != "email":
        return document
    if manner == LETTER:
        document.setdefault("markdown", "")
    elif manner == PUT_TOGETHER:
        document["blocks"] = read_bricks(inputs, BLOCKS)
    for wanted, turn in _TURNS.items():
        if inputs.pressed(NAME, f"as_{wanted}"):
            return turn(document)
    return _with_html(document)


def _with_html(document: dict[str, Any]) -> dict[str, Any]:
    if "blocks" in document:
        document["html"] = mail_of(document["blocks"])
    elif document.get("markdown"):
        document["html"] = _letters(document["markdown"])
    elif "markdown" in document:
        document["html"] = ""
    return document


def _as_html(document: dict[str, Any]) -> dict[str, Any]:
    written = _with_html(document)
    return {key: value for key, value in written.items() if key not in ("markdown", "blocks")}


def _as_letter(document: dict[str, Any]) -> dict[str, Any]:
    bricks, kept = document.pop("blocks", None), _without_html(document)
    return {**kept, "markdown": (letter_from(bricks) if bricks else "") or document.get("text") or ""}


def _as_blocks(document: dict[str, Any]) -> dict[str, Any]:
    words = document.pop("markdown", "") or document.get("text") or ""
    kept = _without_html(document)
    return {**kept, "blocks": [{"block": "text", "text": words}] if words else []}


def _without_html(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "html"}


_TURNS: Final = {HTML: _as_html, LETTER: _as_letter, PUT_TOGETHER: _as_blocks}


def _letters(markdown: Text) -> Text:
    if isinstance(markdown, dict):
        return {tag: letter_of(words, tag) for tag, words in markdown.items()}
    return letter_of(markdown)


def content_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Take the texts out of a document."""
    return {key: value for key, value in document.items() if key not in ("key", "channel", "name")}
