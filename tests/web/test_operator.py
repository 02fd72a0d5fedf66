"""Operators over HTTP: who is who, the same rights and two persons as everywhere, and that what is not one's own is not there."""

import httpx

from protocol import credentials

from .rig import ServerProcess, Web, new_id, order, problem, wait_until

ACTS = "/v1/operator/acts"
EVIDENCE = {
    "rule_id": "result", "source": "the referee", "observed_value": "A", "observed_at": "2026-07-19T21:40:00Z", "evidence_sha256": "ab" * 32,
    "evidence_name": "report.pdf",
}  # fmt: skip


def test_who_is_logged_on_and_what_it_may(anna: httpx.Client, willy: httpx.Client) -> None:
    about = willy.get("/v1/operator").json()
    assert about["principal"] == "willy" and {"role": "treasurer", "scope": "venue:W", "until": None} in about["roles"]
    assert "transfer" in about["acts"] and "asset" not in about["acts"] and "statement" in about["questions"]
    assert "asset" in anna.get("/v1/operator").json()["acts"]
    session = willy.get("/v1/sessions/current").json()
    assert (session["kind"], session["login"], session["session"], session["accounts"]) == ("operator", "willy", None, [])


def test_a_wrong_token_and_an_unknown_principal_have_one_answer(web: Web, tokens: dict[str, str]) -> None:
    good = {"principal": "willy", "key_id": "willy-1", "token": tokens["willy"]}
    with web.api() as api:
        wrong = api.post("/v1/sessions", json=good | {"token": tokens["anna"]})
        problem(wrong, 401, "bad_credentials")
        assert api.post("/v1/sessions", json=good | {"principal": "nobody"}).content == wrong.content
        assert api.post("/v1/sessions", json=good | {"key_id": "none"}).content == wrong.content
        assert problem(api.post("/v1/sessions", json={"principal": "willy", "token": "x"}), 400, "wire_field")["at"] == "$.key_id"
        assert problem(api.post("/v1/sessions", json=good | {"login": "MM1"}), 400, "wire_field")["at"] == "$.login"
        assert problem(api.post("/v1/sessions", json=good | {"secret": "x"}), 400, "wire_field")["at"] == "$.secret"


def test_clients_and_operators_do_not_do_each_others_things(web: Web, mm1: httpx.Client, willy: httpx.Client) -> None:
    problem(mm1.get("/v1/operator/firms"), 403, "not_authorised")
    problem(mm1.post(f"{ACTS}/phase", json={"market": "CUP", "phase": "paused"}), 403, "not_authorised")
    problem(willy.get("/v1/balances"), 403, "not_authorised")
    problem(willy.post("/v1/sessions/current/stream-token"), 403, "not_authorised")
    with web.api() as api:
        problem(api.get("/v1/operator/firms"), 401, "not_logged_on")
        problem(api.post(f"{ACTS}/phase", json={"market": "CUP", "phase": "paused"}), 401, "not_logged_on")


def test_a_transition_is_previewed_done_and_refused(willy: httpx.Client) -> None:
    pause = {"market": "W.TIE", "phase": "paused"}
    preview = willy.post(f"{ACTS}/phase?preview=true", json=pause).json()
    assert (preview["outcome"], preview["waits"]) == ("preview", False) and "W.TIE" in preview["text"]
    now = willy.get("/v1/operator/markets/W.TIE").json()
    assert now["phase"] == "open" and "paused" in now["may_set"] and "settle" in now["may_do"]
    done = willy.post(f"{ACTS}/phase", json=pause)
    assert done.status_code == 200 and done.json()["outcome"] == "done" and done.json()["result"]["phase"] == "paused"
    assert willy.get("/v1/operator/markets/W.TIE").json()["phase"] == "paused"
    for more in ("", "?preview=true"):
        found = problem(willy.post(f"{ACTS}/phase{more}", json=pause), 422, "bad_transition")
        assert "paused" in found["detail"]
    assert willy.post(f"{ACTS}/phase", json=pause | {"phase": "open"}).json()["outcome"] == "done"
    rows = {row["market"]: row for row in willy.get("/v1/operator/markets").json()["markets"]}
    assert rows["W.TIE"]["phase"] == "open" and "CUP" not in rows


