"""The composition root: open the data folder, recover, apply the configuration's changes, open the ports, run, stop cleanly.

`serve` returns an exits.Exit. When it is ready it writes one JSON line to stdout (and to `ready_file`): ports, socket, recovery. Logs are
JSON lines on stderr. SIGTERM and SIGINT stop it cleanly: sessions are logged out, everything is flushed, a snapshot is written. On a second signal
it does not wait for the peers.
"""

import asyncio
import contextlib
import errno
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from config import admin_records as ar
from config.load import Item, Settings
from config.plan import place
from config.serve_options import ServeOptions
from config.settings import stored
from protocol import codes

from . import data_folder, identity, prefault, resize, server_status, start, state
from .certificates import CertificateError
from .core import layout as L
from .data_folder import SERVER_ID
from .engine import Capacities, Engine, InvariantBroken, SnapshotRefused, SystemAct
from .exits import Exit
from .follow import cores
from .follow.child import Child
from .gateway.admin.connection import AdminConnection
from .gateway.admin.office import BadRequest, Office, Slices
from .gateway.admin.remote import RemoteAdminConnection
from .gateway.admin.report_names import ReportNames
from .gateway.admin.statement import Statements
from .gateway.admin.trades import Trades
from .gateway.admin.venue_export import VenueExports
from .gateway.binary.connection import BinaryConnection
from .gateway.binary.encoder import BinaryEncoder
from .gateway.connection import ROW_BYTES, TurnInput
from .gateway.encoders import Encoders
from .gateway.feeds.market_data import MarketData
from .gateway.fix.connection import FixConnection
from .gateway.fix.encoder import FixEncoder
from .gateway.fix.missed import unsure_from
from .gateway.sessions import Directory
from .gateway.slow import SlowWork
from .gateway.timers import Timers
from .gateway.verifiers import SALT_BYTES, recipe_of
from .journal.event_files import Range
from .journal.format import BadBytes
from .journal.marks import EVERY_ROWS, EVERY_S, Marks
from .journal.rebuild import Rebuilder
from .journal.recover import ReplayBroken, SnapshotFailed, recover, seal
from .journal.runner import Runner, Threads
from .journal.snapshots import Keep
from .journal.store import JournalError, JournalFailed, JournalLocked, JournalNoSpace
from .journal.walk import OtherRules, Progress
from .net.clock import Clock, ClockMemory, ClockRules, machine_steady_ns
from .net.endpoint import Link, Maker, PortError, listen_tcp, listen_unix
from .net.limits import Limits, connections_that_fit
from .net.observe import Log
from .net.quotas import Quotas
from .net.shares import Shares
from .net.tls import Tls, listen_tls
from .net.turn import Pipeline
from .registry import RegistryBroken, Tried
from .registry.configuration import Trying
from .start import StartRefused
from .watch.collect import Watch
from .watch.notify import Notify

ADMIN_SOCKET = "admin.sock"
PRINCIPAL_SOCKET = "principal.sock"  # the port for remote administration, for programs on this machine that pass logons on
UNSURE_NS = 10_000_000_000  # a slow reader is disconnected after five seconds: older output has been written, or is known to be missed


def serve(options: ServeOptions, starting: Callable[[], AbstractContextManager[Progress | None]] = lambda: nullcontext()) -> int:
    """Run the server until it is told to stop; returns an exits.Exit. Never raises for errors that an operator can cause. starting: entered for
    the start; what it gives is called with the progress of the replay."""
    log = Log(level=options.log_level)
    try:
        with starting() as progress:
            server = Server(options, log, Outside(progress=progress))
        return int(server.run())
    except StartRefused as refused:
        log("error", "not_started", exit_code=int(refused.code), text=str(refused))
        return int(refused.code)
    except JournalFailed as error:
        log("error", "not_started", exit_code=int(Exit.JOURNAL), text=str(error))
        return int(Exit.JOURNAL)
    except Exception as error:  # last resort: one sentence and an exit code of its own; the input that led here is in the journal
        log("error", "broken", exit_code=int(Exit.BROKEN), text=f"a fault of the program: {type(error).__name__}: {error}", exc_info=error)
        return int(Exit.BROKEN)
    finally:
        log.flush()


