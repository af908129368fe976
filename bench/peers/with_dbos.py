"""DBOS: a workflow per contact, whose steps and sleep are recorded."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS

from bench.peers.work import COUNT, OWES, TABLE, Person, asked, message_of, on_trial, people, tell

THREADS: Final = 8
SETUP: Final[dict[str, Any]] = {}


@DBOS.step()
def enters(person: Person) -> str:
    """Enter."""
    return person["key"]


@DBOS.step()
def rule(person: Person) -> bool:
    """Ask the rule."""
    return on_trial(person)


@DBOS.step()
def split(person: Person) -> str:
    """Choose a message."""
    return message_of(person)


@DBOS.step()
def owe(person: Person, node: str) -> None:
    """Keep that the message is owed."""
    with SETUP["engine"].begin() as connection:
        connection.execute(SETUP["owes"], {"contact": person["key"], "node": node})


@DBOS.step()
def up_to_the_wait(person: Person) -> None:
    """Do all steps between entry and wait as one."""
    on_trial(person)
    with SETUP["engine"].begin() as connection:
        connection.execute(SETUP["owes"], {"contact": person["key"], "node": message_of(person)})


@DBOS.workflow()
def journey(person: Person) -> None:
    """Carry one contact from entry to end."""
    if SETUP["grain"] == "rest":
        up_to_the_wait(person)
    else:
        enters(person)
        rule(person)
        owe(person, split(person))
    DBOS.sleep(0.001)


def main() -> None:
    """Let everybody in, several at a time."""
    url, contacts, grain = asked()
    DBOS(config={"name": "bench", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    patience = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), **patience)
    with engine.begin() as connection:
        connection.execute(sa.text(TABLE))
    SETUP.update(engine=engine, owes=sa.text(OWES.format(contact=":contact", node=":node")), grain=grain)
    DBOS.launch()
    since = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(journey, people(contacts)):
            pass
    with engine.connect() as connection:
        tell(contacts, since, int(connection.scalar(sa.text(COUNT)) or 0))
    DBOS.destroy()
