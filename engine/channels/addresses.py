"""Which network addresses a user's text may lead us to: those of the open internet, however they are written.

Source: IANA's special-purpose registries. ``is_global`` of Python 3.11 alone lets through NAT64 and 6to4 forms of
private addresses, multicast, and metadata services of clouds.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_CARRIERS: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""Networks whose last 32 bits are an IPv4 address."""

_SHUT_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_SHUT_6: Final = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))


def is_public(text: str) -> bool:
    """Tell whether an address, as the resolver gives it, belongs to the open internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_4(address)
    if address.scope_id is not None:
        return False
    inner = _carried(address)
    if inner is not None:
        return _is_public_4(inner)
    return address in _GLOBAL_UNICAST and address.is_global and not any(address in shut for shut in _SHUT_6)


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in shut for shut in _SHUT_4)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Unwrap an IPv4 address that travels inside of an IPv6 one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in carrier for carrier in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None
