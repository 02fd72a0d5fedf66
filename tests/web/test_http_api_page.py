"""The commands of docs/http-api.md, as they stand there, against a running web process."""

import os
import re
import shutil
import subprocess

import pytest

from tests.server_kit import ROOT

from .rig import Web, secret_of

NAMES = {  # the page's are the sandbox's
    "WC26-WIN-ESP": "CUP-A", "WC26-WIN": "CUP", '"MM1"': '"MM3"', "mm1-secret": secret_of(3), "MM1-A": "MM3-A",
}  # fmt: skip


def commands() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "http-api.md").read_text(), re.S)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_page_work(web: Web, tokens: dict[str, str]) -> None:
    found = commands()
    assert len(found) == 6
    script = "set -eu\n" + "\n".join(found)
    for name, here in NAMES.items():
        script = script.replace(name, here)
    done = subprocess.run(
        ["bash", "-x", "-c", script],
        env=os.environ | {"API": f"http://127.0.0.1:{web.port}", "ANNA_TOKEN": tokens["anna"], "WILLY_TOKEN": tokens["willy"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    assert done.stdout.count("}{") >= 30 and '"status":"canceled"' in done.stdout
