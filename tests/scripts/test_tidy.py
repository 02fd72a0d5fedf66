"""Each rule can fail, each can be excepted with a reason, and this checkout keeps them."""

import pytest

from scripts.tidy import (
    ROOT,
    RULES,
    Finding,
    check_circles,
    check_file,
    check_test_files,
    examine,
    exemptions_of,
    floor_of,
    module_of,
    settle,
    tracked,
)

BROKEN = [
    # rule, file, text, line of the finding
    ("floor", "protocol/codes.py", "from .framing import frame\n", 1),
    ("floor", "protocol/framing.py", "import config\n", 1),
    ("floor", "config/load.py", "from protocol.messages import New\n", 1),
    ("floor", "protocol/framing.py", "from exchange_server.core import records\n", 1),
    ("floor", "exchange_server/core/book.py", "from ..engine import Engine\n", 1),
    ("floor", "exchange_server/engine.py", "def f():\n    from .net import clock\n", 2),
    ("floor", "exchange_server/journal/store.py", "from exchange_server.gateway import desk\n", 1),
    ("floor", "exchange_server/gateway/desk.py", "import exchange_server.app\n", 1),
    ("floor", "exchange_server/net/turn.py", "from .. import cli\n", 1),
    ("floor", "exchange_server/gateway/desk.py", "from tests import model\n", 1),
    ("floor", "exchange_server/somewhere.py", "X = 1\n", 1),
    ("wing", "exchange_server/core/risk/ladder.py", "from ..orders.new import do_new\n", 1),
    ("wing", "exchange_server/core/kit/pools.py", "from ..emit import room\n", 1),
    ("wing", "exchange_server/core/money/fees.py", "from ..book.levels import level_worse\n", 1),
    ("wing", "exchange_server/wires/fix_in.py", "from ..core.orders.new import do_new\n", 1),
    ("wing", "exchange_server/disk/native.py", "from ..core.money import fees\n", 1),
    ("clock", "exchange_server/core/book.py", "import time\n", 1),
    ("clock", "exchange_server/core/book.py", "from datetime import datetime\n", 1),
    ("clock", "exchange_server/core/book.py", "import random\n", 1),
    ("clock", "exchange_server/engine.py", "from time import time_ns\n", 1),
    ("clock", "exchange_server/gateway/desk.py", "import time\n", 1),
    ("clock", "protocol/fix_session.py", "import time\n", 1),
    ("asyncio", "exchange_server/gateway/desk.py", "import asyncio\n", 1),
    ("asyncio", "exchange_server/journal/store.py", "import uvloop\n", 1),
    ("asyncio", "protocol/fix_session.py", "import asyncio\n", 1),
    ("asyncio", "config/load.py", "import asyncio\n", 1),
    ("import", "exchange_server/core/book.py", "import os\n", 1),
    ("import", "exchange_server/core/book.py", "import msgspec\n", 1),
    ("import", "exchange_server/core/book.py", "from protocol.errors import Refusal\n", 1),
    ("import", "exchange_server/core/book.py", "from ..disk.native import crc32\n", 1),
    ("import", "exchange_server/disk/native.py", "import os\n", 1),
    ("clock", "exchange_server/disk/native.py", "import time\n", 1),
    ("floor", "exchange_server/disk/native.py", "from ..journal import store\n", 1),
    ("float", "exchange_server/disk/native.py", "X = 0.5\n", 1),
    ("import", "protocol/framing.py", "import socket\n", 1),
    ("float", "exchange_server/core/book.py", "X = 1\nY = 0.5\n", 2),
    ("float", "exchange_server/core/book.py", "X = 4 / 2\n", 1),
    ("float", "exchange_server/core/book.py", "X = 4\nX /= 2\n", 2),
    ("float", "exchange_server/core/book.py", "X = float(4)\n", 1),
    ("float", "exchange_server/core/book.py", "import numpy as np\nX = np.float64\n", 2),
    ("number", "config/amounts.py", "X = int('1_0')\n", 1),
    ("number", "exchange_server/cli/trade.py", "X = float('1e1')\n", 1),
    ("number", "protocol/client.py", "from decimal import Decimal\nX = Decimal(' 1')\n", 2),
    ("number", "exchange_server/cli/serve.py", "X = 'x'.isdigit()\n", 1),
    ("number", "scripts/main_job.py", "def f(p):\n    p.add_argument('--n', type=int)\n", 2),
    ("print", "exchange_server/engine.py", "print(1)\n", 1),
    ("print", "protocol/client.py", "print(1)\n", 1),
    ("except", "scripts/x.py", "try:\n    f()\nexcept:\n    g()\n", 3),
    ("except", "scripts/x.py", "try:\n    f()\nexcept Exception:\n    pass\n", 3),
    ("except", "scripts/x.py", "while f():\n    try:\n        f()\n    except (OSError, BaseException):\n        continue\n", 4),
    ("length", "scripts/x.py", "x = 1\n" * 701, 1),
    ("address", "README.md", "see https://" + "pypi" + ".org/simple\n", 1),
    ("address", "requirements.lock", "--index-url https://files.python" + "hosted.org/\n", 1),
    ("address", "docs/x.md", "cd /home" + "/anna/exos\n", 1),
    ("address", "scripts/x.py", "P = '/root" + "/exos'\n", 1),
    ("address", "docs/x.md", f"cd {ROOT}/docs\n", 1),
]

