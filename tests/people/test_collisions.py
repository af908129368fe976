"""Several writers at once, as several processes would be: on PostgreSQL they really run beside each other."""

import io
import random
import threading
from collections.abc import Callable

import sqlalchemy as sa

from engine.people.contacts import ContactRow
from engine.people.importing import import_contacts
from engine.people.intake import Intake, Submission
from engine.people.merging import merge
from engine.people.segment_api import Envelope, IncomingEvent, read_call
from engine.people.transactions import committed
from engine.people.upserting import upsert
from engine.store.session import Store
from engine.store.tables import metadata
from tests.people.sights import NOW, contact, rows_in

USERS = 12


def calls(dice: random.Random, count: int) -> list[IncomingEvent]:
    """Make calls of few users, many of them twice, some of which join users."""
    envelope = Envelope("key", NOW)
    made = []
    for _ in range(count):
        user, other, number = f"u{dice.randrange(USERS)}", f"u{dice.randrange(USERS)}", dice.randrange(400)
        kind = dice.choice(["track"] * 12 + ["identify"] * 4 + ["group", "alias"])
        said: dict[str, object] = {
            "userId": user,
            "messageId": f"{kind}{number}-{user}",
            "event": "used",
            "previousId": other,
        }
        said |= {"traits": {"plan": number}, "groupId": f"g{number % 3}", "anonymousId": f"anon-{other}"}
        made.append(read_call(said, envelope, kind))
    return made


def together(*works: Callable[[], object]) -> None:
    faults: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def whole(store: Store) -> bool:
    """Tell whether every event belongs to a contact that is there, and nobody is there twice."""
    event, person = metadata.tables["event"], metadata.tables["contact"]
    mine = sa.and_(person.c.part == event.c.part, person.c.id == event.c.contact_id)
    with store.read() as connection:
        orphans = connection.scalar(sa.select(sa.func.count()).select_from(event).where(~sa.exists().where(mine)))
    keys = [key for (key,) in rows_in(store, "contact", "key")]
    sent = rows_in(store, "event", "part", "source", "message_id")
    return orphans == 0 and len(set(keys)) == len(keys) and len(set(sent)) == len(sent)


def test_ingests_beside_each_other(store: Store) -> None:
    intakes = [Intake(store, group=40).start() for _ in range(3)]

    def send(intake: Intake, seed: int) -> Callable[[], object]:
        def work() -> None:
            dice = random.Random(seed)
            futures = [intake.submit(Submission("key", NOW, calls(dice, 15))) for _ in range(8)]
            for future in futures:
                future.result(timeout=100)

        return work

    together(*(send(intake, seed) for seed, intake in enumerate(intakes)))
    for intake in intakes:
        intake.close()
    assert whole(store)


def test_an_import_beside_ingest_and_merges(store: Store) -> None:
    with store.write() as connection:
        upsert(connection, store.parts, 1, [ContactRow(f"u{number}") for number in range(USERS)], NOW)
    intake = Intake(store, group=40).start()
    plain = [row for row in calls(random.Random(5), 200) if row.kind != "alias"]
    text = "id,plan,account\n" + "".join(f"u{number % USERS},{number},g{number % 3}\n" for number in range(300))

    def send() -> None:
        for start in range(0, len(plain), 10):
            intake.submit(Submission("key", NOW, plain[start : start + 10])).result(timeout=100)

    def join() -> None:
        for number in range(0, USERS, 2):
            one, two = f"u{number}", f"u{number + 1}"
            committed(store, lambda connection, one=one, two=two: merge(connection, store.parts, one, two, now=NOW))  # type: ignore[misc]

    together(send, join, lambda: import_contacts(store, io.BytesIO(text.encode()), now=NOW, batch=20))
    intake.close()
    assert whole(store)
    assert {contact(store, f"u{number}").key for number in range(1, USERS, 2)} <= {
        f"u{number}" for number in range(0, USERS, 2)
    } | {f"u{number}" for number in range(1, USERS, 2)}
