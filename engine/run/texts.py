"""What a plan's messages say, and which variables they cannot do without."""

from collections.abc import Callable, Sequence
from functools import partial

from engine.channels.base import MessageContent
from engine.channels.content import TemplateOf, message_content, required_variables
from engine.channels.render import Renderer
from engine.library.plan import Plan, PlanNode


def content_of(plan: Plan, node: PlanNode, template_of: TemplateOf) -> MessageContent:
    """Read the message of a send node."""
    assert node.type.channel is not None
    raw = next(each for each in plan.raw["nodes"] if each["id"] == node.id)
    return message_content(node.type.channel, raw, plan.raw, template_of)


def requirements(renderer: Renderer, template_of: TemplateOf) -> Callable[[Plan, PlanNode], Sequence[str]]:
    """Make the function by which programs learn what a node's message requires.

    Shape: it goes to another process if both of these do.
    """
    return partial(_requires, renderer, template_of)


def _requires(renderer: Renderer, template_of: TemplateOf, plan: Plan, node: PlanNode) -> Sequence[str]:
    return required_variables(content_of(plan, node, template_of), renderer)
