"""Follow up at the same instant what a wave or a batch of events has changed."""

from engine.run import calendar, review, wave
from engine.run.context import Run


def wave_done(run: Run) -> None:
    """Follow up the facts that the wave just carried has changed."""
    if wave.collect_touched(run):
        facts(run)


def facts(run: Run) -> None:
    """Follow up changed facts of the touched contacts: segments, waits for a rule, dates."""
    review.after_facts(run)
    calendar.plan_dates(run)