def test_a_preview_of_a_phase_counts_the_orders_that_it_would_cancel(anna: httpx.Client, mm1: httpx.Client) -> None:
    made = {
        "market": "RESTS", "title": "Orders rest", "product": "exactly", "winners": 1, "venue": "V", "asset": "USD", "payout": "1.0000",
        "contracts": [{"contract": "RESTS-A"}, {"contract": "RESTS-B"}], "max_quantity": "1000", "max_position": "5000", "fees": {"model": "quadratic"},
        "bands": [{"low": "0.0100", "high": "0.9900", "step": "0.0100"}], "rules": "It is decided.", "source": "the referee", "cut_off": "none",
        "exhaustive": "A or B", "void": {"who": "the venue", "trigger": "no answer"}, "resting": {"live": "lapse", "pause": "cancel"},
    }  # fmt: skip
    created = anna.post(f"{ACTS}/market", json=made)
    assert created.status_code == 200, created.text
    assert anna.post(f"{ACTS}/phase", json={"market": "RESTS", "phase": "open"}).status_code == 200

    def cancels(phase: str) -> int:
        found = anna.post(f"{ACTS}/phase?preview=true", json={"market": "RESTS", "phase": phase}).json()
        assert found["outcome"] == "preview", found
        return int(found["cancels"])

    assert [cancels(phase) for phase in ("live", "paused", "cancel_only", "closed")] == [0, 0, 0, 0]
    for n in range(5):
        body = order("buy", f"0.{10 + n}", "3", contract="RESTS-A" if n < 3 else "RESTS-B", persist=n % 2 == 0)
        wait_until(lambda body=body: mm1.post("/v1/orders", json=body).status_code in (200, 201))
    assert [cancels(phase) for phase in ("live", "paused", "cancel_only", "closed")] == [2, 5, 0, 5]
    assert anna.post(f"{ACTS}/phase", json={"market": "RESTS", "phase": "live"}).status_code == 200
    wait_until(lambda: len([one for one in mm1.get("/v1/orders").json()["orders"] if one["contract"].startswith("RESTS")]) == 3)
    assert [cancels(phase) for phase in ("paused", "closed")] == [3, 3]
    assert anna.post(f"{ACTS}/phase", json={"market": "RESTS", "phase": "closed"}).status_code == 200


