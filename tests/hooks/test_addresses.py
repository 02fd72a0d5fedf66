import ipaddress

import pytest

from exchange_server.hooks import addresses

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255",
    "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::1", "::7f00:1", "2001:db8::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8")


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_of_the_internet(text: str):
    assert not addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_internet(text: str):
    assert addresses.is_public(ipaddress.ip_address(text))


async def test_a_name_of_which_one_answer_is_private_is_refused(monkeypatch):
    import asyncio

    async def both(*_: object, **__: object):
        return [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.7", 443))]

    monkeypatch.setattr(asyncio.get_running_loop().__class__, "getaddrinfo", both, raising=False)
    with pytest.raises(addresses.Refused, match="10.0.0.7, an address of a private network"):
        await addresses.resolve("shop.example", 443, False)
    assert await addresses.resolve("shop.example", 443, True) == ["8.8.8.8", "10.0.0.7"]


@pytest.mark.parametrize("text", ["127.0.0.1", "localhost", "0x7f000001", "127.1", "::1"])
async def test_other_ways_to_write_this_machine(text: str):
    with pytest.raises(addresses.Refused):
        await addresses.resolve(text, 80, False)
