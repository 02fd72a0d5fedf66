# tidy: allow test-file because tests/hooks/test_webhooks_server.py types the commands
"""`exos webhooks`: endpoints that are told what happens, and the process that tells them."""

import asyncio
import base64
import secrets
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from protocol import numbers

from ..exits import Exit
from .command import Noun
from .common import FILE, CommandError, Number, OneOf
from .connect import Server, data_option, refused
from .output import Result, pairs, say, table
from .times import ago, utc

if TYPE_CHECKING:
    from ..hooks.endpoints import Content, Endpoint

GROUP_NAMES = ("fills", "settlement", "transitions", "money")  # hooks.bodies.GROUPS; a test compares the two
SECRET_BYTES = 32

webhooks = Noun("webhooks", "endpoints that are told of fills, results and money, and the process that serves them")


def _folder(data: Path) -> Path:
    """The data folder, which must be one. Raises CommandError."""
    from ..data_folder import FolderOpen, check

    if not (data / "journal").is_dir():
        raise CommandError(Exit.CONFIG, f"--data {data}: there is no data folder of a server")
    try:
        check(data)
    except FolderOpen as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    return data


def _changed(data: Path, how: Any) -> "Content":
    from ..hooks.endpoints import EndpointError, change

    try:
        return change(data, how)
    except EndpointError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    except OSError as error:
        raise CommandError(Exit.CONFIG, f"{error.filename or data}: {error.strerror or error}") from error