def test_what_is_another_venues_is_answered_like_what_is_not_there(willy: httpx.Client, anna: httpx.Client) -> None:
    def same(path: str, hidden: str, missing: str, body: dict[str, object] | None = None) -> None:
        assert len(hidden) == len(missing)
        answers = []
        for name in (hidden, missing):
            if body is None:
                answer = willy.get(path.format(name=name))
            else:
                answer = willy.post(path, json={key: name if value == "NAME" else value for key, value in body.items()})
            assert answer.status_code >= 400, answer.text
            answers.append((answer.status_code, answer.content.replace(name.encode(), b"NAME")))
        assert answers[0] == answers[1]

    same("/v1/operator/markets/{name}", "CUP", "ZZZ")
    same("/v1/operator/markets/{name}/definition", "CUP", "ZZZ")
    same("/v1/operator/accounts?name={name}", "MM1-A", "ZZZ-Z")
    same("/v1/operator/firms?name={name}", "MM1", "ZZZ")
    same("/v1/operator/statement?account={name}&asset=USD", "MM1-A", "ZZZ-Z")
    for preview in ("", "?preview=true"):
        same(f"{ACTS}/phase{preview}", "CUP", "ZZZ", {"market": "NAME", "phase": "paused"})
        same(f"{ACTS}/settle{preview}", "CUP", "ZZZ", {"market": "NAME", "payouts": {"CUP-A": "1.0000"}, **EVIDENCE})
        same(f"{ACTS}/settle{preview}", "CUP", "ZZZ", {"market": "NAME", "payouts": {"CUP-A": "0.123456789"}, **EVIDENCE})
        same(f"{ACTS}/bands{preview}", "CUP", "ZZZ", {"market": "NAME", "bands": [{"low": "0.01", "high": "0.99", "step": "0.01"}]})
        same(f"{ACTS}/reference{preview}", "CUP-A", "ZZZ-Z", {"contract": "NAME", "reference": "0.123456"})
        same(f"{ACTS}/transfer{preview}", "MM1-A", "ZZZ-Z", {"key": "W.k", "asset": "USD", "amount": "1", "target": "NAME"})
        same(f"{ACTS}/kill{preview}", "MM1", "ZZZ", {"level": "firm", "target": "NAME"})
        same(f"{ACTS}/close{preview}", "MM1", "ZZZ", {"kind": "firm", "name": "NAME", "reason": "x"})
        same(f"{ACTS}/restrict{preview}", "MM1", "ZZZ", {"market": "W.TIE", "firm": "NAME"})
    waits = anna.post(f"{ACTS}/approvals", json={"acts": []}).json()["pending_id"]
    for act in ("approve", "refuse"):
        hidden, missing = (willy.post(f"{ACTS}/{act}", json={"id": id}).json() for id in (waits, "987654"))
        for answer, id in ((hidden, waits), (missing, "987654")):
            assert (answer.pop("asked"), answer.pop("detail")) == (id, f"no act waits under {id}")
        assert hidden == missing
    assert willy.get("/v1/operator/pending").json() == {"pending": []}
    assert anna.post(f"{ACTS}/refuse", json={"id": waits}).json()["outcome"] == "done"


def test_two_persons(anna: httpx.Client, boris: httpx.Client, web: Web, tokens: dict[str, str]) -> None:
    kill = {"level": "venue", "target": "W", "on": False}
    assert anna.post(f"{ACTS}/kill", json=kill | {"on": True, "cancel": False}).json()["outcome"] == "done"
    assert anna.post(f"{ACTS}/kill?preview=true", json=kill).json()["waits"] is True
    waiting = anna.post(f"{ACTS}/kill", json=kill)
    assert (waiting.status_code, waiting.json()["outcome"]) == (202, "pending") and waiting.json()["expires_at"]
    (waits,) = anna.get("/v1/operator/pending").json()["pending"]
    assert waits["id"] == waiting.json()["pending_id"]
    assert (waits["act"], waits["type"], waits["proposed_by"], waits["expired"]) == ("kill_release", "kill", "principal:anna", False)
    assert waits["record"] == {"level": "venue", "target": "W", "on": False, "cancel": None}
    problem(anna.post(f"{ACTS}/approve", json={"id": waits["id"]}), 403, "own_act")
    with web.operator("sue", tokens) as sue:
        problem(sue.post(f"{ACTS}/approve", json={"id": waits["id"]}), 403, "not_authorised")
        assert [row["id"] for row in sue.get("/v1/operator/pending").json()["pending"]] == [waits["id"]], (
            "support sees what a customer waits for"
        )
        problem(sue.get("/v1/operator/statement?account=MM1-A&asset=USD"), 403, "not_authorised")
    done = boris.post(f"{ACTS}/approve", json={"id": waits["id"]})
    assert done.status_code == 200 and done.json()["outcome"] == "done"
    assert anna.get("/v1/operator/pending").json() == {"pending": []} and anna.get("/v1/operator/risk").json()["kills"] == []
    limit = {"withdrawals": {"USD": "100.00"}}
    assert anna.post(f"{ACTS}/approvals", json=limit).json()["outcome"] == "pending"
    (row,) = anna.get("/v1/operator/pending").json()["pending"]
    assert row["record"]["withdrawals"] == {"USD": "100.0000"} and row["record"]["expires"] == "1d"
    assert boris.post(f"{ACTS}/refuse", json={"id": row["id"], "note": "not now"}).json()["outcome"] == "done"