@dataclass(frozen=True)
class Outside:
    """The environment of a server: threads, the machine's clocks (functions that return ns), and the function that opens its ports. The loop
    is passed to `Server.compose`. A simulator passes its own: then everything runs in one thread, on a virtual clock."""

    runner: Runner = field(default_factory=Threads)
    real: Callable[[], int] = time.time_ns
    steady: Callable[[], int] = machine_steady_ns
    random: Callable[[int], bytes] = os.urandom  # so many bytes that nobody can guess
    boot: int | None = None  # the start of the machine that `steady` counts from; None: the current one
    listen_tcp: Callable[..., Any] = listen_tcp
    listen_tls: Callable[..., Any] = listen_tls
    listen_unix: Callable[..., Any] = listen_unix
    progress: Progress | None = None  # told of the replay at the start: rows done, rows in all
    environment: MutableMapping[str, str] = field(default_factory=lambda: os.environ)  # where systemd says how it wants to be told


class Server:
    """One exchange on one data folder. `outside`: its environment."""

    def __init__(self, options: ServeOptions, log: Log, outside: Outside | None = None) -> None:
        """Recover and configure. Raises StartRefused; nothing listens yet."""
        self.outside = outside if outside is not None else Outside()
        self.options = options
        self.log = log
        self.began = self.outside.steady()
        self.stopping = False
        self.watch = Watch(self, options.data, Notify(self.outside.environment))
        try:
            self._start()
        except StartRefused as refused:
            self.watch.end(refused.code, failed=True)
            raise

    def _start(self) -> None:
        runner, options, log = self.outside.runner, self.options, self.log

        def make(chunks: Any) -> Engine:
            self.watch.starting()  # the folder is locked
            if chunks is not None:
                try:
                    return Engine.restore(chunks)
                except SnapshotRefused as error:
                    raise BadBytes(str(error)) from error
                except MemoryError as error:
                    raise StartRefused(Exit.SETUP, "not enough memory for the tables of this data folder: use a larger machine") from error
            begun = start.begun_as(options.data / "journal") if start.has_journal(options.data) else None
            begun = begun or start.begin_of(options)
            capacities = Capacities.begun_as(begun.capacities)
            try:
                return Engine(capacities, retention_ns=begun.retention_ns)
            except MemoryError as error:
                need = f"{capacities.bytes() / 1e9:.1f} GB"
                text = f"not enough memory for the tables of this configuration (up to {need}): lower [capacities] or use a larger machine"
                raise StartRefused(Exit.SETUP, text) from error

        def mode(engine: Engine) -> str:
            return start.settings_for(options, engine.registry)[0].mode

        journal: dict[str, Any] = {"settle_mode": mode}
        if options.segment_bytes:
            journal["segment_bytes"] = options.segment_bytes
        try:
            if closed := data_folder.prepare(options.data):
                log("warning", "data_folder_closed", text=closed)
            who = identity.look(options.data, options.identity, self.outside.random)
            self.recovered = recover(
                options.data, SERVER_ID, make, runner, progress=self._replaying, skip_epochs=who.skip_epochs, **journal
            )
        except data_folder.FolderOpen as error:
            raise StartRefused(Exit.CONFIG, str(error)) from error
        except (JournalError, OSError, identity.IdentityRefused) as error:
            raise refusal(error, options.data) from error
        self.engine, self.journal, self.store = self.recovered.engine, self.recovered.journal, self.recovered.store
        self.rebuilder = Rebuilder(self.store, options.data, SERVER_ID, runner, self._another_engine, log, self._sessions_in)
        self.report = self.recovered.report
        log("info", "recovered", line=self.report.line(), notes=self.report.notes)
        try:
            self.identity = self._identify(who)
            self._settle_start()
        except StartRefused:
            self.close()
            raise
        settings = self.options.settings
        self.clock = self._clock()
        low, high = settings.heartbeat_min_ns, settings.heartbeat_max_ns
        self.heartbeat_s = -(-low // 10**9), high // 10**9
        self.heartbeat_ms = -(-low // 10**6), high // 10**6
        self._log_off_everyone()
        try:
            resize.take(self)
        except StartRefused as refused:
            if refused.code != Exit.JOURNAL:  # do not wait for a failed journal
                self.close()
            raise
        self.ahead = prefault.Ahead(self.engine.growing, runner)
        prefault.beside(self.engine.busiest(), runner)
        self.applied = self._configure()
        self.slow = SlowWork(runner)
        self.directory = Directory(self.engine.registry, log, self.slow)
        self.directory.judge.random = self.outside.random
        self.shares = Shares(self.engine.m, log, lambda firm: str(self.engine.registry.firms[firm].name))
        self.quotas = Quotas(self.engine.registry, self.engine.m, log)
        log("info", "duplicate_window", **self.shares.start_line())
        often: tuple[int, float] = EVERY_ROWS, EVERY_S
        if settings.follower == "on":  # its snapshots are at marks
            often = min(EVERY_ROWS, settings.snapshot_rows), min(EVERY_S, settings.snapshot_age_ns / 1e9)
        self.marks = Marks(self.engine, self.journal, self.store, *often)
        self.follower = Child(options.data, settings.follower == "on", log, 2 * options.disk_reserve_bytes, core=self.follower_core)
        self.ports: dict[str, int] = {}
        # The function that makes the connection, by kind of port: used for an accepted socket or a simulator's transport.
        self.makers: dict[str, Maker] = {"fix": self._fix_connection, "binary": self._binary_connection, "admin": self._admin_connection}
        self.makers |= {"remote": self._remote_connection, "principal": self._local_connection}

    def _replaying(self, done: int, expected: int) -> None:
        self.watch.replaying(done, expected)
        if self.outside.progress is not None:
            self.outside.progress(done, expected)

    def _identify(self, who: identity.Start) -> identity.Identity:
        """Keep the folder's identity: the epoch that goes with it is on the disk. Raises StartRefused."""
        data = self.options.data
        try:
            kept, fenced = identity.keep(data, who, self.options.identity)
        except (OSError, identity.IdentityRefused) as error:
            raise refusal(error, data) from error
        if who.note:
            self.log("warning", "identity", text=who.note, folder_id=kept.folder_id, epoch=self.journal.epoch, fenced=str(fenced or ""))
        return kept

    def _settle_start(self) -> None:
        """Decide which settings apply, and log those that do not. After this, `options.settings` are the settings that apply. Raises
        StartRefused."""
        options, registry = self.options, self.engine.registry
        start.refuse_mixing(options, registry)
        settings, lost = start.settings_for(options, registry)
        self.sandbox = registry.begun.sandbox if registry.begun is not None else options.sandbox
        start.refuse_exposure(options, self.sandbox, settings.host)
        self.exposed_plain = start.refuse_plain(options, settings)
        self.follower_core = cores.follower_core(settings.follower_core, cores.usable())
        self.tls = self._tls(settings)
        self.not_taken = [*lost, *start.not_taken(options, self.engine)]
        for sentence in self.not_taken:
            self.log("warning", "setting_not_taken", text=sentence)
        kept = start.file_settings(options, registry)
        self.file_settings = kept._replace(clordid_retention_ns=state.Header(self.engine.m).retention_ns)
        self.options = replace(options, settings=settings)

    def _tls(self, settings: Settings) -> Tls | None:
        """The certificate; None: no port uses one. Raises StartRefused."""
        if not settings.tls_cert or not settings.tls_ports:
            return None
        folder = self.options.data  # where a relative path begins
        try:
            tls = Tls(folder / settings.tls_cert, folder / settings.tls_key, self.outside.real, self.log)
        except CertificateError as error:
            raise StartRefused(Exit.CONFIG, f"server.tls_cert: {error}") from error
        tls.warn()
        return tls

    def _clock(self) -> Clock:
        """The clock, continued from the journal's newest time; logs what it detects."""
        last, settings = state.Header(self.engine.m), self.options.settings
        memory = ClockMemory(
            self.engine.time_ns,
            last.tick,
            last.clock_offset,
            last.clock_boot,
            last.refusing == codes.R_CLOCK_JUMP,
        )
        rules = ClockRules(
            jump_ns=settings.clock_jump_ns, start_ns=settings.clock_jump_at_start_ns, absence_ns=settings.clock_absence_ns
        )  # fmt: skip
        clock = Clock(memory, rules, self.outside.real, self.outside.steady, self.outside.boot)
        clock.tell(self.log, at="start")
        return clock

    def _begin(self, turn: TurnInput) -> None:
        """Begin a turn during the start, with a TIME row like the pipeline's."""
        clock = self.clock
        time_ns = clock.now_ns()
        held = codes.R_CLOCK_JUMP if clock.held else 0
        turn.begin(self.engine.turn + 1, time_ns, clock.tick, clock.real, clock.line, clock.boot, held)

    def act(self, *bodies: bytes) -> list[Any]:
        """Journal and apply ADMIN bodies in a turn of their own, during the start; returns the answers when it is on the disk. Raises StartRefused."""
        answers: list[Any] = []
        if bodies:
            turn = TurnInput(rows=sum(2 + len(body) // ROW_BYTES for body in bodies) + 1)
            self._begin(turn)
            for body in bodies:
                turn.add(codes.C_ADMIN, body=body)
            answers = self._input(turn.inbox, turn.words)
        try:
            self.journal.wait(self.journal.next_seq)
        except JournalError as error:
            raise refusal(error, self.options.data) from error
        return answers

    def act_of(self, act: SystemAct | None) -> None:
        """The same with an act of the server itself, or with none, at the time of the turn before. Raises StartRefused."""
        rows = self.engine.turn_of(act)
        self._input(rows, len(rows))
        self.act()

    def _configure(self) -> int:
        """Apply what the configuration adds or changes, as one journaled act, all or nothing; returns the count. Raises StartRefused."""
        options, engine = self.options, self.engine
        if not options.configured:
            return 0
        try:
            return self._apply(start.items_of(options, engine.registry), stored(self.file_settings))
        except StartRefused as refused:
            if refused.code == Exit.CONFIG:  # do not wait for a failed journal
                self.close()
            raise

    def _apply(self, items: list[Item], settings: dict[str, int | str]) -> int:
        options, engine = self.options, self.engine
        name, sandbox = options.config_name or "-", self.sandbox
        begin = engine.registry.begun or start.begin_of(options, self.outside.random(SALT_BYTES))
        with self.outside.runner.reader("secrets") as reader:
            items = start.without_secrets(items, recipe_of(begin), engine.registry, reader)
        everything: Any = tuple(item.record for item in items)
        whole = ar.Configuration(name=name, sandbox=sandbox, settings=settings, records=everything)
        trial = engine.registry.try_out(whole, engine)  # before anything is journaled
        for refused in trial.refusals:
            advice = "; use another data folder or the old value" if refused.fixed else ""
            if refused.record is None:
                raise StartRefused(Exit.CONFIG, refused.text)
            raise StartRefused(Exit.CONFIG, f"{place(items[refused.record], refused.key, refused.sentence)}{advice}")
        to_do = tuple(items[i].record for i in trial.to_do())
        records: list[ar.AnyRecord] = [] if engine.registry.begun is not None else [begin]
        if to_do or settings != engine.registry.settings:
            records.append(msgspec.structs.replace(whole, records=to_do))
        who = f"config:{options.config_name or '-'}"[:128]
        bodies = [body for record in records for body in ar.pack_all(who, "", record)]
        for answer in self.act(*bodies):
            if not answer.ok:
                raise StartRefused(Exit.CONFIG, f"{options.config_name}: {answer.text}")
        return len(to_do)

    def _log_off_everyone(self) -> None:
        """After a crash: log off the sessions of the last run. This is an input (cancel on disconnect). Raises StartRefused."""
        known = [state.Session.of(self.engine.m, s.id) for s in self.engine.registry.sessions]
        sessions = [session for session in known if session.logged_on]
        if not sessions:
            return
        turn = TurnInput(rows=len(sessions) + 1)
        self._begin(turn)
        for session in sessions:
            unsure = 0  # output made just before the crash may not have been written
            if session.wire == codes.WIRE_FIX:
                unsure = unsure_from(self.store, session.last_event, self.engine.time_ns - UNSURE_NS)
            turn.add(codes.C_LOGOFF, session.id, values={L.CMD_LOGOFF_FROM: unsure})
        self._input(turn.inbox, turn.words)
        self.log("info", "logged_off_after_crash", sessions=len(sessions))

    def _input(self, rows: Any, words: int) -> list[Any]:
        """Make one turn of so many words without the network: journal it, apply it, store its events. Raises StartRefused."""
        try:
            self.journal.append(rows[:words], self.engine.row_seq)
            return self.engine.apply(rows, words, self.store.append)
        except JournalError as error:
            raise refusal(error, self.options.data) from error
        except (InvariantBroken, RegistryBroken) as error:
            raise StartRefused(
                Exit.BROKEN, f"{error}; the journal in {self.options.data} holds the input that led to it: keep it and report it"
            ) from error

    def close(self) -> None:
        """Release the data folder without a snapshot: everything applied is in the journal."""
        self.rebuilder.close()
        self.store.close()
        self.journal.close()

    # ------------------------------------------------------------------------------------------------------------ run
    def run(self) -> int:
        """Listen and trade until told to stop; returns the exit code."""
        all_cores = cores.usable()
        if self.follower.on and self.follower_core is not None:
            cores.keep_to(all_cores - {self.follower_core})  # the loop and what it starts; helpers that run already stay free
            self.log("info", "follower_core", core=self.follower_core, loop=sorted(cores.usable()))
        gc.collect()
        gc.freeze()  # objects that exist now stay: later collections do not walk them
        gc.disable()  # the pipeline collects when it is idle
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                code = runner.run(self._main())
        finally:
            gc.enable()
            gc.unfreeze()
            cores.keep_to(all_cores)
        self.rebuilder.close()
        self.follower.stop()
        try:
            code = self._end(code)
            return code
        finally:
            self.follower.close()
            self.watch.end(code, code in (Exit.JOURNAL, Exit.BROKEN) or not self.stopping)

    def _end(self, code: int) -> int:
        """Close the folder, after a clean stop with a snapshot; returns the exit code."""
        if code in (Exit.JOURNAL, Exit.BROKEN, Exit.FENCED):
            return code  # write nothing more: the next start recovers
        if self.stopping:
            try:
                settings = self.options.settings
                path = seal(self.recovered, self.options.data, keep=Keep(settings.snapshots_kept, settings.snapshot_days))
                self.log("info", "stopped", snapshot=path.name, next_row=self.engine.row_seq)
            except SnapshotFailed as error:
                self.log("error", "snapshot_failed", exit_code=int(Exit.SNAPSHOT), text=str(error))
                return Exit.SNAPSHOT
            except (JournalError, OSError) as error:
                self.log("error", "journal_failed", exit_code=int(Exit.JOURNAL), text=str(error))
                return Exit.JOURNAL
        else:
            self.close()
        return code

    def compose(self, loop: asyncio.AbstractEventLoop) -> Pipeline:
        """Make everything between the journal and the sockets, on this loop; nothing listens or runs yet."""
        options = self.options
        limits = Limits(inbox_rows=min(Limits().inbox_rows, self.journal.ring_bytes // (4 * ROW_BYTES)))
        if options.disk_reserve_bytes:
            limits = msgspec.structs.replace(limits, disk_reserve_bytes=options.disk_reserve_bytes)
        limits = msgspec.structs.replace(limits, connections=connections_that_fit(limits.connections))
        self.loop = loop
        self.market = MarketData(self.engine)
        self.binary = BinaryEncoder(self.engine)
        self.fix = FixEncoder(self.engine)
        encoders = Encoders(self.engine, {codes.WIRE_FIX: self.fix, codes.WIRE_BINARY: self.binary})
        self.pipeline = pipeline = Pipeline(
            loop,
            self.engine,
            self.journal,
            self.store,
            self.directory,
            self.clock,
            encoders,
            self.market,
            limits,
            self.log,
            options.spin,
            self.free_bytes,
            Timers(self.engine.registry, self.engine.m, self.log),
            self.binary,
            self.fix,
        )
        pipeline.watches += [
            self.ahead.look, self.shares.look, self.quotas.look, self.directory.guard.look, lambda: self.marks.look(loop.time()), lambda: self._look_after_store(loop.time()),
        ]  # fmt: skip
        extra = {"check": self._check, "reload_tls": self._reload_tls}
        self.office = Office(
            self.engine.registry, self.engine.m, pipeline.expect, self._trying, self._try_act, self.status, self.stop, extra
        )
        self.office.legs_of = Trades(self.engine.registry, self.store).filled_in
        self.office.seen["statement"] = Statements(self.engine.registry, self.engine.m, self.store).ask
        self.office.verbs["reports"] = ReportNames(self.engine.registry, self.engine.m, self.store).ask
        self.office.seen["venue_export"] = VenueExports(self.engine.registry, self.engine).ask
        self.office.accept_clock = self.clock.accept
        self.office.capacities = asdict(self.engine.capacities)
        self.office.judge = self.directory.judge
        self.office.log = self.log
        self.office.operators = frozenset(f"uid:{uid}" for uid in options.settings.operators or (os.getuid(), 0))
        if self.tls is not None:
            pipeline.watches.append(self.tls.warn)
        self.slow.wake = self._wake
        self.slow.notify = self._slow_ended
        pipeline.watches.append(lambda: pipeline.end_keys(self.clock.now))
        return pipeline

    def _wake(self, connection: Any) -> None:
        """What the connection waited for is done."""
        if connection.pipe is not None:
            self.pipeline.mark(connection.pipe)

    def _slow_ended(self) -> None:
        """In a thread: have the loop take what it has done. A loop that is closed has stopped the server."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.slow.look)

    async def _main(self) -> int:
        loop = asyncio.get_running_loop()
        pipeline = self.compose(loop)
        try:
            servers = await self._listen(pipeline)
        except PortError as error:
            self.log("error", "not_started", exit_code=int(Exit.PORT), text=str(error))
            return Exit.PORT
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        pipeline.watches += [
            lambda: self.follower.look(loop.time()), self._look_at_lock, lambda: self.watch.look(loop.time()),
        ]  # fmt: skip
        pipeline.start()
        self.watch.begin()
        self._announce(self.options.settings.host)
        try:
            return await pipeline.done
        finally:
            for server in servers:
                server.close()
            for name in (ADMIN_SOCKET, PRINCIPAL_SOCKET):
                (self.options.data / name).unlink(missing_ok=True)

    async def _listen(self, pipeline: Pipeline) -> list[asyncio.AbstractServer]:
        """Open all ports or none; the operator's socket last, so that its presence shows that the server trades."""
        settings = self.options.settings
        servers: list[asyncio.AbstractServer] = []
        try:
            for kind, port in (("fix", settings.fix_port), ("binary", settings.binary_port)):
                if self.tls is not None and kind in settings.tls_ports:
                    server, found = await self.outside.listen_tls(pipeline, kind, settings.host, port, self.makers[kind], self.tls)
                else:
                    server, found = await self.outside.listen_tcp(pipeline, kind, settings.host, port, self.makers[kind])
                self.ports[kind] = found
                servers.append(server)
            if settings.admin_port and self.tls is not None:  # never plain (config/settings.py)
                server, found = await self.outside.listen_tls(
                    pipeline, "admin", settings.host, settings.admin_port, self.makers["remote"], self.tls
                )
                self.ports["admin"] = found
                servers.append(server)
            for kind, name in (("principal", PRINCIPAL_SOCKET), ("admin", ADMIN_SOCKET)):
                servers.append(await self.outside.listen_unix(pipeline, kind, self.options.data / name, self.makers[kind]))
        except PortError:
            for server in servers:
                server.close()
            raise
        return servers

    def _admin_connection(self, now_ns: int, link: Link) -> AdminConnection:
        return AdminConnection(now_ns, link, self.directory, self.office, link.peer)

    def _remote_connection(self, now_ns: int, link: Link) -> RemoteAdminConnection:
        return RemoteAdminConnection(now_ns, link, self.directory, self.office)

    def _local_connection(self, now_ns: int, link: Link) -> RemoteAdminConnection:
        return RemoteAdminConnection(now_ns, link, self.directory, self.office, local=True)

    def _hang_up(self) -> None:
        """SIGHUP: the certificate's files are read again."""
        with contextlib.suppress(BadRequest):  # it is in the log
            self._reload_tls({})

    def _reload_tls(self, request: dict[str, Any]) -> Any:  # noqa: ARG002 (Verb)
        """The admin verb `reload_tls`. Raises BadRequest; the certificate in use stays then."""
        if self.tls is None:
            self.log("warning", "tls_not_reloaded", text="no port uses TLS")
            raise BadRequest("no port of this server uses TLS (settings tls_cert, tls_key, tls_ports)")
        try:
            self.tls.reload()
        except CertificateError as error:
            self.log("error", "tls_not_reloaded", text=str(error))
            raise BadRequest(f"{error}; the certificate in use stays") from None
        return self.tls.status()

    def _binary_connection(self, now_ns: int, link: Link) -> BinaryConnection:
        return BinaryConnection(
            self.directory, now_ns, link, self.engine, self.store, self.binary, self.market, heartbeat_ms=self.heartbeat_ms
        )

    def _fix_connection(self, now_ns: int, link: Link) -> FixConnection:
        skew_ns = self.options.settings.sending_time_tolerance_ns
        return FixConnection(
            self.directory, now_ns, link, self.engine, self.store, self.fix, self.market, skew_ns, heartbeat_s=self.heartbeat_s
        )

    def _announce(self, host: str) -> None:
        line = msgspec.json.encode(
            {
                "ready": True,
                "pid": os.getpid(),
                "host": host,
                "fix_port": self.ports["fix"],
                "binary_port": self.ports["binary"],
                "admin": str(self.options.data / ADMIN_SOCKET),
                **({"admin_port": self.ports["admin"]} if "admin" in self.ports else {}),
                **({"tls": self.tls_ports()} if self.tls is not None else {}),
                **({"exposed_plain": self.exposed_plain} if self.exposed_plain else {}),
                "folder_id": self.identity.folder_id,
                "epoch": self.journal.epoch,
                "mode": self.journal.mode,
                "records_applied": self.applied,
                "sandbox": self.sandbox,
                **({"exposed_sandbox": True} if self.options.expose_sandbox else {}),
                **({"not_taken": self.not_taken} if self.not_taken else {}),
                "recovery": self.report.line(),
            }
        )
        try:
            sys.stdout.write(line.decode() + "\n")
            sys.stdout.flush()
            if self.options.ready_file is not None:
                data_folder.write_whole(self.options.ready_file, line + b"\n")
        except OSError as error:  # stdout is closed, or no space for the file: the exchange is open all the same
            self.log("error", "ready_not_told", file=str(error.filename or "stdout"), why=error.strerror or str(error))

    def tls_ports(self) -> list[str]:
        return [kind for kind in self.ports if kind in self.options.settings.tls_ports]

    def stop(self) -> None:
        """Stop cleanly; on a second call, do not wait for the peers."""
        if self.stopping:
            self.pipeline.hurry()
            return
        self.stopping = True
        self.watch.stopping()
        self.log("info", "stopping")
        self._farewell = self.loop.create_task(self.pipeline.shutdown())

    # -------------------------------------------------------------------------------------------------------- watching
    def _look_at_lock(self) -> None:
        """Stop at once if another process took the folder (exos promote, on shared storage); nothing more is answered."""
        if self.journal.fenced():
            text = (
                f"{self.options.data} was taken over by another process (exos promote, or a copy put in its place): this server is fenced"
            )
            self.pipeline.fail(Exit.FENCED, "fenced", JournalFailed(text))

    def _look_after_store(self, now_s: float) -> None:
        """Handle pauses and holes of the event store; request a turn for connections that wait for a report that is now readable."""
        if self.rebuilder.look(now_s):
            for link in list(self.pipeline.links.by_id.values()):
                self.pipeline.mark(link)

    def _another_engine(self, chunks: Any) -> Engine:
        """An engine for rebuilding reports, made like the running one, independently of the current configuration."""
        if chunks is not None:
            return Engine.restore(chunks)
        begun = start.begun_as(self.options.data / "journal")  # its tables may have had other sizes then
        capacities = Capacities.begun_as(begun.capacities) if begun is not None else self.engine.capacities
        return Engine(capacities, retention_ns=state.Header(self.engine.m).retention_ns)

    def _sessions_in(self, events: Range, found: set[int]) -> list[str]:
        """Names of the sessions with reports in a range of events; `found`: ids found in the event store."""
        m = self.engine.m
        newest = {s.id: state.Session.of(m, s.id).last_event for s in self.engine.registry.sessions}
        return [s.name for s in self.engine.registry.sessions if s.id in found or events[0] <= newest[s.id] <= events[1]]

    def free_bytes(self) -> int:
        if self.journal.space_low():
            return 0
        disk = os.statvfs(self.options.data)
        return disk.f_bavail * disk.f_frsize

    def _trying(self, record: ar.Configuration, who: str) -> Trying:
        return self.engine.registry.trying(record, self.engine, who)

    def _try_act(self, record: ar.AnyRecord, who: str) -> Tried:
        return self.engine.registry.try_act(record, self.engine, who)

    def _check(self, request: dict[str, Any]) -> Slices:  # noqa: ARG002 (Verb)
        """The admin verb `check`: proofs of ledger, books and collateral, and the state digest. Walks the whole state, one proof in each turn: use
        it in quiet times."""
        failed: list[str] = []
        proofs = self.engine.proofs()
        for done, (name, prove) in enumerate(proofs):
            yield {"proof": name, "done": done, "of": len(proofs) + 1}
            failed += prove()
        yield {"proof": "digest", "done": len(proofs), "of": len(proofs) + 1}
        return {"failed": failed, "digest": self.engine.digest().hex(), "row_seq": self.engine.row_seq}

    def status(self) -> dict[str, Any]:
        """What `exos status` shows."""
        return server_status.status(self)


def refusal(error: JournalError | OSError | identity.IdentityRefused, data: Path) -> StartRefused:
    """Why the data folder cannot be used, as one sentence and its exit code."""
    if isinstance(error, identity.IdentityRefused):
        return StartRefused(error.code, str(error))
    if isinstance(error, OSError):
        where = error.filename or data
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StartRefused(Exit.SPACE, f"{where}: not enough space on the disk to start; nothing was lost: free some and start again")
        return StartRefused(Exit.RECOVERY, f"{where}: {error.strerror or error}")
    for kind, code in (
        (JournalLocked, Exit.LOCKED),
        (JournalNoSpace, Exit.SPACE),
        (JournalFailed, Exit.JOURNAL),
        (ReplayBroken, Exit.BROKEN),
        (OtherRules, Exit.RULES),
    ):
        if isinstance(error, kind):
            more = "; nothing was lost: free some and start again" if code == Exit.SPACE else ""
            return StartRefused(code, str(error) + more)
    return StartRefused(Exit.RECOVERY, str(error))
