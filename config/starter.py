"""The file that `exos init` writes: a small venue with an owner, a market maker, an institution and two markets, with a comment on every part."""

from typing import NamedTuple


class Starter(NamedTuple):
    """What `exos init` asks. `decimals`: of the asset, at least 2. `maker_public`: 64 hexadecimal digits; `fix_secret`: the institution's 554.
    `tls`: paths of certificate and key; None: no TLS, and no port for remote administration."""

    venue: str
    asset: str
    decimals: int
    host: str
    fix_port: int
    binary_port: int
    maker_public: str
    fix_secret: str
    tls: tuple[str, str] | None = None
    admin_port: int = 0

    @property
    def maker(self) -> str:
        return f"{self.venue}.MM1"

    @property
    def maker_key(self) -> str:
        return f"{self.venue}.MM1-1"

    @property
    def institution(self) -> str:
        return f"{self.venue}.INST1"

    @property
    def username(self) -> str:
        return self.institution.lower()


_TLS = """tls_cert = "{cert}" # TLS on the ports that tls_ports names; relative paths begin at the data folder
tls_key = "{key}"
admin_port = {admin_port} # remote administration, under TLS only: roles and keys in docs/access.md; 0: off
"""

_FILE = """\
# An exchange with one venue, made by `exos init`. Every key, its unit and its default: docs/configuration.md.
#   exos config check FILE    read it and try it on an empty server
#   exos config plan FILE     what it would change on the running server
#   exos config apply FILE    change it, completely or not at all
# This file holds a secret (the session of the institution): keep its mode at 0600.

[server]
host = "{host}" # only this machine while it is 127.0.0.1
fix_port = {fix_port}
binary_port = {binary_port}
mode = "sync" # an answer is sent when the input that caused it is on the disk; "async": when it is written
{tls}
# [capacities] has the sizes of the tables; others are taken at the next start. The defaults hold 10,000 instruments.

# What accounts hold and markets are settled in. {decimals} decimals: the smallest amount is {smallest} {asset}.
[[asset]]
name = "{asset}"
decimals = {decimals}

# The venue. Its fees are collected in the account {venue}.FEES, which comes with it.
[[venue]]
name = "{venue}"
title = "{venue}"
trading_day = "24h"

# A firm with its accounts and logins. `venue` is its home: the venue's operators see and change it. Names of what belongs to a venue begin with
# the venue's name. The owner has no login: it is where the operator of the venue keeps its own money.
[[member]]
firm = "{venue}.OWNER"
title = "Owner of {venue}"
venue = "{venue}"
account = [{{ name = "{venue}.OWNER-A" }}]

# A market maker on the binary protocol. Its Ed25519 key is below: the server has the public half only.
[[member]]
firm = "{maker}"
title = "Market maker"
venue = "{venue}"

[[member.account]]
name = "{maker}-A"
deposit = {{ {asset} = "1000000.00" }} # made once, when the account is created; play money, for trying things out

[[member.session]]
name = "{maker}"
wire = "binary"
key = "{maker}"
account = "{maker}-A"
cancel_on_disconnect = true # its orders do not outlive its connection

[[key]]
id = "{maker_key}"
session = "{maker}"
public = "{maker_public}"

# An institution on FIX 4.4, which logs on with CompIDs, Username (553) and Password (554).
[[member]]
firm = "{institution}"
title = "Institution"
venue = "{venue}"

[[member.account]]
name = "{institution}-A"
deposit = {{ {asset} = "1000000.00" }}

[[member.session]]
name = "{institution}"
wire = "fix"
our_comp_id = "{venue}" # TargetCompID (56) of what it sends
peer_comp_id = "{institution}" # its SenderCompID (49)
username = "{username}"
secret = "{fix_secret}"
account = "{institution}-A"

# A yes/no market: one contract, which pays 1.00 if it happens and 0.00 if it does not. Who thinks that it will not buys NO.
[[market]]
event = "{venue}.RAIN"
title = "Will it rain tomorrow?"
product = "at_most"
winners = 1
owner_venue = "{venue}"
asset = "{asset}"
payout = "1.00"
price_decimals = 2
max_qty = 10_000
max_position = 100_000
fees = {{ model = "quadratic", maker_bps = 0, taker_bps = 100, owner_share_bps = 5000 }}
cut_off = "00:00 to 24:00 UTC of the day after listing; later corrections of the report do not count"
void = {{ who = "the operator of {venue}", trigger = "the weather service publishes no report for that day" }}
rules = "Pays 1.00 if the weather service reports at least 1 mm of rain between 00:00 and 24:00 UTC of the day after listing, else 0.00."
source = "The national weather service, daily summary"
challenge_window = "1h" # after the result is determined and before it is paid
phase = "open"
contract = [{{ symbol = "{venue}.RAIN-YES", outcome = "Rain", code = "YES" }}]

# Exactly one of three pays. A set of all three is always worth 1.00.
[[market]]
event = "{venue}.MATCH"
title = "Who wins the match?"
product = "exactly"
winners = 1
owner_venue = "{venue}"
asset = "{asset}"
payout = "1.00"
price_decimals = 2
max_qty = 10_000
max_position = 100_000
fees = {{ model = "quadratic", maker_bps = 0, taker_bps = 100, owner_share_bps = 5000 }}
exhaustive = "a match is won by one of the two teams or drawn" # why these are all there can be: a set of all is sold as worth 1.00
cut_off = "after 90 minutes and stoppage time; extra time and penalties do not count"
void = {{ who = "the operator of {venue}", trigger = "the match is abandoned and not played to its end within 48 hours" }}
rules = "The result after 90 minutes and stoppage time; extra time and penalties do not count."
source = "The official match report"
challenge_window = "1h"
phase = "open"
contract = [
    {{ symbol = "{venue}.MATCH-HOME", outcome = "Home", code = "HOME" }},
    {{ symbol = "{venue}.MATCH-DRAW", outcome = "Draw", code = "DRAW" }},
    {{ symbol = "{venue}.MATCH-AWAY", outcome = "Away", code = "AWAY" }},
]
"""

_CREDENTIALS = """\
Credentials of {venue}, made by `exos init`. Who reads them can trade in their names: keep this file to yourself.

Market maker on the binary protocol
  session    {maker} (port {binary_port})
  key        {maker_key}, Ed25519
  private    {key_file}

Institution on FIX 4.4
  session    {institution} (port {fix_port})
  49         {institution}
  56         {venue}
  553        {username}
  554        {fix_secret}
"""


def toml(starter: Starter) -> str:
    """The configuration file."""
    tls = _TLS.format(cert=starter.tls[0], key=starter.tls[1], admin_port=starter.admin_port) if starter.tls else ""
    smallest = "0." + "0" * (starter.decimals - 1) + "1"
    return _FILE.format(**_values(starter), tls=tls, smallest=smallest)


def credentials(starter: Starter, key_file: str) -> str:
    """What is told to whom logs on."""
    return _CREDENTIALS.format(**_values(starter), key_file=key_file)


def _values(starter: Starter) -> dict[str, object]:
    names = ("maker", "maker_key", "institution", "username")
    return {**{key: value for key, value in starter._asdict().items() if key != "tls"}, **{name: getattr(starter, name) for name in names}}
