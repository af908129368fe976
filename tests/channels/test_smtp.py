"""Sessions with mail servers of all kinds, well-behaved and not."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace

import pytest
import trustme

from engine.channels.base import MessageKey, Outcome, Outgoing
from engine.channels.email import EmailChannel, Server
from engine.channels.smtp import is_bounce
from tests.channels.postman import postman
from tests.channels.teller import CUT, SILENCE, Teller, teller
from tests.channels.world import START

SENDER = "Dripline <hello@drip.example>"
MAIL = Outgoing(MessageKey(0, 1, 2, 3, 1), "email", "c1@example.com", START, subject="Hi", text="Hello\n")
NO_SUCH = "550 5.1.1 no such user"

both_ways = pytest.mark.parametrize("pipelining", [True, False])


def hand_over(
    given: Teller, count: int = 1, *, seconds: float = 20, tls: str = "none", context: ssl.SSLContext | None = None
) -> list[Outcome]:
    """Hand mails over one after the other, each with a subject of its own."""

    async def run() -> list[Outcome]:
        async with teller(given, context):
            channel = EmailChannel(Server("127.0.0.1", given.port, tls, verify=False), SENDER, seconds=seconds)
            await channel.open()
            mails = [replace(MAIL, subject=f"mail {number}") for number in range(count)]
            outcomes = [(await channel.deliver([mail]))[0] for mail in mails]
            await channel.close()
            return outcomes

    return asyncio.run(run())


def states(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]


def subjects(given: Teller) -> list[str]:
    return [mail.decode().split("Subject: ")[1].split("\r\n")[0] for mail in given.mails]


def verbs(given: Teller) -> list[list[str]]:
    """List what came at once, by the commands in it; a body is the word ``body``."""
    return [
        ["body"] if heard.endswith(b"\r\n.\r\n") else [line[:4].decode() for line in heard.split(b"\r\n") if line]
        for heard in given.heard
    ]


def test_an_envelope_is_one_round_trip_where_the_server_takes_several_commands_at_once() -> None:
    server = Teller()
    assert states(hand_over(server, 2)) == ["sent", "sent"]
    envelope = ["MAIL", "RCPT", "DATA"]
    assert verbs(server) == [["EHLO"], ["RSET"], envelope, ["body"], envelope, ["body"], ["QUIT"]]


def test_commands_wait_for_each_other_where_the_server_does_not_say_that_they_need_not() -> None:
    server = Teller(pipelining=False)
    assert states(hand_over(server, 2)) == ["sent", "sent"]
    mail = [["MAIL"], ["RCPT"], ["DATA"], ["body"]]
    assert verbs(server) == [["EHLO"], ["RSET"], *mail, *mail, ["QUIT"]]


def test_a_server_of_the_old_kind_is_greeted_in_the_old_way() -> None:
    server = Teller({"EHLO": ["502 what?"]})
    assert states(hand_over(server)) == ["sent"]
    assert verbs(server)[:3] == [["EHLO"], ["HELO"], ["RSET"]]


@both_ways
@pytest.mark.parametrize("started", ["354 go on", "503 5.5.1 no recipients"])
def test_a_recipient_refused_among_others_leaves_the_session_as_it_was(pipelining: bool, started: str) -> None:
    server = Teller({"RCPT": ["250 fine", NO_SUCH]}, pipelining=pipelining)
    if pipelining:
        server.script = {**server.script, "DATA": ["354 go on", started]}
    outcomes = hand_over(server, 3)
    assert states(outcomes) == ["sent", "permanent", "sent"]
    assert (outcomes[1].answer, outcomes[1].bounce) == (NO_SUCH, True)
    assert (subjects(server), server.connections) == (["mail 0", "mail 2"], 1)
    assert sum(b"mail 1" in heard for heard in server.heard) == 0


@both_ways
@pytest.mark.parametrize(
    ("command", "answer", "state"),
    [
        ("MAIL", "451 4.3.0 later", "temporary"), ("MAIL", "553 5.1.8 your domain", "permanent"),
        ("RCPT", "450 4.2.0 greylisted", "temporary"), ("RCPT", "252 who knows", "sent"),
        ("DATA", "452 4.3.1 no room", "temporary"), ("DATA", "250 what?", "temporary"),
        (".", "452 4.3.1 no room", "temporary"), (".", "554 5.6.0 bad", "permanent"), (".", "354 more?", "in_doubt"),
    ],
)  # fmt: skip
def test_what_a_server_answers_decides(pipelining: bool, command: str, answer: str, state: str) -> None:
    server = Teller({command: [answer]}, pipelining=pipelining)
    first, second = hand_over(server, 2)
    assert (first.state, first.bounce) == (state, False)
    assert state == "sent" or first.answer == answer
    assert second.state == "sent"
    assert subjects(server) == (["mail 0", "mail 1"] if state == "sent" else ["mail 1"])


@both_ways
@pytest.mark.parametrize("answer", [CUT, "421 4.7.0 too many mails", "421-too\r\n421 many"])
def test_a_session_that_the_server_has_ended_costs_nothing(pipelining: bool, answer: str) -> None:
    server = Teller({"MAIL": ["250 fine", "250 fine", answer]}, pipelining=pipelining)
    assert states(hand_over(server, 4)) == ["sent"] * 4
    assert (subjects(server), server.connections) == ([f"mail {number}" for number in range(4)], 2)


@both_ways
def test_a_server_may_close_after_so_many_mails(pipelining: bool) -> None:
    server = Teller(pipelining=pipelining, last=2)
    assert states(hand_over(server, 5)) == ["sent"] * 5
    assert (subjects(server), server.connections) == ([f"mail {number}" for number in range(5)], 3)


@both_ways
@pytest.mark.parametrize("answer", [CUT, SILENCE, "421 4.7.0 go away", "what?", 7_000 * "250-on\r\n" + "250-and on"])
def test_a_new_connection_that_comes_to_nothing_is_a_temporary_failure(pipelining: bool, answer: str) -> None:
    for command in ("MAIL", "RCPT", "DATA"):
        server = Teller({command: [answer]}, pipelining=pipelining)
        assert states(hand_over(server, 2, seconds=0.3)) == ["temporary", "sent"]
        assert (subjects(server), server.connections) == (["mail 1"], 2)


@both_ways
@pytest.mark.parametrize("answer", [CUT, SILENCE, "what?"])
def test_without_an_answer_to_the_body_there_is_doubt(pipelining: bool, answer: str) -> None:
    server = Teller({".": ["250 taken", answer]}, pipelining=pipelining)
    assert states(hand_over(server, 3, seconds=0.3)) == ["sent", "in_doubt", "sent"]
    assert (subjects(server), server.connections) == (["mail 0", "mail 2"], 2)


@both_ways
@pytest.mark.parametrize("answer", [CUT, SILENCE, "500 what?"])
def test_a_refusal_holds_even_if_the_session_breaks_afterwards(pipelining: bool, answer: str) -> None:
    server = Teller({"RCPT": [NO_SUCH], "RSET": ["250 fine", answer]}, pipelining=pipelining)
    first, second = hand_over(server, 2, seconds=0.3)
    assert (first.state, first.answer, second.state) == ("permanent", NO_SUCH, "sent")
    assert (subjects(server), server.connections) == (["mail 1"], 2)


def test_an_answer_of_several_lines_is_one() -> None:
    server = Teller({".": ["250-2.0.0 taken\r\n250-by us\r\n250 as 1A2B"]})
    assert hand_over(server)[0].answer == "250 2.0.0 taken\nby us\nas 1A2B"


def test_a_server_that_says_goodbye_unasked_is_left() -> None:
    server = Teller({".": ["250 taken\r\n421 4.4.2 idle for too long"]})
    assert states(hand_over(server, 2)) == ["sent", "sent"]
    assert (subjects(server), server.connections) == (["mail 0", "mail 1"], 2)


@pytest.fixture(scope="module")
def certificate() -> ssl.SSLContext:
    """Make a server's certificate of an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_mails_go_over_tls(certificate: ssl.SSLContext) -> None:
    server = Teller(last=2)
    assert states(hand_over(server, 3, tls="implicit", context=certificate)) == ["sent"] * 3
    assert (subjects(server), server.connections) == (["mail 0", "mail 1", "mail 2"], 2)


