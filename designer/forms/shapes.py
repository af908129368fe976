"""What shape a setting has, read from its model alone: a leaf, a record of settings, a list, or named values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.contract.fields import Hint
from engine.terms import Json

_PLAIN: Final[Mapping[Any, str]] = {str: "name", int: "count", float: "number", bool: "switch"}
_WHOLE: Final = frozenset({"weekdays", "where", "rule"})
_LISTS: Final = (tuple, list, set, frozenset)


@dataclass(frozen=True)
class Leaf:
    """One value.

    ``kind`` is the hint of its type; ``line`` for a template of one wording, ``choice`` for one of ``choices``, and
    ``json`` for all that is unknown.
    """

    kind: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """Settings of their own."""

    settings: tuple["Setting", ...]


@dataclass(frozen=True)
class Many:
    """Values in their order."""

    item: "Shape"


@dataclass(frozen=True)
class Named:
    """Values by names of the author's."""

    key: Leaf
    value: "Shape"


Shape: TypeAlias = Leaf | Record | Many | Named


@dataclass(frozen=True)
class Setting:
    """A field of a settings model: its key in documents, its words, its shape, and what holds when it is absent."""

    key: str
    title: str
    help: str
    shape: Shape
    required: bool
    default: Json = None


@cache
def settings_of(model: type[BaseModel]) -> tuple[Setting, ...]:
    """List the settings of a model in their order."""
    return tuple(_setting(model, name, info) for name, info in model.model_fields.items())


def _setting(model: type[BaseModel], name: str, info: FieldInfo) -> Setting:
    key = info.alias or name
    title = info.title or key.replace("_", " ").capitalize()
    hint = next((item.kind for item in info.metadata if isinstance(item, Hint)), None)
    shape = shape_of(info.annotation, hint)
    return Setting(key, title, info.description or "", shape, info.is_required(), _default(model, name, info))


def _default(model: type[BaseModel], name: str, info: FieldInfo) -> Json:
    """Write a default as documents would."""
    if info.default in (None, PydanticUndefined):
        return None
    written = model.model_construct(**{name: info.default}).model_dump(mode="json", include={name}, warnings=False)
    value: Json = written.get(name)
    return value


def shape_of(annotation: Any, hint: str | None = None) -> Shape:
    """Read the shape from an annotation; ``hint`` is what stood around it."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        return shape_of(inner, next((note.kind for note in notes if isinstance(note, Hint)), hint))
    if hint in _WHOLE:
        return Leaf(str(hint))
    options = _without_none(annotation)
    if len(options) == 1 and options[0] is not annotation:
        return shape_of(options[0], hint)
    if annotation is str and hint == "template":
        return Leaf("line")
    return _container(annotation) or Leaf(hint or _PLAIN.get(annotation, "json"))


def _container(annotation: Any) -> Shape | None:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Record(settings_of(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Leaf("choice", tuple(each.value for each in annotation))
    if origin is Literal:
        return Leaf("choice", arguments)
    if origin in _LISTS and arguments:
        return Many(shape_of(arguments[0]))
    if origin in (dict, Mapping) and len(arguments) == 2:
        key = shape_of(arguments[0])
        return Named(key if isinstance(key, Leaf) else Leaf("name"), shape_of(arguments[1]))
    return None


def _without_none(annotation: Any) -> list[Any]:
    """List the members of a union but None; what is no union is its own only member."""
    if get_origin(annotation) not in (Union, UnionType):
        return [annotation]
    return [option for option in get_args(annotation) if option is not NoneType]
