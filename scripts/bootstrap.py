"""Create the checkout's own Python environment, once, and run programs in it. Standard library only.

    bootstrap.py                      make sure that .venv exists and is complete
    bootstrap.py exec PROGRAM ARGS    the same, then become `.venv/bin/python PROGRAM ARGS` in the current folder
    bootstrap.py exec-root ...        the same, in the checkout's folder

Guarantee: after an exit of 0, .venv contains exactly what requirements.lock names (checked by hash) and finds the packages of this
checkout. A stamp in .venv records this; with the right stamp nothing is done, within milliseconds. If two run at once, the second waits.
One that was interrupted leaves a mark, and the next run creates the environment again. An environment that another tool created here is
adopted: packages that differ from the lock are installed over it. Every failure prints one sentence with the reason and exits 1. Nothing
outside the checkout is changed.

Any `python3` must be able to read this file, so that an old one can be refused with a message: keep its syntax at Python 3.7.
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
CANDIDATES = ("python3.11", "python3.12", "python3.13", "python3")  # in this order; the lock has hashes for these
MACHINES = ("x86_64", "aarch64", "arm64")
FORMAT = b"exos environment 1"  # raise this number if environments of an older bootstrap must be created again
STAMP = "exos-stamp"
BUILDING = "exos-building"


class Refused(Exception):
    """Its text is the one sentence that the user sees."""


# --- pure parts -----------------------------------------------------------------------------------------------------------------------


def refuse_platform(system: str, machine: str) -> str | None:
    """Why exos cannot run on this machine, or None."""
    if system != "linux" or machine not in MACHINES:
        return "exos runs on Linux on x86-64 or arm64; this is {} on {}.".format(system, machine or "an unknown machine")
    return None


def stamp(lock: bytes, project: bytes, root: str, python: str) -> str:
    """The content of .venv's stamp: the lock, the project's own names, the checkout's path, and the interpreter (its resolved path)."""
    digest = hashlib.sha256()
    for part in (FORMAT, lock, project, os.fsencode(root), os.fsencode(python)):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def pip_sentence(output: str) -> str:
    """The error, from pip's whole output. The order matters: a registry that cannot be reached also has 'no matching' packages."""
    if "DO NOT MATCH" in output:
        return "A downloaded package does not have the hash in requirements.lock, so nothing of it was installed."
    unreachable = (
        "NewConnectionError|ConnectTimeout|ConnectionRefused|Connection refused|Connection broken|connection broken|Max retries|ReadTimeout"
        "|Temporary failure in name resolution|Name or service not known|Network is unreachable|ProxyError|SSLError|CERTIFICATE_VERIFY"
    )
    if re.search(unreachable, output):
        return "pip cannot reach a package registry: connect this machine, or point pip at a mirror (PIP_INDEX_URL), and run this again."
    if "No space left" in output:
        return "The disk is full, so the packages could not be installed."
    if "No matching distribution" in output or "Could not find a version" in output:
        missing = re.search(r"No matching distribution found for (\S+)", output)
        what = missing.group(1) if missing else "a package of requirements.lock"
        return f"The registry has no ready-built {what} for this Python and machine (or cannot be reached): try CPython 3.11, 3.12 or 3.13."
    return "pip could not install requirements.lock; its output is above."


def console_script(python: str, module: str, function: str) -> str:
    """An executable that calls `module.function`. The sh line allows a long interpreter path or one with spaces."""
    return (
        "#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\"\n' '''\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
    ).format(re.sub(r'(["\\$`])', r"\\\1", python), module=module, function=function)


def project_names(pyproject: str) -> tuple[str, str, list[tuple[str, str, str]]]:
    """(name, version, [(script, module, function)]) from pyproject.toml, read line by line: older Pythons that run this have no tomllib."""
    table, name, version, scripts = "", "", "", []
    for line in pyproject.splitlines():
        if line.startswith("["):
            table = line.strip()
        entry = re.match(r'([\w-]+) *= *"([^"]*)"', line)
        if not entry:
            continue
        key, value = entry.groups()
        if table == "[project]" and key == "name":
            name = value
        elif table == "[project]" and key == "version":
            version = value
        elif table == "[project.scripts]":
            module, function = value.split(":")
            scripts.append((key, module, function))
    return name, version, scripts


# --- the environment ------------------------------------------------------------------------------------------------------------------


