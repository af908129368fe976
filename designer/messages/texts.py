"""What a template's form asks for, by channel, and the document that is made of it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from designer.forms.controls import Control, draw_record
from designer.forms.inputs import Inputs
from designer.forms.reading import read_record
from designer.messages.letter import letter_of
from engine.contract.fields import HtmlText, Label, TemplateText
from engine.contract.node import NodeConfig
from engine.terms import Json, Text

NAME: Final = "t"
"""How the names of a template's inputs begin."""


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


def model_of(channel: str, *, is_letter: bool) -> type[MessageTexts]:
    """Choose what is asked for."""
    if channel != "email":
        return ShortTexts
    return LetterTexts if is_letter else SourceTexts


def draw_texts(channel: str, content: Mapping[str, Text], name: Text) -> tuple[Control, ...]:
    """Draw the form of a template."""
    raw: dict[str, Json] = {**content, "name": name}  # type: ignore[dict-item] # a text is JSON
    return draw_record(model_of(channel, is_letter="markdown" in content), raw, NAME)


def read_texts(inputs: Inputs) -> dict[str, Any]:
    """Read a template's document from its form: ``key``, ``channel``, ``name`` and the texts.

    Shape: the HTML of a letter is written here; ``press`` may ask for the other way of writing.
    """
    channel, is_letter = inputs.typed("channel") or "email", inputs.typed("is_letter") == "on"
    read = read_record(model_of(channel, is_letter=is_letter), inputs, NAME)
    document: dict[str, Any] = {"key": inputs.typed("key").strip(), "channel": channel, **read}
    if inputs.pressed(NAME, "as_html"):
        document["html"] = _letters(document.pop("markdown", "")) or ""
    elif inputs.pressed(NAME, "as_letter"):
        document["markdown"] = document.get("text") or ""
        document.pop("html", None)
    elif "markdown" in document:
        document["html"] = _letters(document["markdown"])
    elif is_letter:
        document["markdown"] = ""
    return document


def _letters(markdown: Text) -> Text:
    if isinstance(markdown, dict):
        return {tag: letter_of(words, tag) for tag, words in markdown.items()}
    return letter_of(markdown) if markdown else ""


def content_of(document: Mapping[str, Any]) -> dict[str, Text]:
    """Take the texts out of a document."""
    return {key: value for key, value in document.items() if key not in ("key", "channel", "name")}
