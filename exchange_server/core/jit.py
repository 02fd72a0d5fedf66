"""How kernels are compiled: the one place that knows numba's settings.

Guarantees: the cache folder's name is a hash of every core source, protocol/codes.py, numba's version and the flags, so
a stale kernel is never loaded; entry points have explicit signatures and are compiled (or loaded) at import, each timed
in COMPILED; nothing compiles later by accident.
Environment: EXOS_CACHE_DIR (default: the user's cache folder, or a private one under the temporary folder when there is no writable home),
EXOS_BOUNDSCHECK=1 (index checks in every kernel, own cache).
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter  # tidy: allow clock because compile times are shown to the operator, never to the engine
from typing import Any

BOUNDSCHECK = os.environ.get("EXOS_BOUNDSCHECK", "0") == "1"
# _nrt off: kernels allocate nothing, and without it no call between leaves counts references of its arrays (two locked instructions per
# array and call: it took the FIX decoder from 0.9 to 0.4 us a message). A kernel that allocates or returns an array does not compile.
FLAGS: dict[str, Any] = {"boundscheck": BOUNDSCHECK, "error_model": "numpy", "nogil": True, "fastmath": False, "_nrt": False}
COMPILED: list[tuple[str, float, bool]] = []  # (kernel, seconds, came from the cache)
on_compiled: Callable[[str, float, bool], None] | None = None


def _source_hash() -> str:
    here = Path(__file__).resolve().parent
    h = hashlib.sha256()
    for path in [*sorted(here.glob("*.py")), here.parent.parent / "protocol" / "codes.py"]:
        h.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    h.update(repr(sorted(FLAGS.items())).encode() + sys.version.encode())
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
        pass  # no writable home: the temporary folder below serves
    return Path(tempfile.gettempdir()) / f"exos-cache-{os.getuid()}"


import numba  # noqa: E402  (the hash above must not depend on numba's import side effects)
from numba.core.types import unliteral  # noqa: E402

CACHE_DIR = _cache_root() / f"kernels-{numba.__version__}-{_source_hash()}"
CACHE_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
numba.config.CACHE_DIR = str(CACHE_DIR)


def kernel(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile an entry point for exactly `signature`, now, or load it from the cache."""

    def wrap(function: Callable[..., Any]) -> Any:
        began = perf_counter()
        compiled = numba.njit(signature, cache=True, **FLAGS)(function)
        compiled.disable_compile()
        seconds = perf_counter() - began
        cached = bool(sum(compiled.stats.cache_hits.values()))
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        COMPILED.append((name, seconds, cached))
        if on_compiled is not None:
            on_compiled(name, seconds, cached)
        return compiled

    return wrap


def leaf(function: Callable[..., Any]) -> Any:
    """A function that only kernels call: compiled with its callers, once.

    Left alone, numba compiles a callee anew for each mix of literal arguments (five minutes instead of one for this core);
    so a call is resolved with the literals' plain types.
    """
    dispatcher = numba.njit(**FLAGS)(function)
    resolve = dispatcher.get_call_template

    def resolve_plain(args: Any, kws: Any) -> Any:
        return resolve(tuple(unliteral(a) for a in args), {k: unliteral(v) for k, v in kws.items()})

    dispatcher.get_call_template = resolve_plain
    return dispatcher
