"""`exos metrics`: a process of its own that gives a server's counters to Prometheus."""

import signal
from pathlib import Path

import click

from ..exits import Exit
from .command import verb
from .common import PORT, CommandError
from .connect import data_option
from .output import Result, say


@verb(
    "metrics",
    "a process of its own that gives the server's counters to Prometheus: /metrics, /healthz, /readyz",
    details="Reads the server's page of counters and never asks the server. /healthz is 200 while the server's process runs and its loop turns, /readyz "
    "while it accepts new orders; else 503 with the reason. The pages have no secrets and no password, so the port listens on this machine only, unless "
    "--expose-plain is given. Metrics: docs/watching.md.",
    examples=("exos metrics --data /srv/exos", "exos metrics --data /srv/exos --host 10.0.0.5 --port 9464 --expose-plain"),
    as_json=False,
)
@data_option
@click.option("--host", default="127.0.0.1", metavar="H", help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=PORT, default=9464, metavar="N", help="Port; 0: any free port (default: 9464).")
@click.option("--expose-plain", is_flag=True, help="Allow other machines to read the counters, without TLS.")
def metrics(data: Path, host: str, port: int, expose_plain: bool) -> Result:
    from ..addresses import is_loopback
    from ..watch.listener import Listener, PortTaken

    if not data.is_dir():
        raise CommandError(Exit.CONFIG, f"--data {data}: there is no such folder")
    if not is_loopback(host) and not expose_plain:
        raise CommandError(
            Exit.CONFIG,
            f"--host {host or '(every address)'}: other machines could read the counters there, without TLS: listen on 127.0.0.1, or give --expose-plain",
        )
    try:
        listener = Listener(data, host, port)
    except PortTaken as error:
        raise CommandError(Exit.PORT, str(error)) from None
    say(f"counters of {data}: http://{listener.address}/metrics  (Ctrl-C ends)")
    signal.signal(signal.SIGTERM, lambda *_: listener.stop())
    try:
        listener.serve()
    except KeyboardInterrupt:
        say("ended")
    return Result()
