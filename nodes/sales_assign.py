"""Hand contacts to sales."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from engine.contract.bases import Acting
from engine.contract.fields import Hint, Name, RuleField
from engine.contract.findings import Finding
from engine.contract.node import CheckView, Family, NodeConfig
from engine.contract.readers import wrong
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


def _name(value: Any) -> Any:
    """Take the name out of ``{"user": name}`` or ``{"team": name}``."""
    if isinstance(value, dict) and value.keys() in ({"user"}, {"team"}):
        return next(iter(value.values()))
    return value


Assignee = Annotated[Name, BeforeValidator(_name, json_schema_input_type=str | dict[Literal["user", "team"], str])]


class Choice(NodeConfig):
    """Who gets those that match."""

    to: Assignee = Field(title="To", description="A user or a team.")
    when: RuleField | None = Field(None, title="When", description="Rule for those who are assigned; all when absent.")


def _choices(value: Any) -> Any:
    value = _name(value)
    if isinstance(value, str):
        return [{"to": value}]
    if isinstance(value, list | tuple):
        return value
    raise wrong('is neither a name nor rules; write "ann", or [{"to": "ann", "when": …}, {"to": "team-east"}]')


class SalesAssignConfig(NodeConfig):
    """Who gets whom."""

    to: Annotated[
        tuple[Choice, ...],
        BeforeValidator(_choices, json_schema_input_type=Assignee | tuple[Choice, ...]),
        Hint("assignee"),
    ] = Field(
        title="To",
        description="A user or a team; or a list of `{to, when}`, of which the first that holds counts.",
        min_length=1,
    )


class SalesAssign(Acting[SalesAssignConfig]):
    """Give every contact to a user or a team; whom no rule matches stays with whoever has them."""

    kind = "sales.assign"
    family = Family.SALES
    title = both("Assign", "分配销售")
    examples = (
        {"to": "ann"},
        {"to": [{"to": "team-east", "when": {"attr": "region", "op": "is", "value": "east"}}, {"to": "team-west"}]},
    )

    def summary(self, config: SalesAssignConfig) -> Text:
        names = " / ".join(dict.fromkeys(choice.to for choice in config.to))
        return both(f"Assign to {names}", f"分配给 {names}")

    def check(self, config: SalesAssignConfig, view: CheckView) -> Iterable[Finding]:
        always = next((place for place, choice in enumerate(config.to) if choice.when is None), None)
        if always is not None and always < len(config.to) - 1:
            yield view.warning(
                "assign.covered",
                f"to[{always + 1}]",
                "comes after one without a rule",
                "put the one without a rule last",
            )

    def act(self, wave: Wave, config: SalesAssignConfig) -> None:
        wave.assign([(choice.when, choice.to) for choice in config.to])
