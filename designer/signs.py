"""The style sheet of the signs on cards: each icon as a picture in the colours of its family, light and dark.

Five hundred masks cost a frame dear, five hundred backgrounds do not. A picture finds out by itself whether it lies on
a light or a dark ground.
"""

import re
from typing import Final

from designer.icons import CHANNELS, drawn
from engine.contract.node import Family

_SHAPE: Final = re.compile(r'\.i-([a-z0-9-]+)\{--i:(url\("[^"]*"\))\}')
_FAMILY: Final = re.compile(r"((?:\.k[a-z-]*,?\s*)+)\{\s*--tone: var\(--([a-z-]+)\)")
_COLOUR: Final = re.compile(r"--(k-[a-z]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


def sign_sheet(icons: str, tokens: str) -> str:
    """Write the sheet from the one with the icons' shapes and the one with the families' colours."""
    shapes = dict(_SHAPE.findall(icons))
    tones = {name: (light, dark) for name, light, dark in _COLOUR.findall(tokens)}
    worn = {each: tone for names, tone in _FAMILY.findall(tokens) for each in re.findall(r"[a-z-]+", names)}
    signs = {drawn(family) for family in Family} | {drawn(Family.SEND, channel) for channel in CHANNELS}
    return "\n".join(
        _rule(tint, icon, shapes[icon], *tones[worn.get(f"k-{tint}", worn["k"])]) for tint, icon in sorted(signs)
    )


def _rule(tint: str, icon: str, shape: str, light: str, dark: str) -> str:
    style = f"%3Cstyle%3E@media(prefers-color-scheme:dark){{svg{{stroke:{dark}}}}}%3C/style%3E".replace("#", "%23")
    head, rest = shape.replace("stroke='%23000'", f"stroke='{light.replace('#', '%23')}'").split("%3E", 1)
    return f".n .k-{tint}>.i-{icon}{{mask:none;background:{head}%3E{style}{rest} center/contain}}"
