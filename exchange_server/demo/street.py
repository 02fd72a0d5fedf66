"""The processes of the main job: the server on one core, the clients on another, and the location of their files."""

import fcntl
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from config.admin_records import AnyRecord
from exchange_server.cli.admin_client import AdminClient, Answer
from exchange_server.cli.doctor import MEMORY_FILE_SYSTEMS, file_system

from .client import Plan

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0
FRESH_KEPT = 5
FRESH_NAME = re.compile(r"\d{8}-\d{6}-\w+")  # names as given by fresh_folder
STOP_S = 30.0


class Failed(Exception):
    """The job cannot continue; the text is one sentence."""


def cores() -> tuple[set[int], set[int]]:
    """(the server's cores, the clients'): one each if there are two, else all for both."""
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[0]}, {usable[1]}) if len(usable) >= 2 else (set(usable), set(usable))


def fresh_folder() -> Path:
    """A new folder on a real disk: in the user's cache, else in the current folder. Raises Failed if both are in memory or cannot be written."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exos" / "runs"
    here = Path.cwd() / "exos-runs"
    for parent in (cache, here):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=parent))
        except OSError:
            continue
        if file_system(folder) not in MEMORY_FILE_SYSTEMS:
            return folder
        folder.rmdir()
    raise Failed(f"neither {cache} nor {here} is a folder on a disk that can be written: set XDG_CACHE_HOME to one that is")


def own_folder(folder: Path) -> Path:
    """This folder, made if it is not there. Raises Failed unless it is empty and can be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise Failed(f"{folder} cannot be used: {error.strerror}") from None
    if used:
        raise Failed(f"{folder} is not empty: the demonstration wants a folder of its own")
    return folder.absolute()


def spawn(command: list[str], pinned: set[int], **more: Any) -> subprocess.Popen[Any]:
    """Start a process on these cores: it inherits them from this thread, so that all its threads run on them from the start."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, pinned)
    try:
        return subprocess.Popen(command, cwd=ROOT, **more)
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """`exos serve` on a data folder. `ready` is the line that it wrote last."""

    def __init__(self, folder: Path, data: Path, ports: tuple[int, int] = (0, 0), segment_bytes: int = 0, config: str = "sandbox") -> None:
        """segment_bytes: of the journal, 0: the server's default. config: what a new folder is created with."""
        self.folder, self.data, self.ports, self.segment_bytes, self.config = folder, data, ports, segment_bytes, config
        self.process: subprocess.Popen[Any] | None = None
        self.ready: dict[str, Any] = {}
        self.seconds = 0.0

    def start(self) -> None:
        """Start and wait for the ready line. Raises Failed with the end of its log."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "exchange_server.cli.main", "serve", "--data", str(self.data)]
        command += ["--config", self.config] if self.config else []
        command += ["--fix-port", str(self.ports[0]), "--binary-port", str(self.ports[1])]
        command += ["--follower", "off"]  # the cores are the players'
        command += ["--segment-bytes", str(self.segment_bytes)] if self.segment_bytes else []
        with open(self.log_path, "ab") as log:
            # A process session of its own: Ctrl-C on the terminal reaches only us, and we stop it in order.
            self.process = spawn(command, cores()[0], stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        timer = threading.Timer(START_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        timer.cancel()
        if not line:
            self.process.wait()
            raise Failed(f"the server did not start (exit code {self.process.returncode}): {self.why()}")
        self.ready = json.loads(line)
        self.ports = self.ready["fix_port"], self.ready["binary_port"]
        self.seconds = time.perf_counter() - began

    @property
    def log_path(self) -> Path:
        return self.folder / "server.log"

    def why(self) -> str:
        """What ended it: the signal, else the last error of its log, as text."""
        code = self.process.returncode if self.process is not None else None
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}, see {self.log_path}"
        lines = self.log_path.read_text(errors="replace").splitlines()
        for line in reversed(lines):
            try:
                found = json.loads(line)
            except ValueError:
                return line
            if found.get("level") in ("error", "critical"):
                return str(found.get("text") or line)
        return f"see {self.log_path}"

    def kill(self) -> None:
        """kill -9, at any moment."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM: a clean stop with a snapshot; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"the server did not stop within {STOP_S:g} s") from None

    def ask(self, verb: str, record: AnyRecord | None = None, **fields: Any) -> Any:
        """One request on the operator's socket; its result. Raises Failed if it is refused."""
        with AdminClient(self.data) as admin:
            answer: Answer = admin.ask(verb, record, **fields)
        if not answer.ok:
            raise Failed(f"the server refused {verb}: {answer.text}")
        return answer.result


class Clients:
    """One client process (makers or takers) and its last status."""

    def __init__(self, module: str, plan: Plan) -> None:
        self.name, self.plan = module, plan
        self.status: dict[str, int] = {}
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self.log_path = Path(plan.folder) / f"{module}.log"
        with open(self.log_path, "ab") as log:
            command = [sys.executable, "-m", f"exchange_server.demo.{module}", msgspec.json.encode(plan).decode()]
            self.process = spawn(
                command, cores()[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:  # type: ignore[union-attr]
            message = json.loads(line)
            if "status" in message:
                self.status = message["status"]
            else:
                self.said.put(message)
        self.said.put({"ended": True})

    def tell(self, **command: Any) -> None:
        try:
            self.process.stdin.write(json.dumps(command) + "\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except (BrokenPipeError, ValueError):
            raise Failed(f"the {self.name} ended: {self.why()}") from None

    def wait(self, key: str, seconds: float) -> Any:
        """Its next message, which must be `key`. Raises Failed."""
        try:
            message = self.said.get(timeout=seconds)
        except queue.Empty:
            raise Failed(f"the {self.name} did not say {key} within {seconds:g} s: {self.why()}") from None
        if key not in message:
            raise Failed(f"the {self.name} ended: {self.why()}")
        return message[key]

    def why(self) -> str:
        lines = self.log_path.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"see {self.log_path}"

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()


def prune(parent: Path, keep: int = FRESH_KEPT) -> list[Path]:
    """Remove fresh folders of earlier starts, all but the newest `keep`; never one that a server has locked, or one with another name."""
    ours = sorted(f for f in parent.iterdir() if FRESH_NAME.fullmatch(f.name) and f.is_dir() and not f.is_symlink())
    gone = []
    for folder in ours[: max(0, len(ours) - keep)]:
        if not any(_held(lock) for lock in folder.glob("**/journal/lock")):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                gone.append(folder)
    return gone


def _held(lock: Path) -> bool:
    try:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or not accessible
        return True
    return False


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
