"""docs/cli.md, from the tree of commands: what each does, its options, its examples."""

import click

from exchange_server.cli.command import Noun, Verb, sentence
from exchange_server.cli.main import COMMANDS, root
from exchange_server.exits import MEANINGS, Exit

_HEAD = """# The command line

`exos COMMAND --help` says what is said here. Results go to standard output; an error is one line on standard error, and the exit code says of
what kind it is. Commands that talk to a running server use the Unix socket `admin.sock` in its data folder. The socket has mode 0600: anyone who can
open it can operate the server, and the uid is journaled with each action. The data folder is `--data DIR`, else the environment variable `EXOS_DATA`,
else `./exos-data`. With `--server HOST:PORT` the same commands go to a server's port for remote administration ([access.md](access.md#remote-administration)).

On a terminal tables are drawn and coloured. Elsewhere, and with `NO_COLOR` set, they are plain aligned text. `--json` writes one document instead:

```
{"ok": true, "exit": 0, "code": 0, "text": "WC26-FINAL is paused", "result": {...}}
```

`ok` says whether it was done, `exit` is the exit code, `code` is 0 or a number of [errors.md](errors.md), `text` is what people are told, `result` what
the command found or did. A refused act also has `refusal`: code, key (the names and numbers that lead to the field), sentence, limit, used, asked.

Numbers are digits with at most one decimal point: no sign, exponent, `_` or space. They are read exactly or refused, never rounded: `0.99999` is not a
price where prices have four decimals. The same rule applies to configuration files and the SDK.

A mistyped command, option or word is answered with the near ones. `eval "$(exos completion bash)"` completes them (zsh and fish too).

This page is generated from the commands by `python -m scripts.make_docs`.
"""

_TAIL = """## Kill switches

`exos risk kill LEVEL [TARGET]` refuses new orders and replaces **and cancels what is open**, on every level (platform, venue, firm, account, session). Each
cancelled order is reported to its session with the reason `R_KILL_SWITCH`. `--keep-orders` leaves the open orders resting (orders that are not blocked can
still trade with them). Cancels are always accepted. `exos risk release` releases the switch; cancelled orders do not return. To stop a market without
cancelling orders, pause it: `exos market phase EVENT paused`.

## Acts about money

Each has a key (`--key`) that makes it safe to repeat: the same key with the same content is carried out once, and says so the second time; with different
content it is refused. Without `--key` a new one is made and shown. If the answer is lost, the error says with which key to repeat the command.

## The admin socket

One JSON object per line each way: `{"id": 1, "verb": "admin", "record": {"type": "phase", "event": "WC26-FINAL", "phase": "closed"}}` is answered by
`{"id": 1, "ok": true, "code": 0, "text": "WC26-FINAL is closed", "result": {...}}`. A refused act also has `refusal`; in a configuration it says the number
of the record. Records are in config/admin_records.py: prices in ticks, quantities in lots, money in minor units of its asset, durations in nanoseconds.

| verb | answers |
|---|---|
| `admin` | carries out one `record` |
| `plan` | what a `record` would change and what it would be refused for; of a configuration record by record |
| `asset`, `venue`, `firm`, `account`, `session`, `market` | all of a kind, or the one that `name` says: its record without secrets, and how it is now |
| `listing` | the offers of all venues; `venue` or `event` names one |
| `risk` | kill switches that are on, restrictions, throttles |
| `markets` | markets with prices; `event` names one |
| `assets` | the decimals of all assets |
| `accounts` | balances, positions and open orders of all accounts; walks the whole state |
| `keys` | keys without what they are checked against; `key`, `holder` and `name` choose some |
| `rules`, `tags` | access rules, quotas and freezes of venues; tags of firms; `name` names one |
| `principals`, `pending`, `whoami` | who may do what; acts that wait for a second person; the asker and its roles |
| `statement` | every change of an account's balance ([money.md](money.md)) |
| `running`, `revisions`, `revision`, `export` | what runs, and how it came about ([configuration.md](configuration.md)) |
| `status`, `check`, `stop` | as the commands |
"""


def cli_page() -> str:
    """docs/cli.md as text."""
    out = [_HEAD, "## Commands", ""]
    for title, section in COMMANDS.items():
        out += [f"**{title}**", "", "| command | what it does |", "|---|---|"]
        for name in section:
            for path, command in _verbs(name):
                out.append(f"| [`exos {path}`](#exos-{path.replace(' ', '-')}) | {_cell(command.short_help or '')} |")
        out.append("")
    out += ["## Exit codes", "", "| code | name | meaning |", "|---|---|---|"]
    for code, meaning in MEANINGS.items():
        out.append(f"| {int(code)} | {f'`{code.name}`' if isinstance(code, Exit) else ''} | {meaning} |")
    out += ["", "## Each command", ""]
    for section in COMMANDS.values():
        for name in section:
            for path, command in _verbs(name):
                out += _command(path, command)
    return "\n".join(out) + "\n" + _TAIL


def _verbs(name: str) -> list[tuple[str, Verb]]:
    """A command, or all of a noun's, with their paths."""
    command = root.get_command(click.Context(root, info_name="exos"), name)
    if isinstance(command, Noun):
        return [(f"{name} {inner}", verb) for inner, verb in command.commands.items() if isinstance(verb, Verb)]
    assert isinstance(command, Verb)
    return [(name, command)]


def _command(path: str, command: Verb) -> list[str]:
    context = click.Context(command, info_name=f"exos {path}")
    usage = " ".join(command.collect_usage_pieces(context))
    out = [f"### exos {path}", "", f"`exos {path} {usage}`", "", sentence(command.short_help or "")]
    if command.help:
        out += ["", command.help]
    options = [record for p in command.get_params(context) if "--help" not in p.opts and (record := p.get_help_record(context))]
    if options:
        out += ["", "| option | |", "|---|---|", *(f"| `{_cell(names)}` | {_cell(text)} |" for names, text in options)]
    return [*out, "", "```", *command.examples, "```", ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
