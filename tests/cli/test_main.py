"""The command line as a user sees it: its output on stdout and stderr, and the exit code."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from config.fields import fields_of
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command; the data folder is appended to every command that accepts one."""

    def go(*arguments: str, data: bool = True) -> tuple[int, str, str]:
        try:
            code = cli.main([*arguments, *(["--data", str(tmp_path)] if data else [])])
        except SystemExit as usage:
            code = int(usage.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        if code not in (Exit.OK, Exit.USAGE):
            assert len(err.strip().splitlines()) == 1, "one line on stderr"
        return code, out, err

    return go


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path).load("worldcup")
    yield fake
    fake.close()


def test_no_server(run: Run, tmp_path: Path) -> None:
    code, _, err = run("status")
    assert code == Exit.UNREACHABLE and "no server runs on" in err and str(tmp_path) in err
    dead = FakeAdmin(tmp_path)
    dead.close()
    code, _, err = run("market", "list")
    assert code == Exit.UNREACHABLE and "no server listens on" in err


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (lambda line: None, "the server closed the connection: it is not known whether the request was carried out"),
        (lambda line: b"rubbish\n", "is not JSON"),
        (lambda line: b"[]\n", "is not a JSON object"),
        (lambda line: b"\xff\xfe\n", "is not JSON"),
    ],
)
def test_a_server_that_answers_badly(run: Run, tmp_path: Path, raw: Callable[[bytes], bytes | None], sentence: str) -> None:
    fake = FakeAdmin(tmp_path, raw)
    code, _, err = run("status")
    fake.close()
    assert code == Exit.UNREACHABLE and sentence in err


def test_answers_to_older_requests_are_passed_over(run: Run, tmp_path: Path) -> None:
    fake = FakeAdmin(tmp_path, lambda line: b'{"id": 99, "ok": false}\n{"id": 1, "ok": true, "result": {"a": 1}}\n')
    assert run("status")[:2] == (0, "a  1\n")
    fake.close()


