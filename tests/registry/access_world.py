"""Two venues with everything of their own, and principals with roles at one of them."""

from typing import Any

import msgspec

from config import admin_records as ar
from exchange_server.registry import AdminAnswer
from protocol import codes
from tests.registry.test_registry import FINAL, LOGIN, RESULT, World, change

VENUE_ROLES = ("venue_operator", "market_creator", "resolver", "arbiter", "risk_officer", "treasurer", "auditor", "support")
PLATFORM: tuple[Any, ...] = (ar.DefineAsset(name="USD", decimals=4), ar.DefineAsset(name="BTC", decimals=8))


def market(venue: str, **fields: Any) -> ar.DefineMarket:
    made: ar.DefineMarket = change(
        FINAL,
        event=f"{venue}.CUP",
        owner_venue=venue,
        contracts=(ar.Contract(symbol=f"{venue}.CUP-A"), ar.Contract(symbol=f"{venue}.CUP-B")),
        **fields,
    )
    return made


def of_venue(venue: str) -> tuple[Any, ...]:
    """A venue with one of each kind of thing, all named after it, and the operator `<venue>.op` with every role there."""
    operator = f"{venue}.op"
    return (
        ar.DefineVenue(name=venue),
        ar.DefineFirm(name=f"{venue}.F", venue=venue),
        ar.DefineAccount(name=f"{venue}.A", firm=f"{venue}.F"),
        ar.DefineAccount(name=f"{venue}.B", firm=f"{venue}.F"),
        change(LOGIN, name=f"{venue}.S", firm=f"{venue}.F", account="", peer_comp_id=f"{venue}.S"),
        market(venue),
        ar.DefineSeries(name=f"{venue}.CS", owner_venue=venue),
        ar.DefineKey(id=f"{venue}.k", holder="session", name=f"{venue}.S", kind="ed25519", verifier="cd" * 32, scopes=("read",)),
        ar.DefinePrincipal(name=operator, venue=venue),
        *(ar.Grant(principal=operator, role=role, scope=f"venue:{venue}") for role in VENUE_ROLES),
    )


def void_of(event: str) -> ar.Void:
    fields = {name: getattr(RESULT, name) for name in RESULT.__struct_fields__ if name != "payouts"}
    return ar.Void(**{**fields, "event": event, "reason": "abandoned"})


def one_of(event: str, symbol: str, payout: int = 0) -> ar.DetermineOne:
    fields = {name: getattr(RESULT, name) for name in RESULT.__struct_fields__ if name != "payouts"}
    return ar.DetermineOne(**{**fields, "event": event, "symbol": symbol, "payout": payout})