KEPT = [
    ("exchange_server/core/orders/new.py", "from .. import layout as L\nfrom ..risk.ladder import check_phase\nfrom . import answers\n"),
    ("exchange_server/core/layout/packed.py", "from ..kit.jit import leaf\n"),
    ("exchange_server/core/kit/pools.py", "from .. import layout as L\n"),
    ("exchange_server/wires/feeds.py", "from ..core import layout as L\nfrom ..core.book.levels import level_worse\n"),
    (
        "exchange_server/core/book.py",
        "import numba\nimport numpy as np\nfrom protocol import codes\nfrom protocol.codes import Side\nfrom . import layout\n",
    ),
    ("exchange_server/core/book.py", "X = 7 // 2\nN = np.int64(3)\n"),
    ("exchange_server/core/kit/jit.py", "import os\nX = 0.5\n"),
    ("exchange_server/disk/native.py", "import numpy as np\nfrom ..core.kit.jit import leaf\nfrom .journal_layout import ROW_BYTES\n"),
    ("exchange_server/engine.py", "from .core import step\nfrom .registry import Registry\nX = 0.5 / 2\n"),
    ("exchange_server/net/clock.py", "import asyncio\nimport time\nfrom ..gateway import desk\nfrom ..core.layout import COMMAND\n"),
    ("exchange_server/app.py", "from . import engine, journal, gateway, net\nfrom config import load\n"),
    ("exchange_server/cli/main.py", "from ..app import run\nprint(1)\n"),
    ("protocol/client.py", "import asyncio\nimport time\nfrom .framing import frame\n"),
    ("config/load.py", "import tomllib\nfrom protocol.codes import Side\nfrom .schema import Venue\n"),
    ("scripts/x.py", "try:\n    f()\nexcept OSError:\n    pass\n"),
    ("scripts/x.py", "try:\n    f()\nexcept Exception as error:\n    report(error)\n"),
    ("docs/x.md", "the rule at home/away, /root-cause, ~/exos, $HOME/root/x and /var/lib/exos\n"),
]


def rules_of(path, text):
    return [(f.rule, f.line) for f in settle(path, check_file(path, text, ROOT), exemptions_of(path, text)) if not f.warning]


@pytest.mark.parametrize(("rule", "path", "text", "line"), BROKEN)
def test_the_rule_can_fail(rule, path, text, line):
    assert (rule, line) in rules_of(path, text)


@pytest.mark.parametrize(("path", "text"), KEPT)
def test_what_the_rules_let_through(path, text):
    assert rules_of(path, text) == []


