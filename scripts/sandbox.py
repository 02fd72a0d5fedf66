# tidy: allow test-file because tests/scripts/test_main_job.py tests it with the other parts of the main job
"""`./scripts/run --serve`: the sandbox's exchange, open until Ctrl-C, with lines to paste for each way in."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from config import admin_records as ar
from exchange_server import data_folder
from exchange_server.demo.client import Plan
from exchange_server.demo.street import FRESH_KEPT, ROOT, Clients, Failed, Server, cores, fresh_folder, prune, spawn
from exchange_server.exits import Exit

BOT_RATE = 50.0  # requests a second of one bot
LAST_KEY = 64  # bots use the sandbox's keys from the last one downwards: MM1 stays free for you
PAGE_LOGIN = "MM32"  # the page's market data; bots are 32 at most
PAGE_BELOW = 80  # its port: so much below that of FIX
PAGE_START_S = 60.0


OPERATOR, OPERATOR_KEY, VENUE = "operator", "operator-1", "WC26"
OPERATOR_ROLES = ("venue_operator", "resolver", "arbiter", "risk_officer", "treasurer", "auditor")
TOKEN_FILE = "operator-token"


def operator_token(server: Server, folder: Path) -> str:
    """The token of the venue's operator on the page; made at the first start. "": it could not be made."""
    file = folder / TOKEN_FILE
    if file.exists():
        return file.read_text().strip()
    try:
        server.ask("admin", ar.DefinePrincipal(name=OPERATOR, title="The operator of the sandbox's venue", venue=VENUE))
        for role in OPERATOR_ROLES:
            server.ask("admin", ar.Grant(principal=OPERATOR, role=role, scope=f"venue:{VENUE}"))
        token = str(server.ask("admin", ar.DefineKey(id=OPERATOR_KEY, holder="principal", name=OPERATOR, kind="token"))["secret"])
    except Failed as error:
        print(f"there is no operator on the page: {error}", flush=True)
        return ""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{token}\n")
    return token


