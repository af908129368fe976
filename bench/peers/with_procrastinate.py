"""procrastinate: a job per contact and rest, or per step, deferred in batches at the entry."""

import asyncio
import time
from itertools import islice
from typing import Final

import procrastinate

from bench.peers.work import COUNT, OWES, STEPS, TABLE, Person, asked, message_of, on_trial, people, tell

CONCURRENCY: Final = 20
BATCH: Final = 1_000
INSERT: Final = OWES.format(contact="%(contact)s", node="%(node)s")
URL, CONTACTS, GRAIN = asked()
APP: Final = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=URL, min_size=4, max_size=CONCURRENCY),
    import_paths=["bench.peers.with_procrastinate"],
)


@APP.task(name="step")
async def step(person: Person, number: int) -> None:
    """Do one step, or the steps up to the wait, and defer the next job."""
    last = STEPS - 1
    if GRAIN == "rest" and number < last:
        on_trial(person)
        await _owe(person)
        number = last - 1
    elif number == 1:
        on_trial(person)
    elif number == last - 1:
        await _owe(person)
    if number == last - 1:
        await step.configure(schedule_in={"seconds": 0}).defer_async(person=person, number=last)
    elif number < last:
        await step.defer_async(person=person, number=number + 1)


async def _owe(person: Person) -> None:
    await APP.connector.execute_query_async(INSERT, contact=person["key"], node=message_of(person))


def main() -> None:
    """Let everybody in and work until no job is left."""
    asyncio.run(_main())


async def _main() -> None:
    async with APP.open_async():
        await APP.schema_manager.apply_schema_async()
        await APP.connector.execute_query_async(TABLE)
        since = time.perf_counter()
        everybody = people(CONTACTS)
        while some := [{"person": person, "number": 0} for person in islice(everybody, BATCH)]:
            await step.batch_defer_async(*some)
        await APP.run_worker_async(concurrency=CONCURRENCY, wait=False, install_signal_handlers=False)
        found = await APP.connector.execute_query_one_async(COUNT)
        tell(CONTACTS, since, int(found["count"]))
