"""The project's rules as a program: `scripts/tidy.py [--tests-required] [FILE ...]`. Exits 1 if a rule is broken; warnings are only
printed.

    floor      a floor imports only from the floors below it and from its own package; nothing imports scripts, tests or perf
    wing       within core, disk and wires a wing imports only from the wings below it (WINGS)
    circle     no modules that import each other, also not for annotations only (TYPE_CHECKING)
    clock      no clock and no randomness below net: time is an argument
    asyncio    no event loop below net, except in protocol/client.py
    import     core imports only numpy, numba, protocol.codes, phases and freeze, disk and wires core as well; protocol no socket, no os, no threads
    float      no float literal, no true division, no float type in exchange_server/core, wires and disk
    number     no int(), float(), Decimal() or isdigit() on texts from people (config, cli, the SDK, scripts/main_job.py): use protocol/numbers.py
    print      only in cli, scripts, perf and tests
    except     no bare `except:`, no `except Exception: pass`
    length     a file has at most 700 lines (a warning from 400)
    test-file  each source file NAME.py has a tests/**/test_NAME.py (a warning; an error with --tests-required)
    address    no registry host and no folder of a developer's machine in a tracked file
    exception  each exception is well formed, gives its reason and is needed

An exception is written on the line itself or alone on the line above; for `length` and `test-file` anywhere in the file's first 20 lines:

    # tidy: allow RULE because REASON
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = (
    "floor",
    "wing",
    "circle",
    "clock",
    "asyncio",
    "import",
    "float",
    "number",
    "print",
    "except",
    "length",
    "test-file",
    "address",
    "exception",
)
LINES_MAX = 700
LINES_WARNED = 400
HEAD = 20  # exceptions for a whole file must be within this many lines of its top

# The first matching prefix decides. exchange_server itself, on floor 0, has only its marker.
FLOORS = (
    ("protocol.codes", 0),
    ("protocol.errors", 0),
    ("protocol.numbers", 0),
    ("protocol.phases", 0),
    ("protocol.freeze", 0),
    ("protocol.units", 0),
    ("protocol.", 1),
    ("protocol", 0),
    ("config", 1),  # on the same level as protocol: it may import only floor 0 of protocol
    ("exchange_server.addresses", 5),
    ("exchange_server.exits", 0),
    ("exchange_server.certificates", 0),
    ("exchange_server.venue_archive", 0),
    ("exchange_server.core", 2),
    ("exchange_server.wires", 2),  # codec kernels
    ("exchange_server.disk", 2),  # next to core: the kernels with I/O and a clock; core may not import them
    ("exchange_server.state", 3),
    ("exchange_server.own_state", 3),
    ("exchange_server.engine", 3),
    ("exchange_server.kernels", 3),
    ("exchange_server.prefault", 3),
    ("exchange_server.registry", 3),
    ("exchange_server.journal", 3),
    ("exchange_server.upgrade", 3),
    ("exchange_server.archive", 3),
    ("exchange_server.distribution", 3),
    ("exchange_server.data_folder", 3),
    ("exchange_server.identity", 3),
    ("exchange_server.gateway", 4),
    ("exchange_server.net", 5),
    ("exchange_server.follow", 6),
    ("exchange_server.backup", 6),
    ("exchange_server.watch", 6),
    ("exchange_server.start", 6),
    ("exchange_server.resize", 6),
    ("exchange_server.app", 6),
    ("exchange_server.server_status", 6),
    ("exchange_server.cli", 6),
    ("exchange_server.demo", 6),
    ("exchange_server.web", 6),
    ("exchange_server.hooks", 6),
    ("exchange_server.mcp", 6),
    ("exchange_server.__main__", 6),
)
# Within floor 2: (prefix, rank). A wing imports only from wings of a lower rank; layout and kit may import each other.
WINGS = (
    ("exchange_server.core.layout", 0),
    ("exchange_server.core.kit", 0),
    ("exchange_server.core.emit", 1),
    ("exchange_server.core.money", 2),
    ("exchange_server.core.book", 2),
    ("exchange_server.core.life", 3),
    ("exchange_server.core.risk", 4),
    ("exchange_server.core.match", 5),
    ("exchange_server.core.orders", 6),
    ("exchange_server.core.markets", 7),
    ("exchange_server.core", 8),  # the parents, and code that reads the whole state
    ("exchange_server.disk", 1),
    ("exchange_server.wires", 1),
)
# What codecs may import besides kit and layout.
WIRES_MAY_IMPORT = ("exchange_server.core.book.levels", "exchange_server.core.risk.visibility")
NO_FLOOR = ("scripts", "tests", "perf")

CORE_MAY_IMPORT = (
    "__future__",
    "typing",
    "collections.abc",
    "numpy",
    "numba",
    "llvmlite",
    "protocol.codes",
    "protocol.phases",
    "protocol.freeze",
    "exchange_server.core",
)
DISK_MAY_IMPORT = (*CORE_MAY_IMPORT, "exchange_server.disk")
CORE_SHELL = ("exchange_server.core.kit.jit",)  # prepares the compiler and its cache folder; has no kernel
CLOCKS = ("time", "random", "secrets", "uuid")
LOOPS = ("asyncio", "uvloop", "selectors", "select")
BANNED = (  # (rule, module prefix, what it must not import); every matching row applies
    ("clock", "exchange_server.core", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.disk", (*CLOCKS, "datetime")),  # only its kernels get a clock's address
    ("clock", "exchange_server.wires", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.engine", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.state", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.own_state", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.registry", (*CLOCKS, "datetime")),
    ("clock", "exchange_server.journal", ("random",)),
    ("clock", "exchange_server.gateway", CLOCKS),
    ("clock", "protocol", CLOCKS),
    ("asyncio", "exchange_server.core", LOOPS),
    ("asyncio", "exchange_server.disk", LOOPS),
    ("asyncio", "exchange_server.wires", LOOPS),
    ("asyncio", "exchange_server.engine", LOOPS),
    ("asyncio", "exchange_server.state", LOOPS),
    ("asyncio", "exchange_server.registry", LOOPS),
    ("asyncio", "exchange_server.journal", LOOPS),
    ("asyncio", "exchange_server.gateway", LOOPS),
    ("asyncio", "config", LOOPS),
    ("asyncio", "protocol", LOOPS),
    ("import", "protocol", ("socket", "os", "threading")),
)
BANNED_NOT_IN = ("protocol.client", "protocol.client_own_state")  # the SDK's shell, the one place in protocol with I/O
PRINTS = ("exchange_server/cli/", "scripts/", "perf/", "tests/")
PEOPLES_TEXTS = ("config/", "exchange_server/cli/", "protocol/client.py", "protocol/numbers.py", "scripts/main_job.py")
READERS = ("int", "float", "Decimal")
SOURCES = ("config/", "exchange_server/", "protocol/", "scripts/")

ADDRESSES = (
    (
        re.compile(r"\b(?:files\.|test\.)?py(?:pi\.(?:org|python\.org)|thonhosted\.org)|\bregistry\.npm(?:js|mirror)\.|\bproxy\.golang\."),
        "a registry",
    ),
    (re.compile(r"(?<![\w.$}>-])/(?:home/[a-z_][\w.-]*|root|Users/[A-Za-z][\w.-]*)/"), "a folder of one's own machine"),
)
TEXTS = {
    ".py",
    ".js",
    ".css",
    ".html",
    ".md",
    ".toml",
    ".txt",
    ".cfg",
    ".lock",
    ".sh",
    ".yml",
    ".yaml",
    ".json",
    ".csv",
    ".xml",
    ".service",
    "",
}
EXCEPTION = re.compile(r"tidy: allow (\S+)(?: because (\S.*))?")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'warning: ' if self.warning else ''}{self.rule}: {self.text}"


def module_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def within(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix.rstrip(".") + ".")


def floor_of(module: str) -> int | None:
    for prefix, floor in FLOORS:
        if within(module, prefix):
            return floor
    return 0 if module == "exchange_server" else None


def imports_of(tree: ast.AST, path: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported, relative imports resolved; `from a import b` gives a.b, which may be a module or a
    name."""
    package = module_of(path).split(".") if path.endswith("__init__.py") else module_of(path).split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{stem}.{alias.name}"


