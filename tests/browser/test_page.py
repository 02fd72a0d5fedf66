"""What people do on the page, in a real browser: look, log in, trade, cancel, read how it was decided; and what they see when the exchange is gone."""

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config import admin_records as ar
from protocol import credentials
from tests.web.rig import ServerProcess, Web, order, secret_of

from .conftest import EVIL

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
HASH = "ab" * 32


def log_in(page: Any, n: int = 1) -> None:
    page.locator("#account").get_by_role("button", name="Log in").click()
    page.get_by_label("Login", exact=True).fill(f"MM{n}")
    page.get_by_label("Secret", exact=True).fill(secret_of(n))
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    page.locator("#account").get_by_text(f"MM{n}", exact=True).wait_for()


@pytest.fixture
def maker(site: Web) -> Any:
    """Somebody on the other side."""
    with site.logged_on(2) as api:
        yield api
        api.post("/v1/orders/mass-cancel", json={"scope": "session"})


def live(page: Any) -> None:
    page.locator("html[data-feed=live]").wait_for()


def test_the_list_is_searched_and_shows_texts_of_markets_as_texts(page: Any, maker: httpx.Client) -> None:
    page.goto("/")
    page.get_by_text(re.compile(r"^\d+ markets$")).wait_for()
    card = page.locator(".card", has_text="Lisbon")
    assert EVIL in card.inner_text() and page.title() == "exos"
    assert page.locator("script:not([src])").count() == 0 and page.locator("main img").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("lisbon")
    page.get_by_text("1 market", exact=True).wait_for()
    page.get_by_label("Search markets").fill("nothing like it")
    page.get_by_text("No market fits").wait_for()


def test_buy_no_see_the_fill_and_cancel(page: Any, maker: httpx.Client) -> None:
    assert maker.post("/v1/orders", json=order("buy", "0.62", "50", contract="RAIN")).status_code == 201
    page.goto("/m/RAIN")
    live(page)
    log_in(page)
    page.locator(".level-bid", has_text="0.6200").wait_for()  # their bid for Yes, which is an offer of No at 0.38
    page.get_by_role("group", name="Yes or No").get_by_role("button", name="No").click()
    assert page.get_by_label("Limit price").input_value() == "0.3800"
    page.get_by_label("Contracts", exact=True).fill("20")
    sums = page.locator(".sums")
    page.locator(".sum-cost", has_text="7.6472 USD").wait_for()  # 7.60 and the fee, 1 % of 0.62 * 0.38 * 20, rounded up
    assert (
        "0.0472 USD" in sums.inner_text()
        and "+12.3528 USD" in sums.inner_text()
        and sums.locator(".sum-ties").inner_text().split() == ["With", "it,", "at", "worst", "7.6472", "USD"]
    )
    page.get_by_role("button", name="Buy No", exact=True).last.click()
    page.locator(".toast", has_text="Bought 20 RAIN No at 0.3800").wait_for()
    page.get_by_role("tab", name=re.compile("Positions")).click()
    row = page.get_by_role("tabpanel", name=re.compile("Positions")).get_by_role("row", name=re.compile("RAIN"))
    row.get_by_text("20", exact=True).wait_for()
    assert "No" in row.inner_text()
    page.get_by_role("button", name="Price one step down").click()
    assert page.get_by_label("Limit price").input_value() == "0.3799"
    page.get_by_role("button", name="Buy No", exact=True).last.click()
    page.get_by_role("tab", name=re.compile("Orders")).click()
    cancel = page.get_by_role("button", name=re.compile("Cancel: Buy No RAIN at 0.3799"))
    cancel.click()
    page.locator(".toast", has_text="Order cancelled").wait_for()
    cancel.wait_for(state="detached")
    page.get_by_role("tab", name=re.compile("Fills")).click()
    assert page.get_by_role("tabpanel", name=re.compile("Fills")).get_by_role("row", name=re.compile("0.3800")).count() == 1