def interpreter(path: str) -> str:
    """The first candidate on `path` that is new enough and can create environments; for an environment, its base Python."""
    wrong = []
    script = "import sys; print(sys.version_info >= %r, getattr(sys, '_base_executable', sys.executable)); import venv, ensurepip" % (
        OLDEST,
    )
    for name in CANDIDATES:
        found = shutil.which(name, path=path)
        if not found:
            continue
        seen = subprocess.run([found, "-I", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        answer = seen.stdout.decode(errors="replace").strip()
        if answer.startswith("True") and seen.returncode == 0:
            return answer.partition(" ")[2]
        if answer.startswith("True"):
            wrong.append(f"{name} is installed, but without venv (on Debian and Ubuntu: apt install {name}-venv)")
    if wrong:
        raise Refused("exos needs a Python that can create environments: {}.".format("; ".join(wrong)))
    raise Refused("exos needs Python {}.{} or newer, and none of {} is one.".format(*OLDEST, ", ".join(CANDIDATES)))


class Environment:
    """The checkout at `root` and its .venv."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.lock = root / "requirements.lock"

    def wanted(self) -> str:
        names = repr(project_names((self.root / "pyproject.toml").read_text(encoding="utf-8"))).encode()
        return stamp(self.lock.read_bytes(), names, str(self.root), os.path.realpath(str(self.python)))

    def ready(self) -> bool:
        try:
            have = (self.folder / STAMP).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return False
        return have == self.wanted() and self.python.exists()

    def usable(self) -> bool:
        """Whether there is an environment that can be installed over: it was not interrupted, and its Python works and is new enough."""
        if (self.folder / BUILDING).exists() or not self.python.exists():
            return False
        script = "import sys, pip; sys.exit(sys.version_info < %r or sys.prefix == sys.base_prefix)" % (OLDEST,)
        seen = subprocess.run([str(self.python), "-I", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return seen.returncode == 0

    def ensure(self) -> None:
        if self.ready():
            return
        import fcntl  # imported here, so that Windows gets a sentence and not a traceback

        held = os.open(str(self.root), os.O_RDONLY)  # the folder itself is the lock, so no lock file is left
        try:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another run that is creating .venv")
                fcntl.flock(held, fcntl.LOCK_EX)
            if not self.ready():
                self.make(held)
        finally:
            os.close(held)

    def make(self, held: int) -> None:
        if (self.folder / STAMP).exists():
            (self.folder / STAMP).unlink()
        if not self.usable():
            self.start_anew(held)
        (self.folder / BUILDING).touch()
        count = len(re.findall(r"^[\w.-]+==", self.lock.read_text(encoding="utf-8"), re.MULTILINE))
        say(f"installing the {count} packages of requirements.lock into .venv (once; about a minute)")
        self.install(held)
        self.link()
        (self.folder / BUILDING).unlink()
        partial = self.folder / (STAMP + ".new")
        partial.write_text(self.wanted(), encoding="utf-8")
        os.replace(str(partial), str(self.folder / STAMP))

    def start_anew(self, held: int) -> None:
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / "pyvenv.cfg").exists() and not (self.folder / BUILDING).exists():
                raise Refused(f"{self.folder} exists but is not a Python environment: move it away and run this again.")
        own = str(self.folder / "bin")  # on the PATH when .venv is activated; not a Python to build it with
        python = interpreter(os.pathsep.join(part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != own))
        say(f"making .venv with {python}")
        self.folder.mkdir(exist_ok=True)
        for entry in self.folder.iterdir():
            if entry.name != BUILDING:
                subprocess.run(["rm", "-rf", "--", str(entry)], check=False)
        (self.folder / BUILDING).touch()
        made = subprocess.run(
            [python, "-I", "-m", "venv", str(self.folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(held,),
        )  # fmt: skip
        if made.returncode:
            sys.stderr.write(made.stdout.decode(errors="replace"))
            raise Refused(f"{python} could not create an environment in {self.folder}; its output is above.")

    def install(self, held: int) -> None:
        """Run pip, with hashes and wheels only. It inherits the lock, in case this process is killed first."""
        variables = {
            k: v for k, v in os.environ.items() if k not in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_NO_BINARY", "PYTHONHOME")
        }
        variables.update(PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
        command = [
            str(self.python), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install", "--retries", "2",
            "--progress-bar", "off", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(self.lock),
        ]  # fmt: skip
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, pass_fds=(held,)
        )
        if done.returncode:
            output = done.stdout.decode(errors="replace")
            sys.stderr.write(output)
            raise Refused(pip_sentence(output))

    def link(self) -> None:
        """Install the project itself, editable, by hand: a .pth, the console scripts, and the metadata that names them. No build, no
        network."""
        places = sorted(self.folder.glob("lib/python3*/site-packages"))
        if not places:
            raise Refused(f"{self.folder} has no site-packages: remove it and run this again.")
        packages = places[-1]
        name, version, scripts = project_names((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        for old in packages.glob(f"{name}-*.dist-info"):
            subprocess.run(["rm", "-rf", "--", str(old)], check=False)
        info = f"{name}-{version}.dist-info"
        entries = "".join(f"{script} = {module}:{function}\n" for script, module, function in scripts)
        files = {
            packages / f"{name}.pth": f"{self.root}\n",
            packages / info / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            packages / info / "INSTALLER": "exos-bootstrap\n",
            packages / info / "entry_points.txt": f"[console_scripts]\n{entries}",
        }
        for script, module, function in scripts:
            files[self.folder / "bin" / script] = console_script(str(self.python), module, function)
        record = []
        for path, text in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if path.parent.name == "bin":
                path.chmod(0o755)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record.append(f"{os.path.relpath(str(path), str(packages))},sha256={digest},{len(text.encode())}\n")
        (packages / info / "RECORD").write_text("".join(record) + f"{info}/RECORD,,\n", encoding="utf-8")


def say(text: str) -> None:
    print(f"exos: {text}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    try:
        refused = refuse_platform(sys.platform, platform.machine())
        if refused:
            raise Refused(refused)
        environment = Environment()
        environment.ensure()
        if not arguments:
            return 0
        if arguments[0] not in ("exec", "exec-root") or len(arguments) < 2:
            raise Refused("bootstrap.py knows 'exec PROGRAM ...', 'exec-root PROGRAM ...' and nothing else.")
        if arguments[0] == "exec-root":
            os.chdir(str(ROOT))
        os.execv(str(environment.python), [str(environment.python), *arguments[1:]])
    except Refused as refusal:
        say(str(refusal))
    except KeyboardInterrupt:
        say("interrupted; the next run creates the environment again.")
    except OSError as error:
        say(f"the environment in {ROOT / '.venv'} could not be created: {error}.")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
