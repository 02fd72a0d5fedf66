"""Starts in every order: what a folder was created as, what is used without a configuration, what is refused and what is ignored."""

import itertools
from pathlib import Path

import pytest

from config import load
from config.serve_options import ServeOptions
from exchange_server import app, start
from exchange_server.cli import main as cli
from exchange_server.cli import serve
from exchange_server.cli.common import CommandError
from exchange_server.exits import Exit
from exchange_server.net.observe import Log
from tests.server_kit import SMALL

BOX = "sandbox = true\n" + SMALL
WITHOUT = "WITHOUT"


def options(folder: Path, config: str = SMALL, *arguments: str) -> ServeOptions:
    """What `exos serve` makes of a file, or of none."""
    given = ["--data", str(folder / "data"), *arguments]
    if config != WITHOUT:
        path = folder / ("box.toml" if "sandbox = true" in config else "test.toml")
        path.write_text(config)
        path.chmod(0o600)
        given += ["--config", str(path)]
    return serve.options(given)


def run(folder: Path, config: str = SMALL, *arguments: str) -> app.Server:
    server = app.Server(options(folder, config, *arguments), Log())
    server.close()
    return server


def refused(folder: Path, config: str, *arguments: str) -> str:
    with pytest.raises(start.StartRefused) as refusal:
        run(folder, config, *arguments)
    assert refusal.value.code == Exit.CONFIG
    return str(refusal.value)


def test_a_folder_goes_on_with_what_it_holds(tmp_path: Path) -> None:
    first = run(tmp_path, SMALL.replace("binary_port = 0", 'binary_port = 0\nmode = "async"\nsending_time_tolerance = "7s"'))
    again = run(tmp_path, WITHOUT)
    assert again.applied == 0 and again.engine.registry.to_bytes() == first.engine.registry.to_bytes(), "nothing was added"
    assert again.engine.row_seq == first.engine.row_seq, "not a row was written"
    settings = again.options.settings
    assert (settings.fix_port, settings.mode, settings.sending_time_tolerance_ns) == (0, "async", 7 * 10**9)
    assert again.journal.mode == "async" and again.not_taken == []
    assert again.engine.capacities.accounts == 64, "the capacities are those of its beginning, also without a snapshot"
    changed = run(tmp_path, WITHOUT, "--mode", "sync", "--fix-port", "1234")
    assert changed.options.settings[1:4] == (1234, 0, "sync") and changed.journal.mode == "sync", "the command line wins"
    assert run(tmp_path, WITHOUT).options.settings.mode == "async", "for that start alone"


def test_a_changed_setting_of_the_file_is_kept(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path, SMALL.replace("binary_port = 0", 'binary_port = 0\nheartbeat_max = "50s"'))
    assert run(tmp_path, WITHOUT).options.settings.heartbeat_max_ns == 50 * 10**9


def test_what_cannot_be_taken_any_more_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tmp_path)
    assert run(tmp_path).not_taken == []
    later = run(
        tmp_path, SMALL.replace("orders = 4096", "orders = 8192").replace("binary_port = 0", 'binary_port = 0\nclordid_retention = "1h"')
    )
    later.log.flush()
    assert later.not_taken == [
        "server.clordid_retention = 1 h: the data folder was created with 3 d, which it keeps",
    ]
    assert capfd.readouterr().err.count("setting_not_taken") == 1


def test_a_new_folder_without_a_configuration_is_told_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--data", str(tmp_path / "new")]) == Exit.CONFIG
    assert f"exos serve --data {tmp_path}/new --config FILE" in capsys.readouterr().err and not (tmp_path / "new").exists()
    with pytest.raises(start.StartRefused, match="is a new data folder"):  # begun, and killed before its first record
        app.Server(ServeOptions(tmp_path / "data", load.Settings(), configured=False), Log())


@pytest.mark.parametrize(("first", "second", "text"), [
    (SMALL, BOX, "box.toml is a sandbox with published passwords, and this data folder was not created as one"),
    (BOX, SMALL, "this data folder was created as a sandbox with published passwords, and test.toml is not one"),
])  # fmt: skip
def test_the_sandbox_does_not_mix_whatever_the_order(tmp_path: Path, first: str, second: str, text: str) -> None:
    before = run(tmp_path, first)
    assert text in refused(tmp_path, second)
    after = run(tmp_path, WITHOUT)
    assert after.engine.registry.to_bytes() == before.engine.registry.to_bytes() and after.sandbox == (first == BOX)
    assert run(tmp_path, first).applied == 0


def test_the_mark_outlives_snapshots_and_says_itself_in_what_includes_it(tmp_path: Path) -> None:
    (tmp_path / "inner.toml").write_text(BOX)
    (tmp_path / "inner.toml").chmod(0o600)
    server = app.Server(options(tmp_path, 'include = ["inner.toml"]\n'), Log())
    app.seal(server.recovered, server.options.data)
    again = run(tmp_path, WITHOUT)
    assert again.sandbox and again.engine.registry.begun is not None and "test.toml is not one" in refused(tmp_path, SMALL)
    shipped = load.load("sandbox", items=False)
    assert shipped.sandbox and shipped.items == [] and not load.load("worldcup").sandbox