def check_imports(path: str, tree: ast.AST) -> Iterator[Finding]:
    module = module_of(path)
    floor = floor_of(module)
    if floor is None:
        if within(module, "exchange_server"):
            yield Finding(path, 1, "floor", "this module has no floor: give it one in scripts/tidy.py")
        return
    for line, name in imports_of(tree, path):
        top = name.split(".")[0]
        if top in NO_FLOOR:
            yield Finding(path, line, "floor", f"{module} imports {name}, which is not part of the distribution")
        other = floor_of(name)
        if other is not None and (other > floor or (other == floor and top != module.split(".")[0])):
            yield Finding(path, line, "floor", f"{module} on floor {floor} imports {name} from floor {other}")
        banned = False
        for rule, prefix, names in BANNED:
            if within(module, prefix) and top in names and module not in BANNED_NOT_IN:
                banned = True
                yield Finding(path, line, rule, f"{name} does not belong into {prefix}")
        for package, may_import in (
            ("core", CORE_MAY_IMPORT),
            ("disk", DISK_MAY_IMPORT),
            ("wires", (*CORE_MAY_IMPORT, "exchange_server.wires")),
        ):
            kernels = within(module, f"exchange_server.{package}") and module not in CORE_SHELL
            if kernels and not banned and not any(within(name, allowed) for allowed in may_import):
                what = "numpy, numba, protocol.codes, protocol.phases and protocol.freeze" + ("" if package == "core" else ", and core")
                yield Finding(path, line, "import", f"{package} imports {name}; it may import only {what}")


