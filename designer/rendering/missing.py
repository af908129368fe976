"""What a variable is that has no value: absent, null and blank text are one and the same."""

from typing import Any, NoReturn

from jinja2 import Undefined
from jinja2.utils import missing

from engine.errors import MissingVariable


def is_missing(value: object) -> bool:
    """Tell whether a value says nothing: absent, null, or text of white space."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or isinstance(value, Undefined)


class Missing(Undefined):
    """Stand for a variable without a value.

    It is false, equals nothing but nothing, passes through filters and arithmetic, and may not be written out.
    """

    __slots__ = ("path",)

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, **_: Any) -> None:
        super().__init__(hint, obj, name)
        self.path: str = f"{obj.path}.{name}" if isinstance(obj, Missing) else str(name)

    def refuse(self) -> NoReturn:
        """Tell which variable is missing."""
        raise MissingVariable(f"the variable {self.path} has no value here", variable=self.path)

    def __str__(self) -> str:
        return self.refuse()

    def __html__(self) -> str:
        return self.refuse()

    def __iter__(self) -> Any:
        return self.refuse()

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __contains__(self, item: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return is_missing(other)

    def __ne__(self, other: object) -> bool:
        return not is_missing(other)

    def __hash__(self) -> int:
        return hash(Missing)

    def _never(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _never  # type: ignore[assignment] # the base class always raises