def test_a_refusal_is_said_in_the_exchanges_words(page: Any) -> None:
    page.goto("/m/CUP")
    log_in(page)
    page.get_by_label("Limit price").fill("7")
    page.locator("#ticket-problem", has_text="the price is 7, allowed are 0.0001 to 0.9999").wait_for()
    page.locator(".button-send").click()
    page.locator(".toast-bad", has_text="Refused: price 7.0000 is beyond the limit 0.9999").wait_for()
    page.locator("#say-now", has_text="price 7.0000").wait_for()


def test_a_wrong_secret_is_said_in_the_dialog(page: Any) -> None:
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Login", exact=True).fill("MM1")
    page.get_by_label("Secret", exact=True).fill("not it")
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()
    page.get_by_role("dialog").get_by_role("alert").filter(has_text=re.compile("credentials|secret|logon", re.I)).wait_for()


def key_of(shop: ServerProcess, holder: Any, name: str, id: str, **more: Any) -> tuple[Ed25519PrivateKey, str]:
    """A new Ed25519 key: (the private half, the text of its file)."""
    private = Ed25519PrivateKey.generate()
    record = ar.DefineKey(id=id, holder=holder, name=name, kind="ed25519", verifier=credentials.public_hex(private), **more)
    assert shop.ask("admin", record).ok
    return private, credentials.key_file(private, id, f"{holder} {name}")


def test_a_key_signs_in_the_page_and_does_not_leave_it(page: Any, shop: ServerProcess, tokens: dict[str, str], tmp_path: Path) -> None:
    _, mine = key_of(shop, "session", "MM3", "MM3-page", scopes=("trade", "read", "market_data"))
    _, of_sue = key_of(shop, "principal", "sue", "sue-page")
    file = tmp_path / "mm3.key"
    file.write_text(mine)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Private key").click()
    page.get_by_label("Login", exact=True).fill("MM3")
    page.get_by_label("Key file").set_input_files(file)
    page.wait_for_function("document.getElementById('login-key').value === 'MM3-page'")
    page.screenshot(path=tmp_path / "login-key.png")
    dialog.get_by_role("button", name="Log in").click()
    page.locator("#account").get_by_text("MM3", exact=True).wait_for()
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    dialog.get_by_role("button", name="Private key").click()
    page.get_by_label("Principal").fill("sue")
    for text, problem in (
        ("not a key", "no private key"),
        (of_sue.replace("PRIVATE KEY", "PUBLIC KEY"), "public key"),
        (mine, "credentials|logon|wrong"),
    ):
        page.get_by_label("Or its text").fill(text)
        page.get_by_label("Key id").fill("sue-page")
        dialog.get_by_role("button", name="Log in").click()
        dialog.get_by_role("alert").filter(has_text=re.compile(problem, re.I)).wait_for()
    page.get_by_label("Or its text").fill(of_sue)
    dialog.get_by_role("button", name="Log in").click()
    page.get_by_text("sue: support of platform").wait_for()
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage]) + document.body.innerHTML")
    for text in (mine, of_sue):
        half = text.splitlines()[2]
        assert len(half) > 40 and not any(half in one for one in [*sent, kept]), "the private half stayed in the field"


def test_a_browser_that_cannot_sign_says_so(page: Any) -> None:
    page.add_init_script("crypto.subtle.generateKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))")
    page.goto("/")
    page.get_by_role("button", name="Log in").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Private key").click()
    dialog.get_by_role("alert").filter(has_text="cannot sign with Ed25519").wait_for()
    assert dialog.get_by_role("button", name="Log in").is_disabled()
    dialog.get_by_role("button", name="Secret").click()
    assert dialog.get_by_role("button", name="Log in").is_enabled() and dialog.get_by_role("alert").inner_text() == ""


def test_a_page_that_is_loaded_again_is_still_logged_in_and_no_script_can_read_the_token(page: Any) -> None:
    page.goto("/portfolio")
    log_in(page, 3)
    page.reload()
    page.locator("#account").get_by_text("MM3", exact=True).wait_for()
    page.get_by_text("MM3-A · USD").wait_for()
    assert page.evaluate("document.cookie") == ""
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    page.get_by_role("button", name="Log out").click()
    page.get_by_text("Log in to see your positions").wait_for()