class Page:
    """`exos web` beside the server: HTTP API and page. Nothing else depends on it; `why` says why it is not there."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.process: subprocess.Popen[Any] | None = None
        self.address, self.why = "", ""

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "exchange_server.cli.main",
            "web",
            "--data",
            str(self.folder),
            "--login",
            PAGE_LOGIN,
            "--port",
            str(self.port),
        ]
        environment = os.environ | {"EXOS_WEB_SECRET": f"{PAGE_LOGIN.lower()}-secret"}
        with open(self.folder / "web.log", "ab") as log:
            self.process = spawn(command, cores()[1], stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True)
        out = self.process.stdout
        assert out is not None
        readable, _, _ = select.select([out], [], [], PAGE_START_S)
        line = out.readline() if readable else b""
        if line:
            self.address = json.loads(line)["address"]
        else:
            self.why = f"see {self.folder / 'web.log'}"
            self.end()

    def ended(self) -> bool:
        """Whether it ended by itself; told once."""
        if self.process is None or self.process.poll() is None:
            return False
        self.process, self.address, self.why = None, "", f"see {self.folder / 'web.log'}"
        return True

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process = None


def quickfix(port: int, dictionary: Path) -> str:
    """A configuration for a QuickFIX initiator (553 and 554 go into its Logon: in toAdmin, or as Username and Password where the engine
    knows them)."""
    return "\n".join(
        (
            "[DEFAULT]",
            "ConnectionType=initiator",
            "ReconnectInterval=2",
            "FileStorePath=quickfix-store",
            "FileLogPath=quickfix-log",
            "StartTime=00:00:00",
            "EndTime=00:00:00",
            "NonStopSession=Y",
            "UseDataDictionary=Y",
            f"DataDictionary={dictionary}",
            "",
            "[SESSION]",
            "BeginString=FIX.4.4",
            "SenderCompID=CLIENT1",
            "TargetCompID=EXOS-OE",
            "SocketConnectHost=127.0.0.1",
            f"SocketConnectPort={port}",
            "HeartBtInt=30",
            "ResetOnLogon=Y",
            "Username=client1",
            "Password=client1-secret",
        )
    )


def lines(data: Path, fix: int, binary: int, bots: int, page: str) -> list[str]:
    """The text that is printed when the exchange is open. page: its address, or why there is none."""
    exos = f"{sys.executable} -m exchange_server.cli.main"
    if (script := Path(sys.executable).parent / "exos").exists():
        exos = ".venv/bin/exos" if script.parent.parent.parent == ROOT else str(script)
    own = "" if binary == 9890 else f" --port {binary}"
    return [
        f"The exchange is open: FIX on port {fix}, binary sessions on port {binary}, data folder {data}.",
        f"The page: {page}",
        f"{bots} market makers quote it." if bots else "Nobody quotes it: trade between two keys, or start it with --bots 4.",
        "",
        "# Command line",
        f"cd {ROOT}",
        f"{exos} trade buy WC26-WIN-ESP 10 0.42{own}",
        f"{exos} trade sell WC26-WIN-ESP 10 0.42 --key MM2{own}",
        f"{exos} trade watch WC26-WIN-ESP BTC-USD --key MM3{own}",
        f"{exos} market list WC26-WIN --data {data}",
        f"{exos} status --data {data}",
        "",
        "# SDK: keys MM1..MM64, secrets mm1-secret..mm64-secret",
        f"{sys.executable} - <<'END'",
        "import asyncio",
        "from protocol.client import Client",
        "async def main():",
        f'    async with Client("127.0.0.1", {binary}, key="MM1", secret="mm1-secret") as client:',
        '        order = await client.buy("WC26-WIN-ESP", 10, 4200)  # 10 contracts at 0.4200',
        '        book = await client.subscribe("WC26-WIN-ESP")',
        "        print(order, book.best_bid, book.best_ask)",
        "        if order.open:",
        "            await client.cancel(order)",
        "asyncio.run(main())",
        "END",
        "",
        "# FIX 4.4: a QuickFIX configuration; clients CLIENT1..CLIENT64, each with 553=client1, 554=client1-secret on its Logon",
        "# (engines that do not know Username and Password, QuickFIX in C++ and Python among them: set 553 and 554 in toAdmin)",
        *quickfix(fix, ROOT / "protocol" / "dict" / "FIX44-OE.xml").splitlines(),
        "",
        "Ctrl-C stops it cleanly, with a snapshot.",
    ]


def serve(data: Path | None, bots: int, port: int, seed: int) -> int:
    """Keep the exchange open until SIGINT or SIGTERM; returns the server's exit code. Raises Failed if it does not start."""
    folder = (data or fresh_folder()).absolute()
    try:
        data_folder.prepare(folder)  # before the server's log is in it: the mode of an empty folder may be changed
    except data_folder.FolderOpen as error:
        raise Failed(str(error)) from error
    for gone in prune(folder.parent) if data is None else ():
        print(f"removed {gone}: of the folders of earlier starts without --data the newest {FRESH_KEPT} are kept", flush=True)
    server = Server(folder, folder, (port, port + 10))
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    server.start()
    parties: list[Clients] = []
    page = Page(folder, port - PAGE_BELOW if port > PAGE_BELOW else 0)
    try:
        page.start()
        if bots and not ending.is_set():
            names = tuple(f"MM{LAST_KEY - i}" for i in range(bots))
            plan = Plan("binary", "127.0.0.1", server.ports[1], seed, BOT_RATE * bots, names, str(folder), keep=True)
            parties.append(Clients("makers", plan))
            parties[0].wait("ready", 30)
            parties[0].tell(do="trade")
        about = f"{page.address} (log in as MM1, secret mm1-secret)" if page.address else f"not open: {page.why}"
        if page.address and (token := operator_token(server, folder)):
            about += f"\nIts administration: {page.address}/admin (operator {OPERATOR}, key {OPERATOR_KEY}, token {token})"
        for line in lines(folder, *server.ports, bots, about):
            print(line, flush=True)
        while not ending.wait(0.25):
            if not server.alive():
                raise Failed(
                    f"the server ended by itself (exit code {server.process.returncode if server.process else '-'}): {server.why()}"
                )
            if page.ended():
                print(f"the page ended by itself; the exchange goes on ({page.why})", flush=True)
            for party in parties:
                if party.process.poll() is not None:
                    raise Failed(f"the bots ended (MM{LAST_KEY} downwards): {party.why()}")
        print("stopping", flush=True)
    finally:
        page.end()
        for party in parties:
            party.end()
        code = server.stop() if server.alive() else Exit.FAILED
    print(f"stopped with a snapshot; go on with ./scripts/run --serve --data {folder}" if code == Exit.OK else server.why(), flush=True)
    return int(code)
