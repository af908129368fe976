"""Count beside the pages what they show, so that nobody who opens one waits for it."""

from typing import Final

from engine.api import counts, kept, matching, overview, pausing, segments, standing
from engine.errors import NotFound
from engine.wiring import Wiring

SECONDS: Final = 5.0
"""So often a server looks whether something is to be counted anew."""


def tend_pages(wiring: Wiring) -> int:
    """Count anew what pages were shown and is too old now; the first time, what they will surely show.

    Shape: how many counts that were. Cost: see ``engine.api.kept.tend``.
    """
    if not kept.is_tended(wiring):
        segments.list_segments(wiring)
        kept.keep(wiring, matching.count_contacts)
        overview.busy_days(wiring)
        for each in counts.list_flows(wiring):
            try:
                standing.figures(wiring, each.flow.key)
                if each.flow.state == "paused":
                    pausing.backlog(wiring, each.flow.key)
            except NotFound:  # it was taken away meanwhile
                continue
    return kept.tend(wiring)
