"""Which addresses only this machine can reach."""

import ipaddress
import socket


def is_loopback(host: str) -> bool:
    """True if only this machine can reach a port opened on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(str(info[4][0]).partition("%")[0]).is_loopback for info in found)
