"""What stands between braces is the template's own: it goes through other languages as it is."""

import re
from dataclasses import dataclass, field
from typing import Final

_BRACES: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_KEPT: Final = re.compile(r"\ue000(\d+)\ue001")


@dataclass
class Braces:
    """Stand-ins for what stands between braces, as long as a text is turned into another language."""

    kept: list[str] = field(default_factory=list)

    def hide(self, text: str) -> str:
        """Put stand-ins where braces are."""
        return _BRACES.sub(self._keep, text)

    def show(self, text: str) -> str:
        """Put back what was there."""
        # An address may have them percent-encoded.
        text = re.sub(r"%EE%80%80(\d+)%EE%80%81", "\ue000\\1\ue001", text)
        return _KEPT.sub(lambda found: self.kept[int(found[1])], text)

    def is_statement(self, stand_in: str) -> bool:
        """Tell whether a stand-in is for a line of the template's own grammar, such as a condition."""
        return self.kept[int(stand_in[1:-1])].startswith("{%")

    def _keep(self, found: re.Match[str]) -> str:
        self.kept.append(found[0])
        return f"\ue000{len(self.kept) - 1}\ue001"
