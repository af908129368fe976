"""What is chosen in every part by itself: the first ones of each, by a text that does not grow with the parts."""

from typing import Any

import sqlalchemy as sa

from engine.store.partwise import of_each_part
from engine.store.session import Store
from engine.store.tables import ContactTag

TAG: sa.Table = ContactTag.__table__  # type: ignore[attr-defined]


def _last_two(part: sa.ColumnElement[int]) -> sa.Select[Any]:
    return sa.select(TAG).where(TAG.c.part == part).order_by(TAG.c.contact_id.desc()).limit(2)


def test_each_of_some_parts_gives_its_first_ones(store: Store) -> None:
    rows = [{"part": part, "contact_id": number, "tag": "a"} for part in range(5) for number in range(1, 5)]
    with store.write() as connection:
        connection.execute(TAG.insert(), rows)
    chosen = of_each_part(store.name, range(1, 4), _last_two)
    with store.read() as connection:
        found = connection.execute(sa.select(chosen.c.part, chosen.c.contact_id)).all()
    assert sorted((part, number) for part, number in found) == [
        (part, number) for part in (1, 2, 3) for number in (3, 4)
    ]


def test_postgresql_is_told_once_what_to_choose(postgresql_store: Store) -> None:
    few, many = (
        str(sa.select(of_each_part("postgresql", range(parts), _last_two)).compile(postgresql_store.engine))
        for parts in (2, 64)
    )
    assert few == many
