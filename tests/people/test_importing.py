import csv
import io
import tracemalloc
from collections.abc import Iterator

import pytest

from engine.errors import PeopleError
from engine.people.importing import ImportReport, import_contacts
from engine.people.reading import Problem
from engine.store.session import Store
from tests.people.sights import NOW, contact, counted, maybe, rows_in, tags_of


def take(store: Store, text: str | bytes, batch: int = 5_000) -> ImportReport:
    content = text.encode() if isinstance(text, str) else text
    return import_contacts(store, io.BytesIO(content), now=NOW, batch=batch)


def test_every_column_goes_where_it_belongs(store: Store) -> None:
    report = take(
        store,
        "id,email,phone,timezone,locale,tags,stage,account,account.name,account.seats,plan,seats,active,note\n"
        "ann,ann@example.com,+49 1,Europe/Berlin,de,vip|beta,lead,acme,Acme,12,pro,5,true,\n",
    )
    assert (report.rows, report.created, report.changed, report.problems) == (1, 1, 0, [])
    facts = contact(store, "ann")
    assert facts[3:8] == ("ann@example.com", "+49 1", "Europe/Berlin", "de", "lead")
    assert facts.attributes == {"plan": "pro", "seats": 5, "active": True}
    assert tags_of(store, "ann") == {"vip", "beta"}
    assert set(rows_in(store, "account", "key", "name")) == {("acme", "Acme")}
    assert {str(said) for (said,) in rows_in(store, "account", "attributes")} == {"{'seats': 12}"}


def test_bad_rows_are_told_with_line_and_reason_and_stop_nobody(store: Store) -> None:
    report = take(
        store,
        b"id,email,timezone,tags\n"
        b"a,a@example.com,,\n"
        b",no@example.com,,\n"
        b"c,not-an-address,,\n"
        b"d,d@example.com\n"
        b'"e\ne",e@example.com,,\n'
        b"f,f@example.com,Mars/Base,\n"
        b"g,g\xff@example.com,,\n"
        b"h,h@example.com,,\x00\n"
        b"\n"
        b",,,\n"
        b"i,i@example.com,," + b"x" * 101 + b"\n"
        b"j,j@example.com,,\n",
    )
    levels = {problem.line: problem.level for problem in report.problems}
    assert sorted(levels) == [3, 4, 5, 8, 9, 10, 13]
    assert [line for line, level in levels.items() if level == "warning"] == [8]
    reasons = {problem.line: problem.reason for problem in report.problems}
    assert "no id" in reasons[3]
    assert "not-an-address" in reasons[4]
    assert "2 cells, the header 4" in reasons[5]
    assert "Mars/Base" in reasons[8]
    assert "utf-8" in reasons[9]
    assert "tag" in reasons[13]
    assert (report.rows, report.created, report.counts["refused"]) == (4, 4, 6)
    assert [key for (key,) in rows_in(store, "contact", "key")] == ["a", "e\ne", "f", "j"]
    assert contact(store, "f").timezone == "Mars/Base"


def test_a_quote_that_is_not_closed_costs_its_rows_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = csv.field_size_limit(200)
    try:
        rows = "".join(f"r{number},x\n" for number in range(100))
        report = take(store, f'id,note\na,x\nb,"open\n{rows}')
    finally:
        csv.field_size_limit(limit)
    assert contact(store, "a")
    assert contact(store, "r99")
    assert [problem.line for problem in report.problems if "quote" in problem.reason] == [3]


@pytest.mark.parametrize("batch", [1, 2, 5_000])
def test_of_an_id_that_is_there_twice_the_later_row_wins(store: Store, batch: int) -> None:
    report = take(store, "id,email,plan,seats\na,1@example.com,free,1\nb,b@example.com,,\na,2@example.com,,3\n", batch)
    assert (contact(store, "a").email, contact(store, "a").attributes) == (
        "2@example.com",
        {"plan": "free", "seats": 3},
    )
    assert report.problems == [Problem(4, "id 'a' came before; what this row says counts", "note")]
    assert (report.created, report.rows) == (2, 3)


