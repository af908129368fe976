"""Branch by rules."""

from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import Field, model_validator

from engine.contract.fields import Label, PortKey, RuleField
from engine.contract.findings import Finding
from engine.contract.node import CheckView, Family, NodeConfig, NodeType, Port
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.rules.contradiction import covered_by, never_holds
from engine.terms import Text

ELSE = "else"


class Case(NodeConfig):
    """One way out and who takes it."""

    port: PortKey = Field(title="Port", description="Name of the way out; edges leave by it.")
    when: RuleField = Field(title="When", description="Rule for those who take it.")
    label: Label | None = Field(None, title="Label", description="Words for the way out on the canvas.")


class BranchRuleConfig(NodeConfig):
    """The cases, tried in their order."""

    cases: tuple[Case, ...] = Field(
        title="Cases", description="The first case that holds is taken; `else` when none does.", min_length=1
    )

    @model_validator(mode="after")
    def _own_ports(self) -> Self:
        faults, seen = [], {ELSE}
        for place, case in enumerate(self.cases):
            if case.port in seen:
                what = "is the port for all others" if case.port == ELSE else "is the port of an earlier case"
                faults.append(Refused(f"cases[{place}].port", f'"{case.port}" {what}', "choose another name"))
            seen.add(case.port)
        if faults:
            raise refuse(faults)
        return self


class BranchRule(NodeType[BranchRuleConfig]):
    """Send every contact out by the first case that holds."""

    kind = "branch.rule"
    family = Family.BRANCH
    title = both("Branch", "条件分支")
    examples = (
        {"cases": [{"port": "yes", "when": {"tag": "activated"}}]},
        {
            "cases": [
                {"port": "big", "label": "Big", "when": {"attr": "account.size", "op": "gte", "value": 200}},
                {"port": "small", "label": "Small", "when": {"attr": "account.size", "op": "lt", "value": 200}},
            ]
        },
    )

    def ports(self, config: BranchRuleConfig) -> Sequence[Port]:
        return (
            *(Port(case.port, case.label, expected=True) for case in config.cases),
            Port(ELSE, both("Everyone else", "其他")),
        )

    def summary(self, config: BranchRuleConfig) -> Text:
        names = ", ".join(case.port for case in config.cases)
        return both(f"Branch: {names}, else", f"分支 {names} · 其他")

    def check(self, config: BranchRuleConfig, view: CheckView) -> Iterable[Finding]:
        rules = [case.when for case in config.cases]
        for place, case in enumerate(config.cases):
            # A rule that never holds at all is found for every rule, wherever it stands.
            if not never_holds(case.when) and covered_by(case.when, rules[:place]):
                words = f'is never taken: whoever matches "{case.port}" has gone by an earlier case'
                yield view.warning("branch.covered", f"cases[{place}].when", words, "put the narrower case first")

    def run(self, wave: Wave, config: BranchRuleConfig) -> None:
        wave.route(wave.cases([(case.port, case.when) for case in config.cases], ELSE))