def test_a_sandbox_stays_on_this_machine(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", ""):
        assert "--expose-sandbox" in refused(tmp_path, BOX, "--host", host)
    run(tmp_path, BOX, "--host", "127.0.0.1")
    assert "--expose-sandbox" in refused(tmp_path, WITHOUT, "--host", "0.0.0.0")
    assert run(tmp_path, WITHOUT, "--host", "0.0.0.0", "--expose-sandbox").sandbox
    inside = tmp_path / "other"
    inside.mkdir()
    run(inside, SMALL, "--host", "0.0.0.0", "--expose-plain")
    assert "is only for a sandbox" in refused(inside, SMALL, "--expose-sandbox")


def test_a_file_may_use_what_the_folder_has(tmp_path: Path) -> None:
    run(tmp_path)
    tenant = '[server]\nfix_port = 0\nbinary_port = 0\n[[venue]]\nname = "W"\n[[member]]\nfirm = "T"\n[[member.account]]\nname = "T-A"\ndeposit = { USD = "1.5" }\n'
    server = run(tmp_path, tenant)
    assert server.applied == 4 and server.engine.registry.accounts.named("T-A") is not None
    assert "there is no asset ZZZ" in refused(tmp_path, tenant.replace("USD", "ZZZ"))


def test_a_refused_configuration_leaves_nothing_behind(tmp_path: Path) -> None:
    run(tmp_path)
    before = run(tmp_path, WITHOUT)
    bad = (
        SMALL + '[[member]]\nfirm = "NEW"\n[[member.session]]\nname = "N"\nwire = "binary"\nkey = "MM1"\nsecret = "a phrase of the tests"\n'
    )
    assert "session[0].key: " in (text := refused(tmp_path, bad)) and "session MM1 has the same login" in text
    after = run(tmp_path, WITHOUT)
    assert after.engine.row_seq == before.engine.row_seq and after.engine.registry.firms.named("NEW") is None


def test_a_setting_that_the_file_does_not_name_stays_as_the_folder_has_it(tmp_path: Path) -> None:
    """A tenant's file with markets only, named at a start, resets no port, mode or throttle of the folder."""
    run(tmp_path, SMALL.replace("binary_port = 0", 'binary_port = 0\nmode = "async"\nsession_throttle = 7\nclordid_retention = "1h"'))
    tenant = '[[member]]\nfirm = "T"\n[[member.session]]\nname = "T"\nwire = "binary"\nkey = "T"\nsecret = "a long phrase of forty characters, say 12345"\n'
    for config in (tenant, tenant, "[server]\n" + tenant, WITHOUT):
        server = run(tmp_path, config)
        settings = server.options.settings
        assert (settings.fix_port, settings.binary_port, settings.mode, settings.session_throttle) == (0, 0, "async", 7)
        assert server.not_taken == [], "1h was asked for by nobody, and is what the folder has"
        assert settings.clordid_retention_ns == 3600 * 10**9
    session = server.engine.registry.sessions.named("T")
    assert session is not None and session.record.throttle_limit == 7, "the folder's default is that of the file's sessions"
    changed = run(tmp_path, "[server]\nfix_port = 1234\n" + tenant)
    assert changed.options.settings[1:4] == (1234, 0, "async") and run(tmp_path, WITHOUT).options.settings[1:4] == (1234, 0, "async")


def test_settings_that_contradict_what_the_folder_has_are_refused(tmp_path: Path) -> None:
    run(tmp_path, SMALL.replace("binary_port = 0", 'binary_port = 0\nheartbeat_max = "10s"'))
    assert "server.heartbeat_min: must be between 1ns and heartbeat_max 10s, asked 20s" in refused(
        tmp_path, '[server]\nheartbeat_min = "20s"\n'
    )
    run(tmp_path, "[server]\nfix_port = 9\n")
    assert "cannot share port 9" in refused(tmp_path, "[server]\nbinary_port = 9\n")
    assert "cannot share port 9" in refused(tmp_path, WITHOUT, "--binary-port", "9")


@pytest.mark.parametrize("order", list(itertools.product((SMALL, BOX, WITHOUT), repeat=3)), ids=lambda order: "-".join(
    {SMALL: "own", BOX: "box", WITHOUT: "none"}[config] for config in order))  # fmt: skip
def test_every_order_of_starts(tmp_path: Path, order: tuple[str, ...]) -> None:
    """A start without a configuration goes on with what is there; the first configuration decides whether the folder is a sandbox, and one
    of the other kind is refused and changes nothing."""
    begun = ""
    for config in order:
        if config == WITHOUT and not begun:
            with pytest.raises(CommandError, match="is a new data folder") as error:
                run(tmp_path, config)
            assert error.value.exit_code == Exit.CONFIG and not (tmp_path / "data").exists()
        elif begun and config not in (begun, WITHOUT):
            assert "published passwords" in refused(tmp_path, config)
        else:
            server = run(tmp_path, config)
            assert (server.applied > 0) == (not begun) and server.not_taken == []
            begun = begun or config
            assert server.sandbox == (begun == BOX) and len(server.engine.registry.sessions) == 5
