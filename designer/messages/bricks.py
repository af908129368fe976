"""The blocks that a mail is put together from: what each has, and how that is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import Field

from designer.forms.controls import Control, draw_record
from designer.forms.inputs import Inputs, rearranged
from designer.forms.reading import read_record
from designer.language import mark
from engine.contract.fields import TemplateText
from engine.contract.node import NodeConfig
from engine.terms import Json

Side = Literal["left", "center"]
WAY = "An address on the web; variables may stand in it."


class Heading(NodeConfig):
    """A line that says what follows."""

    words: TemplateText | None = Field(None, title="Heading")
    size: Literal["large", "small"] = Field("large", title="How large")
    align: Side = Field("left", title="Where it stands")


class Words(NodeConfig):
    """Paragraphs."""

    text: TemplateText | None = Field(
        None, title="Words", description="Markdown: `**bold**`, `[words](https://…)`, lists with `-`."
    )


class Button(NodeConfig):
    """A link that one sees."""

    words: TemplateText | None = Field(None, title="Words on the button")
    link: TemplateText | None = Field(None, title="Where it leads", description=WAY)
    align: Side = Field("left", title="Where it stands")


class Picture(NodeConfig):
    """A picture."""

    src: TemplateText | None = Field(None, title="Address of the picture", description=WAY)
    alt: TemplateText | None = Field(None, title="In words", description="For those who do not see the picture.")
    link: TemplateText | None = Field(None, title="Where a click leads")


class Divider(NodeConfig):
    """A line across."""


class Column(NodeConfig):
    """One of two columns; what is empty is left out."""

    src: TemplateText | None = Field(None, title="Address of the picture")
    alt: TemplateText | None = Field(None, title="In words")
    heading: TemplateText | None = Field(None, title="Heading")
    text: TemplateText | None = Field(None, title="Words")
    words: TemplateText | None = Field(None, title="Words on the button")
    link: TemplateText | None = Field(None, title="Where it leads")


class Columns(NodeConfig):
    """Two columns, one below the other on a phone."""

    left: Column = Field(title="Left")
    right: Column = Field(title="Right")


@dataclass(frozen=True)
class Kind:
    """A kind of block: its settings, what it is called, and its icon."""

    model: type[NodeConfig]
    words: str
    icon: str


KINDS: Final[Mapping[str, Kind]] = {
    "heading": Kind(Heading, mark("Heading"), "heading"),
    "text": Kind(Words, mark("Words"), "pilcrow"),
    "button": Kind(Button, mark("Button"), "mouse-pointer-click"),
    "image": Kind(Picture, mark("Picture"), "image"),
    "divider": Kind(Divider, mark("Divider"), "minus"),
    "columns": Kind(Columns, mark("Two columns"), "columns-2"),
}


@dataclass(frozen=True)
class Drawn:
    """A block on the page: its kind, how its inputs' names begin, and its controls."""

    kind: str
    name: str
    about: Kind
    controls: tuple[Control, ...]


def draw_bricks(bricks: Sequence[Mapping[str, Json]], name: str) -> list[Drawn]:
    """Draw blocks for a form; one of an unknown kind is passed over."""
    found = []
    for place, brick in enumerate(bricks):
        kind = KINDS.get(str(brick.get("block")))
        if kind is not None:
            controls = draw_record(kind.model, {**brick}, f"{name}.{place}")
            found.append(Drawn(str(brick["block"]), f"{name}.{place}", kind, controls))
    return found


def read_bricks(inputs: Inputs, name: str) -> list[dict[str, Any]]:
    """Read the blocks of a form, in the order in which the buttons beside them put them.

    Shape: each has its kind as ``block`` and its settings.
    """
    places = [place for place in range(inputs.count(name)) if inputs.typed(f"{name}.{place}.block") in KINDS]
    found = [_read(inputs, f"{name}.{place}") for place in rearranged(places, inputs, name)]
    if inputs.pressed(name, "add") and inputs.press.more in KINDS:
        found.append({"block": inputs.press.more})
    return found


def _read(inputs: Inputs, name: str) -> dict[str, Any]:
    kind = inputs.typed(f"{name}.block")
    return {"block": kind, **read_record(KINDS[kind].model, inputs, name)}


def tags_of(bricks: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the languages in which something in blocks is written; none when all is written once for all."""
    return list(dict.fromkeys(tag for brick in bricks for tag in _tags({**brick})))


def _tags(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _tags(each)
    elif isinstance(value, dict) and not _is_wordings(value):
        for each in value.values():
            yield from _tags(each)
    elif isinstance(value, dict):
        yield from value


def _is_wordings(value: Mapping[str, Json]) -> bool:
    return bool(value) and all(isinstance(each, str) for each in value.values()) and not set(value) & _SETTINGS


_SETTINGS: Final = {"block"} | {
    name for kind in (*KINDS.values(), Kind(Column, "", "")) for name in kind.model.model_fields
}