def test_a_long_data_path_is_reached(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("d" * 60) / ("e" * 60)
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    fake = FakeAdmin(Path("."))
    assert cli.main(["status", "--data", str(folder)]) == 0 and "turn" in capsys.readouterr().out
    fake.close()


def test_status(run: Run, server: FakeAdmin) -> None:
    code, out, _ = run("status")
    assert code == 0 and out.splitlines() == [
        "turn             7", "journal.durable  9", "journal.mode     sync", "sessions         C1, C2", "killed           no", "note             -",
    ]  # fmt: skip
    assert json.loads(run("status", "--json")[1])["result"]["journal"]["durable"] == 9


def test_market_list(run: Run, server: FakeAdmin) -> None:
    code, out, _ = run("market", "list")
    assert code == 0 and len(out.splitlines()) == 15 and re.search(r"^WC26-WIN +open +exactly 1 +48 +144 ", out, re.M)
    code, out, _ = run("market", "list", "WC26-FINAL")
    assert code == 0 and re.search(r"^WC26-FINAL-ESP +0\.6200 +- +- +3 +- +Spain$", out, re.M)
    code, out, err = run("market", "list", "WC26-FINA")
    assert code == Exit.FAILED and 'there is no event "WC26-FINA"' in err and out == ""
    assert len(json.loads(run("market", "list", "--json")[1])["result"]) == 14


def test_the_shape_of_a_market(run: Run, server: FakeAdmin) -> None:
    for arguments in (("list",), ("list", "WC26-FINAL"), ("show", "WC26-FINAL")):
        document = json.loads(run("market", *arguments, "--json")[1])
        assert set(document) == {"ok", "exit", "code", "text", "result"}
        found = document["result"] if arguments[0] == "list" else [document["result"]]
        for market in found:
            assert set(market) == {
                "event", "title", "product", "k", "asset", "payout", "price_decimals", "phase", "version", "window_end_ns", "final_at_ns", "settling", "overdue_ns", "sets",
                "contracts", "terms", "versions", "heard",
            }  # fmt: skip
            assert set(market["contracts"][0]) == {
                "symbol", "outcome", "code", "bid", "ask", "last", "volume", "open_interest", "paid", "ahead", "terms",
            }  # fmt: skip


def test_market_show(run: Run, server: FakeAdmin) -> None:
    code, out, _ = run("market", "show", "WC26-FINAL")
    assert code == 0
    shown = dict(line.split(" = ", 1) for line in out.splitlines())
    assert set(shown) == {field.key or field.name for field in fields_of(ar.DefineMarket)} - {"contract"}
    assert (shown["event"], shown["max_qty"], shown["protection"], shown["challenge_window"]) == ("WC26-FINAL", "100000", "0.0000", "0s")
    code, _, err = run("market", "show", "NO")
    assert code == Exit.FAILED and 'there is no event "NO"' in err


def test_market_phase(run: Run, server: FakeAdmin) -> None:
    assert run("market", "phase", "WC26-FINAL", "paused")[:2] == (0, "WC26-FINAL is paused\n")
    code, out, _ = run("market", "phase", "WC26-FINAL", "closed", "--dry-run")
    assert code == 0 and out == "would be answered: WC26-FINAL is closed\n" and server.phases["WC26-FINAL"] == "paused"
    code, _, err = run("market", "phase", "WC26-FINAL", "listed", "--dry-run")
    assert code == Exit.FAILED and "it is paused and cannot become listed" in err and "(nothing would be done)" in err
    code, _, err = run("market", "phase", "NO", "open")
    assert code == Exit.FAILED and 'there is no event "NO"' in err
    assert run("market", "phase", "WC26-FINAL", "final")[0] == Exit.USAGE


def test_settle_by_hand(run: Run, server: FakeAdmin, tmp_path: Path) -> None:
    evidence = tmp_path / "report.txt"
    evidence.write_bytes(b"0-0")
    tried = run("market", "settle", "WC26-FINAL", "--winner", "DRAW", "--source", "FIFA", "--evidence", str(evidence), "--dry-run")
    assert tried[:2] == (0, "would be answered: WC26-FINAL is closed, determined (version 1), paid\n") and server.records == []
    code, out, _ = run(
        "market",
        "settle",
        "WC26-FINAL",
        "--winner",
        "DRAW",
        "--source",
        "FIFA",
        "--evidence",
        str(evidence),
        "--observed-at",
        "2026-07-19T21:00:00Z",
    )
    assert code == 0 and out.splitlines() == [
        "WC26-FINAL is closed, determined (version 1), paid", "WC26-FINAL pays per contract: DRAW 1.0000",
    ]  # fmt: skip
    (determine,) = server.records
    assert isinstance(determine, ar.Settle) and determine.finalise, "one act"
    assert determine.payouts == (0, 10_000, 0) and determine.evidence_sha256 == hashlib.sha256(b"0-0").hexdigest()
    assert determine.evidence_name == "report.txt" and determine.observed_at_ns == 1784494800 * 10**9
    code, _, err = run("market", "settle", "WC26-FINAL", "--winner", "ESP", "--source", "FIFA", "--evidence", str(evidence))
    assert code == Exit.FAILED and "WC26-FINAL is final since " in err and "it has been paid" in err


def test_settle_in_two_steps_and_with_split_payouts(run: Run, server: FakeAdmin, tmp_path: Path) -> None:
    evidence = tmp_path / "e"
    evidence.write_bytes(b"")
    half = ("market", "settle", "WC26-FINAL", "--payout", "ESP=0.5", "--payout", "ARG=0.5000", "--source", "x", "--evidence", str(evidence))
    assert run(*half, "--determine-only")[0] == 0 and server.records[-1].payouts == (5000, 0, 5000)
    assert run("market", "settle", "WC26-FINAL", "--finalise-only")[:2][0] == 0 and server.phases["WC26-FINAL"] == "final"


def test_settle_from_a_results_file(run: Run, server: FakeAdmin) -> None:
    file = str(ROOT / "config" / "worldcup_results.toml")
    for event in ("WC26-WIN", "WC26-GRP-D"):
        assert run("market", "settle", event, "--results", file)[0] == 0
    by_event = {r.event: r for r in server.records if isinstance(r, ar.Settle)}
    outright = by_event["WC26-WIN"]
    assert (
        sum(outright.payouts) == 10_000
        and outright.evidence_name == "worldcup_results.toml"
        and "after extra time" in outright.observed_value
    )
    assert outright.payouts.index(10_000) == [
        c["code"] for c in server.market(server.registry.events.named("WC26-WIN"))["contracts"]
    ].index("ESP")


WIN = ("market", "settle", "WC26-FINAL", "--winner", "ESP", "--source", "s")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("market", "settle", "WC26-FINAL"), "give the result"),
        (WIN, "evidence is required"),
        (("market", "settle", "WC26-FINAL", "--winner", "ESP", "--evidence", "HERE"), "the source is required"),
        ((*WIN, "--evidence", "/nothing/here"), "--evidence /nothing/here: cannot be read: No such file or directory"),
        ((*WIN, "--evidence", "HERE", "--winner", "FRA"), '"FRA" is not an outcome of WC26-FINAL; outcomes: ESP, DRAW, ARG'),
        ((*WIN, "--evidence", "HERE", "--winner", "ESP"), '"ESP" is given twice'),
        ((*WIN, "--evidence", "HERE", "--observed-at", "yesterday"), "--observed-at yesterday: not a UTC time"),
        ((*WIN, "--evidence", "HERE", "--observed-at", "2026-07-19T21:00:00"), "not a UTC time"),
        ((*WIN, "--evidence", "HERE", "--observed-at", "1960-07-19T21:00:00Z"), "before 1970"),
        ((*WIN, "--evidence", "HERE", "--rule", ""), "expected str of length >= 1"),
        ((*WIN, "--determine-only", "--finalise-only"), "exclude each other"),
        *[
            (
                ("market", "settle", "WC26-FINAL", "--source", "s", "--evidence", "HERE", "--payout", text),
                f"--payout {text}: not CODE=AMOUNT",
            )
            for text in (
                "ESP",
                "ESP=",
                "=1",
                "ESP=0.00001",
                "ESP=0.99999999999999999999999999999",
                "ESP=1_0",
                "ESP= 1",
                "ESP=+1",
                "ESP=-1",
                "ESP=x",
                "ESP=nan",
                "ESP=inf",
                "ESP=٣",
                "ESP=1e30",
            )
        ],
    ],
)
def test_settle_is_refused_on_the_command_line(
    run: Run, server: FakeAdmin, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "e").write_bytes(b"x")
    code, out, err = run(*(str(tmp_path / "e") if a == "HERE" else a for a in arguments))
    assert code == Exit.USAGE and sentence.lower() in err.lower() and out == "" and server.records == []


