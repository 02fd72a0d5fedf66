"""docs/access.md: who may do what. The tables of roles and of acts that wait are made from exchange_server/registry/roles.py and pending.py. Written
by scripts/make_docs.py."""

from config import admin_records as ar
from exchange_server.registry import pending
from exchange_server.registry.roles import EVERYTHING, ROLES, all_tags

HEAD = """# Who may do what

Changes are *records* (`exos admin`, and every command that is made of one), questions are *verbs*. Who asks is one of three:

| asker | comes from | may |
|---|---|---|
| `uid:N` | the operator's socket `DIR/admin.sock`, as the kernel says | everything. Which users of the machine: `[server] operators` (none named: the server's own user, and root) |
| `config:FILE` | a start with `--config` | everything |
| `principal:NAME` | the port for remote administration, or the socket `DIR/principal.sock` for programs of the server's own user, logged on with a key | what its roles allow |

Rights are judged when a record is carried out, from the journaled tables and at the time of that turn. The journal holds every record with who sent it.

## Principals and roles

A *principal* is a person or a program that administers. It has a *home*: a venue, whose operators administer it, or the platform. A *grant* is a role for
a scope until a time:

| scope | covers |
|---|---|
| `platform` | everything |
| `venue:NAME` | what belongs to that venue |
| `series:NAME/PREFIX` | the events of that venue whose names begin with PREFIX |

```sh
exos principal create anna --title "Anna, operations"
exos role grant anna venue_operator --scope venue:WC26 --until 365d
exos key create anna-laptop --principal anna --out anna.key
exos role list anna
exos role revoke anna venue_operator --scope venue:WC26
exos principal close anna
```

* **Whose a thing is.** A firm has a home (`--venue`; none: the platform). An account or session belongs to its own venue if it has one, else to its firm's home.
  An event belongs to its owner, a key to its holder.
* **Giving on.** A role is given on, and taken, only within one own grant: a role that it may give (table below), the same or a narrower scope, no later end.
  Everybody may give up a role of one's own. A grant stays when the one who gave it loses theirs.
* **A venue's principals hold roles at that venue only.** Whoever makes a key of a principal could log on as that principal. So a key is made only for principals
  that hold nothing that the maker could not grant.
* **Names.** What somebody makes who acts for a venue has a name that begins with `<VENUE>.`: firms, accounts, sessions and their logins (the peer's CompID, the binary key),
  keys, events, symbols, principals, idempotency keys of transfers. So names of two venues never meet. Names that the platform's operators choose are free.
* **What is another venue's is not there.** It is answered with the code and the sentence of something that does not exist, and near words offer only names that the
  asker may see. A venue's operators see their venue, all assets, and the markets that are shared with them. To admit another venue to a market, the platform's
  operator defines it. Ids, revision numbers and how full the server's tables are belong to the whole server and are not hidden.

## Roles

"""

MIDDLE = """
## A second person

An act on this list is checked and then waits. Another person who may do it approves it; then it is checked again and carried out, if both still hold the right.
Nobody approves an own act. What waits expires (24 h). Both names are in the answer, the log and the journal.

```sh
exos pending                          # what waits, as far as you may see it
exos approve 7
exos refuse 7 --note "wrong account"  # its proposer may do so too
```

"""

TAIL = """
The list, its limits and its expiry are the record `approvals`, which is itself on the list:

```sh
exos admin '{"type": "approvals", "acts": ["kill_release", "platform_grant", "approvals", "withdrawal"], "withdrawals": {"USD": 10000000}}'
```

`acts` is the whole list, `withdrawals` the amount of each asset (in smallest units) above which a withdrawal waits; assets that are not named have no limit.
Whoever may grant roles or make keys could make a second person: `venue_grant` and `principal_key` put that on the list too.

* **A platform with one operator.** An act of the operator's socket does not wait when no principal could approve it. It is carried out, and the answer says so: "by
  one person: no second principal could approve it" (`one_person` in its result). Give a second person a role to end that.
* Two users of the machine are two persons, but root can be every user: root and another uid count as one.
* A start's own configuration never waits.

## Remote administration

`[server] admin_port` opens a port for the same JSON lines as the operator's socket, under TLS only ([operations.md](operations.md)). It is off by default. A principal logs on with an
Ed25519 key or a token of 256 bits (`exos key create --principal`), and every request is judged by its roles.

```sh
export EXOS_SERVER=exchange.example:9900 EXOS_PRINCIPAL=anna EXOS_ADMIN_KEY_FILE=anna.key EXOS_CA=tls-ca.pem
exos market list
exos status --server exchange.example:9900 --as anna --key-file anna.key --ca tls-ca.pem
```

These options and variables work with every command that talks to a running server. `--data` on the command line means the server of that folder again. For programs: the server
sends `{"hello": "exos", "challenge": HEX}`, the first line of the client is

```json
{"id": 1, "verb": "logon", "principal": "anna", "key": "anna-laptop", "signature": "..."}
```

with 128 hexadecimal digits of the Ed25519 signature of `exos admin logon`, a zero byte, the principal, a zero byte, the key, a zero byte and the 32 bytes of the challenge
(`protocol.credentials.admin_message`); or `"token"` instead of `"signature"`. There is one attempt for each connection, and one answer to everything that is wrong. Repeated failures slow
their address down. A revoked or expired key, or a closed principal, ends the connection.

A program on the server's machine that passes logons on, as `exos web` does for the operators of [http-api.md](http-api.md), speaks the same lines without TLS on the socket `DIR/principal.sock`, which only the server's own
user can open and which gives nobody a right without a principal's logon. There the logon may name the `"address"` from which the principal itself comes.
"""


def access_page() -> str:
    """docs/access.md as text."""
    out = [HEAD, "| role | what for | may be granted for | gives |\n|---|---|---|---|\n"]
    for name, role in ROLES.items():
        gives = "all roles" if set(role.gives) == set(ROLES) else ", ".join(f"`{given}`" for given in role.gives) or "none"
        out.append(f"| `{name}` | {role.title} | {', '.join(role.scopes)} | {gives} |\n")
    names = [name for name in ROLES if name not in ("platform_operator",)]
    heads = " | ".join(name.replace("_", " ") for name in names)
    out.append("\nThe platform operator may send every record and ask every verb. The others:\n\n")
    for title, of in (("record", [tag for tag in all_tags() if tag != "part"]), ("verb", _verbs())):
        out.append(f"| {title} | {heads} |\n|---|{'---|' * len(names)}\n")
        for word in of:
            may = [ROLES[name].may_send(word) if title == "record" else ROLES[name].may_ask(word) for name in names]
            if any(may):
                out.append(f"| `{word}` | {' | '.join('yes' if one else '' for one in may)} |\n")
        out.append("\n")
    alone = [tag for tag in all_tags() if tag != "part" and not any(ROLES[name].may_send(tag) for name in names)]
    out.append(f"Records of the platform operator alone: {', '.join(f'`{tag}`' for tag in alone)}.\n")
    out.append(MIDDLE)
    out.append("| act | name on the list | by default |\n|---|---|---|\n")
    for entry in pending.LIST:
        later = "" if set(entry.tags) & set(all_tags()) else " (as soon as there is one)"
        out.append(f"| {entry.title}{later} | `{entry.name}` | {'waits' if entry.name in ar.Approvals().acts else 'does not wait'} |\n")
    out.append(TAIL)
    return "".join(out)


def _verbs() -> list[str]:
    """All verbs that some role is given by name."""
    return sorted({verb for role in ROLES.values() for verb in role.verbs if verb != EVERYTHING})
