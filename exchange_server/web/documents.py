"""The documentation as Markdown, for agents: /llms.txt, /AGENTS.md and /docs/NAME.md. It is there when the process runs from a checkout."""

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol import codes

from .gateway import PUBLIC
from .operation import problem_answer
from .problems import refusal

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[a-z0-9-]{1,64}\.md\Z")
AT_ROOT = {"/llms.txt": "text/plain; charset=utf-8", "/AGENTS.md": "text/markdown; charset=utf-8"}


def _file(path: Path, kind: str) -> Response:
    try:
        return Response(path.read_bytes(), 200, PUBLIC, media_type=kind)
    except OSError:
        return problem_answer(refusal(codes.R_NO_RESOURCE, "there is no such page here", status=404), {})


async def _at_root(request: Request) -> Response:
    path = request.url.path
    return _file(ROOT / path.removeprefix("/"), AT_ROOT[path])


async def _page(request: Request) -> Response:
    name = request.path_params["name"]
    return _file(ROOT / "docs" / (name if NAME.match(name) else "-"), "text/markdown; charset=utf-8")


def routes() -> list[Any]:
    return [*(Route(path, _at_root, methods=["GET"]) for path in AT_ROOT), Route("/docs/{name}", _page, methods=["GET"])]
