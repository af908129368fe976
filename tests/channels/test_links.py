import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from engine.channels.base import MessageKey
from engine.channels.letters import finish_html, finish_text
from engine.channels.links import Click, Links, Withdrawal, is_web_address, link_secrets
from engine.store.session import Store

LINKS = Links("https://drip.example/base/", ["one"])
KEY = MessageKey(1, 22, 333, 4, 5)


def token(url: str) -> str:
    return url.rsplit("/", 1)[1].removesuffix(".gif")


def test_what_is_signed_is_read() -> None:
    assert LINKS.read_pixel(token(LINKS.pixel(KEY))) == KEY
    assert LINKS.read_click(token(LINKS.click(KEY, "https://a.example/?q=你"))) == Click(KEY, "https://a.example/?q=你")
    assert LINKS.read_unsubscribe(token(LINKS.unsubscribe(KEY, "news"))) == Withdrawal(KEY, "news")
    assert LINKS.pixel(KEY).startswith("https://drip.example/base/t/o/")
    assert LINKS.owns(LINKS.unsubscribe(KEY, "news"))
    assert not LINKS.owns("https://drip.example/other")


def test_what_the_library_signed_is_read_packed_or_not() -> None:
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    library = URLSafeSerializer(["one"], salt="dripline.click", signer_kwargs=options)
    packed = library.dumps([*KEY, f"https://a.example/{'?q=1' * 50}"])
    assert packed.startswith(".")
    assert LINKS.read_click(packed) == Click(KEY, f"https://a.example/{'?q=1' * 50}")
    assert (
        LINKS.click(KEY, "https://a.example/")
        == f"https://drip.example/base/t/c/{library.dumps([*KEY, 'https://a.example/'])}"
    )


def test_a_token_is_good_for_its_purpose_only() -> None:
    tokens = [LINKS.pixel(KEY), LINKS.click(KEY, "https://a.example/"), LINKS.unsubscribe(KEY, "news")]
    readers: list[Any] = [LINKS.read_pixel, LINKS.read_click, LINKS.read_unsubscribe]
    for place, url in enumerate(tokens):
        assert [reader(token(url)) is not None for reader in readers] == [place == other for other in range(3)]


@given(st.text(max_size=60))
def test_what_is_not_ours_is_refused(text: str) -> None:
    assert LINKS.read_pixel(text) is None
    assert LINKS.read_click(text) is None
    assert LINKS.read_unsubscribe(text) is None


@given(st.integers(0, 60), st.sampled_from("aZ0_-."))
def test_an_altered_token_is_refused(place: int, sign: str) -> None:
    good = token(LINKS.unsubscribe(KEY, "news"))
    bad = good[:place] + sign + good[place + 1 :]
    assert bad == good or LINKS.read_unsubscribe(bad) is None


def test_a_token_is_no_place_for_another_target() -> None:
    payload, signature = token(LINKS.click(KEY, "https://a.example/")).split(".")
    forged = base64.urlsafe_b64encode(b'[1,22,333,4,5,"https://evil.example/"]').decode().rstrip("=")
    assert payload != forged
    assert LINKS.read_click(f"{forged}.{signature}") is None


def test_links_outlive_a_change_of_the_secret() -> None:
    old = token(LINKS.unsubscribe(KEY, "news"))
    changed = Links("https://drip.example", ["one", "two"])
    assert changed.read_unsubscribe(old) is not None
    assert Links("https://drip.example", ["two"]).read_unsubscribe(old) is None
    assert Links("https://drip.example", ["two"]).read_unsubscribe(token(changed.unsubscribe(KEY, "news"))) is not None


def test_the_secret_is_made_once_and_joined_by_the_given_one(store: Store) -> None:
    (own,) = link_secrets(store, "")
    assert len(own) >= 32
    assert link_secrets(store, "") == [own]
    assert link_secrets(store, "given") == [own, "given"]


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://a.example:8080/x?y=1#z", "https://[2001:db8::1]/", "HTTPS://A.example"]
)
def test_web_addresses(url: str) -> None:
    assert is_web_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "//evil.example", "https:evil", "https:\\\\evil.example", "\\evil", "javascript:alert(1)",
        "data:text/html,x", "https://user@evil.example", "https://a.example@evil.example/", "https://", "mailto:a@b.c", "ftp://a.example",
        "https://a.example/ x", "https://a.example\n.evil", "https://a.example:99999/", "/relative", "#x",
    ],
)  # fmt: skip
def test_what_is_no_web_address(url: str) -> None:
    assert not is_web_address(url)
    assert LINKS.read_click(token(LINKS.click(KEY, url))) is None


# ---------------------------------------------------------------- letters

OUT = LINKS.unsubscribe(KEY, "news")
END = "</body></html>"


def finish(*parts: str, locale: str = "en") -> str:
    return finish_html(parts, KEY, LINKS, OUT, locale)


def test_links_to_the_web_are_signed_and_others_are_left() -> None:
    others = ["mailto:a@b.c", "#top", "javascript:alert(1)", OUT, 'x"><svg>']
    html = finish('<a href="', "https://a.example/?x=1&y=2", '">go</a>', *(p for o in others for p in (o, "|")))
    assert f'<a href="{LINKS.click(KEY, "https://a.example/?x=1&y=2")}">go</a>' in html
    assert "mailto:a@b.c|#top|javascript:alert(1)|" + OUT + "|x&quot;&gt;&lt;svg&gt;|" in html


def test_a_picture_and_a_way_out_are_added_at_the_end() -> None:
    html = finish("<html><body><p>x</p>" + END)
    assert html.count(OUT) == 1
    assert html.endswith(f'<img src="{LINKS.pixel(KEY)}" width="1" height="1" alt="">{END}')
    assert "退订" in finish("<p>x</p>", locale="zh-CN")
    own = finish('<a href="', OUT, '">leave</a>')
    assert own.count(OUT) == 1
    assert "Unsubscribe" not in own


def test_a_text_gets_a_way_out_once() -> None:
    assert finish_text("x\n", OUT, "zh") == f"x\n\n退订: {OUT}\n"
    assert finish_text(f"x {OUT}", OUT, "zh") == f"x {OUT}"
