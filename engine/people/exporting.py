"""Export contacts to CSV: streamed, in the columns that an import reads, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.people import cells
from engine.people.accounts import ACCOUNT
from engine.people.attributes import COLUMNS, is_name
from engine.people.cells import Column
from engine.people.contacts import CONTACT, ERASED
from engine.people.tags import TAG
from engine.store.session import Store

PAGE: Final = 2_000
BOM: Final = "\ufeff"
"""Makes spreadsheets read a file as UTF-8."""


def export_contacts(store: Store, *, workspace_id: int = 1, bom: bool = False) -> Iterator[str]:
    """Give a CSV file of all contacts piece by piece: a line of names, then one row a contact.

    Shape: contacts in the order of parts and of their creation; what an import of it gives is equal.
    Cost: memory for one page; two statements a page of 2,000 contacts, and one pass before for the names.
    """
    with store.read() as connection:
        columns = _columns(connection, store.parts, workspace_id)
        yield (BOM if bom else "") + _written([[*cells.COLUMNS, *(column.title for column in columns)]])
        for page in _pages(connection, store.parts, workspace_id):
            yield _written(_rows(connection, columns, page))


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _columns(connection: Connection, parts: int, workspace_id: int) -> list[Column]:
    """Find all attributes that somebody has, sorted: those of contacts first, and lists behind single values."""
    found: set[Column] = set()
    for page in _pages(connection, parts, workspace_id):
        for contact in page:
            found.update(Column(False, name, isinstance(value, list)) for name, value in contact.attributes.items())
    abouts = connection.execute(
        sa.select(ACCOUNT.c.name, ACCOUNT.c.attributes).where(
            ACCOUNT.c.part.in_(range(parts)), ACCOUNT.c.workspace_id == workspace_id
        )
    )
    for name, about in abouts:
        found.update(Column(True, each, isinstance(value, list)) for each, value in about.items())
        found.update([Column(True, "name", False)] if name else ())
    writable = (column for column in found if is_name(column.name, of_account=column.of_account))
    return sorted(writable, key=lambda column: (column.of_account, column.is_list, column.name))


def _pages(connection: Connection, parts: int, workspace_id: int) -> Iterator[Sequence[Any]]:
    for part in range(parts):
        after = 0
        while page := _page(connection, part, workspace_id, after):
            yield page
            after = page[-1].id


def _page(connection: Connection, part: int, workspace_id: int, after: int) -> Sequence[Any]:
    owner = sa.and_(ACCOUNT.c.part == CONTACT.c.part, ACCOUNT.c.id == CONTACT.c.account_id)
    about = (ACCOUNT.c.key.label("account"), ACCOUNT.c.name.label("account_name"), ACCOUNT.c.attributes.label("about"))
    statement = (
        sa.select(CONTACT, *about)
        .select_from(CONTACT.outerjoin(ACCOUNT, owner))
        .where(CONTACT.c.part == part, CONTACT.c.id > after, CONTACT.c.workspace_id == workspace_id)
        .where(~CONTACT.c.key.startswith(ERASED))
        .order_by(CONTACT.c.id)
        .limit(PAGE)
    )
    return connection.execute(statement).all()


def _rows(connection: Connection, columns: Sequence[Column], page: Sequence[Any]) -> list[list[str]]:
    tagged = _tags(connection, page)
    return [_row(columns, contact, tagged.get(contact.id, ())) for contact in page]


def _row(columns: Sequence[Column], contact: Any, tags: Sequence[str]) -> list[str]:
    facts = {name: getattr(contact, name) for name in (*COLUMNS, "account")}
    facts.update(id=contact.key, tags=cells.TAG_SIGN.join(tags))
    about = {**(contact.about or {}), "name": contact.account_name}
    values = ((column, (about if column.of_account else contact.attributes).get(column.name)) for column in columns)
    return [
        *(cells.guard(facts[name] or "") for name in cells.COLUMNS),
        *(cells.write_value(value) if isinstance(value, list) is column.is_list else "" for column, value in values),
    ]


def _tags(connection: Connection, page: Sequence[Any]) -> dict[int, list[str]]:
    first, last = page[0], page[-1]
    rows = connection.execute(
        sa.select(TAG.c.contact_id, TAG.c.tag)
        .where(TAG.c.part == first.part, TAG.c.contact_id.between(first.id, last.id))
        .order_by(TAG.c.contact_id, TAG.c.tag)
    )
    tagged: dict[int, list[str]] = {}
    for contact_id, tag in rows:
        tagged.setdefault(contact_id, []).append(tag)
    return tagged