def test_an_outcome_is_picked_by_keyboard_and_the_focus_is_seen(page: Any) -> None:
    page.goto("/m/CUP")
    live(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    button = page.get_by_role("button", name="CUP-B", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    page.locator(".hero-name", has_text="CUP-B").wait_for()
    assert page.evaluate("location.search") == "?c=CUP-B"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_every_field_and_button_has_a_name(page: Any) -> None:
    page.goto("/m/CUP")
    log_in(page)
    nameless = """[...document.querySelectorAll('button, input, select, a')].filter((one) => one.checkVisibility()).filter((one) =>
        !(one.textContent.trim() || one.getAttribute('aria-label') || one.labels?.length)).map((one) => one.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_the_embedded_page_keeps_nothing_and_sends_no_cookie(page: Any) -> None:
    page.goto("/")
    log_in(page)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if "/v1/" in request.url else None)
    page.goto("/embed/RAIN")
    page.get_by_text("live", exact=True).wait_for()
    assert EVIL in page.locator("h1").inner_text() and sent
    assert all("cookie" not in request.headers for request in sent)
    assert page.get_by_role("button").count() == 0


def test_another_brand_has_its_name_and_only_its_venues(page: Any) -> None:
    page.goto("/harbour")
    page.get_by_text("There are no such markets").wait_for()
    assert page.title() == "Harbour" and page.get_by_role("heading", name="Harbour").count() == 1
    page.goto("/harbour/m/CUP")
    page.get_by_text("CUP is not a market of Harbour.").wait_for()


def test_a_market_is_decided_and_its_evidence_is_on_the_screen(page: Any, shop: ServerProcess) -> None:
    page.goto("/m/RAIN")
    page.get_by_text("No result yet").wait_for()
    assert shop.ask("admin", ar.SetPhase(event="RAIN", phase="closed")).ok
    page.locator(".market-head .chip", has_text="Closed").wait_for()
    page.locator(".button-send", has_text="Not trading").wait_for()
    act = ar.Determine(
        event="RAIN", payouts=[0], rule_id="rain-1", source="the weather service", observed_value="0.0 mm", observed_at_ns=time.time_ns(), evidence_sha256=HASH,
        evidence_name="station.pdf",
    )  # fmt: skip
    assert shop.ask("admin", act).ok
    result = page.locator(".result")
    result.get_by_text(HASH).wait_for()
    page.locator(".market-head", has_text="Pays: nothing").wait_for()
    for text in ("rain-1", "0.0 mm", "station.pdf", "Version 1"):
        assert text in result.inner_text()


def log_in_operator(page: Any, name: str, tokens: dict[str, str]) -> None:
    page.goto("/admin")
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.get_by_label("Principal").fill(name)
    page.get_by_label("Key id").fill(f"{name}-1")
    page.get_by_label("Token").fill(tokens[name])
    page.get_by_role("dialog").get_by_role("button", name="Log in").click()


def test_an_operator_decides_a_market_with_a_file_whose_hash_the_page_makes(page: Any, tokens: dict[str, str], tmp_path: Path) -> None:
    evidence = tmp_path / "snow.txt"
    evidence.write_text("0 mm")
    log_in_operator(page, "vera", tokens)
    row = page.get_by_role("row", name=re.compile("SNOW"))
    dialog = page.get_by_role("dialog")
    row.get_by_role("button", name="Close").click()
    dialog.get_by_text("Trading ends for good").wait_for()
    dialog.get_by_role("button", name="Do it").click()
    row.get_by_role("button", name="Result").click()
    for label, text in (("Rule", "snow-1"), ("Source", "the weather service"), ("What was observed", "0 mm")):
        page.get_by_label(label, exact=True).fill(text)
    page.locator("#result-file").set_input_files(evidence)
    page.locator("#result-hash:valid").wait_for()  # required: valid once the hash is there
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("button", name="Do it").click()
    row.locator(".chip", has_text=re.compile("Result proposed|Final")).wait_for()
    page.goto("/m/SNOW")
    page.locator(".result").get_by_text(hashlib.sha256(b"0 mm").hexdigest()).wait_for()


def test_money_in_and_a_refusal_that_names_the_reason(page: Any, tokens: dict[str, str]) -> None:
    log_in_operator(page, "anna", tokens)
    page.get_by_role("tab", name="Ledger").click()
    row = page.get_by_role("row", name=re.compile("^MM1-A"))
    dialog = page.get_by_role("dialog")
    before = float(row.get_by_role("cell").nth(2).inner_text().replace(",", "").replace("\u202f", ""))
    row.get_by_role("button", name="Deposit").click()
    page.get_by_label("Amount in USD").fill("12.345678")
    page.get_by_label(re.compile("^Reference")).fill("page-1")
    page.get_by_role("button", name="What will it do?").click()
    dialog.locator(".problem", has_text="decimals").wait_for()
    page.get_by_label("Amount in USD").fill("12.50")
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("button", name="Do it").click()
    page.locator("#toasts", has_text="Deposit into MM1-A: Done").wait_for()
    page.wait_for_function(f"""() => [...document.querySelectorAll("tr")].some((one) => one.innerText.startsWith("MM1-A")
        && one.innerText.replaceAll(",", "").replaceAll("\u202f", "").includes("{before + 12.5:.2f}"))""")
    row.get_by_role("button", name="Withdraw").click()
    page.get_by_label("Amount in USD").fill("100000000")
    page.get_by_label(re.compile("^Reference")).fill("page-2")
    page.get_by_role("button", name="What will it do?").click()
    dialog.locator(".problem", has_text=re.compile("free|covered|balance|available")).wait_for()


def test_an_order_waits_for_a_person_is_approved_and_entered(
    browser: Any, page: Any, site: Web, shop: ServerProcess, tokens: dict[str, str]
) -> None:
    assert shop.ask("admin", ar.Budget(session="MM3", asset="USD", approve_above=10_000)).ok
    page.goto("/m/CUP")
    log_in(page, 3)
    page.get_by_label("Limit price").fill("0.05")
    page.get_by_label("Contracts", exact=True).fill("25")
    page.get_by_label("Contracts", exact=True).press("Enter")
    page.locator(".toast", has_text="waits until a person approves it").wait_for()
    row = page.get_by_role("tabpanel", name=re.compile("Orders")).get_by_role("row", name=re.compile("0.0500"))
    row.locator(".chip", has_text="Waits for approval until").wait_for()
    assert row.get_by_role("button").count() == 0
    context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}")
    desk = context.new_page()
    log_in_operator(desk, "anna", tokens)
    desk.get_by_role("tab", name="Approvals").click()
    waits = desk.get_by_role("row", name=re.compile("Buy 25 CUP-A at 0.0500, may cost 1.2"))
    waits.get_by_role("button", name="Approve").click()
    desk.get_by_role("dialog").get_by_role("button", name="Do it").click()
    waits.locator(".chip", has_text="Approved, not entered yet").wait_for()
    assert waits.get_by_role("button", name="Approve").count() == 0
    enter = row.get_by_role("button", name=re.compile("Enter: Buy"))
    enter.wait_for()
    enter.click()
    page.locator(".toast", has_text="The approved order is entered").wait_for()
    cancel = page.get_by_role("button", name=re.compile("Cancel: Buy Yes CUP-A at 0.0500"))
    cancel.click()
    cancel.wait_for(state="detached")
    enter.wait_for(state="detached")
    context.close()
    cleared = shop.ask("admin", ar.ClearBudget(session="MM3"))
    with site.operator("anna", tokens) as api:  # the second person
        answer = api.post("/v1/operator/acts/approve", json={"id": str(cleared.result["pending"])})
        assert answer.json()["outcome"] == "done", answer.text


def test_an_operator_sees_what_an_act_will_do_before_it_is_done(page: Any, tokens: dict[str, str]) -> None:
    log_in_operator(page, "anna", tokens)
    row = page.get_by_role("row", name=re.compile("CUP"))
    row.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("CUP").first.wait_for()
    dialog.get_by_role("button", name="Cancel").click()
    assert "Open" in row.inner_text()
    row.get_by_role("button", name="Pause").click()
    dialog.get_by_role("button", name="Do it").click()
    row.locator(".chip", has_text="Paused").wait_for()
    row.get_by_role("button", name="Open", exact=True).click()
    dialog.get_by_role("button", name="Do it").click()
    row.locator(".chip", has_text="Open").wait_for()
    for tab, text in (
        ("Approvals", "Nothing waits."),
        ("Firms", "MM1"),
        ("Ledger", "MM1-A"),
        ("Limits and switches", "Nothing is stopped or frozen."),
    ):
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel", name=tab).get_by_text(text).first.wait_for()


def test_a_market_gets_times_and_a_phase_at_a_time(page: Any, shop: ServerProcess, tokens: dict[str, str]) -> None:
    log_in_operator(page, "anna", tokens)
    row = page.get_by_role("row", name=re.compile("CUP"))
    dialog = page.get_by_role("dialog")
    row.get_by_role("button", name="Times…").click()
    page.get_by_label("Closes").fill("2098-05-01T12:00:30")
    page.get_by_label("Result by").fill("2098-04-01T12:00:00")
    page.get_by_role("button", name="What will it do?").click()
    dialog.locator(".problem", has_text=re.compile("before|order|after")).wait_for()
    page.get_by_label("Result by").fill("2098-06-01T12:00:00")
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("button", name="Do it").click()
    page.locator("#toasts", has_text="Times: CUP: Done").wait_for()
    row.get_by_role("button", name="At a time…").click()
    page.get_by_label("Phase").select_option("paused")
    page.get_by_label("When (your time)").fill("2097-01-01T00:00:00")
    page.get_by_label("Note").fill("a pause")
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("button", name="Do it").click()
    page.locator("#toasts", has_text="At a time: CUP: Done").wait_for()
    page.get_by_role("tab", name="Schedule").click()
    for text in ("2098", "a pause"):
        page.get_by_role("row", name=re.compile(text)).first.wait_for()
    closes = next(
        one for one in shop.ask("schedule", event="CUP").result["rows"] if one["record"].get("phase") == "closed" or "close" in one["act"]
    )
    assert closes["at_ns"] % 10**9 == 0 and closes["at_ns"] // 10**9 % 60 == 30
    page.get_by_role("row", name=re.compile("a pause")).get_by_role("button", name="Cancel").click()
    dialog.get_by_role("button", name="Do it").click()
    page.get_by_role("row", name=re.compile("a pause")).wait_for(state="detached")
    page.get_by_role("tab", name="Markets").click()
    row.get_by_role("button", name="Times…").click()
    for label in ("Closes", "Result by"):
        page.get_by_label(label).fill("")
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("button", name="Do it").click()
    page.locator("#toasts", has_text="Times: CUP: Done").last.wait_for()
    page.get_by_role("tab", name="Schedule").click()
    page.get_by_text("Nothing waits for its time.").wait_for()


def test_an_arbiter_corrects_a_result(page: Any, shop: ServerProcess, tokens: dict[str, str], tmp_path: Path) -> None:
    """RAIN was decided above; then it is paid."""
    log_in_operator(page, "vera", tokens)
    row = page.get_by_role("row", name=re.compile("RAIN"))
    row.get_by_role("button", name="Correct").click()
    page.get_by_text("a new time to dispute it begins").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name="Dispute").click()
    page.get_by_label("Firm that disputes it").fill("MM1")
    page.get_by_label("Its reason").fill("it rained")
    page.get_by_role("button", name="What will it do?").click()
    page.get_by_role("dialog").locator(".problem", has_text=re.compile("MM1")).wait_for()  # it has no position
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert shop.ask("admin", ar.Finalise(event="RAIN")).ok
    page.reload()
    page.get_by_role("row", name=re.compile("CUP")).wait_for()
    page.screenshot(path=tmp_path / "admin.png", full_page=True)
    row.get_by_role("button", name="Correct").click()
    page.get_by_text("entries that reverse what was paid").wait_for()
    page.get_by_label("Rule", exact=True).fill("rain-2")
    page.get_by_label("Source", exact=True).fill("the weather service")
    page.get_by_label("What was observed", exact=True).fill("1.2 mm")
    page.locator("#result-hash").fill(HASH)
    page.locator(".pay input").fill("1")
    page.screenshot(path=tmp_path / "correct.png")
    page.get_by_role("button", name="What will it do?").click()
    page.locator(".act-text").wait_for()
    page.get_by_role("button", name=re.compile("Do it|Propose it")).click()
    page.locator("#toasts", has_text=re.compile("Correct the result: .*(Done|It waits for a second person)")).wait_for()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_runs_out_of_the_screen(browser: Any, site: Web, size: str, theme: str, tmp_path: Path) -> None:
    """And a screenshot of each, to look at."""
    width, height = SIZES[size]
    context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}", viewport={"width": width, "height": height}, color_scheme=theme)
    page = context.new_page()
    for name, path in {"markets": "/", "market": "/m/CUP", "portfolio": "/portfolio", "embed": "/embed/CUP"}.items():
        page.goto(path)
        live(page)
        page.screenshot(path=tmp_path / f"{name}-{size}-{theme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        if name == "markets":  # prices of four decimals stay within their colour
            wide = "all => all.filter(one => { one.textContent = 'Yes 0.8888'; return one.scrollWidth > one.clientWidth }).length"
            assert page.locator(".outcome .quote").count() > 0
            assert page.locator(".outcome .quote").evaluate_all(wide) == 0
        assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light dark"
    context.close()


def test_the_exchange_is_killed_the_page_says_so_and_comes_back_by_itself(page: Any, shop: ServerProcess) -> None:
    page.goto("/m/CUP")
    live(page)
    log_in(page)
    shop.kill()
    page.locator("#alarm", has_text="Prices are stale").wait_for()
    assert page.evaluate("document.documentElement.dataset.feed") == "down"
    page.locator(".ticket .stale-note").wait_for()
    assert "prices stale" in page.locator(".button-send").inner_text()
    shop.log.close()
    shop.process.stdout.close()
    shop.start()
    live(page)
    page.locator("#alarm").wait_for(state="hidden")
    page.locator(".button-send", has_text=re.compile(r"^Buy Yes$")).wait_for()


def test_the_web_process_is_killed_the_page_says_so_and_comes_back_by_itself(page: Any, site: Web) -> None:
    page.goto("/m/CUP")
    live(page)
    site.kill()
    page.locator("#alarm", has_text="Not connected").wait_for()
    assert "gradient" in page.evaluate("getComputedStyle(document.querySelector('.book .live-numbers')).backgroundImage")
    site.process.stdout.close()
    site.log.close()
    site.start(site.port)
    live(page)
    page.locator("#alarm").wait_for(state="hidden")


def test_how_fast_the_first_page_is(browser: Any, site: Web, record_property: Any) -> None:
    """Measured, not asserted: perf/RESULTS.md has the figures. From the navigation until the markets are there and their buttons work, with nothing kept."""
    ready = """async (selector) => { while (!document.querySelector(selector)) await new Promise(requestAnimationFrame); return performance.now(); }"""
    weight = "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((sum, one) => sum + one.encodedBodySize, 0)"
    for name, path, selector in (("list", "/", ".card .quote"), ("market", "/m/CUP", ".level-price:not(:disabled), .spread")):
        found = []
        for _ in range(3):
            context = browser.new_context(base_url=f"http://127.0.0.1:{site.port}")
            page = context.new_page()
            page.goto(path, wait_until="commit")
            found.append(round(page.evaluate(ready, selector)))
            page.wait_for_load_state("networkidle")
            bytes_sent = page.evaluate(weight)
            context.close()
        record_property(name, f"{sorted(found)} ms, {bytes_sent} bytes")
        print(f"{name}: {sorted(found)} ms until it can be used, {bytes_sent} bytes in all")
