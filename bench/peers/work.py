"""The bench's flow for those who do it a contact at a time: entry → rule → 50/50 split → message → wait → end.

The wait is due at once: a peer writes its timer and need not wait. ``rest`` is the grain that suits a peer best: all
steps up to the wait in one job, and one job after it; with ``step`` each is a job, or a recorded step, of its own.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Final, TypedDict

STEPS: Final = 5
"""Steps of one contact, counted as the engine counts them: trigger, rule, split, message, wait."""

TABLE: Final = "CREATE TABLE peer_message (contact text NOT NULL, node text NOT NULL, PRIMARY KEY (contact, node))"
OWES: Final = "INSERT INTO peer_message (contact, node) VALUES ({contact}, {node}) ON CONFLICT DO NOTHING"
COUNT: Final = "SELECT count(*) FROM peer_message"


class Person(TypedDict):
    """A contact, as it goes from job to job."""

    key: str
    plan: str


def people(count: int) -> Iterator[Person]:
    """Make contacts."""
    for number in range(count):
        yield {"key": f"c{number:07d}", "plan": "trial" if number % 10 < 6 else "paid"}


def on_trial(person: Person) -> bool:
    """Tell whether the rule holds."""
    return person["plan"] == "trial"


def message_of(person: Person) -> str:
    """Choose one of two messages, the same at every pass."""
    hashed = int.from_bytes(hashlib.sha256(person["key"].encode()).digest()[:4], "big")
    return "hello" if hashed % 10_000 < 5_000 else "welcome"


def asked() -> tuple[str, int, str]:
    """Read the command line: address of the database, number of contacts, grain."""
    return sys.argv[1], int(sys.argv[2]), sys.argv[3]


def tell(contacts: int, since: float, messages: int) -> None:
    """Say how long it took since an instant of ``time.perf_counter``; nothing may have been left out."""
    if messages != contacts:
        raise SystemExit(f"{messages} messages for {contacts} contacts")
    print(json.dumps({"contacts": contacts, "seconds": time.perf_counter() - since}))