def _content(data: Path) -> "Content":
    from ..hooks.endpoints import EndpointError, read

    try:
        return read(_folder(data))
    except EndpointError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def _found(content: "Content", name: str) -> "Endpoint":
    """Raises CommandError, naming those that there are."""
    found = next((one for one in content.endpoints if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in content.endpoints[:20]) or "none"
        raise CommandError(Exit.FAILED, f'there is no endpoint "{name[:64]}" (there are: {known})')
    return found


@webhooks.verb(
    "add",
    "have the events of a venue or firm posted to an address",
    details="The secret with which messages are signed is made here and shown once. A venue's endpoint gets what concerns its own markets and the accounts "
    "that its operators see; a firm's what concerns its own accounts and the markets that it sees. docs/webhooks.md has the messages.",
    examples=(
        "exos webhooks add shop https://shop.example/exchange --venue ACME",
        "exos webhooks add desk https://desk.example/hook --firm DESK --events fills,money",
        "exos webhooks add local http://127.0.0.1:8080/hook --venue ACME --allow-private",
    ),
)
@data_option
@click.argument("name")
@click.argument("url")
@click.option("--venue", metavar="VENUE", help="Whose events: of this venue.")
@click.option("--firm", metavar="FIRM", help="Whose events: of this firm.")
@click.option("--events", "groups", default=",".join(GROUP_NAMES), metavar="LIST", show_default=True, help="What of them, with commas.")
@click.option("--from", "since", metavar="TIME", help="Begin with the events at this time, or 2h ago (default: with those that come now).")
@click.option("--allow-private", is_flag=True, help="The address may be on this machine or in a private network.")
@click.option("--allow-plain", is_flag=True, help="The address may be http: everybody on the way can read what is posted.")
def add(
    data: Path,
    name: str,
    url: str,
    venue: str | None,
    firm: str | None,
    groups: str,
    since: str | None,
    allow_private: bool,
    allow_plain: bool,
) -> Result:
    from ..hooks import endpoints as E

    _folder(data)
    if (venue is None) == (firm is None):
        raise CommandError(Exit.USAGE, "whose events? Give --venue or --firm, one of them")
    owner, of = ("venue", venue) if venue is not None else ("firm", firm)
    assert of is not None
    with Server(data).connect() as admin:
        answer = admin.ask(owner, name=of)
        if not answer.ok:
            raise refused(answer)
        horizon = admin.ask("reports")
        if not horizon.ok:
            raise refused(horizon)
    start = _at_time(data, ago(since, "--from"), horizon.result) if since is not None else horizon.result["events"] + 1
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    made = E.Endpoint(
        name=name, url=url, owner="venue" if venue is not None else "firm", of=of, groups=list(dict.fromkeys(groups.split(","))), secret=secret, start=start,
        added_ns=time.time_ns(), allow_private=allow_private, allow_plain=allow_plain,
    )  # fmt: skip

    def with_it(content: E.Content) -> E.Content:
        if any(one.name == name for one in content.endpoints):
            raise E.EndpointError(f"there is an endpoint {name} already: remove it first, or give this one another name")
        if len(content.endpoints) >= E.ENDPOINTS_MOST:
            raise E.EndpointError(f"there are {len(content.endpoints)} endpoints; at most {E.ENDPOINTS_MOST}")
        E.check(made)
        return E.Content(numbers=content.numbers, endpoints=[*content.endpoints, made])

    _changed(data, with_it)
    say(f"endpoint {name} added: {owner} {of}, {', '.join(made.groups)}, from event {start}")
    say(f"its secret, shown only now: {secret}")
    return Result({"name": name, "owner": owner, "of": of, "events": made.groups, "start": start, "secret": secret})


def _at_time(data: Path, time_ns: int, horizon: dict[str, Any]) -> int:
    """The first event at or after a time. Raises CommandError when what was then is not kept any more."""
    from ..hooks.source import Rows

    rows = Rows(data)
    try:
        found = rows.at_time(time_ns, horizon["kept_from"], horizon["written"])
        if horizon["kept_from"] > 1 and found == rows.head_from(horizon["kept_from"], horizon["written"])[0]:
            raise CommandError(
                Exit.FAILED, "the exchange does not keep events from that time any more (setting event_retention): choose a later one"
            )
    finally:
        rows.close()
    return found


@webhooks.verb("list", "all endpoints, and how far each has been served", examples=("exos webhooks list",))
@data_option
def list_(data: Path) -> Result:
    from ..hooks import progress as P

    content = _content(data)
    told = P.read(data).endpoints
    rows: list[dict[str, Any]] = []
    for one in content.endpoints:
        now = told.get(one.name)
        if now is None or now.added_ns != one.added_ns:
            now = P.Progress(added_ns=one.added_ns, position=one.start)
        state = "paused" if now.paused else "failing" if now.failing else "ok"
        rows.append({
            "name": one.name, "url": one.url, "owner": one.owner, "of": one.of, "events": one.groups, "position": now.position, "taken": now.taken,
            "last_taken_ns": now.taken_ns, "state": state, "problem": now.paused or now.problem,
        })  # fmt: skip
    table(
        ("name", "whose", "events", "state", ">taken", "last", ">position", "problem", "url"),
        [
            (
                row["name"], f"{row['owner']} {row['of']}", ",".join(row["events"]), row["state"], row["taken"],
                utc(row["last_taken_ns"]) if row["last_taken_ns"] else "", row["position"], row["problem"], row["url"],
            )
            for row in rows
        ],
    )  # fmt: skip
    return Result({"endpoints": rows})


@webhooks.verb("remove", "post nothing to an endpoint any more", examples=("exos webhooks remove shop",))
@data_option
@click.argument("name")
def remove(data: Path, name: str) -> Result:
    from ..hooks import endpoints as E

    def without(content: E.Content) -> E.Content:
        _found(content, name)
        return E.Content(numbers=content.numbers, endpoints=[one for one in content.endpoints if one.name != name])

    _folder(data)
    _changed(data, without)
    say(f"endpoint {name} removed")
    return Result({"name": name})


def _wish(data: Path, name: str, event: int = 0, from_event: int = 0) -> int:
    """Write a wish for the process; its number."""
    from ..hooks import endpoints as E
    from ..hooks import progress as P

    _folder(data)
    number = 0

    def wished(content: E.Content) -> E.Content:
        nonlocal number
        number = content.numbers + 1
        old = _found(content, name)
        told = P.read(data).endpoints.get(name)
        fulfilled = told.replayed if told is not None and told.added_ns == old.added_ns else 0
        open_ = [one for one in old.replays if one.number > fulfilled]
        wishes = [*open_, E.Replay(number=number, event=event, from_event=from_event)]
        new = _with_replays(old, wishes)
        return E.Content(numbers=number, endpoints=[new if one.name == name else one for one in content.endpoints])

    _changed(data, wished)
    return number


def _with_replays(endpoint: "Endpoint", wishes: list[Any]) -> "Endpoint":
    import msgspec

    return msgspec.structs.replace(endpoint, replays=wishes)


@webhooks.verb(
    "replay",
    "post again: one message by its webhook-id, or all from a time on",
    details="The messages have the ids that they had. The process that serves does it, now or when it runs again. Also ends a pause.",
    examples=("exos webhooks replay shop --id evt_5a0c31f09b7e_4711", "exos webhooks replay shop --from 2026-07-19T21:00:00Z"),
)
@data_option
@click.argument("name")
@click.option("--id", "id_", metavar="ID", help="The webhook-id of a message.")
@click.option("--from", "since", metavar="TIME", help="Everything from this time on, or of the last 2h.")
def replay(data: Path, name: str, id_: str | None, since: str | None) -> Result:
    if (id_ is None) == (since is None):
        raise CommandError(Exit.USAGE, "what is to be posted again? Give --id or --from, one of them")
    _found(_content(data), name)
    if id_ is not None:
        event = _event_of(data, id_)
        number = _wish(data, name, event=event)
        say(f"message {id_} will be posted to {name} again")
        return Result({"name": name, "event": event, "number": number})
    assert since is not None
    with Server(data).connect() as admin:
        horizon = admin.ask("reports")
    if not horizon.ok:
        raise refused(horizon)
    start = _at_time(data, ago(since, "--from"), horizon.result)
    number = _wish(data, name, from_event=start)
    say(f"everything from event {start} on will be posted to {name} again")
    return Result({"name": name, "from_event": start, "number": number})


def _event_of(data: Path, id: str) -> int:
    """The event of a webhook-id. Raises CommandError."""
    head, _, number = id.rpartition("_")
    try:
        event = numbers.whole(number, "event", 1, (1 << 62) - 1)
    except numbers.NotANumber:
        event = 0
    if head != f"evt_{_exchange(data)[:12]}" or not event:
        raise CommandError(
            Exit.USAGE, f'--id: "{id[:80]}" is not the id of a message of this exchange: they are like evt_{_exchange(data)[:12]}_4711'
        )
    return event


def _exchange(data: Path) -> str:
    """The identity of the folder. Raises CommandError."""
    from .. import identity

    found = identity.read(data)
    if found is None:
        raise CommandError(Exit.CONFIG, f"--data {data}: the folder has no identity yet: start its server once")
    return found.folder_id


@webhooks.verb("resume", "post to an endpoint again that was paused", examples=("exos webhooks resume shop",))
@data_option
@click.argument("name")
def resume(data: Path, name: str) -> Result:
    number = _wish(data, name)
    say(f"{name} is served again from where it was")
    return Result({"name": name, "number": number})


@webhooks.verb(
    "test",
    "post one message of type webhook.test now, and say what became of it",
    examples=("exos webhooks test shop",),
)
@data_option
@click.argument("name")
@click.option("--ca", type=FILE, metavar="FILE", help="Trust the endpoint's certificate if this authority signed it.")
def test(data: Path, name: str, ca: Path | None) -> Result:
    from ..hooks import bodies
    from ..hooks.endpoints import url_parts
    from ..hooks.facts import fact
    from ..hooks.post import Post, send

    endpoint = _found(_content(data), name)
    now_ns = time.time_ns()
    message = fact(0, "webhook.test", "", now_ns, bodies.Test(endpoint=name))
    post = Post(url_parts(endpoint.url, endpoint.allow_plain), endpoint.secret, endpoint.allow_private, _trust(ca))
    id = f"test_{secrets.token_hex(8)}"
    outcome = asyncio.run(send(post, id, message.body, now_ns // 10**9))
    pairs((("endpoint", endpoint.url), ("webhook-id", id), ("answer", outcome.text), ("taken", "yes" if outcome.taken else "no")))
    if not outcome.taken:
        raise CommandError(Exit.FAILED, f"{name} did not take the message: {outcome.text}")
    return Result({"name": name, "id": id, "status": outcome.status})


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise CommandError(Exit.CONFIG, f"--ca {ca}: {getattr(error, 'strerror', None) or 'is no certificate'}") from error


@webhooks.verb(
    "serve",
    "a process of its own that posts what happens to the endpoints",
    details="Beside the server: it reads the event store's files and asks the server by the data folder for names. It may be killed at any moment; trading never "
    "waits for it. docs/webhooks.md says how messages are signed, ordered and tried again.",
    examples=("exos webhooks serve --data /srv/exos",),
    as_json=False,
)
@data_option
@click.option(
    "--dead-days",
    type=Number("number of days", 1, 365),
    default=5,
    metavar="N",
    show_default=True,
    help="Pause an endpoint that takes nothing for so long.",
)
@click.option("--ca", type=FILE, metavar="FILE", help="Trust endpoints whose certificates this authority signed, and no others.")
@click.option("--ready-file", type=FILE, metavar="FILE", help="Write the line that says ready there as well.")
@click.option("--log-level", type=OneOf(["debug", "info", "warning", "error"]), default="info", help="JSON lines on standard error.")
def serve(data: Path, dead_days: int, ca: Path | None, ready_file: Path | None, log_level: str) -> Result:
    _folder(data)
    from ..hooks.process import HookOptions, run
    from ..hooks.sender import Rules

    options = HookOptions(data, Server(data).connect, _exchange(data), _trust(ca), Rules(dead_days), ready_file, log_level)
    return Result(exit=Exit(run(options)))
