"""Give the exposures of one contact to another, and keep the running counts of experiments true.

Of two exposures in one experiment the earlier counts: its variant was given first. What came within its window stays
or becomes its success or harm, whichever of both contacts it was told of.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.contract.comparison import Comparison
from engine.people.contacts import Place
from engine.people.rekeying import Row, read, remove, table, write
from engine.store.dialect import upsert
from engine.store.tables.experiments import CONVERTED, EXPOSED, HARMED
from engine.terms import HOUR, Micros, length_micros


def take_over(connection: Connection, source: Place, target: Place) -> None:
    """Move all exposures of a contact to another.

    Cost: some statements and one for each kind of count that changes; nothing is counted again.
    """
    theirs, ours = (read(connection, "exposure", place) for place in (source, target))
    if not theirs:
        return
    moved = [{**row, "part": target[0], "contact_id": target[1]} for row in theirs]
    kept = _joined(connection, [*ours, *moved])
    for place in (source, target):
        remove(connection, "exposure", place)
    write(connection, "exposure", kept)
    change = _tallied(kept)
    change.subtract(_tallied([*ours, *theirs]))
    for key, contacts in sorted(change.items()):
        if contacts:
            _count(connection, key, contacts)


def _joined(connection: Connection, rows: list[Row]) -> list[Row]:
    windows = _windows(connection, {row["experiment_id"] for row in rows})
    firsts: dict[int, Row] = {}
    for row in sorted(rows, key=lambda row: int(row["at"])):
        first = firsts.setdefault(row["experiment_id"], row)
        if first is not row:
            firsts[row["experiment_id"]] = _both(first, row, windows.get(row["experiment_id"]))
    return list(firsts.values())


def _both(first: Row, later: Row, window: Micros | None) -> Row:
    """Let the first exposure have what followed upon both, as far as that lies within its own window."""
    if window is None:
        return first
    goals = [each["converted_at"] for each in (first, later) if each["converted_at"] is not None]
    converted = min((at for at in goals if first["at"] < at <= first["at"] + window), default=None)
    # When harm was done is not kept: it is taken to lie within the first window where the later one begins in it.
    harmed = later["harmed"] if later["at"] <= first["at"] + window else 0
    return {**first, "converted_at": converted, "harmed": first["harmed"] | harmed}


def _windows(connection: Connection, experiments: set[int]) -> Mapping[int, Micros]:
    experiment = table("experiment")
    chosen = sa.select(experiment.c.id, experiment.c.settings).where(experiment.c.id.in_(experiments))
    known = connection.execute(chosen)
    return {int(id_): length_micros(Comparison.model_validate_json(said).window) for id_, said in known}


def _tallied(rows: list[Row]) -> Counter[tuple[Any, ...]]:
    """Count exposures as the tallies do, but for messages: those that went out did so."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        what = [EXPOSED, *([CONVERTED] if row["converted_at"] is not None else [])]
        what += [HARMED + place for place in range(int(row["harmed"]).bit_length()) if row["harmed"] >> place & 1]
        hour = row["at"] - row["at"] % HOUR
        found.update((row["part"], row["experiment_id"], row["epoch"], hour, row["variant"], each) for each in what)
    return found


def _count(connection: Connection, key: tuple[Any, ...], contacts: int) -> None:
    tally = table("experiment_tally")
    names = ("part", "experiment_id", "epoch", "hour", "variant", "what")
    insert = upsert(tally, connection.dialect.name).values(**dict(zip(names, key, strict=True)), contacts=contacts)
    more = {"contacts": tally.c.contacts + insert.excluded.contacts}
    connection.execute(insert.on_conflict_do_update(index_elements=list(names), set_=more))