def test_money_with_a_key_that_the_ledger_remembers(anna: httpx.Client) -> None:
    key = f"bank {new_id()}"
    deposit = {"key": key, "asset": "USD", "amount": "12.50", "target": "MM3-A", "note": "wire 4711"}
    preview = anna.post(f"{ACTS}/transfer?preview=true", json=deposit).json()
    assert preview["outcome"] == "preview" and "12.5000 USD" in preview["text"]
    first = anna.post(f"{ACTS}/transfer", json=deposit).json()
    again = anna.post(f"{ACTS}/transfer", json=deposit).json()
    assert (first["outcome"], again["outcome"]) == ("done", "done_before")
    found = problem(anna.post(f"{ACTS}/transfer", json=deposit | {"amount": "13.00"}), 409, "idempotency")
    assert found["at"] == "$.key"
    for amount, at in (("1.23456", "$.amount"), ("x", "$.amount")):
        assert problem(anna.post(f"{ACTS}/transfer", json=deposit | {"amount": amount}), 400, "wire_field")["at"] == at
    problem(anna.post(f"{ACTS}/transfer", json=deposit | {"asset": "EUR"}), 404, "unknown_asset")
    held = anna.post(f"{ACTS}/hold", json={"key": f"hold {new_id()}", "account": "MM3-A", "asset": "USD", "amount": "2.50"}).json()
    (row,) = anna.get("/v1/operator/accounts?name=MM3-A").json()["accounts"]
    assert [one["id"] for one in row["holds"]] == [held["result"]["hold"]] and row["balances"][0]["on_hold"] == "2.5000"
    too_much = anna.post(
        f"{ACTS}/withdraw_request", json={"key": f"out {new_id()}", "account": "MM3-A", "asset": "USD", "amount": "99999999.00"}
    )
    assert "is on hold" in problem(too_much, 422, "withdraw_too_much")["detail"]
    assert anna.post(f"{ACTS}/release", json={"key": f"free {new_id()}", "hold": held["result"]["hold"]}).json()["outcome"] == "done"
    ledger = anna.get("/v1/operator/statement?account=MM3-A&asset=USD").json()
    entry = next(one for one in ledger["entries"] if one["details"].get("key") == key)
    assert (entry["kind"], entry["amount"], entry["details"]["note"]) == ("deposit", "12.5000", "wire 4711")
    out = {"key": f"out {new_id()}", "account": "MM3-A", "asset": "USD", "amount": "12.50"}
    number = anna.post(f"{ACTS}/withdraw_request", json=out).json()["result"]["withdrawal"]
    paid = anna.post(f"{ACTS}/withdraw_settle", json={"key": f"paid {new_id()}", "withdrawal": number, "note": "wire 4712"}).json()
    assert paid["outcome"] == "done"