def test_the_server_refuses_a_wrong_sum(run: Run, server: FakeAdmin, tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"x")
    code, _, err = run("market", "settle", "WC26-FINAL", "--source", "s", "--evidence", str(tmp_path / "e"), "--payout", "ESP=0.5")
    assert code == Exit.FAILED and "must sum to exactly 1 x 1.0000 = 1.0000, asked 0.5000" in err
    assert server.phases["WC26-FINAL"] == "open" and server.records == [], "it is still open"


def test_admin(run: Run, server: FakeAdmin) -> None:
    assert run("admin", '{"type": "kill", "level": "platform"}')[:2] == (0, "kill switch of platform is on, open orders are cancelled\n")
    sent = len(server.records)
    code, out, _ = run("admin", '{"type": "kill", "level": "platform", "on": false}', "--dry-run")
    assert code == 0 and out == "would be answered: kill switch of platform is off\n"
    configuration = '{"type": "configuration", "name": "c", "records": [{"type": "asset", "name": "EUR", "decimals": 2}]}'
    assert run("admin", configuration, "--dry-run")[:2] == (0, "1 records would change something\n") and len(server.records) == sent
    code, _, err = run("admin", '{"type": "kill", "level": "firm", "target": "X"}')
    assert code == Exit.FAILED and 'there is no firm "X"' in err
    for bad, sentence in (
        ("{", "not a record: "),
        ('{"type": "x"}', 'type: "x" is not one of asset, '),
        ("[]", "not a record: "),
        ('{"type": "kill", "level": "firm", "a": 1}', "a: unknown key; known here: level, target, on, cancel"),
    ):
        code, _, err = run("admin", bad)
        assert code == Exit.USAGE and sentence in err