def test_a_second_import_changes_what_is_new_only(store: Store) -> None:
    take(store, "id,email,plan\na,a@example.com,free\nb,b@example.com,free\n")
    report = take(store, "id,email,plan\na,,pro\nb,b@example.com,free\nc,c@example.com,free\n")
    assert (report.created, report.changed, report.problems) == (1, 1, [])
    assert (contact(store, "a").email, contact(store, "a").attributes) == ("a@example.com", {"plan": "pro"})


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "no column id"),
        ("email,name", "no column id"),
        ("id,email,Email", "'email' is there twice"),
        ("id,,", "no name"),
        ('id,"a""b"', "cannot be the name"),
        ("id,x[],x[][]", "cannot be the name"),
        ("id,account.id", "cannot be the name"),
    ],
)
def test_a_header_that_cannot_be_used(sqlite_store: Store, header: str, words: str) -> None:
    with pytest.raises(PeopleError, match=words.replace("[", r"\[")):
        take(sqlite_store, f"{header}\nx,y,z\n")


def test_all_faults_of_a_header_are_told_at_once(sqlite_store: Store) -> None:
    with pytest.raises(PeopleError) as caught:
        take(sqlite_store, 'name,name,"x\\y"\n1,2,3\n')
    assert len(caught.value.facts["problems"]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_of_spreadsheets(store: Store, encoding: str) -> None:
    report = take(store, "ID,Email,姓名\nli,li@example.com,李雷\nhan,han@example.com,韩梅梅\n".encode(encoding))
    assert report.encoding == encoding.removesuffix("-sig")
    assert contact(store, "li").attributes == {"姓名": "李雷"}
    assert contact(store, "han").attributes == {"姓名": "韩梅梅"}


@pytest.mark.parametrize("sign", [";", "\t"])
def test_other_signs_between_cells(store: Store, sign: str) -> None:
    take(store, sign.join(("id", "email", "plan")) + "\n" + sign.join(("a", "a@example.com", "pro")) + "\n")
    assert contact(store, "a").attributes == {"plan": "pro"}


def test_lists_have_columns_of_their_own(store: Store) -> None:
    report = take(store, 'id,likes[]\na,"[""x"", 2]"\nb,no list\n')
    assert contact(store, "a").attributes == {"likes": ["x", 2]}
    assert contact(store, "b").attributes == {}
    assert [(problem.line, problem.level) for problem in report.problems] == [(3, "warning")]


def test_facts_about_no_account_are_told(store: Store) -> None:
    report = take(store, "id,account,account.plan\na,,pro\n")
    assert [(problem.line, problem.level) for problem in report.problems] == [(2, "warning")]
    assert rows_in(store, "account", "key") == []


def test_progress_is_told_in_bytes(store: Store) -> None:
    content = b"id\n" + b"".join(b"c%d\n" % number for number in range(100))
    heard: list[int] = []
    import_contacts(store, io.BytesIO(content), now=NOW, progress=heard.append, batch=30)
    assert len(heard) == 5
    assert heard == sorted(heard)
    assert heard[-1] == len(content)


def test_only_so_many_problems_are_kept(sqlite_store: Store) -> None:
    report = take(sqlite_store, "id,email\n" + "a,nonsense\n" * 1_200)
    assert (len(report.problems), report.counts["refused"]) == (1_000, 1_200)


def test_statements_do_not_grow_with_rows(store: Store) -> None:
    def cost(count: int, prefix: str) -> int:
        with counted(store) as statements:
            take(store, "id,tags,account\n" + "".join(f"{prefix}{n},t,{prefix}{n % 7}\n" for n in range(count)))
            return statements()

    assert cost(300, "x") == cost(600, "y")


class Endless:
    """A file of contacts that is made while it is read."""

    def __init__(self, count: int) -> None:
        self._lines = self._made(count)
        self._pending = b""

    def _made(self, count: int) -> Iterator[bytes]:
        yield b"id,email,plan\n"
        for number in range(count):
            yield b"c%d,c%d@example.com,pro\n" % (number, number)

    def read(self, size: int) -> bytes:
        while len(self._pending) < size and (line := next(self._lines, b"")):
            self._pending += line
        found, self._pending = self._pending[:size], self._pending[size:]
        return found


def test_memory_does_not_grow_with_the_file(sqlite_store: Store) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            import_contacts(sqlite_store, Endless(count), now=NOW, batch=500)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)
    assert peak(12_000) < 1.5 * peak(3_000)


def test_an_empty_file_of_contacts(store: Store) -> None:
    assert take(store, "id,email\n").rows == 0
    assert maybe(store, "") is None
