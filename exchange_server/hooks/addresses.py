"""Which network addresses a message may be posted to. Names are resolved here, every answer is checked, and the connection goes to the checked address: a name
that answers differently the next moment changes nothing.
"""

import asyncio
import ipaddress
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses that have another one in them, to which a gateway passes on.
_WRAPPERS = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))


class Refused(Exception):
    """The text is one sentence."""


def is_public(address: Address) -> bool:
    """Whether it is an address of the internet: not this machine, a private network, a link, a group."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _WRAPPERS) or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_unspecified or address.is_reserved)


async def resolve(host: str, port: int, allow_private: bool) -> list[str]:
    """The addresses of a host, in the system's order. Raises Refused if one of them is not public and that is not allowed, or if there is none."""
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(f"the name {host} is not known: {getattr(error, 'strerror', None) or error}") from None
    found: list[str] = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not found:
        raise Refused(f"the name {host} has no address")
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not allow_private and not is_public(address):
            raise Refused(f"{host} is {text}, an address of a private network or of this machine (exos webhooks add --allow-private)")
    return found