def test_config_check(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("config", "check", "sandbox", data=False)
    assert code == 0 and out.endswith(
        "valid: 2 assets, 1 venues, 15 markets, 100 instruments, 128 firms, 128 accounts, 64 binary sessions, 64 fix sessions, 256 deposits\n"
    )
    path = tmp_path / "c.toml"
    text = (ROOT / "config" / "worldcup.toml").read_text().replace("worldcup/facts.toml", str(ROOT / "config" / "worldcup" / "facts.toml"))
    for old, new, sentence in (
        (
            "winners = 1",
            "winners = 49",
            "market[0].winners: the number of winners must be between 1 and the number of contracts, 48, asked 49",
        ),
        ('owner_venue = "WC26"', 'owner_venue = "WC27"', 'market[0].owner_venue: there is no venue "WC27"; did you mean "WC26"?'),
        (
            "max_qty = 100_000",
            "max_qty = 1_000_000_000_000",
            "market[0].max_qty: at most 18446744, asked 1000000000000: above that highest p",
        ),
        (
            'payout = "1.0000"',
            'payout = "1.0000"\nband = [{low = "0.0001", high = "0.9998", step = "0.0001"}]',
            "market[0].band: price 0.0001 is on the grid",
        ),
        (
            'model = "quadratic"',
            'model = "notional"',
            "market[0].fees.model: event contracts take only fees that are the same for YES and NO",
        ),
        ('model = "quadratic"', 'modl = "quadratic"', 'market[0].fees.modl: unknown key; did you mean "model"?'),
        ('symbol = "WC26-{code}-{away}"', 'symbol = "WC26-{code}-{home}"', "market[2].contract[2].symbol: WC26-FINAL-ESP appears twice"),
        ('rules = "The result', 'rules = ""\ntitle2 = "', "market[2].title2: unknown key"),
        ("[[asset]]", "[capacities]\ninstruments = 50\n[[asset]]", "raise the capacity `instruments`"),
    ):
        assert old in text
        path.write_text(text.replace(old, new))
        code, out, err = run("config", "check", str(path), data=False)
        assert code == Exit.CONFIG and out == "" and re.match(rf"exos: {re.escape(str(path))}(:[0-9]+)?: ", err) and sentence in err, err
    code, _, err = run("config", "check", str(tmp_path / "none.toml"), data=False)
    assert code == Exit.CONFIG and "there is no such file" in err


def test_config_check_says_which_assets_it_does_not_know(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    market = (
        'product = "at_most"\nwinners = 1\nowner_venue = "V"\npayout = "1"\nmax_qty = 9\nmax_position = 9\nrules = "r"\nsource = "s"\n'
        'fees = { model = "minimum" }\nsharing = "shared"\nadmits = ["W"]\nphase = "open"\n'
    )
    path.write_text(
        '[[venue]]\nname = "V"\n[[venue]]\nname = "W"\n[[asset]]\nname = "EUR"\ndecimals = 4\n'
        f'[[market]]\nevent = "A"\nasset = "USD"\n{market}contract = [{{ symbol = "A" }}]\n'
        f'[[market]]\nevent = "B"\nasset = "EUR"\n{market}contract = [{{ symbol = "B" }}]\n'
        '[[listing]]\nvenue = "W"\nevent = "A"\nfees = { model = "minimum" }\n'
        '[[member]]\nfirm = "F"\n[[member.account]]\nname = "F-A"\ndeposit = { GBP = "1", EUR = "2" }\n'
    )
    code, out, err = run("config", "check", str(path), data=False)
    assert (
        code == 0
        and err == ""
        and out.splitlines()
        == [
            f"{path}: valid: 1 assets, 2 venues, 1 markets, 1 instruments, 1 firms, 1 accounts, 1 deposits",
            "not checked: market[0], listing[0]: asset USD is not in the file, and no server was asked (exos config apply --dry-run asks one)",
            "not checked: member[0].account[0].deposit.GBP: asset GBP is not in the file, and no server was asked (exos config apply --dry-run asks one)",
        ]
    )
    path.write_text(path.read_text().replace('event = "B"\nasset = "EUR"', 'event = "B"\nasset = "EUR"\ncollar = "x"'))
    code, _, err = run("config", "check", str(path), data=False)
    assert code == Exit.CONFIG and "market[1].collar" in err, "what it can check it does"


def test_config_apply(run: Run, server: FakeAdmin, tmp_path: Path) -> None:
    for arguments in (("sandbox",), ("sandbox", "--dry-run")):
        code, out, err = run("config", "apply", *arguments)
        assert code == Exit.FAILED and "sandbox.toml is a sandbox with published passwords" in err and out == "" and server.records == []
    server.registry.begun = ar.Begin(name="sandbox.toml", sandbox=True)
    code, out, _ = run("config", "apply", "sandbox", "--dry-run")
    assert code == 0 and "+ asset BTC" in out and out.endswith("16 unchanged\n") and server.records == []
    code, out, _ = run("config", "apply", "sandbox")
    assert code == 0 and out.splitlines()[-1] == "643 applied, 16 unchanged; revision 1" and len(server.records) == 1
    assert server.phases["BTC-USD"] == "open"
    code, out, _ = run("config", "apply", "sandbox")
    assert code == 0 and out == "0 applied, 658 unchanged; revision 1\n"
    path = tmp_path / "c.toml"
    path.write_text('[[asset]]\nname = "EUR"\ndecimals = 2\n')
    code, out, err = run("config", "apply", str(path))
    assert code == Exit.FAILED and "created as a sandbox with published passwords, and c.toml is not one" in err
    server.registry.begun = ar.Begin(name="prod.toml")
    path.write_text('[[asset]]\nname = "EUR"\ndecimals = 2\n[[asset]]\nname = "USD"\ndecimals = 2\n')
    code, out, err = run("config", "apply", str(path))
    assert (
        code == Exit.FAILED and re.search(rf"{path}:[0-9]+: asset\[1\].decimals: cannot be changed", err) and "(nothing was changed)" in err
    )
    assert server.registry.assets.named("EUR") is None
    path.write_text('[[asset]]\nname = "USD"\ndecimals = 4\n')
    assert run("config", "apply", str(path))[:2] == (0, "0 applied, 1 unchanged; revision 1\n")
    assert server.registry.assets.named("USD").record.title == "US dollar", "a title that the file does not give stays"
    path.write_text('[[member]]\nfirm = "NEW"\n[[member.account]]\nname = "NEW-A"\ndeposit = { USD = "1.50" }\n')
    code, out, _ = run("config", "apply", str(path), "--dry-run")
    assert code == 0 and out.splitlines() == ["+ firm NEW", "+ account NEW-A", "+ deposit 1.5000 USD to NEW-A (once)", "0 unchanged"]
    assert run("config", "apply", str(path))[0] == 0, "USD is the server's"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("config",),
        ("market",),
        ("serve", "--mode", "fast"),
        ("serve", "--fix-port", "70000"),
        ("serve", "--fix-port", "٣"),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments, data=False)
    assert code == Exit.USAGE and "usage: exos" in err
