"""Compiles kernels: the only place with numba's settings.

Guarantees: a kernel's cache folder is named by a hash of its file and of every file of core, wires, disk and protocol that it imports,
directly or not, of numba's version and the flags, so a stale kernel is never loaded and an edit recompiles only the kernels that use the file; entry
points have explicit signatures and are compiled (or loaded) at import, each timed in COMPILED; nothing is compiled later. Where the cache
is empty, as many processes compile as there are cores (at most four). Environment: EXOS_CACHE_DIR (default: the user's cache folder, or a
private one under the temporary folder when there is no writable home), EXOS_BOUNDSCHECK=1 (index checks in every kernel, own cache).
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter  # tidy: allow clock because compile times are shown to the operator, never to the engine
from typing import Any

BOUNDSCHECK = os.environ.get("EXOS_BOUNDSCHECK", "0") == "1"
# _nrt off: kernels allocate nothing, and calls between leaves then do not count references to their arrays (two locked instructions per
# array and call; the FIX decoder went from 0.9 to 0.4 us a message). A kernel that allocates or returns an array does not compile.
FLAGS: dict[str, Any] = {"boundscheck": BOUNDSCHECK, "error_model": "numpy", "nogil": True, "fastmath": False, "_nrt": False}
INTEGERS_WRAP = "int64 wraps"  # part of the cache key: see below
HELPERS_MAX = 3
HELPER = "exchange_server.kernels"  # the module that helper processes run; named, not imported, because kit imports nothing above it
COMPILED: list[tuple[str, float, bool]] = []  # (kernel, seconds, came from the cache)
on_compiled: Callable[[str, float, bool], None] | None = None


_ROOT = Path(__file__).resolve().parents[3]
_FOLDERS = (_ROOT / "exchange_server" / "core", _ROOT / "exchange_server" / "disk", _ROOT / "exchange_server" / "wires", _ROOT / "protocol")


def _files_of(module: tuple[str, ...]) -> list[Path]:
    """The file of a dotted module or package, if it is in one of the folders that kernels are built from."""
    at = os.path.join(_ROOT, *module)  # strings, because paths as objects would take a tenth of a second of each start
    folders = tuple(f"{folder}{os.sep}" for folder in _FOLDERS)
    return [Path(file) for file in (f"{at}.py", os.path.join(at, "__init__.py")) if file.startswith(folders) and os.path.isfile(file)]


# Python's parser would take half a second of each start. tests/core/test_jit.py compares the two.
_IMPORT = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n]*))", re.MULTILINE)
_COMMENT = re.compile(r"#[^\n]*")


def imports_of(text: str) -> list[tuple[int, str, list[str]]]:
    """(dots, module, names) of each `from ... import` in a source."""
    return [
        (len(dots), module, [name.split()[0] for name in _COMMENT.sub("", block or line).split(",") if name.strip()])
        for dots, module, block, line in _IMPORT.findall(text)
    ]


@cache
def _imports(path: Path, content: bytes) -> list[Path]:
    """The files of these folders that a file imports: the module of each `from ... import`, and each imported name that is itself a
    module."""
    package = path.parent.relative_to(_ROOT).parts
    found: list[Path] = []
    for dots, module, names in imports_of(content.decode()):
        named = tuple(module.split(".")) if module else ()
        base = (package[: len(package) - dots + 1] + named) if dots else named
        for one in (base, *((*base, name) for name in names)):
            found += _files_of(one)
    return found


@cache
def source_hash(file: Path) -> str:
    """Name of a kernel's cache folder: a hash of its file, of all files of core, wires, disk and protocol that it imports, of numba's version
    and of the flags.

    Files are identified by their path in the checkout: two folders may have files of the same name.
    """
    seen: dict[str, bytes] = {}
    todo = [file.resolve(), Path(__file__).resolve()]
    while todo:
        path = todo.pop()
        name = path.relative_to(_ROOT).as_posix() if path.is_relative_to(_ROOT) else path.name
        if name not in seen:
            seen[name] = path.read_bytes()
            todo += _imports(path, seen[name])
    h = hashlib.sha256()
    for name in sorted(seen):
        h.update(name.encode() + b"\0" + seen[name] + b"\0")
    h.update(repr((sorted(FLAGS.items()), INTEGERS_WRAP, numba.__version__)).encode() + sys.version.encode())
    return h.hexdigest()[:20]


def _cache_root() -> Path:
    named = os.environ.get("EXOS_CACHE_DIR")
    if named:
        return Path(named)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        (home / "exos").mkdir(parents=True, exist_ok=True)
        if os.access(home / "exos", os.W_OK):
            return home / "exos"
    except OSError:
        pass  # no writable home: use the temporary folder below
    return Path(tempfile.gettempdir()) / f"exos-cache-{os.getuid()}"


import llvmlite.binding  # noqa: E402
import numba  # noqa: E402  (after the settings above)
import numba.core.callconv  # noqa: E402
import numba.core.codegen  # noqa: E402
import numba.core.cpu  # noqa: E402
import numba.core.dispatcher  # noqa: E402
import numba.cpython.numbers as _cpython_numbers  # noqa: E402
import numba.np.math.numbers as _math_numbers  # noqa: E402
from numba.core.types import unliteral  # noqa: E402

# numba marks + - * of int64 "no signed wrap": an overflow would be undefined behaviour, and a hash that multiplies past 2^63 gave
# different results in two places of one kernel. Integers must wrap, so the mark is removed before anything is compiled.
for _module in (_cpython_numbers, _math_numbers):
    _module._int_arith_flags = lambda rettype: []

CACHE_ROOT = _cache_root() / f"kernels-{numba.__version__}"


_called = os.environ.get("EXOS_KERNEL_HELPER", "") != ""  # this process is a helper itself


def _call_helpers() -> None:
    """If one kernel is missing, most are: other processes compile from the other end of the list, one for each remaining core."""
    global _called
    if _called:
        return
    _called = True
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH", "")) if part)
    for number in range(1, min(os.cpu_count() or 1, HELPERS_MAX + 1)):
        helper = subprocess.Popen(
            [sys.executable, "-m", HELPER, str(number)],
            env={**os.environ, "EXOS_KERNEL_HELPER": "1", "PYTHONPATH": path},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        threading.Thread(target=helper.wait, daemon=True).start()  # reaps the helper; if the helper fails, this process compiles everything


def kernel(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile an entry point for exactly `signature` at import, or load it from the cache."""

    def wrap(function: Callable[..., Any]) -> Any:
        began = perf_counter()
        folder = CACHE_ROOT / source_hash(Path(function.__code__.co_filename))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        numba.config.CACHE_DIR = str(folder)
        compiled = numba.njit(cache=True, **FLAGS)(function)
        if not compiled._cache._cache_file._load_index():  # missing, or built from files that have changed since
            _call_helpers()
        # One process compiles; processes that start meanwhile wait and load the result.
        with (folder / f"{function.__name__}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            compiled.compile(signature)
        compiled.disable_compile()
        seconds = perf_counter() - began
        cached = bool(sum(compiled.stats.cache_hits.values()))
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        COMPILED.append((name, seconds, cached))
        if on_compiled is not None:
            on_compiled(name, seconds, cached)
        return compiled

    return wrap


# Only kernels call leaves, yet by default numba gives each leaf wrappers for Python and C, optimises it together with everything it calls, and
# makes machine code of it: 60 s for all kernels of this server instead of 33. Here a leaf that is compiled for a caller is only lowered. The
# kernel links each leaf once, with internal linkage, and is optimised as a whole. Internal linkage lets LLVM inline and specialise freely, which
# made the core a sixth faster.
_LEAVES: set[Any] = set()
_UNLIKELY: set[str] = set()  # beginnings of the names of functions in machine code
_as_leaf = [False]  # a stack, one entry per nested compilation: is a leaf being compiled for a caller?
_Library = numba.core.codegen.JITCodeLibrary
_Dispatcher = numba.core.dispatcher.Dispatcher
_Context = numba.core.cpu.CPUContext
_compile, _finalize, _optimize, _executable = (
    _Dispatcher.compile,
    _Library.finalize,
    _Library._optimize_final_module,
    _Context.get_executable,
)
_unserialize, _pointer = _Library._unserialize.__func__, _Library.get_pointer_to_function


def _compile_dispatcher(self: Any, signature: Any) -> Any:
    _as_leaf.append(self.py_func in _LEAVES and self.targetoptions.get("no_cfunc_wrapper", False))
    try:
        return _compile(self, signature)
    finally:
        _as_leaf.pop()


def _callees(library: Any) -> list[Any]:
    """Everything that a library calls, directly or not, each once and after its callers: LLVM links a function only if it is already
    referenced."""
    found: dict[Any, None] = {}

    def visit(one: Any) -> None:
        for callee in one._linking_libraries:
            if callee not in found:
                if getattr(callee, "exos_leaf", False):
                    visit(callee)
                found[callee] = None

    visit(library)
    return list(found)[::-1]


def _finalize_library(self: Any) -> None:
    if _as_leaf[-1]:
        self.exos_leaf = self._finalized = True
        return
    self._linking_libraries = _callees(self)
    _finalize(self)


def _optimize_library(self: Any) -> None:
    for function in self._final_module.functions:
        if not function.is_declaration and function.linkage == llvmlite.binding.Linkage.linkonce_odr:
            function.linkage = "internal"
            if function.name.startswith(tuple(_UNLIKELY)):
                function.add_function_attribute("cold")
                function.add_function_attribute("noinline")
    _optimize(self)


def _executable_of(self: Any, library: Any, fndesc: Any, env: Any) -> Any:
    if not _as_leaf[-1]:
        return _executable(self, library, fndesc, env)
    library._ensure_finalized()
    return lambda *_: None  # numba identifies the leaf by it; it is never called


def _loaded(cls: Any, codegen: Any, state: Any) -> Any:
    """A kernel from the cache: its machine code alone. Its intermediate code, which numba reads as well, serves only to link it into another
    function, and nothing calls a kernel but Python: a fifth of a second for all of them."""
    name, kind, data = state
    if kind != "object":
        return _unserialize(cls, codegen, state)
    library = codegen.create_library(name)
    library.enable_object_caching()
    library._set_compiled_object(data[0])
    library._finalize_final_module()
    library.exos_loaded = True
    return library


def _pointer_of(self: Any, name: str) -> Any:
    """Address of a function. numba looks first whether the intermediate code defines it, which a loaded kernel does not have."""
    if getattr(self, "exos_loaded", False):
        return self._codegen._engine.get_function_address(name)
    return _pointer(self, name)


def _call(self: Any, builder: Any, callee: Any, result: Any, types: Any, arguments: Any, attrs: Any = None) -> Any:
    """A call of one compiled function by another. numba's own fills the places for result and exception with zeros first, twice; a callee always writes
    them, and there are dozens of such places in a large function."""
    with builder.goto_entry_block():
        place = builder.alloca(self.get_return_type(result).pointee)
        exception = builder.alloca(callee.function_type.args[1].pointee)
    packed = self._get_arg_packer(types).as_arguments(builder, arguments)
    code = builder.call(callee, [place, exception, *packed], attrs=attrs or ())
    status = self._get_return_status(builder, code, builder.load(exception))
    return status, self.context.get_returned_value(builder, result, builder.load(place))


_Dispatcher.compile = _compile_dispatcher
_Library._unserialize = classmethod(_loaded)
_Library.get_pointer_to_function = _pointer_of
_Library.finalize = _finalize_library
_Library._optimize_final_module = _optimize_library
_Context.get_executable = _executable_of
numba.core.callconv.CPUCallConv.call_function = _call


def leaf(function: Callable[..., Any]) -> Any:
    """A function that only kernels call: compiled with its callers, once.

    By default numba compiles a callee again for each combination of literal arguments (five minutes instead of one for this core);
    so a call is resolved with the literals' plain types.
    """
    dispatcher = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **FLAGS)(function)
    resolve = dispatcher.get_call_template

    def resolve_plain(args: Any, kws: Any) -> Any:
        return resolve(tuple(unliteral(a) for a in args), {k: unliteral(v) for k, v in kws.items()})

    def add_overload(result: Any) -> None:
        dispatcher.overloads[tuple(result.signature.args)] = result

    alone: list[Any] = []

    def called_from_python(*args: Any) -> Any:
        """For tests, which call leaves from Python: this compiles the leaf separately."""
        if not alone:
            alone.append(numba.njit(**FLAGS)(function))
        return alone[0](*args)

    _LEAVES.add(function)
    dispatcher.get_call_template = resolve_plain
    dispatcher.add_overload = add_overload
    dispatcher._compile_for_args = lambda *args: called_from_python
    return dispatcher


def unlikely(function: Callable[..., Any]) -> Any:
    """A leaf that is seldom called. It is not inlined, and what leads to it is placed apart from the other instructions, so that these take less of the
    cache."""
    parts = f"{function.__module__}.{function.__qualname__}".split(".")
    _UNLIKELY.add("_ZN" + "".join(f"{len(part)}{part}" for part in parts) + "B")  # as numba mangles names; "B": the number of this version
    return leaf(function)


def entry_of(compiled: Any) -> int:
    """Address of a kernel's machine code. Its parameters: where to put the result, where to put an exception, then the arguments, an array as
    seven words (see net/crossing.py)."""
    (one,) = compiled.overloads.values()
    return int(one.library.get_pointer_to_function(one.fndesc.llvm_func_name))
