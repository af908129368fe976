"""The command that prints what experiments of a flow have shown."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from designer import terminal
from engine.wiring import Wiring

WORDS: Final[Mapping[str, str]] = {
    "waiting": "nobody has come to this split yet",
    "running": "collecting; no winner yet",
    "promoted": "promoted",
    "settled": "the winner has all traffic",
    "rolled_back": "the promotion was taken back: the other one turned out better",
    "no_difference": "no difference worth having",
    "futile": "stopped: a winner by the end is most unlikely",
    "unproven": "the time is over without a proof",
    "harmed": "stopped: a guardrail leaves one variant only",
    "frozen": "frozen by hand",
}
MISSING: Final[Mapping[str, str]] = {
    "variants": "there is only one variant",
    "goal": "the split has no goal",
    "off": "promotion is off",
    "split": "contacts are not divided as drawn, so results cannot be trusted",
    "days": "not enough whole days have passed",
    "contacts": "too few contacts in a variant",
    "conversions": "too few conversions",
}


def experiment_command(wire: Callable[[str | None], Wiring]) -> Callable[..., None]:
    """Make the command; ``wire`` connects an engine to a database."""

    def experiment(
        flow: Annotated[str, typer.Argument(metavar="FLOW", help="Key of a flow.")],
        node: Annotated[str | None, typer.Option(metavar="ID", help="Only this split.")] = None,
        freeze: Annotated[bool, typer.Option("--freeze", help="Decide nothing any more.")] = False,
        thaw: Annotated[bool, typer.Option("--thaw", help="Go on.")] = False,
        undo: Annotated[bool, typer.Option("--undo", help="Take a promotion back.")] = False,
        db: Annotated[str | None, typer.Option("--db", metavar="URL", help="The database.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
    ) -> None:
        """Tell what the splits of a flow have shown, or change how one stands."""
        from engine.api import experiments  # noqa: PLC0415 - starting up takes no time

        wiring = wire(db)
        hands = [name for name, given in (("freeze", freeze), ("thaw", thaw), ("undo", undo)) if given]
        for hand in hands:
            if node is None or len(hands) > 1:
                raise typer.BadParameter("say one of --freeze, --thaw and --undo, and the split with --node")
            experiments.act(wiring, flow, node, hand)  # type: ignore[arg-type]
        reports = experiments.reports(wiring, flow, node)
        terminal.say_json(reports) if as_json else _say(reports)

    return experiment


def _say(reports: list[dict[str, Any]]) -> None:
    if not reports:
        terminal.say("this flow has no split")
    for report in reports:
        terminal.say(f"{report['flow']} / {report['node']}: {WORDS[report['state']]}")
        if report["state"] != "waiting":
            _say_one(report)


def _say_one(report: dict[str, Any]) -> None:
    terminal.say_table([_row(each, report) for each in report["variants"]])
    for reason in report["waits_for"]:
        terminal.say(f"  waits: {MISSING[reason]}")
    proof, ahead = report["evidence"], report["outlook"]
    if proof is not None:
        low, high = (f"{bound:.3f}" if bound is not None else "any" for bound in proof["ratio"])
        both = f"{proof['leader']} against {proof['rival']}"
        told = f"evidence {proof['log_e']:.2f} of {proof['needed']:.2f}"
        terminal.say(f"  {both}: {low} to {high} times the rate; {told}")
    if ahead is not None and ahead["days"] is not None:
        terminal.say(f"  a decision in about {ahead['days']:.0f} days, {ahead['contacts']:,} contacts each")
    for each in report["decisions"]:
        terminal.say(f"  {each['at']} {each['act']} {each['variant'] or ''} by {each['by']}")


def _row(each: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    rate = "" if each["rate"] is None else f"{each['rate']:.2%}"
    mark = "winner" if each["key"] == report["winner"] else "out" if each["key"] in report["out"] else ""
    return {
        "variant": each["key"],
        "share": f"{each['share']:.0%}",
        "contacts": each["contacts"],
        "too young": each["young"],
        "conversions": each["conversions"],
        "rate": rate,
        "best": f"{each['best']:.0%}",
        "": mark,
    }
