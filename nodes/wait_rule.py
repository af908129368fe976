"""Wait for a rule to hold."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from engine.contract.fields import Duration, RuleField
from engine.contract.node import Family, NodeConfig, NodeType, Port
from engine.contract.wave import Wave
from engine.contract.wording import both, length
from engine.terms import Text


class WaitRuleConfig(NodeConfig):
    """Which rule, and how long at most."""

    when: RuleField = Field(title="Until", description="Rule that the contact must match.")
    timeout: Duration = Field(title="At most", description="How long to wait for it.")


class WaitRule(NodeType[WaitRuleConfig]):
    """Hold every contact until they match a rule, or the time is over; who matches already goes on at once."""

    kind = "wait.rule"
    family = Family.WAIT
    title = both("Wait for match", "等待满足条件")
    examples = ({"when": {"tag": "mql"}, "timeout": "7d"},)

    def ports(self, config: WaitRuleConfig) -> Sequence[Port]:
        return (Port("matched", both("Matched", "已满足")), Port("timeout", both("Time over", "超时")))

    def summary(self, config: WaitRuleConfig) -> Text:
        words = length(config.timeout)
        return both(f"Wait for a rule, at most {words['en']}", f"等待满足条件 · 最多 {words['zh-CN']}")

    def least_wait(self, config: WaitRuleConfig, port: str) -> timedelta:
        return config.timeout if port == "timeout" else timedelta(0)

    def run(self, wave: Wave, config: WaitRuleConfig) -> None:
        matched = wave.by_rule | wave.where(config.when)
        wave.park(wave.arrived - matched, until=wave.now + config.timeout, rule=config.when)
        wave.route({"matched": matched, "timeout": wave.woken - matched})