def wing_of(module: str) -> tuple[str, int] | None:
    return next(((prefix, rank) for prefix, rank in WINGS if within(module, prefix)), None)


def check_wings(path: str, tree: ast.AST) -> Iterator[Finding]:
    own = wing_of(module_of(path))
    if own is None:
        return
    for line, name in imports_of(tree, path):
        wing = wing_of(name)
        if name == "exchange_server.core" or wing is None or wing[0] == own[0]:  # `from .. import layout` imports the name from both
            continue
        if own[0] == "exchange_server.wires" and any(within(name, allowed) for allowed in WIRES_MAY_IMPORT):
            continue
        if wing[1] > own[1] or (wing[1] == own[1] and own[1] != 0):
            yield Finding(path, line, "wing", f"{own[0]} does not import from {wing[0]}: that wing is above it or on the same level")


def check_circles(sources: dict[str, str]) -> Iterator[Finding]:
    """`sources`: path to text of all source files. One finding for each import that leads back to its own module."""
    paths = {module_of(path): path for path in sources}
    imports: dict[str, dict[str, int]] = {}
    for module, path in paths.items():
        found = imports.setdefault(module, {})
        try:
            tree = ast.parse(sources[path])
        except SyntaxError:  # examine reports it
            continue
        for line, name in imports_of(tree, path):
            other = name if name in paths else name.rpartition(".")[0]
            if other in paths and other != module and not within(module, other):  # a package's __init__ imports its files
                found.setdefault(other, line)
    for module, found in imports.items():
        for other, line in found.items():
            seen, waiting = {other}, [other]
            while waiting:
                for further in imports[waiting.pop()]:
                    if further not in seen:
                        seen.add(further)
                        waiting.append(further)
            if module in seen:
                yield Finding(paths[module], line, "circle", f"{module} imports {other}, which imports it in turn")


def check_floats(path: str, tree: ast.AST) -> Iterator[Finding]:
    if not path.startswith(("exchange_server/core/", "exchange_server/disk/", "exchange_server/wires/")) or module_of(path) in CORE_SHELL:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield Finding(path, node.lineno, "float", f"the literal {node.value}")
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            yield Finding(path, node.lineno, "float", "a true division: write // and document the rounding")
        elif isinstance(node, ast.Name) and re.fullmatch(r"float(16|32|64)?_?", node.id):
            yield Finding(path, node.lineno, "float", f"the type {node.id}")
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"float(16|32|64)?_?|double", node.attr):
            yield Finding(path, node.lineno, "float", f"the type {node.attr}")


def check_numbers(path: str, tree: ast.AST) -> Iterator[Finding]:
    """Python's own conversions accept 1e1, 1_0, spaces and digits of other scripts, and round: numbers from people go through
    protocol/numbers.py."""
    if not path.startswith(PEOPLES_TEXTS):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in READERS:
            yield Finding(path, node.lineno, "number", f"{node.func.id}() reads more than a number: protocol/numbers.py reads it exactly")
        elif isinstance(node.func, ast.Attribute) and node.func.attr in ("isdigit", "isdecimal", "isnumeric", "scaleb"):
            yield Finding(
                path, node.lineno, "number", f"{node.func.attr}() is not a check of a number: protocol/numbers.py reads it exactly"
            )
        for keyword in node.keywords:
            if keyword.arg == "type" and isinstance(keyword.value, ast.Name) and keyword.value.id in READERS:
                yield Finding(path, keyword.value.lineno, "number", f"type={keyword.value.id}: give a reader of protocol/numbers.py")


def check_statements(path: str, tree: ast.AST) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print" and not path.startswith(PRINTS):
            yield Finding(path, node.lineno, "print", "print stands only in cli, scripts, perf and tests")
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield Finding(path, node.lineno, "except", "a bare except also swallows what stops the process")
        elif catches_all(node.type) and all(is_nothing(statement) for statement in node.body):
            yield Finding(path, node.lineno, "except", "catches everything and does nothing")


def catches_all(node: ast.expr) -> bool:
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(name, ast.Name) and name.id in ("Exception", "BaseException") for name in names)


def is_nothing(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Pass, ast.Continue)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def check_length(path: str, text: str) -> Iterator[Finding]:
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield Finding(path, 1, "length", f"{lines} lines; at most {LINES_MAX}")
    elif lines > LINES_WARNED:
        yield Finding(path, 1, "length", f"{lines} lines; above {LINES_WARNED} a file usually has two jobs", warning=True)


