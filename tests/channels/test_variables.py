from sys import maxunicode

from engine.channels.variables import BLANK


def test_every_sign_that_python_strips_is_blank() -> None:
    assert "".join(sign for sign in map(chr, range(maxunicode + 1)) if sign.isspace()) == BLANK
