"""Compare variants on contacts."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from engine.contract.comparison import HOLDOUT, Comparison, Watched
from engine.contract.fields import Count, Duration, EventName, Label, PortKey, Share, Weight, Where
from engine.contract.findings import Finding
from engine.contract.node import CheckView, Family, NodeConfig, NodeType, Port
from engine.contract.readers import Refused, refuse
from engine.contract.wave import Wave
from engine.contract.wording import both
from engine.terms import Text


class Variant(NodeConfig):
    """One of the ways that are compared."""

    key: PortKey = Field(title="Key", description="Name of the variant and of its port.")
    weight: Weight = Field(1, title="Weight", description="Its share is in proportion to it.")
    label: Label | None = Field(None, title="Label", description="Words for the variant on the canvas.")


class Guardrail(NodeConfig):
    """An event that a variant must not make more frequent."""

    event: EventName = Field(title="Event", description="Name of the event.")
    where: Where = Field({}, title="Only where", description="Conditions on the event's properties; all must hold.")


class Goal(Guardrail):
    """The event that variants are compared by."""

    within: Duration = Field(
        timedelta(days=7), title="Within", description="How long after the split the event still counts."
    )


class Promote(NodeConfig):
    """How a winner is found."""

    mode: Literal["prove", "earn", "planned", "off"] = Field(
        "prove",
        title="Mode",
        description="`prove`: traffic by weight until proven; `earn`: traffic follows the evidence; `planned`: "
        "a size fixed in advance; `off`: never.",
    )
    alpha: Share = Field(0.05, title="Risk", description="Chance of promoting one that is not better.", gt=0, lt=1)
    mde: Share = Field(0.1, title="Smallest difference", description="The smallest lift worth having.", gt=0)
    min_days: Count = Field(7, title="Days at least", description="No decision before that many days.")
    min_per_variant: Count = Field(100, title="Contacts at least", description="No decision before that many each.")
    cap: Duration = Field(timedelta(weeks=8), title="At most", description="How long to look for a winner.")
    size: Count | None = Field(None, title="Size", description="Contacts in all, for `planned`.", ge=1)


class SplitAbConfig(NodeConfig):
    """The variants and how they are compared."""

    variants: tuple[Variant, ...] = Field(title="Variants", description="Each makes a port.", min_length=1)
    goal: Goal | None = Field(None, title="Goal", description="The event that counts as success.")
    guardrails: tuple[Guardrail, ...] = Field((), title="Guardrails", description="Events that must not increase.")
    sample: Share = Field(1.0, title="Sample", description="Share that is split at once; the others wait.", gt=0, le=1)
    decide_by: Duration | None = Field(None, title="Decide by", description="How long the others wait at most.")
    promote: Promote = Field(Promote(), title="Promotion", description="How a winner is found.")
    holdout: Share = Field(0.0, title="Holdout", description="Share that goes out of `holdout`.", ge=0, lt=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        faults, seen = [], {HOLDOUT}
        for place, variant in enumerate(self.variants):
            if variant.key in seen:
                faults.append(Refused(f"variants[{place}].key", f'"{variant.key}" is taken', "choose another key"))
            seen.add(variant.key)
        if not sum(variant.weight for variant in self.variants):
            faults.append(Refused("variants", "have no weight, so nobody could go on", "give one a weight above 0"))
        if self.promote.mode == "planned" and self.promote.size is None:
            faults.append(Refused("promote.size", "is missing", "a planned test needs its number of contacts"))
        if faults:
            raise refuse(faults)
        return self


class SplitAb(NodeType[SplitAbConfig]):
    """Compare variants on contacts; the same contact always gets the same one."""

    kind = "split.ab"
    family = Family.SPLIT
    title = both("A/B test", "A/B 测试")
    examples = (
        {"variants": [{"key": "a"}, {"key": "b"}], "goal": {"event": "demo_booked"}},
        {
            "variants": [{"key": "a", "weight": 1}, {"key": "b", "weight": 1}],
            "goal": {"event": "demo_booked", "within": "7d"},
            "guardrails": [{"event": "unsubscribed"}],
            "sample": 0.2,
            "decide_by": "14d",
            "promote": {"mode": "prove", "alpha": 0.05, "mde": 0.1, "min_days": 7, "min_per_variant": 100, "cap": "8w"},
            "holdout": 0.05,
        },
    )

    def ports(self, config: SplitAbConfig) -> Sequence[Port]:
        return (
            *(Port(each.key, each.label, expected=True) for each in config.variants),
            Port(HOLDOUT, both("Holdout", "对照组")),
        )

    def summary(self, config: SplitAbConfig) -> Text:
        names = " / ".join(variant.key for variant in config.variants)
        if config.goal is None:
            return both(f"Test {names}", f"测试 {names}")
        return both(f"Test {names} by {config.goal.event}", f"按 {config.goal.event} 测试 {names}")

    def check(self, config: SplitAbConfig, view: CheckView) -> Iterable[Finding]:
        if config.goal is None and config.promote.mode != "off":
            yield view.warning("ab.goal", "", "has no goal, so no winner can be found", 'add "goal": {"event": …}')
        if len(config.variants) == 1 and not config.holdout:
            yield view.warning(
                "ab.single", "variants", "is only one, so nothing is compared", "add another, or a holdout"
            )
        if config.sample < 1 and config.decide_by is None:
            yield view.warning(
                "ab.decide_by", "sample", "holds contacts, perhaps for long", 'add "decide_by", such as "14d"'
            )

    def compares(self, config: SplitAbConfig) -> Comparison:
        goal, found = config.goal, config.promote
        return Comparison(
            variants={variant.key: variant.weight for variant in config.variants},
            goal=None if goal is None else _watched(goal),
            window=timedelta(days=7) if goal is None else goal.within,
            guardrails=tuple(_watched(each) for each in config.guardrails),
            holdout=config.holdout,
            sample=config.sample,
            decide_by=config.decide_by,
            **{name: getattr(found, name) for name in Promote.model_fields},
        )

    def why(self, config: SplitAbConfig, port: str, silence: timedelta) -> Text | None:
        if port == HOLDOUT:
            return both("Held out, to compare with; the same each time", "留作对照 · 每次相同")
        return both(
            "The variant drawn for this contact, or the winner once there is one",
            "为该联系人抽定的变体 · 有胜出者后为胜出者",
        )

    def run(self, wave: Wave, config: SplitAbConfig) -> None:
        """Hold those outside of the sample until a winner is known or their time is over."""
        compared = wave.compare(self.compares(config))
        wave.route(compared.ways)
        if compared.held is not None and compared.until is not None:
            wave.park(compared.held, until=compared.until)
        elif compared.held is not None:
            wave.hold(compared.held)


def _watched(guardrail: Guardrail) -> Watched:
    return Watched.model_validate(guardrail.model_dump(mode="json", include={"event", "where"}))
