"""Find flow documents by what people call them: a file, a flow in the store, or one that is shipped."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from engine.access.rights import Right
from engine.api import flows
from engine.api.acting import needs
from engine.api.rehearsal import Rehearsal, default_start
from engine.api.segments import list_segments
from engine.api.surroundings import lets_in_by_hand, surroundings_of
from engine.contract.findings import Finding, Level
from engine.errors import FlowError, NotFound
from engine.graph.document import read_document
from engine.graph.places import places
from engine.library import templates
from engine.library.templates import TemplateDoc
from engine.simulate.behaviour import Behaviour
from engine.simulate.inputs import read_behaviour, read_events
from engine.simulate.population import read_people
from engine.wiring import Wiring


@dataclass(frozen=True)
class Shipped:
    """What comes with the program: flows, message templates and behaviours, by their keys."""

    flows: Mapping[str, Any]
    templates: Mapping[str, Any]
    behaviours: Mapping[str, Any]


def read_shipped(folder: Traversable) -> Shipped:
    """Read everything below the folder of what is shipped."""

    def read(place: Traversable, ending: str) -> dict[str, Any]:
        files = [file for file in place.iterdir() if file.name.endswith(ending)]
        texts = {file.name.removesuffix(ending): file.read_text(encoding="utf-8") for file in files}
        return {key: json.loads(text) for key, text in sorted(texts.items())}

    return Shipped(read(folder, ".flow.json"), read(folder / "messages", ".json"), read(folder / "behaviour", ".json"))


def find_document(wiring: Wiring, shipped: Shipped, name: str) -> Any:
    """Read a file, or find the flow of that key: in the store, else among what is shipped.

    Shape: a file's bytes as they are, so that faults can be told; else the document.
    Errors: ``NotFound``.
    """
    if Path(name).is_file():
        return Path(name).read_bytes()
    try:
        return flows.export_flow(wiring, name)
    except NotFound:
        if name in shipped.flows:
            return shipped.flows[name]
    raise NotFound(f"{name!r} is neither a file, nor a flow in the store, nor one of {_listed(shipped)}")


def finder(wiring: Wiring, shipped: Shipped) -> Callable[[str], Any]:
    """Make the function that finds other flows which one leads into, if they are anywhere."""

    def find(key: str) -> Any:
        try:
            return flows.export_flow(wiring, key)
        except NotFound:
            return shipped.flows.get(key)

    return find


def lend_templates(wiring: Wiring, shipped: Shipped, name: str = "") -> None:
    """Let templates be seen that the workspace does not have: shipped ones, and those in ``messages`` beside a file."""
    with wiring.store.read() as connection:
        wiring.shelf.refresh(connection)
    near = sorted((Path(name).parent / "messages").glob("*.json")) if name and Path(name).is_file() else []
    for raw in (*shipped.templates.values(), *(_read(file) for file in near)):
        if templates.is_template(raw):
            wiring.shelf.lend(templates.read_template(raw))


def check_files(wiring: Wiring, shipped: Shipped, files: Sequence[Path]) -> Iterator[tuple[Path, Finding]]:
    """Find everything that is wrong with documents, file by file; they know each other's flows."""
    texts = {file: file.read_bytes() for file in files}
    for file in files:
        lend_templates(wiring, shipped, str(file))
    with wiring.store.read() as connection:
        known = surroundings_of(wiring, connection)
    found = (read_document(text, wiring.registry)[0] for text in texts.values())
    beside = {document.key: lets_in_by_hand(document) for document in found if document is not None}
    known = replace(known, flows={**beside, **(known.flows or {})})
    for file, text in texts.items():
        yield from ((file, finding) for finding in flows.check(wiring, text, known))


@dataclass(frozen=True)
class Kept:
    """What became of a document: a draft's revision and the number of its errors, or a template."""

    kept: str
    key: str
    revision: int | None = None
    errors: int = 0


@needs(Right.EDIT)
def import_document(wiring: Wiring, shipped: Shipped, name: str) -> Kept:
    """Keep a file, or a shipped flow, as a draft; with the templates that it uses and the workspace does not have.

    A file that is a template is kept as one. Errors: ``FlowError``, ``NotFound``.
    """
    if not Path(name).is_file() and name not in shipped.flows:
        raise NotFound(f"{name!r} is neither a file nor one of {_listed(shipped)}")
    raw = Path(name).read_bytes() if Path(name).is_file() else shipped.flows[name]
    template = template_in(raw)
    if template is not None:
        flows.keep_template(wiring, template)
        return Kept("template", template.key)
    return keep_shipped(wiring, shipped, raw, name)


@needs(Right.EDIT)
def keep_shipped(wiring: Wiring, shipped: Shipped, raw: Any, name: str = "") -> Kept:
    """Keep a document as a draft, with the shipped templates that it uses and the workspace does not have.

    Errors: ``FlowError``.
    """
    saved = flows.import_flow(wiring, raw)
    lend_templates(wiring, shipped, name)
    _keep_lent(wiring, raw)
    errors = sum(finding.level is Level.ERROR for finding in saved.findings)
    return Kept("flow", saved.key, saved.revision, errors)


def template_in(raw: Any) -> TemplateDoc | None:
    """Read a message template, as JSON text or parsed; nothing when it is something else.

    Errors: ``FlowError`` for one with faults.
    """
    try:
        value = json.loads(raw) if isinstance(raw, bytes | str) else raw
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        # The reader of flows tells better what is wrong.
        return None
    return templates.read_template(value) if templates.is_template(value) else None


def rehearsal_of(
    wiring: Wiring,
    shipped: Shipped,
    raw: Any,
    *,
    contacts: int | Path,
    start: datetime | None,
    days: float,
    seed: int,
    events: Path | None = None,
    behaviour: Path | None = None,
) -> Rehearsal:
    """Put together what a simulation is told: files are read, and what is not given is guessed.

    Errors: ``PeopleError`` for files that cannot be read.
    """
    if behaviour is not None:
        manner = read_behaviour(behaviour.read_bytes(), behaviour.name)
    else:
        document, _ = read_document(raw, wiring.registry)
        said = None if document is None else shipped.behaviours.get(document.key)
        manner = Behaviour() if said is None else Behaviour.model_validate(said)
    return Rehearsal(
        people=read_people(contacts) if isinstance(contacts, Path) else contacts,
        start=default_start(wiring.clock.now()) if start is None else start,
        days=days,
        events=None if events is None else read_events(events),
        behaviour=manner,
        seed=seed,
        segments={line.key: line.rule for line in list_segments(wiring)},
    )


def _listed(shipped: Shipped) -> str:
    return ", ".join(sorted(shipped.flows))


def _keep_lent(wiring: Wiring, raw: Any) -> None:
    document, _ = read_document(raw, wiring.registry)
    wanted = () if document is None else (str(each.value) for each in places(document) if each.hint == "template_key")
    for key in sorted(set(wanted)):
        lent = wiring.shelf.lent(key)
        if lent is not None:
            flows.keep_template(wiring, lent)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise FlowError(f"{file} is no JSON: {fault}") from None
