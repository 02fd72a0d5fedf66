"""The list of files with kernels is whole, and a helper compiles what the process that called it then only loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from exchange_server import kernels

ROOT = Path(kernels.__file__).parent


def test_every_file_with_a_kernel_is_listed() -> None:
    files = {
        p
        for wing in ("core", "wires", "disk")
        for p in (ROOT / wing).rglob("*.py")
        if re.search(r"^@kernel\(", p.read_text(), re.MULTILINE)
    }
    listed = {ROOT / f"{name.replace('.', '/')}.py" for name in kernels.MODULES}
    assert {p.relative_to(ROOT).as_posix() for p in files} <= {p.relative_to(ROOT).as_posix() for p in listed}


def test_they_are_counted_without_loading_them() -> None:
    texts = [p.read_text() for wing in ("core", "wires", "disk") for p in (ROOT / wing).rglob("*.py")]
    assert kernels.count() == sum(len(re.findall(r"^@kernel\(", text, re.MULTILINE)) for text in texts) > 30


def test_one_missing_kernel_calls_for_help_once(tmp_path: Path) -> None:
    """With an empty cache the helpers are started, with the module that does nothing but say so in their place."""
    called = tmp_path / "called"
    (tmp_path / "stand_in.py").write_text(f"import sys\nopen({str(called)!r}, 'a').write(sys.argv[1] + chr(10))\n")
    script = (
        "import os\nfrom exchange_server.core.kit import jit\njit.HELPER = 'stand_in'\nos.cpu_count = lambda: 3\n"
        "from exchange_server.core.kit import names\nimport threading\n"
        "[t.join() for t in threading.enumerate() if t is not threading.main_thread()]\nprint([cached for _, _, cached in jit.COMPILED])\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "EXOS_KERNEL_HELPER"} | {"EXOS_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT.parent}"
    for round, want in ((1, "[False, False]\n"), (2, "[True, True]\n")):
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout == want, round
        assert sorted(called.read_text().split()) == ["1", "2"], round  # and none when every kernel is there
