import pytest

from engine.access import passwords, refusals
from engine.errors import AccessError
from engine.store.session import Store
from engine.terms import HOUR, MINUTE


def test_a_password_is_kept_as_argon2id() -> None:
    known = passwords.hash_password("four words are enough")
    assert known.startswith("$argon2id$")
    assert passwords.verify("four words are enough", known)
    assert not passwords.verify("four words are not enough", known)
    assert not passwords.verify("four words are enough", None)
    assert not passwords.verify("four words are enough", "no hash at all")
    assert known != passwords.hash_password("four words are enough")


def test_weak_hashes_are_made_again() -> None:
    weak = "$argon2id$v=19$m=8,t=1,p=1$MTIzNDU2Nzg$ZJ1s4VZ0bTzqRkYuKjC2cQ"
    assert passwords.is_outdated(weak)
    assert not passwords.is_outdated(passwords.hash_password("four words are enough"))


EASY = ("short", "x" * 129, "password1234", "PassWord1234", "aaaaaaaaaaaaa", "ada@example.com")


@pytest.mark.parametrize("password", EASY)
def test_easy_passwords_are_refused(password: str) -> None:
    with pytest.raises(AccessError):
        passwords.check_strength(password, "Ada@example.com", "Ada")


def test_long_phrases_are_taken() -> None:
    passwords.check_strength("一只猫坐在温暖的窗台上晒太阳", "ada@example.com")
    passwords.check_strength("correct horse battery", "ada@example.com")
    passwords.check_strength("x7" * 30 + "abc!", "ada@example.com")


def test_failures_count_against_account_address_and_network(store: Store) -> None:
    now = 1_000 * HOUR
    with store.write() as connection:
        for number in range(20):
            of = refusals.subjects(f"u{number}@example.com", f"203.0.113.{number % 4}")
            refusals.note(connection, store.name, of, now=now)
        assert refusals.waiting(connection, refusals.subjects("new@example.com", "203.0.113.1"), now=now) == 0
        for number in range(90):
            of = refusals.subjects(f"v{number}@example.com", f"203.0.113.{number % 200}")
            refusals.note(connection, store.name, of, now=now)
        assert refusals.waiting(connection, refusals.subjects("new@example.com", "203.0.113.250"), now=now) > 0
        assert refusals.waiting(connection, refusals.subjects("new@example.com", "198.51.100.1"), now=now) == 0
        later = now + 16 * MINUTE
        assert refusals.waiting(connection, refusals.subjects("new@example.com", "203.0.113.250"), now=later) == 0


def test_an_account_is_forgiven_when_its_user_signs_in(store: Store) -> None:
    now = 1_000 * HOUR
    of = refusals.subjects("Ada@example.com ", "::1")
    with store.write() as connection:
        for _ in range(7):
            refusals.note(connection, store.name, of, now=now)
        assert refusals.waiting(connection, of, now=now) == 60_000_000
        refusals.forget(connection, "ada@example.com")
        assert refusals.waiting(connection, of, now=now) == 0


def test_networks_of_both_kinds_of_addresses() -> None:
    assert refusals.subjects("a", "2001:db8:1:2ff::9")[2] == "net:2001:db8:1:200::/56"
    assert refusals.subjects("a", "198.51.100.77")[2] == "net:198.51.100.0/24"
    assert refusals.subjects("a", "somewhere")[2] == "net:somewhere"
