"""Write attributes."""

from collections.abc import Iterable

from pydantic import Field

from engine.contract.bases import Acting
from engine.contract.fields import AttributeName, TemplateValue
from engine.contract.findings import Finding
from engine.contract.node import CheckView, Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.rules.attributes import BUILT_IN
from engine.terms import Text


class ContactSetConfig(NodeConfig):
    """Which attributes get which values."""

    attributes: dict[AttributeName, TemplateValue] = Field(
        title="Attributes", description="Names with their new values; texts may be templates.", min_length=1
    )


class ContactSet(Acting[ContactSetConfig]):
    """Write attributes of every contact."""

    kind = "contact.set"
    family = Family.CONTACT
    title = both("Set attributes", "设置属性")
    examples = ({"attributes": {"nurtured": True, "greeting": "Dear {{ contact.name }}"}},)

    def summary(self, config: ContactSetConfig) -> Text:
        names = ", ".join(config.attributes)
        return both(f"Set {names}", f"设置 {names}")

    def writes(self, config: ContactSetConfig) -> Iterable[str]:
        return config.attributes

    def check(self, config: ContactSetConfig, view: CheckView) -> Iterable[Finding]:
        for name in config.attributes:
            if name in BUILT_IN or name.startswith("account."):
                yield view.warning(
                    "set.built_in",
                    f"attributes.{name}",
                    f"{name} is not an attribute that flows write",
                    "use another name",
                )

    def act(self, wave: Wave, config: ContactSetConfig) -> None:
        wave.set(config.attributes)