@pytest.mark.parametrize(("rule", "path", "text", "line"), [row for row in BROKEN if row[1].endswith(".py")])
def test_an_exception_with_a_reason_above_the_line_or_on_it(rule, path, text, line):
    """The finding of this rule on this line is removed, and the exception counts as needed."""
    lines = text.splitlines(keepends=True)
    indent = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
    above = "".join([*lines[: line - 1], f"{indent}# tidy: allow {rule} because the test wants it\n", *lines[line - 1 :]])
    if rule != "length":
        beside = "".join(
            [*lines[: line - 1], lines[line - 1].rstrip("\n") + f"  # tidy: allow {rule} because the test wants it\n", *lines[line:]]
        )
        assert not {(rule, line), ("exception", line)} & set(rules_of(path, beside))
        # a finding on line 1 that is about the whole file stays on line 1
        line = line if text == "X = 1\n" else line + 1
    if text != "X = 1\n":
        assert not {(rule, line), ("exception", line - 1)} & set(rules_of(path, above))


@pytest.mark.parametrize(
    "comment",
    ["# tidy: allow print", "# tidy: allow print because", "# tidy: allow printing because I like to"],
)
def test_an_exception_that_is_malformed_is_a_finding_and_covers_nothing(comment):
    assert {rule for rule, _ in rules_of("protocol/framing.py", f"print(1)  {comment}\n")} == {"print", "exception"}


def test_an_exception_that_is_not_needed_is_a_finding():
    assert rules_of("scripts/x.py", "x = 1  # tidy: allow print because it once printed\n") == [("exception", 1)]


def test_an_exception_in_a_string_is_none():
    assert exemptions_of("scripts/x.py", 'x = "# tidy: allow print because a string"\n') == []


def test_a_file_rule_is_excepted_near_the_top_only():
    body = "x = 1\n" * 701
    comment = "# tidy: allow length because it is one table\n"
    assert rules_of("scripts/x.py", comment + body) == []
    assert ("length", 1) in rules_of("scripts/x.py", body + comment)


def test_a_source_file_without_test_file_warns_or_fails():
    paths = ["protocol/framing.py", "protocol/__init__.py", "protocol/codes.py", "tests/protocol/test_codes.py", "perf/bench.py"]
    assert list(check_test_files(paths, False)) == [
        Finding("protocol/framing.py", 1, "test-file", "no tests/**/test_framing.py", warning=True)
    ]
    assert [f.warning for f in check_test_files(paths, True)] == [False]


def test_modules_that_import_each_other_are_found_at_each_import():
    sources = {
        "config/__init__.py": "from .a import A\n",
        "config/a.py": "from . import b\nimport os\n",
        "config/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .c import C\n",
        "config/c.py": "def f():\n    from .a import A\n",
        "config/d.py": "from .a import A\n",
        "config/e.py": "def :\n",
    }
    assert [(f.path, f.line, f.rule) for f in check_circles(sources)] == [
        ("config/a.py", 1, "circle"),
        ("config/b.py", 3, "circle"),
        ("config/c.py", 2, "circle"),
    ]
    assert not list(check_circles({**sources, "config/c.py": "C = 1\n"}))


def test_a_long_file_warns_before_it_fails():
    assert [f.warning for f in check_file("scripts/x.py", "x = 1\n" * 401, ROOT)] == [True]


def test_every_rule_is_shown_to_fail():
    assert {row[0] for row in BROKEN} | {"circle", "test-file", "exception"} == set(RULES)


def test_modules_and_floors():
    assert module_of("exchange_server/core/__init__.py") == "exchange_server.core"
    assert floor_of("exchange_server") == 0
    assert floor_of("exchange_server.core.step") == 2
    assert floor_of("exchange_server.coresomething") is None
    assert floor_of("numpy") is None
    assert floor_of("protocol") == floor_of("protocol.codes") == 0 < floor_of("protocol.client")


def test_files_are_found_with_git_and_without(tmp_path):
    (tmp_path / "protocol").mkdir()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "x.py").write_text("print(1)\n")
    (tmp_path / "protocol" / "x.py").write_text("print(1)\n")
    assert tracked(tmp_path) == ["protocol/x.py"]
    assert [f.rule for f in examine(tmp_path, [], True)] == ["print", "test-file"]
    assert "scripts/tidy.py" in tracked(ROOT)


def test_a_file_that_is_not_python_is_a_finding(tmp_path):
    (tmp_path / "x.py").write_text("def :\n")
    assert [f.rule for f in examine(tmp_path, [], False)] == ["floor"]
