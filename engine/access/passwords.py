"""Passwords: argon2id, at least twelve signs, none that everybody uses."""

from functools import lru_cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from engine.errors import AccessError

SHORTEST: Final = 12
LONGEST: Final = 128

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's first choice for argon2id: 19 MiB, two passes, one lane."""

_WORDS: Final = """
    123456789012 1234567890123 12345678901234 123456781234 111111111111 000000000000 qwertyuiop12 qwertyuiop123
    qwertyuiopas 1q2w3e4r5t6y 1qaz2wsx3edc q1w2e3r4t5y6 passwordpassword password1234 password12345 password123456
    passw0rd1234 adminadminadmin admin1234567 administrator letmeinletmein iloveyou1234 iloveyouiloveyou welcome12345
    changemechangeme changeme1234 abcdefghijkl abcd12345678 abc123abc123 a1b2c3d4e5f6 woaini123456 woaini1314520
    driplinedripline dripline1234 footballfootball princess1234 sunshine1234 monkeymonkey dragondragon
"""
_COMMON: Final = frozenset(_WORDS.split())
"""Long passwords that stand on every list of guesses."""


def check_strength(password: str, *others: str) -> None:
    """Refuse a password that is too short, too long, or known to everybody; ``others`` are names it must not repeat.

    Errors: ``AccessError``.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccessError(f"a password has {SHORTEST} to {LONGEST} signs", fault="length")
    plain = password.casefold().strip()
    if plain in _COMMON or len(set(plain)) < 4 or any(other and plain == other.casefold() for other in others):
        raise AccessError("this password is easy to guess; take several words", fault="common")


def hash_password(password: str) -> str:
    """Hash a password. Cost: about 20 ms and 19 MiB, on purpose."""
    return _HASHER.hash(password)


def verify(password: str, known: str | None) -> bool:
    """Tell whether this is the password; without one it takes as long to say no."""
    try:
        _HASHER.verify(known or _nobodys(), password[: LONGEST + 1])
    except (Argon2Error, InvalidHashError):
        return False
    return known is not None


def is_outdated(known: str) -> bool:
    """Tell whether a hash was made with weaker numbers than today's."""
    return _HASHER.check_needs_rehash(known)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")
