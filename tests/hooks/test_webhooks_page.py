"""docs/webhooks.md: its receiver, as it stands there, takes a signed message and refuses others; its kinds are all that can be sent."""

import os
import re
import subprocess
import sys
import time

from exchange_server.hooks import bodies, facts
from exchange_server.hooks.endpoints import Parts
from exchange_server.hooks.post import Post, send
from scripts.webhooks_page import webhooks_page
from tests.server_kit import ROOT, free_port

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAGE = (ROOT / "docs" / "webhooks.md").read_text()


def test_every_kind_is_on_the_page_with_an_example():
    assert webhooks_page() == PAGE, "run: python -m scripts.make_docs"
    for kind in bodies.KINDS:
        assert f"### {kind.name}\n" in PAGE and f'"type": "{kind.name}"' in PAGE
    made = {name for name, _ in facts._RESULT_EVENTS.values()} | {*facts._MOVES.values(), *facts._SETS.values()}
    assert made <= {kind.name for kind in bodies.KINDS}


async def test_the_receiver_of_the_page_takes_what_is_signed_and_nothing_else(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (tmp_path / "receiver.py").write_text(code)
    port = free_port()
    process = subprocess.Popen(  # noqa: ASYNC220 (it returns at once)
        [sys.executable, str(tmp_path / "receiver.py")],
        env=os.environ | {"EXOS_WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        body, now_s = b'{"type": "fill.created", "timestamp": "t", "data": {}}', int(time.time())
        post = Post(Parts(False, "127.0.0.1", port, "/hook"), SECRET, True)
        end = time.monotonic() + 60
        while not (outcome := await send(post, "evt_abc_1", body, int(time.time()))).taken:
            assert "connection failed" in outcome.text and time.monotonic() < end, outcome
        assert (await send(post, "evt_abc_1", body, int(time.time()))).taken  # the second time it is passed over
        assert (await send(post, "evt_abc_1", body, now_s - 900)).status == 400  # too old
        other = post._replace(secret="whsec_" + "B" * 32)
        assert (await send(other, "evt_abc_2", body, int(time.time()))).status == 400
        assert (await send(post, "evt_abc_3", body.replace(b"fill.created", b"webhook.test"), int(time.time()))).taken
    finally:
        process.kill()
        out, _ = process.communicate(timeout=30)
    assert [line.split()[0] for line in out.splitlines()] == ["fill.created", "webhook.test"]
