"""Words that come from settings models and their checks, in the reader's language."""

from typing import Final

from designer.faults import say_fault
from designer.language import Language

OF_SETTINGS: Final = "setting"
"""In the catalogues, the context of texts that come from settings models and their checks."""


def say_setting(text: str, language: Language) -> str:
    """Translate a text of a settings model or of a check; what no catalogue knows, as a plug-in's, stays as it is."""
    said = language.texts.pgettext(OF_SETTINGS, text)
    return said if said != text else say_fault(text, language)
