"""Read forms from a page as a browser would, press their buttons, and give what is posted."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser

Pairs = list[tuple[str, str]]


@dataclass
class PageForm:
    """A form of a page: its id and what it would post, in the order of its inputs."""

    id: str
    inputs: Pairs = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        return next((value for key, value in reversed(self.inputs) if key == name), None)

    def put(self, **values: str) -> "PageForm":
        for name, value in values.items():
            self.type_in(name.replace("__", "."), value)
        return self

    def type_in(self, name: str, value: str) -> None:
        assert any(key == name for key, _ in self.inputs), f"no input {name}: {[key for key, _ in self.inputs]}"
        self.inputs = [(key, value if key == name else old) for key, old in self.inputs]

    def press(self, button: str) -> Pairs:
        assert button in self.buttons, f"no button {button}: {self.buttons}"
        return [*self.inputs, ("press", button)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._form: PageForm | None = None
        self._select: tuple[str, list[str], list[str]] | None = None
        self._area: tuple[str, list[str]] | None = None
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if "id" in facts:
            self.ids.append(facts["id"])
        if tag == "form":
            self._form = PageForm(facts.get("id", ""), list(json.loads(facts.get("hx-vals", "{}")).items()))
            self.forms.append(self._form)
        if self._form is not None:
            self._control(self._form, tag, facts)

    def _control(self, form: PageForm, tag: str, facts: dict[str, str]) -> None:
        if tag == "input" and "name" in facts:
            if facts.get("type") not in ("checkbox", "radio") or "checked" in facts:
                form.inputs.append((facts["name"], facts.get("value", "")))
        elif tag == "button" and facts.get("name") == "press":
            form.buttons.append(facts.get("value", ""))
        elif tag == "select":
            self._select = (facts["name"], [], [])
        elif tag == "option" and self._select is not None:
            self._select[1].append(facts.get("value", ""))
            if "selected" in facts:
                self._select[2].append(facts.get("value", ""))
        elif tag == "textarea":
            self._area = (facts["name"], [])

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select is not None and self._form is not None:
            name, values, chosen = self._select
            self._form.inputs.append((name, (chosen or values or [""])[-1 if chosen else 0]))
            self._select = None
        elif tag == "textarea" and self._area is not None and self._form is not None:
            name, words = self._area
            text = "".join(words)
            self._form.inputs.append((name, text.removeprefix("\n")))
            self._area = None


def forms_of(html: str) -> dict[str, PageForm]:
    reader = _Reader()
    reader.feed(html)
    return {form.id: form for form in reader.forms}


def ids_of(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return reader.ids
