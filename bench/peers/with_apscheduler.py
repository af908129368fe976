"""APScheduler with one durable job per contact: each job does its part and leaves the next one."""

import itertools
import threading
import time
from typing import Any, Final

import sqlalchemy as sa
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from bench.peers.work import COUNT, OWES, STEPS, TABLE, Person, asked, message_of, on_trial, people, tell

THREADS: Final = 2
ENDED: Final = itertools.count(1)
OVER: Final = threading.Event()
SETUP: Final[dict[str, Any]] = {}


def step(person: Person, number: int) -> None:
    """Do one step, or the steps up to the wait, and leave the next job."""
    last = STEPS - 1
    if SETUP["grain"] == "rest" and number < last:
        on_trial(person)
        _owe(person)
        number = last - 1
    elif number == 1:
        on_trial(person)
    elif number == last - 1:
        _owe(person)
    if number < last:
        SETUP["scheduler"].add_job(step, args=[person, number + 1])
    elif next(ENDED) == SETUP["contacts"]:
        OVER.set()


def _owe(person: Person) -> None:
    with SETUP["engine"].begin() as connection:
        connection.execute(SETUP["owes"], {"contact": person["key"], "node": message_of(person)})


def _open(url: str) -> sa.Engine:
    engine = sa.create_engine(url, **({"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}))
    if url.startswith("sqlite"):

        @sa.event.listens_for(engine, "connect")
        def _(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            # As durable as ours: with less, a power cut takes back what was committed.
            connection.execute("PRAGMA synchronous=FULL")

    with engine.begin() as connection:
        connection.execute(sa.text(TABLE))
    return engine


def main() -> None:
    """Let everybody in, a job each, and wait until the last has ended."""
    url, contacts, grain = asked()
    engine = _open(url)
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(engine=engine)},
        executors={"default": ThreadPoolExecutor(THREADS)},
        job_defaults={"misfire_grace_time": None},
        timezone="UTC",
    )
    owes = sa.text(OWES.format(contact=":contact", node=":node"))
    SETUP.update(engine=engine, owes=owes, scheduler=scheduler, contacts=contacts, grain=grain)
    # Jobs are written while it rests: else each one would let it read all that are due.
    scheduler.start(paused=True)
    since = time.perf_counter()
    for person in people(contacts):
        scheduler.add_job(step, args=[person, 0])
    scheduler.resume()
    OVER.wait()
    with engine.connect() as connection:
        tell(contacts, since, int(connection.scalar(sa.text(COUNT)) or 0))
    scheduler.shutdown()