def test_a_whole_life_of_a_market(willy: httpx.Client, anna: httpx.Client) -> None:
    made = {
        "market": "W.Q1", "title": "A question", "product": "exactly", "winners": 1, "venue": "W", "asset": "USD", "payout": "1.0000",
        "contracts": [{"contract": "W.Q1-YES", "outcome": "Yes"}, {"contract": "W.Q1-NO", "outcome": "No"}], "max_quantity": "1000", "max_position": "5000",
        "bands": [{"low": "0.0100", "high": "0.9900", "step": "0.0100"}], "fees": {"model": "quadratic", "taker_bps": 10}, "challenge_window": "0s",
        "rules": "It is decided.", "source": "the referee", "auto_finalise": False, "close_at": "2099-01-01T00:00:00.000000000Z",
        "cut_off": "none", "exhaustive": "Yes or no", "void": {"who": "the venue", "trigger": "no answer"},
    }  # fmt: skip
    created = willy.post(f"{ACTS}/market", json=made)
    assert created.status_code == 200, created.text
    definition = willy.get("/v1/operator/markets/W.Q1/definition").json()["definition"]
    assert definition | made | {"bands": [], "contracts": [], "void": None, "fees": None} == definition | {
        "bands": [], "contracts": [], "void": None, "fees": None,
    }  # fmt: skip
    assert definition["bands"] == made["bands"] and definition["lot"] == "1" and definition["fees"]["taker_bps"] == 10
    assert willy.post(f"{ACTS}/market", json=definition).json()["outcome"] == "unchanged"
    bands = {"market": "W.Q1", "bands": [{"low": "0.0010", "high": "0.9990", "step": "0.0010"}]}
    assert willy.post(f"{ACTS}/bands", json=bands).json()["outcome"] == "done"
    at = {"at": "2098-01-01T00:00:00Z", "act": {"phase": {"market": "W.Q1", "phase": "paused"}}, "note": "a pause"}
    assert willy.post(f"{ACTS}/schedule", json=at).json()["outcome"] == "done"
    rows = willy.get("/v1/operator/schedule?market=W.Q1").json()["schedule"]
    (row,) = [one for one in rows if one["note"] == "a pause"]
    assert (row["type"], row["record"]) == ("phase", {"market": "W.Q1", "phase": "paused"}) and row[
        "at"
    ] == "2098-01-01T00:00:00.000000000Z"
    assert willy.post(f"{ACTS}/schedule_cancel", json={"id": row["id"]}).json()["outcome"] == "done"
    for phase in ("open", "closed"):
        assert willy.post(f"{ACTS}/phase", json={"market": "W.Q1", "phase": phase}).status_code == 200
    result = {"market": "W.Q1", "payouts": {"W.Q1-YES": "1.0000"}, **EVIDENCE}
    found = problem(willy.post(f"{ACTS}/determine", json=result | {"payouts": {"W.Q1-PERHAPS": "1"}}), 400, "wire_field")
    assert found["at"] == "$.payouts.W.Q1-PERHAPS"
    assert willy.post(f"{ACTS}/determine?preview=true", json=result).json()["outcome"] == "preview"
    assert willy.post(f"{ACTS}/determine", json=result).json()["outcome"] == "done"
    now = willy.get("/v1/operator/markets/W.Q1").json()
    assert now["phase"] == "determined" and now["versions"][0]["payouts"][0] == {"contract": "W.Q1-YES", "payout": "1.0000"}
    assert willy.post(f"{ACTS}/finalise", json={"market": "W.Q1"}).json()["outcome"] == "done"
    assert willy.get("/v1/operator/markets/W.Q1").json()["phase"] == "final"


def test_firms_accounts_logins_and_keys_are_made_and_listed(willy: httpx.Client) -> None:
    for act, body in (
        ("firm", {"name": "W.F1", "venue": "W", "title": "A firm"}),
        ("account", {"name": "W.F1-A", "firm": "W.F1", "venue": "W"}),
        ("session", {"name": "W.F1-S", "wire": "binary", "firm": "W.F1", "venue": "W", "account": "W.F1-A", "key": "W.F1-S"}),
    ):
        done = willy.post(f"{ACTS}/{act}", json=body)
        assert done.status_code == 200 and done.json()["outcome"] == "done", done.text
        assert willy.post(f"{ACTS}/{act}", json=body).json()["outcome"] == "unchanged"
    key = {
        "id": "W.F1-K",
        "holder": "session",
        "name": "W.F1-S",
        "kind": "scram",
        "scopes": ["trade", "read"],
        "until": "2099-01-01T00:00:00Z",
    }
    made = willy.post(f"{ACTS}/key", json=key, headers={"Idempotency-Key": "k1"})
    assert made.json()["secret"].startswith(credentials.SECRET_PREFIX)
    assert willy.post(f"{ACTS}/key", json=key, headers={"Idempotency-Key": "k1"}).content == made.content
    problem(willy.post(f"{ACTS}/key", json=key | {"title": "x"}, headers={"Idempotency-Key": "k1"}), 409, "key_reused")
    assert willy.post(f"{ACTS}/key", json=key).json()["secret"] is None, "its secret stays as it is, and is not told again"
    firms = willy.get("/v1/operator/firms").json()["firms"]
    (row,) = [one for one in firms if one["firm"] == "W.F1"]
    assert (row["accounts"], row["sessions"], row["definition"]["title"]) == (1, 1, "A firm")
    assert all(one["definition"]["venue"] == "W" for one in firms)
    (row,) = willy.get("/v1/operator/keys?holder=session&name=W.F1-S").json()["keys"]
    assert row["key"] == "W.F1-K" and row["until"] == "2099-01-01T00:00:00.000000000Z" and row["public_key"] == ""
    (row,) = willy.get("/v1/operator/sessions?name=W.F1-S").json()["sessions"]
    assert row["definition"]["account"] == "W.F1-A" and "verifier" not in row["definition"]
    found = problem(willy.post(f"{ACTS}/firm", json={"name": "F9", "venue": "W"}), 422, "foreign_name")
    assert found["at"] == "$.name"