@pytest.mark.parametrize("tls", ["required", "offered"])
def test_a_session_is_encrypted_where_the_server_offers_it(certificate: ssl.SSLContext, tls: str) -> None:
    async def run(channel: EmailChannel) -> Sequence[Outcome]:
        await channel.open()
        outcomes = await channel.deliver([MAIL, MAIL])
        await channel.close()
        return outcomes

    with postman(context=certificate) as server:
        given = EmailChannel(Server("127.0.0.1", server.port, tls, verify=False), SENDER)
        assert states(asyncio.run(run(given))) == ["sent", "sent"]
        given = EmailChannel(Server("127.0.0.1", server.port, tls), SENDER)
        assert states(asyncio.run(run(given))) == ["temporary", "temporary"]
    assert len(server.mails) == 2


@pytest.mark.parametrize(
    ("code", "text", "recipient", "bounce"),
    [
        (550, "5.1.1 x", True, True), (550, "5.1.10 null MX", True, True), (550, "5.2.1 disabled", True, True),
        (552, "5.2.2 full", True, False), (550, "5.7.26 policy", True, False), (550, "5.1.8 your domain", True, False),
        (550, "no user", True, True), (550, "no user", False, False), (554, "no", True, False),
        (550, "host 5.1.1.1 is blocked", True, True),
    ],
)  # fmt: skip
def test_what_is_a_bounce(code: int, text: str, recipient: bool, bounce: bool) -> None:
    assert is_bounce(code, text, recipient=recipient) is bounce
