"""The panel beside the canvas: one node's settings, or the flow's own when none is chosen."""

from fastapi import Request

from designer.experiments.planner import planner
from designer.faults import say_fault
from designer.forms.render import facts, flow_panels, inspector, panel_of
from designer.views import Pages
from engine.api.drawing import Sheet
from engine.api.vocabulary import Vocabulary
from engine.terms import Text


def inspect(
    pages: Pages, request: Request, sheet: Sheet, name: str, vocabulary: Vocabulary, *, with_names: bool = True
) -> str:
    """Draw the inspector of a node, or of the flow itself when there is none.

    Shape: it offers the names of the vocabulary, unless those that are there already stay.
    """
    node = None if sheet.document is None else sheet.document.by_id.get(name)
    raw = next((each for each in sheet.raw.get("nodes", []) if isinstance(each, dict) and each.get("id") == name), None)
    if node is None or raw is None:
        return _inspect_flow(pages, request, sheet, vocabulary, with_names=with_names)
    own = [finding for finding in sheet.findings if finding.node == name]
    form = plan = ""
    if node.node_type is not None and sheet.document is not None:
        panel = panel_of(
            node.node_type,
            raw,
            own,
            action=f"/flows/{sheet.flow.key}/gestures",
            path=node.path,
            base=sheet.revision,
            kinds=vocabulary.attributes,
            nodes=_sending(sheet),
        )
        form = inspector(pages, request, panel, vocabulary, with_names=with_names)
        plan = planner(pages, request, sheet, sheet.document, node)
    others = [each for each in own if not each.path.startswith(f"{node.path}.config")]
    return pages.write(
        request,
        "canvas/node_panel.html",
        sheet=sheet,
        node=node,
        raw=raw,
        form=form,
        planner=plan,
        others=others,
        say=lambda text: say_fault(text, pages.language(request)),
    )


def _inspect_flow(pages: Pages, request: Request, sheet: Sheet, vocabulary: Vocabulary, *, with_names: bool) -> str:
    words, rest = flow_panels(
        sheet.raw,
        sheet.findings,
        action=f"/flows/{sheet.flow.key}/gestures",
        base=sheet.revision,
        kinds=vocabulary.attributes,
        nodes=_sending(sheet),
    )
    more = facts(vocabulary, pages.language(request), with_names=with_names)
    return pages.write(request, "canvas/flow_panel.html", sheet=sheet, words=words, rest=rest, **more)


def _sending(sheet: Sheet) -> list[tuple[str, Text]]:
    nodes = () if sheet.document is None else sheet.document.nodes
    return [(each.id, each.name or each.id) for each in nodes if each.sends]