def check_addresses(path: str, text: str, root: Path) -> Iterator[Finding]:
    own = str(root)
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ADDRESSES:
            hit = pattern.search(line)
            if hit:
                yield Finding(path, number, "address", f"{hit.group()} is {what}")
        if own.count("/") > 1 and own in line:
            yield Finding(path, number, "address", "names the folder of this checkout")


def check_test_files(paths: list[str], required: bool) -> Iterator[Finding]:
    tests = {path.rsplit("/", 1)[-1] for path in paths if path.startswith("tests/")}
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        if path.endswith(".py") and path.startswith(SOURCES) and not name.startswith("__") and f"test_{name}" not in tests:
            yield Finding(path, 1, "test-file", f"no tests/**/test_{name}", warning=not required)


@dataclass(slots=True)
class Exemption:
    line: int
    rule: str
    reason: str
    alone: bool
    used: bool = False

    def covers(self, finding: Finding) -> bool:
        if finding.rule != self.rule:
            return False
        if self.rule in ("length", "test-file"):
            return self.line <= HEAD
        return finding.line == self.line or (self.alone and finding.line == self.line + 1)


def exemptions_of(path: str, text: str) -> list[Exemption]:
    """The exceptions in the file's comments; in a file that is not Python, those on lines that say nothing else."""
    found = []
    if path.endswith(".py"):
        comments = [
            (token.start[0], token.string.lstrip("# "), not token.line[: token.start[1]].strip())
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
        ]
    else:
        comments = [(number, line.strip(" #<!->"), True) for number, line in enumerate(text.splitlines(), 1)]
    for line, comment, alone in comments:
        hit = EXCEPTION.match(comment)
        if hit:
            found.append(Exemption(line, hit[1], hit[2] or "", alone))
    return found


def check_file(path: str, text: str, root: Path) -> list[Finding]:
    """All findings in one file except `test-file`, before its exceptions are applied."""
    findings = list(check_addresses(path, text, root))
    if path.endswith(".py"):
        findings += check_length(path, text)
        tree = ast.parse(text, path)
        for check in (check_imports, check_wings, check_floats, check_numbers, check_statements):
            findings += check(path, tree)
    return findings


def settle(path: str, findings: list[Finding], exemptions: list[Exemption]) -> list[Finding]:
    """The `findings` left after the file's exceptions, and errors in the exceptions."""
    left = []
    for finding in findings:
        covering = [one for one in exemptions if one.reason and one.covers(finding)]
        for one in covering:
            one.used = True
        if not covering:
            left.append(finding)
    for one in exemptions:
        if one.rule not in RULES:
            left.append(Finding(path, one.line, "exception", f"there is no rule '{one.rule}'"))
        elif not one.reason:
            left.append(Finding(path, one.line, "exception", "an exception says why: # tidy: allow RULE because REASON"))
        elif not one.used:
            left.append(Finding(path, one.line, "exception", f"nothing here breaks the rule '{one.rule}' any more: remove the exception"))
    return left


def tracked(root: Path) -> list[str]:
    """Files that git tracks or would track (new files that are not ignored); without git, every file outside hidden folders."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted({path for path in listed.stdout.split("\0") if path and (root / path).is_file()})
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if not any(part.startswith(".") or part == "__pycache__" for part in path.parts[:-1]))


def examine(root: Path, only: list[str], tests_required: bool) -> list[Finding]:
    """All findings in the checkout at `root`, or those in the files `only` (paths relative to it)."""
    paths = tracked(root)
    whole = list(check_test_files(paths, tests_required))
    sources = [path for path in paths if path.startswith(SOURCES) and path.endswith(".py")]
    whole += check_circles({path: (root / path).read_text(encoding="utf-8") for path in sources})
    findings = []
    for path in only or paths:
        if Path(path).suffix not in TEXTS:
            continue
        try:
            text = (root / path).read_bytes().decode("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):  # binary, or just moved by somebody else
            continue
        try:
            raw = [*check_file(path, text, root), *(finding for finding in whole if finding.path == path)]
            findings += settle(path, raw, exemptions_of(path, text))
        except (SyntaxError, tokenize.TokenError) as error:
            findings.append(Finding(path, getattr(error, "lineno", None) or 1, "floor", f"this is not Python: {error}"))
    return sorted(findings)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/tidy.py", description="The house rules of this checkout.")
    parser.add_argument("--tests-required", action="store_true", help="a source file without a test file is an error")
    parser.add_argument("--quiet", action="store_true", help="no warnings")
    parser.add_argument("files", nargs="*", help="only these, relative to the checkout")
    options = parser.parse_args(arguments)
    findings = examine(ROOT, options.files, options.tests_required)
    broken = [finding for finding in findings if not finding.warning]
    for finding in findings if not options.quiet else broken:
        print(finding)
    print(f"tidy: {len(broken)} broken, {len(findings) - len(broken)} warnings")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