def test_lists_are_paged(anna: httpx.Client) -> None:
    for noun, name in (("firms", "firm"), ("accounts", "account"), ("sessions", "session"), ("assets", "asset"), ("markets", "market")):
        whole, cursor, seen = anna.get(f"/v1/operator/{noun}").json()[noun], "", []
        while cursor is not None:
            page = anna.get(f"/v1/operator/{noun}?limit=2&cursor={cursor}").json()
            seen += page[noun]
            cursor = page["next_cursor"]
        assert seen == whole and len({row[name] for row in seen}) == len(seen) >= 1
    for noun in ("venues", "listings", "keys", "rules", "tags", "principals", "schedule", "series"):
        assert anna.get(f"/v1/operator/{noun}").status_code == 200, noun


def test_everybody_of_a_principal_whose_key_is_revoked_is_out(web: Web, anna: httpx.Client) -> None:
    key = {"id": "sue-2", "holder": "principal", "name": "sue", "kind": "token"}
    token = anna.post(f"{ACTS}/key", json=key).json()["secret"]
    with web.api() as api:
        answer = api.post("/v1/sessions", json={"principal": "sue", "key_id": "sue-2", "token": token, "cookie": True})
        csrf = answer.json()["csrf_token"]
        assert answer.status_code == 201 and api.get("/v1/operator").json()["principal"] == "sue"
        refused = api.post(f"{ACTS}/phase", json={"market": "CUP", "phase": "paused"})
        assert problem(refused, 403, "csrf")["at"] == "X-CSRF-Token"
        allowed = api.post(f"{ACTS}/phase", json={"market": "CUP", "phase": "paused"}, headers={"X-CSRF-Token": csrf})
        assert "support" in problem(allowed, 403, "not_authorised")["detail"]
        assert anna.post(f"{ACTS}/key_revoke", json={"id": "sue-2", "reason": "lost"}).json()["outcome"] == "done"
        wait_until(lambda: api.get("/v1/operator").status_code == 401)


