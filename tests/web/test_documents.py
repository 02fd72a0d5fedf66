"""The Markdown pages that agents read: all that llms.txt names are there, nothing else of the checkout is."""

import re

from .rig import Web, problem


def test_every_page_that_llms_txt_names_is_served(web: Web) -> None:
    with web.api() as api:
        index = api.get("/llms.txt")
        assert index.status_code == 200 and index.headers["content-type"] == "text/plain; charset=utf-8"
        names = re.findall(r"\]\(([^)]+)\)", index.text)
        assert "AGENTS.md" in names and "docs/webhooks.md" in names
        for name in names:
            page = api.get(f"/{name}")
            assert page.status_code == 200 and page.headers["content-type"].startswith("text/markdown"), name
            assert page.headers["x-content-type-options"] == "nosniff" and page.text.startswith("# ")


def test_nothing_else_of_the_checkout_is_served(web: Web) -> None:
    with web.api() as api:
        for path in ("/docs/none.md", "/docs/..%2Fpyproject.toml", "/docs/%2e%2e%2fREADME.md", "/docs/WEBHOOKS.md", "/docs/webhooks.md%00"):
            problem(api.get(path), 404, "no_resource")
