"""The pictures of signs on cards: there is one for each, in the colours of its family."""

import re

from designer.icons import drawn
from designer.signs import sign_sheet
from engine.contract.registry import installed
from tests.law.sources import ROOT


def test_every_node_type_has_its_sign_in_the_colours_of_its_family() -> None:
    tokens = (ROOT / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    sheet = sign_sheet((ROOT / "static" / "vendor" / "icons.css").read_text(encoding="utf-8"), tokens)
    rules = dict(re.findall(r"\.n \.k-([a-z]+>\.i-[a-z-]+)\{(.*)\}", sheet))
    for node_type in installed():
        tint, icon = drawn(node_type.family, node_type.channel)
        light, dark = re.findall(r"%23([0-9a-f]{6})", rules[f"{tint}>.i-{icon}"])
        assert f"light-dark(#{light}, #{dark})" in tokens
        assert "prefers-color-scheme:dark" in rules[f"{tint}>.i-{icon}"]
    assert rules["wait>.i-clock"] != rules["send>.i-mail"]