def test_a_venues_backend_signs_up_a_user_all_or_nothing(web: Web, tokens: dict[str, str], exchange: ServerProcess) -> None:
    with web.operator("willy", tokens) as willy:
        history = exchange.ask("revisions").result["revision"]
        user = {"user": "W.U1", "venue": "W", "title": "A user", "deposit": {"key": "W.first-1", "asset": "USD", "amount": "25.00"}}
        problem(willy.post("/v1/operator/users", json=user | {"deposit": user["deposit"] | {"amount": "1.23456"}}), 400, "wire_field")  # type: ignore[operator]
        named = willy.post("/v1/operator/users", json=user | {"deposit": user["deposit"] | {"key": "first-1"}})  # type: ignore[operator]
        assert problem(named, 422, "foreign_name")["at"] == "$.deposit.key"
        assert [row for row in willy.get("/v1/operator/firms").json()["firms"] if row["firm"] == "W.U1"] == [], "nothing of it was done"
        made = willy.post("/v1/operator/users", json=user)
        assert made.status_code == 201, made.text
        about = made.json()
        assert (about["account"], about["login"], about["outcome"]) == ("W.U1-A", "W.U1", "done") and about["secret"].startswith(
            "exos_secret_"
        )
        again = willy.post("/v1/operator/users", json=user)
        assert (again.status_code, again.json()["outcome"], again.json()["secret"]) == (200, "unchanged", None)
        assert (
            problem(willy.post("/v1/operator/users", json=user | {"title": "B"}), 422, "bad_definition")["detail"]
            == "firm W.U1 exists with other title"
        )
        other = user["deposit"] | {"amount": "26.00"}  # type: ignore[operator]
        assert problem(willy.post("/v1/operator/users", json=user | {"deposit": other}), 409, "idempotency")["at"] == "$.deposit.key"
        assert problem(willy.post("/v1/operator/users", json=user | {"user": "U2"}), 422, "foreign_name")["at"] == "$.user"
        assert exchange.ask("revisions").result["revision"] == history, "a plan that was made before is still good"
        with web.api() as api:
            log_on = {"login": "W.U1", "key_id": about["key_id"], "secret": about["secret"]}
            session = api.post("/v1/sessions", json=log_on)
            assert session.status_code == 201, session.text
        with web.api(session.json()["token"]) as theirs:
            (row,) = theirs.get("/v1/balances").json()["balances"]
            assert (row["account"], row["available"]) == ("W.U1-A", "25.0000")
            close = {"reason": "asked for it"}
            found = problem(willy.post("/v1/operator/users/W.U1/close", json=close), 409, "not_empty")
            assert "25.0000 USD" in found["detail"] and theirs.get("/v1/balances").status_code == 200, "nothing was closed"
            out = {"key": "W.out-1", "account": "W.U1-A", "asset": "USD", "amount": "25.00"}
            number = willy.post(f"{ACTS}/withdraw_request", json=out).json()["result"]["withdrawal"]
            assert willy.post(f"{ACTS}/withdraw_settle", json={"key": "W.paid-1", "withdrawal": number}).json()["outcome"] == "done"
            closed = willy.post("/v1/operator/users/W.U1/close", json=close)
            assert closed.status_code == 200 and len(closed.json()["closed"]) == 3, closed.text
            assert willy.post("/v1/operator/users/W.U1/close", json=close).json()["closed"] == []
        (row,) = willy.get("/v1/operator/firms?name=W.U1").json()["firms"]
        assert row["closed"] == "asked for it"
        without = {"user": "W.U2", "venue": "W", "login": False}
        assert willy.post("/v1/operator/users", json=without).json()["login"] is None
        one, two = (
            willy.post(f"/v1/operator/users/{name}/close", json=close).content.replace(name.encode(), b"N") for name in ("MM1", "ZZZ")
        )
        assert one == two


def test_a_budget_is_set_and_shown_to_its_client(anna: httpx.Client, boris: httpx.Client, mm1: httpx.Client, mm2: httpx.Client) -> None:
    budget = {"session": "MM1", "asset": "USD", "max_loss": "500.00", "max_cost": "50000.00"}
    assert anna.post(f"{ACTS}/budget", json=budget).json()["outcome"] == "done"
    assert anna.post(f"{ACTS}/budget", json={"session": "MM1", "max_loss_per_day": "100.00"}).json()["outcome"] == "done", (
        "in the asset that it has"
    )
    (shown,) = mm1.get("/v1/budget").json()["budgets"]
    assert (shown["session"], shown["account"], shown["max_cost"], shown["loss"]["limit"]) == ("MM1", "MM1-A", "50000.0000", "500.0000")
    assert shown["loss_per_day"]["left"] == "100.0000" and mm2.get("/v1/budget").json()["budgets"] == []
    assert anna.get("/v1/operator/budgets").json()["budgets"] == [shown]
    waits = anna.post(f"{ACTS}/budget_clear", json={"session": "MM1"}).json()
    assert waits["outcome"] == "pending"
    assert boris.post(f"{ACTS}/approve", json={"id": waits["pending_id"]}).json()["outcome"] == "done"
    assert mm1.get("/v1/budget").json()["budgets"] == []