def record_of(venue: str) -> dict[str, Any]:
    """By tag: a record that `<venue>.op` may send, and that is carried out or refused for a reason of its own."""
    return {
        "firm": ar.DefineFirm(name=f"{venue}.F2", venue=venue),
        "account": ar.DefineAccount(name=f"{venue}.A2", firm=f"{venue}.F", venue=venue),
        "session": change(LOGIN, name=f"{venue}.S2", firm=f"{venue}.F", account=f"{venue}.A", peer_comp_id=f"{venue}.S2", venue=venue),
        "market": change(market(venue), event=f"{venue}.M2", sharing="shared", admits=(), contracts=(ar.Contract(symbol=f"{venue}.M2-A"), ar.Contract(symbol=f"{venue}.M2-B"))),
        "listing": ar.DefineListing(venue=venue, event=f"{venue}.CUP", fees=FINAL.fees),
        "bands": ar.SetBands(event=f"{venue}.CUP", bands=(ar.Band(low=5, high=95, step=5),)),
        "add_outcome": ar.AddOutcome(event=f"{venue}.CUP", contract=ar.Contract(symbol=f"{venue}.CUP-C")),
        "split_outcome": ar.SplitOutcome(event=f"{venue}.CUP", source=f"{venue}.CUP-A", contract=ar.Contract(symbol=f"{venue}.CUP-C")),
        "transfer": ar.Transfer(key=f"{venue}.k", asset="USD", amount=5, source=f"{venue}.A", target=f"{venue}.B"),
        "hold": ar.Hold(key=f"{venue}.h", account=f"{venue}.A", asset="USD", amount=5),
        "release": ar.Release(key=f"{venue}.r", hold=1),
        "withdraw_request": ar.RequestWithdrawal(key=f"{venue}.q", account=f"{venue}.B", asset="USD", amount=5),
        "withdraw_settle": ar.SettleWithdrawal(key=f"{venue}.s", withdrawal=2),
        "withdraw_cancel": ar.CancelWithdrawal(key=f"{venue}.c", withdrawal=2),
        "close": ar.Close(kind="account", name=f"{venue}.B", reason="left"),
        "hold_expire": ar.ExpireHold(hold=1),
        "phase": ar.SetPhase(event=f"{venue}.CUP", phase="open"),
        "determine": change(RESULT, event=f"{venue}.CUP", payouts=(0, 100)),
        "finalise": ar.Finalise(event=f"{venue}.CUP"),
        "determine_one": one_of(f"{venue}.CUP", f"{venue}.CUP-A"),
        "finalise_one": ar.FinaliseOne(event=f"{venue}.CUP", symbol=f"{venue}.CUP-A"),
        "withdraw_one": ar.WithdrawOne(event=f"{venue}.CUP", symbol=f"{venue}.CUP-A"),
        "settle": ar.Settle(**{**msgspec.structs.asdict(RESULT), "event": f"{venue}.CUP", "payouts": (0, 100)}),
        "bond": ar.Bond(venue=venue),
        "bust": ar.Bust(trade=5, reason="wrong", event=f"{venue}.CUP"),
        "recover": ar.Recover(event=f"{venue}.CUP"),
        "dispute": ar.Dispute(event=f"{venue}.CUP", firm=f"{venue}.F", reason="wrong"),
        "uphold": ar.Uphold(event=f"{venue}.CUP"),
        "correct": ar.Correct(**{**msgspec.structs.asdict(RESULT), "event": f"{venue}.CUP", "payouts": (0, 100)}),
        "void": void_of(f"{venue}.CUP"),
        "kill": ar.Kill(level="firm", target=f"{venue}.F"),
        "restrict": ar.Restrict(event=f"{venue}.CUP", firm=f"{venue}.F"),
        "reference": ar.SetReference(symbol=f"{venue}.CUP-A", reference=5),
        "schedule": ar.Schedule(at_ns=10**18, act=ar.SetPhase(event=f"{venue}.CUP", phase="open")),
        "schedule_cancel": ar.CancelSchedule(id=1),
        "run_due": ar.RunDue(id=1),
        "series": ar.DefineSeries(name=f"{venue}.CS", owner_venue=venue),
        "series_close": ar.CloseSeries(name=f"{venue}.CS", reason="over"),
        "overdue": ar.MarkOverdue(event=f"{venue}.CUP"),
        "firm_tags": ar.FirmTags(firm=f"{venue}.F", jurisdictions=("DE",)),
        "access_rule": ar.AccessRule(rule="no-us", venue=venue, effect="deny", jurisdiction_in=("US",)),
        "access_rule_remove": ar.RemoveAccessRule(rule="no-us", event=f"{venue}.CUP"),
        "quota": ar.Quota(venue=venue, sessions=5),
        "freeze": ar.Freeze(venue=venue, level="cancel_only"),
        "budget": ar.Budget(session=f"{venue}.S", asset="USD", max_loss=5),
        "budget_clear": ar.ClearBudget(session=f"{venue}.S"),
        "principal": ar.DefinePrincipal(name=f"{venue}.p2", venue=venue),
        "key": ar.DefineKey(id=f"{venue}.k2", holder="session", name=f"{venue}.S", kind="ed25519", verifier="ab" * 32, scopes=("trade",)),
        "key_revoke": ar.RevokeKey(id=f"{venue}.k"),
        "grant": ar.Grant(principal=f"{venue}.op", role="support", scope=f"series:{venue}/{venue}.C"),
        "revoke": ar.Revoke(principal=f"{venue}.op", role="support", scope=f"venue:{venue}"),
        "configuration": ar.Configuration(name="c.toml", records=(ar.DefineFirm(name=f"{venue}.F3", venue=venue),)),
        "approve": ar.Approve(id=1),
        "refuse": ar.Refuse(id=1),
        "asset": ar.DefineAsset(name="EUR", decimals=2),
        "venue": ar.DefineVenue(name="V9"),
        "opening": ar.Opening(venue="V9", digest="ab" * 32),
        "begin": ar.Begin(name="x"),
        "clock_accept": ar.AcceptClock(),
        "approvals": ar.Approvals(expires_ns=5),
    }  # fmt: skip


class Venues(World):
    """A world in which principals ask."""

    def __init__(self, *venues: str) -> None:
        super().__init__()
        self.must(*PLATFORM)
        for venue in venues:
            self.must(*of_venue(venue))

    def ask(self, who: str, record: Any) -> AdminAnswer:
        """`who`: a principal's name, or `uid:N`."""
        answer: AdminAnswer = self.do(record, who if ":" in who else f"principal:{who}")
        return answer

    def good(self, who: str, *records: Any) -> AdminAnswer:
        for record in records:
            answer = self.ask(who, record)
            assert answer.ok, answer.text
        return answer

    def refused(self, who: str, record: Any, code: int) -> str:
        before = self.registry.to_bytes()
        answer = self.ask(who, record)
        assert not answer.ok and answer.code == code, answer
        assert self.registry.to_bytes() == before and self.engine.seen == []
        return answer.text

    def holder(self, name: str, *grants: tuple[str, str], until_ns: int = 0) -> str:
        """A principal of the platform with (role, scope) grants."""
        self.must(ar.DefinePrincipal(name=name))
        for role, scope in grants:
            self.must(ar.Grant(principal=name, role=role, scope=scope, until_ns=until_ns))
        return name


def authorised(answer: AdminAnswer) -> bool:
    """Was the record judged by more than who sent it?"""
    return answer.code not in (codes.R_NOT_AUTHORISED, codes.R_FOREIGN_NAME, codes.R_GRANT_BEYOND)
